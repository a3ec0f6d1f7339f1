"""One request of the API, and what its answer means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qsl, urlsplit

import msgspec

from ..texts import t
from ..wire.errors import ErrorBody
from .answers import Answer, decode_answer
from .errors import ApiError, BadAnswer, ChangedMeanwhile, NoConnection
from .request import Connection, Request

if TYPE_CHECKING:
    import httpx
    from typing_extensions import Self

T = TypeVar("T")


class Calls:
    """Requests over one connection; the classes of nouns (`client.groups` and others) name them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def text(self, path: str, query: Mapping[str, str] | None = None) -> bytes:
        """The body of an answer as it came: for who keeps it, and need not know what it says."""
        response = self._request("GET", path, query=query)
        with reading():
            return response.read()

    def _get(
        self, path: str, type_: type[T], query: Mapping[str, str] | None = None, unless: str | None = None
    ) -> Answer[T]:
        """`unless`: an ETag; where the object still has it, the answer is `unchanged` and has no body."""
        return _answer(self._request("GET", path, query=query, if_none_match=unless), type_)

    def _post(
        self, path: str, body: object, type_: type[T], if_match: str | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Answer[T]:  # fmt: skip
        return _answer(self._request("POST", path, query=query, body=body, if_match=if_match), type_)

    def _request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object | None = None,
        kind: str = "application/json",
        accept: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
    ) -> httpx.Response:
        """One request; a `body` of bytes is sent as it is, as one of that `kind`."""
        said = {"If-Match": if_match, "If-None-Match": if_none_match, "Accept": accept}
        headers = {name: text for name, text in said.items() if text is not None}
        if body is not None:
            headers["Content-Type"] = kind
        text = body if body is None or isinstance(body, bytes) else msgspec.json.encode(body)
        request = Request(method, self._connection.base_path + path, query or {}, text, headers)
        response = self._connection.send(request)
        if response.status_code == 304 and if_none_match is not None:
            return response
        return self._checked(response)

    @staticmethod
    def _checked(response: httpx.Response) -> httpx.Response:
        """The answer, if it is not a refusal. Raises `ApiError`, `BadAnswer`."""
        if not response.is_success:
            with reading():
                response.read()
            raise _refusal(response)
        return response


@contextmanager
def reading() -> Iterator[None]:
    """A body is read. Raises `NoConnection` where it breaks off, `BadAnswer` where its coding is none."""
    import httpx

    try:
        yield
    except httpx.TransportError as error:
        raise NoConnection(t("the connection to hpm broke ({error})", error=error)) from None
    except httpx.DecodingError as error:
        raise BadAnswer(t("the answer is not in the coding that it says: {error}", error=error)) from None


def text_query(query: msgspec.Struct | None) -> dict[str, str]:
    """A query as the parameters of a URI."""
    asked = {} if query is None else msgspec.to_builtins(query)
    return {name: str(value) for name, value in asked.items() if value is not None}


def query_of(following: str) -> dict[str, str]:
    """The parameters of the URI of the next page. Only they are taken: the path is ours, also where a proxy made it
    another."""
    return dict(parse_qsl(urlsplit(following).query, keep_blank_values=True))


def _answer(response: httpx.Response, type_: type[T]) -> Answer[T]:
    headers = response.headers
    return Answer(response.content, type_, headers.get("ETag"), response.status_code, headers.get("Date"))


def _refusal(response: httpx.Response) -> ApiError | BadAnswer:
    """The error that an answer of 300 and above stands for."""
    try:
        body = decode_answer(response.content, ErrorBody)
    except BadAnswer:
        return BadAnswer(
            t(
                "{url} answered {status} {phrase}, but not in the words of hpm's API; check that this is"
                " the address of hpm",
                url=response.request.url, status=response.status_code, phrase=response.reason_phrase,
            ),
            response.status_code,
        )
    kind = ChangedMeanwhile if response.status_code == 412 else ApiError
    return kind(response.status_code, body.reason, body.message, body.error_details)
