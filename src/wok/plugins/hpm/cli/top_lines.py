"""How `hpm top` looks: lines of text with colours, for a screen of a given size or for a pipe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from ..texts import later, plural, t
from . import words
from .plain import plain
from .top_feed import Reading, Row
from .top_help import help_lines
from .top_view import View, choose

#: Performance indexes above which a goal is missed, and missed by far.
MISSED, BADLY_MISSED = 1.05, 1.5

_SHORT_STATUS = {"discretionary": "discr.", "unmanaged": "unman.", "shut-off": "off"}

_KEYS = later("h help  q quit  / filter  g groups  n G p v c d sort")

#: Statuses that are counted where there are such servers.
_OTHERS = ("discretionary", "unmanaged", "paused", "shut-off", "crashed")

#: On a screen as wide as this, statuses are not shortened.
_WIDE = 100


@dataclass(frozen=True)
class _Column:
    """A column; `narrowest` cells wide, more where it needs them and there is room. `sort`: the order it shows. On a
    narrow screen, those with the highest number in `spare` are left out first."""

    title: str
    narrowest: int
    right: bool = False
    sort: str | None = None
    spare: int = 0

    @property
    def least(self) -> int:
        """The cells that it takes at least, so that its title is whole, with the mark of what is sorted by."""
        return max(self.narrowest, cell_len(t(self.title)) + (self.sort is not None))


_SERVERS = (
    _Column(later("Name"), 10, sort="name"), _Column(later("Group"), 7, sort="group", spare=1),
    _Column(later("Class"), 6, spare=3), _Column(later("Imp."), 7, spare=2), _Column(later("Goal"), 4, True),
    _Column(later("Velo"), 4, True, "velocity"), _Column(later("PI"), 7, True, "pi"),
    _Column(later("CPUs"), 5, True, "cpu"), _Column(later("Wait"), 5, True, "delay"),
    _Column(later("Shares"), 6, True, spare=4), _Column(later("Status"), 8),
)  # fmt: skip
_GROUPS = (
    _Column(later("Group"), 10, sort="name"), _Column(later("Policy"), 7, spare=1),
    _Column(later("Imp."), 7, spare=2), _Column(later("Servers"), 7, True, spare=3),
    _Column(later("Met"), 4, True), _Column(later("Missed"), 6, True), _Column(later("Velo"), 4, True, "velocity"),
    _Column(later("PI"), 7, True, "pi"), _Column(later("CPUs"), 5, True, "cpu"),
    _Column(later("Wait"), 5, True, "delay"), _Column(later("Status"), 8),
)  # fmt: skip


@dataclass(frozen=True)
class Screen:
    """A screen full of lines, how many rows there are, and for how many there is room."""

    lines: list[Text]
    count: int
    page: int


def screen(reading: Reading, view: View, where: str, now: float, clock: str, width: int, height: int) -> Screen:
    """The lines of a terminal of that size; only the rows that are seen are made. `clock` is the time to show."""
    if view.help:
        return Screen([Text(line, no_wrap=True) for line in help_lines()][:height], 0, 1)
    head = header(reading, view, where, now, clock)
    rows = choose(reading.groups if view.groups else reading.servers, view)
    page = max(1, height - len(head) - 2)
    first = max(0, min(view.first, len(rows) - page))
    seen = rows[first : first + page]
    lines = head + table(seen, view, width)
    if not rows and view.pattern:
        lines.append(_no_match(view))
    lines += [Text() for _ in range(height - len(lines) - 1)]
    span = t(
        "{first}-{last} of {number}", first=first + 1, last=first + len(seen), number=len(rows)
    ) if seen else t("none")
    lines = [*lines[: height - 1], _foot(view, span)]
    for line in lines:
        line.no_wrap = True
        line.truncate(width)
    return Screen(lines, len(rows), page)


def batch(reading: Reading, view: View, where: str, now: float, clock: str) -> list[str]:
    """The same for a pipe: all rows, as wide as they are."""
    rows = choose(reading.groups if view.groups else reading.servers, view)
    lines = [*header(reading, view, where, now, clock), *table(rows, view, None)]
    if not rows and view.pattern:
        lines.append(_no_match(view))
    return [line.plain.rstrip() for line in lines]


def header(reading: Reading, view: View, where: str, now: float, clock: str) -> list[Text]:
    """What stands above the table."""
    version = reading.version
    system = " ".join(filter(None, (version.hypervisor, version.hypervisor_version))) or t("no hypervisor")
    rows = reading.servers
    counts = Counter(row.status for row in rows)
    others = "".join(f", {counts[status]} {_SHORT_STATUS.get(status, status)}" for status in _OTHERS if counts[status])
    using, delay = sum(row.using or 0.0 for row in rows), sum(row.delay or 0.0 for row in rows)
    age = reading.age(now)
    lines = [
        Text.assemble(("hpm top", "bold"), plain(
            f"  {where}  {clock}  {t('CPU management {level}', level=reading.levels.cpu_mgmt)}"
            f"  hpm {version.hpm_version}, {system}"
        )),
        Text.assemble(
            plural("{n} server", "{n} servers", len(rows)) + ": ",
            (f"● {counts['met']} met", "green" if counts["met"] else ""), ", ",
            (f"▲ {counts['missed']} missed", "bold red" if counts["missed"] else ""), f", ◌ {counts['idle']} idle",
            plain(others),
        ),
        Text(
            t("CPUs used {used}, waited for {waited}; not measured yet", used=f"{using:.2f}", waited=f"{delay:.2f}")
            if age is None else
            t("CPUs used {used}, waited for {waited}; measured {age} s ago, every {interval} s", used=f"{using:.2f}",
              waited=f"{delay:.2f}", age=f"{age:.0f}", interval=f"{version.interval_seconds:g}")
        ),
    ]  # fmt: skip
    if view.paused:
        lines[2].append("  " + t("STOPPED (space goes on)"), "bold yellow")
    if reading.problem:
        lines.append(Text(plain(f"! {reading.problem}"), "bold red"))
    if reading.lost is not None:
        lost = t("no answer for {seconds} s: {reason}", seconds=f"{now - reading.at:.0f}", reason=reading.lost)
        lines.append(Text(plain(f"! {lost}"), "bold red"))
    return lines


def table(rows: Sequence[Row], view: View, width: int | None) -> list[Text]:
    """The table's head, and a line for each row; `width` None: as wide as it is."""
    columns: Sequence[_Column] = _GROUPS if view.groups else _SERVERS
    short = width is not None and width < _WIDE
    cells = [[*(_group_cells(row) if view.groups else _server_cells(row)), _status(row.status, short)] for row in rows]
    places = _fitting(columns, width)
    columns, cells = [columns[i] for i in places], [[parts[i] for i in places] for parts in cells]
    widths = _widths(columns, cells, width)
    head = Text(style="bold reverse")
    for column, room in zip(columns, widths, strict=True):
        mark = ("▴" if view.reverse else "▾") if column.sort == view.sort else ""
        head.append(_fit(t(column.title) + mark, room, column.right) + " ")
    lines = [head]
    for row, parts in zip(rows, cells, strict=True):
        line = Text()
        for column, room, part in zip(columns, widths, parts, strict=True):
            style = _index_style(row.index) if column.title == "PI" else ""
            if column.title == "Status":
                style = words.goal_status_style(row.status)
            line.append(_fit(part, room, column.right) + " ", style)
        lines.append(line)
    return lines


