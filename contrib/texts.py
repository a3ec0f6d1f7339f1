"""Texts of the command line, for translators: gathers them from the sources, and brings the catalogues in po/cli up to
date.

    python -m contrib.texts            po/cli/hpm-cli.pot anew; each po/cli/LANGUAGE.po gets what is new, and loses what
                                       is unused
    python -m contrib.texts fr es      the same, and begins the catalogues of these languages
    python -m contrib.texts --check    changes nothing; says what is missing or unused, and fails then

A text is the first argument of t(), later() and plural() (its first two), which must be written out there; and what a
command says of itself: summary, docstring (paragraph by paragraph), help of its options. ui/texts.mjs does the same for
the pages.
"""

from __future__ import annotations

import ast
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click

from hpm.cli.command import SlotOption, connection_options
from hpm.cli.help_text import paragraphs
from hpm.cli.main import cli
from hpm.cli.registry import COMMANDS, SECTIONS

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src/wok/plugins/hpm"
PO = ROOT / "po/cli"
TEMPLATE = "hpm-cli.pot"

_HEADERS = {
    "Project-Id-Version": "hpm", "MIME-Version": "1.0", "Content-Type": "text/plain; charset=utf-8",
    "Content-Transfer-Encoding": "8bit",
}  # fmt: skip
_KINDS = ("t", "later", "plural")
_LINE = re.compile(r'(?P<word>msgid_plural|msgid|msgstr)?(?:\[\d+\])?\s*(?P<text>"(?:[^"\\]|\\.)*")')


@dataclass
class Text:
    """A text: the same of many, if it has a plural, and the files that have it."""

    plural: str | None = None
    files: set[str] = field(default_factory=set)


@dataclass
class Catalogue:
    """A .po file: its header, and by text its translations; none of what is marked fuzzy."""

    headers: dict[str, str]
    known: dict[str, list[str]]

    @property
    def forms(self) -> int:
        """How many plural forms the language has."""
        match = re.search(r"nplurals=(\d+)", self.headers.get("Plural-Forms", ""))
        return int(match[1]) if match else 2


class Sources:
    """The texts of all sources, and what is wrong there."""

    def __init__(self) -> None:
        self.texts: dict[str, Text] = {}
        self.wrong: list[str] = []

    def take(self, text: str, file: str, plural: str | None = None) -> None:
        """A text of a file."""
        known = self.texts.setdefault(text, Text(plural))
        known.files.add(file)
        if known.plural != plural:
            self.wrong.append(f"{file}: {_shown(text)} is a text with and without a plural")

    def read(self, path: Path, file: str) -> None:
        """What a file looks up."""
        tree = ast.parse(path.read_text())
        if not any(isinstance(node, ast.ImportFrom) and node.module == "texts" for node in tree.body):
            return
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _KINDS:
                self._call(node, node.func.id, file)

    def _call(self, call: ast.Call, kind: str, file: str) -> None:
        literals = [arg.value if isinstance(arg, ast.Constant) else None for arg in call.args]
        where = f"{file}:{call.lineno}"
        count = 2 if kind == "plural" else len(literals)
        if kind == "t" and literals == [None] and _looks_up(call.args[0]):
            return    # `later` stands where the words are
        texts = [text for text in literals[:count] if isinstance(text, str)]
        if not texts or len(texts) < count:
            self.wrong.append(f"{where}: {kind}() takes a text that is written out there")
            return
        self.take(texts[0], file, texts[1] if len(texts) > 1 else None)
        given = {keyword.arg for keyword in call.keywords} | ({"n"} if kind == "plural" else set())
        wanted = set(re.findall(r"\{(\w+)\}", "".join(texts)))
        if kind != "later" and None not in given and wanted | {"n"} != given | {"n"}:
            self.wrong.append(f"{where}: other values than {{places}} in {_shown(texts[0])}")

    def commands(self) -> None:
        """What commands say of themselves."""
        for heading, entries in SECTIONS.items():
            self.take(heading, "cli/registry.py")
            for entry in entries:
                self.take(entry.summary, "cli/registry.py")
        self._helped(cli, "cli/main.py")
        for option in connection_options():
            self.take(str(option.help), "cli/command.py")
        with click.Context(cli) as ctx:
            for entry in COMMANDS.values():
                command = cli.get_command(ctx, entry.name)
                assert command is not None
                self._helped(command, f"cli/{entry.module}.py")

    def _helped(self, command: click.Command, file: str) -> None:
        for paragraph in paragraphs(command.help):
            if not paragraph.startswith("\b"):
                self.take(paragraph, file)
        common = {option.name for option in connection_options()}
        for param in command.params:
            if isinstance(param, click.Option) and param.name not in common:
                self.take(param.slot.what if isinstance(param, SlotOption) else str(param.help), file)


def gathered() -> Sources:
    """The texts of the command line."""
    found = Sources()
    for path in sorted([*(PACKAGE / "cli").glob("*.py"), *(PACKAGE / "client").glob("*.py")]):
        found.read(path, path.relative_to(PACKAGE).as_posix())
    found.commands()
    return found


