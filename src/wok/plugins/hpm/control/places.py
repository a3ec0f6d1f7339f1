"""The variable parts of paths: what each is, in which form, with an example."""

from __future__ import annotations

from typing import Any, get_args

from ..wire.metrics import MetricKind
from ..wire.words import UUID

_GROUP = f"(?:default|{UUID})"
_NAME = {"type": "string", "minLength": 1, "maxLength": 64}
_EXAMPLE = "69efbdd8-3715-5a7c-8dcf-76fe2d380a52"

#: By the word before it in the path, and its name: description, schema, example.
PLACES: dict[tuple[str, str], tuple[str, dict[str, Any], str]] = {
    ("workload-resource-groups", "id"): (
        "The id of a workload resource group: a UUID, or `default`.",
        {"type": "string", "pattern": f"^{_GROUP}$"}, "default",
    ),
    ("service-classes", "name"): ("The name of a service class of the active policy.", _NAME, "rest"),
    ("policies", "name"): ("The name of a policy.", _NAME, "weekday"),
    ("revisions", "number"): (
        "The number of a revision of the policy.", {"type": "string", "pattern": "^[0-9]{1,18}$"}, "1",
    ),
    ("virtual-servers", "id"): (
        "The UUID of a virtual server.", {"type": "string", "format": "uuid", "pattern": f"^{UUID}$"}, _EXAMPLE,
    ),
    ("partitions", "id"): (
        "The id of a partition, a UUID.", {"type": "string", "format": "uuid", "pattern": f"^{UUID}$"}, _EXAMPLE,
    ),
    ("metrics", "kind"): (
        "`raw`: what is counted or read; `calculated`: what comes of it over the last interval.",
        {"type": "string", "enum": list(get_args(MetricKind))}, "calculated",
    ),
    ("start-jobs", "number"): (
        "The number of a start job.", {"type": "string", "pattern": "^[0-9]{1,18}$"}, "1",
    ),
    ("tokens", "id"): ("The id of a token.", {"type": "string", "minLength": 1, "maxLength": 64}, _EXAMPLE),
}  # fmt: skip

SEVERAL_GROUPS = (
    "The id of a workload resource group, or several with commas: then all change or none.",
    {"type": "string", "pattern": f"^{_GROUP}(?:,{_GROUP})*$"}, "default",
)  # fmt: skip


def path_parameters(path: str, several: bool) -> list[dict[str, Any]]:
    """The OpenAPI parameters of a path. One that is not in `PLACES` is any text."""
    words = path.strip("/").split("/")
    found = []
    for before, word in zip(["", *words], words, strict=False):
        if not word.startswith("{"):
            continue
        name = word[1:-1]
        description, schema, example = PLACES.get((before, name), ("", {"type": "string"}, ""))
        if several and name == "id":
            description, schema, example = SEVERAL_GROUPS
        found.append({
            "name": name, "in": "path", "required": True, "description": description, "schema": schema,
            "example": example,
        })  # fmt: skip
    return found
