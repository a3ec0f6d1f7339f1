"""`hpm mom-check` and `hpm mom-eval`: what they print, and where they refuse."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hpm.cli.main import cli

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples/mom"
STATE: dict[str, Any] = {
    "host": {"properties": {"interval": 10}, "history": [{"mem_free": 100}, {"mem_free": 300}]},
    "guests": {"db": {"history": [{"balloon_cur": 1000}]}, "web": {"properties": {"name": "shop"}, "history": []}},
}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "state.json").write_text(json.dumps(STATE))
    return tmp_path


def run(*args: object, **more: Any) -> Result:
    return CliRunner(env={"COLUMNS": None}).invoke(cli, [str(arg) for arg in args], **more)


def evaluated(files: Path, text: str, *options: str) -> Any:
    (files / "try.policy").write_text(text)
    result = run("mom-eval", files / "try.policy", "--state", files / "state.json", "--json", *options)
    assert result.exit_code == 0 and result.stderr == "", result.output
    assert result.stdout.count("\n") == 1
    return json.loads(result.stdout)


def test_check_says_what_is_in_each_file() -> None:
    result = run("mom-check", *sorted(EXAMPLES.glob("*.policy")))
    assert result.exit_code == 0
    assert f"{EXAMPLES}/20-balloon.policy: 14 expressions, 7 functions\n" in result.stdout


def test_check_shows_the_line_and_the_place(tmp_path: Path) -> None:
    bad, good = tmp_path / "bad.policy", tmp_path / "good.policy"
    bad.write_text("(def f (a)\n\t(if a 010 2))\n")
    good.write_text("1")
    result = run("mom-check", bad, good)
    assert result.exit_code == 1 and result.stdout == f"{good}: 1 expression, 0 functions\n"
    assert result.stderr == (
        f"{bad}:2:8: '010' begins with 0; write 10, or 0o10 for an octal number\n"
        "     (if a 010 2))\n"
        "           ^\n"
    )


def test_check_shows_part_of_a_long_line(tmp_path: Path) -> None:
    bad = tmp_path / "bad.policy"
    bad.write_text("1 " * 200 + "; " + "2 " * 200)
    shown, caret = run("mom-check", bad).stderr.splitlines()[1:]
    assert len(shown) < 110 and shown[caret.index("^")] == ";"


def test_check_refuses_what_is_no_text_or_not_there_or_too_large(tmp_path: Path) -> None:
    bad = tmp_path / "bad.policy"
    bad.write_bytes(b"(+ 1\n  \xff)")
    assert "bad.policy:2:3: this is not UTF-8" in run("mom-check", bad).stderr
    bad.write_bytes(b"1 " * (5 << 20))
    assert "larger than 1048576 bytes" in run("mom-check", bad).stderr
    bad.write_bytes("1é".encode() * (1 << 20))
    assert "larger than 1048576 bytes" in run("mom-check", bad).stderr
    assert "cannot read" in run("mom-check", tmp_path / "missing").stderr


def test_check_reads_standard_input() -> None:
    assert run("mom-check", "-", input="(+ 1 2)").stdout == "standard input: 1 expression, 0 functions\n"
    result = run("mom-check", "-", input="(+ 1 2")
    assert result.exit_code == 1 and result.stderr.startswith("standard input:1:1: '(' is never closed")


def test_eval_prints_what_is_decided(files: Path) -> None:
    text = '(Host.Control "ksm_run" 1) (with Guests g (g.Control "balloon_target" (* 0.5 g.balloon_cur)))'
    assert evaluated(files, text) == {
        "host": {"ksm_run": 1},
        "guests": {"db": {"balloon_target": 500.0}, "web": {}},
        "errors": [
            {"policy": "try", "line": 1, "column": 78, "symbol": "g.balloon_cur", "guest": "web",
             "message": "web has no balloon_cur in its newest sample"},
        ],
    }  # fmt: skip


def test_eval_discards_a_cycle_with_an_error_elsewhere(files: Path) -> None:
    found = evaluated(files, '(Host.Control "ksm_run" 1)\n(/ 1 0)')
    assert (found["host"], found["guests"]) == ({}, {"db": {}, "web": {}})
    assert [(error["line"], error["column"], error["guest"]) for error in found["errors"]] == [(2, 2, None)]


def test_eval_prints_values(files: Path) -> None:
    assert evaluated(files, '(Host.StatAvg "mem_free") (with Guests g (g.Prop "name")) nil', "--values") == [
        200.0, ["db", "shop"], None,
    ]  # fmt: skip


def test_eval_prints_what_json_has_no_form_for(files: Path) -> None:
    text = "(* 1e308 10) (- (* 1e308 10) (* 1e308 10)) Host Guests abs Host.Stat (<< 1 4000) (< 1 2)"
    found = evaluated(files, text, "--values")
    assert found == [
        "inf", "nan", {"entity": "Host"}, [{"entity": "db"}, {"entity": "web"}], {"function": "abs"},
        {"function": "Stat"}, 1 << 4000, True,
    ]  # fmt: skip


def test_eval_tells_limits_of_disks(files: Path) -> None:
    disk = {"name": "vda", "guaranteed": {"total_bytes_sec": 5}, "maximum": {}, "current": {}}
    state = {"guests": {"db": {"history": [{"io_tune": [disk]}]}}}
    (files / "state.json").write_text(json.dumps(state))
    text = "(with Guests g (with g.io_tune d {(d.setReadIopsSec 7.9) (g.Control 'x' d)}))"
    found = evaluated(files, text)
    assert found["guests"] == {"db": {"x": {"disk": "vda"}, "io_tune": {"vda": {"read_iops_sec": 7}}}}


def test_eval_takes_policies_in_the_order_of_their_names(files: Path) -> None:
    (files / "b.policy").write_text("(defvar a 2)")
    (files / "a.rules").write_text("(defvar a 1)")
    result = run("mom-eval", files / "b.policy", files / "a.rules", "--state", files / "state.json", "--values")
    assert json.loads(result.stdout) == [1, 1]
    (files / "a.policy").write_text("")
    result = run("mom-eval", files / "a.policy", files / "a.rules", "--state", files / "state.json")
    assert result.exit_code == 2 and "are both the policy a" in result.stderr


def test_eval_tells_errors_and_debug_to_people(files: Path) -> None:
    (files / "try.policy").write_text("(debug 'free' Host.mem_free)\n(/ 1 0)")
    result = run("mom-eval", files / "try.policy", "--state", files / "state.json")
    assert result.exit_code == 0 and json.loads(result.stdout)["host"] == {}
    assert result.stderr == (
        'debug: try, line 1: "free" 300\n'
        "error: policy try, line 2, column 2: /: nothing can be divided by 0\n"
    )


def test_eval_explains(files: Path) -> None:
    (files / "try.policy").write_text("(defvar part 0.5)\n(Host.Control 'x' (* part Host.mem_free))")
    result = run("mom-eval", files / "try.policy", "--state", files / "state.json", "--explain")
    assert result.stdout.splitlines() == [
        "the host: x = 150.0, by try, line 2, column 2: (Host.Control 'x' (* part Host.mem_free))",
        "    part = 0.5",
        "    Host.mem_free = 300",
    ]


def test_eval_refuses_a_wrong_policy_with_its_place(files: Path) -> None:
    (files / "try.policy").write_text("(if 1 2)")
    result = run("mom-eval", files / "try.policy", "--state", files / "state.json")
    assert result.exit_code == 1 and result.stdout == ""
    assert f"{files}/try.policy:1:2: if is written (if condition then else)" in result.stderr
    assert result.stderr.endswith("    (if 1 2)\n     ^\n")


@pytest.mark.parametrize(("state", "words"), [
    ("{", "truncated"), ('{"hosts": {}}', "unknown field `hosts`"), ('{"guests": {"db": 5}}', "$.guests"),
    ('{"host": {"history": {}}}', "$.host.history"), ("[" * 100_000, "state.json"),
])  # fmt: skip
def test_eval_refuses_a_wrong_state(files: Path, state: str, words: str) -> None:
    (files / "state.json").write_text(state)
    (files / "try.policy").write_text("1")
    result = run("mom-eval", files / "try.policy", "--state", files / "state.json")
    assert result.exit_code == 1 and words in result.stderr


def test_the_examples_state_is_decided_upon() -> None:
    result = run("mom-eval", *sorted(EXAMPLES.glob("[1245]*.policy")), "--state", EXAMPLES / "state.json", "--json")
    found = json.loads(result.stdout)
    assert found["errors"] == [] and found["host"]["ksm_run"] == 1
    assert found["guests"]["batch1"]["vcpu_quota"] == 40000.0 and found["guests"]["batch1"]["balloon_target"] > 0


def test_the_grammar_is_loaded_only_when_a_policy_is_read() -> None:
    program = "import sys, hpm.memory.mom as mom; before = 'lark' in sys.modules; mom.compile_policies({'p': '1'});"
    done = subprocess.run(
        [sys.executable, "-c", f"{program} print(before, 'lark' in sys.modules)"], capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout == "False True\n"
