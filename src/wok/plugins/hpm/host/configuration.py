"""The configuration file of `hpm serve` and `hpm web`, `/etc/hpm/hpm.conf`: what holds unless an option says otherwise.

Only what must be known before hpm can be asked stands there. All else is a setting of the running hpm (`hpm settings`),
or policy.
"""

from __future__ import annotations

import configparser
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from ..errors import InvalidValue
from ..ini import read_ini
from .front.certificate import BadCertificate, Certificate
from .front.settings import LISTEN, parse_listen
from .own_places import check_file
from .rights import USER, front_reads

YES: Final = ("true", "yes", "on", "1")
NO: Final = ("false", "no", "off", "0")


class Option(msgspec.Struct, frozen=True):
    """Something that can be said: how its value looks, what it means, and what holds where nothing is said. `read`
    gives the value of a text, or raises `InvalidValue`."""

    section: str
    name: str
    value: str
    meaning: str
    default: str
    read: Callable[[str], object]

    @property
    def field(self) -> str:
        """The field of `Configuration` that has it."""
        return self.name.replace("-", "_")


class Configuration(msgspec.Struct, frozen=True):
    """What is said; None: nothing."""

    mom_rpc: Path | None = None
    plot_dir: Path | None = None
    verbose: bool = False
    listen: str | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None


def yes_or_no(text: str) -> bool:
    """What a word means. Raises `InvalidValue`."""
    word = text.strip().lower()
    if word not in YES + NO:
        raise InvalidValue(f"{word!r} is neither yes nor no")
    return word in YES


def absolute(text: str) -> Path:
    """A path from the root on. Raises `InvalidValue`."""
    path = Path(text)
    if not path.is_absolute():
        raise InvalidValue(f"{text!r} does not begin with /; it is not said where it would be looked for")
    return path


def _listen(text: str) -> str:
    parse_listen(text)
    return text


OPTIONS: Final = (
    Option("hpm", "mom-rpc", "PATH", "A socket, root's alone, at which programs that talk to oVirt MOM are answered, by"
           " XML-RPC. The unit lets hpm make it below /run/hpm.", "none", absolute),
    Option("hpm", "plot-dir", "DIRECTORY", "Where files for plots are written as MOM writes them. The unit lets hpm"
           " write below /var/log/hpm.", "none", absolute),
    Option("hpm", "verbose", "yes|no", "Say more in the log of what is done; also the web front.", "no", yes_or_no),
    Option("web", "listen", "ADDRESS:PORT", "Where browsers and programs reach hpm: 0.0.0.0:8643 for all of this host's"
           " IPv4 addresses, [::]:8643 for IPv6 as well.", LISTEN, _listen),
    Option("web", "tls-cert", "FILE", "A certificate with its chain, in PEM.",
           "a certificate of hpm's own, which browsers warn of", absolute),
    Option("web", "tls-key", "FILE", "The key of that certificate, where it is in another file. The user hpm-web must"
           " be able to read it.", "in the same file", absolute),
)  # fmt: skip


def read_configuration(path: Path | None) -> Configuration:
    """What the file says; without one, what holds where nothing is said. Raises `InvalidValue` with all that is wrong,
    `UnsafePlace`, `OSError`."""
    if path is None:
        return Configuration()
    check_file(path)
    found, wrong = judged(path.read_bytes())
    if wrong:
        raise InvalidValue("\n".join(f"{path}: {error}" for error in wrong))
    return found


def judged(data: bytes) -> tuple[Configuration, list[InvalidValue]]:
    """What the bytes of a file say, and all that is wrong with it, by lines."""
    parser = configparser.ConfigParser(interpolation=None, default_section="")
    try:
        text = data.decode()
        lines = read_ini(text, parser, "hpm")
    except UnicodeDecodeError as error:
        return Configuration(), [InvalidValue("this is no UTF-8", place=(data.count(b"\n", 0, error.start) + 1, 1))]
    except InvalidValue as error:
        return Configuration(), [error]
    known = {(option.section, option.name): option for option in OPTIONS}
    values: dict[str, Any] = {}
    wrong: list[InvalidValue] = []
    for section in parser.sections():
        for name, value in parser[section].items():
            place = (lines.get((section, name), 1), 1)
            option = known.get((section, name))
            try:
                if option is None:
                    raise InvalidValue(_unknown(section))
                if value.strip():
                    values[option.field] = option.read(value.strip())
            except InvalidValue as error:
                wrong.append(error.moved(f"[{section}] {name}", place))
    if "tls_key" in values and "tls_cert" not in values:
        said = "a key is of no use without its certificate, tls-cert"
        wrong.append(InvalidValue(said, "[web] tls-key", (lines["web", "tls-key"], 1)))
    return Configuration(**values), sorted(wrong, key=lambda error: error.place or (0, 0))


def _unknown(section: str) -> str:
    sections = list(dict.fromkeys(option.section for option in OPTIONS))
    if section not in sections:
        return f"there is no such section; known are {', '.join(f'[{one}]' for one in sections)}"
    names = ", ".join(option.name for option in OPTIONS if option.section == section)
    return f"there is no such option here; known are {names}"


def check(path: Path) -> list[str]:
    """All that is wrong with a configuration file and with what it names, a sentence each. Raises `OSError`."""
    check_file(path)
    found, wrong = judged(path.read_bytes())
    said = [str(error) for error in wrong]
    if found.tls_cert is not None and not wrong:
        certificate = Certificate(found.tls_cert, found.tls_key or found.tls_cert, own=False)
        try:
            certificate.fingerprint()
            certificate.context()
        except BadCertificate as error:
            said.append(str(error))
        else:
            said += [
                f"{file} cannot be read by the user {USER}, as whom the web front runs (chgrp {USER} FILE; chmod 640"
                " FILE)" for file in dict.fromkeys((certificate.cert, certificate.key)) if not front_reads(file)
            ]  # fmt: skip
    return said


def with_options(said: Configuration, given: Mapping[str, object]) -> Configuration:
    """What the file says, but for what options say (by field; None, or False: nothing). A certificate that an option
    names is not used with the file's key."""
    wins = {field: value for field, value in given.items() if value not in (None, False)}
    if "tls_cert" in wins:
        wins.setdefault("tls_key", None)
    return msgspec.structs.replace(said, **wins)
