"""The commands for service classes."""

from __future__ import annotations

from typing import Any

import click
import msgspec

from ..client.errors import ApiError
from ..errors import NotFound
from ..policy.classification import Filter, Rule, describe
from ..texts import t
from .class_tables import active_policy, show_class, show_classes
from .command import ACTIVE_POLICY, CLASS, GROUP, NEW_CLASS, command
from .edits import class_place, edit_classes, insert_class, move_class, policy_place, remove_class
from .guest_policy_options import read_whole
from .names import CLASSES
from .option_types import IMPORTANCE, Json, Match, RuleJson, Velocity, all_of
from .resolve import find_group
from .session import Session

_velocity = click.option("--velocity", type=Velocity(), metavar="LEVEL|NUMBER",
                         help="Goal: fastest (90), fast (75), moderate (50), slow (30), slowest (10), or 1 to 99"
                              " percent.")  # fmt: skip
_discretionary = click.option("--discretionary", is_flag=True, help="No goal: the class gets what is left.")
_match = click.option("--match", "filters", type=Match(), multiple=True, metavar="TYPE=PATTERN",
                      help="Take servers for which this holds (repeatable: all must hold). TYPE: name, uuid, title,"
                           " hostname, os-type, os-name, os-level, metadata. In PATTERN * and ? are wildcards;"
                           " TYPE!=PATTERN takes those that do not match.")  # fmt: skip
_rule = click.option("--rule", type=RuleJson(), metavar="JSON",
                     help="The rule as the API has it, for or, not and nesting (see policy-show --json).")  # fmt: skip
_guest_policy = click.option("--guest-policy", metavar="FILE|none",
                             help="How its servers are placed, limited and started, where nothing is said of"
                                  " themselves: JSON, whole, as the API has it; - reads standard input.")  # fmt: skip
_description = click.option("--description", metavar="TEXT", help="What the class is for.")


@command("class-list", GROUP, ACTIVE_POLICY, examples=["hpm class-list Gold", "hpm class-list Gold night"])
def class_list(session: Session, group: str, policy: str | None) -> None:
    """List a policy's service classes and how they fare.

    The first class whose rule matches takes a server. Only the active policy has servers, velocity
    (percent of the wanted time that servers really ran) and PI (goal / achieved; up to 1.05 is met).
    """
    client = session.client
    whole = client.group(find_group(client, group).object_id)
    if policy is None and whole.json.get("active-policy") is None and not session.json:
        click.echo(t(
            "Group {name} has no active policy: its servers are unmanaged. 'hpm policy-create' makes one.",
            name=repr(whole.value.name),
        ))
        return
    if policy is not None and policy != whole.json.get("active-policy"):
        place = policy_place(whole.json["perf-policies"], policy, whole.json)
        if session.json:
            session.emit_json(whole.json["perf-policies"][place]["service-classes"])
        else:
            show_classes(whole.value.perf_policies[place], [])
        return
    answer = client.service_classes(whole.value.object_id)
    session.emit(answer, lambda found: show_classes(active_policy(whole.value), found.service_classes))


@command("class-show", GROUP, ACTIVE_POLICY, CLASS, examples=[
    "hpm class-show Gold db",
    "hpm class-show Gold weekday db",
])  # fmt: skip
def class_show(session: Session, group: str, policy: str | None, service_class: str) -> None:
    """Show a service class and its servers.

    With --json: of the active policy, the class with its state; of another one, as the policy has it.
    """
    client = session.client
    whole = client.group(find_group(client, group).object_id)
    place = policy_place(whole.json["perf-policies"], policy, whole.json)
    found = whole.json["perf-policies"][place]
    at = class_place(found, service_class)
    typed = whole.value.perf_policies[place]
    if found["name"] != whole.json.get("active-policy"):
        if session.json:
            session.emit_json(found["service-classes"][at])
        else:
            show_class(session, typed, typed.service_classes[at], None)
        return
    try:
        answer = client.service_class(whole.value.object_id, service_class)
    except ApiError as error:
        if error.status != 404:
            raise
        raise NotFound(t("{message}; try again", message=error.message)) from None
    session.emit(answer, lambda state: show_class(session, typed, typed.service_classes[at], state))


@command("class-add", GROUP, ACTIVE_POLICY, NEW_CLASS, examples=[
    "hpm class-add Gold weekday db --velocity fast --match 'name=db*'",
    "hpm class-add Gold web --velocity 60 --match 'os-type=linux' --before db",
    "hpm class-add Gold batch --discretionary --match 'name=*' --match 'title!=a*'",
])  # fmt: skip
@_velocity
@_discretionary
@_match
@_rule
@click.option("--importance", type=IMPORTANCE, help="The class's own importance [default: the policy's].")
@_description
@click.option("--before", metavar="CLASS", shell_complete=CLASSES,
              help="Put it before this class [default: before the last one].")  # fmt: skip
