"""Asks PAM once: a program of its own, run by `pam` as ``python -I -S pam_child.py``.

It reads one JSON object (service, directory, user, password, address), and writes another one: `result`, the number
that PAM gave, `stage` (``authenticate`` or ``account``), `user`, as PAM spells it then, and `said`, PAM's words for
the result. Its arguments, if there are any, are the services that may be asked for. It needs nothing but Python's own
library, so it starts quickly.
"""

import ctypes
import json
import os
import sys

PROMPT_ECHO_OFF, PROMPT_ECHO_ON = 1, 2
ITEM_USER, ITEM_TTY, ITEM_RHOST, ITEM_FAIL_DELAY = 2, 3, 4, 10
DISALLOW_NULL_AUTHTOK, SILENT = 1, 0x8000
SUCCESS, BUF_ERR, CONV_ERR = 0, 5, 19


class Message(ctypes.Structure):
    """struct pam_message."""

    _fields_ = [("style", ctypes.c_int), ("text", ctypes.c_char_p)]


class Response(ctypes.Structure):
    """struct pam_response; `text` is PAM's to free."""

    _fields_ = [("text", ctypes.c_void_p), ("code", ctypes.c_int)]


CONVERSE = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_int, ctypes.POINTER(ctypes.POINTER(Message)), ctypes.POINTER(ctypes.c_void_p),
    ctypes.c_void_p,
)  # fmt: skip
DELAY = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p)


class Conversation(ctypes.Structure):
    """struct pam_conv."""

    _fields_ = [("converse", CONVERSE), ("data", ctypes.c_void_p)]


libc = ctypes.CDLL(None)
libc.calloc.restype = libc.strdup.restype = ctypes.c_void_p
libc.calloc.argtypes = [ctypes.c_size_t, ctypes.c_size_t]
libc.strdup.argtypes = [ctypes.c_char_p]


def conversation(password: bytes) -> Conversation:
    """Answers every question that must not be shown with the password. Others nobody could answer here."""

    def converse(count: int, messages: object, responses: object, _data: object) -> int:
        made = libc.calloc(count, ctypes.sizeof(Response))
        if not made:
            return BUF_ERR
        answers = ctypes.cast(made, ctypes.POINTER(Response))
        for number in range(count):
            style = messages[number].contents.style    # type: ignore[index]
            if style == PROMPT_ECHO_OFF:
                answers[number].text = libc.strdup(password)
            elif style == PROMPT_ECHO_ON:
                return CONV_ERR    # what was allocated ends with this process
        responses[0] = made    # type: ignore[index]
        return SUCCESS

    return Conversation(CONVERSE(converse), None)


def ask(question: "dict[str, str | None]") -> "dict[str, object]":
    """Put the question to PAM. Raises OSError where there is no libpam."""
    pam = ctypes.CDLL("libpam.so.0")
    pam.pam_strerror.restype = ctypes.c_char_p
    pam.pam_strerror.argtypes = [ctypes.c_void_p, ctypes.c_int]
    service, directory, user, password, address = (
        (question[name] or "").encode() for name in ("service", "directory", "user", "password", "address")
    )
    handle = ctypes.c_void_p()
    talk = conversation(password)
    if directory:
        result = pam.pam_start_confdir(service, user, ctypes.byref(talk), directory, ctypes.byref(handle))
    else:
        result = pam.pam_start(service, user, ctypes.byref(talk), ctypes.byref(handle))
    if result != SUCCESS:
        return {"result": result, "stage": "start", "user": question["user"], "said": "it did not start"}
    no_delay = DELAY(lambda _result, _microseconds, _data: None)    # hpm throttles; nobody need wait here
    pam.pam_set_item(handle, ITEM_FAIL_DELAY, ctypes.cast(no_delay, ctypes.c_void_p))
    pam.pam_set_item(handle, ITEM_RHOST, address)
    pam.pam_set_item(handle, ITEM_TTY, b"hpm")
    flags = DISALLOW_NULL_AUTHTOK | SILENT
    stage = "authenticate"
    result = pam.pam_authenticate(handle, flags)
    if result == SUCCESS:
        stage = "account"
        result = pam.pam_acct_mgmt(handle, flags)
    said = pam.pam_strerror(handle, result).decode(errors="replace")
    spelled = ctypes.c_char_p()
    if pam.pam_get_item(handle, ITEM_USER, ctypes.byref(spelled)) == SUCCESS and spelled.value:
        name = spelled.value.decode(errors="replace")
    else:
        name = str(question["user"])
    pam.pam_end(handle, result)
    return {"result": result, "stage": stage, "user": name, "said": said}


def asked(text: str, services: "list[str]") -> "dict[str, str | None]":
    """The question in a text. Where `services` are named, whoever asks may have another opinion of what this process
    should do: it asks for one of these, as the host has them. Raises ValueError for everything else."""
    question = json.loads(text)
    fields = ("service", "directory", "user", "password", "address")
    if not isinstance(question, dict) or set(question) != set(fields):
        raise ValueError("it is no question")
    for name in fields:
        value = question[name]
        if not (isinstance(value, str) and len(value) <= 1024) and (name, value) != ("directory", None):
            raise ValueError(f"{name} is none")
    if services and (question["service"] not in services or question["directory"] is not None):
        raise ValueError("only the host's own services are asked for")
    return question


if __name__ == "__main__":
    # Programs that modules start must not hold the pipe open: a copy that they do not get is written to.
    pipe = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    try:
        answer = ask(asked(sys.stdin.read(65536), sys.argv[1:]))
    except (OSError, AttributeError, ValueError) as error:    # no libpam, or one without pam_start_confdir
        answer = {"result": -1, "stage": "start", "user": "", "said": str(error)}
    json.dump(answer, pipe)
    pipe.close()
