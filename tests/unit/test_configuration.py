"""The configuration file: what can be said, what is refused, and what wins."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from click.testing import CliRunner

from hpm.cli.main import cli
from hpm.errors import InvalidValue
from hpm.host.configuration import OPTIONS, Configuration, judged, read_configuration, with_options
from hpm.host.own_places import UnsafePlace
from hpm.host.rights import front_reads

SHIPPED = Path(__file__).parents[2] / "contrib/etc/hpm.conf"


def written(tmp_path: Path, text: str) -> Path:
    """A file that only we may write."""
    (path := tmp_path / "hpm.conf").write_text(text)
    path.chmod(0o644)
    return path


def test_the_shipped_file_says_nothing_and_names_each_option_with_a_value_that_is_right() -> None:
    text = SHIPPED.read_text()
    assert judged(text.encode()) == (Configuration(), [])
    assert re.findall(r"^#([a-z-]+) =", text, re.M) == [option.name for option in OPTIONS]
    found, wrong = judged(re.sub(r"^#([a-z-]+ =)", r"\1", text, flags=re.M).encode())
    assert not wrong and found == Configuration(
        Path("/run/hpm/mom.sock"), Path("/var/log/hpm"), False, "127.0.0.1:8643", Path("/etc/hpm/cert.pem"),
        Path("/etc/hpm/key.pem"),
    )  # fmt: skip


def test_each_option_has_a_field() -> None:
    assert tuple(option.field for option in OPTIONS) == Configuration.__struct_fields__


@pytest.mark.parametrize(("text", "said"), [
    ("[hpm]\nplot_dir = /x\n", "line 2, column 1: [hpm] plot_dir: there is no such option here; known are mom-rpc"),
    ("[hpm]\nverbose = perhaps\n", "line 2, column 1: [hpm] verbose: 'perhaps' is neither yes nor no"),
    ("[hpm]\nplot-dir = var/log\n", "line 2, column 1: [hpm] plot-dir: 'var/log' does not begin with /"),
    ("[web]\n\nlisten = 8643\n", "line 3, column 1: [web] listen: '8643' is not ADDRESS:PORT"),
    ("[web]\ntls-key = /k\n", "line 2, column 1: [web] tls-key: a key is of no use without its certificate"),
    ("[wok]\nenable = True\n", "line 2, column 1: [wok] enable: there is no such section; known are [hpm], [web]"),
    ("verbose = yes\n", "line 1, column 1: no section has begun; write [hpm] above it"),
    ("[hpm]\nverbose\n", "line 2, column 1: this is neither a section nor a setting"),
    ("[hpm]\nverbose = no\nverbose = no\n", "line 3, column 1: verbose is here a second time"),
    ("[hpm]\n[hpm]\n", "line 2, column 1: [hpm] is here a second time"),
])  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(text: str, said: str) -> None:
    _, (wrong,) = judged(text.encode())
    assert str(wrong).startswith(said)


def test_what_is_no_text_is_told_with_its_line() -> None:
    _, (wrong,) = judged(b"[hpm]\n# \xff\n")
    assert str(wrong) == "line 2, column 1: this is no UTF-8"


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    path = written(tmp_path, "[web]\nlisten = x\n[hpm]\ncolour = red\n")
    with pytest.raises(InvalidValue) as caught:
        read_configuration(path)
    assert [line.split(": ")[1] for line in str(caught.value).splitlines()] == ["line 2, column 1", "line 4, column 1"]


def test_a_file_that_others_may_write_is_not_believed(tmp_path: Path) -> None:
    path = written(tmp_path, "[hpm]\nverbose = yes\n")
    assert read_configuration(path).verbose
    path.chmod(0o666)
    with pytest.raises(UnsafePlace, match="others could tell hpm what to do"):
        read_configuration(path)
    path.chmod(0o644)
    (open_to_all := tmp_path / "open").mkdir()
    open_to_all.chmod(0o777)
    (link := open_to_all / "hpm.conf").symlink_to(path)
    with pytest.raises(UnsafePlace):
        read_configuration(link)


def test_options_win_over_the_file() -> None:
    said = Configuration(verbose=True, listen="[::]:1", tls_cert=Path("/a"), tls_key=Path("/b"), plot_dir=Path("/p"))
    assert with_options(said, {"listen": None, "verbose": False}) == said
    assert with_options(said, {"listen": "127.0.0.1:2", "plot_dir": Path("/q")}) == Configuration(
        None, Path("/q"), True, "127.0.0.1:2", Path("/a"), Path("/b")
    )
    other = with_options(said, {"tls_cert": Path("/c")})    # its key is another one, too
    assert (other.tls_cert, other.tls_key) == (Path("/c"), None)


def check(*words: str) -> tuple[int, str]:
    """`hpm config-check`: exit code, and all that it says."""
    done = CliRunner().invoke(cli, ["config-check", *words])
    return done.exit_code, done.output


def test_config_check_tells_what_holds(tmp_path: Path) -> None:
    path = written(tmp_path, "[web]\nlisten = [::]:8643\n")
    code, said = check(str(path))
    assert code == 0 and said.splitlines() == [
        f"{path} is right", "[hpm] mom-rpc: none", "[hpm] plot-dir: none", "[hpm] verbose: no",
        "[web] listen: [::]:8643", "[web] tls-cert: a certificate of hpm's own, which browsers warn of",
        "[web] tls-key: in the same file",
    ]  # fmt: skip


def test_config_check_looks_at_what_the_file_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unreadable: list[Path] = []
    monkeypatch.setattr("hpm.host.configuration.front_reads", lambda file: file not in unreadable)
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run([
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-subj", "/CN=host.example", "-keyout", str(key), "-out", str(cert),
    ], check=True, capture_output=True)  # fmt: skip
    path = written(tmp_path, f"[web]\ntls-cert = {cert}\ntls-key = {key}\n")
    assert check(str(path))[0] == 0
    unreadable.append(key)
    code, said = check(str(path))
    assert code == 1 and f"{key} cannot be read by the user hpm-web" in said and str(cert) not in said
    key.write_text("not a key\n")
    code, said = check(str(path))
    assert code == 1 and "cannot be used" in said and str(key) in said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can ask for another user")
def test_config_check_asks_whether_the_front_may_read_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpm.host.rights.USER", "nobody")
    with TemporaryDirectory() as name:
        (place := Path(name)).chmod(0o755)
        key, closed = place / "key.pem", place / "closed"
        key.write_text("")
        key.chmod(0o600)
        assert not front_reads(key)
        key.chmod(0o644)
        assert front_reads(key)
        closed.mkdir(0o700)
        key.rename(closed / "key.pem")
        assert not front_reads(closed / "key.pem")
        monkeypatch.setattr("hpm.host.rights.USER", "nobody-of-that-name")
        assert front_reads(closed / "key.pem")    # who the front will be is not known


def test_without_a_file_config_check_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpm.paths.SYSTEM_CONFIG", tmp_path / "none")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    code, said = check()
    assert code == 0 and said.startswith("there is no configuration file")
    assert check(str(tmp_path / "none")) == (1, f"error: [Errno 2] No such file or directory: '{tmp_path}/none'\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="other users have a file of their own")
def test_hpm_serve_refuses_to_start_with_one_that_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hpm.paths.SYSTEM_CONFIG", written(tmp_path, "[hpm]\ninterval = 3\n"))
    for command in ("serve", "web"):
        done = CliRunner().invoke(cli, [command])
        assert done.exit_code == 1 and "[hpm] interval: there is no such option here" in done.output
