"""Names and words of guests and clients where they are shown: terminals, logs, pages and spreadsheets."""

from __future__ import annotations

import json
import logging
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from prometheus_client.parser import text_string_to_metric_families

from hpm.backend.simulated import ServerSpec, Spin, uuid_of
from hpm.cli.main import cli
from hpm.cli.registry import COMMANDS
from hpm.cli.session import Session
from hpm.host.log_lines import PlainFormatter, escaped
from tests.unit import api_host
from tests.unit.api_host import SERVERS, ApiHost, running

ROOT = Path(__file__).parents[2]
#: What a terminal obeys, what turns the direction of writing, and what looks like the end of a line.
EVIL = "\x1b[2J\x1b]0;owned\x07\x9b31m\r\n\u202egnp\u2066\u2028\x7f\x08"
#: What of that texts of hpm's own may have.
ALLOWED = "\x9b31m\u202egnp\u2066\u2028"
BAD = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

#: Commands that go on until they are ended, those of this host alone, and those that do something. All others read.
ENDLESS = {"top", "events"}
LOCAL = {"serve", "web", "simulate", "completion", "help", "report"}
DEED = re.compile(
    r".*-(create|update|delete|add|remove|add-vs|remove-vs|activate|schedule|restore|import|set|start|stop|cancel|define"
    r"|undefine|destroy|boost|release|revoke|install|preview|check|eval)|restore|vs-policy"
)
READS = [name for name in COMMANDS if name not in ENDLESS | LOCAL and DEED.fullmatch(name) is None]


@pytest.fixture(scope="module")
def evil() -> Iterator[ApiHost]:
    facts: dict[str, str | tuple[str, ...]] = {
        "hostname": EVIL, "title": EVIL, "os-name": EVIL, "os-level": EVIL, "metadata": (EVIL,)
    }
    before = api_host.SPECS
    api_host.SPECS = (ServerSpec(name="db1", load=Spin()), ServerSpec(name=f"a{EVIL}", load=Spin(), facts=facts))
    try:
        with running() as host:
            host.post("/mgmt-levels", {"cpu-mgmt": "on"})
            host.cycle()
            yield host
    finally:
        api_host.SPECS = before


def _run(host: ApiHost, *words: str) -> str:
    # COLUMNS: as wide as names are, so that none is folded away
    with httpx.HTTPTransport(uds=str(host.socket), verify=False) as transport:
        done = CliRunner(env={"COLUMNS": "400"}).invoke(cli, words, obj=Session(transport=transport))
    return str(done.output)


@pytest.mark.parametrize("name", READS)
def test_no_command_hands_a_terminal_what_a_guest_wrote(evil: ApiHost, name: str) -> None:
    """Every command that reads what hpm has: by itself, and of the server with that name. (`top` and `events` have
    tests of their own: test_cli_top_lines.py, test_client_events.py.)"""
    for more in ([], [f"a{EVIL}"], ["--json"]):
        found = _run(evil, name, *more)
        assert BAD.search(found) is None, f"{name} {more}: {found!r}"


