"""Names and descriptions that administrators give."""

from __future__ import annotations

from typing import Annotated

import msgspec

from .classification import PRINTABLE

# `$(?!\n)`: in Python `$` alone would let a newline through at the end.
_INNER = r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff/]"
_OUTER = r"[^\s\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff/]"

#: A name people can type and read: no control characters, no blanks at its ends, 1 to 64 characters. It stands in URIs,
#: where clients take ``.`` and ``..`` for the place itself and the one above it, however they are quoted.
Name = Annotated[str, msgspec.Meta(
    min_length=1, max_length=64, pattern=rf"^(?!\.{{1,2}}$){_OUTER}(?:{_INNER}*{_OUTER})?$(?!\n)",
    description="1 to 64 characters, none of them a slash or a control character, no blanks at the ends; not `.` or"
                " `..`",
)]  # fmt: skip
Description = Annotated[str, msgspec.Meta(
    max_length=1024, pattern=PRINTABLE, description="up to 1024 characters, none of them a control character",
)]  # fmt: skip
