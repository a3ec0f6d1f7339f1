"""What is refused of any file before anybody looks into it: its size and its encoding."""

from __future__ import annotations

import codecs

from ...errors import InvalidValue
from .content import MAX_SIZE
from .places import place

_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32", codecs.BOM_UTF32_BE: "UTF-32", codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16", codecs.BOM_UTF8: "UTF-8 with a byte order mark",
}  # fmt: skip


def check_encoding(data: bytes) -> None:
    """Raises `InvalidValue` unless it is UTF-8 text of at most `MAX_SIZE` bytes."""
    if len(data) > MAX_SIZE:
        raise InvalidValue(f"the file has {len(data)} bytes; at most {MAX_SIZE} are taken")
    for mark, encoding in _MARKS.items():
        if data.startswith(mark):
            raise InvalidValue(f"the text is {encoding}; save it as UTF-8 without a byte order mark", place=(1, 1))
    zero = data.find(b"\x00")
    if zero >= 0:
        raise InvalidValue("there is a NUL character; save the text as UTF-8, without any", place=place(data, zero))
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise InvalidValue(
            f"the byte 0x{data[error.start]:02x} is not UTF-8 here; save the text as UTF-8",
            place=place(data, error.start),
        ) from None
