"""Memory policies, in the language of oVirt MOM, on the wire."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from .management import MemoryPolicy
from .words import ServerUri, Time, Uri

#: What a name of a memory policy is made of, and its most characters.
NAME_PATTERN, LONGEST_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$(?!\n)", 64
#: Characters of the longest text of a memory policy.
LONGEST_TEXT = 1 << 18

MomName = Annotated[str, msgspec.Meta(
    min_length=1, max_length=LONGEST_NAME, pattern=NAME_PATTERN,
    description="The name of a memory policy. Policies are one program in the order of their names.",
)]  # fmt: skip
MomText = Annotated[str, msgspec.Meta(
    max_length=LONGEST_TEXT, description="The text of a memory policy, in the language of oVirt MOM.",
)]  # fmt: skip


class MomPolicyDetail(msgspec.Struct, rename="kebab", tag="memory-policy", tag_field="class"):
    """A memory policy.

    name: Its name; it is evaluated in the order of the names.
    text: What it says, in the language of oVirt MOM.
    changed-time: When it was changed last, RFC 3339 in UTC.
    changed-by: The user who changed it last.
    """

    object_uri: Uri
    name: str
    text: str
    changed_time: Time
    changed_by: str


class MomPolicyList(msgspec.Struct, rename="kebab"):
    """Memory policies.

    memory-policies: In the order in which they are evaluated.
    """

    memory_policies: list[MomPolicyDetail]
    memory_policy: MemoryPolicy


class MomPolicyCreate(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """A new memory policy; it is read whole before anything changes."""

    name: MomName
    text: MomText


class MomPolicyUpdate(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """Another text for a memory policy; it is read whole before anything changes, and until then the old one is in
    force."""

    text: MomText


class MomImport(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """Several memory policies at once; all are read whole before anything changes.

    policies: Texts by name. Those of the same names are replaced.
    replace: Whether all others are deleted.
    """

    policies: Annotated[dict[MomName, MomText], msgspec.Meta(max_length=64)]
    replace: bool = False


class MomEvaluate(msgspec.Struct, rename="kebab", forbid_unknown_fields=True):
    """What is to be evaluated; nothing is kept or comes into force.

    policies: Texts by name, instead of all policies that are kept; left out: those that are kept.
    """

    policies: dict[MomName, MomText] | msgspec.UnsetType = msgspec.UNSET


class MomFault(msgspec.Struct, rename="kebab"):
    """An error of an evaluation.

    policy: The policy's name.
    line: Where it is, from 1.
    column: Where in the line, from 1.
    symbol: The word that stands there.
    message: What is wrong.
    name: The virtual server that it is alone about; null: it discards all decisions of the cycle.
    """

    policy: str
    line: int
    column: int
    symbol: str
    message: str
    name: str | None


class MomSetting(msgspec.Struct, rename="kebab"):
    """An expression that set a control.

    control: The control's name, such as `balloon_target`.
    value: What it was set to, as the policy gave it.
    policy: The policy's name.
    line: Where the expression stands, from 1.
    column: Where in the line, from 1.
    expression: Its text.
    symbols: What it saw before: names with their values, in order.
    decides: Whether that is what counts in the end; a later one or an error takes it away.
    """

    control: str
    value: Any
    policy: str
    line: int
    column: int
    expression: str
    symbols: list[tuple[str, Any]]
    decides: bool


class MomWanted(msgspec.Struct, rename="kebab"):
    """What the policies want of a virtual server.

    name: Its name.
    controls: Values by control, as the policies gave them; sizes in kB.
    applied: What hpm does of it, or would: `balloon-mib`, `vcpu-quota` and `vcpu-period` in microseconds, `io-tune`.
    notes: Why that is not all of it.
    settings: Which expressions set them.
    """

    virtual_server: ServerUri
    name: str
    controls: dict[str, Any]
    applied: dict[str, Any]
    notes: list[str]
    settings: list[MomSetting] = []


class MomHostWanted(msgspec.Struct, rename="kebab"):
    """What the policies want of the host.

    controls: Values by control, as the policies gave them.
    applied: What hpm does of it, or would: KSM's values by the kernel's names.
    notes: Why that is not all of it.
    settings: Which expressions set them.
    """

    controls: dict[str, Any]
    applied: dict[str, Any]
    notes: list[str]
    settings: list[MomSetting] = []


class MomEvaluation(msgspec.Struct, rename="kebab"):
    """What memory policies decide on the host as it is now.

    host: What they want of the host.
    virtual-servers: What they want of servers, in order of name; servers of which they want nothing are left out.
    errors: What went wrong.
    discarded: Whether an error took all decisions away.
    """

    host: MomHostWanted
    virtual_servers: list[MomWanted]
    errors: list[MomFault]
    discarded: bool


class MomRival(msgspec.Struct, rename="kebab"):
    """Another program that manages memory on this host, so that hpm cannot be on.

    name: `momd`, `vdsmd` or `ksmtuned`.
    pid: The number of its process.
    unit: The service that it runs in; null: systemd did not start it.
    stoppable: Whether POST `/mom/takeover` stops it.
    advice: What can be done about it.
    """

    name: str
    pid: int
    unit: str | None
    stoppable: bool
    advice: str


class MomStopped(msgspec.Struct, rename="kebab"):
    """A program that hpm has stopped, to manage memory in its place.

    name: Its name.
    unit: The service that it ran in.
    enabled: Whether that started with the host.
    stopped-time: When it was stopped, RFC 3339 in UTC.
    stopped-by: The user who had it stopped.
    """

    name: str
    unit: str
    enabled: bool
    stopped_time: Time
    stopped_by: str


class MomRivals(msgspec.Struct, rename="kebab"):
    """Other programs that manage memory on this host.

    rivals: Those that run now.
    stopped: Those that hpm has stopped, and can start again.
    """

    rivals: list[MomRival]
    stopped: list[MomStopped]
