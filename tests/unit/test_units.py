"""The units of contrib/systemd, as systemd itself judges them without running, and what the documents say of them."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hpm.paths import SYSTEM_CONFIG, config_file

ROOT = Path(__file__).parents[2]
UNITS = ROOT / "contrib/systemd"
#: What `systemd-analyze security` of systemd 252 makes of each, 0 being the best and 10 the worst. It only gets better:
#: docs/reliability.md has the same figures.
EXPOSURE = {"hpm.service": 1.7, "hpm-web.service": 1.2, "hpm-network@.service": 1.3, "hpm-passwords@.service": 2.7}

ANALYZE = shutil.which("systemd-analyze")
WITH_SYSTEMD = pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not here, which judges units")


def service(name: str) -> dict[str, list[str]]:
    """The assignments of a unit's [Service], in order."""
    found: dict[str, list[str]] = {}
    for line in (UNITS / name).read_text().partition("[Service]\n")[2].partition("\n[")[0].splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def test_the_front_reads_the_configuration_file_of_the_host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (said,) = [value for value in service("hpm-web.service")["Environment"] if value.startswith("XDG_CONFIG_HOME=")]
    monkeypatch.setattr("os.geteuid", lambda: 990)
    monkeypatch.setenv(*said.split("="))
    monkeypatch.setattr(Path, "exists", lambda _: True)
    assert config_file() == SYSTEM_CONFIG


def test_what_a_killed_manager_leaves_is_put_back() -> None:
    assert service("hpm.service")["ExecStopPost"] == [
        "/usr/bin/hpm restore --connect qemu:///system --after hpm.service"
    ]
    # Wok starts no crashed daemon again; and where hpm.service has the manager, this has nothing to do
    text = (UNITS / "wokd.conf").read_text()
    assert "ExecStopPost=-/usr/bin/hpm restore --connect qemu:///system\n" in text


