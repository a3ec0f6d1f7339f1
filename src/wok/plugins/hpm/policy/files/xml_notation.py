"""Policy files as XML.

Read with expat, event by event: what is wrong ends the reading at once, so a hostile text costs neither time nor
memory. A document type declaration is refused where it begins. So there are no entities, and nothing outside the text
is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from xml.parsers import expat

from ...errors import InvalidValue, MissingField, UnknownField
from ..decode import MAX_NESTING, RepeatedField, convert
from ..policies import PerformancePolicy
from .content import GroupsFile, PolicyFile, check
from .places import place
from .xml_grammar import BLANKS, GROUPS, ROOTS, Child, Element

#: Bytes of the longest start tag. Its attributes are read before anybody looks at them, so it must be short.
LONGEST_TAG = 64 * 1024

#: Characters of the longest text between two tags: expat hands over some of them one by one.
LONGEST_TEXT = 80 * 1024

_UNREAD = re.compile(rb"<!--|<\?")    # comments and instructions to programs, which may be as long as they like
_NAME = re.compile(rb"<[^\s/>]*")
_ATTRIBUTE = re.compile(rb"""\s+([^\s=>/]+)\s*=\s*(?:"[^"]*"|'[^']*')""")


class NotXML(InvalidValue):
    """The text is not well-formed XML."""

    id = "not-xml"


def read(data: bytes) -> PolicyFile:
    """Raises `NotXML`, `InvalidValue` and its kinds, with path, line and column. `data` is UTF-8 (see `text`)."""
    reader = _Reader(data)
    fields = reader.read()
    try:
        content: PolicyFile
        content = convert(fields, GroupsFile) if reader.root is GROUPS else convert(fields, PerformancePolicy)
        check(content)
    except InvalidValue as error:
        raise located(data, error) from None
    return content


def fields_of(data: bytes) -> dict[str, Any]:
    """What a text says, before types are looked at. Raises as `read`."""
    return _Reader(data).read()


def located(data: bytes, error: InvalidValue) -> InvalidValue:
    """An error in what was read of a text, with line and column of its path."""
    again = _Reader(data, error.path)
    again.read()
    return error.moved(place=place(data, again.found))


class _Frame:
    """An element that is open: what it is made of so far, and the path of its value if that is looked for."""

    __slots__ = ("child", "element", "name", "path", "texts", "value")

    def __init__(self, name: str, element: Element, child: Child | None, path: str) -> None:
        self.name, self.element, self.child, self.path = name, element, child, path
        self.value: dict[str, Any] = dict(element.fixed)
        self.texts: list[str] = []


