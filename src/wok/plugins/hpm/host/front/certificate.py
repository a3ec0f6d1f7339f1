"""The front's certificate: a given one, or an own one that is made at the first start and renewed in time.

An own certificate is signed by itself: browsers warn until somebody has compared the fingerprint, and programs take
it as their authority (``--cacert``). It is none, though: with its key no other certificate can be signed.
The program `openssl` makes it, which every distribution has on every architecture.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
import socket
import ssl
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from ...errors import HpmError

log = logging.getLogger(__name__)

#: Browsers take none that is valid for longer than 398 days.
VALID_DAYS = 397

#: Days before its end at which an own certificate is replaced.
RENEW_DAYS = 30

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"    # of TLS 1.2; those of 1.3 are all good
_SECONDS_A_DAY = 24 * 3600
_PROGRAM_SECONDS = 60.0


class BadCertificate(HpmError):
    """Certificate or key cannot be read, do not belong together, or cannot be made."""

    id = "bad-certificate"


@dataclass(frozen=True)
class Certificate:
    """The files of a certificate (with its chain) and its key."""

    cert: Path
    key: Path
    own: bool

    def fingerprint(self) -> str:
        """SHA-256 of the certificate, as browsers show it. Raises `BadCertificate`."""
        try:
            first = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", self.cert.read_text(), re.S)
            data = ssl.PEM_cert_to_DER_cert(first[0]) if first else b""
        except (OSError, ValueError) as error:
            raise BadCertificate(f"the certificate {self.cert} cannot be read: {error}") from None
        if not data:
            raise BadCertificate(f"there is no certificate in {self.cert}; PEM would be right")
        return ":".join(f"{byte:02X}" for byte in hashlib.sha256(data).digest())

    def context(self) -> ssl.SSLContext:
        """TLS as the front speaks it, with this certificate: 1.2 or later, forward secrecy. Raises `BadCertificate`.

        It is a new one each time: one that is in use would have half of a pair of which the other half is bad.
        """
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(_CIPHERS)
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(self.cert, self.key, password=_no_password)
        except (OSError, ValueError) as error:    # ssl.SSLError is an OSError
            raise BadCertificate(
                f"certificate {self.cert} and key {self.key} cannot be used: {error}; right would be PEM files that"
                " belong together, a key without a password, both readable for the user who runs the web front"
            ) from None
        return context

    def state(self) -> tuple[tuple[int, int], ...]:
        """Something that changes whenever the files do."""
        try:
            return tuple((stat.st_mtime_ns, stat.st_ino) for stat in (self.cert.stat(), self.key.stat()))
        except OSError:
            return ()


def own(directory: Path, *, settled: bool = False) -> Certificate:
    """The own certificate in a directory; made if it is missing, near its end, or for another name of the host; where
    the host's clock has `settled` since it was started, also if it is of the future: it was made by a wrong one.

    Raises `BadCertificate`.
    """
    certificate = Certificate(directory / "cert.pem", directory / "key.pem", own=True)
    try:
        directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        if not _good(certificate) or (settled and _begins(certificate) > time.time()):
            _make(certificate)
    except OSError as error:
        raise BadCertificate(f"an own certificate cannot be kept in {directory}: {error.strerror or error}") from None
    return certificate


def _good(certificate: Certificate) -> bool:
    if not (certificate.cert.exists() and certificate.key.exists()):
        return False
    try:
        certificate.context()
    except BadCertificate as error:
        log.warning("the own certificate is made anew: %s", error)
        return False
    named = _openssl("x509", "-in", str(certificate.cert), "-noout", "-ext", "subjectAltName").stdout
    lasting = _openssl("x509", "-in", str(certificate.cert), "-noout", "-checkend", str(RENEW_DAYS * _SECONDS_A_DAY))
    return lasting.returncode == 0 and all(f"DNS:{name}" in re.split(r"[\s,]+", named) for name in _names())


def _begins(certificate: Certificate) -> float:
    """From when on it is valid (unix time)."""
    return _time(certificate.cert, "-startdate")


def ends(cert: Path) -> float:
    """Until when the certificate in a file is valid (unix time); 0: that cannot be told. Raises `BadCertificate`,
    `OSError`."""
    return _time(cert, "-enddate")


def _time(cert: Path, which: str) -> float:
    said = _openssl("x509", "-in", str(cert), "-noout", which).stdout
    try:
        return ssl.cert_time_to_seconds(said.strip().partition("=")[2])
    except ValueError:    # openssl does not tell
        return 0.0


def _make(certificate: Certificate) -> None:
    """The key is written first and the certificate last, each to another name: a half-made pair is made anew."""
    names = ",".join([*(f"DNS:{name}" for name in _names()), "IP:127.0.0.1", "IP:::1"])
    new_cert, new_key = (path.with_suffix(".new") for path in (certificate.cert, certificate.key))
    new_key.unlink(missing_ok=True)
    os.close(os.open(new_key, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))    # openssl keeps the mode
    made = _openssl(
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-sha256",
        "-days", str(VALID_DAYS), "-subj", f"/O=hpm/CN={_names()[0][:64]}",
        "-config", "/dev/stdin", "-extensions", "own", "-keyout", str(new_key), "-out", str(new_cert),
        text=_CONFIG.format(names=names),
    )  # fmt: skip
    if made.returncode:
        raise BadCertificate(f"openssl cannot make a certificate: {made.stderr.strip()}; give one with --tls-cert")
    try:
        Certificate(new_cert, new_key, own=True).context()
    except BadCertificate:    # openssl says nothing of a disk that is full
        raise BadCertificate(
            f"openssl left no whole certificate in {certificate.cert.parent}; see whether there is room on the disk"
        ) from None
    new_key.chmod(0o600)
    new_cert.chmod(0o644)    # whoever shall trust it must be able to read it
    new_key.replace(certificate.key)
    new_cert.replace(certificate.cert)
    log.info("made an own certificate in %s, valid for %d days", certificate.cert, VALID_DAYS)


_CONFIG = """\
[req]
distinguished_name = subject
[subject]
[own]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
subjectAltName = {names}
"""


def _names() -> list[str]:
    """The names by which the host may be asked for, as far as it knows them without asking the network."""
    name = socket.gethostname().lower()
    if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,252}[a-z0-9])?", name):
        return ["localhost"]
    return list(dict.fromkeys([name, name.partition(".")[0], "localhost"]))


def _openssl(*words: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """Raises `BadCertificate`, `OSError`."""
    program = shutil.which("openssl", path="/usr/bin:/bin:/usr/local/bin")
    if program is None:
        raise BadCertificate(
            "the program openssl, which makes the own certificate, is missing; install it, or give one with --tls-cert"
        )
    try:
        return subprocess.run(
            [program, *words], input=text, capture_output=True, text=True, timeout=_PROGRAM_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise BadCertificate(f"openssl {words[0]} does not end within {_PROGRAM_SECONDS:g} s") from None


def _no_password() -> str:
    """Instead of OpenSSL, which would ask at the terminal."""
    raise ValueError("the key has a password")
