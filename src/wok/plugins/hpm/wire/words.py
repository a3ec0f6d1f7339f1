"""Words that many types of the wire share, each with what it means: one word means one thing in the whole API.

A field whose type is one of these needs no description of its own; see "A field" in docs/architecture.md.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

#: A UUID, in any case.
UUID = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"

Uri = Annotated[str, msgspec.Meta(
    description="The path of the object itself, below the base path of the request.",
    extra_json_schema={"format": "uri-reference"},
)]  # fmt: skip
GroupUri = Annotated[str, msgspec.Meta(
    description="The URI of the workload resource group.", extra_json_schema={"format": "uri-reference"},
)]  # fmt: skip
ServerUri = Annotated[str, msgspec.Meta(
    description="The URI of a virtual server.", extra_json_schema={"format": "uri-reference"},
)]  # fmt: skip
Time = Annotated[str, msgspec.Meta(
    description="A time, RFC 3339 in UTC.", extra_json_schema={"format": "date-time"},
)]  # fmt: skip
SnapshotTime = Annotated[str, msgspec.Meta(
    description="When the figures were taken, RFC 3339 in UTC.", extra_json_schema={"format": "date-time"},
)]  # fmt: skip
Problem = Annotated[str | None, msgspec.Meta(
    description="Why the figures are not fresher, in words; null: they are as fresh as they can be.",
)]  # fmt: skip

Next = Annotated[str | None, msgspec.Meta(
    description="The URI of the rest, where a limit was asked for and there are more; null: there are none.",
    extra_json_schema={"format": "uri-reference"},
)]  # fmt: skip
NamePattern = Annotated[str, msgspec.Meta(
    min_length=1, max_length=512, description="Only those of this name; `*` and `?` are wildcards.",
)]  # fmt: skip
After = Annotated[str, msgspec.Meta(
    max_length=1024, description="Only those behind this place, which `next` of an answer before names.",
)]  # fmt: skip
Limit = Annotated[int, msgspec.Meta(ge=1, le=10000, description="At most so many; left out: all.")]

#: A server or group in a request. The patterns are for readers: `model.references` says what is wrong in better words.
ServerReference = Annotated[str, msgspec.Meta(
    min_length=1, max_length=512, description="The UUID or the URI of a virtual server.",
    extra_json_schema={"pattern": f"^(?:[^?#]*/virtual-servers/)?{UUID}$"},
)]  # fmt: skip
GroupReference = Annotated[str, msgspec.Meta(
    min_length=1, max_length=512, description="The id (a UUID or `default`) or the URI of a workload resource group.",
    extra_json_schema={"pattern": f"^(?:[^?#]*/workload-resource-groups/)?(?:default|{UUID})$"},
)]  # fmt: skip

Velocity = Annotated[float | None, msgspec.Meta(description=(
    "Percent: 100 × time run / (time run + time waited for a CPU), over the last interval. null: idle, paused, or not"
    " known yet."
))]  # fmt: skip
PerformanceIndex = Annotated[float | None, msgspec.Meta(description=(
    "Goal velocity / velocity; up to 1.05 the goal is met. Discretionary work has 0.81 by convention. null: no goal, or"
    " idle."
))]  # fmt: skip

GoalStatus: TypeAlias = Annotated[
    Literal["met", "missed", "idle", "discretionary", "unmanaged", "paused"], msgspec.Meta(description=(
        "How it stands to its goal. `idle`: neither ran nor waited for more than 1 % of one CPU. `discretionary`: no"
        " goal, gets what is left. `unmanaged`: no policy."
    ))]  # fmt: skip
ServerStatus: TypeAlias = Annotated[
    Literal["running", "paused", "shut-off", "crashed", "unknown"],
    msgspec.Meta(description="What the virtual server does, as the hypervisor says."),
]
Management: TypeAlias = Literal["managed", "unmanaged"]
ManagementReason: TypeAlias = Annotated[
    Literal[
        "no-policy", "excluded", "not-running", "paused", "changed-by-administrator", "unreachable", "own-quota",
        "real-time",
    ],
    msgspec.Meta(description="Why hpm leaves the virtual server alone."),
]  # fmt: skip
MemoryReason: TypeAlias = Annotated[
    Literal[
        "no-policy", "excluded", "changed-by-administrator", "not-running", "paused", "no-balloon", "no-report",
        "booting", "pinned-memory", "migrating", "by-policy", "another-manager", "unreachable",
    ],
    msgspec.Meta(description=(
        "Why the memory of a virtual server is left alone. `no-report`: the driver of its balloon tells nothing."
        " `pinned-memory`: a device is assigned to it, or its pages are locked. `migrating`: it is moved or copied."
        " `by-policy`: a memory policy (of MOM's language) decides on it. `another-manager`: another program manages"
        " memory on this host (GET `/mom/rivals`)."
    )),
]  # fmt: skip
