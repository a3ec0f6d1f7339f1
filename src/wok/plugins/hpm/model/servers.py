"""Virtual servers."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ..errors import NotFound
from ..manager.manager import Manager
from ..wire.servers import (
    Explanation,
    ServerDetail,
    ServerDetailList,
    ServerList,
    ServerUpdate,
)
from .explain import explain
from .references import group_id, server_id
from .views import Views

_SETTINGS = ("excluded", "cpu_reserve", "cpu_cap", "attributes")


class Servers:
    """Requests on virtual servers. `base` is the base path of the request."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    def list(self, base: str) -> ServerList:
        """All virtual servers, in short, by name."""
        views = self._views(base)
        uuids = views.by_name(views.snapshot.sample.infos)
        return ServerList([views.server_summary(uuid) for uuid in uuids], views.taken, views.problem)

    def details(self, base: str) -> ServerDetailList:
        """All virtual servers, whole, by name."""
        views = self._views(base)
        uuids = views.by_name(views.snapshot.sample.infos)
        return ServerDetailList([views.server_detail(uuid) for uuid in uuids], views.taken, views.problem)

    def get(self, base: str, reference: str) -> ServerDetail:
        """One virtual server. Raises `NotFound`."""
        views = self._views(base)
        return views.server_detail(self._present(views, reference))

    def explain(self, base: str, reference: str) -> Explanation:
        """Why a virtual server is where it is. Raises `NotFound`."""
        views = self._views(base)
        uuid = self._present(views, reference)
        return Explanation(views.server_detail(uuid), explain(views, uuid))

    def update(
        self, base: str, reference: str, wanted: ServerUpdate, check: Callable[[ServerDetail], None]
    ) -> ServerDetail:
        """Change what is said of a virtual server; `check` is called with its state before, under the lock,
        and may raise. Raises `NotFound`, `Conflict`, `InvalidValue`."""
        with self._manager.change() as change:
            snapshot, catalog = self._manager.snapshot, change.catalog
            uuid = self._present(self._views(base), reference)
            check(self.get(base, uuid))
            if wanted.workload_resource_group is not msgspec.UNSET:
                target = group_id(snapshot, wanted.workload_resource_group, "workload-resource-group")
                catalog = catalog.with_members(target, [uuid], move=wanted.move)
            settings = catalog.settings(uuid)
            changes = {f: v for f in _SETTINGS if (v := getattr(wanted, f)) is not msgspec.UNSET}
            if changes:
                catalog = catalog.with_settings(uuid, msgspec.structs.replace(settings, **changes))
            if wanted.release:
                self._manager.release(uuid)    # it raises if there is nothing to release; then nothing is changed
            change.catalog = catalog
        return self.get(base, uuid)

    def _present(self, views: Views, reference: str) -> str:
        uuid = server_id(views.snapshot, reference)
        if uuid not in views.snapshot.sample.infos:
            raise NotFound(f"the virtual server {uuid} is in a group, but this host does not have it now")
        return uuid

    def _views(self, base: str) -> Views:
        return Views(self._manager.snapshot, base)
