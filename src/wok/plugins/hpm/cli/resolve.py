"""Find groups and virtual servers by name or id, with help for those who mistype."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import NamedTuple, Protocol, TypeVar

from ..client.errors import ApiError
from ..client.rest import Client
from ..errors import InvalidValue, NotFound
from ..texts import later, t
from ..wire.groups import GroupSummary
from ..wire.servers import ServerSummary

#: So many names are listed in an error; more do not help.
MOST_NAMES = 8


class Named(Protocol):
    """What has a name and an id."""

    object_id: str
    name: str


N = TypeVar("N", bound=Named)


class _Kind(NamedTuple):
    """What is looked for, in words, and the command that lists it."""

    missing: str
    several: str
    command: str


_GROUP = _Kind(
    later("there is no workload resource group {name}"),
    later("{name} is the name or id of more than one workload resource group: {names}; give another of these"),
    "wrg-list",
)
_SERVER = _Kind(
    later("there is no virtual server {name}"),
    later("{name} is the name or id of more than one virtual server: {names}; give another of these"), "vs-list",
)


def find_group(client: Client, wanted: str) -> GroupSummary:
    """The group of that name or id. Raises `NotFound`, `InvalidValue` if there are several."""
    return _pick(client.groups().value.workload_resource_groups, wanted, _GROUP)


def find_server(client: Client, wanted: str) -> ServerSummary:
    """The virtual server of that name or id. Raises `NotFound`, `InvalidValue` if there are several."""
    return find_servers(client, [wanted])[0]


def find_servers(client: Client, wanted: Iterable[str]) -> list[ServerSummary]:
    """As `find_server`, for several; each once."""
    known = client.servers().value.virtual_servers
    found = [_pick(known, one, _SERVER) for one in wanted]
    return list({server.object_id: server for server in found}.values())


@contextmanager
def names_for_ids(servers: Sequence[ServerSummary]) -> Iterator[None]:
    """Let a refusal speak of these servers as the user did: the API knows them by id. Its field `move` is an option
    here."""
    try:
        yield
    except ApiError as error:
        message = error.message.replace("; say move to take", "; say --move to take")
        for server in servers:
            message = message.replace(server.object_id, repr(server.name))
        raise ApiError(error.status, error.reason, message, error.details) from None


def _pick(things: Sequence[N], wanted: str, kind: _Kind) -> N:
    """The one of `things` with that name or id. Raises `NotFound`, `InvalidValue`."""
    found = [thing for thing in things if wanted == thing.name or wanted.lower() == thing.object_id.lower()]
    if len(found) == 1:
        return found[0]
    if found:
        several = ", ".join(f"{thing.name} ({thing.object_id})" for thing in found)
        raise InvalidValue(t(kind.several, name=repr(wanted), names=several))
    missing = t(kind.missing, name=repr(wanted))
    raise NotFound(with_hint(missing, wanted, [thing.name for thing in things], kind.command))


def with_hint(missing: str, wanted: str, names: Sequence[str], command: str) -> str:
    """What is `missing`, with similar names, or all if they are few, or where to look."""
    near = similar(wanted, names)
    if near:
        return t("{missing}; similar: {names}", missing=missing, names=", ".join(near))
    if not names:
        return t("{missing}; there are none yet", missing=missing)
    if len(names) <= MOST_NAMES:
        return t("{missing}; there are: {names}", missing=missing, names=", ".join(names))
    return t("{missing}; 'hpm {command}' lists them all", missing=missing, command=command)


def similar(wanted: str, names: Sequence[str]) -> list[str]:
    """Names like `wanted`, best first: same but for case, beginning with it, containing it, or close."""
    low = wanted.lower()
    ranked = [n for n in names if n.lower() == low]
    ranked += [n for n in names if low and n.lower().startswith(low)]
    by_low = {n.lower(): n for n in names}
    ranked += [by_low[n] for n in get_close_matches(low, list(by_low), n=MOST_NAMES, cutoff=0.6)]
    ranked += [n for n in names if low and low in n.lower()]
    return list(dict.fromkeys(ranked))[:MOST_NAMES]
