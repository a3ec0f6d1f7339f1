"""Guest policies of virtual servers: what is said of one itself, and what is in force for it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ..errors import Conflict
from ..manager.manager import Manager
from ..policy.guest_policies import FIELDS, GuestPolicy
from ..wire.guest_policies import EffectivePolicy, GuestPolicyUpdate, PersistedPolicy
from .effective import effective_policy, field_name
from .host_limits import check_here
from .lasting import lasting
from .references import present_server
from .views import Views


class GuestPolicies:
    """Requests on the guest policies of virtual servers. `base` is the base path of the request."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    def get(self, reference: str) -> GuestPolicy:
        """What is said of a server itself. Raises `NotFound`."""
        snapshot = self._manager.snapshot
        return snapshot.catalog.settings(present_server(snapshot, reference)).own_policy

    def update(
        self, reference: str, who: str, wanted: GuestPolicyUpdate, check: Callable[[GuestPolicy], None]
    ) -> GuestPolicy:
        """Change what is said of a server; `check` is called with what was said before, under the lock, and may raise.
        Raises `NotFound`, `InvalidValue`."""
        changes = {name: value for name in FIELDS if (value := getattr(wanted, name)) is not msgspec.UNSET}
        with self._manager.change(who) as change:
            uuid = present_server(self._manager.snapshot, reference)
            said = change.catalog.settings(uuid)
            check(said.own_policy)
            policy = msgspec.structs.replace(said.own_policy, **changes)
            check_here(policy, self._manager.description.topology)
            if policy != said.own_policy:
                change.catalog = change.catalog.with_settings(uuid, said.with_policy(policy))
        return self.get(uuid)

    def persist(self, base: str, reference: str) -> PersistedPolicy:
        """Write what is in force for a server into its definition. Raises `NotFound`, `Conflict` where nobody says
        anything or there is no lasting definition, `HypervisorError`."""
        snapshot = self._manager.snapshot
        uuid = present_server(snapshot, reference)
        found = lasting(snapshot, uuid, self._manager.description.topology)
        if not found.written:
            why = "; ".join(f"{name}: {reason}" for name, reason in found.left_out.items())
            raise Conflict(f"there is nothing to write: {why or 'no guest policy says anything of this server'}")
        self._manager.define_policy(uuid, found.policy, found.pins)
        uri = Views(snapshot, base).server_uri(uuid)
        return PersistedPolicy(uri, [field_name(name) for name in found.written], {
            field_name(name): reason for name, reason in found.left_out.items()
        })  # fmt: skip

    def effective(self, base: str, reference: str) -> EffectivePolicy:
        """What is in force for a server. Raises `NotFound`."""
        views = Views(self._manager.snapshot, base)
        return effective_policy(views, present_server(views.snapshot, reference))
