"""Whether a change of the catalog has servers wait for each other for ever, at once or by what a schedule activates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from ...engine.samples import ServerInfo
from ...policy.assignment import assign
from ...policy.catalog import Catalog
from ...policy.groups import WorkloadResourceGroup
from ...policy.schedule import minutes, scheduled
from ...policy.start_order import Needs, check_cycles, check_targets, depends
from .world import needs_by


def check_dependencies(before: Catalog, after: Catalog, infos: Mapping[str, ServerInfo]) -> None:
    """Raise `InvalidValue`, `Conflict` for dependencies that are new and on what there is not, or on each other in a
    circle. A circle that was there before (a server changed its class by itself, say) hinders no other change."""
    if after is before or not depends(after):
        return
    check_targets(before, after, infos)
    names = {uuid: info.name for uuid, info in infos.items()}

    def known() -> Iterator[Needs]:
        return (_needs(catalog, infos) for catalog in (before, *_coming(before)))

    for catalog in (after, *_coming(after)):
        check_cycles(_needs(catalog, infos), names, known)


def _needs(catalog: Catalog, infos: Mapping[str, ServerInfo]) -> Needs:
    return needs_by({uuid: assign(catalog, uuid, info.facts) for uuid, info in infos.items()})


def _coming(catalog: Catalog) -> Iterator[Catalog]:
    """The catalog with the policies that schedules activate together in the course of a week, each such set once; of
    those groups alone whose policies say when servers start."""
    groups = [group for group in catalog.groups.values() if group.schedule and _says_starts(group)]
    times = sorted({minutes(time) for group in groups for entry in group.schedule for time in (entry.from_, entry.to)})
    seen = {tuple(group.active_policy for group in groups)}
    for weekday in range(7):
        for minute in times:
            active = tuple(scheduled(group.schedule, group.otherwise, weekday, minute) for group in groups)
            if active not in seen:
                seen.add(active)
                changed = {
                    group.id: msgspec.structs.replace(group, active_policy=name)
                    for group, name in zip(groups, active, strict=True)
                }
                yield msgspec.structs.replace(catalog, groups={**catalog.groups, **changed})


def _says_starts(group: WorkloadResourceGroup) -> bool:
    classes = (one for policy in group.perf_policies for one in policy.service_classes)
    return any(one.guest_policy.start is not None for one in classes)
