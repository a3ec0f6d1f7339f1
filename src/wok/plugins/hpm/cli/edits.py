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
from ..texts import t
from ..wire.policies import PolicyDetail
from .resolve import find_group, with_hint

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
        raise Conflict(t(
            "somebody else changed the policy {policy} of group {group} at the same time, so nothing was done; look at"
            " it as it is now, and try again",
            policy=repr(name), group=repr(found.name),
        )) from None


def policy_place(policies: Sequence[Json], name: str | None, group: Json) -> int:
    """Position of the policy of that name, or of the active one. Raises `NotFound`."""
    owner = repr(group.get("name"))
    name = name if name is not None else group.get("active-policy")
    names = [str(policy.get("name")) for policy in policies]
    if name is None:
        raise NotFound(
            t("the group {group} has no active policy; say which policy you mean: {names}", group=owner,
              names=", ".join(names)) if names else
            t("the group {group} has no active policy; it has none at all yet", group=owner)
        )  # fmt: skip
    if name not in names:
        missing = t("there is no policy {name} in group {group}", name=repr(name), group=owner)
        raise NotFound(with_hint(missing, name, names, "policy-list"))
    return names.index(name)


def class_place(policy: Json, name: str) -> int:
    """Position of the service class of that name. Raises `NotFound`."""
    names = [str(service_class.get("name")) for service_class in policy["service-classes"]]
    if name not in names:
        missing = t("there is no service class {name} in policy {policy}", name=repr(name), policy=_name(policy))
        raise NotFound(with_hint(missing, name, names, "class-list"))
    return names.index(name)


def insert_class(policy: Json, new: Json, before: str | None) -> None:
    """Put a class before another one, or before the catch-all. Raises `NotFound`, `NotUnique`."""
    classes: list[Json] = policy["service-classes"]
    if any(one.get("name") == new["name"] for one in classes):
        raise NotUnique(t(
            "there is a service class {name} in policy {policy} already; choose another name",
            name=repr(new["name"]), policy=_name(policy),
        ))
    classes.insert(len(classes) - 1 if before is None else class_place(policy, before), new)


def move_class(policy: Json, name: str, before: str) -> None:
    """Move a class before another one. Raises `NotFound`, `Conflict` for the catch-all."""
    classes: list[Json] = policy["service-classes"]
    place, target = class_place(policy, name), class_place(policy, before)
    if place == target:
        return
    if place == len(classes) - 1:
        raise Conflict(t(
            "{name} takes all servers that are left, so it must stay the last class of policy {policy}",
            name=repr(name), policy=_name(policy),
        ))
    moved = classes.pop(place)
    classes.insert(class_place(policy, before), moved)


def remove_class(policy: Json, name: str) -> None:
    """Remove a class. Raises `NotFound`, `Conflict` for the catch-all."""
    classes: list[Json] = policy["service-classes"]
    place = class_place(policy, name)
    if place == len(classes) - 1:
        raise Conflict(t(
            "{name} takes all servers that are left, and every policy ends with such a class; change it with"
            " class-update, or delete the whole policy with policy-delete",
            name=repr(name),
        ))
    del classes[place]


def _name(policy: Json) -> str:
    return repr(policy.get("name"))