def _no_match(view: View) -> Text:
    pattern = repr(view.pattern)
    return Text(plain(
        t("no group matches {pattern}", pattern=pattern) if view.groups else
        t("no server matches {pattern}", pattern=pattern)
    ), "dim")    # fmt: skip


def index_mark(index: float | None) -> str:
    """What says without colour that a goal is missed: ``!``, or ``!!`` by far."""
    return "" if index is None or index <= MISSED else "!" if index <= BADLY_MISSED else "!!"


def _index_style(index: float | None) -> str:
    if index is None:
        return "dim"
    if index <= 1.0:
        return "green"
    return "" if index <= MISSED else "yellow" if index <= BADLY_MISSED else "bold red"


def _server_cells(row: Row) -> list[str]:
    return [
        row.name, row.group, words.text_or_none(row.service_class), words.text_or_none(row.importance), row.goal,
        words.percent(row.velocity), _index(row.index), _cpus(row.using), _cpus(row.delay),
        words.text_or_none(row.shares),
    ]  # fmt: skip


def _group_cells(row: Row) -> list[str]:
    return [
        row.name, words.text_or_none(row.policy), words.text_or_none(row.importance), str(row.servers), str(row.met),
        str(row.missed), words.percent(row.velocity), _index(row.index), _cpus(row.using), _cpus(row.delay),
    ]  # fmt: skip


def _index(index: float | None) -> str:
    text = words.NONE if index is None else f"{min(index, 99.99):.2f}"
    return f"{text}{index_mark(index):2}"


def _cpus(value: float | None) -> str:
    return words.NONE if value is None else f"{value:.2f}"


def _status(status: str, short: bool) -> str:
    text = words.goal_status(status)
    return text.replace(status, _SHORT_STATUS.get(status, status)) if short else text


def _fitting(columns: Sequence[_Column], width: int | None) -> list[int]:
    """The places of the columns for which there is room at all."""
    places = list(range(len(columns)))
    while width is not None and sum(columns[i].least + 1 for i in places) - 1 > width:
        last = max(places, key=lambda i: columns[i].spare)
        if not columns[last].spare:
            break
        places.remove(last)
    return places


def _widths(columns: Sequence[_Column], cells: Sequence[Sequence[str]], width: int | None) -> list[int]:
    """Cells for each column: what its cells need, as far as there is room; the longest are cut first."""
    widths = [column.least for column in columns]
    needed = [
        max([column.least, *(cell_len(plain(row[i])) for row in cells)]) for i, column in enumerate(columns)
    ]
    room = None if width is None else width - sum(widths) - len(columns) + 1
    for i, need in sorted(enumerate(needed), key=lambda item: item[1]):
        if need > widths[i]:
            more = need - widths[i] if room is None else max(0, min(need - widths[i], room))
            widths[i] += more
            room = None if room is None else room - more
    return widths


def _fit(text: str, room: int, right: bool) -> str:
    text = plain(text)
    wide = cell_len(text)
    if wide > room:
        return set_cell_size(text, room - 1) + "…"
    blanks = " " * (room - wide)
    return blanks + text if right else text + blanks


def _foot(view: View, span: str) -> Text:
    if view.typing:
        typed = plain(view.pattern)
        return Text.assemble(
            (f"{t('Filter:')} ", "bold"), typed, ("▏", "bold"), (f"  {t('Enter keeps, Esc ends')}", "dim")
        )
    said = [span]
    if view.pattern:
        said.append(t("filter: {pattern} (Esc ends)", pattern=view.pattern))
    if not view.idle:
        said.append(t("idle ones hidden"))
    left = plain(", ".join(said))
    return Text.assemble((left, "bold"), (f"  {t(_KEYS)}", "dim"))
