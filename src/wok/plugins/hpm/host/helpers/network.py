"""The process that reaches the network: whether a port of a guest answers, or one delivery.

It answers one question a line, as many as come; with a delivery it ends. It is nobody: as root it would first become
the user of the web front.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import TypeAlias

import msgspec

from ...backend.ports import PortQuestion, port_answers
from ...manager.notify.channels import Outcome
from ..delivery.child import delivered
from ..delivery.job import Job
from ..rights import give_up, web_user
from .peer import only_the_manager

#: Bytes of a question, and seconds for which the next one is waited for.
LARGEST, IDLE = 2 << 20, 60.0

Question: TypeAlias = PortQuestion | Job


class PortAnswer(msgspec.Struct, frozen=True):
    """`why_not` None: it takes connections."""

    why_not: str | None


def serve() -> None:
    """Answer whoever is at standard input. Raises `NotTheManager`, `NoWebUser`."""
    with only_the_manager() as connection:
        give_up(web_user())
        connection.settimeout(IDLE)
        try:
            for line in _lines(connection):
                answer = _answer(line)
                connection.sendall(msgspec.json.encode(answer) + b"\n")
                if isinstance(answer, Outcome):
                    break
        except (OSError, ValueError):    # nobody asks any more, or it is none of our questions
            pass
    os._exit(0)    # see `delivered`: nothing more can be imported


def _answer(line: bytes) -> PortAnswer | Outcome:
    question = msgspec.json.decode(line, type=Question)
    return PortAnswer(port_answers(question)) if isinstance(question, PortQuestion) else delivered(question)


def _lines(connection: socket.socket) -> Iterator[bytes]:
    """Each line that comes, without its end. Raises `OSError`, `ValueError` for one that is too long."""
    read = b""
    while True:
        while b"\n" not in read:
            if len(read) > LARGEST:
                raise ValueError(f"a line of more than {LARGEST} bytes")
            piece = connection.recv(65536)
            if not piece:
                return
            read += piece
        line, _, read = read.partition(b"\n")
        yield line
