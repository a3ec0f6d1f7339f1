"""`hpm doctor` and `hpm report`: what is wrong is found and named, and an archive tells nobody's names."""

from __future__ import annotations

import json
import tarfile
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import pytest

from hpm.backend.simulated import Scenario, ServerSpec, SimulatedHypervisor
from hpm.cli.doctor import ANSWERS
from hpm.cli.session import Session
from hpm.client.errors import ApiError
from hpm.host.doctor import examine, setup
from hpm.host.doctor.kernel import kernel_findings
from hpm.host.doctor.libvirt import guest_findings
from hpm.host.doctor.neighbours import NEIGHBOURS, neighbour_findings
from hpm.host.doctor.setup import setup_findings
from hpm.host.report import Replacing
from hpm.manager.lock import HostLock
from hpm.manager.manager import Manager
from hpm.store.database import Database
from hpm.wire.findings import Finding

from .cli_host import run_at as run
from .cli_host import serving

CGROUP2 = "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The files of a host on which all is well."""
    (root := tmp_path / "root").mkdir()
    for name, text in {
        "proc/self/schedstat": "1 2 3\n", "proc/self/mounts": CGROUP2, "proc/pressure/memory": "",
        "proc/stat": "cpu  10 0 10 80 0 0 0 0\n", "dev/kvm": "", "sys/kernel/mm/ksm/run": "0\n",
        "sys/fs/cgroup/cgroup.controllers": "cpu memory io\n",
    }.items():    # fmt: skip
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def process(root: Path, pid: int, *command: str, cgroup: str = "0::/system.slice/x.service") -> None:
    (where := root / f"proc/{pid}").mkdir()
    (where / "cmdline").write_text("\0".join(command) + "\0")
    (where / "cgroup").write_text(f"{cgroup}\n")


def wrong(found: Iterator[Finding]) -> list[str]:
    return [one.what for one in found if one.verdict != "good"]


def test_of_a_host_on_which_all_is_well_nothing_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.release", lambda: "6.1.0-40-cloud-amd64")
    assert wrong(kernel_findings(root)) == [] == wrong(neighbour_findings(root))


@pytest.mark.parametrize(("name", "text", "verdict", "said", "mend"), [
    ("proc/self/schedstat", None, "bad", "does not count how long threads wait", "CONFIG_SCHED_INFO"),
    ("proc/self/mounts", "proc /proc proc rw 0 0\n", "bad", "controller cpu is not mounted", "mount cgroup v2"),
    ("dev/kvm", None, "note", "guests are emulated", "kvm_intel"),
    ("proc/pressure/memory", None, "note", "tells no pressure", "psi=1"),
    ("sys/kernel/mm/ksm/run", None, "note", "has no KSM", None),
    ("proc/stat", "cpu  10 0 10 60 0 0 0 20\n", "note", "which took 20% of its time", None),
])  # fmt: skip
def test_what_the_kernel_lacks_is_named_with_what_mends_it(
    root: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str | None, verdict: str, said: str, mend: str | None
) -> None:
    monkeypatch.setattr("platform.release", lambda: "6.1.0")
    (root / name).unlink()
    if text is not None:
        (root / name).write_text(text)
    (found,) = [one for one in kernel_findings(root) if one.verdict != "good"]
    assert found.verdict == verdict and said in found.what
    assert (mend is None and found.mend is None) or (mend is not None and mend in (found.mend or ""))


def test_a_kernel_with_a_known_fault_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.release", lambda: "6.18.44-1-amd64")
    assert any("can starve on it when weights are rewritten rapidly" in one for one in wrong(kernel_findings(root)))
    monkeypatch.setattr("platform.release", lambda: "6.18.45")
    assert wrong(kernel_findings(root)) == []


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_each_neighbour_is_found_and_told_what_hpm_leaves_to_it(root: Path, name: str) -> None:
    process(root, 77, "/usr/bin/python3", "-s", f"/usr/bin/{name}")
    process(root, 78, f"/usr/sbin/{name}")
    process(root, 79, "/usr/bin/cat", name)
    (found,) = neighbour_findings(root)
    assert found.verdict == "note" and "(process 77, 78)" in found.what and found.mend == NEIGHBOURS[name][1]


