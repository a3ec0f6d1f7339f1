"""Messages that Wok shows for us, by id: ids end in E (error), L (activity), W or I, M (text of a page).

They are looked up in the catalogues of the domain `hpm` when they are shown; here they are only marked.
"""

from __future__ import annotations


def _(text: str) -> str:
    return text


MESSAGES = {
    "HPMACT0001L": _("Performance management: %(what)s (%(path)s)"),
    "HPMACT0001E": _("refused: %(reason)s"),
}
