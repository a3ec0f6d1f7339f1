"""Why a virtual server is where it is, in sentences."""

from __future__ import annotations

from itertools import takewhile

from ..engine.allocation import target_velocity
from ..manager.claims import server_partition
from ..manager.partition_weights import competes_in
from ..policy.classification import describe
from ..policy.goals import VelocityGoal
from ..policy.groups import Activation, WorkloadResourceGroup
from ..policy.partitions import ROOT, effective_limits, lineage, parent_of
from .explain_guest import explain_guest
from .explain_memory import explain_memory
from .explain_pins import explain_pins
from .views import Views

_HELD = {
    "no-policy": "Its group has no active policy, so it is unmanaged: it keeps its shares and is neither squeezed"
    " nor helped. Give the group a policy to manage it.",
    "paused": "It is paused; its shares are looked after again when it resumes.",
    "not-running": "It is not running.",
    "unreachable": "Its CPU shares cannot be read on this host, so it is left alone.",
    "changed-by-administrator": "An administrator changed its shares while hpm managed it. That is respected: it is"
    " left alone until it is released (hpm vs-release).",
    "own-quota": "Each of its vCPUs has a quota of its own, set outside hpm; it is left alone.",
    "real-time": "Its vCPUs are scheduled as real-time work, which weights do not touch; it is left alone.",
}

_REASONS = {
    "at-capacity": "the managed servers that are as important as it, or more, need more CPU than is there for them",
    "at-floor": "everything less important has been reduced to its floor already",
    "ratio-limit": "its share is at the limit of 1 to 500 between any two servers",
    "no-gain": "more weight would not make it faster: its delays come from its own waking up and from its equals",
}


def explain(views: Views, uuid: str) -> list[str]:
    """Sentences in the order of the reasoning: classification, place, measurement, decision, memory, guest policy."""
    sentences = [
        _classification(views, uuid), *_partition(views, uuid), _measurement(views, uuid), *explain_pins(views, uuid),
        *_decision(views, uuid), *explain_memory(views.snapshot, uuid), *explain_guest(views, uuid),
    ]  # fmt: skip
    if uuid in views.snapshot.sample.stale:
        sentences.append("The hypervisor answers, but tells nothing of this server now: a hook of its start is running,"
                         " say. What is said of it may be out of date.")  # fmt: skip
    if views.problem is not None:
        sentences.append(f"The hypervisor cannot be asked now, so this may be out of date: {views.problem}.")
    return sentences


def _classification(views: Views, uuid: str) -> str:
    snapshot = views.snapshot
    info, assignment = snapshot.sample.infos[uuid], snapshot.assignments[uuid]
    group = snapshot.catalog.groups[assignment.group]
    text = f"{info.name} is in the group {group.name}"
    if group.is_default and uuid not in snapshot.catalog.servers:
        text += " because it was put in no other"
    boost = snapshot.catalog.settings(uuid).temporary_goal
    if boost is not None:
        return (
            f"{text}. Until {_readable(boost.until)} it has a temporary goal, whatever its service class says:"
            f" importance {assignment.importance}, velocity {boost.goal.percent}."
        )
    if group.policy is None or assignment.goal is None:
        if group.policy is None and group.schedule:
            return f"{text}, which has no active policy{_activation(group)}."
        return text + "."
    rule = next(
        (c.classification for c in group.policy.service_classes if c.name == assignment.service_class), None
    )
    why = f"because {describe(rule)}" if rule is not None else "which takes all that no other class took"
    goal = assignment.goal
    wanted = f"velocity {goal.percent}" if isinstance(goal, VelocityGoal) else "no goal (discretionary)"
    return (
        f"{text}; its active policy {group.policy.name}{_activation(group)} puts it in the service class"
        f" {assignment.service_class}, {why}."
        f" Importance {assignment.importance}, {wanted}."
    )


def _partition(views: Views, uuid: str) -> list[str]:
    """Where it stands, if that is not the root, and what that leaves it at most."""
    snapshot, found = views.snapshot, []
    path, wanted = server_partition(snapshot, uuid), snapshot.catalog.partition_at_start(uuid)
    if path is not None and path != ROOT:
        limits = effective_limits(path, {one: state.parameters for one, state in snapshot.partitions.items()})
        text = f"It stands in the partition {path}, and shares with the others there what the partition gets as a whole"
        if limits.cpu_cap is not None:
            whose = "" if limits.cpu_cap_from == path else f" (the cap of {limits.cpu_cap_from})"
            text += f": at most {limits.cpu_cap:g} CPUs{whose}"
        found.append(f"{text}.")
        planned = list(takewhile(lambda one: one in snapshot.weighed, lineage(path)))
        if planned:
            found.append(
                f"Nobody has said shares for {' and '.join(planned)}, so hpm plans them: it competes by goals with all"
                f" in {parent_of(planned[-1])}, as if it stood there itself."
            )
    if wanted is not None and wanted != path:
        found.append(f"From its next start on, when hpm starts it, it stands in the partition {wanted}.")
    return found


