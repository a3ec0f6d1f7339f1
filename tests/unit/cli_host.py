"""hpm with its threads at a socket, and the command line to it, all in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from click.testing import CliRunner, Result

from hpm.cli.main import cli
from hpm.cli.session import Session
from hpm.host.peer import PeerDoor
from hpm.host.server import SocketServer, quiet_cherrypy
from hpm.manager.manager import Manager
from hpm.store.database import Database


@contextmanager
def serving(manager: Manager, database: Database, directory: Path) -> Iterator[Path]:
    """The manager runs, and answers at this socket; then all of it is closed."""
    quiet_cherrypy()
    socket = directory / "s"
    server = SocketServer(manager, socket, PeerDoor())
    manager.start()
    server.start()
    try:
        yield socket
    finally:
        server.stop()
        manager.stop()
        database.close()


@contextmanager
def session_at(socket: Path) -> Iterator[Session]:
    """A session of the command line with the hpm at this socket."""
    session = Session(socket=socket)
    try:
        yield session
    finally:
        if "client" in vars(session):
            session.client.close()


def run_at(socket: Path, *words: str, columns: int = 160) -> Result:
    """What a command comes to there."""
    with session_at(socket) as session:
        return CliRunner(env={"COLUMNS": str(columns)}).invoke(cli, words, obj=session)
