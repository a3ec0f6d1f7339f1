"""The commands for performance policies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from msgspec import UNSET

from ..client.errors import ChangedMeanwhile
from ..errors import Conflict, InvalidValue, UnknownField
from ..policy.classification import describe
from ..policy.decode import convert, decode
from ..policy.files.notation import notation_of
from ..policy.policies import PerformancePolicy
from ..texts import t
from ..wire.groups import GroupSummary
from ..wire.policies import PolicyList
from . import words
from .command import GROUP, POLICY, Slot, command
from .edits import policy_place
from .file_input import from_xml, located, read_bytes
from .option_types import IMPORTANCE, ClassText, Json, Velocity
from .resolve import find_group
from .session import Session

POLICY_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path)
_NEW_POLICY = Slot("policy", "POLICY", "--policy-name", "The policy; default: the file's name for it.", optional=True)
_FILE_POLICY = replace(_NEW_POLICY, complete="policy")
_NO_POLICY = replace(POLICY, optional=True)

#: Name of the catch-all class where the user gave none.
CATCH_ALL = "rest"


@command("policy-list", GROUP, examples=["hpm policy-list Gold"])
def policy_list(session: Session, group: str) -> None:
    """List a group's policies."""
    from .output import Column, show_table

    wanted = find_group(session.client, group)

    def show(found: PolicyList) -> None:
        if not found.perf_policies:
            click.echo(t("Group {name} has no policies; 'hpm policy-create' makes one.", name=repr(wanted.name)))
            return
        show_table(
            [Column(t("Policy")), Column(t("Active"), whole=True), Column(t("Importance"), whole=True),
             Column(t("Service classes")), Column(t("Description"))],
            [(p.name, t("yes") if p.active else words.NONE, p.importance,
              ", ".join(c.name for c in p.service_classes), words.text_or_none(p.description))
             for p in found.perf_policies],
        )  # fmt: skip

    session.emit(session.client.policies(wanted.object_id), show)


@command("policy-show", GROUP, POLICY, examples=[
    "hpm policy-show Gold weekday",
    "hpm policy-show Gold weekday --json > weekday.json",
])  # fmt: skip
def policy_show(session: Session, group: str, policy: str) -> None:
    """Show a policy and its service classes.

    With --json: the policy as policy-create and policy-update take it with --file.
    """
    from .output import Column, show_fields, show_table

    answer = session.client.group(find_group(session.client, group).object_id)
    place = policy_place(answer.json["perf-policies"], policy, answer.json)
    if session.json:
        session.emit_json(answer.json["perf-policies"][place])
        return
    found = answer.value.perf_policies[place]
    active = words.yes_no(found.name == answer.value.active_policy)
    show_fields([
        (t("Name"), found.name), (t("Group"), answer.value.name), (t("Active"), active),
        (t("Importance"), found.importance), (t("Description"), words.text_or_none(found.description)),
    ])  # fmt: skip
    click.echo()
    show_table(
        [Column(t("Class")), Column(t("Importance"), whole=True), Column(t("Goal"), whole=True), Column(t("Rule")),
         Column(t("Description"))],
        [(c.name, found.importance_of(c), words.goal(c.goal),
          describe(c.classification) if c.classification else t("all that are left"),
          words.text_or_none(c.description)) for c in found.service_classes],
    )  # fmt: skip


@command("policy-create", GROUP, _NEW_POLICY, examples=[
    "hpm policy-create Gold weekday --importance high --velocity fast",
    "hpm policy-create Gold weekday --importance high --class 'db fast name=db*' \\",
    "    --class 'web 60 name=web* os-type=linux' --class 'rest discretionary'",
    "hpm policy-create Gold --file weekday.json",
])  # fmt: skip
@click.option("--importance", type=IMPORTANCE, help="The business importance (needed without --file).")
@click.option("--velocity", type=Velocity(), metavar="LEVEL|NUMBER",
              help="Goal of the class that takes all servers that are left: fastest, fast, moderate, slow,"
                   " slowest, or 1 to 99 percent [default: discretionary, no goal].")  # fmt: skip