def _activation(group: WorkloadResourceGroup) -> str:
    """Who saw to it which policy is active, or that none is, where it may have been the schedule."""
    if not group.schedule:
        return ""
    if group.scheduled == Activation(group.active_policy):
        return " (as its schedule wants)" if group.policy is None else " (activated by its schedule)"
    activated = "" if group.policy is None else "activated "
    return f" ({activated}by hand, until its schedule wants another one than now)"


def _measurement(views: Views, uuid: str) -> str:
    window, host = views.snapshot.server_window(uuid), views.snapshot.window
    if window is None or host is None:
        return "Nothing has been measured of it yet."
    if window.activity == "paused":
        return f"In the last {host.seconds:.1f} s it was paused."
    if window.activity == "idle":
        return f"In the last {host.seconds:.1f} s it was idle: it neither ran nor waited for CPU."
    text = (
        f"In the last {host.seconds:.1f} s it used {window.using:.2f} CPUs and waited for {window.delay:.2f} more:"
        f" velocity {window.velocity or 0.0:.0f}"
    )
    if window.throttled > 0.005:
        text += f"; its cap held back {window.throttled:.2f} CPUs"
    index = views.snapshot.index(uuid)
    if isinstance(views.snapshot.assignments[uuid].goal, VelocityGoal) and index is not None:
        text += f", performance index {index:.2f}: the goal is {views.snapshot.status(uuid)}"
    return text + "."


def _decision(views: Views, uuid: str) -> list[str]:
    snapshot = views.snapshot
    held = snapshot.held.get(uuid)
    if held == "excluded":
        return [f"It is excluded from management by an administrator. {_given_back(views, uuid)}"]
    if held is not None:
        return [_HELD[held]]
    level = snapshot.levels.cpu_mgmt
    if level == "off":
        return ["CPU management is off: hpm only observes (hpm config --cpu-mgmt on)."]
    sentences = []
    sample = snapshot.sample.samples[uuid]
    original = snapshot.originals.get(uuid)
    if sample.shares is not None:
        changed = "as hpm found them" if sample.shares == original else f"{original} before hpm changed them"
        sentences.append(f"Its CPU shares are {sample.shares}, {changed}.")
    assignment = snapshot.assignments[uuid]
    if assignment.cpu_reserve is not None:
        sentences.append(f"It is entitled to {assignment.cpu_reserve:g} CPUs, whatever the goals say.")
        if assignment.goal is None:
            sentences.append("It is managed for that alone, and keeps what its own shares give it.")
    if assignment.cpu_cap is not None:
        sentences.append(f"It never gets more than {assignment.cpu_cap:g} CPUs.")
    forecast = snapshot.forecasts.get(uuid)
    if forecast is not None:
        verb = "plans" if level == "on" else "would plan"
        sentences.append(f"hpm {verb} {forecast.cpus:.2f} CPUs for it, velocity {100 * forecast.velocity:.0f}.")
        if forecast.reason is not None:
            sentences.append(f"More is not possible ({forecast.reason}): {_REASONS[forecast.reason]}.")
            if any(snapshot.held.get(other) == "no-policy" for other in _siblings(views, uuid)):
                sentences.append(
                    "Servers of groups without a policy work here too, and are not squeezed: give those groups"
                    " (the group default, for example) a policy to let hpm take CPU from them."
                )
    elif target_velocity(assignment.goal) is not None:
        sentences.append("Nobody on this host waits for anybody, so nothing needs to be decided.")
    return sentences


def _given_back(views: Views, uuid: str) -> str:
    """What becomes of the shares of a server that hpm has let go: they are put back within an interval."""
    sample, original = views.snapshot.sample.samples.get(uuid), views.snapshot.originals.get(uuid)
    if sample is None or sample.shares is None or original is None:
        return "hpm leaves its shares alone."
    if sample.shares == original:
        return f"Its CPU shares are {sample.shares}, as hpm found them."
    return f"Its CPU shares are {sample.shares}; in the next interval it gets back the {original} that hpm found."


def _readable(moment: str) -> str:
    """An RFC 3339 time in UTC as ``14:00 UTC on 2026-02-03``; whole minutes without the seconds."""
    day, _, clock = moment.partition("T")
    return f"{clock[:8].removesuffix(':00')} UTC on {day}"


def _siblings(views: Views, uuid: str) -> list[str]:
    """The other servers that compete with this one, and work."""
    samples, weighed = views.snapshot.sample.samples, views.snapshot.weighed
    windows = {other: views.snapshot.server_window(other) for other in samples if other != uuid}
    own = competes_in(samples[uuid].parent, weighed)
    return [
        other
        for other, window in windows.items()
        if window is not None and window.activity == "busy" and competes_in(samples[other].parent, weighed) == own
    ]
