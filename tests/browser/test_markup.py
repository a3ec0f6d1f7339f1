"""Names that are HTML."""

from __future__ import annotations

from .conftest import Flow
from .program import MARKUP

HOST = {"uri": "simulated:3<>"}


def test_no_page_takes_a_name_for_an_element(flow: Flow) -> None:
    found = flow("markup", words={"markup": MARKUP})
    assert found["looks"] >= 30    # docs/reliability.md
