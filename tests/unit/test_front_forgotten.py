"""Connections that the front has ended leave nothing behind."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import socket
import ssl
import time
from contextlib import suppress
from pathlib import Path

import pytest

from hpm.host.front import process
from hpm.host.front.certificate import own
from hpm.host.front.conversation import Conversation, Shared, close
from hpm.host.front.limits import Share, Turns
from hpm.host.front.listening import Listener, open_listener
from hpm.host.front.pages import Pages
from hpm.host.front.upstream import Upstream
from tests.running import resident

MANY = 10


def conversations() -> int:
    return sum(isinstance(one, Conversation) for one in gc.get_objects())


def test_who_takes_no_answer_is_ended_and_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, and not with a search for garbage, which may come when hundreds of megabytes wait for it."""
    for name in ("TAKING_SECONDS", "CLOSING_SECONDS"):
        monkeypatch.setattr(f"hpm.host.front.conversation.{name}", 0.3)
    (tmp_path / "js").mkdir()
    (tmp_path / "js/hpm.js").write_bytes(b"x" * 4_000_000)
    lax = ssl.create_default_context()
    lax.check_hostname, lax.verify_mode = False, ssl.CERT_NONE
    context = own(tmp_path).context()

    async def play(listener: socket.socket) -> int:
        front = Listener(listener, context, Shared(
            upstream=Upstream("/nowhere"), pages=Pages(tmp_path), turns=Turns(1, 1), password_turns=Turns(1, 1),
            bodies=Share(1, 1), security=[], request_seconds=5.0,
        ))  # fmt: skip
        running, writers = asyncio.create_task(front.run()), []
        for _ in range(MANY):
            one = socket.socket()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)    # else its kernel may take the whole answer
            one.setblocking(False)
            await asyncio.get_running_loop().sock_connect(one, listener.getsockname())
            reader, writer = await asyncio.open_connection(sock=one, ssl=lax, server_hostname="localhost")
            reader._transport.pause_reading()    # type: ignore[attr-defined]    # asyncio's reader would take it
            writer.write(b"GET /js/hpm.js HTTP/1.1\r\nHost: x\r\n\r\n")
            writers.append(writer)
        assert conversations() > MANY // 2    # some have only shaken hands so far
        until = time.monotonic() + 20.0
        while front._tasks:
            assert time.monotonic() < until
            await asyncio.sleep(0.05)
        left = conversations()
        for writer in writers:
            writer.transport.abort()
        await front.stop()
        running.cancel()
        return left

    gc.collect()
    gc.disable()
    try:
        with open_listener("127.0.0.1:0") as listener:
            assert asyncio.run(play(listener)) <= 1    # the last one may still stand in a frame
    finally:
        gc.enable()


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="this libc is not glibc")
def test_what_crowds_of_clients_left_free_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "GIVING", 0.05)
    pieces = [bytes(20_000) for _ in range(4_000)]
    del pieces[::2]
    before = resident(os.getpid())
    with suppress(asyncio.TimeoutError):
        asyncio.run(asyncio.wait_for(process._give_back(), 0.5))
    assert resident(os.getpid()) < before - 20_000_000
    assert len(pieces) == 2_000


def test_who_makes_room_while_closing_leaves_its_descriptor_to_the_next() -> None:
    async def play() -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            _, writer = await asyncio.open_connection(sock=ours)
            number = ours.fileno()
            writer.write(bytes(10_000_000))    # which nobody takes
            closing = asyncio.create_task(close(writer))
            await asyncio.sleep(0.0)
            closing.cancel()
            with suppress(asyncio.CancelledError):
                await closing
            ours.close()    # as `Listener` does
            pair = socket.socketpair()
            mine, other = pair if pair[0].fileno() == number else pair[::-1]
            assert mine.fileno() == number
            with mine, other:
                ready = asyncio.Event()
                loop.add_reader(mine, ready.set)
                other.send(b"x")
                await asyncio.wait_for(ready.wait(), 5.0)
                loop.remove_reader(mine)

    asyncio.run(play())
