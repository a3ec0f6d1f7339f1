"""The web front as a process: its rights, its certificate, and its life beside a manager."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import httpx
import pytest

from hpm.errors import HpmError, InvalidValue
from hpm.host import rights
from hpm.host.front import certificate, process
from hpm.host.front.certificate import BadCertificate, Certificate, own
from hpm.host.front.conversation import Shared
from hpm.host.front.limits import Share, Turns
from hpm.host.front.listening import CannotListen, Listener, open_listener
from hpm.host.front.pages import Pages
from hpm.host.front.settings import LISTEN, FrontSettings, format_listen, parse_listen
from hpm.host.front.upstream import Upstream
from hpm.paths import web_dir
from tests.lab.errors import wait_until
from tests.running import ManagerProcess

from .api_host import BASE, GROUPS
from .front_host import FrontHost, running_front, unprivileged

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a front as another user")


def openssl(*words: str) -> str:
    return subprocess.run(["openssl", *words], capture_output=True, text=True, check=True).stdout


def make_certificate(directory: Path, name: str = "localhost", days: int = 90) -> Certificate:
    """A certificate of somebody else's making."""
    directory.mkdir(exist_ok=True)
    cert, key = directory / "cert.pem", directory / "key.pem"
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", str(days), "-subj", f"/CN={name}",
            "-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1", "-keyout", str(key), "-out", str(cert))    # fmt: skip
    return Certificate(cert, key, own=False)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# -- rights


def test_the_front_has_no_rights() -> None:
    with running_front() as (front, _, _):
        status = front.status()
        uids, gids = set(status["Uid"].split()), set(status["Gid"].split())
        user = unprivileged() or (os.geteuid(), os.getegid())
        assert (uids, gids) == ({str(user[0])}, {str(user[1])})
        for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            assert int(status[kind], 16) == 0
        assert status["NoNewPrivs"] == "1"
        pid = front.process.pid
        assert pid is not None and os.getsid(pid) == pid
        if os.geteuid() == 0:
            assert status["Groups"] == ""
            inherited = [file for file in Path(f"/proc/{pid}/fd").iterdir() if int(file.name) > 2]
            kinds = {str(file.readlink()).partition(":")[0] for file in inherited}
            assert kinds <= {"socket", "anon_inode", "pipe"}    # nothing of the manager's: no store, no cgroup
            assert len(inherited) < 15


@AS_ROOT
def test_it_does_not_run_as_root(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hpm.host.front", f'{{"manager_socket": "/x", "directory": "{tmp_path}/web"'
               ', "listen": "127.0.0.1:0"%s}']    # fmt: skip
    for user in ("", ', "user": [0, 0]', ', "user": [65534, 0]'):
        words = [*command[:-1], command[-1] % user]
        done = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 1
        assert "never runs with root's rights" in done.stderr


@AS_ROOT
def test_without_the_user_for_it_there_is_no_front(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rights, "USER", "hpm-nobody-here")
    with pytest.raises(HpmError, match="useradd"):
        rights.web_user()


# -- certificate


def test_an_own_certificate_is_made_once_for_all_names_of_the_host(tmp_path: Path) -> None:
    made = own(tmp_path / "web")
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.cert.stat().st_mode) == 0o644    # for all who shall trust it
    assert stat.S_IMODE(made.cert.parent.stat().st_mode) == 0o755
    text = openssl("x509", "-in", str(made.cert), "-noout", "-text")
    for name in (f"DNS:{socket.gethostname().lower()}", "DNS:localhost", "IP Address:127.0.0.1", "CA:FALSE"):
        assert name in text
    assert "IP Address:0:0:0:0:0:0:0:1" in text
    shown = openssl("x509", "-in", str(made.cert), "-noout", "-fingerprint", "-sha256")
    assert shown.strip().rpartition("=")[2] == made.fingerprint()
    lasts = ssl.cert_time_to_seconds(openssl("x509", "-in", str(made.cert), "-noout", "-enddate").strip()[9:])
    assert 390 < (lasts - time.time()) / 86400 <= 398
    before = made.state()
    assert own(tmp_path / "web").state() == before


