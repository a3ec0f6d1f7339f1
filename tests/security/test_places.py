"""Directories of state, sockets and keys that others could write in: closed, or refused with what would be right."""

from __future__ import annotations

import grp
import logging
import os
import pwd
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from hpm import paths
from hpm.client import connection
from hpm.errors import HpmError, InvalidValue
from hpm.host.own_places import UnsafePlace, check_files, check_parent, check_place
from hpm.host.rights import own_directory
from hpm.host.running import RunningManager
from hpm.host.server import LONGEST_PATH, SocketInUse, free_socket
from hpm.manager.lock import HostLock
from hpm.store.plot_files import PlotFiles

from .asking import is_root

NOBODY = 65534
only_root = pytest.mark.skipif(not is_root(), reason="only root can give files to others")


@pytest.fixture
def base() -> Iterator[Path]:
    """A directory in /tmp, as safe as that."""
    with TemporaryDirectory(prefix="hpm-places-") as name:
        yield Path(name)


@pytest.mark.parametrize("mode", [0o777, 0o757, 0o722])
def test_a_directory_of_ours_that_others_may_write_is_closed_and_it_is_said(
    base: Path, mode: int, caplog: pytest.LogCaptureFixture
) -> None:
    place = base / "state"
    place.mkdir()
    if is_root():
        os.chown(place, -1, NOBODY)
    place.chmod(mode)
    with caplog.at_level(logging.WARNING):
        check_place(place)
    assert stat.S_IMODE(place.stat().st_mode) == mode & ~0o022
    assert "others could write in" in caplog.text


@pytest.mark.parametrize("mode", [0o700, 0o750, 0o755, 0o1777])
def test_a_directory_that_is_right_stays_as_it_is(base: Path, mode: int, caplog: pytest.LogCaptureFixture) -> None:
    place = base / "state"
    place.mkdir()
    place.chmod(mode)
    check_place(place)
    assert stat.S_IMODE(place.stat().st_mode) == mode
    assert caplog.text == ""


@only_root
def test_a_directory_of_somebody_else_is_refused(base: Path) -> None:
    place = base / "theirs"
    place.mkdir()
    os.chown(place, NOBODY, NOBODY)
    for one in (place, place / "below", base / "link"):
        if one.name == "link":
            one.symlink_to(place)
        with pytest.raises(UnsafePlace, match=f"{place} belongs to uid {NOBODY}"):
            check_place(one)


@only_root
def test_a_directory_above_that_others_may_write_is_refused(base: Path) -> None:
    above = base / "above"
    (above / "state").mkdir(parents=True)
    above.chmod(0o777)
    with pytest.raises(UnsafePlace, match=r"may be written by others \(mode 777\)"):
        check_place(above / "state")
    above.chmod(0o1777)    # as /tmp: what is ours in it nobody else takes away
    check_place(above / "state")