DOMAIN = """<domain type='kvm'><name>{name}</name><memory>1024</memory><vcpu>1</vcpu>{more}
<devices><memballoon model='{balloon}'/>{device}</devices></domain>"""


def domain(name: str, more: str = "", balloon: str = "virtio", device: str = "") -> tuple[str, str]:
    return name, DOMAIN.format(name=name, more=more, balloon=balloon, device=device)


def test_what_of_guests_cannot_be_managed_is_named() -> None:
    assert wrong(guest_findings([domain("db1")])) == []
    assert wrong(guest_findings([])) == ["no guest runs: there is nothing to manage yet"]
    said = wrong(guest_findings([
        domain("db1"), domain("old", balloon="none"),
        domain("gpu", device="<hostdev type='pci' mode='subsystem'/>"),
        domain("capped", "<cputune><quota>50000</quota></cputune>"), ("odd", "<domain"),
        *(domain(f"b{n}", balloon="none") for n in range(6)),
    ]))  # fmt: skip
    assert [sentence.partition(":")[0] for sentence in said] == [
        "the definition of odd cannot be read, so hpm leaves it alone", "old, b0, b1, b2, b3 and 2 more", "gpu",
        "capped",
    ]  # fmt: skip


def test_values_that_a_manager_left_are_told_with_what_puts_them_back(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hpm.paths.state_dir", lambda: tmp_path / "state")
    monkeypatch.setattr("hpm.paths.run_dir", lambda: tmp_path)
    monkeypatch.setattr("hpm.paths.SYSTEM_CONFIG", tmp_path / "none")
    assert any("hpm has not run here yet" in one for one in wrong(setup_findings(root)))
    database = Database(tmp_path / "state/hpm.db")
    with database.transaction() as store:
        store.execute("INSERT INTO journal VALUES ('u', 'cpu-shares', '1', '1024', '1024', '300', 0)")
    database.close()
    (found,) = [one for one in setup_findings(root) if "as it set them" in one.what]
    assert found.verdict == "bad" and "1 values of guests" in found.what and "hpm restore" in (found.mend or "")
    with (tmp_path / "state/hpm.db").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)
    assert any("cannot be used" in one for one in wrong(setup_findings(root)))


def test_a_part_that_fails_is_a_finding_and_the_rest_is_told(root: Path) -> None:
    (root / "proc/self/mounts").unlink()
    found = dict(examine(root))
    assert [one.what.partition(":")[0] for one in found["Kernel"] if one.verdict == "bad"] == [
        "this could not be looked at"
    ]
    assert found["How hpm is set up"]


# -- before a manager that runs


def test_who_else_has_the_manager_is_named_and_no_unit_is_missed(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "run/systemd/system").mkdir(parents=True)
    monkeypatch.setattr("hpm.paths.SYSTEM_RUN_DIR", tmp_path)
    monkeypatch.setattr("hpm.paths.run_dir", lambda: tmp_path)
    monkeypatch.setattr(setup, "_show", lambda _: {"LoadState": "loaded", "ActiveState": "inactive"})
    assert sum("is inactive" in one for one in wrong(setup_findings(root))) == 4
    lock = HostLock(tmp_path / "host.lock", "inside Wok")
    found = list(setup_findings(root))
    lock.release()
    assert not any("is inactive" in one.what for one in found)
    assert any("the manager runs, and not as hpm.service: process" in one.what for one in found)


@pytest.mark.parametrize(("days", "said"), [(40, None), (3, "ends in 3 days"), (0.2, "ends today"), (-2, "has ended")])
def test_the_certificate_that_is_shown_is_judged(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: float, said: str | None
) -> None:
    (given := tmp_path / "given.pem").touch()
    (own := tmp_path / "cert.pem").touch()
    valid_for = {given: days, own: -1.0}
    monkeypatch.setattr(setup, "ends", lambda path: time.time() + 86400 * valid_for[path] + 60)
    monkeypatch.setattr("hpm.paths.web_dir", lambda: tmp_path)
    monkeypatch.setattr("hpm.paths.judged_config_file", lambda: None)
    assert any(f"{own} has ended" in one for one in wrong(setup_findings(root)))
    (conf := tmp_path / "hpm.conf").write_text(f"[web]\ntls-cert = {given}\n")
    conf.chmod(0o644)
    monkeypatch.setattr("hpm.paths.judged_config_file", lambda: conf)
    told = [one for one in wrong(setup_findings(root)) if one.startswith("the web front's certificate")]
    assert told == ([] if said is None else [f"the web front's certificate {given} {said}"])


