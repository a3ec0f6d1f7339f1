"""The help of `hpm top`, in the user's language."""

from __future__ import annotations

from rich.cells import cell_len

from ..texts import later, t
from .help_text import wrapped

#: What a key is for, and the keys; lines below each other.
_KEYS = (
    (later("Sort by"), later(
        "n name   G group   p PI (worst first)   v velocity\nc CPUs used   d CPUs waited for   r reverse"
    )),
    (later("Choose"), later(
        "/ filter as you type: name, group, class or status\n  (Enter keeps it, Esc takes it back)\n"
        "g groups or servers   i hide or show what is idle or off"
    )),
    (later("Move"), later("arrows, Page Up, Page Down, Home, End")),
    (later("Space"), later("stop the view, and go on")),
    ("h ?", later("this help")),
    ("q Ctrl-C", later("quit")),
)  # fmt: skip
_MEANING = later(
    "Goal and Velo are velocities in percent: of the time in which a server wanted a CPU, how much it had one. A goal"
    " with * is a temporary one (vs-boost). PI is goal / velocity: up to 1.05 the goal is met; ! is above that, !!"
    " above 1.5. CPUs are those it had, Wait those it waited for."
)

#: As narrow a terminal as most are.
_WIDTH = 80

#: Where keys begin.
_INDENT = 18


def help_lines() -> list[str]:
    """The lines of the help."""
    topics = [t(topic) for topic, _ in _KEYS]
    indent = max(_INDENT, *(cell_len(topic) + 2 for topic in topics))
    lines = []
    for topic, (_, keys) in zip(topics, _KEYS, strict=True):
        first, *others = t(keys).split("\n")
        lines += [topic + " " * (indent - cell_len(topic)) + first, *(" " * indent + line for line in others)]
    return [*lines, "", *wrapped(t(_MEANING), _WIDTH), "", t("Any key goes back.")]
