"""Names for the shell's completion: of groups, policies, service classes and virtual servers.

The running hpm is asked, with a short time limit; where it does not answer there is nothing to complete, and nothing
is said: the user is in the middle of a line. An option completes with ``shell_complete=GROUPS`` (or `SERVERS`,
`POLICIES`, `CLASSES`, `CLASSES_IN_USE`, `PARTITIONS`), a `Slot` with the kind that it names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from threading import Thread
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from ..texts import plural, t
from .plain import plain
from .session import Session

if TYPE_CHECKING:
    from ..client.rest import Client
    from ..wire.groups import GroupDetail
    from .command import Slot

#: So long a user waits for a completion.
LIMIT_SECONDS = 1.0

#: Names with what is said of each; from the words that are known already, by the key of their slots.
Question = Callable[["Client", Mapping[str, Any]], Iterable[tuple[str, str]]]

#: What click calls for the word at the cursor.
Completer = Callable[[click.Context, click.Parameter, str], list["CompletionItem[str]"]]


def _groups(client: Client, given: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for group in client.groups().value.workload_resource_groups:
        active = group.active_policy
        yield group.name, t("no active policy") if active is None else t("active policy {name}", name=active)


def _policies(client: Client, given: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    whole = _group(client, given)
    if whole is not None:
        for policy in whole.perf_policies:
            active = policy.name == whole.active_policy
            yield policy.name, t("policy; active") if active else t("policy; not active")


def _classes(client: Client, given: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    from .words import goal

    whole = _group(client, given)
    if whole is not None:
        name = given.get("policy") or whole.active_policy
        for policy in whole.perf_policies:
            if policy.name == name:
                yield from ((c.name, t("service class; {goal}", goal=goal(c.goal))) for c in policy.service_classes)


def _servers(client: Client, given: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for server in client.servers().value.virtual_servers:
        yield server.name, server.status


def _memory_policies(client: Client, given: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for policy in client.memory_policies().value.memory_policies:
        yield policy.name, t("memory policy")


def _partitions(client: Client, given: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    for partition in client.partitions().value.partitions:
        yield partition.path, t("partition; {state}", state=partition.state)


def _classes_in_use(client: Client, given: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """Service classes that have servers, of whatever group."""
    servers = client.servers().value.virtual_servers
    for name, number in Counter(s.service_class for s in servers if s.service_class is not None).items():
        yield name, plural("service class; {n} server", "service class; {n} servers", number)


def _members(client: Client, given: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    return _by_group(client, given, True)


def _outsiders(client: Client, given: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    return _by_group(client, given, False)


def _by_group(client: Client, given: Mapping[str, Any], inside: bool) -> Iterable[tuple[str, str]]:
    """Servers in, or not in, the group; without those that stand in the line already."""
    whole = _group(client, given)
    members = set() if whole is None else {uri.rpartition("/")[2] for uri in whole.virtual_servers}
    for server in client.servers().value.virtual_servers:
        if (server.object_id in members) == inside and server.name not in (given.get("servers") or ()):
            yield server.name, server.status


#: What a slot may complete with; and "file".
KINDS: dict[str, Question] = {
    "group": _groups, "policy": _policies, "class": _classes, "class-in-use": _classes_in_use, "server": _servers,
    "member": _members, "outsider": _outsiders, "memory-policy": _memory_policies, "partition": _partitions,
}  # fmt: skip


def _group(client: Client, given: Mapping[str, Any]) -> GroupDetail | None:
    from .resolve import find_group

    wanted = given.get("group")
    return None if not wanted else client.group(find_group(client, wanted).object_id).value


def complete_slots(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
    """Complete a name given as an argument: the next word may be for one slot, or for one of several."""
    from .command import open_slots, spread

    slots, given, words = _line(ctx)
    found: dict[str, CompletionItem[str]] = {}
    left = open_slots(slots, given)
    skipped = 0
    for place, slot in enumerate(left):
        many = slot.many and len(words) >= place
        if (many or place - skipped <= len(words) <= place) and slot.complete:
            before = dict(given)
            # with fewer words than places, an optional slot was left out
            spread([s for s in left[: place + many] if len(words) >= place or not s.optional], before, list(words))
            found.update({item.value: item for item in _ask(ctx, slot.complete, before, incomplete)})
        skipped += slot.optional
    return list(found.values())


def _completer(kind: str) -> Completer:
    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        from .command import spread

        slots, given, words = _line(ctx)
        spread(slots, given, words)
        return _ask(ctx, kind, given, incomplete)

    return complete


GROUPS, POLICIES, CLASSES, SERVERS = map(_completer, ("group", "policy", "class", "server"))
PARTITIONS = _completer("partition")
CLASSES_IN_USE = _completer("class-in-use")


def slot_completer(slot: Slot) -> Completer | None:
    """What completes the option of a slot."""
    return _completer(slot.complete) if slot.complete else None


def _line(ctx: click.Context) -> tuple[tuple[Slot, ...], dict[str, Any], list[str]]:
    """The command's slots, what options have given of them, and the arguments."""
    slots: tuple[Slot, ...] = getattr(ctx.command, "slots", ())
    given = {slot.key: ctx.params.get(f"name_{slot.key}") for slot in slots}
    # where the line ends with an option that waits for its value, click has not told arguments apart yet
    return slots, given, list(ctx.params.get("names") or ctx.args)


def _ask(ctx: click.Context, kind: str, given: Mapping[str, Any], incomplete: str) -> list[CompletionItem[str]]:
    if kind == "file":
        return [CompletionItem(incomplete, type="file")]    # the shell knows better
    found: list[tuple[str, str]] = []
    session = ctx.ensure_object(Session)

    def work() -> None:
        try:
            found.extend(KINDS[kind](session.client, given))
        except Exception:    # whatever it is: it is no help in the middle of a line
            return

    thread = Thread(target=work, daemon=True)
    thread.start()
    thread.join(LIMIT_SECONDS)
    fitting = [(name, said) for name, said in list(found) if name.startswith(incomplete) and _typable(name)]
    return [CompletionItem(name, help=said) for name, said in fitting]


def _typable(name: str) -> bool:
    """Whether a shell's line can say it: not a control character, and no option."""
    return name == plain(name) and not name.startswith("-")
