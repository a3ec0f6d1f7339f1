"""``python -m tests.unit.stores.make VERSION COMMIT``: have the hpm of a commit make a store, for `test_upgrades`.

That hpm manages a simulated host, is told what this version of the schema can keep, and is killed: so there is a
journal. Its write-ahead log is brought into the file, which is kept compressed. For a new step of
`store.database.STEPS`, make one with the last commit before it.
"""

from __future__ import annotations

import gzip
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from tests.lab.errors import wait_until

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
POLICY = {
    "name": "weekday", "importance": "high", "service-classes": [
        {"name": "app", "goal": {"type": "velocity", "velocity": "fast"}, "classification": {
            "type": "filter", "filter-type": "virtual-server-name", "operation": "string-match", "value": "*1"}},
        {"name": "rest", "goal": {"type": "discretionary"}},
    ],
}  # fmt: skip
#: What the command line is told, and from which version of the schema on.
WORDS = (
    (1, "wrg-create Gold"),
    (1, "wrg-add-vs Gold web1"),
    (1, "vs-update web1 --cap 0.5"),
    (1, "policy-create Gold --file {policy}"),
    (1, "policy-activate Gold weekday"),
    (3, "token-create backup"),
    (4, "partition-define /machine/gold"),
    (5, "vs-stop batch2"),
    (1, "config --cpu-mgmt on"),
)


def program(commit: str, source: Path) -> tuple[list[str], dict[str, str]]:
    """How the hpm of a commit is run, without its words, and in which environment. Its code goes to `source`, which is
    not there yet."""
    source.mkdir()
    tar = subprocess.run(["git", "archive", commit, "src"], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
    subprocess.run(["tar", "-x", "-C", str(source)], input=tar, check=True)
    (source / "src/wok/plugins/hpm/__init__.py").touch()    # without one, the hpm of this checkout would win
    environment = {**os.environ, "PYTHONPATH": str(source / "src/wok/plugins")}
    return [sys.executable, "-c", "from hpm.cli.main import main; main()"], environment


def make(version: int, commit: str) -> None:
    """Make the file of that version."""
    with tempfile.TemporaryDirectory() as base:
        source, state, socket = Path(base) / "source", Path(base) / "state", Path(base) / "s"
        command, environment = program(commit, source)
        policy = Path(base) / "policy.json"
        policy.write_text(json.dumps(POLICY))
        options = ["--connect", "simulated", "--state-dir", str(state), "--socket", str(socket), "--interval", "1"]
        if version >= 3:
            options.append("--no-web")
        served = subprocess.Popen([*command, "serve", *options], env=environment, cwd=base)
        try:
            wait_until(socket.exists, 60.0, "it serves")
            for since, words in WORDS:
                if version >= since:
                    said = words.format(policy=policy).split()
                    subprocess.run([*command, "--socket", str(socket), *said], env=environment, cwd=base, check=True)
            wait_until(lambda: _journalled(state / "hpm.db"), 60.0, "it has journalled what it changes")
        finally:
            served.kill()
            served.wait()
        with closing(sqlite3.connect(state / "hpm.db")) as connection:
            found = connection.execute("PRAGMA user_version").fetchone()
            assert found == (version,), found
            connection.execute("PRAGMA journal_mode=DELETE")
            connection.execute("VACUUM")
        content = (state / "hpm.db").read_bytes()
        (HERE / f"schema-{version}.db.gz").write_bytes(gzip.compress(content, mtime=0))


def _journalled(store: Path) -> bool:
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        return bool(connection.execute("SELECT count(*) FROM journal").fetchone()[0])


if __name__ == "__main__":
    make(int(sys.argv[1]), sys.argv[2])