@pytest.fixture
def hpm(tmp_path: Path) -> Iterator[Path]:
    """The socket of one, with a server, a group and a token."""
    servers = (ServerSpec(name="payroll-db"), ServerSpec(name="web"))
    host = SimulatedHypervisor(Scenario(cores=2, servers=servers), time.monotonic_ns)
    database = Database(tmp_path / "hpm.db")
    manager = Manager(host, database, 3.0, time.monotonic_ns, lambda: datetime.now(timezone.utc))
    with serving(manager, database, tmp_path) as socket:
        yield socket


def test_doctor_tells_of_the_hpm_that_runs(hpm: Path) -> None:
    done = run(hpm, "doctor", "--json")
    said = json.loads(done.output)
    assert {"verdict": "note", "what": "CPU management is off: hpm only watches",
            "mend": "hpm config --cpu-mgmt advise, then on"} in said["The hpm that runs"]    # fmt: skip
    assert done.exit_code == any(one["verdict"] == "bad" for found in said.values() for one in found)
    text = run(hpm, "doctor").output
    assert "◌ CPU management is off: hpm only watches\n    → hpm config --cpu-mgmt advise, then on" in text
    assert "● " not in text and "● " in run(hpm, "doctor", "--all").output


def test_where_no_hpm_answers_doctor_says_where_it_asked(tmp_path: Path) -> None:
    (found,) = json.loads(run(tmp_path / "none", "doctor", "--json").output)["The hpm that runs"]
    assert found["verdict"] == "note" and f"nobody listens at {tmp_path}/none: no such socket" in found["what"]


def texts_of(archive: Path) -> dict[str, str]:
    with tarfile.open(archive) as tar:
        return {Path(one.name).name: tar.extractfile(one).read().decode() for one in tar.getmembers()}  # type: ignore[union-attr]


