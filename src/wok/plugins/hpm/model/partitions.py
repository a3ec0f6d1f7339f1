"""Partitions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import msgspec

from ..errors import Conflict, InvalidValue, NotFound, NotUnique
from ..manager.manager import Manager
from ..manager.partitions import PartitionChange
from ..policy.catalog import Catalog
from ..policy.partitions import (
    ROOT,
    Group,
    Partition,
    PartitionParameters,
    check_parameters,
    check_partition,
    check_path,
    check_place,
    children_of,
    lineage,
    parent_of,
    partition_id,
)
from ..wire.partitions import (
    Affect,
    BlkioState,
    CpuChanges,
    CpuState,
    CreatePartition,
    MemoryState,
    NumaState,
    ParameterChanges,
    ParameterState,
    PartitionAction,
    PartitionCreate,
    PartitionDetail,
    PartitionList,
    PartitionUpdate,
    UndefinePartition,
)
from ..wire.words import UUID
from .partition_views import PartitionViews
from .places import members_by_partition, room_of
from .views import Views

_UUID = re.compile(UUID)
_STATES: Mapping[Group, type[ParameterState]] = {
    "cpu": CpuState, "blkio": BlkioState, "memory": MemoryState, "numa": NumaState,
}  # fmt: skip
S = TypeVar("S", bound=msgspec.Struct)


class PartitionRequests:
    """Requests on partitions. `base` is the base path of the request, `who` the user who asks; a partition is known by
    its id. What they raise on the host is what `PartitionHost` raises."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    def list(self, base: str) -> PartitionList:
        """All partitions, in the order of the tree."""
        views, host = Views(self._manager.snapshot, base), self._manager.partitions.host
        found = PartitionViews(views, host).all()
        return PartitionList(found, host.how, dict(host.lacking), views.taken, views.problem)

    def get(self, base: str, partition: str) -> PartitionDetail:
        """One partition. Raises `NotFound`."""
        views = self._views(base)
        return views.detail(_path(views, partition))

    def create(self, base: str, who: str, wanted: PartitionCreate, check: Callable[[None], None]) -> PartitionDetail:
        """Define a partition, and create it where that is asked for; or create a transient one. Raises `InvalidValue`,
        `NotUnique`, `Conflict`."""
        check(None)
        check_path(wanted.path)
        new = Partition(wanted.path, wanted.description, wanted.autostart, wanted.reserve, wanted.parameters)
        check_partition(new)
        with self._manager.partitions.change(who) as changing:
            catalog = changing.change.catalog
            if wanted.path in catalog.partitions or wanted.path == ROOT:
                raise NotUnique(f"there is a partition {wanted.path} already", "path")
            self._check_place(new, catalog)
            if wanted.persistent:
                # One that is there and is not defined becomes a lasting one, as with a transient domain.
                changing.change.catalog = catalog.with_partition(new)
                if wanted.create and wanted.path in changing.states:
                    changing.configure(wanted.path, wanted.parameters)
                elif wanted.create:
                    _create(changing, new)
            else:
                if wanted.reserve is not None or wanted.description or not wanted.autostart:
                    raise InvalidValue(
                        "a transient partition is nothing but a cgroup: reserve, description and autostart are kept by"
                        " hpm, for one that is defined (persistent: true)", "persistent",
                    )  # fmt: skip
                if wanted.path in changing.states:
                    raise NotUnique(f"there is a partition {wanted.path} already", "path")
                _create(changing, new)
        return self.get(base, partition_id(wanted.path))

    def update(
        self, base: str, partition: str, who: str, wanted: PartitionUpdate, check: Callable[[PartitionDetail], None]
    ) -> PartitionDetail:
        """Change what is said of a partition that is defined; `check` is called with its state before, under the lock,
        and may raise. Raises `NotFound`, `Conflict`, `InvalidValue`."""
        with self._manager.partitions.change(who) as changing:
            path = _path(self._views(base), partition)
            check(self.get(base, partition))
            catalog = changing.change.catalog
            new = _changed(_defined(catalog, path), wanted)
            self._check_place(new, catalog)
            changing.change.catalog = catalog.with_partition(new)
        return self.get(base, partition)

    def act(
        self, base: str, partition: str, who: str, action: PartitionAction, check: Callable[[PartitionDetail], None]
    ) -> PartitionDetail:
        """Create, destroy or undefine; gives the partition as it is then. `check` as in `update`. Raises `NotFound`,
        `Conflict`."""
        with self._manager.partitions.change(who) as changing:
            path = _path(self._views(base), partition)
            check(self.get(base, partition))
            catalog = changing.change.catalog
            if path == ROOT:
                raise Conflict(f"{ROOT} always exists: it is neither created nor destroyed")
            if isinstance(action, CreatePartition):
                if path in changing.states:
                    raise Conflict(f"the partition {path} is active already")
                _create(changing, _defined(catalog, path))
            elif isinstance(action, UndefinePartition):
                _defined(catalog, path)
                changing.change.catalog = catalog.without_partition(path)
            else:
                self._check_empty(changing, path)
                changing.destroy(path)
        return self._views(base).detail(path)

    def parameters(self, base: str, partition: str, group: Group, affect: Affect | None) -> ParameterState:
        """Some parameters of a partition. Raises `NotFound`, `Conflict` where it is not active, or not defined."""
        views = self._views(base)
        path = _path(views, partition)
        snapshot = self._manager.snapshot
        state, defined = snapshot.partitions.get(path), snapshot.catalog.partitions.get(path)
        live, config = _affected(path, affect, state is not None, defined is not None)
        return _STATES[group](
            live=getattr(state.parameters, group) if live and state is not None else None,
            config=getattr(defined.parameters, group) if config and defined is not None else None,
        )

    def set_parameters(
        self, base: str, partition: str, group: Group, who: str, wanted: ParameterChanges, affect: Affect | None,
        check: Callable[[ParameterState], None],
    ) -> ParameterState:  # fmt: skip
        """Change some parameters: those in force, those that it is created with, or both, then both or neither.
        `check` as in `update`. Raises `NotFound`, `Conflict`, `InvalidValue`, `NotUnique`."""
        with self._manager.partitions.change(who) as changing:
            path = _path(self._views(base), partition)
            check(self.parameters(base, partition, group, affect))
            catalog = changing.change.catalog
            if path == ROOT:
                raise Conflict(f"{ROOT} holds all of the host's servers and is not hpm's to change; put servers into a"
                               " partition below it")  # fmt: skip
            state, defined = changing.states.get(path), catalog.partitions.get(path)
            live, config = _affected(path, affect, state is not None, defined is not None)
            if defined is not None and config:
                new = msgspec.structs.replace(defined, parameters=_with(defined.parameters, group, wanted))
                self._check_place(new, catalog)
                changing.change.catalog = catalog.with_partition(new)
            if state is not None and live:
                parameters = _with(state.parameters, group, wanted)
                check_parameters(parameters)
                reserve = None if defined is None else defined.reserve
                self._check_live(Partition(path, reserve=reserve, parameters=parameters))
                said = isinstance(wanted, CpuChanges) and wanted.shares is not msgspec.UNSET
                changing.configure(path, parameters, weight=said)
        return self.parameters(base, partition, group, affect)

    # -- checks

    def _check_place(self, new: Partition, catalog: Catalog) -> None:
        """Check a definition against the others, and those below it against it. Raises `InvalidValue`."""
        check_partition(new)
        room = room_of(self._manager.snapshot)
        check_place(new, catalog.partitions, room)
        others = {**catalog.partitions, new.path: new}
        for path, below in catalog.partitions.items():
            if path != new.path and new.path in lineage(path):
                try:
                    check_place(below, others, room)
                except InvalidValue as error:
                    raise InvalidValue(f"the partition {path} in it would break: {error.said}", error.path) from None

    def _check_live(self, new: Partition) -> None:
        """The same of what is to be in force, as far as the kernel would not say it in better words."""
        cap = new.parameters.cpu.cap
        if cap is not None and new.reserve is not None and cap < new.reserve:
            raise InvalidValue(f"the cap of {cap:g} CPUs is below the reserve of {new.reserve:g} CPUs", "quota-us")
        check_place(msgspec.structs.replace(new, reserve=None), {}, room_of(self._manager.snapshot))

    def _check_empty(self, changing: PartitionChange, path: str) -> None:
        """Raise `Conflict` unless a partition is active and empty: what stands in it would end with it, or be left
        without its limits."""
        if path not in changing.states:
            raise Conflict(f"the partition {path} is not active")
        inside = children_of(path, changing.states)
        if inside:
            raise Conflict(f"the partition {path} stays: {', '.join(inside)} stand in it; destroy these first")
        snapshot = self._manager.snapshot
        names = sorted(
            snapshot.sample.infos[uuid].name
            for uuid in members_by_partition(snapshot).get(path, ())
        )
        if names:
            more = f" and {len(names) - 8} more" if len(names) > 8 else ""
            raise Conflict(f"the partition {path} stays: {', '.join(names[:8])}{more} stand in it; stop these first")

    def _views(self, base: str) -> PartitionViews:
        return PartitionViews(Views(self._manager.snapshot, base), self._manager.partitions.host)


