"""Write the generated parts of documents (`FILES`) anew, from the code that they tell of: `make docs`.

A part stands between ``<!-- made: NAME -->`` and ``<!-- /made -->``; everything else is written by hand and stays.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import click

from hpm import errors
from hpm.cli.command import HpmCommand
from hpm.cli.main import cli
from hpm.cli.registry import SECTIONS, Entry
from hpm.control.http_errors import status_of
from hpm.control.openapi import document
from hpm.control.route import Route
from hpm.control.routes import routes
from hpm.engine.metrics import groups, host, servers
from hpm.engine.metrics.metric import Metric
from hpm.host.configuration import OPTIONS
from hpm.manager.manager import Manager
from hpm.manager.upkeep import OWN
from hpm.wire.errors import MEANINGS

FILES = tuple(Path(__file__).parent / name for name in ("cli.md", "configuration.md", "metrics.md", "rest.md"))
PART = re.compile(r"(?<=<!-- made: )(?P<name>[a-z-]+)(?: -->\n).*?(?=<!-- /made -->)", re.DOTALL)


def renewed(text: str) -> str:
    """The text with all its generated parts made anew. Raises `KeyError` for a part that nobody can make."""
    table = routes(cast(Manager, None))
    told = document(table)
    parts = {
        "routes": _routes(table, told), "queries": _queries(told), "types": _types(told["components"]["schemas"]),
        "errors": _errors(), "error-ids": _error_ids(), "commands": _commands(), "configuration": _configuration(),
        "own": _metrics(OWN, (), "hpm"),
        "hypervisor": _metrics(host.RAW, host.CALCULATED, "hypervisor"),
        "groups": _metrics(groups.RAW, groups.CALCULATED, ""),
        "servers": _metrics(servers.RAW, servers.CALCULATED, "virtual_server"),
    }  # fmt: skip
    return PART.sub(lambda match: f"{match['name']} -->\n\n{parts[match['name']]}\n\n", text)


def _routes(table: tuple[Route, ...], told: dict[str, Any]) -> str:
    rows = ["| method and path | role | does | body | answer | errors |", "| --- | --- | --- | --- | --- | --- |"]
    for route in table:
        operation = told["paths"][route.path][route.method.lower()]
        body = _content(operation.get("requestBody", {}))
        answer = _content(operation["responses"][str(route.status)])
        does = operation["summary"] + (f" ({route.status})" if route.status != 200 else "")
        cells = (f"{route.method} `{route.path}`", operation["x-role"], does, body, answer, _own_errors(route))
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _own_errors(route: Route) -> str:
    """What it answers beside the errors of any operation, and of any with a body."""
    own = {status_of(class_) for class_ in route.refuses} | ({(404, 1)} if route.names else set())
    return ", ".join(f"{status}/{reason}" if reason else str(status) for status, reason in sorted(own))


def _content(part: dict[str, Any]) -> str:
    kinds = part.get("content", {}).items()
    for _, kind in kinds:
        data = kind["schema"].get("properties", {}).get("data", {})
        if "contentSchema" in data:
            return f"events: {_type(data['contentSchema'])}"
    return ", or ".join(dict.fromkeys("XML" if "xml" in name else _type(kind["schema"]) for name, kind in kinds))


def _queries(told: dict[str, Any]) -> str:
    blocks = []
    for path, methods in told["paths"].items():
        for method, operation in methods.items():
            known = [p for p in operation["parameters"] if p["in"] == "query"]
            if known:
                rows = [f"{method.upper()} `{path}`:", "", "| parameter | type | meaning |", "| --- | --- | --- |"]
                rows += [f"| `{p['name']}` | {_of(p['schema'])} | {p['description']} |" for p in known]
                blocks.append("\n".join(rows))
    return "\n\n".join(blocks)


def _types(components: dict[str, Any]) -> str:
    blocks = []
    for name, schema in components.items():
        fields = schema.get("properties", {})
        block = [f"### {name}", "", schema["description"]]
        if fields:
            block += ["", "| field | type | meaning |", "| --- | --- | --- |"]
            required = schema.get("required", ())
            for field, of in fields.items():
                word = f"`{field}`" if field in required else f"`{field}` (optional)"
                block.append(f"| {word} | {_of(of)} | {of.get('description', '')} |")
        blocks.append("\n".join(block))
    return "\n\n".join(blocks)


def _metrics(raw: Sequence[Metric[Any, Any]], calculated: Sequence[Metric[Any, Any]], scope: str) -> str:
    rows = ["| metric | kind | unit | meaning | in Prometheus |", "| --- | --- | --- | --- | --- |"]
    for kind, table in (("raw", raw), ("calculated", calculated)):
        for metric in table:
            kinds = f"{kind}, {metric.kind}" + (", kept" if metric.kept else "")
            each = "" if metric.each is None else f", for each `{metric.each}`"
            exported = f"`{metric.exported(scope).replace('hpm__', '…_')}`{each}" if metric.scraped else "–"
            cells = (f"`{metric.name}`", kinds, metric.unit, metric.meaning, exported)
            rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _errors() -> str:
    rows = ["| status | reason | |", "| --- | --- | --- |"]
    return "\n".join([*rows, *(f"| {status} | {reason} | {text} |" for (status, reason), text in MEANINGS.items())])


def _error_ids() -> str:
    rows = ["| id | meaning |", "| --- | --- |"]
    found: dict[str, str] = {}
    for file in sorted(Path(errors.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ClassDef):
                found |= {id_: (ast.get_docstring(node) or "").split("\n\n")[0] for id_ in _ids(node)}
    return "\n".join([*rows, *(f"| `{id_}` | {_line(found[id_])} |" for id_ in sorted(found))])


def _ids(node: ast.ClassDef) -> Iterator[str]:
    """The id of an error, where the class is one."""
    for line in node.body:
        if isinstance(line, ast.Assign) and isinstance(line.value, ast.Constant) and isinstance(line.value.value, str):
            yield from (line.value.value for to in line.targets if isinstance(to, ast.Name) and to.id == "id")


def _configuration() -> str:
    rows = ["| section | option | value | meaning | without it |", "| --- | --- | --- | --- | --- |"]
    for one in OPTIONS:
        value = one.value.replace("|", " or ")
        rows.append(f"| `[{one.section}]` | `{one.name}` | {value} | {one.meaning} | {one.default} |")
    return "\n".join(rows)


def _commands() -> str:
    blocks = []
    with click.Context(cli, info_name="hpm", **cli.context_settings) as outer:
        for heading, entries in SECTIONS.items():
            blocks.append(f"## {heading}")
            blocks += [_command(entry, outer) for entry in entries]
    return "\n\n".join(blocks)


def _command(entry: Entry, outer: click.Context) -> str:
    command = cli.get_command(outer, entry.name)
    assert isinstance(command, HpmCommand)
    with click.Context(command, info_name=entry.name, parent=outer) as ctx:
        usage = " ".join(command.collect_usage_pieces(ctx))
        paragraphs = (command.help or "").replace("\b", "").strip().split("\n\n")
        said = "\n\n".join(_escaped(_line(one)) for one in paragraphs)
        params = [one for one in command.get_params(ctx) if isinstance(one, click.Option) and one not in command.common]
        records = [record for one in params if "--help" not in one.opts and (record := one.get_help_record(ctx))]
    rows = [f"| `{names.replace('|', chr(92) + '|')}` | {_escaped(_line(text))} |" for names, text in records]
    table = ["", "| option | |", "| --- | --- |", *rows] if rows else []
    examples = ["", "```sh", *command.examples, "```"]
    usage_lines = ["```text", f"hpm {entry.name} {usage}", "```"]
    return "\n".join([f"### {entry.name}", "", *usage_lines, "", said, *table, *examples])


def _line(text: str) -> str:
    return " ".join(text.split())


def _escaped(text: str) -> str:
    """What a table or a paragraph of Markdown shows unchanged."""
    return re.sub(r"([|*<_])", r"\\\1", text)


def _of(schema: dict[str, Any]) -> str:
    """The type of a field or parameter, with its default."""
    default = schema.get("default")
    said = f"; default {_literal(default)}" if default not in (None, "", []) else ""
    return _type(schema) + said


def _literal(value: object) -> str:
    return f"`{'true' if value is True else 'false' if value is False else value}`"


def _type(schema: dict[str, Any]) -> str:
    """A schema in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    for options in (schema.get("oneOf"), schema.get("anyOf")):
        if options:
            return " or ".join(dict.fromkeys(_type(option) for option in options))
    if "const" in schema:
        return _literal(schema["const"])
    if "enum" in schema:
        return ", ".join(_literal(word) for word in schema["enum"])
    return _plain_type(schema)


def _plain_type(schema: dict[str, Any]) -> str:
    kind = schema.get("type")
    if kind == "array" and "prefixItems" in schema:
        return f"({', '.join(_type(item) for item in schema['prefixItems'])})"
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if kind == "object":
        inner = schema.get("additionalProperties")
        return f"object of {_type(inner)} by name" if isinstance(inner, dict) and inner else "object"
    if kind in ("integer", "number"):
        word = "integer" if kind == "integer" else "number"
        low, high = schema.get("minimum"), schema.get("maximum")
        if low is not None and high is not None and high < 2**53:
            return f"{word} from {low} to {high}"
        return word if low is None else f"{word} from {low}"
    formats = {"date-time": "time", "uri-reference": "URI"}
    names = {"string": formats.get(str(schema.get("format")), "text"), "boolean": "true or false", "null": "null"}
    return names.get(str(kind), "any value")


if __name__ == "__main__":
    for file in FILES:
        file.write_text(renewed(file.read_text()))