def _looks_up(node: ast.expr) -> bool:
    """Whether it is ``WORDS[word]``, or a like that: nothing that is put together."""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute) and node.func.attr == "get"
    return isinstance(node, ast.Subscript | ast.Name | ast.Attribute | ast.BoolOp)


def parsed(text: str) -> Catalogue:
    """A .po file."""
    entries: list[tuple[dict[str, list[str]], bool]] = []
    for block in re.split(r"\n[ \t]*\n", text):
        parts: dict[str, list[str]] = {}
        current: list[str] = []
        for line in block.splitlines():
            match = _LINE.match(line)
            if match is None:
                continue
            if match["word"]:
                current = parts.setdefault(match["word"], [])
                current.append("")
            current[-1] += json.loads(match["text"])
        if "msgid" in parts:
            entries.append((parts, re.search(r"^#,.*\bfuzzy\b", block, re.MULTILINE) is not None))
    headers = next((parts["msgstr"][0] for parts, _ in entries if parts["msgid"] == [""]), "")
    return Catalogue(
        dict(line.split(": ", 1) for line in headers.splitlines() if ": " in line),
        {parts["msgid"][0]: parts["msgstr"] for parts, fuzzy in entries if parts["msgid"] != [""] and not fuzzy},
    )


def written(headers: Mapping[str, str], texts: Mapping[str, Text], catalogue: Catalogue | None = None) -> str:
    """The text of a template, or of a catalogue with what is known already."""
    blocks = ["\n".join(_field("msgid", "") + _field("msgstr", "".join(f"{k}: {v}\n" for k, v in headers.items())))]
    for text, one in sorted(texts.items()):
        known = (catalogue.known if catalogue else {}).get(text, [])
        lines = [f"#: {file}" for file in sorted(one.files)] + _field("msgid", text)
        if one.plural is None:
            lines += _field("msgstr", (known or [""])[0])
        else:
            lines += _field("msgid_plural", one.plural)
            forms = catalogue.forms if catalogue else 2
            for number, form in enumerate([*known, *[""] * forms][:forms]):
                lines += _field(f"msgstr[{number}]", form)
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"


def _field(name: str, text: str) -> list[str]:
    """A field, in as many lines as the text has."""
    lines = [_shown(line) for line in text.splitlines(keepends=True)]
    return [f"{name} {lines[0] if lines else _shown('')}"] if len(lines) < 2 else [f'{name} ""', *lines]


def _shown(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _places(text: str) -> set[str]:
    """What a translation must have as its text has it: the places that values are put in."""
    return set(re.findall(r"\{\w+(?:![rsa])?\}", text))


def judged(name: str, catalogue: Catalogue, texts: Mapping[str, Text]) -> Iterator[str]:
    """What is wrong with a catalogue."""
    for text, one in texts.items():
        found = catalogue.known.get(text, [])
        forms = 1 if one.plural is None else catalogue.forms
        if not found or not all(found):
            yield f"po/cli/{name}: not translated: {_shown(text)}"
        elif len(found) != forms:
            yield f"po/cli/{name}: {forms} plural forms are wanted, and {len(found)} are there: {_shown(text)}"
        elif any(_places(form) not in (_places(text), _places(one.plural or text)) for form in found):
            yield f"po/cli/{name}: other {{places}} than in {_shown(text)}"
    for text in catalogue.known:
        if text not in texts:
            yield f"po/cli/{name}: unused: {_shown(text)}"


def check(sources: Sources) -> list[str]:
    """What is wrong with sources, template and catalogues."""
    wrong = list(sources.wrong)
    template = PO / TEMPLATE
    if not template.exists() or template.read_text() != written(_HEADERS, sources.texts):
        wrong.append(f"po/cli/{TEMPLATE} is not what the sources say: make texts")
    for file in sorted(PO.glob("*.po")):
        wrong += judged(file.name, parsed(file.read_text()), sources.texts)
    return wrong


def renew(sources: Sources, begun: Iterable[str]) -> None:
    """Write template and catalogues anew; `begun` are languages that have none yet, but one of the pages."""
    PO.mkdir(exist_ok=True)
    (PO / TEMPLATE).write_text(written(_HEADERS, sources.texts))
    for language in begun:
        file = PO / f"{language}.po"
        if not file.exists():
            pages = parsed((ROOT / f"ui/po/{language}.po").read_text())
            file.write_text(written(pages.headers, {}))
    for file in sorted(PO.glob("*.po")):
        catalogue = parsed(file.read_text())
        file.write_text(written(catalogue.headers, sources.texts, catalogue))
        done = sum(bool(known) and all(known) for text, known in catalogue.known.items() if text in sources.texts)
        print(f"po/cli/{file.name}: {done} of {len(sources.texts)} texts are translated")


def main(args: list[str]) -> int:
    """Gives the exit code."""
    sources = gathered()
    wrong = check(sources) if "--check" in args else sources.wrong
    if "--check" not in args:
        renew(sources, args)
    for sentence in wrong:
        print(sentence, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