def _path(views: PartitionViews, partition: str) -> str:
    """The path that an id stands for. Raises `NotFound`."""
    for path in views.known:
        if partition_id(path) == partition:
            return path
    said = "" if _UUID.fullmatch(partition) else "; ids are UUIDs"
    raise NotFound(f"there is no partition with id {partition[:80]!r}{said}")


def _defined(catalog: Catalog, path: str) -> Partition:
    """Its definition. Raises `Conflict` if there is none."""
    known = catalog.partitions.get(path)
    if known is None:
        why = "always exists, and is not hpm's to define" if path == ROOT else "is transient; define it first"
        raise Conflict(f"the partition {path} is not defined: it {why}")
    return known


def _create(changing: PartitionChange, new: Partition) -> None:
    above = parent_of(new.path)
    if above not in changing.states:
        raise Conflict(f"the partition {new.path} cannot be created: {above} is not active; create that first")
    changing.create(new.path, new.parameters)


def _affected(path: str, affect: Affect | None, active: bool, defined: bool) -> tuple[bool, bool]:
    """Whether what is in force, and what is defined, is asked for. Raises `Conflict` where that is not there."""
    if affect in ("live", "both") and not active:
        raise Conflict(f"the partition {path} is not active, so nothing is in force; affect=config: its definition")
    if affect in ("config", "both") and not defined:
        raise Conflict(f"the partition {path} is not defined; affect=live is about what is in force")
    return active and affect != "config", defined and affect != "live"


def _with(parameters: PartitionParameters, group: Group, wanted: ParameterChanges) -> PartitionParameters:
    new = _changed(cast(msgspec.Struct, getattr(parameters, group)), wanted)
    return msgspec.structs.replace(parameters, **{group: new})


def _changed(old: S, wanted: msgspec.Struct) -> S:
    changes: dict[str, Any] = {
        field: value for field in wanted.__struct_fields__ if (value := getattr(wanted, field)) is not msgspec.UNSET
    }
    return msgspec.structs.replace(old, **changes)