@pytest.fixture(scope="module")
def files(evil: ApiHost, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Files of all kinds that commands read, with such names in them, in their own names and in that of their folder;
    and the name of the server."""
    evil.post(api_host.GROUPS, {"name": "Silver"})
    folder = tmp_path_factory.mktemp("shown") / EVIL
    folder.mkdir()
    name = f"a{EVIL}"
    group = {"name": "Gold", "perf-policies": [api_host.policy()], "virtual-servers": [uuid_of(name)]}
    texts: dict[str, object] = {
        "policy": api_host.policy(),
        "host": {"workload-resource-groups": [group], "virtual-servers": [{"uuid": uuid_of(name), "cpu-cap": 0.5}]},
        "wrong": {**api_host.policy(), "name": EVIL, EVIL: EVIL},
        "simulated": {"cpus": 1, "virtual-servers": [{"name": f"a{ALLOWED}", "load": {"type": "spin"}}], "intervals": 2,
                      "description": ALLOWED, "workload-resource-groups": [
                          {"name": "default", "perf-policies": [api_host.policy()], "active-policy": "weekday"}]},
        "mom": f'(debug "{EVIL}") (Host.Control "{EVIL}" 1)\n(with Guests guest (guest.Control "{EVIL}" guest.none))',
        "mom_wrong": f'"{EVIL}" (',
        "state": {"guests": {name: {"properties": {EVIL: EVIL}}}},
        "conf": "[main]\n" + f"policy: {ALLOWED}\n{ALLOWED}: {ALLOWED}\n",
        "hpm_conf": f"[web]\n{ALLOWED} = {ALLOWED}\n",
    }  # fmt: skip
    made = {"server": name}
    for kind, text in texts.items():
        path = folder / f"{kind}{EVIL}"
        path.write_text(text if isinstance(text, str) else json.dumps(text))
        made[kind] = str(path)
    return made


@pytest.mark.parametrize("words", [
    "policy-preview default --file {policy}", "policy-preview Silver --file {policy} --vs {server}",
    "policy-preview default --file {policy} --json", "policy-preview default --file {wrong}",
    "policy-import {host} --dry-run", "policy-import {wrong} --dry-run", "policy-import Silver {wrong} --dry-run",
    "policy-check {host} {policy} {wrong}", "simulate {simulated} --verbose", "simulate {simulated} --json",
    "simulate {wrong}", "simulate {simulated} --policy {wrong}", "simulate --record -",
    "mom-check {mom} {mom_wrong}", "mom-eval {mom} --state {state}", "mom-eval {mom} --state {state} --json",
    "mom-eval {mom} --state {state} --values", "mom-eval {mom} --state {state} --explain",
    "mom-eval {mom_wrong} --state {state}", "mom-eval {mom} --state {wrong}",
    "mom-import {conf} --policy {mom} --dry-run", "mom-import {conf} --dry-run", "config-check {hpm_conf}",
])  # fmt: skip
def test_no_command_hands_a_terminal_what_stands_in_a_file(evil: ApiHost, files: dict[str, str], words: str) -> None:
    """Commands that read files and do nothing."""
    found = _run(evil, *(word.format(**files) for word in words.split()))
    assert BAD.search(found) is None, f"{words}: {found!r}"
    assert "\ufffd" in found or "\\u009b" in found, f"{words} shows no name: {found!r}"


def test_every_command_that_reads_a_file_is_tried() -> None:
    (cases,) = test_no_command_hands_a_terminal_what_stands_in_a_file.pytestmark    # type: ignore[attr-defined]
    left = {name for name in COMMANDS if re.search("preview|check|eval|import|simulate", name)}
    assert {words.split()[0] for words in cases.args[1]} == left


def test_the_names_are_shown_all_the_same(evil: ApiHost) -> None:
    """With a mark in the place of each such character: so the test above has seen them."""
    assert "a\ufffd[2J\ufffd]0;owned" in _run(evil, "vs-list")
    told = _run(evil, "vs-show", f"a{EVIL}")
    assert "\ufffd[2J" in told and "gnp" in told


def test_a_refusal_of_a_server_is_shown_as_text(evil: ApiHost) -> None:
    found = _run(evil, "vs-show", EVIL)
    assert found.startswith(("error", "Error", "Usage")) or "error" in found.lower()
    assert BAD.search(found) is None


def test_json_has_them_escaped_and_whole(evil: ApiHost) -> None:
    names = [server["name"] for server in evil.get(SERVERS)["virtual-servers"]]
    assert f"a{EVIL}" in names
    assert f"a{EVIL}" in [server["name"] for server in json.loads(_run(evil, "vs-list", "--json"))["virtual-servers"]]


def test_prometheus_labels_are_not_left_by_a_name(evil: ApiHost) -> None:
    text = evil.send("GET", "/metrics/prometheus").text
    assert not [line for line in re.split("[\n]", text) if line and not re.match(r"#|[a-z_:]+(\{|\s)", line)]
    labels = [sample.labels for family in text_string_to_metric_families(text) for sample in family.samples]
    # whoever reads it has the names whole, and no other ones
    assert {one["domain"] for one in labels if "domain" in one} == {"db1", f"a{EVIL}"}


# -- logs


@pytest.mark.parametrize("text", [
    EVIL, "a\nERROR forged", "a\r2026-01-01", "\x1b]52;c;ZXZpbA==\x07", "\u0085x", "\x00", "\ud800", "💥 é",
], ids=range(8))  # fmt: skip
def test_a_log_has_one_line_for_each_message(text: str) -> None:
    record = logging.LogRecord("x", logging.INFO, "f", 1, "%s began", (text,), None)
    line = PlainFormatter("%(levelname)s %(message)s").format(record)
    assert line.isprintable()
    assert line.startswith("INFO ") and line.endswith(" began")
    assert escaped("💥 é, Ünï") == "💥 é, Ünï"    # names of people stay as they are


def test_a_traceback_is_told_in_lines_of_which_none_is_forged() -> None:
    try:
        raise ValueError(f"{EVIL}\n2026-01-01 ERROR forged")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, "fault", (), sys.exc_info())
    first, *lines = PlainFormatter("%(levelname)s %(message)s").format(record).split("\n")
    assert first == "ERROR fault"
    assert all(line.startswith("  ") and line.isprintable() for line in lines)


def test_hpm_logs_in_that_form() -> None:
    code = "from hpm.host.log_lines import to_stderr; import logging; to_stderr(20, '%(message)s'); logging.info({!r})"
    done = subprocess.run([sys.executable, "-c", code.format(EVIL)], capture_output=True, text=True, check=True)
    assert done.stderr == escaped(EVIL) + "\n"
    for file in ("host/serve.py", "host/front/process.py"):
        assert "to_stderr(" in (ROOT / "src/wok/plugins/hpm" / file).read_text()


# -- pages and spreadsheets


def test_pages_make_no_markup_of_texts() -> None:
    """Lit writes text nodes. What would make elements or scripts of a text is nowhere in our pages."""
    ways = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|unsafeHTML|unsafeSVG|unsafeStatic|document\.write|\beval\("
        r"|new Function|javascript:|srcdoc|DOMParser|createContextualFragment"
    )
    found = [
        f"{file.name}: {hit[0]}" for file in sorted((ROOT / "ui/src").rglob("*.ts"))
        if (hit := ways.search(file.read_text())) is not None
    ]  # fmt: skip
    assert found == []


CELLS = [
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", '=cmd|" /C calc"!A0', 'a"b', "a,b", "a\nb", "plain", "é",
]  # fmt: skip


def test_no_spreadsheet_takes_a_name_for_a_formula(tmp_path: Path) -> None:
    """What the pages write when somebody saves a table, by their own code."""
    esbuild = ROOT / "ui/node_modules/.bin/esbuild"
    node = shutil.which("node")
    if node is None or not esbuild.exists():
        pytest.skip("the pages' code runs with Node.js and esbuild, which are not here")
    code = tmp_path / "run.ts"
    code.write_text(f'import {{ csv }} from "{ROOT}/ui/src/base/csv";\n'
                    f"process.stdout.write(csv([{json.dumps(CELLS)}, [1, -2, null]]));")    # fmt: skip
    made = tmp_path / "run.cjs"
    subprocess.run([str(esbuild), str(code), "--bundle", "--platform=node", f"--outfile={made}", "--log-level=error"],
                   check=True)    # fmt: skip
    text = subprocess.run([node, str(made)], capture_output=True, check=True).stdout.decode()
    import csv
    import io

    first, second = list(csv.reader(io.StringIO(text, newline="")))
    assert first == [f"'{cell}" if cell[0] in "=+-@\t\r\n" else cell for cell in CELLS]
    assert len(first) == 13    # as docs/reliability.md says
    assert second == ["1", "-2", ""]    # numbers are numbers