def test_an_own_certificate_near_its_end_or_for_another_host_or_broken_is_replaced(tmp_path: Path) -> None:
    spoiled = [
        lambda: make_certificate(tmp_path, days=certificate.RENEW_DAYS - 1),
        lambda: make_certificate(tmp_path, name="elsewhere.example"),
        lambda: (tmp_path / "key.pem").write_text("nonsense"),
        lambda: (tmp_path / "cert.pem").unlink(),
        lambda: shutil.copy(make_certificate(tmp_path / "other").key, tmp_path / "key.pem"),
    ]
    for spoil in spoiled:
        spoil()
        before = Certificate(tmp_path / "cert.pem", tmp_path / "key.pem", own=True).state()
        made = own(tmp_path)
        assert made.state() != before
        made.context()
        after = made.state()
        assert own(tmp_path).state() == after
        assert stat.S_IMODE(made.key.stat().st_mode) == 0o600


def test_an_own_certificate_that_was_made_by_a_clock_far_ahead_is_replaced_once_that_is_set_right(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, used = own(tmp_path), []
    before, right = made.state(), time.time() - 365 * 86400
    monkeypatch.setattr(certificate, "time", SimpleNamespace(time=lambda: right))    # openssl's is a year ahead
    assert own(tmp_path).state() == before    # a host may start with a clock that is behind: its certificate is good
    monkeypatch.setattr(process, "OWN_SECONDS", 0.02)
    settings = FrontSettings(manager_socket="/x", directory=str(tmp_path))

    async def watch() -> None:
        renewal = asyncio.create_task(process._renew(settings, made, used.append))
        deadline = time.monotonic() + 20
        while not used:
            assert time.monotonic() < deadline and not renewal.done()
            await asyncio.sleep(0.02)
        renewal.cancel()

    asyncio.run(watch())
    assert made.state() != before


def test_on_a_full_disk_the_own_certificate_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """openssl ends with 0 there, and leaves empty files."""
    made = certificate.own(tmp_path)
    before = made.cert.read_bytes(), made.key.read_bytes()
    openssl = certificate._openssl

    def full(*words: str, text: str = "") -> subprocess.CompletedProcess[str]:
        done = openssl(*words, text=text)
        for path in tmp_path.glob("*.new"):
            path.write_bytes(b"")
        return done

    monkeypatch.setattr(certificate, "_openssl", full)
    monkeypatch.setattr(certificate, "RENEW_DAYS", certificate.VALID_DAYS + 1)
    with pytest.raises(certificate.BadCertificate, match="room on the disk"):
        certificate.own(tmp_path)
    assert (made.cert.read_bytes(), made.key.read_bytes()) == before


def test_what_is_wrong_with_a_given_certificate_is_said(tmp_path: Path) -> None:
    good = make_certificate(tmp_path / "good")
    other = make_certificate(tmp_path / "other")
    locked = tmp_path / "locked.pem"
    openssl("rsa", "-in", str(good.key), "-aes128", "-passout", "pass:x", "-out", str(locked))
    for cert, key in ((good.cert, other.key), (good.key, good.key), (tmp_path / "none", good.key), (good.cert, locked)):
        with pytest.raises(BadCertificate, match=re.escape(str(key))):
            Certificate(cert, key, own=False).context()
    good.context()


def test_a_given_certificate_is_used_also_with_a_key_that_only_root_reads(tmp_path: Path) -> None:
    given = make_certificate(tmp_path)
    given.key.chmod(0o600)
    with TemporaryDirectory(prefix="hpm-front-") as name:
        Path(name).chmod(0o755)
        front = FrontHost(Path(name), Path("/nowhere"), given.cert, tls_cert=str(given.cert), tls_key=str(given.key))
        try:
            assert front.http.get("/").status_code == 200
            assert not front.directory.exists()
        finally:
            front.close()


def test_a_given_certificate_that_is_replaced_is_used_without_a_new_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "GIVEN_SECONDS", 0.02)
    given, other = make_certificate(tmp_path), make_certificate(tmp_path / "new")
    first, second = (one.fingerprint().replace(":", "") for one in (given, other))
    settings = FrontSettings(manager_socket="/x", directory="/x", tls_cert=str(given.cert), tls_key=str(given.key))

    async def shown(port: int) -> str:
        anybody = ssl.create_default_context(cafile=None)
        anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=anybody)
        found = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        return hashlib.sha256(found).hexdigest().upper()

    async def watch(listener: socket.socket) -> None:
        port = listener.getsockname()[1]
        front = Listener(listener, given.context(), Shared(
            upstream=Upstream("/nowhere"), pages=Pages(tmp_path), turns=Turns(1, 1), password_turns=Turns(1, 1),
            bodies=Share(1, 1), security=[], request_seconds=5.0,
        ))  # fmt: skip
        work = [asyncio.create_task(one) for one in (front.run(), process._renew(settings, given, front.use))]
        await asyncio.sleep(0)    # it has noted the files as they are
        assert await shown(port) == first
        other.cert.replace(given.cert)    # they do not belong together, for as long as it takes to see to the key
        for _ in range(5):
            await asyncio.sleep(0.04)
            assert await shown(port) == first
        other.key.replace(given.key)
        deadline = time.monotonic() + 5.0
        while await shown(port) != second:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        assert not any(task.done() for task in work)
        await front.stop()
        for task in work:
            task.cancel()

    with open_listener("127.0.0.1:0") as listener:
        asyncio.run(watch(listener))


