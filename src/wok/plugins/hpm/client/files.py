"""Policy files."""

from __future__ import annotations

from ..policy.files.notation import MEDIA_TYPES, Notation
from ..wire.policy_files import ImportResult
from .answers import Answer
from .calls import Calls
from .groups import GROUPS, group_path


class FileCalls(Calls):
    """The exports and imports below `/workload-resource-groups`."""

    def export_file(self, notation: Notation, group_id: str | None = None, policy: str | None = None) -> bytes:
        """All groups as a policy file; or one group; or one policy of it."""
        query = {"format": notation, **({} if policy is None else {"policy": policy})}
        return self._request("GET", _path(group_id, "export"), query=query, accept=MEDIA_TYPES[notation]).content

    def state_of_policies(self) -> str | None:
        """What stands for all groups as they are now: an ETag for `import_file`."""
        tag: str | None = self._request("HEAD", _path(None, "export")).headers.get("ETag")
        return tag

    def import_file(
        self,
        data: bytes,
        notation: Notation,
        group_id: str | None = None,
        *,
        dry_run: bool = False,
        replace: bool = False,
        if_match: str | None = None,
    ) -> Answer[ImportResult]:
        """Import a policy file; with `group_id`, one with that group or one policy for it.

        With `if_match` (see `state_of_policies`; of a group, its ETag), raises `ChangedMeanwhile` where it is no longer
        as it was then.
        """
        query = {name: "true" for name, wanted in (("dry-run", dry_run), ("replace", replace)) if wanted}
        response = self._request(
            "POST", _path(group_id, "import"), query=query, body=data, kind=MEDIA_TYPES[notation], if_match=if_match
        )
        return Answer(response.content, ImportResult, response.headers.get("ETag"), response.status_code)


def _path(group_id: str | None, what: str) -> str:
    return f"{GROUPS if group_id is None else group_path(group_id)}/{what}"