@click.option("--class", "classes", type=ClassText(), multiple=True, metavar="'CLASS GOAL [TYPE=PATTERN]...'",
              help="A service class, in order (repeatable). GOAL is a velocity or discretionary; for TYPE see"
                   " class-add. One without a pattern takes all that are left, and must be the last; where"
                   f" there is none, a class {CATCH_ALL!r} is made.")  # fmt: skip
@click.option("--description", metavar="TEXT", help="What the policy is for.")
@click.option("--file", "file", type=POLICY_FILE, metavar="FILE",
              help="Take the policy from a file (JSON or XML); '-': from stdin.")  # fmt: skip
@click.option("--activate", is_flag=True, help="Make it the active one also if the group has another.")
def policy_create(
    session: Session,
    group: str,
    policy: str | None,
    importance: str | None,
    velocity: Json | None,
    classes: tuple[Json, ...],
    description: str | None,
    file: Path | None,
    activate: bool,
) -> None:
    """Create a policy for a group.

    It becomes active at once if the group has neither an active policy nor a schedule.
    """
    if file is not None:
        if velocity is not None or classes:
            raise click.UsageError(t("the classes are in the file: leave --velocity and --class out"))
        new = policy_from_file(file, policy)
        if importance is not None:
            new["importance"] = importance
    else:
        if policy is None:
            raise click.UsageError(t("POLICY is missing: give it as an argument or with --policy-name"))
        if importance is None:
            raise click.UsageError(t("--importance is missing: highest, high, medium, low or lowest"))
        new = {"name": policy, "importance": importance, "service-classes": _classes(classes, velocity)}
    if description is not None:
        new["description"] = description
    create_policy(session, find_group(session.client, group), new, activate)


def create_policy(session: Session, found: GroupSummary, new: Json, activate: bool) -> None:
    """Create a policy, make it the active one if that is wanted or the group has none, and say what was done."""
    client = session.client
    answer = client.create_policy(found.object_id, new)
    active = t("It is the active one now.")
    if not answer.value.active:
        unmanaged = found.active_policy is None and client.group(found.object_id).value.schedule is UNSET
        if activate or unmanaged:
            client.activate_policy(found.object_id, answer.value.name)
            answer = client.policy(found.object_id, answer.value.name)
        else:
            active = t(
                "Active is still no policy, as the schedule wants it; 'hpm policy-activate' changes that."
            ) if found.active_policy is None else t(
                "Active is still {policy}; 'hpm policy-activate' changes that.", policy=repr(found.active_policy)
            )
    made = t("Created policy {policy} for group {group}.", policy=repr(new["name"]), group=repr(found.name))
    session.done(answer, made, active)


@command("policy-update", GROUP, _FILE_POLICY, examples=[
    "hpm policy-update Gold weekday --importance highest",
    "hpm policy-update Gold weekday --file weekday.json",
    "hpm policy-show Silver base --json | hpm policy-update Gold weekday --file -",
])  # fmt: skip
@click.option("--new-name", metavar="NAME", help="Rename the policy.")
@click.option("--importance", type=IMPORTANCE, help="The business importance.")
@click.option("--description", metavar="TEXT", help="What the policy is for; '' for nothing.")
@click.option("--file", "file", type=POLICY_FILE, metavar="FILE",
              help="Replace the whole policy by the one in a file (JSON or XML); '-': from stdin.")  # fmt: skip
def policy_update(
    session: Session,
    group: str,
    policy: str | None,
    new_name: str | None,
    importance: str | None,
    description: str | None,
    file: Path | None,
) -> None:
    """Change a policy, or replace it from a file.

    Its service classes change one by one with class-add, class-update and class-remove.
    """
    changes = {"name": new_name, "importance": importance, "description": description}
    changes = {name: value for name, value in changes.items() if value is not None}
    if file is None and policy is None:
        raise click.UsageError(t("POLICY is missing: give it as an argument or with --policy-name"))
    if file is None and not changes:
        raise click.UsageError(t("nothing to change: give --new-name, --importance, --description or --file"))
    if file is not None:
        whole = policy_from_file(file, policy)
        policy = policy or str(whole["name"])
        changes = {"description": "", **whole, **changes}
    found = find_group(session.client, group)
    answer = session.client.update_policy(found.object_id, str(policy), changes)
    session.done(answer, t(
        "Changed policy {policy} of group {group}.", policy=repr(answer.value.name), group=repr(found.name),
    ))


