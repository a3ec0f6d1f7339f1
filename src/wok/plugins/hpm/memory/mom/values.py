"""The values of policies: nil (None), truth, numbers, texts, lists, and the objects that a policy is given.

Nothing of a Python object is ever looked up by a name in a policy: each kind of object has a table of what it offers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias

from .faults import Refused

#: Of an integer, in bits; of a text, in characters; of a list with the lists in it, in items; and how deep they stand.
MAX_BITS = 4096
MAX_TEXT = 4096
MAX_ITEMS = 1_000_000
MAX_DEPTH = 16
#: Names that `SetVar` keeps for one entity, and items of a list that it keeps.
MAX_VARIABLES = 1000
MAX_KEPT_ITEMS = 1000

LARGEST = 1 << MAX_BITS

Value: TypeAlias = Any
NUMBERS = frozenset((int, float, bool))
PLAIN = frozenset((int, float, bool, str, type(None)))


class Items(list[Value]):
    """A list of a policy; `weight` counts its items and those of lists in it, as often as they are met."""

    __slots__ = ("depth", "weight")

    def __init__(self, values: Iterable[Value] = ()) -> None:
        super().__init__(values)
        inner = [value for value in self if value.__class__ is Items]
        self.weight: int = len(self) + sum(value.weight for value in inner)
        self.depth: int = 1 + max((value.depth for value in inner), default=0)
        if self.weight > MAX_ITEMS:
            raise Refused(f"a list of more than {MAX_ITEMS} items")
        if self.depth > MAX_DEPTH:
            raise Refused(f"lists more than {MAX_DEPTH} deep in each other")


class Native:
    """A function that is a value: `abs`, or a method of an object; it takes `least` to `most` arguments."""

    __slots__ = ("call", "least", "most", "name")

    def __init__(self, name: str, call: Callable[..., Value], least: int = 1, most: int = 1) -> None:
        self.name = name
        self.call = call
        self.least = least
        self.most = most


class Record:
    """Named values that can be read as attributes, such as the limits of a disk."""

    __slots__ = ("fields",)

    def __init__(self, fields: Mapping[str, Value]) -> None:
        self.fields = fields

    def attribute(self, name: str) -> Value:
        """The value; raises `KeyError`."""
        return offered(self.fields[name])


#: What a disk of `io_tune` can be told, and the limit that it sets.
SETTERS = {
    "setTotalBytesSec": "total_bytes_sec",
    "setReadBytesSec": "read_bytes_sec",
    "setWriteBytesSec": "write_bytes_sec",
    "setTotalIopsSec": "total_iops_sec",
    "setReadIopsSec": "read_iops_sec",
    "setWriteIopsSec": "write_iops_sec",
}


class Device(Record):
    """A disk of `io_tune`: `name`, `path`, and the records `guaranteed`, `maximum` and `current`; `limits` are those
    that the policy has set (None: no limit)."""

    __slots__ = ("current", "limits")

    def __init__(self, fields: Mapping[str, Value]) -> None:
        super().__init__(fields)
        self.limits: dict[str, int | None] = {}
        found = fields.get("current", fields.get("ioTune"))
        self.current: dict[str, Value] = dict(found) if isinstance(found, Mapping) else {}

    def attribute(self, name: str) -> Value:
        """The value, or the method; raises `KeyError`."""
        if name in SETTERS:
            return Native(name, lambda value: self._set(SETTERS[name], value))
        return Record(self.current) if name == "current" else super().attribute(name)

    def _set(self, limit: str, value: Value) -> None:
        if value is not None and not isinstance(value, int | float):
            raise Refused(f"{kind(value)} is no limit; give a number, or nil for none")
        self.limits[limit] = self.current[limit] = None if value is None else int(value)


class Entity:
    """The host or a guest, for one cycle.

    `history`: samples, oldest first, each a mapping of fields; those of the newest are the attributes. `variables` is
    what `SetVar` keeps from cycle to cycle: the caller owns it, and it changes only when an evaluation ends well.
    `fields`: names that are known without being in a sample.
    """

    __slots__ = (
        "controls", "fields", "given", "history", "means", "name", "newest", "properties", "setting", "variables",
        "wrapped",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        properties: Mapping[str, Value] | None = None,
        history: Sequence[Mapping[str, Value]] = (),
        variables: dict[str, Value] | None = None,
        fields: frozenset[str] = frozenset(),
    ) -> None:
        self.name = name
        self.properties = {} if properties is None else properties
        self.history = history
        self.newest: Mapping[str, Value] = history[-1] if history else {}
        self.variables = {} if variables is None else variables
        self.fields = fields
        self.means: dict[str, float] = {}
        self.renew()

    def renew(self) -> None:
        """Forget what an evaluation has set, so that another one may begin."""
        self.controls: dict[Value, Value] = {}
        self.setting: dict[Value, Value] = {}
        self.wrapped: dict[str, Value] = {}
        self.given: dict[Value, Value] = {}

    def attribute(self, name: str) -> Value:
        """The newest value of a field, or a method; raises `KeyError`."""
        if name in self.wrapped:
            return self.wrapped[name]
        if name not in self.newest:
            method = METHODS[name]
            return Native(name, partial(method.call, self), method.least, method.most)
        value = self.newest[name]
        if value.__class__ in PLAIN:
            return value
        made = self.wrapped[name] = _devices(value) if name == "io_tune" else offered(value)
        return made

    def devices(self) -> list[Device]:
        """The disks that the policy looked at."""
        return [one for one in self.wrapped.get("io_tune", ()) if one.__class__ is Device]

    def _known(self, name: Value) -> None:
        if not (name in self.fields or any(name in sample for sample in self.history)):
            raise Refused(f"there is no field {shown(name)}")

    def prop(self, name: Value) -> Value:
        """`Prop`: a property."""
        try:
            return offered(self.properties[name])
        except KeyError:
            raise Refused(f"there is no property {shown(name)}") from None

    def stat(self, name: Value, default: Value = None) -> Value:
        """`Stat`: the newest value of a field, or what is given where the newest sample has none."""
        if name not in self.newest:
            self._known(name)
            return default if self.history else None
        return self.attribute(name)

    def stat_avg(self, name: Value) -> float:
        """`StatAvg`: the mean over the history, without samples that have none; 0.0 if none has one."""
        mean = self.means.get(name)
        if mean is None:
            mean = self.means[name] = self._mean(name)
        return mean

    def _mean(self, name: Value) -> float:
        values = [value for sample in self.history if (value := sample.get(name)) is not None]
        if len(values) < len(self.history) or not values:
            self._known(name)
            if not self.history:
                raise Refused(f"there is no sample yet of {shown(name)}")
        if not all(value.__class__ in NUMBERS for value in values):
            raise Refused(f"{shown(name)} is no number in each sample")
        return float(sum(values) / len(values)) if values else 0.0

    def control(self, name: Value, value: Value) -> None:
        """`Control`: what is to be set."""
        self.controls[name] = value

    def get_control(self, name: Value) -> Value:
        """`GetControl`: what this cycle has set so far."""
        return self.controls.get(name)

    def set_var(self, name: Value, value: Value) -> None:
        """`SetVar`: keep a value."""
        self.setting[name] = value
        if len(self.setting) > MAX_VARIABLES:
            raise Refused(f"more than {MAX_VARIABLES} variables of {self.name}")

    def get_var(self, name: Value) -> Value:
        """`GetVar`: a value that was kept, or nil."""
        if name in self.setting:
            return self.setting[name]
        value = self.variables.get(name)
        if value.__class__ in PLAIN:
            return value
        if name not in self.given:    # a list is made once: it costs as much as a hundred steps
            self.given[name] = offered(value)
        return self.given[name]

    def keep(self) -> None:
        """Hand the variables to the caller: numbers, texts, and short lists of them. Objects are of one cycle."""
        for name, value in self.setting.items():
            short = value.__class__ is Items and len(value) <= MAX_KEPT_ITEMS
            if short and all(item.__class__ in PLAIN for item in value):
                value = list(value)
            elif value.__class__ not in PLAIN:
                continue
            if isinstance(name, str) and (name in self.variables or len(self.variables) < MAX_VARIABLES):
                self.variables[name] = value


METHODS = {
    method.name: method
    for method in (
        Native("Prop", Entity.prop), Native("Stat", Entity.stat, 1, 2), Native("StatAvg", Entity.stat_avg),
        Native("Control", Entity.control, 2, 2), Native("GetControl", Entity.get_control),
        Native("SetVar", Entity.set_var, 2, 2), Native("GetVar", Entity.get_var),
    )
}  # fmt: skip


def _devices(value: Value) -> Value:
    if not isinstance(value, list | tuple):
        return offered(value)
    return Items(Device(one) if isinstance(one, Mapping) else offered(one) for one in value)


def offered(value: Value) -> Value:
    """A value from outside as a policy may see it."""
    if value.__class__ in PLAIN:
        return value
    if isinstance(value, list | tuple):
        return Items(offered(one) for one in value)
    return Record(value) if isinstance(value, Mapping) else Record({})


def kind(value: Value) -> str:
    """What a value is, for messages."""
    if value is None:
        return "nil"
    if value.__class__ in NUMBERS:
        return f"the number {shown(value)}"
    if value.__class__ is str:
        return f"the text {shown(value)}"
    if value.__class__ is Items:
        return f"a list of {len(value)}"
    if value.__class__ is Entity:
        return f"the entity {value.name}"
    return f"the function {value.name}" if value.__class__ is Native else "an object"


def shown(value: Value) -> str:
    """A value, short, for messages."""
    if value.__class__ is int and abs(value) > 1 << 128:
        return f"of {value.bit_length()} bits"
    if value.__class__ in PLAIN:
        text = "nil" if value is None else repr(value[:60] if value.__class__ is str else value)
        return text if len(text) <= 60 else f"{text[:59]}…"
    return kind(value)