def class_add(
    session: Session,
    group: str,
    policy: str | None,
    service_class: str,
    velocity: Json | None,
    discretionary: bool,
    filters: tuple[Filter, ...],
    rule: Rule | None,
    importance: str | None,
    description: str | None,
    before: str | None,
) -> None:
    """Add a service class to a policy.

    It goes before the last class, which takes all servers that are left.
    """
    goal = _goal(velocity, discretionary)
    if goal is None:
        raise click.UsageError(t("the goal is missing: give --velocity or --discretionary"))
    chosen = _chosen_rule(filters, rule)
    if chosen is None:
        raise click.UsageError(
            t("which servers? Give --match or --rule (only the last class, which takes all that are left, has none)")
        )
    new: Json = {"name": service_class, "goal": goal, "classification": msgspec.to_builtins(chosen)}
    for field, value in (("importance", importance), ("description", description)):
        if value is not None:
            new[field] = value

    answer = edit_classes(session.client, group, policy, lambda found: insert_class(found, new, before))
    session.done(answer, t(
        "Added service class {name}, which takes servers with {rule}.", name=repr(service_class), rule=describe(chosen),
    ))


@command("class-update", GROUP, ACTIVE_POLICY, CLASS, examples=[
    "hpm class-update Gold weekday db --velocity 80",
    "hpm class-update Gold db --match 'name=db*' --importance highest",
    "hpm class-update Gold db --before web",
    "hpm class-update Gold db --guest-policy db.json",
])  # fmt: skip
@click.option("--new-name", metavar="NAME", help="Rename the class.")
@_velocity
@_discretionary
@_match
@_rule
@click.option("--importance", type=click.Choice([*IMPORTANCE.choices, "none"]),
              help="The class's own importance; none: the policy's.")  # fmt: skip
@_description
@_guest_policy
@click.option("--before", metavar="CLASS", shell_complete=CLASSES, help="Move it before this class.")
def class_update(
    session: Session,
    group: str,
    policy: str | None,
    service_class: str,
    new_name: str | None,
    velocity: Json | None,
    discretionary: bool,
    filters: tuple[Filter, ...],
    rule: Rule | None,
    importance: str | None,
    description: str | None,
    guest_policy: str | None,
    before: str | None,
) -> None:
    """Change a service class.

    --match and --rule replace the whole rule.
    """
    chosen = _chosen_rule(filters, rule)
    changes: dict[str, Any] = {
        "name": new_name,
        "goal": _goal(velocity, discretionary),
        "classification": None if chosen is None else msgspec.to_builtins(chosen),
        "importance": importance,
        "description": description,
        "guest-policy": None if guest_policy is None else read_whole(guest_policy),
    }
    changes = {field: value for field, value in changes.items() if value is not None}
    if not changes and before is None:
        raise click.UsageError(t("nothing to change: give at least one option"))

    def change(found: Json) -> None:
        place = class_place(found, service_class)
        if before is not None:
            move_class(found, service_class, before)
            place = class_place(found, service_class)
        changed = {**found["service-classes"][place], **changes}
        if importance == "none":
            changed.pop("importance")
        found["service-classes"][place] = changed

    answer = edit_classes(session.client, group, policy, change)
    session.done(answer, t(
        "Changed service class {name} of policy {policy}.",
        name=repr(new_name or service_class), policy=repr(answer.value.name),
    ))


@command("class-remove", GROUP, ACTIVE_POLICY, CLASS, examples=["hpm class-remove Gold weekday db"])
def class_remove(session: Session, group: str, policy: str | None, service_class: str) -> None:
    """Remove a service class from a policy.

    Its servers fall into the next class whose rule matches.
    """
    answer = edit_classes(session.client, group, policy, lambda found: remove_class(found, service_class))
    session.done(answer, t(
        "Removed service class {name} of policy {policy}.", name=repr(service_class), policy=repr(answer.value.name),
    ))


def _goal(velocity: Json | None, discretionary: bool) -> Json | None:
    if velocity is not None and discretionary:
        raise click.UsageError(t("--velocity and --discretionary exclude each other"))
    return {"type": "discretionary"} if discretionary else velocity


def _chosen_rule(filters: tuple[Filter, ...], rule: Rule | None) -> Rule | None:
    if filters and rule is not None:
        raise click.UsageError(t("--match and --rule exclude each other; put all in --rule"))
    return rule if rule is not None else all_of(list(filters))
