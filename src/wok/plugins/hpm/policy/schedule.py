"""Schedules: which of a group's policies is active on which days and hours.

Days and hours are those of the host's time zone. An entry holds on each of its days from `from` (inclusive) to `to`
(exclusive); one whose `to` is not after its `from` ends on the next day, so 22:00 to 06:00 of Monday ends on Tuesday
morning, and 00:00 to 00:00 is the whole day. The first entry that holds says the policy; where none does, `otherwise`.

What is compared is the wall clock. So in the hour that a clock is put forward over, entries that begin in it begin at
its end; the hour that comes twice is in force twice; and a clock that is set takes effect at the next look.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

import msgspec

from .names import Name

Day: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

#: In the order of Python's `weekday()`.
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

#: An hour and a minute of the day.
TimeOfDay = Annotated[str, msgspec.Meta(
    pattern=r"^(?:[01][0-9]|2[0-3]):[0-5][0-9]$(?!\n)", min_length=5, max_length=5,
    description="hours and minutes such as 22:00, from 00:00 to 23:59",
)]  # fmt: skip


class ScheduleEntry(msgspec.Struct, frozen=True, rename={"from_": "from"}, forbid_unknown_fields=True):
    """Days and hours of one policy of the group, in the host's time zone.

    policy: The name of the policy.
    days: Days on which it begins, 1 to 7 of them.
    from: Hours and minutes at which it begins, such as 22:00.
    to: Hours and minutes at which it ends, such as 06:00; not after `from`: on the next day.
    """

    policy: Name
    days: Annotated[tuple[Day, ...], msgspec.Meta(min_length=1, max_length=7)]
    from_: TimeOfDay
    to: TimeOfDay

    def holds(self, weekday: int, minute: int) -> bool:
        """Whether it holds on that day of the week (0 is Monday) at that minute of the day (0 to 1439)."""
        return hours_hold(self.days, self.from_, self.to, weekday, minute)


Schedule = Annotated[tuple[ScheduleEntry, ...], msgspec.Meta(max_length=64)]


def hours_hold(days: Sequence[Day], from_: TimeOfDay, to: TimeOfDay, weekday: int, minute: int) -> bool:
    """Whether hours that begin on these days hold on that day of the week (0 is Monday) at that minute of the day."""
    begin, end = minutes(from_), minutes(to)
    today, yesterday = DAYS[weekday] in days, DAYS[weekday - 1] in days
    if begin < end:
        return today and begin <= minute < end
    return (today and minute >= begin) or (yesterday and minute < end)


def minutes(time: TimeOfDay) -> int:
    """Minute of the day, 0 to 1439."""
    return int(time[:2]) * 60 + int(time[3:])


def scheduled(schedule: Sequence[ScheduleEntry], otherwise: str | None, weekday: int, minute: int) -> str | None:
    """The policy that a schedule wants then; None: no policy, the group is unmanaged."""
    return next((entry.policy for entry in schedule if entry.holds(weekday, minute)), otherwise)
