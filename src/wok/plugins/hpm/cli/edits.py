"""Changes of a policy's service classes: read the policy, change its classes, write them back.

A policy is changed as the JSON that the server sent, not as typed values, so that fields of a newer server survive.
Its ETag goes with the write: if somebody else changed the policy since it was read, nothing is written, and the user
is told.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from ..client.answers import Answer
from ..client.errors import ChangedMeanwhile
from ..client.rest import Client
from ..errors import Conflict, NotFound, NotUnique
from ..wire.policies import PolicyDetail
from .resolve import find_group, hint

Json = dict[str, Any]


def edit_classes(
    client: Client, group: str, policy: str | None, change: Callable[[Json], None]
) -> Answer[PolicyDetail]:
    """Apply `change(policy)`, which changes its service classes in place, to the policy of that name (None: the active
    one) of the group of that name or id. Raises `Conflict` if somebody else was quicker, and what `change` and the
    client raise."""
    found = find_group(client, group)
    known: list[Json] = client.policies(found.object_id).json["perf-policies"]
    whole = {"name": found.name, "active-policy": found.active_policy}
    name = str(known[policy_place(known, policy, whole)]["name"])
    answer = client.policy(found.object_id, name)
    changed = copy.deepcopy(answer.json)
    change(changed)
    try:
        return client.update_policy(
            found.object_id, name, {"service-classes": changed["service-classes"]}, if_match=answer.etag
        )
    except ChangedMeanwhile:
        raise Conflict(
            f"somebody else changed the policy {name!r} of group {found.name!r} at the same time, so nothing was done;"
            " look at it as it is now, and try again"
        ) from None


def place_of(things: Sequence[Json], name: str, what: str, where: str) -> int:
    """Position of the policy or class of that name. Raises `NotFound` with similar names."""
    names = [str(thing.get("name")) for thing in things]
    if name not in names:
        raise NotFound(f"there is no {what} {name!r} in {where}{hint(name, names, '')}")
    return names.index(name)


def policy_place(policies: Sequence[Json], name: str | None, group: Json) -> int:
    """Position of the policy of that name, or of the active one. Raises `NotFound`."""
    if name is None:
        name = group.get("active-policy")
    if name is None:
        known = ", ".join(str(policy.get("name")) for policy in policies)
        raise NotFound(
            f"the group {group.get('name')!r} has no active policy; "
            + (f"say which policy you mean: {known}" if known else "it has none at all yet")
        )
    return place_of(policies, name, "policy", f"group {group.get('name')!r}")


def check_new_name(things: Sequence[Json], name: str, what: str, where: str) -> None:
    """Raises `NotUnique` if there is one of that name."""
    if any(thing.get("name") == name for thing in things):
        raise NotUnique(f"there is a {what} {name!r} in {where} already; choose another name")


def insert_class(policy: Json, new: Json, before: str | None) -> None:
    """Put a class before another one, or before the catch-all. Raises `NotFound`, `NotUnique`."""
    classes: list[Json] = policy["service-classes"]
    where = f"policy {policy.get('name')!r}"
    check_new_name(classes, new["name"], "service class", where)
    place = len(classes) - 1 if before is None else place_of(classes, before, "service class", where)
    classes.insert(place, new)


def move_class(policy: Json, name: str, before: str) -> None:
    """Move a class before another one. Raises `NotFound`, `Conflict` for the catch-all."""
    classes: list[Json] = policy["service-classes"]
    where = f"policy {policy.get('name')!r}"
    place = place_of(classes, name, "service class", where)
    target = place_of(classes, before, "service class", where)
    if place == target:
        return
    if place == len(classes) - 1:
        raise Conflict(f"{name!r} takes all servers that are left, so it must stay the last class of {where}")
    moved = classes.pop(place)
    classes.insert(place_of(classes, before, "service class", where), moved)


def remove_class(policy: Json, name: str) -> None:
    """Remove a class. Raises `NotFound`, `Conflict` for the catch-all."""
    classes: list[Json] = policy["service-classes"]
    place = place_of(classes, name, "service class", f"policy {policy.get('name')!r}")
    if place == len(classes) - 1:
        raise Conflict(
            f"{name!r} takes all servers that are left, and every policy ends with such a class;"
            " change it with class-update, or delete the whole policy with policy-delete"
        )
    del classes[place]
