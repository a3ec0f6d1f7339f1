"""What the calendar says, found out in another way than hpm does: hours of Central Europe, by the rule that stands in
its law, and the policy of a schedule minute by minute."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

from hpm.policy.schedule import DAYS, ScheduleEntry

#: The same rule as the C library wants it told.
TZ = "CET-1CEST,M3.5.0,M10.5.0/3"


def local(moment: datetime) -> datetime:
    """The wall clock of Central Europe."""
    summer = _turn(moment.year, 3) <= moment < _turn(moment.year, 10)
    return moment.replace(tzinfo=None) + timedelta(hours=2 if summer else 1)


def _turn(year: int, month: int) -> datetime:
    """01:00 UTC of the last Sunday of a month with 31 days."""
    last = datetime(year, month, 31, 1, tzinfo=timezone.utc)
    return last - timedelta(days=(last.weekday() + 1) % 7)


def wanted(schedule: Sequence[ScheduleEntry], otherwise: str | None, moment: datetime) -> str | None:
    """The policy that a schedule wants at that moment (UTC)."""
    now = local(moment)
    for entry in schedule:
        begin, end = (datetime.strptime(text, "%H:%M").time() for text in (entry.from_, entry.to))
        for day in (now.date(), now.date() - timedelta(days=1)):
            if DAYS[day.weekday()] not in entry.days:
                continue
            last = day if end > begin else day + timedelta(days=1)
            if datetime.combine(day, begin) <= now < datetime.combine(last, end):
                return entry.policy
    return otherwise


class Expected:
    """Which policy of a group is to be active: by hand, and by its schedule whenever that wants another one."""

    def __init__(self) -> None:
        self.active: str | None = None
        self.schedule: tuple[ScheduleEntry, ...] = ()
        self.otherwise: str | None = None
        self._wants: tuple[str | None] | None = None    # nothing yet

    def by_hand(self, policy: str | None) -> None:
        """Somebody activates it."""
        self.active = policy

    def plan(self, schedule: tuple[ScheduleEntry, ...], otherwise: str | None) -> None:
        """Another schedule acts at once; the same one goes on. None: what is active stays so."""
        if (schedule, otherwise) == (self.schedule, self.otherwise):
            return
        self.schedule, self.otherwise = schedule, otherwise
        self._wants = None

    def tick(self, moment: datetime) -> None:
        """Somebody looked at the clock."""
        if self.schedule:
            wants = (wanted(self.schedule, self.otherwise, moment),)
            if wants != self._wants:
                self._wants, self.active = wants, wants[0]
