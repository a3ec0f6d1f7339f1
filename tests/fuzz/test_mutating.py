"""How inputs become others costs little, whatever they are: a fuzzer is ended for what takes a gigabyte."""

from __future__ import annotations

import tracemalloc

from .mutating import mutator

LONGEST = 4096


def test_no_word_grows_beyond_all_bounds_before_it_is_cut() -> None:
    mutate = mutator((b"words",), lambda data, longest: data[:longest])
    tracemalloc.start()
    try:
        for seed in range(3000):
            assert len(mutate(b"a" * LONGEST, LONGEST, seed)) <= LONGEST
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 20_000_000
