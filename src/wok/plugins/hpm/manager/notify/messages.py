"""What a delivery says: JSON for programs, and text for a tired administrator."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Sequence

import msgspec

from ...store.settings import Mail, Webhook
from ...wire.notifications import Notification, NotificationEvent, NotificationMessage
from .channels import MailParcel, Parcel, WebhookParcel
from .outbox import Digest

#: Notifications that a mail tells one by one.
TOLD = 50

_HEADINGS: tuple[tuple[str, tuple[NotificationEvent, ...]], ...] = (
    ("The hypervisor", ("hypervisor-unreachable", "hypervisor-still-unreachable", "hypervisor-reachable")),
    ("Missed", ("goal-missed",)),
    ("Still missed", ("goal-still-missed",)),
    ("Met again", ("goal-met",)),
    ("Not watched any more", ("goal-withdrawn",)),
    ("A test", ("test",)),
)


def parcel(digest: Digest, channel: Webhook | Mail, host: str, level: str) -> Parcel:
    """What is handed to the courier. `level` is that of CPU management."""
    if isinstance(channel, Mail):
        text = mail_text(digest, host, level)
        return MailParcel(channel, digest.id, host, mail_subject(digest.notifications, host), text)
    message = NotificationMessage(digest.id, digest.time, host, level, digest.notifications, digest.lost)
    body = msgspec.json.encode(message)
    signature = None
    if channel.secret is not None:
        signature = "sha256=" + hmac.new(channel.secret.encode(), body, hashlib.sha256).hexdigest()
    return WebhookParcel(channel.url, digest.id, body.decode(), signature)


def mail_subject(notifications: Sequence[Notification], host: str) -> str:
    """``hpm on kvm7: Gold/db missed its goal for 5 min``; of several, how many of each."""
    if len(notifications) == 1:
        return f"hpm on {host}: {_sentence(notifications[0], brief=True)}"
    words = {
        "goal-missed": "missed", "goal-still-missed": "still missed", "goal-met": "met again",
        "goal-withdrawn": "not watched any more",
    }  # fmt: skip
    parts = []
    if any(one.event.startswith("hypervisor") for one in notifications):
        last = [one for one in notifications if one.event.startswith("hypervisor")][-1]
        parts.append(_sentence(last, brief=True))
    for event, said in words.items():
        number = sum(one.event == event for one in notifications)
        if number:
            parts.append(f"{number} goal{'s' if number > 1 else ''} {said}")
    return f"hpm on {host}: {', '.join(parts)}"


def mail_text(digest: Digest, host: str, level: str) -> str:
    """The body of a mail."""
    lines = [f"hpm on {host}, {_clock(digest.time)}"]
    if level != "on":
        meaning = "hpm only observes" if level == "off" else "hpm reports and changes nothing"
        lines.append(f"CPU management is at the level {level}: {meaning}.")
    left = TOLD
    for heading, events in _HEADINGS:
        found = [one for one in digest.notifications if one.event in events]
        if not found:
            continue
        lines += ["", f"{heading}:"]
        lines += [f"  {_sentence(one)}" for one in found[: max(0, left)]]
        if len(found) > left:
            lines.append(f"  … and {len(found) - max(0, left)} more")
        left -= len(found)
    if digest.lost:
        lines += ["", f"{digest.lost} notifications before these could not be delivered."]
    return "\n".join([*lines, *_advice(digest.notifications), ""])


def _advice(notifications: Sequence[Notification]) -> Iterator[str]:
    yield ""
    if any(one.service_class is not None for one in notifications):
        yield "'hpm class-list GROUP' shows the goals of a group, 'hpm explain VS' why a server is where it is."
    yield "'hpm notifications' shows what is told and to whom."


def _sentence(one: Notification, brief: bool = False) -> str:
    lasted = span(one.seconds)
    if one.event == "test":
        return "a test of notifications" if brief else f"{one.reason}."
    if one.service_class is None:
        since = "" if brief else f" since {_clock(one.since)}"
        if one.event == "hypervisor-reachable":
            return f"the hypervisor is reached again{'' if brief else f'; it was not for {lasted}{since}'}"
        reason = "" if brief or one.reason is None else f": {one.reason}"
        return f"the hypervisor has not been reached for {lasted}{since}{reason}"
    name = f"{one.group_name}/{one.service_class}"
    if brief:
        said = {
            "goal-missed": f"missed its goal for {lasted}", "goal-still-missed": f"still misses its goal, for {lasted}",
            "goal-met": "meets its goal again", "goal-withdrawn": "is not watched any more",
        }  # fmt: skip
        return f"{name} {said[one.event]}"
    who = f"{name} (importance {one.importance})"
    velocity = f"velocity {'none' if one.velocity is None else f'{one.velocity:.0f}'}, goal {one.goal_velocity}"
    if one.event == "goal-met":
        how = f"{one.reason}" if one.reason else velocity
        return f"{who} missed its goal for {lasted} since {_clock(one.since)}, and meets it now: {how}"
    if one.event == "goal-withdrawn":
        return f"{who} missed its goal for {lasted} since {_clock(one.since)}: {one.reason}"
    index = "" if one.performance_index is None else f", PI {one.performance_index:.2f}"
    still = "still misses" if one.event == "goal-still-missed" else "missed"
    return f"{who} {still} its goal, for {lasted} since {_clock(one.since)}: {velocity}{index}"


def span(seconds: float) -> str:
    """A time in its largest units: ``45 s``, ``5 min``, ``2 h 10 min``, ``3 d 4 h``."""
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    minutes = whole // 60
    if minutes < 120:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def _clock(time: str) -> str:
    """An RFC 3339 time as people write it: ``2026-11-21 14:05:00 UTC``."""
    return f"{time[:10]} {time[11:19]} UTC"
