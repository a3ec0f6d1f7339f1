"""Lines of the log that nobody can forge.

Names and words in them come from guests, from clients and from the web front. Whoever reads the log at a terminal, or
takes a line for an entry, must not be led on by what they have in them.
"""

from __future__ import annotations

import logging
from types import TracebackType
from typing import TypeAlias

_ExcInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def escaped(text: str) -> str:
    """The text as one line: what cannot be printed (line ends, terminals' sequences, turns of the direction of writing)
    stands as its escape."""
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


class PlainFormatter(logging.Formatter):
    """One line for each message; those of a traceback follow, each as one line too."""

    def formatMessage(self, record: logging.LogRecord) -> str:    # noqa: N802    # as `logging` calls it
        """See `logging.Formatter`."""
        return escaped(super().formatMessage(record))

    def formatException(self, ei: _ExcInfo) -> str:    # noqa: N802
        """See `logging.Formatter`."""
        return "\n".join(f"  {escaped(line)}" for line in super().formatException(ei).split("\n"))


def to_stderr(level: int, form: str) -> None:
    """Have the log go to standard error in this form."""
    handler = logging.StreamHandler()
    handler.setFormatter(PlainFormatter(form))
    logging.basicConfig(level=level, handlers=[handler])
