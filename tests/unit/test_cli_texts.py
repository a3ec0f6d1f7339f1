"""The command line in the user's language: which one, what is told in it and what is not, and the catalogues."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from rich.cells import cell_len

import hpm
from contrib.texts import PO, TEMPLATE, Catalogue, Sources, Text, check, gathered, judged, parsed, written
from hpm import texts
from hpm.cli import doctor
from hpm.cli.click_texts import translate_click
from hpm.cli.command import Failure
from hpm.cli.help_text import Formatter
from hpm.cli.main import cli
from hpm.cli.registry import COMMANDS
from hpm.cli.shells import Zsh
from hpm.cli.top_feed import Feed
from hpm.cli.top_lines import screen
from hpm.cli.top_view import View
from hpm.client.connection import connect
from hpm.texts import chosen, english, plural, speak, t

from .test_cli import READING
from .test_client_fake import Fake, adjustment, run, server

KNOWN = ["de", "es", "fr", "it", "ja", "ko", "pt_BR", "ru", "zh_CN", "zh_TW"]
LANGUAGES = sorted(file.stem for file in PO.glob("*.po"))
GERMAN = {"LC_ALL": "de_DE.UTF-8"}

#: A program that has its catalogues somewhere else.
PROGRAM = """
import pathlib, sys
from hpm import texts
texts.CATALOGUES = pathlib.Path(sys.argv.pop(1))
from hpm.cli.main import main
main()
"""


def test_command_line_pages_and_woks_tabs_have_the_same_languages() -> None:
    tabs = (PO.parent / "LINGUAS").read_text().split()
    assert len(tabs) == 11 and all((PO.parent / f"{language}.po").exists() for language in tabs)
    wanted = {language if language in KNOWN else language.split("_")[0] for language in tabs}
    pages = {file.stem for file in (PO.parents[1] / "ui/po").glob("*.po")}
    assert wanted - {"en"} == set(LANGUAGES) == set(KNOWN) == pages


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with all catalogues, compiled."""
    if shutil.which("msgfmt") is None:
        pytest.skip("gettext is missing (contrib/bootstrap check)")
    folder = tmp_path_factory.mktemp("locale")
    for language in LANGUAGES:
        command = ["msgfmt", "--check-format", f"--output-file={folder / language}.mo", str(PO / f"{language}.po")]
        subprocess.run(command, check=True)
    return folder


@pytest.fixture
def catalogues(compiled: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """They are hpm's, until the test ends."""
    monkeypatch.setattr(texts, "CATALOGUES", compiled)
    translate_click()    # which says in English what it said before, while nobody speaks
    yield compiled
    speak({})


@pytest.fixture
def german(catalogues: Path) -> None:
    """German is spoken."""
    assert speak(GERMAN) == "de"


def program(catalogues: Path, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The real program, in an environment with these variables alone."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(catalogues), *args], capture_output=True, text=True, timeout=60,
        encoding="utf-8",
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(hpm.__file__).parents[1]), **environment},
    )  # fmt: skip


# -- which language


@pytest.mark.parametrize(("environment", "language"), [
    ({}, None), ({"LANG": "de_DE.UTF-8"}, "de"), ({"LANG": "de_AT@euro"}, "de"), ({"LANG": "de"}, "de"),
    ({"LC_ALL": "fr_FR.UTF-8", "LC_MESSAGES": "es_ES", "LANG": "de_DE"}, "fr"),
    ({"LC_ALL": "", "LC_MESSAGES": "es_ES", "LANG": "de_DE"}, "es"),
    ({"LANGUAGE": "xx:de", "LANG": "fr_FR"}, "de"), ({"LANGUAGE": "xx:de"}, "de"), ({"LANGUAGE": "en:de"}, "en"),
    ({"LANGUAGE": "de", "LC_ALL": "C.UTF-8"}, None), ({"LANGUAGE": "de", "LC_ALL": "POSIX"}, None),
    ({"LANG": "C"}, None), ({"LANG": "en_GB.UTF-8"}, "en"), ({"LANG": "pt_PT"}, "pt_BR"),
    ({"LANG": "zh_SG.UTF-8"}, "zh_CN"), ({"LANG": "zh_HK"}, "zh_TW"),
    ({"LANG": "zh_Hant_MO"}, "zh_TW"), ({"LANG": "zh-Hant"}, "zh_TW"),
    ({"LANG": "xx_YY"}, None), ({"LANG": "../../de"}, None), ({"LANG": "german"}, None),
])  # fmt: skip
def test_the_language_is_chosen_as_gettext_does(environment: dict[str, str], language: str | None) -> None:
    assert next(iter(chosen(environment, KNOWN)), None) == language