@command("policy-delete", GROUP, POLICY, examples=["hpm policy-delete Gold night"])
@click.option("--deactivate", is_flag=True, help="Also if it is active; the group is unmanaged then.")
def policy_delete(session: Session, group: str, policy: str, deactivate: bool) -> None:
    """Delete a policy.

    The active one is deleted only with --deactivate; or make another one active first.
    """
    client = session.client
    found = find_group(client, group)
    before = client.policy(found.object_id, policy)
    if before.value.active and not deactivate:
        raise Conflict(t(
            "{policy} is the active policy of group {group}; make another one active first (policy-activate), or"
            " say --deactivate to leave the group unmanaged",
            policy=repr(policy), group=repr(found.name),
        ))
    try:
        client.delete_policy(found.object_id, policy, if_match=before.etag)
    except ChangedMeanwhile:
        raise Conflict(t(
            "somebody else changed the policy {policy} at the same time, so it was not deleted; look at it as it"
            " is now, and try again",
            policy=repr(policy),
        )) from None
    sentences = [t("Deleted policy {policy} of group {group}.", policy=repr(policy), group=repr(found.name))]
    if before.value.active:
        sentences.append(t("The group has no active policy now: its servers are unmanaged."))
    session.done(None, *sentences)


@command("policy-activate", GROUP, _NO_POLICY, examples=[
    "hpm policy-activate Gold night",
    "hpm policy-activate Gold --none",
])  # fmt: skip
@click.option("--none", "nothing", is_flag=True, help="No policy: leave the group unmanaged.")
def policy_activate(session: Session, group: str, policy: str | None, nothing: bool) -> None:
    """Make a policy the group's active one."""
    if nothing == (policy is not None):
        raise click.UsageError(t("give the POLICY to activate, or --none"))
    found = find_group(session.client, group)
    if policy is not None:
        whole: Json = session.client.group(found.object_id).json
        policy_place(whole["perf-policies"], policy, whole)    # for its error: it knows similar names
    answer = session.client.activate_policy(found.object_id, policy)
    if policy is None:
        session.done(
            answer, t("Group {name} has no active policy now: its servers are unmanaged.", name=repr(found.name))
        )
    else:
        session.done(
            answer, t("Policy {policy} of group {group} is active now.", policy=repr(policy), group=repr(found.name))
        )


def _classes(classes: tuple[Json, ...], velocity: Json | None) -> list[Json]:
    """The classes given, and a catch-all if none of them is one."""
    for made in classes[:-1]:
        if "classification" not in made:
            raise click.UsageError(t(
                "--class {name} has no pattern, so it takes all servers that are left: give it one, or put it last",
                name=repr(made["name"]),
            ))
    if classes and "classification" not in classes[-1]:
        if velocity is not None:
            name = repr(classes[-1]["name"])
            raise click.UsageError(t("the last --class {name} has its own goal: leave --velocity out", name=name))
        return list(classes)
    return [*classes, {"name": CATCH_ALL, "goal": velocity or {"type": "discretionary"}}]


def policy_from_file(file: Path, name: str | None) -> Json:
    """The policy in a file; a name on the command line is stronger than the file's."""
    data = read_bytes(file)
    try:
        policy = from_xml(data) if notation_of(data) == "xml" else decode(data, dict[str, Any])
        if name is not None:
            policy["name"] = name
        convert(policy, PerformancePolicy)
    except UnknownField as error:
        if error.place is not None:
            raise InvalidValue(located(file, error)) from None
        # the server may be newer, and tells what is wrong if it is not
    except InvalidValue as error:
        raise InvalidValue(located(file, error)) from None
    return policy