def test_a_report_has_what_is_needed_and_no_name_or_secret(
    hpm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conf = tmp_path / "hpm.conf"
    conf.write_text("# of Meier\n[web]\nlisten = 0.0.0.0:443\ntls-key = /etc/keys/meier.pem\n")
    found = [Finding("bad", "/etc/keys/meier.pem cannot be read"), Finding("good", "ann may log in", names=("ann",))]
    monkeypatch.setattr("hpm.paths.config_file", lambda: conf)
    monkeypatch.setattr("hpm.host.doctor.examine", lambda: iter([("How hpm is set up", found)]))
    monkeypatch.setattr("socket.gethostname", lambda: "kvm7.corp.example")
    monkeypatch.setattr("hpm.host.report._log", lambda: b'kvm7.corp.example hpm[1]: user="ann" did="Create: x"\n')
    run(hpm, "wrg-create", "Payroll", "--description", "wages of ann@corp.example")
    run(hpm, "wrg-add-vs", "Payroll", "payroll-db")
    run(hpm, "policy-create", "Payroll", "Nachtlauf", "--importance", "low")
    assert run(hpm, "policy-delete", "Payroll", "Nachtlauf", "--deactivate").exit_code == 0
    run(hpm, "wrg-create", "Geheim")
    assert run(hpm, "wrg-delete", "Geheim", "--yes").exit_code == 0
    run(hpm, "partition-define", "/machine/lohn")
    run(hpm, "vs-update", "payroll-db", "--partition", "/machine/lohn", "--attribute", "os-name=Lohnix")
    token = run(hpm, "token-create", "grafana").output.split()[-1]
    run(hpm, "notifications", "--webhook", "https://10.1.2.3/hook", "--webhook-secret", "verysecret")
    run(hpm, "config", "--cpu-mgmt", "advise")
    session = Session(socket=hpm)
    with pytest.raises(ApiError):
        session.client.delete_group("Verschrieben")
    with pytest.raises(ApiError):
        session.client.delete_policy("default", "Geschäfte")
    session.client.close()
    done = run(hpm, "report", "--output", str(tmp_path / "r.tar.gz"))
    assert done.exit_code == 0, done.output
    assert (tmp_path / "r.tar.gz").stat().st_mode & 0o777 == 0o600
    files = texts_of(tmp_path / "r.tar.gz")
    assert {*ANSWERS, "about.txt", "doctor.txt", "versions.txt", "log.txt", "hpm.conf"} <= files.keys()
    whole = "\n".join(files.values())
    for secret in (
        "payroll", "Payroll", "ann@corp", "grafana", token, "verysecret", "10.1.2.3", "kvm7", "corp.example", '"ann"',
        "lohn", "Lohnix", "Nachtlauf", "Geheim", "Verschrieben", "Gesch", "Meier", "meier",
    ):  # fmt: skip
        assert secret not in whole, secret
    servers = json.loads(files["servers.json"])["virtual-servers"]
    assert len({one["name"] for one in servers}) == 2 and all(one["cpu-shares"] for one in servers)
    assert {one["partition-at-start"] for one in servers} == {None, "path-1"} <= {None, json.loads(
        files["partitions.json"])["partitions"][1]["path"]}    # fmt: skip
    log = json.loads(files["activity.json"])["activity-log"]
    assert [(one["summary"], one["http-status"], one["message"]) for one in log if one["outcome"] == "refused"] == [
        ("Delete a policy: (left out)", 404, "(left out)"), ("Delete a group: (left out)", 404, "(left out)"),
    ]  # fmt: skip
    assert "The hpm that runs\n" in files["doctor.txt"] and "CPU management is advise" in files["doctor.txt"]
    assert "no CPU is taken from the servers of name-" in files["doctor.txt"]
    assert "listen = 0.0.0.0:443\ntls-key = name-" in files["hpm.conf"]
    assert "Wok's own log" in files["about.txt"] and "are numbers" in files["about.txt"]
    assert run(hpm, "report", "--output", str(tmp_path / "r.tar.gz")).exit_code == 1    # nothing is written over
    named = run(hpm, "report", "--names", "--output", str(tmp_path / "n.tar.gz"))
    assert named.exit_code == 0
    files = texts_of(tmp_path / "n.tar.gz")
    assert "payroll-db" in files["servers.json"] and "are numbers" not in files["about.txt"]


def test_a_report_has_no_name_either_while_no_hpm_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guests = Finding("good", "2 guests run", names=("payroll-db", "web"))
    found = [guests, Finding("good", "ann may log in", names=("ann",))]
    monkeypatch.setattr("hpm.host.doctor.examine", lambda: iter([("Guests", found)]))
    monkeypatch.setattr("hpm.host.report._log", lambda: b"hpm[1]: payroll-db: its definition cannot be read (ann)\n")
    monkeypatch.setenv("SUDO_USER", "meier")
    done = run(tmp_path / "home/meier/none", "report", "--output", str(tmp_path / "r.tar.gz"))
    assert done.exit_code == 0, done.output
    texts = texts_of(tmp_path / "r.tar.gz")
    assert texts["log.txt"] == "hpm[1]: name-1: its definition cannot be read (name-3)\n"
    assert "name-3 may log in" in texts["doctor.txt"] and "no hpm answers: no connection" in texts["doctor.txt"]
    assert not any("meier" in text for text in texts.values())


def test_of_wok_and_kimchi_nothing_is_in_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (journalctl := tmp_path / "journalctl").write_text('#!/bin/sh\necho "$*"\n')
    journalctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr("hpm.host.doctor.examine", lambda: iter([]))
    run(tmp_path / "none", "report", "--output", str(tmp_path / "r.tar.gz"))
    log = texts_of(tmp_path / "r.tar.gz")["log.txt"]
    assert "--unit hpm.service --unit hpm-web.service" in log and "wok" not in log


@pytest.mark.parametrize(("line", "told"), [
    (r'user="ann" from="10.1.2.3" did="Create a group: Lohn \"alt\" Kunde Meier" outcome="done"',
     'user="user-1" from="address-1" did="Create a group: (left out)" outcome="done"'),
    ('did="Start servers" status="409" message="there is no virtual server lohn; similar: löhne"',
     'did="Start servers" status="409" message="(left out)"'),
    ('method="DELETE" uri="/v1/workload-resource-groups/1197dcb6-621f-4863-8832-9dc698e891b5/policies/N%C3%A4chte"',
     'method="DELETE" uri="1197dcb6-621f-4863-8832-9dc698e891b5"'),
    ('method="POST" uri="/v1/Meier" did="no such operation"', 'method="POST" uri="(left out)" did="no such operation"'),
    ('method="" uri="" did="lohn: whether hpm set its cpu-shares is not known"', 'method="" uri="" did="(left out)"'),
    ('guest="Meier"', 'guest="(left out)"'),
    ("web at [2001:db8::5]:8643, fe80::1%eth0, fd00:1::a:2. And ::ffff:10.1.2.3, 2001:db8:0:0:0:0:0:5: no",
     "web at [address-1]:8643, address-2%eth0, address-3. And address-4, address-5: no"),
    ("2026-12-01T12:34:56+00:00 [::1]:8643 :: 127.0.0.1 12:34:56 x::y",
     "2026-12-01T12:34:56+00:00 [::1]:8643 :: 127.0.0.1 12:34:56 x::y"),
    ("from 10.1.2.3. And 52:54:00:12:34:56", "from address-1. And address-2"),
    (r"machine-qemu\x2d3\x2dpayroll\x2ddb.scope and machine-qemu\x2d4\x2dlohn.scope",
     "machine-qemu-3-name-1.scope and machine-qemu-4-name-2.scope"),
    (r"/run/qemu/domain-3-payroll-db/monitor.sock, L\xc3\xb6hne \x1b[0m",
     r"/run/qemu/domain-3-name-1/monitor.sock, Löhne \x1b[0m"),
    ("kvm7.corp.example and kvm7: payroll-db.corp.example.", "this-host and this-host: name-1."),
    ("the partition /machine/gold/lohn is created; /machine.slice/machine-gold.slice; /machine/gold.partition/x",
     "the partition path-1 is created; /machine.slice/path-2; path-3"),
    ("mail to meier@corp.example by https://hooks.example/T0/secret", "mail to address-1 by address-2"),
])  # fmt: skip
def test_a_line_of_the_log_tells_no_name(line: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "kvm7")
    files = {"log.txt": f"kvm7.corp.example hpm[1]: {line}\n".encode()}
    assert Replacing({}, ["payroll-db"]).all(files)["log.txt"].decode() == f"this-host hpm[1]: {told}\n"


@pytest.mark.parametrize(("answer", "told"), [
    ({"path": "/machine/gold", "effective": {"cpu-cap-from": "/machine/gold"}, "children": ["/machine/x"]},
     {"path": "path-1", "effective": {"cpu-cap-from": "path-1"}, "children": ["(left out)"]}),
    ({"attributes": {"title": "Löhne", "os-name": "Lohnix", "os-type": "x"}, "partition": "/machine"},
     {"attributes": {"title": "title-1", "os-name": "(left out)", "os-type": "(left out)"}, "partition": "/machine"}),
    ({"schedule": [{"policy": "N", "from": "08:00"}], "mail": {"from": "ann@a.example", "server": "m.a.example"}},
     {"schedule": [{"policy": "name-1", "from": "08:00"}], "mail": {"from": "mail-1", "server": "host-1"}}),
    ({"request-method": "", "summary": "lohn: whether hpm set it", "message": "lohn"},
     {"request-method": "", "summary": "(left out)", "message": "(left out)"}),
    ({"start": {"depends-on": [{"virtual-server": "lohn"}], "ready": {"address": "10.1.2.3"}}, "new-field": "lohn"},
     {"start": {"depends-on": [{"virtual-server": "name-1"}], "ready": {"address": "address-1"}},
      "new-field": "(left out)"}),
    ({"lacking": {"memory": "no file /machine/gold/memory.max"}, "status": "running"},
     {"lacking": {"memory": "no file path-1"}, "status": "running"}),
])  # fmt: skip
def test_of_an_answer_only_what_is_known_to_be_no_name_stays(answer: object, told: object) -> None:
    files = {"x.json": json.dumps(answer).encode()}
    assert json.loads(Replacing(files, []).all(files)["x.json"]) == told
