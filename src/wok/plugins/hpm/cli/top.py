"""`hpm top`: the live view, and the same for scripts."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from ..texts import t
from .command import command
from .names import GROUPS
from .option_types import NumberRange
from .resolve import find_group
from .session import Session

if TYPE_CHECKING:
    from .top_feed import Feed
    from .top_view import View


@command("top", examples=[
    "hpm top",
    "hpm top --wrg Gold --sort cpu",
    "hpm top --batch -n 1 --groups",
])  # fmt: skip
@click.option("--interval", "-d", type=NumberRange(0.2, 3600), default=2.0, show_default=True, metavar="SECONDS",
              help="Ask hpm so often. hpm measures at intervals of its own ('hpm version').")  # fmt: skip
@click.option("--count", "-n", type=click.IntRange(min=1), metavar="COUNT", help="End after so many times.")
@click.option("--batch", "-b", is_flag=True, help="Print plain text, all rows, again and again; no keys.")
@click.option("--group", "--wrg", "--wrg-name", "group", metavar="GROUP", shell_complete=GROUPS,
              help="Only the servers of this group.")  # fmt: skip
@click.option("--filter", "pattern", default="", metavar="TEXT",
              help="Only what has this text in name, group, class or status.")  # fmt: skip
@click.option("--sort", type=click.Choice(["pi", "name", "group", "velocity", "cpu", "delay"]), default="pi",
              show_default=True, help="What comes first: the worst PI or velocity, or the most CPUs.")  # fmt: skip
@click.option("--reverse", "-r", is_flag=True, help="The other way round.")
@click.option("--groups", is_flag=True, help="Show groups instead of servers.")
@click.option("--busy", is_flag=True, help="Leave out what is idle or off.")
def top(
    session: Session,
    interval: float,
    count: int | None,
    batch: bool,
    group: str | None,
    pattern: str,
    sort: str,
    reverse: bool,
    groups: bool,
    busy: bool,
) -> None:
    """Watch how the virtual servers fare, live.

    The worst performance index comes first. Keys sort, filter and scroll; h lists them all, q ends.
    Without a connection the last figures stay, with their age, and top connects again by itself.
    With --json: what 'hpm vs-list --json' prints, one line each time.
    """
    from .top_feed import Feed
    from .top_view import View

    view = View(sort=sort, reverse=reverse, pattern=pattern, groups=groups, idle=not busy)
    feed = Feed(session.client, None if group is None else find_group(session.client, group).object_id)
    if session.json or batch:
        _batch(session, feed, view, interval, count)
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("TERM", "dumb") == "dumb":
        raise click.UsageError(t("top needs a terminal; --batch prints plain text instead"))
    ended = _live(session, feed, view, interval, count)
    if ended not in (None, signal.SIGINT):
        signal.raise_signal(ended)    # the terminal is as it was; now do as we were told


def _batch(session: Session, feed: Feed, view: View, interval: float, count: int | None) -> None:
    from .output import warn
    from .top_lines import batch

    shown = 0
    try:
        while True:
            reading = feed.poll()
            if reading.lost is not None:
                warn(reading.lost)
            elif session.json:
                session.emit_json(feed.servers(), one_line=True)
            else:
                if shown:
                    click.echo()
                for line in batch(reading, view, _where(session), time.monotonic(), _clock()):
                    click.echo(line)
            shown += 1
            sys.stdout.flush()
            if shown == count:
                return
            time.sleep(interval)
    except KeyboardInterrupt:
        sys.exit(130)


def _live(session: Session, feed: Feed, view: View, interval: float, count: int | None) -> int | None:
    """Show until somebody ends it; the signal that did, if any."""
    from rich.console import Console, ConsoleDimensions, Group
    from rich.live import Live

    from .terminal import Terminal
    from .top_feed import Poller
    from .top_lines import screen
    from .top_view import press, scroll

    reading = feed.poll()    # who cannot be reached at all is an error, as for every command
    console = Console(markup=False, highlight=False, emoji=False, legacy_windows=False)
    picture = Live(console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
    with Terminal() as terminal, Poller(feed, interval, terminal.wake) as poller, picture:
        while True:
            if poller.fault is not None:
                raise poller.fault
            if not view.paused:
                reading = feed.last or reading
            size = os.get_terminal_size(sys.stdout.fileno())
            console.size = ConsoleDimensions(size.columns, size.lines)
            shown = screen(reading, view, _where(session), time.monotonic(), _clock(), size.columns, size.lines)
            if not view.help:
                view = scroll(view, 0, shown.count, shown.page)    # there may be fewer rows than before
            picture.update(Group(*shown.lines), refresh=True)
            for key in terminal.wait(1.0):
                view = press(view, key, shown.count, shown.page)
            if terminal.stopped:
                picture.stop()
                terminal.stop()
                picture.start()
            if terminal.ended is not None or view.quit or (count is not None and poller.count >= count):
                return terminal.ended


def _where(session: Session) -> str:
    """The host whose servers are shown."""
    return os.uname().nodename if session.host is None else str(urlsplit(session.host).hostname)


def _clock() -> str:
    return time.strftime("%H:%M:%S")