def test_an_openssl_that_does_not_end_leaves_the_certificate_that_is_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    made = own(tmp_path)
    monkeypatch.setattr(certificate, "_PROGRAM_SECONDS", 0.0)
    monkeypatch.setattr(process, "OWN_SECONDS", 0.02)
    settings = FrontSettings(manager_socket="/x", directory=str(tmp_path))

    async def watch() -> None:
        renewal = asyncio.create_task(process._renew(settings, made, lambda context: pytest.fail("none was made")))
        await asyncio.sleep(0.3)
        assert not renewal.done()
        renewal.cancel()

    asyncio.run(watch())
    assert len([one for one in caplog.messages if "the certificate in use stays" in one]) == 1


# -- life


def test_a_front_that_dies_is_started_again_and_clients_wait_meanwhile() -> None:
    with running_front() as (front, _, _):
        before = front.cert.read_bytes()
        first = front.process.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: not alive(first), 5, "it is dead")
        with front.client() as client:
            assert client.get(f"{BASE}/version").status_code == 200    # not refused: it waits for the next one
        assert front.process.pid != first
        assert front.cert.read_bytes() == before


def test_a_front_that_cannot_start_does_not_hold_up_the_manager(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("nonsense")
    with served(tmp_path, "--listen", "127.0.0.1:0", "--tls-cert", str(tmp_path / "cert.pem")) as manager:
        wait_until(lambda: "web front ended" in manager.text() and "cannot be used" in manager.text(), 10, "it says so")
        assert manager.hpm("version").returncode == 0


def served(directory: Path, *web: str) -> ManagerProcess:
    return ManagerProcess(directory, "simulated", web=web)


@pytest.fixture
def web_user() -> None:
    """As root, `hpm serve` needs the user for the front."""
    try:
        rights.web_user()
    except HpmError as error:
        pytest.skip(error.message)


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A manager's directory below one that other users can enter, which pytest's cannot be."""
    with TemporaryDirectory(prefix="hpm-serve-") as name:
        Path(name).chmod(0o755)
        state = Path(name) / "state"
        state.mkdir(mode=0o750)    # as the store makes it: the front can not enter it
        yield state


def front_of(manager: ManagerProcess) -> tuple[str, int]:
    """URL and process of the front that `hpm serve` started."""
    wait_until(lambda: " at https://" in manager.text(), 15, "the front tells where it is")
    assert "fingerprint" in manager.text()
    found = re.search(r"web: hpm \S+ at (https://\S+),", manager.text())
    assert found is not None and manager.process is not None
    children = Path(f"/proc/{manager.process.pid}/task").glob("*/children")
    (pid,) = {int(word) for file in children for word in file.read_text().split()}
    return found[1], pid


def test_serve_starts_a_front_and_ends_it(web_user: None, open_directory: Path) -> None:
    running = served(open_directory, "--listen", "127.0.0.1:0")
    running.socket = open_directory.parent / "s"    # as in /run/hpm, which the front can enter
    with running as manager:
        url, pid = front_of(manager)
        cert = web_dir(open_directory) / "cert.pem"
        shown = openssl("x509", "-in", str(cert), "-noout", "-fingerprint", "-sha256").strip().rpartition("=")[2]
        assert shown in manager.text()
        with httpx.Client(base_url=url, verify=ssl.create_default_context(cafile=str(cert)), trust_env=False) as client:
            assert client.get("/").status_code == 200
            assert client.get(f"{BASE}/version").status_code == 200
            assert client.get(BASE + GROUPS).status_code == 401
        assert alive(pid)
        manager.stop()
        assert not alive(pid)
        assert "web front ended" not in manager.text()


def test_a_front_ends_with_a_manager_that_is_killed(web_user: None, open_directory: Path) -> None:
    with served(open_directory, "--listen", "127.0.0.1:0") as manager:
        _, pid = front_of(manager)
        manager.kill()
        wait_until(lambda: not alive(pid), 10, "the front has ended")


def test_a_port_that_somebody_has_is_said_and_the_manager_goes_on(web_user: None, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with served(tmp_path, "--listen", f"127.0.0.1:{port}") as manager:
            wait_until(lambda: "no web front" in manager.text(), 10, "it says so")
            assert f"port {port} of 127.0.0.1" in manager.text()
            assert manager.hpm("version").returncode == 0


# -- the commands


@pytest.mark.parametrize("text", ["127.0.0.1:8643", "0.0.0.0:443", "[::1]:0", "localhost:8643"])
def test_an_address_to_listen_at(text: str) -> None:
    assert format_listen(*parse_listen(text)) == text


@pytest.mark.parametrize("text", [
    "", "8643", ":8643", "x:", "x:y", "x:65536", "x:-1", "::1:8643", "[::1]", "[x", "x]:1:2",
    pytest.param("x:" + "9" * 5000, id="x:9…"),
])  # fmt: skip
def test_an_address_that_is_none(text: str) -> None:
    with pytest.raises(InvalidValue, match=LISTEN):
        parse_listen(text)


def test_web_alone_is_what_serve_starts_and_the_command_line_reaches_hpm_through_it(
    web_user: None, open_directory: Path
) -> None:
    with running_front() as (front, api, _):
        ours = ssl.create_default_context(cafile=str(front.cert))
        assert ours.cert_store_stats()["x509"] == 1
        environment = {**os.environ, "SSL_CERT_FILE": str(front.cert)}
        command = [sys.executable, "-m", "hpm.cli.main", "--host", front.url]
        for words in (["version"], ["wrg-create", "Gold"], ["wrg-list"], ["vs-list"]):
            done = subprocess.run([*command, *words], capture_output=True, text=True, env=environment, check=False)
            assert done.returncode == 0, done.stderr
        assert "Gold" in {group["name"] for group in api.get(GROUPS)["workload-resource-groups"]}
        log = open_directory / "log"
        with log.open("wb") as output:
            alone = subprocess.Popen(
                [sys.executable, "-m", "hpm.cli.main", "web", "--manager-socket", str(api.socket),
                 "--state-dir", str(web_dir(open_directory)), "--listen", "127.0.0.1:0"], stderr=output,
            )  # fmt: skip
        try:
            wait_until(lambda: " at https://" in log.read_text(), 15, "it serves")
            url = re.search(r"https://\S+(?=,)", log.read_text())
            assert url is not None
            context = ssl.create_default_context(cafile=str(web_dir(open_directory) / "cert.pem"))
            with httpx.Client(base_url=url[0], verify=context, trust_env=False) as client:
                assert client.get(f"{BASE}/version").status_code == 200
        finally:
            alone.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                alone.wait(10)
            assert alone.poll() == 0


def test_options_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text("x")
    for words in (["--listen", "nowhere"], ["--tls-key", str(key)], ["--tls-cert", str(key), "--listen", "[::1]:0"]):
        done = subprocess.run(
            [sys.executable, "-m", "hpm.cli.main", "web", *words], capture_output=True, text=True, check=False
        )
        assert done.returncode in (1, 2)
        assert "rror: " in done.stderr


def test_the_front_imports_nothing_of_the_manager() -> None:
    code = "import sys, hpm.host.front.process"
    found = subprocess.run(
        [sys.executable, "-c", f"{code}; print(*(name for name in sys.modules if name.startswith('hpm.')))"],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    parts = {name.split(".")[1] for name in found if not name.startswith("hpm.host.front")}
    assert parts <= {"errors", "heap", "version", "wire", "host"}
    small = {"hpm.host.log_lines", "hpm.host.own_places", "hpm.host.rights", "hpm.host.systemd"}
    assert {name for name in found if name.startswith("hpm.host.") and "front" not in name} == small


@pytest.mark.parametrize("name", [".", "a..b", "x" * 300, "\N{SNOWMAN}" * 70])
def test_a_name_that_no_host_can_have_is_refused_like_others(name: str) -> None:
    """The manager runs already, and ended."""
    with pytest.raises(CannotListen, match="cannot be used"):
        open_listener(f"{name}:0")