@pytest.mark.parametrize("damage", ["empty", "text", "short", "magic", "missing"])
def test_a_catalogue_that_is_damaged_or_missing_means_english(
    catalogues: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    whole = (catalogues / "de.mo").read_bytes()
    data = {"empty": b"", "text": b"no catalogue", "short": whole[: len(whole) // 2],
            "magic": whole[:4] + b"\xff" * (len(whole) - 4)}.get(damage)    # fmt: skip
    if data is not None:
        (tmp_path / "de.mo").write_bytes(data)
    monkeypatch.setattr(texts, "CATALOGUES", tmp_path)
    assert speak(GERMAN) == "en" and t("Options") == "Options"
    result = run(Fake(), "vs-list")
    assert result.exit_code == 0 and "Goal" in result.output


def test_the_program_speaks_the_language_of_its_environment(catalogues: Path) -> None:
    told = program(catalogues, "vs-show", "--help", LC_ALL="de_DE.UTF-8").stdout
    assert told.startswith("Aufruf: ") and "\n  Einen virtuellen Server zeigen.\n" in told
    assert "\nOptionen:\n" in told and "\nVerbindung und Ausgabe:\n" in told and "Diese Hilfe zeigen" in told
    wrong = program(catalogues, "vs-list", "--status", "x", LANG="fr_XX.UTF-8", LANGUAGE="xx:de")
    assert wrong.returncode == 2 and "Fehler: Ungültiger Wert für '--status'" in wrong.stderr
    assert program(catalogues, "vs-show", "--help", LC_ALL="C", LANGUAGE="de").stdout.startswith("Usage: ")


# -- what is told in it


@pytest.mark.parametrize("name", list(COMMANDS))
def test_help_fits_80_columns_in_every_language(catalogues: Path, name: str) -> None:
    for language in LANGUAGES:
        speak({"LANG": language})
        text = CliRunner().invoke(cli, [name, "--help"]).output
        head, _, examples = text.partition(f"\n{t('Examples')}:\n")
        assert examples and max(map(cell_len, head.splitlines())) <= 80, language
        assert "Options:" not in text and "\0" not in text


def test_the_list_of_commands_is_in_the_users_language(german: None) -> None:
    text = CliRunner().invoke(cli, ["--help"]).output
    assert "Virtuelle Server (Domains von libvirt):\n  vs-list             Die virtuellen Server und ihren" in text
    assert text.endswith("Exit-Codes: 0 getan, 1 abgelehnt, 2 falsch aufgerufen, 3 keine Verbindung.\n")
    assert "hpm wrg-create Gold\n" in text and max(map(len, text.splitlines())) <= 80
    assert "Die Gruppen und ihren Stand" in CliRunner().invoke(cli, ["help", "wrg"]).output


def test_lines_are_as_wide_as_their_signs() -> None:
    formatter = Formatter(width=40)
    formatter.write_text("说明" * 40 + " --group " + "说明" * 3)
    formatter.write_dl([("--组 NAME", "说明" * 30), ("-h", "x")])
    lines = formatter.getvalue().splitlines()
    assert max(map(cell_len, lines)) <= 40 and "\0" not in formatter.getvalue()
    assert lines[-1] == "-h         x" and "".join(lines).count("说") == 40 + 3 + 30


@pytest.mark.parametrize("language", LANGUAGES)
def test_tables_fit_80_columns_in_every_language(catalogues: Path, language: str) -> None:
    fake = Fake(adjustments=[adjustment(1), adjustment(2, outcome="failed", reason="at-capacity")])
    fake.add_group("silver", "Silver", schedule=[
        {"policy": "night", "days": ["mon", "tue"], "from": "22:00", "to": "06:00"},
    ])  # fmt: skip
    speak({"LANG": language})
    for args in (*READING, ["wrg-show", "Silver"]):
        result = run(fake, *args)
        assert result.exit_code == 0, result.output
        assert max(map(cell_len, result.output.splitlines())) <= 80, result.output


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    "view", [View(), View(groups=True), View(help=True), View(typing=True)], ids=["servers", "groups", "help", "filter"]
)
def test_top_fits_its_screen_in_every_language(catalogues: Path, language: str, view: View) -> None:
    reading = Feed(connect(transport=Fake().transport), clock=lambda: 100.0).poll()
    speak({"LANG": language})
    lines = [line.plain.rstrip() for line in screen(reading, view, "host", 100.0, "12:00:00", 80, 24).lines]
    assert max(map(cell_len, lines)) <= 80
    assert view.help or "…" not in lines[3], "a heading is cut"


def test_tables_refusals_and_numbers_are_german(german: None) -> None:
    fake = Fake()
    assert "Serviceklasse" in run(fake, "vs-show", "db1").output
    refused = run(fake, "vs-show", "db9")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("Fehler: es gibt keinen virtuellen Server 'db9'; ähnlich: db2, db1")
    assert run(fake, "vs-boost", "db1").stderr.endswith("Fehler: geben Sie die gewünschte --velocity an, oder --end\n")
    group = ("{n} group", "{n} groups")
    assert [plural(*group, n) for n in (0, 1, 2)] == ["0 Gruppen", "1 Gruppe", "2 Gruppen"]
    with english():
        assert plural(*group, 1) == "1 group"


def test_braces_in_values_do_no_harm(german: None) -> None:
    fake = Fake(servers=[server(1, "{name} {n} {path}{")])
    told = run(fake, "vs-update", "{name} {n} {path}{", "--cap", "2").output
    assert told == "Virtueller Server '{name} {n} {path}{' wurde geändert.\n"
    assert t("{a} {b} {c}", a="{b}", b="{a}") == "{b} {a} {c}"
    assert t("") == ""


def test_who_answers_programs_does_so_in_english(german: None, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    def serve(**_: object) -> int:
        said.append(t("yes"))
        return 0

    monkeypatch.setattr("hpm.host.serve.serve", serve)
    assert CliRunner().invoke(cli, ["serve", "--no-web"]).exit_code == 0 and said == ["yes"]


# -- what is not


@pytest.mark.parametrize("args", READING, ids=lambda a: a[0])
def test_json_is_the_same_in_every_language(catalogues: Path, args: list[str]) -> None:
    told = []
    for language in ("en", *LANGUAGES):
        speak({"LANG": language})
        told.append(run(Fake(adjustments=[adjustment(1)]), *args, "--json").stdout)
    assert json.loads(told[0]) and set(told) == {told[0]}


def test_what_doctor_finds_is_english(german: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "examined", lambda: iter(()))
    result = CliRunner().invoke(cli, ["--socket", str(tmp_path / "s"), "doctor", "--json"])
    (finding,) = json.loads(result.stdout)["The hpm that runs"]
    assert finding["what"] == f"no hpm answers: no connection to hpm; nobody listens at {tmp_path}/s: no such socket"


def test_completion_is_as_ever_and_its_hints_are_german(german: None, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Zsh(cli, {}, "hpm", "_HPM_COMPLETE")

    def complete(*words: str) -> list[list[str]]:
        monkeypatch.setenv("_HPM_WORDS", "\n".join(["hpm", *words[:-1]]))
        monkeypatch.setenv("_HPM_WORD", words[-1])
        return [line.split("\t") for line in shell.complete().splitlines()]

    assert complete("wrg-l") == [["name", "wrg-list", "Die Gruppen und ihren Stand auflisten."]]
    assert complete("wrg-show", "--w") == [
        ["name", "--wrg-name", "Die Gruppe, mit Name oder Id. Andere Art, GROUP anzugeben."]
    ]
    assert ["name", "--json", "Die Antwort der API als JSON ausgeben statt Tabellen."] in complete("--")
    assert complete("vs-list", "--status", "r") == [["name", "running", ""]]


# -- the catalogues


def test_sources_template_and_catalogues_agree() -> None:
    assert check(gathered()) == []
    assert parsed((PO / TEMPLATE).read_text()).headers["Project-Id-Version"] == "hpm"


def test_what_is_wrong_with_a_catalogue_is_told() -> None:
    wanted = {"One {a}": Text(None), "{n} x": Text("{n} xs"), "Two": Text(None), "Old {b!r}": Text(None)}
    good = Catalogue({"Plural-Forms": "nplurals=3; plural=0;"}, {
        "One {a}": ["Ein {a}"], "{n} x": ["{n} x", "{n} xe", "{n} xe"], "Two": ["Zwei"], "Old {b!r}": ["Alt {b!r}"],
    })  # fmt: skip
    assert list(judged("x.po", good, wanted)) == []
    bad = Catalogue(good.headers, {
        "One {a}": ["Ein {b}"], "{n} x": ["{n} x", "{n} x"], "Old {b!r}": ["Alt {b}"], "Three": ["Drei"],
    })  # fmt: skip
    assert list(judged("x.po", bad, wanted)) == [
        'po/cli/x.po: other {places} than in "One {a}"',
        'po/cli/x.po: 3 plural forms are wanted, and 2 are there: "{n} x"',
        'po/cli/x.po: not translated: "Two"',
        'po/cli/x.po: other {places} than in "Old {b!r}"',
        'po/cli/x.po: unused: "Three"',
    ]


def test_a_catalogue_is_read_as_it_was_written() -> None:
    wanted = {'a "b"\n\tc\\': Text(None, {"cli/x.py"}), "{n} ä": Text("{n} äs", {"cli/y.py", "cli/x.py"})}
    known = {'a "b"\n\tc\\': ['d "e"\n\tf\\'], "{n} ä": ["{n} ö", "{n} ös"]}
    text = written({"Plural-Forms": "nplurals=2; plural=(n != 1);"}, wanted, Catalogue({}, known))
    assert parsed(text).known == known and parsed(text).forms == 2
    assert parsed(text.replace('msgid "{n} ä"', '#, fuzzy\nmsgid "{n} ä"')).known.keys() == {'a "b"\n\tc\\'}


@pytest.mark.parametrize(("line", "wrong"), [
    ('t("a {b}", b=1)', ""), ('t(WORDS["a"])', ""), ('plural("{n} a", "{n} b", 1)', ""), ('later("a")', ""),
    ('t(f"a {b}")', "takes a text that is written out"), ('t("a" + b)', "takes a text that is written out"),
    ('t("a" if b else "c")', "takes a text that is written out"), ('plural("a", b, 1)', "takes a text"),
    ('later(b)', "takes a text"), ('t("a {b}", c=1)', "other values than"), ('t("a {b}")', "other values than"),
])  # fmt: skip
def test_a_text_is_written_out_where_it_is_looked_up(tmp_path: Path, line: str, wrong: str) -> None:
    file = tmp_path / "x.py"
    file.write_text(f"from ..texts import later, plural, t\n{line}\n")
    sources = Sources()
    sources.read(file, "cli/x.py")
    assert len(sources.wrong) == bool(wrong) and wrong in "".join(sources.wrong)


def test_an_error_has_its_first_word_in_the_users_language(german: None, capsys: pytest.CaptureFixture[str]) -> None:
    Failure("{message} \x1b").show()
    assert capsys.readouterr().err == "Fehler: {message} \N{REPLACEMENT CHARACTER}\n"
    with click.Context(cli) as ctx:
        click.UsageError("x", ctx).show()
    assert "Fehler: x" in capsys.readouterr().err
