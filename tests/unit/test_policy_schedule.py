"""Schedules: which policy is wanted when."""

from __future__ import annotations

import msgspec
import pytest

from hpm.errors import InvalidValue
from hpm.policy.decode import decode
from hpm.policy.groups import WorkloadResourceGroup, check_group
from hpm.policy.schedule import Schedule, ScheduleEntry, scheduled

NIGHT = ScheduleEntry("night", ("mon", "sun"), "22:00", "06:00")
NOON = ScheduleEntry("noon", ("mon", "tue"), "12:00", "13:00")
WHOLE = ScheduleEntry("weekend", ("sat",), "00:00", "00:00")


@pytest.mark.parametrize(
    ("weekday", "time", "wanted"),
    [
        (0, "21:59", "weekday"), (0, "22:00", "night"), (1, "05:59", "night"), (1, "06:00", "weekday"),
        (1, "22:00", "weekday"),                         # Tuesday is not of the night's days
        (0, "03:00", "night"),                           # of Sunday's night
        (0, "12:00", "noon"), (0, "13:00", "weekday"),   # the end is not of it
        (5, "00:00", "weekend"), (5, "23:59", "weekend"), (6, "00:00", "weekday"),
    ],
)  # fmt: skip
def test_the_first_entry_that_holds_says_the_policy(weekday: int, time: str, wanted: str) -> None:
    minute = int(time[:2]) * 60 + int(time[3:])
    assert scheduled((NIGHT, NOON, WHOLE), "weekday", weekday, minute) == wanted


def test_where_nothing_holds_there_may_be_no_policy() -> None:
    assert scheduled((NOON,), None, 6, 0) is None


@pytest.mark.parametrize("entry", [
    {"policy": "night", "days": [], "from": "22:00", "to": "06:00"},
    {"policy": "night", "days": ["monday"], "from": "22:00", "to": "06:00"},
    {"policy": "night", "days": ["mon"], "from": "24:00", "to": "06:00"},
    {"policy": "night", "days": ["mon"], "from": "6:00", "to": "07:00"},
    {"policy": "night", "days": ["mon"], "from": "06:00", "to": "07:00\n"},
])  # fmt: skip
def test_days_and_times_are_checked(entry: dict[str, object]) -> None:
    with pytest.raises(InvalidValue):
        decode(msgspec.json.encode([entry]), Schedule)    # type: ignore[arg-type]


def test_a_schedule_names_policies_of_the_group() -> None:
    with pytest.raises(InvalidValue, match=r"schedule\[0\].policy: the group 'Gold' has no policy named 'night'"):
        check_group(WorkloadResourceGroup("x", "Gold", schedule=(NIGHT,)))
    with pytest.raises(InvalidValue, match="otherwise: the group 'Gold' has no policy named 'day'"):
        check_group(WorkloadResourceGroup("x", "Gold", otherwise="day"))
