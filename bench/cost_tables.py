"""Tables of docs/benchmarks.md that `charts` fills from reports: sync, metrics, history, pages, memory, mom and
partitions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench import memory_cost, metrics, mom, sync
from bench.history import BAR_BYTES, BAR_CHART_MS, BAR_CYCLE, DAY_CHART


def held(promised: str, kept: bool) -> str:
    """What was promised, and whether it was held."""
    return f" (promised: {promised}, {'held' if kept else '**missed**'})"


def many_hosts(figures: Mapping[str, Any]) -> str:
    """Bytes of the sync protocol, of `bench.sync`."""
    rows = [
        f"| {figures['hosts']} hosts × {figures['servers']}, bytes a server and poll | plain | gzip | zstd |"
        " gzip, a server and second | configurations told, of those that changed |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, side in figures["sides"].items():
        cells = [f"{side[form]:.1f}" for form in ("plain", "gzip", "zstd")]
        cells += [f"{side['gzip'] / sync.INTERVAL:.1f}"]
        if name == "moving":
            within = figures["within-bars"]
            for place, key in enumerate(("plain", "gzip")):
                cells[place] += held(f"{sync.BARS[key]:g}", within[key])
            cells[3] += held(f"{sync.BARS['in-all']:g}", within["in-all"])
        told = "" if "changed" not in side else f"{side['configurations-told']} of {side['changed']}"
        rows.append(f"| {name} | {' | '.join(cells)} | {told} |")
    return "\n".join(rows)


def large_host(figures: Mapping[str, Any]) -> str:
    """How long pollers of one large host wait, of `bench.sync`."""
    within, ms = figures["within-bars"], figures["ms"]
    scrapes = figures["metrics-ms"]
    return "\n".join([
        f"| {figures['servers']:,} servers × 2 vCPUs, {figures['pollers']} pollers, interval 10 s | |",
        "| --- | ---: |",
        f"| a poll, median of {figures['polls']:,} | {ms['median']} ms |",
        f"| 99th percentile | {ms['p99']} ms{held(f'{sync.BAR_P99_MS:g} ms', within['p99'])} |",
        f"| at most | {ms['max']} ms |",
        f"| `/metrics`, {figures['metrics-bytes'] / 1e6:.0f} MB, at most | {scrapes['max']} ms"
        f"{held(f'{sync.BAR_METRICS_MS:g} ms', within['metrics'])} |",
        f"| memory of hpm, at most | {figures['resident-mib']} MiB{held(f'{sync.BAR_MIB:g} MiB', within['memory'])} |",
        f"| CPU of a cycle, without reading counters | {figures['cycle-cpu-ms']} ms |",
        f"| CPU of hpm, all in all | {figures['cpu-percent']} % of a core |",
    ])


def depths(figures: Mapping[str, Any]) -> str:
    """What the depth of partitions costs, of `bench.partitions`."""
    rows = [
        f"| depth, medians of {figures['rounds']} rounds (least to most) | CPU time of a switch | of depth 1 |"
        " delay of a wake-up among two that work | work, of depth 1 |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in figures["depths"]:
        (least, switch, most), (low, delay, high) = row["switch-us"], row["delay-us"]
        rows.append(
            f"| {row['depth']} | {switch:.2f} µs ({least:.2f} to {most:.2f}) | {row['switch-ratio']:.3f} |"
            f" {delay:.0f} µs ({low:.0f} to {high:.0f}) | {row['work-ratio']:.3f} |"
        )
    return "\n".join(rows)


def scrapes(figures: Mapping[str, Any]) -> str:
    """One scrape of hpm and of libvirt's exporter, of `bench.metrics`."""
    rows = [
        f"| one scrape of {figures['guests']} real guests | CPU, libvirtd and QEMU too | wall | bytes |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name in ("hpm", "exporter"):
        side = figures[name]
        cells = [f"{side[key]['median']:.2f} ms ({side[key]['min']:.2f} to {side[key]['max']:.2f})"
                 for key in ("cpu-ms", "wall-ms")]  # fmt: skip
        rows.append(f"| {name} | {' | '.join(cells)} | {side['bytes']:,} |")
    cells = [f"{figures[f'ratio-{which}']} times" + held(f"{metrics.BAR:g}", figures[f"ratio-{which}"] >= metrics.BAR)
             for which in ("cpu", "wall")]  # fmt: skip
    rows.append(f"| cheaper | {' | '.join(cells)} | |")
    standing = figures["hpm"]["standing-cpu-ms-of-15-s"]
    rows.append(f"| hpm at rest, in 15 s, interval 1 s | {standing} ms | | |")
    return "\n".join(rows)


def history(figures: Mapping[str, Any]) -> str:
    """What a month of history costs, of `bench.history`."""
    month, rows = figures["filled"], ["| | |", "| --- | ---: |"]
    within, charts = month["within-bars"], month["charts"]
    rows.append(
        f"| file of {month['servers']:,} servers × {month['metrics']} metrics, {month['simulated-days']:g} days at"
        f" {month['interval-seconds']:g} s | {month['bytes']['largest'] / 1e6:.0f} MB"
        f"{held(f'{BAR_BYTES / 1e6:.0f} MB', within['size'])} |"
    )
    for name, chart in charts.items():
        for kind in ("warm", "cold"):
            bar = held(f"{BAR_CHART_MS:g} ms", within[f"chart-{kind}"]) if name == DAY_CHART else ""
            figure = chart[f"{kind}-ms"]
            times = f"{figure['median']:.1f}, {figure['p99']:.1f} ms{bar}"
            rows.append(f"| {name}, {kind}: median, 99th percentile | {times} |")
    rows.append(f"| writing it | {month['core-percent']} % of a core |")
    many = figures.get("many")
    if many:
        rows.append(f"| memory for {many['servers']:,} servers | {many['resident-mb']['grew']:.0f} MB |")
    beside = figures["cycle"]
    if "skipped" not in beside:
        for name, ratio in beside["ratios"].items():
            bar = held(f"{BAR_CYCLE:g}", beside["within-bar"][name])
            rows.append(
                f"| a cycle with it, to one without, {name}: medians, worst |"
                f" {ratio['median']:.2f}, {ratio['max']:.2f}{bar} |"
            )
    return "\n".join(rows)


#: Of the figures of `bench.pages`: their words, what they are divided by, and unit.
_PAGES = {
    "first-load-bytes": ("first load, compressed", 1e3, "kB"),
    "lcp-login-ms": ("LCP, page to log in", 1, "ms"),
    "lcp-overview-ms": ("LCP, overview", 1, "ms"),
    "inp-ms": ("INP, page of servers", 1, "ms"),
    "cls": ("CLS, overview", 1, ""),
    "rows-after-answer-ms": ("first rows, after the answer", 1, "ms"),
    "longest-frame-ms": ("longest frame, scrolling and searching", 1, "ms"),
    "memory-bytes": ("memory of the page", 1e6, "MB"),
    "cpu-percent": ("CPU of hpm for an open page", 1, "% of a core"),
}


def pages(figures: Mapping[str, Any]) -> str:
    """How quick the pages are, of `bench.pages`."""
    hosts, bars = figures["pages"], figures["bars"]
    rows = [f"| | {' | '.join(f'{int(size):,} servers' for size in hosts)} |", f"| --- |{' ---: |' * len(hosts)}"]
    for name, (words, unit, label) in _PAGES.items():
        cells = [
            f"{host[name] / unit:.4g} {label}".strip() + held(f"{bars[name] / unit:g}", host[name] <= bars[name])
            for host in hosts.values()
        ]
        rows.append(f"| {words} | {' | '.join(cells)} |")
    return "\n".join(rows)


#: The sides of `bench.memory` in words.
_SIDES = {
    "none": "no management", "fixed": "fixed, for the greatest use", "hpm": "hpm",
    "unmerged": "hpm that leaves KSM alone", "equal": "fixed, as much distress as under hpm",
}  # fmt: skip


def balloons(figures: Mapping[str, Any]) -> str:
    """What is freed for the host, and what guests suffer, of `bench.memory`."""
    always, swing, on, off, growth = figures["load"]
    rows = [
        f"| {len(figures['guests'])} guests × {figures['memory']} MiB, MiB | held by the host, mean (most) | balloons |"
        " freed, mean | freed in greatest need | distress, s | least usable | moves a minute |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, side in figures["balloons"].items():
        held_, freed = side["held"], side["freed"]
        died = f", **died: {', '.join(side['died'])}**" if side["died"] else ""
        gain = "– | –" if died else f"{freed['mean']:.0f} ({freed['percent']} %) | {freed['at-greatest-need']:.0f}"
        rows.append(
            f"| {_SIDES[name]}{died} | {held_['mean']:.0f} ({held_['max']:.0f}) | {side['sizes']['mean']:.0f}"
            f" | {gain} | {sum(side['distress'])}"
            f" | {min(side['least-usable']):.0f} | {side['moves-a-minute']} |"
        )
    by_mean, hpm = figures["by-mean"], figures["balloons"]["hpm"]
    short = zip(by_mean["lacks"], by_mean["seconds"], strict=True)
    lacks = ", ".join(f"{most:.0f} MiB for {long} s" for most, long in short)
    compared = (
        f"Freed by hpm: {hpm['to-fixed']} times as much as by fixed balloons for the greatest use,"
        f" and {figures['to-equal']} times as much as by fixed ones at equal distress."
    ) if not hpm["died"] else "Under hpm guests ran out of memory, so there is nothing to compare."  # fmt: skip
    return "\n".join([
        *rows,
        "",
        f"Each guest uses {always} MiB always, and {swing} more for {on:g} s of every {on + off:g}, to which it grows"
        f" in {growth:g} s. {compared} Fixed by mean use ({', '.join(map(str, by_mean['sizes']))} MiB), guests would"
        f" lack {lacks}, and die for want of swap; so that was not run.",
    ])


def growth(figures: Mapping[str, Any]) -> str:
    """How fast the use of a guest may grow, of `bench.growth`."""
    rows = [
        f"| interval, growth by {figures['growth']} MiB | lived | had, MiB | got | first help | least usable, MiB |"
        " in distress |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for one in figures["runs"]:
        helped = "–" if one["helped"] is None else f"{one['helped']:.1f} s"
        rows.append(
            f"| {one['interval']:g} s, {one['rate']:g} MiB/s | {'yes' if one['lived'] else '**no**'} | {one['had']:.0f}"
            f" | {one['got']:.0f} | {helped} | {one['least']:.0f} | {one['distress']:.1f} s |"
        )
    return "\n".join(rows)


def planning(figures: Mapping[str, Any]) -> str:
    """What planning memory costs, of `bench.memory_cost`."""
    sizes = sorted({row["guests"] for row in figures["rows"]})
    rows = [f"| CPU time of one call | {' | '.join(f'{size:,} guests' for size in sizes)} |",
            f"| --- |{' ---: |' * len(sizes)}"]  # fmt: skip
    for state in dict.fromkeys(row["state"] for row in figures["rows"]):
        cells = []
        for row in (row for size in sizes for row in figures["rows"] if (row["state"], row["guests"]) == (state, size)):
            bar = row["within-bar"]
            cells.append(f"{row['ms']:.2f} ms" + (held(f"{memory_cost.BAR_MS:g} ms", bar == "yes") if bar else ""))
        rows.append(f"| {state} | {' | '.join(cells)} |")
    return "\n".join(rows)


def allocators(figures: Mapping[str, Any]) -> str:
    """What other allocators cost, of `bench.allocator`."""
    sides = figures["allocators"]
    least = next(iter(sides.values()))["cpu-seconds"]
    return "\n".join([
        f"| allocator of a manager of {figures['servers']:,} servers | CPU time | a request | memory |",
        "| --- | ---: | ---: | ---: |",
        *(f"| {name} | {side['percent']:.1f} % of a core ({side['cpu-seconds'] / least:.2f} times)"
          f" | {side['request-ms']:.1f} ms | {side['resident-mib']:.1f} MiB |" for name, side in sides.items()),
    ])  # fmt: skip


def policies(figures: Mapping[str, Any]) -> str:
    """What memory policies in MOM's language cost, of `bench.mom`."""
    read = figures["read-ms"]
    rows = [
        f"| {figures['lines']} lines, {figures['bytes']:,} bytes | CPU time |",
        "| --- | ---: |",
        f"| reading it | {read:.1f} ms{held(f'{mom.BAR_READ_MS:g} ms', read <= mom.BAR_READ_MS)} |",
        f"| loading the grammar, once | {figures['load-ms']:.1f} ms |",
    ]
    for count, row in figures["cycles"].items():
        bar = int(count) * mom.BAR_GUEST_US / 1e3
        cycle = f"{row['cycle-ms']:.1f} ms" + held(f"{bar:g} ms", row["cycle-ms"] <= bar)
        rows += [
            f"| a cycle of {int(count):,} guests | {cycle} |",
            f"| the same with all reasons | {row['explain-ms']:.1f} ms |",
        ]
    return "\n".join(rows)
