"""``python -m tests.unit.stores.earlier COMMIT…``: the hpm of each of these commits is started on a store of now, and
has to refuse it and to leave it as it was. Without commits: the last one of each earlier version of the schema.
"""

from __future__ import annotations

import gzip
import subprocess
import sys
import tempfile
from pathlib import Path

from hpm.store.database import STEPS

from .make import HERE, program

#: The last commit before each step of `store.database.STEPS` but the first.
LAST = ("b328414^", "3594d48^", "5881b06^", "8a05d73^")
#: Of a file of SQLite, which says whether it has a log.
HEADER = 100


def refused(commit: str, base: Path) -> str:
    """What the hpm of that commit says of it. Raises `AssertionError`."""
    state = base / "state"
    state.mkdir(mode=0o700)
    store = state / "hpm.db"
    content = gzip.decompress((HERE / f"schema-{len(STEPS)}.db.gz").read_bytes())
    store.write_bytes(content)
    command, environment = program(commit, base / "source")
    options = ["--connect", "simulated", "--state-dir", str(state), "--socket", str(base / "s")]
    done = subprocess.run([*command, "serve", *options], env=environment, cwd=base, capture_output=True, text=True,
                          timeout=60)    # fmt: skip
    said = done.stderr.strip().replace(str(store), store.name)
    assert done.returncode == 1 and "was written by a newer hpm" in said, said
    assert store.read_bytes()[HEADER:] == content[HEADER:]
    assert {path.name for path in state.iterdir()} <= {store.name, "lock"}
    return said


def main() -> None:
    """A line for each."""
    for commit in sys.argv[1:] or LAST:
        with tempfile.TemporaryDirectory() as base:
            print(f"{commit}: {refused(commit, Path(base))}", flush=True)


if __name__ == "__main__":
    main()
