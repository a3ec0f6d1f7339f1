"""The commands for what a policy was, and what it would do."""

from __future__ import annotations

from pathlib import Path

import click

from ..texts import t
from ..wire.policies import PolicyRevision, Preview, PreviewedServer
from . import words
from .command import GROUP, POLICY, Slot, command
from .policies import POLICY_FILE, policy_from_file
from .resolve import find_group, find_servers
from .session import Session

_STORED = Slot("policy", "POLICY", "--policy-name", "A policy of the group; or give --file.", optional=True,
               complete="policy")  # fmt: skip
_REVISION = Slot("revision", "REVISION", "--revision", "Its number in policy-revisions.", value="NUMBER")


@command("policy-revisions", GROUP, POLICY, examples=["hpm policy-revisions Gold weekday"])
def policy_revisions(session: Session, group: str, policy: str) -> None:
    """List who changed a policy, and when.

    Also of one that was deleted. With --json: what it was each time.
    """
    from .output import Column, show_table

    found = find_group(session.client, group)

    def content(revision: PolicyRevision) -> str:
        policy = revision.perf_policy
        if policy is None:
            return t("deleted")
        return f"{policy.importance}: " + ", ".join(f"{c.name} {words.goal(c.goal)}" for c in policy.service_classes)

    session.emit(
        session.client.policy_revisions(found.object_id, policy),
        lambda answer: show_table(
            [Column(t("Revision"), number=True), Column(t("Time"), whole=True), Column(t("User")),
             Column(t("What it was then"))],
            [(str(r.revision), words.local_time(r.time), r.user, content(r)) for r in answer.revisions],
        ),
    )


@command("policy-restore", GROUP, POLICY, _REVISION, examples=[
    "hpm policy-revisions Gold weekday",
    "hpm policy-restore Gold weekday 3",
    "hpm policy-restore Gold weekday --revision 3",
])  # fmt: skip
def policy_restore(session: Session, group: str, policy: str, revision: str) -> None:
    """Make a policy what it was before.

    That is a new revision, so it can be undone too. A policy that was deleted is there again, but not active.
    """
    if not (revision.isascii() and revision.isdecimal()) or not int(revision):
        raise click.UsageError(t(
            "{value} is not the number of a revision; 'hpm policy-revisions' lists them", value=repr(revision),
        ))
    found = find_group(session.client, group)
    answer = session.client.restore_policy(found.object_id, policy, int(revision))
    active = t("It is the active one.") if answer.value.active else t(
        "It is not active; 'hpm policy-activate' makes it so."
    )
    session.done(
        answer, t(
            "Policy {policy} of group {group} is what it was in revision {number} again.",
            policy=repr(policy), group=repr(found.name), number=revision,
        ), active
    )


@command("policy-preview", GROUP, _STORED, examples=[
    "hpm policy-preview Gold night",
    "hpm policy-preview Gold --file weekday.json",
    "hpm policy-preview Gold night --vs db1 --vs db2",
])  # fmt: skip
@click.option("--file", "file", type=POLICY_FILE, metavar="FILE", help="A policy in a file; '-': from stdin.")
@click.option("--vs", "servers", multiple=True, metavar="SERVER",
              help="As if the group had these servers and no others (name or UUID; several times).")
def policy_preview(
    session: Session, group: str, policy: str | None, file: Path | None, servers: tuple[str, ...]
) -> None:
    """Show what a policy would do if it were active now.

    Nothing is changed. PI now is what was measured last, PI then what the planner expects: up to 1.05 the goal is met.
    """
    if (policy is None) == (file is None):
        raise click.UsageError(t("give a POLICY of the group, or --file"))
    client = session.client
    found = find_group(client, group)
    if file is not None:
        wished = policy_from_file(file, None)
    else:
        stored = client.policy(found.object_id, str(policy)).json
        wished = {key: stored[key] for key in ("name", "description", "importance", "service-classes")}

    def show(answer: Preview) -> None:
        from .output import show_heading

        show_heading(t("Servers of {name}", name=found.name))
        _show_servers(answer.virtual_servers)
        if answer.other_virtual_servers:
            click.echo()
            show_heading(t("Managed servers of other groups"))
            _show_servers(answer.other_virtual_servers)

    if servers:
        members = [server.object_id for server in find_servers(client, servers)]
        group_then = {
            "workload-resource-group": found.object_id, "virtual-servers": members, "perf-policy": wished,
        }  # fmt: skip
        session.emit(client.preview_group(group_then), show)
    else:
        session.emit(client.preview(found.object_id, wished), show)


def _show_servers(servers: list[PreviewedServer]) -> None:
    from .output import Column, show_table

    show_table(
        [Column(t("Name")), Column(t("Class")), Column(t("Importance"), whole=True), Column(t("Goal"), number=True),
         Column(t("PI\nnow"), number=True), Column(t("PI\nthen"), number=True), Column(t("Shares\nnow"), number=True),
         Column(t("Shares\nthen"), number=True), Column(t("Why not"))],
        [(s.name, words.text_or_none(s.service_class), words.text_or_none(s.importance), words.goal_percent(s.goal),
          words.index(s.performance_index), words.index(s.pi_projected), words.text_or_none(s.cpu_shares),
          words.text_or_none(s.shares_projected), words.text_or_none(s.reason)) for s in servers],
    )  # fmt: skip
