"""The history of metrics: a file of figures of many things over time, full resolution first, then rolled up.

How a figure travels: `history` takes frames and answers queries; `tail` keeps the newest frames and packs them;
`rolling` sums packs up to points, and points to coarser ones; `upkeep` says what is to be done next, and drops what is
old; `reading` and `series` gather a query's buckets from all of it. `packing` is how figures become bytes, `points` how
they are summed up, `file` and `things` how they lie in SQLite.
"""

from .history import Frame, History
from .levels import HistoryStatus, KeptLevel, Retention
from .series import Series

__all__ = ["Frame", "History", "HistoryStatus", "KeptLevel", "Retention", "Series"]
