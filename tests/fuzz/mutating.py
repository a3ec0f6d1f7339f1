"""How an input becomes another one: as a text of words and brackets, not of bytes.

Of bytes that are changed here and there nearly all are refused by the first line of a parser. So words change places,
whole brackets and elements are taken out, doubled or put within each other, and words come in that the parser knows.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from typing import Final

_TOKENS: Final = re.compile(
    rb"""</?[A-Za-z_:][\w:.-]*|/?>|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[A-Za-z_][\w-]*|-?[0-9]+(?:\.[0-9]+)?|\s+|.""",
    re.DOTALL,
)
_OPENING: Final = {b"(": b")", b"[": b"]", b"{": b"}"}

#: Numbers and texts at which programs stumble.
ODD: Final = (b"\x00", b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\x1b[2J", *(word.encode() for word in (
    "0", "-1", "1", "255", "4096", "65536", "2147483648", "9223372036854775807", "9223372036854775808",
    "18446744073709551616", "-9223372036854775809", "1e308", "1e999", "-0.0", "0.1", "1e-320", "NaN", "Infinity",
    "null", "true", "false", "", " ", "\n", "\t", "\r\n", "٣", "²", "½", "é", "\u2028", "𐍈", "%", "%s", "%00", "../..",
    "*", "?", "\\", '"', "'", "&lt;", "&#0;", "&#x110000;", "--", ".", "..", "/", "default",
)))  # fmt: skip

Mutator = Callable[[bytes, int, int], bytes]


def mutator(words: Sequence[bytes], plain: Callable[[bytes, int], bytes]) -> Mutator:
    """Gives what libFuzzer takes as a custom mutator. `plain` is its own one."""
    known = [*words, *ODD]

    def mutate(data: bytes, longest: int, seed: int) -> bytes:
        rng = random.Random(seed)
        if not data or rng.random() < 0.25:
            return plain(data, longest)
        tokens = _TOKENS.findall(data)
        for _ in range(rng.choice((1, 1, 1, 2, 3, 5))):
            if tokens and sum(map(len, tokens)) <= longest:    # or a word made longer five times is a gigabyte
                rng.choice(_WAYS)(rng, tokens, known)
        return b"".join(tokens)[:longest]

    return mutate


def _span(rng: random.Random, tokens: list[bytes]) -> tuple[int, int]:
    """A piece: what stands in brackets or is an element, or some tokens."""
    begin = rng.randrange(len(tokens))
    first = tokens[begin]
    if first in _OPENING:
        depth, closing = 0, _OPENING[first]
        for end in range(begin, len(tokens)):
            depth += (tokens[end] == first) - (tokens[end] == closing)
            if not depth:
                return begin, end + 1
    if first[:1] == b"<" and first[1:2] not in (b"/", b""):
        depth, closing = 0, b"</" + first[1:]
        for end in range(begin, len(tokens)):
            depth += (tokens[end] == first) - (tokens[end] == closing)
            if not depth or (depth == 1 and tokens[end] == b"/>"):
                return begin, min(len(tokens), end + 2 if tokens[end] == closing else end + 1)
    return begin, min(len(tokens), begin + rng.choice((1, 1, 2, 3, 8)))


def _drop(rng: random.Random, tokens: list[bytes], _known: Sequence[bytes]) -> None:
    begin, end = _span(rng, tokens)
    del tokens[begin:end]


def _copy(rng: random.Random, tokens: list[bytes], _known: Sequence[bytes]) -> None:
    begin, end = _span(rng, tokens)
    at = rng.choice((begin, end, rng.randrange(len(tokens) + 1)))
    tokens[at:at] = tokens[begin:end] * rng.choice((1, 1, 1, 2, 20))


def _move(rng: random.Random, tokens: list[bytes], _known: Sequence[bytes]) -> None:
    begin, end = _span(rng, tokens)
    taken = tokens[begin:end]
    del tokens[begin:end]
    at = rng.randrange(len(tokens) + 1)
    tokens[at:at] = taken


def _put(rng: random.Random, tokens: list[bytes], known: Sequence[bytes]) -> None:
    tokens.insert(rng.randrange(len(tokens) + 1), rng.choice(known))


def _change(rng: random.Random, tokens: list[bytes], known: Sequence[bytes]) -> None:
    at = rng.randrange(len(tokens))
    was, word = tokens[at], rng.choice(known)
    quoted = len(was) > 1 and was[:1] in b"\"'" and word[:1] != was[:1]
    tokens[at] = was[:1] + word + was[:1] if quoted else word


def _alike(rng: random.Random, tokens: list[bytes], _known: Sequence[bytes]) -> None:
    """One token becomes as another one is."""
    tokens[rng.randrange(len(tokens))] = rng.choice(tokens)


def _long(rng: random.Random, tokens: list[bytes], _known: Sequence[bytes]) -> None:
    at = rng.randrange(len(tokens))
    tokens[at] = tokens[at] * rng.choice((2, 20, 300))


_WAYS: Final = (_drop, _copy, _move, _put, _put, _change, _change, _change, _alike, _alike, _long)
