"""Files of the kernel that read otherwise than is documented: a newer kernel's, or one that something has put over them
(lxcfs, for example). Whoever reads one guest's files then has that guest's error, as if it had ended."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def as_documented(what: object) -> Iterator[None]:
    """What cannot be parsed in here is an `OSError` that names the file, or whose it is."""
    try:
        yield
    except (ValueError, LookupError, ArithmeticError) as error:
        raise OSError(errno.EBADMSG, f"this is not what the kernel's documentation says: {error}", str(what)) from None


def is_no_room(error: Exception) -> bool:
    """Whether an error says nothing of a file: this process may open no more, or the kernel has no memory for it."""
    return isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


def number(text: str, otherwise: int = 0) -> int:
    """The number that a text begins with (a unit may follow)."""
    words = text.split(None, 1)
    return int(words[0]) if words and words[0].isascii() and words[0].isdigit() and len(words[0]) <= 20 else otherwise
