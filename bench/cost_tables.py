"""Tables of docs/benchmarks.md that reports of bench.sync, metrics, history and pages fill (`charts` does)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench import metrics, sync
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
