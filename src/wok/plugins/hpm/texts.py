"""Texts in the user's language, by gettext: an English text is its own id.

The command line looks up its texts here, and tells at its start which language (`speak`). Wherever nobody does so, all
texts are English: the manager, its log, the API. Catalogues are `locale/LANGUAGE.mo`, compiled from `po/cli`; one that
is missing or damaged means English, and never an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from gettext import GNUTranslations, NullTranslations
from pathlib import Path

CATALOGUES = Path(__file__).with_name("locale")

#: The language in which texts are written.
ENGLISH = "en"

_PLACE = re.compile(r"\{(\w+)\}")
_LOCALE = re.compile(r"(?P<language>[a-z]{2,3})(?:[_-](?P<rest>[a-z]+))?(?![a-z])", re.IGNORECASE)

#: Where Chinese is written in traditional characters, or said to be.
_TRADITIONAL = {"hant", "tw", "hk", "mo"}

_catalogue = NullTranslations()


def t(text: str, /, **values: object) -> str:
    """The text in the user's language, with values put in for ``{name}``. One that is not given leaves its place."""
    return _filled(_catalogue.gettext(text) if text else "", values)    # gettext has its own header for ""


def plural(one: str, many: str, n: int, /, **values: object) -> str:
    """The same where it depends on a number, which is put in for ``{n}``."""
    return _filled(_catalogue.ngettext(one, many, n), {"n": n, **values})


def later(text: str, many: str = "", /) -> str:
    """A text that is looked up where it is shown (``t(WORDS[key])``), and the same of many; both are found here by the
    extraction of texts."""
    return text


def speak(environment: Mapping[str, str]) -> str:
    """Speak the language that `environment` asks for from now on; gives its name."""
    global _catalogue
    _catalogue = NullTranslations()
    for name in chosen(environment, sorted(file.stem for file in CATALOGUES.glob("*.mo"))):
        if name == ENGLISH:
            break
        try:
            with (CATALOGUES / f"{name}.mo").open("rb") as file:
                _catalogue = GNUTranslations(file)
        except Exception:    # whatever is wrong with it: what is said is worth more than its language
            continue
        return name
    return ENGLISH


def chosen(environment: Mapping[str, str], known: list[str]) -> list[str]:
    """Those of the `known` catalogues, and English, that LANGUAGE, LC_ALL, LC_MESSAGES and LANG ask for, best first."""
    locale = next((value for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (value := environment.get(name))), "")
    if locale.partition(".")[0] in ("C", "POSIX"):    # then gettext does not look at LANGUAGE either
        return []
    found: list[str] = []
    for wanted in (environment.get("LANGUAGE") or locale).split(":"):
        match = _LOCALE.match(wanted)
        if match is None:
            continue
        language, rest = match["language"].lower(), (match["rest"] or "").lower()
        region = "TW" if language == "zh" and rest in _TRADITIONAL else rest.upper()
        found += [name for name in (f"{language}_{region}", language) if name in (*known, ENGLISH)][:1] or [
            name for name in known if name.partition("_")[0] == language
        ][:1]
    return found


@contextmanager
def english() -> Iterator[None]:
    """English, whatever the user speaks: for what programs read, and for who answers a bug report."""
    global _catalogue
    before, _catalogue = _catalogue, NullTranslations()
    try:
        yield
    finally:
        _catalogue = before


def _filled(text: str, values: Mapping[str, object]) -> str:
    """One pass: what is put in may have braces itself."""
    return _PLACE.sub(lambda place: str(values.get(place[1], place[0])), text) if values else text
