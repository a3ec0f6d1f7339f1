"""Policy files on the wire: documents, and what importing one changes."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from ..policy.files.difference import GroupDifference, PartitionDifference, ServerDifference


class Document(msgspec.Struct, frozen=True):
    """A body that is not an object of the API: bytes of a media type (empty: nobody said it).

    `version` changes with what it says, whatever the notation; `file_name` is for those who save it. `tag` is its
    entity tag where who made it knows a cheaper one than a digest.
    """

    media_type: str
    data: bytes
    version: str = ""
    file_name: str = ""
    tag: str = ""


class ExportQuery(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """How a file is wanted.

    format: Its notation; left out: as `Accept` wants it, or JSON.
    """

    format: Literal["json", "xml"] | None = None


class GroupExportQuery(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """What of a group is wanted, and how.

    format: Its notation; left out: as `Accept` wants it, or JSON.
    policy: Only this policy of the group.
    """

    format: Literal["json", "xml"] | None = None
    policy: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None


class ImportQuery(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """How to import groups.

    dry-run: Only tell what would change.
    replace: Delete what the file does not name.
    """

    dry_run: bool = False
    replace: bool = False


class GroupImportQuery(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """How to import into a group.

    dry-run: Only tell what would change.
    """

    dry_run: bool = False


class ImportResult(msgspec.Struct, rename="kebab"):
    """What an import changed, or would change.

    dry-run: Whether it was only asked what would change.
    changed: Whether anything is another than before.
    workload-resource-groups: All groups by name, `default` last.
    virtual-servers: Virtual servers of which something else is said.
    partitions: Partitions whose definitions are others than before.
    """

    dry_run: bool
    changed: bool
    workload_resource_groups: tuple[GroupDifference, ...]
    virtual_servers: tuple[ServerDifference, ...]
    partitions: tuple[PartitionDifference, ...] = ()