@only_root
@pytest.mark.parametrize("option", ["--state-dir", "--socket", "--mom-rpc"])
def test_a_shared_directory_above_is_refused_and_never_changed(base: Path, option: str) -> None:
    """As /var/local of Debian, where those in the group staff may write."""
    shared = base / "local"
    shared.mkdir()
    os.chown(shared, 0, NOBODY)
    shared.chmod(0o2775)
    places = {"--state-dir": base / "hpm", "--socket": base / "s", option: shared / "hpm"}
    words = [str(word) for pair in places.items() for word in pair]
    done = subprocess.run(
        [sys.executable, "-m", "hpm.cli.main", "serve", "--connect", "simulated:2", "--no-web", *words],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert f"{shared} may be written by group {NOBODY} (mode 2775)" in done.stderr
    assert "Name one elsewhere, or close this one" in done.stderr
    assert stat.S_IMODE(shared.stat().st_mode) == 0o2775
    assert not list(shared.iterdir())


@only_root
@pytest.mark.parametrize("deep", [False, True])
def test_a_link_of_somebody_else_on_the_way_is_refused(base: Path, deep: bool) -> None:
    """In a directory such as /tmp anybody makes links, and leads them elsewhere later."""
    base.chmod(0o1777)
    good = base / "good"
    (good / "below").mkdir(parents=True)
    good.chmod(0o775)
    theirs = base / "theirs"
    theirs.symlink_to(good)
    ours = base / "ours"
    ours.symlink_to(theirs / "below" if deep else theirs)
    os.lchown(theirs, NOBODY, NOBODY)
    for check in (check_place, check_parent):
        for one in (theirs, theirs / "new", ours):
            with pytest.raises(UnsafePlace, match=f"{theirs} belongs to uid {NOBODY}"):
                check(one)
    assert sorted(path.name for path in good.iterdir()) == ["below"]    # nothing was made there
    os.lchown(theirs, 0, 0)
    check_place(ours)


def test_a_link_that_leads_nowhere_or_in_a_circle_is_an_error(base: Path) -> None:
    (base / "nowhere").symlink_to(base / "missing")
    (base / "circle").symlink_to(base / "circle")
    for name in ("nowhere", "circle"):
        with pytest.raises(OSError):
            check_place(base / name)
    (base / "file").touch()
    with pytest.raises(NotADirectoryError):
        check_place(base / "file")


@only_root
@pytest.mark.parametrize(
    ("group", "members", "closed"),
    [("daemon", [], False), ("daemon", ["daemon"], False), ("daemon", ["daemon", "bin"], True), ("users", [], True)],
)
def test_a_group_is_ours_alone_if_it_has_our_name_and_nobody_else(
    base: Path, monkeypatch: pytest.MonkeyPatch, group: str, members: list[str], closed: bool
) -> None:
    """Whose primary group is one that many share (`users`) is not alone in it."""
    user = pwd.getpwnam("daemon")
    place = base / "state"
    place.mkdir()
    os.chown(place, user.pw_uid, 100)
    place.chmod(0o775)
    monkeypatch.setattr(grp, "getgrgid", lambda gid: grp.struct_group((group, "x", gid, members)))
    monkeypatch.setattr(os, "geteuid", lambda: user.pw_uid)
    monkeypatch.setattr(os, "getegid", lambda: 100)
    check_place(place)
    assert stat.S_IMODE(place.stat().st_mode) == (0o755 if closed else 0o775)


@only_root
@pytest.mark.parametrize("name", ["hpm.db", "hpm.db-wal", "history.db", "lock", "other"])
def test_a_file_that_somebody_else_put_into_the_state_is_refused(base: Path, name: str) -> None:
    check_files(base)
    (base / name).touch()
    os.chown(base / name, NOBODY, NOBODY)
    with pytest.raises(UnsafePlace, match=f"{name} belongs to uid {NOBODY}"):
        check_files(base)


@only_root
def test_a_link_that_somebody_else_put_there_is_refused_wherever_it_leads(base: Path) -> None:
    (base / "hpm.db").symlink_to("/etc/passwd")
    os.lchown(base / "hpm.db", NOBODY, NOBODY)
    with pytest.raises(UnsafePlace):
        check_files(base)


def test_the_lock_follows_no_link(base: Path) -> None:
    """What it writes is who has it; a link in its place must not have that written elsewhere."""
    (base / "victim").write_text("precious")
    (base / "lock").symlink_to(base / "victim")
    with pytest.raises(OSError):
        HostLock(base / "lock", "x")
    assert (base / "victim").read_text() == "precious"


@pytest.mark.parametrize("kind", ["file", "link to a file", "link to nothing", "directory", "fifo"])
def test_a_socket_takes_the_place_of_nothing_else(base: Path, kind: str) -> None:
    victim, place = base / "victim", base / "s"
    victim.write_text("precious")
    if kind == "file":
        place.write_text("precious")
    elif kind == "directory":
        place.mkdir()
    elif kind == "fifo":
        os.mkfifo(place)
    else:
        place.symlink_to(victim if kind == "link to a file" else base / "nothing")
    with pytest.raises(SocketInUse):
        free_socket(place)
    assert place.is_symlink() or place.exists()
    assert victim.read_text() == "precious"


def test_a_socket_whose_path_is_too_long_for_the_kernel_is_told_before_anything_starts(base: Path) -> None:
    long = base / ("x" * (LONGEST_PATH - len(os.fsencode(base)) - 1))
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(long))
    free_socket(long)
    assert not long.exists()
    with pytest.raises(InvalidValue, match=r"longer than the 107 bytes.*--mom-rpc"):
        free_socket(long.with_name(f"{long.name}x"), "--mom-rpc")
    with pytest.raises(InvalidValue, match=r"front is longer than the 107 bytes.*--socket"):    # the other one fits
        RunningManager("simulated", base / "state", long, 3600.0)


