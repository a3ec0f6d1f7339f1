"""Policy files as JSON."""

from __future__ import annotations

from hpm.policy.files.content import GroupsFile
from hpm.policy.policies import PerformancePolicy

from ..target import Target
from ..words import of_json
from .policy_files import tried


def run(data: bytes) -> None:
    """See `policy_files`."""
    tried(data, "json")


TARGET = Target(run, of_json(GroupsFile, PerformancePolicy))
