"""``python -m contrib.release.promises`` (`make promises`): write down what this version promises.

contrib/release/README.md says what that is. It goes to tests/unit/releases/VERSION, with policy files and what they
mean; tests/unit/test_compatibility.py compares with it what comes later.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import click
import msgspec

from hpm.cli.command import Failure, HpmCommand, Unconnected
from hpm.cli.main import cli
from hpm.cli.registry import COMMANDS
from hpm.control.openapi import document
from hpm.control.routes import routes
from hpm.engine.metrics import groups, host, servers
from hpm.engine.metrics.metric import Metric
from hpm.host.configuration import OPTIONS
from hpm.manager.manager import Manager
from hpm.manager.upkeep import OWN
from hpm.model import prometheus
from hpm.policy.files.notation import read, write
from hpm.version import VERSION

ROOT = Path(__file__).resolve().parents[2]
RELEASES = ROOT / "tests/unit/releases"
#: In a release's directory: the promises, and beside them its policy files.
PROMISES = "promises.json"
#: A policy file that says everything that there is to say.
WHOLE = RELEASES / "every-field.json"

#: Characters of an object that is written in one line.
LINE = 160
#: What an OpenAPI document says for readers, or is no part of what is compared.
_SAID = {"description", "summary", "title", "example", "examples", "tags", "operationId", "headers", "links",
         "discriminator"}  # fmt: skip
#: Where the names in it are of hpm's own things.
_NAMED = {"properties", "schemas", "paths"}


def promises() -> dict[str, Any]:
    """What the tree promises, but for its policy files. What may only grow is an object, with a name for each thing."""
    told = document(routes(cast(Manager, None)))
    found = {
        "api": {"paths": _bare(told["paths"], True), "components": _bare({"schemas": told["components"]["schemas"]})},
        "commands": dict(_commands()),
        "exit codes": {
            "refused": Failure.exit_code, "usage": click.UsageError.exit_code, "no connection": Unconnected.exit_code,
        },
        "hpm.conf": {f"[{one.section}] {one.name}": {"value": one.value} for one in OPTIONS},
        "metrics": {
            "hpm": _metrics(OWN, ()), "hypervisor": _metrics(host.RAW, host.CALCULATED),
            "groups": _metrics(groups.RAW, groups.CALCULATED),
            "virtual servers": _metrics(servers.RAW, servers.CALCULATED),
        },
        "Prometheus": _series(),
    }  # fmt: skip
    return cast("dict[str, Any]", json.loads(json.dumps(found)))


def meanings(files: Iterable[Path]) -> dict[str, Any]:
    """What policy files mean, by their names. Raises `InvalidValue`."""
    return cast("dict[str, Any]", json.loads(json.dumps({one.name: _meaning(read(one.read_bytes())) for one in files})))


def policy_files(directory: Path) -> list[Path]:
    """Those in a directory."""
    return sorted(one for one in directory.iterdir() if one.suffix in (".json", ".xml") and one.name != PROMISES)


def _bare(value: Any, named: bool = False) -> Any:
    """A part of an OpenAPI document, without what is said for readers, and without refusals."""
    if isinstance(value, list):
        return [_bare(one) for one in value if not (isinstance(one, dict) and one.get("in") in ("path", "header"))]
    if not isinstance(value, dict):
        return value
    return {
        name: _bare(one, name in _NAMED and not named) for name, one in value.items()
        if named or not (name in _SAID or re.fullmatch("[345]..", name))
    }  # fmt: skip


def _commands() -> Iterator[tuple[str, Any]]:
    with click.Context(cli, info_name="hpm", **cli.context_settings) as outer:
        yield "hpm", _command(cli, outer)
        for name in COMMANDS:
            command = cli.get_command(outer, name)
            assert isinstance(command, HpmCommand)
            with click.Context(command, info_name=name, parent=outer) as ctx:
                yield name, _command(command, ctx)


def _command(command: click.Command, ctx: click.Context) -> dict[str, Any]:
    """Its options; the names that it takes, in their order; and which of all that it needs."""
    slots = command.slots if isinstance(command, HpmCommand) else ()
    names = [(one.option, {"many": {}} if one.many else {}) for one in slots]
    needs = [one.option for one in slots if not one.optional]
    options: dict[str, Any] = {}
    for one in command.get_params(ctx):
        said: dict[str, Any] = {"flag": one.is_flag} if isinstance(one, click.Option) else {}
        if one.multiple or one.nargs != 1:
            said["many"] = {}
        if isinstance(one.type, click.Choice):
            said["words"] = {str(word): {} for word in one.type.choices}
        if isinstance(one, click.Option):
            options |= dict.fromkeys((*one.opts, *one.secondary_opts), said)
        elif not slots:
            names.append((str(one.name), said))
        if one.required:
            needs.append(one.opts[0])
    return {"options": options, "names": {str(at): {name: said} for at, (name, said) in enumerate(names)},
            "needs": needs}  # fmt: skip


def _metrics(raw: Iterable[Metric[Any, Any]], calculated: Iterable[Metric[Any, Any]]) -> dict[str, Any]:
    return {
        one.name: {"of": of, "kind": one.kind, "unit": one.unit} | ({"kept": {}} if one.kept else {})
        for of, table in (("raw", raw), ("calculated", calculated)) for one in table
    }  # fmt: skip


def _series() -> dict[str, str]:
    """The kinds of all metrics in Prometheus, by their names there, which tell their units."""
    tables = [value for name, value in vars(prometheus).items() if name.lstrip("_").isupper()]
    return dict(re.findall(r"# TYPE (\w+) (counter|gauge)", repr(tables)))


def _meaning(value: Any) -> Any:
    """What a policy file says, with all that it leaves out."""
    if isinstance(value, msgspec.Struct):
        tag, names = value.__struct_config__.tag, value.__struct_encode_fields__
        fields = zip(names, value.__struct_fields__, strict=True)
        said = _meaning({name: getattr(value, field) for name, field in fields})
        return said | ({"type": tag} if tag else {})
    if isinstance(value, Mapping):
        return {name: _meaning(one) for name, one in value.items() if one is not msgspec.UNSET}
    return [_meaning(one) for one in value] if isinstance(value, tuple) else value


def _lines(value: Any) -> str:
    """JSON in which a difference can be read: an object that is long has a line for each thing in it."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if len(text) <= LINE or not isinstance(value, dict):
        return text
    return "{\n" + ",\n".join(f"{json.dumps(name)}:{_lines(value[name])}" for name in sorted(value)) + "\n}"


def main() -> None:
    """Write them anew."""
    directory = RELEASES / VERSION
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for file in (*policy_files(ROOT / "examples"), WHOLE):
        shutil.copyfile(file, directory / file.name)
    (directory / WHOLE.with_suffix(".xml").name).write_bytes(write(read(WHOLE.read_bytes()), "xml"))
    found = promises() | {"policy files": meanings(policy_files(directory))}
    (directory / PROMISES).write_text(_lines(found) + "\n")


if __name__ == "__main__":
    main()
