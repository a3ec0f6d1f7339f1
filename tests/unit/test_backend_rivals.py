"""Other managers of memory are found by their processes, in a made-up /proc; and systemd, by a made-up systemctl."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hpm.backend.rivals import PORTION, Rival, Rivals
from hpm.backend.units import Units
from hpm.errors import HypervisorError, InvalidValue
from tests.lab.errors import wait_until

UNIT = "0::/system.slice/mom-vdsm.service\n"


def process(root: Path, pid: int, *command: str, cgroup: str = "0::/\n") -> None:
    folder = root / "proc" / str(pid)
    folder.mkdir(parents=True)
    (folder / "cmdline").write_bytes(b"".join(word.encode() + b"\0" for word in command))
    (folder / "cgroup").write_text(cgroup)


def look(root: Path) -> tuple[Rival, ...]:
    return Rivals(root, lambda: 0).look()


@pytest.mark.parametrize(("command", "name"), [
    (("/usr/bin/python3", "/usr/sbin/momd", "-c", "/etc/vdsm/mom.conf"), "momd"),
    (("/usr/bin/python3.11", "-E", "-s", "/usr/sbin/momd"), "momd"),
    (("python", "momd", "-d"), "momd"),
    (("/usr/bin/python3", "/usr/share/vdsm/vdsmd"), "vdsmd"),
    (("/bin/bash", "/usr/sbin/ksmtuned"), "ksmtuned"),
    (("/usr/sbin/ksmtuned",), "ksmtuned"),
    (("vi", "/usr/sbin/momd"), None),
    (("/usr/bin/python3", "-c", "import momd", "momd"), None),
    (("/usr/bin/python3", "/usr/bin/mom-rpcclient", "momd"), None),
    (("grep", "momd"), None),
    (("/usr/bin/python3",), None),
    ((), None),
])  # fmt: skip
def test_who_is_one_and_who_only_speaks_of_one(tmp_path: Path, command: tuple[str, ...], name: str | None) -> None:
    process(tmp_path, 7, *command)
    assert [rival.name for rival in look(tmp_path)] == ([] if name is None else [name])


@pytest.mark.parametrize(("cgroup", "unit"), [
    (UNIT, "mom-vdsm.service"), ("0::/user.slice/user-0.slice/session-1.scope\n", None),
    ("12:cpu:/\n1:name=systemd:/system.slice/momd.service\n0::/system.slice/momd.service\n", "momd.service"),
    ("0::/system.slice/momd.service/sub\n", None), ("", None),
])  # fmt: skip
def test_the_unit_is_that_of_its_cgroup(tmp_path: Path, cgroup: str, unit: str | None) -> None:
    process(tmp_path, 7, "/usr/sbin/momd", cgroup=cgroup)
    assert look(tmp_path) == (Rival("momd", 7, unit),)


@pytest.mark.parametrize("asks", ["iterdir", "read_bytes", "read_text"])
def test_who_there_is_no_room_to_look_at_is_not_taken_for_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asks: str
) -> None:
    process(tmp_path, 7, "/usr/sbin/momd")
    rivals = Rivals(tmp_path, lambda: 0)
    assert rivals.look() == (Rival("momd", 7),)

    def no_room(place: Path, *_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), str(place))

    with monkeypatch.context() as full:
        full.setattr(Path, asks, no_room)
        assert rivals.look() == rivals.known() == (Rival("momd", 7),)
    (tmp_path / "proc/7/cmdline").unlink()
    assert rivals.look() == ()


def test_all_processes_are_looked_through_in_portions(tmp_path: Path) -> None:
    for pid in range(1, 2 * PORTION + 1):
        process(tmp_path, pid, "/usr/sbin/ksmtuned" if pid == 2 * PORTION else "sleep")
    (tmp_path / "proc/self").mkdir()
    (tmp_path / "proc/999").mkdir()    # it has ended meanwhile
    rivals = Rivals(tmp_path, lambda: 0)
    costs = list(rivals._pass())
    assert len(costs) == 3 and all(cost < 0.5 for cost in costs)
    assert [rival.pid for rival in rivals.known()] == [2 * PORTION]
    assert look(tmp_path / "nowhere") == ()


@pytest.mark.parametrize("first", ["#!/bin/sh", f"#!{sys.executable}"])
def test_a_process_of_this_host_is_found(tmp_path: Path, first: str) -> None:
    name = "hpmtest-momd"    # no real name: another hpm on this host would leave memory alone
    rivals = Rivals(Path("/"), lambda: 0, {name})
    script = tmp_path / name
    script.write_text(f"{first}\n" + ("read line\n" if first == "#!/bin/sh" else "import sys; sys.stdin.read()\n"))
    script.chmod(0o755)
    with subprocess.Popen([script], stdin=subprocess.PIPE) as running:
        wait_until(lambda: [rival.pid for rival in rivals.look()] == [running.pid], 10, "it is found")
        assert running.stdin is not None
        running.stdin.close()
    assert rivals.look() == ()


SYSTEMCTL = """#!/bin/sh
echo "$@" >> {log}
case "$2 $4" in
    "is-enabled momd.service") echo enabled ;;
    "is-enabled other.service") echo static; exit 1 ;;
    "list-jobs hpm.service") printf ' JOB UNIT        TYPE STATE\\n  99 hpm.service stop running\\n' ;;
    "list-jobs again.service") printf ' JOB UNIT          TYPE    STATE\\n  99 again.service restart running\\n' ;;
    "list-jobs momd.service") echo "No jobs running." ;;
    "list-jobs "*) echo "Failed to list jobs: timed out" >&2; exit 1 ;;
    "stop bad.service") echo "Failed to stop bad.service: no" >&2; exit 5 ;;