class _Reader:
    """Makes dicts and lists of a text, in the shape of the API. With `wanted`, looks where that path stands: `found` is
    the byte where the longest part of it begins that there is."""

    def __init__(self, data: bytes, wanted: str | None = None) -> None:
        self.root = GROUPS
        self.found = 0
        self._data = data
        self._wanted = wanted
        self._best = -1
        self._open: list[_Frame] = []
        self._text_length = 0    # since the last tag
        self._whole: dict[str, Any] = {}
        self._parser = expat.ParserCreate("utf-8")
        if hasattr(self._parser, "SetReparseDeferralEnabled"):
            self._parser.SetReparseDeferralEnabled(False)    # or newer ones would have read more than we know
        self._parser.XmlDeclHandler = self._declared
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text

    def read(self) -> dict[str, Any]:
        """The whole. Raises `InvalidValue` and its kinds, with line and column."""
        text, fed = memoryview(self._data), 0
        try:
            while len(text) - fed > LONGEST_TAG:
                end = self._next_end(fed)
                self._parser.Parse(text[fed:end], False)
                fed = end
            self._parser.Parse(text[fed:], True)
        except expat.ExpatError as error:
            said = expat.ErrorString(error.code)
            raise NotXML(f"the text is not XML: {said}", place=place(self._data, self._parser.ErrorByteIndex)) from None
        finally:
            del self._parser    # which holds us too: together we would keep the text until garbage is collected
        return self._whole

    def _next_end(self, fed: int) -> int:
        """How far to feed the parser next, which has had so many bytes. Refuses what goes on for too long."""
        begin = max(0, self._parser.CurrentByteIndex)    # of what is not whole yet
        end = fed + LONGEST_TAG
        if fed - begin < LONGEST_TAG:
            return end
        unread = _UNREAD.match(self._data, begin)
        if unread is None:
            raise self._refuse(InvalidValue, f"this is longer than {LONGEST_TAG} bytes, which no tag needs to be")
        # to its end in one go, for it is read anew from its begin each time
        closing = b"-->" if unread[0] == b"<!--" else b"?>"
        found = self._data.find(closing, begin + len(unread[0]))
        return len(self._data) if found < 0 else max(end, found + len(closing))

    def _refuse(self, kind: type[InvalidValue], message: str, attribute: str | None = None) -> InvalidValue:
        """An error at the event that is being handled."""
        begin = self._parser.CurrentByteIndex
        where = begin if attribute is None else self._attribute(begin, attribute)
        return kind(message, place=place(self._data, where))

    def _declared(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding is not None and encoding.lower() != "utf-8":
            raise self._refuse(InvalidValue, f"the text says that it is {encoding[:40]}; it must be UTF-8, and say so")

    def _doctype(self, name: str, system: str | None, public: str | None, internal: int) -> None:
        raise self._refuse(InvalidValue, "a document type declaration is not allowed here; leave it out")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._text_length = 0
        if not self._open:
            if name not in ROOTS:
                raise self._refuse(UnknownField, f"there is no element {name[:80]!r} here; {_known(ROOTS, 'element')}")
            self.root = ROOTS[name]
            frame = _Frame(name, self.root, None, "")
        else:
            if len(self._open) == MAX_NESTING:
                raise self._refuse(InvalidValue, f"the text is nested more than {MAX_NESTING} levels deep")
            frame = self._child(self._open[-1], name)
        element = frame.element
        for key, text in attributes.items():
            known = element.attributes.get(key)
            if known is None:
                words = _known(element.attributes, "attribute")
                raise self._refuse(UnknownField, f"<{name}> has no attribute {key[:80]!r}; {words}", key)
            frame.value[key] = known.read(text)
        for key, known in element.attributes.items():
            if known.needed and key not in attributes:
                raise self._refuse(MissingField, f"<{name}> needs the attribute {key!r}")
        self._open.append(frame)
        if self._wanted is not None:
            self._look(frame, attributes)

    def _child(self, parent: _Frame, name: str) -> _Frame:
        child = parent.element.children.get(name)
        if child is None:
            words = _known(parent.element.children, "element")
            raise self._refuse(UnknownField, f"there is no element {name[:80]!r} in <{parent.name}>; {words}")
        field = child.field
        if field in parent.value and child.how not in ("many", "entry"):
            raise self._refuse(RepeatedField, f"there is one such element in <{parent.name}> already; leave one out")
        if child.how in ("merge", "same"):
            return _Frame(name, child.element, child, parent.path)
        index = f"[{len(parent.value.get(field, ()))}]" if child.how == "many" else ""
        return _Frame(name, child.element, child, _join(parent.path, field) + index)

    def _text(self, text: str) -> None:
        frame = self._open[-1]
        self._text_length += len(text)
        if self._text_length > LONGEST_TEXT:
            raise self._refuse(InvalidValue, f"more than {LONGEST_TEXT} characters stand between two tags here")
        if frame.element.text:
            frame.texts.append(text)
        elif text.strip(BLANKS):
            begin = self._parser.CurrentByteIndex + len(text) - len(text.lstrip(BLANKS))
            raise InvalidValue(
                f"<{frame.name}> contains no text, but here is some: {text.strip()[:40]!r}",
                place=place(self._data, begin),
            )

    def _end(self, name: str) -> None:
        self._text_length = 0
        frame = self._open.pop()
        element, child = frame.element, frame.child
        if child is None:
            self._whole = frame.value
            return
        value: Any = frame.value
        if element.text:
            value = "".join(frame.texts)
        elif element.made is not None:
            value = element.made(frame.value)
        fields = self._open[-1].value
        if child.how == "many":
            fields.setdefault(child.field, []).append(value)
        elif child.how == "entry":
            entries = fields.setdefault(child.field, {})
            if value["name"] in entries:
                name = value["name"][:80]
                raise self._refuse(RepeatedField, f"{name!r} is there already; leave one out")
            entries[value["name"]] = value["value"]
        elif child.how == "merge":
            fields.update({child.field: (), **value})
        else:
            fields[child.field] = value

    def _look(self, frame: _Frame, attributes: dict[str, str]) -> None:
        begin = self._parser.CurrentByteIndex
        self._try(frame.path, begin)
        if frame.child is not None and frame.child.how == "entry":
            self._try(_join(frame.path, attributes["name"]), begin)
        for key in attributes:
            self._try(_join(frame.path, key), begin, key)

    def _try(self, path: str, begin: int, attribute: str | None = None) -> None:
        wanted = self._wanted or ""
        if len(path) > self._best and wanted.startswith(path) and wanted[len(path) : len(path) + 1] in ("", ".", "["):
            self._best = len(path)
            self.found = begin if attribute is None else self._attribute(begin, attribute)

    def _attribute(self, begin: int, name: str) -> int:
        """Where an attribute of the element at `begin` stands."""
        tag = _NAME.match(self._data, begin)
        at = begin if tag is None else tag.end()
        while (found := _ATTRIBUTE.match(self._data, at)) is not None:
            if found[1] == name.encode():
                return found.start(1)
            at = found.end()
        return begin


def _known(things: Iterable[str], what: str) -> str:
    names = ", ".join(things)
    return f"known are: {names}" if names else f"it has no {what}s"


def _join(path: str, field: str) -> str:
    return f"{path}.{field}" if path else field