@pytest.mark.parametrize("name", ["s", "s.front", "link/s"])
def test_moms_socket_is_none_of_the_others(base: Path, name: str) -> None:
    """It took the place of hpm's own, and neither said so."""
    (base / "link").symlink_to(base)
    with pytest.raises(InvalidValue, match="--mom-rpc"):
        RunningManager("simulated", base / "state", base / "s", 3600.0, base / name)
    assert not (base / "state").exists()


def test_plots_follow_no_link_and_stay_below_their_directory(base: Path) -> None:
    (base / "victim").write_text("precious")
    plots = PlotFiles(base / "plots", 0)
    (plots.path / "evil.dat").symlink_to(base / "victim")
    with pytest.raises(HpmError):
        plots.write("evil", 1.0, ("a",), {"a": 1})
    for name in ("../../etc/cron.d/x", "/etc/passwd", "..", ".", "a\nb", "x" * 5000, "\x00", "a/../../b"):
        plots.write(name, 1.0, ("a",), {"a": "\nforged\t"})
    plots.close()
    assert (base / "victim").read_text() == "precious"
    assert {path.parent for path in base.rglob("*") if path.is_file()} == {base, plots.path}


@only_root
@pytest.mark.parametrize("kind", ["link", "file"])
def test_the_fronts_directory_is_no_link(base: Path, kind: str) -> None:
    """Root makes it, and gives it to the front's user: so it must be the one that it looks like."""
    victim = base / "victim"
    victim.mkdir(mode=0o700)
    (base / "web").symlink_to(victim) if kind == "link" else (base / "web").touch()
    with pytest.raises(OSError):
        own_directory(base / "web", (NOBODY, NOBODY))
    assert victim.stat().st_uid == 0
    assert stat.S_IMODE(victim.stat().st_mode) == 0o700
    own_directory(base / "good", (NOBODY, NOBODY))
    assert (base / "good").stat().st_uid == NOBODY


@only_root
def test_a_manager_does_not_start_where_others_could_change_its_files(base: Path) -> None:
    theirs = base / "theirs"
    theirs.mkdir()
    os.chown(theirs, NOBODY, NOBODY)
    for words in (["--state-dir", theirs / "state", "--socket", base / "s"],
                  ["--state-dir", base / "state", "--socket", theirs / "s"]):    # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "hpm.cli.main", "serve", "--connect", "simulated:2", "--no-web", *map(str, words)],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode != 0
        assert "is no safe place for hpm" in done.stderr
        assert "right would be a directory that root" in done.stderr
    assert not list(theirs.iterdir())    # nothing was left there


@only_root
def test_an_ordinary_user_takes_no_directory_that_somebody_made_for_it(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without XDG_RUNTIME_DIR it is /tmp/hpm-UID, which anybody could make first, with a link for the lock in it."""
    trap = base / "hpm-1"
    trap.mkdir(mode=0o777)
    os.chown(trap, NOBODY, NOBODY)
    (base / "victim").write_text("precious")
    base.chmod(0o755)
    os.chown(base / "victim", 1, 1)
    (trap / "host.lock").symlink_to(base / "victim")
    code = (
        "import os, sys; from pathlib import Path; from hpm.host.own_places import check_place\n"
        "os.setgroups([]); os.setresgid(1, 1, 1); os.setresuid(1, 1, 1)\n"
        "check_place(Path(sys.argv[1]))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(trap)], capture_output=True, text=True, check=False)
    assert "UnsafePlace" in done.stderr
    assert (base / "victim").read_text() == "precious"


@only_root
def test_the_command_line_does_not_speak_to_a_socket_that_somebody_made_for_it(
    base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base.chmod(0o755)
    os.chown(base, NOBODY, NOBODY)
    trap = base / "hpm.sock"
    code = (
        "import os, socket, sys; os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)\n"
        "one = socket.socket(socket.AF_UNIX); one.bind(sys.argv[1]); one.listen(); print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(trap)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as theirs:
        assert theirs.stdout is not None and theirs.stdout.readline()
        monkeypatch.setattr(paths, "run_dir", lambda: base)
        monkeypatch.setattr(paths, "SYSTEM_RUN_DIR", base)
        monkeypatch.delenv("HPM_SOCKET", raising=False)
        with pytest.raises(HpmError, match="belongs to uid 65534"):
            connection.connect().version()
        theirs.kill()
