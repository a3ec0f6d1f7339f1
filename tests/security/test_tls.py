"""TLS as it is spoken: real handshakes with clients that would take less than they should.

What a front refuses is shown only where somebody else agrees to it (`Lax`): else it would be the client's OpenSSL that
refuses. Those cases are skipped, with the reason.
"""

from __future__ import annotations

import socket
import ssl
import stat
import subprocess
import threading
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import NamedTuple

import pytest

from tests.unit.api_host import BASE, ApiHost
from tests.unit.front_host import FrontHost

WEAK = {
    "without forward secrecy": "AES256-GCM-SHA384:AES128-SHA256:AES128-SHA",
    "CBC": "ECDHE-ECDSA-AES256-SHA384:ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES128-SHA",
    "without a certificate": "ADH-AES256-GCM-SHA384:AECDH-AES256-SHA:ADH-AES128-SHA256",
    "without encryption": "NULL-SHA256:ECDHE-ECDSA-NULL-SHA:NULL-SHA",
    "with a finite field": "DHE-RSA-AES256-GCM-SHA384:DHE-RSA-AES128-SHA256",
    "CCM with a short tag": "ECDHE-ECDSA-AES256-CCM8:ECDHE-ECDSA-AES128-CCM8",
    "with a password": "PSK-AES256-GCM-SHA384:SRP-AES-256-CBC-SHA",
}


#: What a client or server takes that takes anything, as far as OpenSSL lets it.
ANYTHING = "ALL:COMPLEMENTOFALL:@SECLEVEL=0"


class Lax(NamedTuple):
    """A server that takes anything, at `port`; and a front with an RSA certificate, without which much that is weak is
    out of the question."""

    port: int
    front: FrontHost


@pytest.fixture(scope="module")
def lax(both: tuple[FrontHost, ApiHost], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lax]:
    place = tmp_path_factory.mktemp("lax")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(ANYTHING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    for kind, key in (("rsa", ["rsa:2048"]), ("ec", ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])):
        _openssl("req", "-x509", "-newkey", *key, "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                 "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", f"{place}/{kind}.key",
                 "-out", f"{place}/{kind}.crt")    # fmt: skip
        context.load_cert_chain(place / f"{kind}.crt", place / f"{kind}.key")
    _openssl("genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:ffdhe2048", "-out", f"{place}/dh")
    context.load_dh_params(place / "dh")
    _, api = both
    with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as stack:
        serving = threading.Thread(target=_take_anything, args=(listener, context), daemon=True)
        serving.start()
        front = FrontHost(place, api.socket.with_name("front.sock"), place / "rsa.crt", tls_cert=f"{place}/rsa.crt",
                          tls_key=f"{place}/rsa.key")    # fmt: skip
        stack.callback(front.close)
        yield Lax(listener.getsockname()[1], front)
        listener.shutdown(socket.SHUT_RDWR)
        serving.join()


def _openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], capture_output=True, check=True)


def _take_anything(listener: socket.socket, context: ssl.SSLContext) -> None:
    while True:
        try:
            plain, _ = listener.accept()
        except OSError:
            return
        with suppress(OSError), plain:
            plain.settimeout(10.0)
            with context.wrap_socket(plain, server_side=True) as connection:
                connection.recv(1)


