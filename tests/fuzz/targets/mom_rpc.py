"""Calls by MOM's RPC, and their answers: XML-RPC."""

from __future__ import annotations

from typing import Any
from xmlrpc.client import Fault, loads

from hpm.host import mom_rpc
from hpm.host.mom_rpc import BadCall

from ..target import Target
from ..words import XML


def run(data: bytes) -> None:
    """What a call says is said back, as an answer."""
    value: Any
    try:
        given, method = mom_rpc._call(data)
        value = [list(given), method]
    except BadCall as error:
        assert len(error.message) < 2000
        value = Fault(1, error.message)
    answer = mom_rpc._text(_known(value))
    try:
        loads(answer, use_builtin_types=True)
    except Fault:
        assert isinstance(value, Fault)


def _known(value: Any) -> Any:
    """Only kinds of values that hpm answers with."""
    if isinstance(value, dict):
        return {name: _known(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_known(one) for one in value]
    return value if value is None or isinstance(value, Fault | str | int | float | bool) else str(value)


TARGET = Target(run, (
    b"<methodCall>", b"</methodCall>", b"<methodName>ping</methodName>", b"<params>", b"</params>", b"<param>",
    b"</param>", b"<value>", b"</value>", b"<string>a</string>", b"<int>1</int>", b"<i8>1</i8>",
    b"<double>1.5</double>",
    b"<boolean>1</boolean>", b"<array><data>", b"</data></array>", b"<struct>", b"</struct>", b"<member>", b"</member>",
    b"<name>a</name>", b"<nil/>", b"<base64>QQ==</base64>", b"<dateTime.iso8601>19980717T14:08:55</dateTime.iso8601>",
    b"<ex:nil/>", b"<bigdecimal>1e999999</bigdecimal>", b"<fault>", b"</fault>", *XML,
))  # fmt: skip
