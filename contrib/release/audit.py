"""`make audit`: is a vulnerability known in a part of the release? Asks PyPI by pip-audit, npm's registry by npm.

    python -m contrib.release.audit

Exit code: 0 all parts were asked about and none has a known one, 1 one has, 3 of some nobody could tell: pip-audit
itself then says "no known vulnerabilities found", which is not the same.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .parts import NODE_LOCK, Part, node_parts, python_parts


@dataclass(frozen=True)
class Verdict:
    """What a registry said of one part."""

    part: Part
    #: Names of known vulnerabilities, with what mends them.
    known: tuple[str, ...] = ()
    #: Why nobody could tell; "" if somebody did.
    unanswered: str = ""


def judge_python(parts: Iterable[Part], report: dict[str, Any]) -> list[Verdict]:
    """From pip-audit's report in JSON: {"dependencies": [{name, version, vulns} or {name, skip_reason}]}."""
    told = {entry["name"]: entry for entry in report.get("dependencies", ())}
    verdicts = []
    for part in parts:
        entry = told.get(part.name, {"skip_reason": "pip-audit said nothing of it"})
        known = (f"{each['id']}, mended in {', '.join(each['fix_versions']) or 'no version yet'}"
                 for each in entry.get("vulns", ()))
        verdicts.append(Verdict(part, tuple(known), entry.get("skip_reason", "")))
    return verdicts


def judge_node(parts: Iterable[Part], report: dict[str, Any]) -> list[Verdict]:
    """From `npm audit --json`: {"vulnerabilities": {name: {via, range}}}, or {"error" or "message": …}."""
    if "vulnerabilities" not in report:
        why = report.get("message") or report.get("error", {}).get("summary") or "npm audit gave no report"
        return [Verdict(part, unanswered=str(why)) for part in parts]
    verdicts = []
    for part in parts:
        via = report["vulnerabilities"].get(part.name, {}).get("via", ())
        known = (f"{each['title']}, in {each['range']}" for each in via if isinstance(each, dict))
        verdicts.append(Verdict(part, tuple(known)))
    return verdicts


def main() -> int:
    verdicts: list[Verdict] = []
    for together in _unique(python_parts()):
        verdicts += judge_python(together, _pip_audit(together))
    node = node_parts()
    verdicts += judge_node(node, _npm_audit())
    for verdict in verdicts:
        for known in verdict.known:
            print(f"{verdict.part.name} {verdict.part.version}: {known}")
    reasons = Counter((verdict.part.registry, re.split(r": | - ", verdict.unanswered)[0])
                      for verdict in verdicts if verdict.unanswered)
    for (registry, why), count in reasons.items():
        print(f"{count} of {registry}: not answered: {why}")
    affected = sum(bool(verdict.known) for verdict in verdicts)
    print(f"{len(verdicts)} parts: {affected} with known vulnerabilities, "
          f"{len(verdicts) - reasons.total() - affected} without, {reasons.total()} that nobody could tell of")
    return 1 if affected else 3 if reasons else 0


def _unique(parts: list[Part]) -> Iterator[list[Part]]:
    """Lists in each of which a name is there once: pip-audit takes no two versions of one package."""
    while parts:
        first = {part.name: part for part in reversed(parts)}
        yield list(first.values())
        parts = [part for part in parts if first[part.name] is not part]


def _pip_audit(parts: list[Part]) -> dict[str, Any]:
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as pins:
        pins.write("".join(f"{part.name}=={part.version}\n" for part in parts))
        pins.flush()
        return _report([sys.executable, "-m", "pip_audit", "--requirement", pins.name, "--no-deps", "--disable-pip",
                        "--progress-spinner", "off", "--format", "json"])


def _npm_audit() -> dict[str, Any]:
    return _report(["npm", "audit", "--json"], NODE_LOCK.parent)


def _report(command: list[str], folder: Path | None = None) -> dict[str, Any]:
    """What a command printed as JSON, whatever its exit code: both say with it that something was found. Empty if it
    printed none; why is on standard error then."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    try:
        report: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        print(f"{' '.join(command)}: {done.stderr.strip() or 'printed no report'}", file=sys.stderr)
        return {}
    return report


if __name__ == "__main__":
    sys.exit(main())