esac
"""


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What systemctl was asked, on a host with systemd."""
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/systemctl"
    program.write_text(SYSTEMCTL.format(log=tmp_path / "asked"))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return tmp_path / "asked"


def test_a_service_is_stopped_and_disabled_and_put_back_as_it_was(tmp_path: Path, asked: Path) -> None:
    units = Units(tmp_path)
    assert units.why_not is None
    assert units.enabled("momd.service") and not units.enabled("other.service")
    units.stop("momd.service")
    units.stop("other.service")
    units.start("momd.service", enabled=True)
    units.start("other.service", enabled=False)
    done = [line.replace("--no-ask-password ", "").replace(" --", "") for line in asked.read_text().splitlines()]
    assert [line for line in done if "is-enabled" not in line] == [
        "stop momd.service", "disable momd.service", "stop other.service", "enable momd.service", "start momd.service",
        "start other.service",
    ]  # fmt: skip


def test_a_stop_for_good_is_told_from_a_new_start_and_from_not_knowing(tmp_path: Path, asked: Path) -> None:
    units = Units(tmp_path)
    assert units.is_stopped("hpm.service")
    assert not units.is_stopped("again.service") and not units.is_stopped("momd.service")
    with pytest.raises(HypervisorError, match=r"list-jobs bad\.service failed: Failed to list jobs: timed out"):
        units.is_stopped("bad.service")


def test_what_systemd_refuses_is_told(tmp_path: Path, asked: Path) -> None:
    with pytest.raises(HypervisorError, match=r"systemctl stop bad\.service failed: Failed to stop bad"):
        Units(tmp_path).stop("bad.service")


@pytest.mark.parametrize("unit", [
    "", "momd", "a b.service", "../x.service", "x.service\n", "--now.service", "x.target",
])  # fmt: skip
def test_only_services_are_stopped(tmp_path: Path, asked: Path, unit: str) -> None:
    with pytest.raises(InvalidValue, match="no name of a service"):
        Units(tmp_path).stop(unit)
    assert not asked.exists()


def test_without_systemd_nothing_can_be_stopped(tmp_path: Path) -> None:
    units = Units(tmp_path)
    assert units.why_not == "this host does not run systemd"
    with pytest.raises(HypervisorError, match="does not run systemd"):
        units.stop("momd.service")
