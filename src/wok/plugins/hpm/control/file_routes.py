"""Routes of policy files."""

from __future__ import annotations

from ..errors import HpmError, NotUnique
from ..manager.manager import Manager
from ..model.policy_files import PolicyFiles
from ..policy.files.content import MAX_SIZE
from ..policy.files.notation import MEDIA_TYPES, XML_TYPES, Notation
from ..wire.policy_files import (
    Document,
    ExportQuery,
    GroupExportQuery,
    GroupImportQuery,
    ImportQuery,
    ImportResult,
)
from .http_errors import Changed, HttpError
from .route import Request, Route

_WRITTEN = tuple(MEDIA_TYPES.values())
_TAKEN = (MEDIA_TYPES["json"], *XML_TYPES)


def file_routes(manager: Manager) -> tuple[Route, ...]:
    """See `routes`."""
    files = PolicyFiles(manager)
    return (
        Route(
            "GET", "/workload-resource-groups/export", "All groups as a policy file", Document,
            lambda r: files.export(_notation(r)), query=ExportQuery, answers=_WRITTEN,
        ),
        Route(
            "POST", "/workload-resource-groups/import", "Import a policy file of groups: all or nothing", ImportResult,
            lambda r: files.take(
                r.caller.user, r.body, dry_run=r.query.dry_run, replace=r.query.replace, check=r.check
            ),
            body=Document, query=ImportQuery, takes=_TAKEN, max_body=MAX_SIZE, refuses=(NotUnique, Changed),
        ),
        Route(
            "GET", "/workload-resource-groups/{id}/export", "A group, or one policy of it, as a policy file", Document,
            lambda r: files.export_group(r.names["id"], r.query.policy, _notation(r)), query=GroupExportQuery,
            answers=_WRITTEN,
        ),
        Route(
            "POST", "/workload-resource-groups/{id}/import", "Import a policy into a group, or the group itself",
            ImportResult,
            lambda r: files.take_for_group(
                r.base, r.names["id"], r.caller.user, r.body, dry_run=r.query.dry_run, check=r.check
            ),
            body=Document, query=GroupImportQuery, takes=_TAKEN, max_body=MAX_SIZE, refuses=(NotUnique, Changed),
        ),
    )  # fmt: skip


def _notation(request: Request) -> Notation:
    """What `format` says, or `Accept`. Raises (406) if they say different things."""
    wanted: Notation | None = request.query.format
    for notation, media_type in MEDIA_TYPES.items():
        if media_type in request.accepted and wanted in (None, notation):
            return notation
    raise _unaccepted(wanted)


def _unaccepted(wanted: str | None) -> HpmError:
    return HttpError(406, 0, f"the format {wanted} is wanted, but Accept does not take it; leave one of them out")