@WITH_SYSTEMD
@pytest.mark.parametrize("name", EXPOSURE)
def test_no_unit_is_more_exposed_than_it_was(name: str) -> None:
    assert ANALYZE is not None
    limit = round(10 * EXPOSURE[name])
    done = subprocess.run(
        [ANALYZE, "security", "--offline=yes", "--no-pager", f"--threshold={limit}", str(UNITS / name)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    worse = [line for line in done.stdout.splitlines() if line.startswith("✗")]
    assert done.returncode == 0, "\n".join([*worse, *done.stdout.splitlines()[-1:], done.stderr])
    said = re.search(r"exposure level for \S+: ([0-9.]+)", done.stdout)
    assert said is not None and float(said[1]) == EXPOSURE[name], "it got better: write that down here and there"
    assert f"| `{name}` | {EXPOSURE[name]:.1f} |" in (ROOT / "docs/reliability.md").read_text()


@WITH_SYSTEMD
def test_systemd_understands_all_that_they_say(tmp_path: Path) -> None:
    """Not what is missing here: programs, and manual pages."""
    assert ANALYZE is not None
    for path in (*UNITS.glob("*.service"), *UNITS.glob("*.socket")):
        text = re.sub(r"^(Exec\w+=)\S+", r"\1/bin/true", path.read_text(), flags=re.MULTILINE)
        (tmp_path / path.name).write_text(re.sub(r"^Documentation=.*\n", "", text, flags=re.MULTILINE))
    names = [str(path) for path in tmp_path.iterdir() if "@" not in path.name or path.suffix == ".service"]
    done = subprocess.run([ANALYZE, "verify", *names], capture_output=True, text=True, check=False, timeout=60)
    ours = [line for line in done.stderr.splitlines() if "hpm" in line]
    assert done.returncode == 0 and not ours, done.stderr


def test_what_the_network_reaches_has_no_rights_and_what_has_rights_no_network() -> None:
    for name in ("hpm-web.service", "hpm-network@.service"):
        said = service(name)
        assert said["CapabilityBoundingSet"] == [""] and said["NoNewPrivileges"] == ["yes"]
        assert said.get("User", ["hpm-web"]) == ["hpm-web"] and ("User" in said or said["DynamicUser"] == ["yes"])
    manager = service("hpm.service")
    assert manager["PrivateNetwork"] == ["yes"] and manager["RestrictAddressFamilies"] == ["AF_UNIX"]
    assert manager["CapabilityBoundingSet"] == ["CAP_CHOWN"] and manager["NoNewPrivileges"] == ["yes"]
    assert "--helpers /run/hpm" in manager["ExecStart"][0]


def test_helpers_see_nothing_of_hpm_s_and_libvirt_s_and_the_one_that_is_root_can_ask_no_other_root() -> None:
    hidden = {name: set(" ".join(service(f"hpm-{name}@.service")["InaccessiblePaths"]).split())
              for name in ("network", "passwords")}
    for paths in hidden.values():
        assert paths >= {"-/var/lib/hpm", "-/var/lib/hpm-web", "-/run/hpm", "-/run/libvirt", "-/etc/libvirt"}
    assert hidden["passwords"] >= {"-/run/dbus", "-/run/systemd/private", "-/var/lib/libvirt"}
    written = service("hpm-passwords@.service")["ReadWritePaths"]
    assert written == ["-/run/faillock -/var/cache -/var/lib -/var/log"]    # no crontab, and no unit of systemd's


def test_helpers_are_root_s_alone_and_where_the_manager_looks() -> None:
    for name in ("network", "passwords"):
        parser = configparser.ConfigParser(interpolation=None)
        parser.read(UNITS / f"hpm-{name}.socket")
        socket = parser["Socket"]
        assert socket["listenstream"] == f"/run/hpm/{name}.sock" and socket["socketmode"] == "0600"
        assert socket["accept"] == "yes" and socket["socketuser"] == "root"
        said = service(f"hpm-{name}@.service")
        assert said["ExecStart"] == [f"/usr/bin/hpm helper {name}"] and said["StandardInput"] == ["socket"]


def test_all_of_them_are_in_the_readme_and_have_a_profile() -> None:
    readme = (UNITS / "README.md").read_text()
    profiles = set(re.findall(r"^profile (\S+) ", (ROOT / "contrib/apparmor/hpm").read_text(), re.MULTILINE))
    domains = set(re.findall(r"^type (hpm\w*_t);", (ROOT / "contrib/selinux/hpm.te").read_text(), re.MULTILINE))
    for path in UNITS.iterdir():
        assert path.name == "README.md" or f"`{path.name}`" in readme, path.name
        if path.suffix == ".service":
            said = service(path.name)
            assert said["AppArmorProfile"][0].removeprefix("-") in profiles
            assert said["SELinuxContext"][0].split(":")[2] in domains
    assert "hpm-hook" in profiles and "hpm_hook_t" in domains


# -- mandatory access control


PARSER = shutil.which("apparmor_parser") or shutil.which("apparmor_parser", path="/usr/sbin:/sbin")


@pytest.mark.skipif(
    PARSER is None or not Path("/etc/apparmor.d/abstractions/base").exists(), reason="AppArmor's parser is not here"
)
def test_the_apparmor_profiles_can_be_read(tmp_path: Path) -> None:
    """Also the line that leads to the hook's, in a profile like libvirt's own."""
    assert PARSER is not None
    like = tmp_path / "libvirtd"
    like.write_text(
        "profile libvirtd-like {\n  /etc/libvirt/hooks/** rmix,\n  include <abstractions/hpm-libvirt>\n}\n"
    )
    for profile in (ROOT / "contrib/apparmor/hpm", like):
        done = subprocess.run(
            [PARSER, "--skip-kernel-load", "--skip-cache", "-I", str(ROOT / "contrib/apparmor"), "-I",
             "/etc/apparmor.d", str(profile)],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr


DEVEL = Path("/usr/share/selinux/devel/Makefile")


@pytest.mark.skipif(
    not DEVEL.exists() or shutil.which("checkmodule") is None or shutil.which("semodule_package") is None,
    reason="the tools that compile modules for SELinux are not here",
)
def test_the_selinux_module_compiles(tmp_path: Path) -> None:
    """No more than that: no host with SELinux was there to try it on."""
    for path in (ROOT / "contrib/selinux").iterdir():
        shutil.copy(path, tmp_path)
    done = subprocess.run(
        ["make", "-f", str(DEVEL), "hpm.pp"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0 and (tmp_path / "hpm.pp").stat().st_size > 1000, done.stdout + done.stderr
