"""Nothing that the API can do is missing at the command line.

Which operation a method of the client calls is found by calling it; which methods a command calls, by reading the
source from the command's function on.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

import httpx
import pytest

import hpm.cli
from hpm.cli.registry import COMMANDS
from hpm.client.request import Request
from hpm.client.rest import Client
from hpm.control.route import Route
from hpm.control.routes import routes
from hpm.manager.manager import Manager

Operation = tuple[str, str]

#: Operations that no command needs, and why.
EXCEPTIONS: dict[Operation, str] = {
    ("GET", "/workload-resource-groups/detail"): "for programs that read all at once; wrg-show reads one group",
    ("GET", "/login"): "for browsers: who has the session",
    ("POST", "/login"): "for browsers: a command sends its password or token with each request",
    ("POST", "/logout"): "for browsers",
    ("GET", "/openapi.json"): "for generators of clients, which ask for it themselves",
    ("GET", "/virtual-servers/sync"): "for programs that keep a copy; vs-list and vs-details show the same",
    ("GET", "/metrics/prometheus"): "for Prometheus; metrics-vs and the like show the same",
    ("GET", "/tokens/{id}"): "token-list shows all there is of each",
    **{
        ("GET", f"/partitions/{{id}}/parameters/{group}"): "for programs; partition-show shows all parameters at once"
        for group in ("cpu", "blkio", "memory", "numa")
    },
    ("POST", "/hooks/qemu"): "for libvirt's hook; dependencies and job-show tell a person the same",
    ("POST", "/simulations"): "simulate computes on the user's own machine, and needs no running hpm",
}

ROUTES = routes(cast(Manager, None))
CLI = Path(str(hpm.cli.__file__)).parent


class Recorder:
    """A connection that notes what is asked for, and answers with an empty object."""

    base_path = ""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def send(self, request: Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(200, content=b"{}", request=httpx.Request(request.method, "http://localhost/"))

    stream = send

    def close(self) -> None:
        pass


def value_for(hint: Any) -> Any:
    """Something of a type; what it is does not matter, only where it is sent."""
    options = [option for option in get_args(hint) if option is not NoneType]
    if get_origin(hint) is Literal:
        return options[0]
    if get_origin(hint) in (Union, UnionType):
        mappings = [option for option in options if get_origin(option) is Mapping]
        return value_for((mappings or options)[0])
    samples: dict[Any, Any] = {str: "x", bytes: b"{}", bool: True, int: 1, float: 1.0, Mapping: {}, Sequence: ("x",)}
    origin = get_origin(hint) or hint
    if origin in samples:
        return samples[origin]
    try:
        return origin()    # a query, none of whose fields must be given
    except TypeError:
        return None


@cache
def calls() -> dict[str, set[Operation]]:
    """The operations of each method of the client that sends anything: with what it must be given, and with all."""
    found: dict[str, set[Operation]] = {}
    for name, method in inspect.getmembers(Client, inspect.isfunction):
        if name.startswith("_") or name == "text":    # of any path
            continue
        hints = get_type_hints(method)
        parameters = list(inspect.signature(method).parameters.values())[1:]
        for chosen in ([p for p in parameters if p.default is p.empty], parameters):
            recorder = Recorder()
            with suppress(Exception):    # an empty answer may not be what it expects; it is asked for what it sent
                method(
                    Client(recorder), *[value_for(hints[p.name]) for p in chosen if p.kind != p.KEYWORD_ONLY],
                    **{p.name: value_for(hints[p.name]) for p in chosen if p.kind == p.KEYWORD_ONLY},
                )  # fmt: skip
            if recorder.requests:
                found.setdefault(name, set()).update(operation(request) for request in recorder.requests)
    return found


def operation(request: Request) -> Operation:
    """The route that a request is for; words of a path go before its variable parts, as in `control.api`."""
    segments = tuple(request.path.strip("/").split("/"))
    method = "GET" if request.method == "HEAD" else request.method
    fitting = [route for route in ROUTES if route.method == method and route.match(segments) is not None]
    if not fitting:
        return request.method, f"{request.path} (no such route)"
    best: Route = min(fitting, key=lambda route: [part.startswith("{") for part in route.path.split("/")])
    return best.method, best.path


@cache
def definitions() -> dict[tuple[str, str], ast.AST]:
    """Functions and classes of the command line, by module and name."""
    return {
        (file.stem, node.name): node
        for file in CLI.glob("*.py") for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }  # fmt: skip


@cache
def imported(module: str) -> dict[str, tuple[str, str]]:
    """Names that a module has from others of the command line."""
    return {
        alias.asname or alias.name: (node.module or "", alias.name)
        for node in ast.walk(ast.parse((CLI / f"{module}.py").read_text()))
        if isinstance(node, ast.ImportFrom) and node.level == 1 for alias in node.names
    }  # fmt: skip


def reached(start: tuple[str, str]) -> Iterator[tuple[str, ast.AST]]:
    """The definitions that are used from one on, with their modules."""
    seen, waiting = {start}, [start]
    while waiting:
        module, name = waiting.pop()
        tree = definitions()[module, name]
        yield module, tree
        for node in ast.walk(tree):
            if not isinstance(node, ast.Name):
                continue
            target = imported(module).get(node.id, (module, node.id))
            if target in definitions() and target not in seen:
                seen.add(target)
                waiting.append(target)


def methods_used(tree: ast.AST) -> set[str]:
    """What is called on a client: on something whose name ends in ``client``."""
    return {
        node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)
        and (node.value.id if isinstance(node.value, ast.Name) else getattr(node.value, "attr", "")).endswith("client")
    }  # fmt: skip


@cache
def operations_of(command: str) -> frozenset[Operation]:
    """The operations that a command may call."""
    entry = COMMANDS[command]
    used = {name for _, tree in reached((entry.module, command.replace("-", "_"))) for name in methods_used(tree)}
    return frozenset(operation for name in used for operation in calls().get(name, ()))


def test_every_method_of_the_client_calls_a_route_that_exists() -> None:
    wrong = {name: ops for name, ops in calls().items() for method, path in ops if "no such route" in path}
    assert not wrong, f"these methods of the client call what is not in control/routes.py: {wrong}"


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_operation_has_a_command(route: Route) -> None:
    wanted = (route.method, route.path)
    commands = [name for name in COMMANDS if wanted in operations_of(name)]
    where = f"{route.method} {route.path} ({route.summary})"
    if wanted in EXCEPTIONS:
        assert not commands, f"{where} is used by {commands} now: take it out of EXCEPTIONS in {Path(__file__).name}"
        return
    methods = [name for name, operations in calls().items() if wanted in operations]
    assert methods, (
        f"{where} cannot be called from the command line. Add a method to client/ (and its class to client/rest.py),"
        " a command that calls it to cli/ (and to cli/registry.py and README.md); or, if no user wants it at a shell,"
        f" a line with the reason to EXCEPTIONS in tests/unit/{Path(__file__).name}"
    )
    assert commands, (
        f"{where} can be called with Client.{' or Client.'.join(methods)}, but no command does. Add one to cli/ (and to"
        " cli/registry.py and README.md), which calls it on something named client; or a line with the reason to"
        f" EXCEPTIONS in tests/unit/{Path(__file__).name}"
    )


def test_exceptions_are_operations_and_have_a_reason() -> None:
    assert set(EXCEPTIONS) <= {(route.method, route.path) for route in ROUTES}
    assert all(EXCEPTIONS.values())


def test_the_search_finds_what_is_known() -> None:
    """If the way in which commands call the client changes, this says that the search must follow."""
    assert ("POST", "/workload-resource-groups/{id}/actions") in operations_of("wrg-add-vs")
    assert ("GET", "/virtual-servers/detail") in operations_of("top")
    assert ("GET", "/dynamic-resource-adjustments") in operations_of("dra-list")
    assert not operations_of("serve") and not operations_of("help")
