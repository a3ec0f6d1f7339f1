"""Posting a message to a webhook."""

from __future__ import annotations

import ssl
from http import HTTPStatus
from http.client import HTTPConnection, HTTPSConnection
from urllib.parse import urlsplit

from ...manager.notify.channels import WebhookParcel
from ...version import VERSION
from .job import NotDelivered, place


def post(parcel: WebhookParcel, context: ssl.SSLContext, timeout: float) -> None:
    """Post it. Raises `NotDelivered`, `OSError`, `HTTPException`.

    Redirects are not followed: they would lead where nobody has said. Of the answer only its head is read.
    """
    parts = urlsplit(parcel.url)
    assert parts.hostname is not None
    connection: HTTPConnection
    if parts.scheme == "https":
        connection = HTTPSConnection(parts.hostname, parts.port, timeout=timeout, context=context)
    else:
        connection = HTTPConnection(parts.hostname, parts.port, timeout=timeout)
    headers = {
        "Content-Type": "application/json", "User-Agent": f"hpm/{VERSION}", "Hpm-Delivery": parcel.id,
        "Connection": "close",
    }  # fmt: skip
    if parcel.signature is not None:
        headers["Hpm-Signature"] = parcel.signature
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request("POST", target, parcel.body.encode(), headers)
        response = connection.getresponse()
    finally:
        connection.close()
    if 200 <= response.status < 300:
        return
    said = f"{place(parcel)} answered {response.status}{_meaning(response.status)}"
    if 300 <= response.status < 400:
        said += ", which is no success; redirects are not followed, so set the URL that it leads to"
    raise NotDelivered(said)


def _meaning(status: int) -> str:
    """The usual words for it: those of the server may repeat what is secret in the URL."""
    try:
        return f" {HTTPStatus(status).phrase}"
    except ValueError:
        return ""
