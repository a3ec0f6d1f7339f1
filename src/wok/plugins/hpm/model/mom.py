"""Memory policies, in the language of oVirt MOM."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from ..errors import NotFound, NotUnique
from ..manager.manager import Manager
from ..manager.mom import MomDecision, Wanted
from ..memory.mom import Decision, Device, Entity, Items
from ..memory.state import KsmSettings
from ..store.settings import MomPolicy
from ..wire.mom import (
    MomEvaluate,
    MomEvaluation,
    MomFault,
    MomHostWanted,
    MomImport,
    MomPolicyCreate,
    MomPolicyDetail,
    MomPolicyList,
    MomPolicyUpdate,
    MomSetting,
    MomWanted,
)
from ..wire.times import rfc3339
from .views import Views

Check = Callable[[MomPolicyDetail | None], None]
#: Values of symbols that are told of one expression, at most: the newest.
SYMBOLS = 40
#: Items of a list that are told, with those of lists in it. (`Guests` is one, and each guest's turn may have read it.)
ITEMS = 20


class MomPoliciesModel:
    """Requests on memory policies. `base` is the base path of the request, `who` the user who asks."""

    def __init__(self, manager: Manager) -> None:
        self._manager = manager

    def list(self, base: str) -> MomPolicyList:
        """All of them, in their order."""
        decides = self._manager.memory.settings.memory_policy
        return MomPolicyList([_detail(base, kept) for kept in self._manager.memory.kept_policies.values()], decides)

    def get(self, base: str, name: str) -> MomPolicyDetail:
        """One of them. Raises `NotFound`."""
        policy = self._manager.memory.kept_policies.get(name)
        if policy is None:
            raise NotFound(f"there is no memory policy named {name!r}")
        return _detail(base, policy)

    def create(self, base: str, who: str, wanted: MomPolicyCreate, check: Check) -> MomPolicyDetail:
        """A new one. Raises `NotUnique`, `PolicyTextError`."""
        check(None)
        with self._manager.memory.policies({wanted.name: wanted.text}) as kept:
            if wanted.name in kept.policies:
                raise NotUnique(f"there is a memory policy named {wanted.name!r} already", "name")
            kept.put(self._policy(wanted.name, wanted.text, who))
        self._manager.loop.wake()
        return self.get(base, wanted.name)

    def update(self, base: str, name: str, who: str, wanted: MomPolicyUpdate, check: Check) -> MomPolicyDetail:
        """Another text; `check` is called with the state before, under the lock, and may raise. Raises `NotFound`,
        `PolicyTextError`."""
        self.get(base, name)
        with self._manager.memory.policies({name: wanted.text}) as kept:
            check(self.get(base, name))
            kept.put(self._policy(name, wanted.text, who))
        self._manager.loop.wake()
        return self.get(base, name)

    def delete(self, base: str, name: str, check: Check) -> None:
        """Delete one. Raises `NotFound`."""
        with self._manager.memory.policies() as kept:
            check(self.get(base, name))
            kept.delete(name)
        self._manager.loop.wake()

    def take(
        self, base: str, who: str, wanted: MomImport, check: Callable[[MomPolicyList], None]
    ) -> MomPolicyList:
        """Several at once, or, with `replace`, these and no others; `check` is called with the list before, under the
        lock, and may raise. Raises `PolicyTextError`, `InvalidValue`."""
        with self._manager.memory.policies(wanted.policies, replace=wanted.replace) as kept:
            check(self.list(base))
            before = {} if wanted.replace else dict(kept.policies)
            for name, text in wanted.policies.items():
                known = kept.policies.get(name)
                same = known is not None and known.text == text
                before[name] = known if known is not None and same else self._policy(name, text, who)
            kept.replace(before)
        self._manager.loop.wake()
        return self.list(base)

    def evaluate(self, base: str, wanted: MomEvaluate) -> MomEvaluation:
        """What policies would do now. Raises `PolicyTextError`, `Conflict`."""
        policies = None if wanted.policies is msgspec.UNSET else wanted.policies
        return self._evaluation(base, self._manager.memory.evaluate(policies), explain=False)

    def explain(self, base: str) -> MomEvaluation:
        """What the policies that are kept would do now, and which expressions would. Raises `Conflict`."""
        return self._evaluation(base, self._manager.memory.evaluate(), explain=True)

    def _policy(self, name: str, text: str, who: str) -> MomPolicy:
        return MomPolicy(name, text, rfc3339(self._manager.now()), who)

    def _evaluation(self, base: str, decided: MomDecision, *, explain: bool) -> MomEvaluation:
        views = Views(self._manager.snapshot, base)
        infos = views.snapshot.sample.infos
        told: dict[str | None, list[MomSetting]] = {}
        for one in decided.evaluation.decisions if explain else ():
            told.setdefault(one.guest, []).append(_setting(one))
        host = decided.host
        return MomEvaluation(
            host=MomHostWanted(_plain(host.controls), _applied(host), list(host.notes), told.get(None, [])),
            virtual_servers=[
                MomWanted(
                    views.server_uri(uuid), infos[uuid].name, _plain(wanted.controls), _applied(wanted),
                    list(wanted.notes), told.get(infos[uuid].name, []),
                )
                for uuid, wanted in decided.guests.items() if uuid in infos
            ],
            errors=[
                MomFault(one.policy, one.line, one.column, one.symbol, one.message, one.guest)
                for one in decided.evaluation.errors
            ],
            discarded=decided.evaluation.discarded,
        )  # fmt: skip


def _detail(base: str, policy: MomPolicy) -> MomPolicyDetail:
    uri = f"{base}/mom/policies/{quote(policy.name, safe='')}"
    return MomPolicyDetail(uri, policy.name, policy.text, policy.time, policy.user)


def _setting(one: Decision) -> MomSetting:
    symbols = [(name, plain(value)) for name, value in one.symbols[-SYMBOLS:]]
    return MomSetting(
        one.control, plain(one.value), one.policy, one.line, one.column, one.expression, symbols, one.held
    )


def _applied(wanted: Wanted) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if wanted.balloon is not None and wanted.balloon.value is not None:
        found["balloon-mib"] = round(wanted.balloon.value / (1 << 20))
    if wanted.quota is not None and wanted.quota.value is not None:
        found["vcpu-quota"], found["vcpu-period"] = wanted.quota.value
    if wanted.io is not None and wanted.io.value is not None:
        found["io-tune"] = {disk: list(limits) for disk, limits in wanted.io.value.items()}
    if wanted.ksm is not None and isinstance(wanted.ksm.value, KsmSettings):
        values = msgspec.structs.asdict(wanted.ksm.value)
        found |= {name: value for name, value in values.items() if value is not None}
    return found


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: plain(value) for name, value in values.items()}


def plain(value: Any) -> Any:
    """A value of a policy as JSON can hold it: texts for what it cannot."""
    if isinstance(value, bool | str) or value is None:
        return value
    if isinstance(value, int):
        return value if abs(value) < 1 << 53 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return _plain(value)
    if isinstance(value, list | tuple):
        weight = value.weight if isinstance(value, Items) else len(value)
        return [plain(one) for one in value] if weight <= ITEMS else f"a list of {len(value)}"
    if isinstance(value, Entity):
        return {"entity": value.name}
    return {"device": str(value.fields.get("name"))} if isinstance(value, Device) else "an object"
