"""The API's methods, one each; paths and shapes are those of the product's REST description.

Methods raise `NoConnection`, `ApiError` (`ChangedMeanwhile` for 412) and, when the answer is looked at,
`BadAnswer`. Ids are UUIDs, or ``default`` for the group that always exists.
"""

from __future__ import annotations

from .access import AccessCalls
from .events import EventCalls
from .files import FileCalls
from .groups import GroupCalls
from .management import ManagementCalls
from .metrics import MetricCalls
from .mom import MomCalls
from .notifications import NotificationCalls
from .partitions import PartitionCalls
from .policies import PolicyCalls
from .sections import SectionCalls
from .servers import ServerCalls
from .simulations import SimulationCalls
from .starts import StartCalls


class Client(
    GroupCalls, PolicyCalls, FileCalls, ServerCalls, PartitionCalls, SectionCalls, MetricCalls, SimulationCalls,
    ManagementCalls, MomCalls, NotificationCalls, EventCalls, AccessCalls, StartCalls,
):
    """hpm's API over one connection (see `connection.connect`); a context manager that closes it."""