def _lax() -> ssl.SSLContext:
    """A client that takes anything."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers(ANYTHING)
    return context


def _shaken(port: int, context: ssl.SSLContext) -> tuple[str | None, str]:
    """Version and cipher agreed on. Raises `OSError`, which all errors of TLS are."""
    with (
        socket.create_connection(("127.0.0.1", port), 10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        cipher = connection.cipher()
        assert cipher is not None
        return connection.version(), cipher[0]


def _only_fronts_refuse(lax: Lax, front: FrontHost, context: ssl.SSLContext) -> None:
    try:
        _shaken(lax.port, context)
    except OSError as error:
        pytest.skip(f"not even a server that takes anything agrees to it here: {error}")
    for one in (front, lax.front):
        with pytest.raises(OSError, match=r"ssl|SSL|EOF|reset"):
            _shaken(one.port, context)


@pytest.mark.parametrize("version", ["SSLv3", "TLSv1", "TLSv1_1"])
def test_versions_of_yesterday_are_refused(both: tuple[FrontHost, ApiHost], lax: Lax, version: str) -> None:
    front, _ = both
    context = _lax()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            context.maximum_version = ssl.TLSVersion[version]
        except ValueError:
            pytest.skip(f"this OpenSSL has no {version} itself")
    _only_fronts_refuse(lax, front, context)


@pytest.mark.parametrize("kind", WEAK)
def test_weak_ciphers_are_refused(both: tuple[FrontHost, ApiHost], lax: Lax, kind: str) -> None:
    front, _ = both
    context = _lax()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.set_ciphers(f"{WEAK[kind]}:@SECLEVEL=0")
    except ssl.SSLError:
        pytest.skip(f"this OpenSSL has none of {WEAK[kind]}")
    _only_fronts_refuse(lax, front, context)


def test_who_takes_anything_gets_the_best(both: tuple[FrontHost, ApiHost], lax: Lax) -> None:
    for front in (both[0], lax.front):
        assert _shaken(front.port, _lax())[0] == "TLSv1.3"
        context = _lax()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        version, cipher = _shaken(front.port, context)
        assert version == "TLSv1.2"
        assert cipher.startswith("ECDHE-") and ("GCM" in cipher or "CHACHA20" in cipher)


def test_neither_compression_nor_renegotiation_nor_another_protocol(both: tuple[FrontHost, ApiHost]) -> None:
    front, _ = both
    context = _lax()
    context.options &= ~ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(["h2", "http/1.1", "spdy/3"])
    with (
        socket.create_connection(("127.0.0.1", front.port), 10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as connection,
    ):
        assert connection.compression() is None
        assert connection.selected_alpn_protocol() == "http/1.1"
    done = subprocess.run(    # `R` asks openssl to renegotiate
        ["openssl", "s_client", "-connect", f"127.0.0.1:{front.port}", "-tls1_2"], input="R\n", capture_output=True,
        text=True, timeout=30, check=False,
    )  # fmt: skip
    assert "no renegotiation" in done.stderr or done.returncode != 0, done.stderr


def test_the_key_is_the_fronts_alone_and_signs_nothing_else(both: tuple[FrontHost, ApiHost]) -> None:
    front, _ = both
    assert stat.S_IMODE((front.directory / "key.pem").stat().st_mode) == 0o600
    text = subprocess.run(
        ["openssl", "x509", "-in", str(front.cert), "-noout", "-text"], capture_output=True, text=True, check=True
    ).stdout
    assert "CA:FALSE" in text
    assert "Certificate Sign" not in text
    assert "TLS Web Server Authentication" in text


@pytest.mark.parametrize("data", [
    b"", b"\x16", b"\x16\x03\x01", b"\x16\x03\x01\xff\xff" + b"\x00" * 70_000, b"\x80\x2e\x01\x00\x02", b"\x16" * 5000,
    b"SSH-2.0-x\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
], ids=range(8))  # fmt: skip
def test_what_is_no_handshake_ends_and_harms_nobody(both: tuple[FrontHost, ApiHost], data: bytes) -> None:
    front, _ = both
    before = front.memory()
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", front.port), 10) as plain:
            try:
                plain.sendall(data)
            except OSError:
                continue
    assert front.http.get(f"{BASE}/version").status_code == 200
    assert front.memory() - before < 25_000_000    # some buffers of a quarter of a megabyte


@pytest.mark.parametrize("path", [
    "/../../etc/passwd", "/js/../../../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/js/%2e%2e%2f%2e%2e%2fetc/passwd",
    "/js/..%5c..%5cetc/passwd", "//etc/passwd", "/js//etc/passwd", "/js/hpm.js%00.css", "/./page.css", "/js/", "/js",
    "/.git/config", "/key.pem", "/web/key.pem", "/hpm.db", "/proc/self/environ", "/PAGE.CSS", "/page.css/", "/images/",
    "/\u2215etc/passwd", "/..;/etc/passwd", "/page.css;x", "/%252e%252e/etc/passwd", "file:///etc/passwd",
])  # fmt: skip
def test_no_path_names_a_file(both: tuple[FrontHost, ApiHost], path: str) -> None:
    """Pages are a table that is read at the start: what is not in it is nothing."""
    front, _ = both
    data = b"GET " + path.encode() + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    found = front.raw(data)
    assert found.split(b" ", 2)[1] in (b"404", b"400"), found[:200]
    assert b"root:" not in found and b"PRIVATE KEY" not in found


@pytest.mark.parametrize("path", [
    "/virtual-servers/../settings", "/virtual-servers/..%2fsettings", "/virtual-servers/%2e%2e/settings",
    "/virtual-servers/..;/settings", "/virtual-servers//settings", "/virtual-servers/%00", "/tokens/../../etc/passwd",
    "/workload-resource-groups/default/policies/..", "/workload-resource-groups/default/policies/%2e%2e%2f%2e%2e",
    "/partitions/..%2f..%2f..%2fetc", "/mom/policies/..%2f..%2fetc%2fpasswd", "/mom/policies/%2fetc%2fpasswd",
    "/%73ettings/../x", "/" + "a/" * 5000, "/virtual-servers/" + "%41" * 5000,
])  # fmt: skip
def test_an_id_in_a_path_is_an_id_and_never_a_place(both: tuple[FrontHost, ApiHost], path: str) -> None:
    _, api = both
    before = api.state()
    found = api.raw(f"GET {BASE}{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert found.split(b" ", 2)[1] in (b"404", b"400", b"405"), found[:300]
    assert api.state() == before

