"""What `hpm top` shows, without a terminal: order, colours, names of all kinds, and its cost."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import httpx
import msgspec
import pytest
from rich.cells import cell_len

from hpm.cli.terminal import KeyDecoder
from hpm.cli.top_feed import Feed, Reading, Row, table
from hpm.cli.top_lines import batch, index_mark, screen
from hpm.cli.top_view import View, choose, press
from hpm.client.connection import connect
from hpm.wire.groups import GroupList
from hpm.wire.management import ManagementLevels
from hpm.wire.servers import ServerDetailList

from .test_client_fake import BASE, GOLD, Fake, server


def reading(fake: Fake) -> Reading:
    return Feed(connect(transport=fake.transport), clock=lambda: 100.0).poll()


def shown(fake: Fake, view: View | None = None, width: int = 80, height: int = 24, now: float = 100.0) -> list[str]:
    made = screen(reading(fake), view or View(), "host", now, "12:00:00", width, height)
    return [line.plain.rstrip() for line in made.lines]


def rows(*indexes: float | None) -> list[Row]:
    return [Row(f"s{i}", "g", None, None, "-", None, index, None, None, None, "met")
            for i, index in enumerate(indexes)]  # fmt: skip


def test_the_worst_index_comes_first_and_what_has_none_last() -> None:
    some = rows(0.9, None, 2.0, 1.0)
    assert [row.index for row in choose(some, View())] == [2.0, 1.0, 0.9, None]
    assert [row.index for row in choose(some, View(reverse=True))] == [0.9, 1.0, 2.0, None]


def test_idle_servers_can_be_hidden_and_filters_look_at_names_groups_classes_and_statuses() -> None:
    fake = Fake(servers=[
        server(1, "db1"), server(2, "db2", **{"goal-status": "idle"}), server(3, "off", status="shut-off"),
        server(4, "web", **{"service-class": "front"}),
    ])  # fmt: skip
    whole = reading(fake).servers
    assert [row.name for row in choose(whole, View(sort="name", idle=False))] == ["db1", "web"]
    for pattern, found in (("FRONT", ["web"]), ("shut", ["off"]), ("gold", ["db1", "db2", "off", "web"]), ("x", [])):
        assert [row.name for row in choose(whole, View(sort="name", pattern=pattern))] == found


def test_keys() -> None:
    view = View()
    for key in ("g", "i", "r", "v", "end"):
        view = press(view, key, 100, 20)
    assert view == View(sort="velocity", groups=True, idle=False, first=80)
    assert press(view, "page-up", 100, 20).first == 60
    assert press(press(view, "h", 100, 20), "x", 100, 20) == view
    assert press(view, "unknown", 100, 20) == view


@pytest.mark.parametrize(("sent", "keys"), [
    ([b"a\x1b[Aq"], ["a", "up", "q"]), ([b"\x1b[", b"5~"], ["page-up"]), ([b"\x1b[1;5Dx"], ["x"]),
    (["é名".encode()[:3], "é名".encode()[3:]], ["é", "名"]), ([b"\r\x7f\x15"], ["enter", "backspace", "erase"]),
    ([b"\xff\xfea"], ["a"]), ([b"\x1b\x1b"], []),
])  # fmt: skip
def test_what_a_terminal_sends_is_understood(sent: list[bytes], keys: list[str]) -> None:
    decoder = KeyDecoder()
    assert [key for data in sent for key in decoder.feed(data)] == keys


def test_a_lone_escape_is_a_key() -> None:
    decoder = KeyDecoder()
    assert decoder.feed(b"\x1b") == [] and decoder.waits
    assert decoder.give_up() == ["escape"] and not decoder.waits


def test_a_missed_goal_is_told_by_colour_and_by_a_mark() -> None:
    assert [index_mark(i) for i in (None, 1.0, 1.05, 1.06, 1.5, 1.51)] == ["", "", "", "!", "!", "!!"]
    fake = Fake(servers=[server(n, f"s{n}", **{"performance-index": i}) for n, i in enumerate((0.9, 1.02, 1.2, 3.0))])
    lines = screen(reading(fake), View(sort="name"), "h", 100.0, "", 100, 12).lines[4:8]
    styles = [{str(span.style) for span in line.spans if "." in line.plain[span.start:span.end]
               and span.end - span.start == 8} for line in lines]  # fmt: skip
    assert [line.plain.split()[6] for line in lines] == ["0.90", "1.02", "1.20!", "3.00!!"]
    assert [s & {"green", "yellow", "bold red"} for s in styles] == [{"green"}, set(), {"yellow"}, {"bold red"}]


def test_names_of_all_kinds_keep_the_columns_straight() -> None:
    names = ["plain", "名前" * 20, "e\u0301" * 40, "evil\x1b[2J\x9b1m\r\n", "\u202eturned", "\u2028line", "x" * 64]
    fake = Fake(servers=[server(n, name) for n, name in enumerate(names)])
    for width in (40, 80, 133):
        made = screen(reading(fake), View(), "host", 100.0, "12:00:00", width, 24)
        for line in made.lines:
            assert cell_len(line.plain) <= width and line.plain.isprintable()
        statuses = {cell_len(line.plain[: line.plain.index("●")]) for line in made.lines[4:11] if "●" in line.plain}
        assert len(statuses) <= 1
    assert all(line.isprintable() for line in batch(reading(fake), View(), "host", 100.0, ""))
    assert any("x" * 64 in line for line in batch(reading(fake), View(), "host", 100.0, ""))


def test_a_narrow_screen_leaves_columns_out_and_cuts_no_figures() -> None:
    fake = Fake(servers=[
        server(1, "db1", **{"performance-index": 12.5, "cpu-shares": 10000}),
        server(2, "x", **{"goal-status": "discretionary", "importance": "highest"}), server(3, "y", status="shut-off"),
    ])  # fmt: skip
    for width, titles in ((80, 11), (75, 10), (67, 9), (50, 7)):
        lines = [line.plain for line in screen(reading(fake), View(), "h", 100.0, "", width, 10).lines[3:7]]
        assert len(lines[0].split()) == titles
        assert lines[0].rstrip().endswith("Status") and "12.50!!" in lines[1] and lines[1].rstrip().endswith("● met")
        assert lines[2].rstrip().endswith("– discr.") and lines[3].rstrip().endswith("  off")
    assert "…" not in "".join(shown(fake)) and "discretionary" in "\n".join(shown(fake, width=100))


def test_the_screen_is_full_and_never_larger() -> None:
    fake = Fake(servers=[server(n, f"s{n:03}") for n in range(100)])
    for height in (3, 5, 24, 200):
        lines = shown(fake, View(sort="name", first=50), height=height)
        assert len(lines) == height
    assert "51-69 of 100" in shown(fake, View(sort="name", first=50))[-1]
    assert len(shown(fake, View(help=True), height=5)) == 5


def test_old_figures_and_a_hypervisor_that_does_not_answer_are_told() -> None:
    fake = Fake()
    fake.answers["GET", "/virtual-servers/detail"] = httpx.Response(200, json={
        "virtual-servers": [], "snapshot-time": "2026-02-03T13:05:10Z", "problem": "libvirt does not\nanswer",
    }, headers={"Date": "Tue, 03 Feb 2026 13:05:45 GMT"})  # fmt: skip
    lines = shown(fake, now=107.0)
    assert "measured 42 s ago, every 10 s" in lines[2]    # by hpm's own clock, and ours for what has passed since
    assert lines[3].startswith("! libvirt does not") and "none" in lines[-1]


def test_the_count_is_of_all_servers_and_the_keys_fit_80_columns() -> None:
    statuses = ("met", "missed", "idle", "discretionary", "unmanaged", "unmanaged", "paused")
    fake = Fake(servers=[
        *(server(n, f"s{n}", **{"goal-status": status}) for n, status in enumerate(statuses)),
        server(9, "off", status="shut-off"),
    ])  # fmt: skip
    lines = shown(fake)
    assert lines[1] == "8 servers: ● 1 met, ▲ 1 missed, ◌ 1 idle, 1 discr., 2 unman., 1 paused, 1 off"
    assert "  CPU management off  " in lines[0]
    assert shown(fake, View(first=5), height=8)[-1].endswith("  n G p v c d sort")
    assert shown(Fake())[1] == "2 servers: ● 1 met, ▲ 0 missed, ◌ 1 idle"


@pytest.mark.parametrize("typing", [True, False])
def test_a_filter_that_nothing_matches_says_so(typing: bool) -> None:
    view = View(pattern="nosuch", typing=typing)
    assert "no server matches 'nosuch'" in shown(Fake(), view)
    assert "no group matches 'nosuch'" in shown(Fake(), replace(view, groups=True))
    assert batch(reading(Fake()), view, "host", 100.0, "")[-1] == "no server matches 'nosuch'"


def test_what_has_not_changed_is_not_sent_again() -> None:
    fake = Fake()
    feed = Feed(connect(transport=fake.transport))
    answer = fake.handle(httpx.Request("GET", f"http://localhost{BASE}/virtual-servers/detail"))
    tag = {"ETag": '"1"'}
    fake.answers["GET", "/virtual-servers/detail"] = httpx.Response(200, content=answer.content, headers=tag)
    first = feed.poll()
    fake.answers["GET", "/virtual-servers/detail"] = httpx.Response(304, headers=tag)
    second = feed.poll()
    assert fake.requests[-3].headers["If-None-Match"] == '"1"'
    assert second.lost is None and second.servers == first.servers


def test_of_one_group_only_its_servers() -> None:
    fake = Fake()
    fake.servers.append(server(3, "other", **{"workload-resource-group": f"{BASE}/workload-resource-groups/default"}))
    one = Feed(connect(transport=fake.transport), group=GOLD).poll()
    assert [row.name for row in one.servers] == ["db1", "db2"]
    assert [row.name for row in one.groups] == ["Gold"]


def test_a_thousand_servers_are_shown_quickly() -> None:
    fake = Fake(servers=[
        server(n, f"guest-{n:04}", **{"performance-index": 0.5 + n % 200 / 100}) for n in range(1000)
    ])  # fmt: skip
    text = json.dumps({"virtual-servers": fake.servers, "snapshot-time": None, "problem": None}).encode()
    groups = msgspec.json.decode(
        fake.handle(httpx.Request("GET", f"http://localhost{BASE}/workload-resource-groups")).content, type=GroupList
    ).workload_resource_groups
    version = reading(fake).version
    decoding, drawing = [], []
    for _ in range(5):
        begin = time.process_time()
        servers = msgspec.json.decode(text, type=ServerDetailList).virtual_servers
        made = Reading(*table(servers, groups), ManagementLevels("off", "off"), version, 1.0, 100.0, None)
        middle = time.process_time()
        lines = screen(made, View(pattern="guest"), "host", 100.0, "", 200, 60).lines
        drawing.append(time.process_time() - middle)
        decoding.append(middle - begin)
    assert len(lines) == 60
    print(f"1,000 servers: {min(decoding) * 1000:.1f} ms of CPU to decode, {min(drawing) * 1000:.1f} ms for a screen")
    assert min(decoding) < 0.25 and min(drawing) < 0.1
