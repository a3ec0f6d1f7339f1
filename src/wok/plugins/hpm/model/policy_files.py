"""Policy files: the catalog as text, and from text."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..errors import InvalidValue, NotFound
from ..manager.calendar import catalog_at
from ..manager.manager import Manager
from ..policy.catalog import Catalog
from ..policy.files import content
from ..policy.files.applying import with_group, with_groups, with_policy
from ..policy.files.content import GroupsFile, PolicyFile
from ..policy.files.difference import difference
from ..policy.files.group_references import in_policy, names_of
from ..policy.files.notation import MEDIA_TYPES, XML_TYPES, Notation, located, notation_of, read, write
from ..policy.partitions import check_place
from ..policy.policies import PerformancePolicy
from ..wire.groups import GroupDetail
from ..wire.policy_files import Document, ImportResult
from .groups import Groups
from .host_limits import check_group_here, check_here, check_policy_here
from .places import room_of

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class PolicyFiles:
    """Requests on policy files. `base` is the base path of the request, `who` the user who asks."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager
        self._groups = Groups(manager)

    def export(self, notation: Notation) -> Document:
        """All groups."""
        catalog = self._manager.snapshot.catalog
        return _document(catalog, content.of_host(catalog), notation, "hpm-policies")

    def export_group(self, group_id: str, policy: str | None, notation: Notation) -> Document:
        """One group, or one policy of it. Raises `NotFound`."""
        catalog = self._manager.snapshot.catalog
        group = catalog.group(group_id)
        if policy is None:
            return _document(catalog, content.of_group(catalog, group_id), notation, group.name)
        for found in group.perf_policies:
            if found.name == policy:
                named = in_policy(found, names_of(catalog))
                return _document(catalog, named, notation, f"{group.name}-{policy}")
        raise NotFound(f"the group {group.name!r} has no policy named {policy!r}")

    def take(
        self, who: str, file: Document, *, dry_run: bool, replace: bool, check: Callable[[Document], None]
    ) -> ImportResult:
        """Import groups: all or nothing. `check` is called with what an export gave before, under the lock, and may
        raise. Raises `InvalidValue` and its kinds, with line and column."""
        wanted = _read(file)
        if isinstance(wanted, PerformancePolicy):
            raise InvalidValue("the file holds one policy; import it into a group", place=(1, 1))

        def change(catalog: Catalog) -> Catalog:
            check(Document("", b"", str(catalog.generation)))
            with _located(file):
                self._check_here(wanted)
                after = with_groups(catalog, wanted, lambda: str(uuid.uuid4()), replace=replace)
                if after.partitions != catalog.partitions:
                    self._check_partitions(wanted, after)
                return after

        return self._apply(who, change, dry_run)

    def _check_partitions(self, wanted: GroupsFile, after: Catalog) -> None:
        """Check the partitions that there will be against each other and this host. Raises `InvalidValue`."""
        places = {one.path: f"partitions[{index}]" for index, one in enumerate(wanted.partitions)}
        room = room_of(self._manager.snapshot)
        for path, partition in after.partitions.items():
            try:
                check_place(partition, after.partitions, room)
            except InvalidValue as error:
                if path in places:
                    raise error.moved(places[path]) from None
                raise InvalidValue(f"the partition {path} would break: {error.said}", "partitions") from None

    def take_for_group(
        self,
        base: str,
        group_id: str,
        who: str,
        file: Document,
        *,
        dry_run: bool,
        check: Callable[[tuple[GroupDetail, Document]], None],
    ) -> ImportResult:
        """Import one policy into a group, or the group itself. `check` is called with its state before and what an
        export gave, under the lock, and may raise. Raises `NotFound`, `InvalidValue` and its kinds."""
        self._manager.snapshot.catalog.group(group_id)
        wanted = _read(file)

        def change(catalog: Catalog) -> Catalog:
            check((self._groups.get(base, group_id), Document("", b"", str(catalog.generation))))
            with _located(file):
                self._check_here(wanted)
                if not isinstance(wanted, GroupsFile):
                    return with_policy(catalog, group_id, wanted)
                after = with_group(catalog, group_id, wanted)
                if after.partitions != catalog.partitions:
                    self._check_partitions(wanted, after)
                return after

        return self._apply(who, change, dry_run)

    def _check_here(self, wanted: PolicyFile) -> None:
        topology = self._manager.description.topology
        if isinstance(wanted, PerformancePolicy):
            check_policy_here(wanted, topology)
            return
        for index, group in enumerate(wanted.workload_resource_groups):
            check_group_here(group, topology, f"workload-resource-groups[{index}]")
        for index, server in enumerate(wanted.virtual_servers):
            check_here(server.guest_policy, topology, f"virtual-servers[{index}].guest-policy")

    def _apply(self, who: str, change: Callable[[Catalog], Catalog], dry_run: bool) -> ImportResult:
        with self._manager.change(who) as changing:
            before = changing.catalog
            after = change(before)
            changed = after is not before
            if changed:
                after = catalog_at(after, self._manager.now())    # what schedules activate at once is shown, too
            if dry_run:
                self._manager.starting.check(before, after, before, after)
            else:
                changing.catalog = after
        told = difference(before, after)
        return ImportResult(dry_run, changed, told.workload_resource_groups, told.virtual_servers, told.partitions)


def _document(catalog: Catalog, wanted: PolicyFile, notation: Notation, name: str) -> Document:
    file_name = f"{_UNSAFE.sub('_', name).strip('._') or 'policies'}.{notation}"
    return Document(MEDIA_TYPES[notation], write(wanted, notation), str(catalog.generation), file_name)


@contextmanager
def _located(file: Document) -> Iterator[None]:
    """What is found wrong meanwhile of what a file says has its line and column."""
    try:
        yield
    except InvalidValue as error:
        raise located(file.data, _notation(file), error) from None


def _read(file: Document) -> PolicyFile:
    return read(file.data, _notation(file))


def _notation(file: Document) -> Notation:
    """What its media type says; without one, what it seems to be."""
    if not file.media_type:
        return notation_of(file.data)
    return "xml" if file.media_type in XML_TYPES else "json"
