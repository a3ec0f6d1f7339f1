"""systemd over D-Bus: starting and stopping slices, and their runtime properties.

Format: org.freedesktop.systemd1(5).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias, TypeVar

from dbus_fast import BusType, DBusError, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from ...errors import Conflict, HypervisorError

T = TypeVar("T")

#: Name, D-Bus signature and value of a unit's property.
Property: TypeAlias = tuple[str, str, Any]

#: Seconds that systemd may take for all of one operation. It takes milliseconds.
PATIENCE = 10.0
_LOOK = 0.02
_NAME = "org.freedesktop.systemd1"
_PATH = "/org/freedesktop/systemd1"
_MANAGER = f"{_NAME}.Manager"


class SystemdBus:
    """Operations on units, each with a connection of its own. `address` None: the system's bus."""

    def __init__(self, address: str | None = None) -> None:
        self._address = address

    def start_slice(self, unit: str, properties: Sequence[Property]) -> None:
        """Start a slice with these properties; returns when it is active. Raises `HypervisorError`.

        It is a transient unit, of which nothing is left when it is stopped. One that has a unit file of an
        administrator's is started as that says.
        """

        async def do(bus: MessageBus) -> None:
            try:
                await _call(bus, "StartTransientUnit", "ssa(sv)a(sa(sv))", [unit, "fail", _values(properties), []])
            except DBusError as error:
                if not error.type.endswith(".UnitExists"):
                    raise
                await _call(bus, "StartUnit", "ss", [unit, "fail"])
            while await _state(bus, unit) != "active":
                await asyncio.sleep(_LOOK)

        self._run(do, f"starting {unit}")

    def set_properties(self, unit: str, properties: Sequence[Property]) -> None:
        """Set properties of an active unit until the host ends. Raises `HypervisorError`, `Conflict` for values that
        systemd does not take."""

        async def do(bus: MessageBus) -> None:
            await _set(bus, unit, properties)

        self._run(do, f"setting properties of {unit}")

    def stop_slice(self, unit: str) -> None:
        """Stop a slice; returns when it has stopped. Raises `HypervisorError`."""

        async def do(bus: MessageBus) -> None:
            await _call(bus, "StopUnit", "ss", [unit, "fail"])
            while await _state(bus, unit) not in ("inactive", "failed", None):
                await asyncio.sleep(_LOOK)

        self._run(do, f"stopping {unit}")

    def _run(self, do: Callable[[MessageBus], Awaitable[T]], what: str) -> T:
        async def whole() -> T:
            bus = await MessageBus(bus_address=self._address, bus_type=BusType.SYSTEM).connect()
            try:
                return await do(bus)
            finally:
                bus.disconnect()

        try:
            return asyncio.run(asyncio.wait_for(whole(), PATIENCE))
        except asyncio.TimeoutError:
            raise HypervisorError(f"{what}: systemd did not answer in {PATIENCE:g} s") from None
        except DBusError as error:
            if error.type.endswith((".InvalidArgs", ".PropertyReadOnly")):
                raise Conflict(f"{what}: systemd does not take that: {error.text}") from None
            raise HypervisorError(f"{what}: systemd says: {error.text}") from None
        except (OSError, EOFError) as error:
            raise HypervisorError(f"{what}: systemd cannot be reached over D-Bus: {error}") from None


async def _call(bus: MessageBus, member: str, signature: str, body: list[Any], path: str = _PATH,
                interface: str = _MANAGER) -> list[Any]:  # fmt: skip
    answer = await bus.call(Message(
        destination=_NAME, path=path, interface=interface, member=member, signature=signature, body=body
    ))  # fmt: skip
    if answer is None or answer.message_type is MessageType.ERROR:
        name = "" if answer is None else answer.error_name or ""
        said = answer.body[0] if answer is not None and answer.body else name
        raise DBusError(name or "org.freedesktop.DBus.Error.NoReply", str(said))
    return list(answer.body)


async def _set(bus: MessageBus, unit: str, properties: Sequence[Property]) -> None:
    await _call(bus, "SetUnitProperties", "sba(sv)", [unit, True, _values(properties)])


def _values(properties: Sequence[Property]) -> list[list[Any]]:
    return [[name, Variant(signature, value)] for name, signature, value in properties]


async def _state(bus: MessageBus, unit: str) -> str | None:
    """What systemd calls its active state; None: it does not know such a unit."""
    try:
        (path,) = await _call(bus, "LoadUnit", "s", [unit])
        (state,) = await _call(bus, "Get", "ss", [f"{_NAME}.Unit", "ActiveState"], path,
                               "org.freedesktop.DBus.Properties")  # fmt: skip
    except DBusError as error:
        if error.type.endswith(".NoSuchUnit"):
            return None
        raise
    return str(state.value)
