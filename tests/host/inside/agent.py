"""Runs in the machine, as root: does what comes in at a virtio port, one JSON object a line, and answers likewise.

Request: {"id", "command": [words], "stdin", "seconds"}. Answer: {"id", "exit", "stdout", "stderr"}; `exit` is
negative for a signal, and None if the time was up (then the command and its children were killed).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from typing import Any

PORT = "/dev/virtio-ports/org.hpm.host"


def do(request: dict[str, Any]) -> dict[str, Any]:
    """Run one command to its end; never raises for what the command does."""
    try:
        process = subprocess.Popen(
            request["command"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            errors="replace", start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        return {"id": request["id"], "exit": 127, "stdout": "", "stderr": str(error)}
    code: int | None
    try:
        out, err = process.communicate(request["stdin"], timeout=request["seconds"])
        code = process.returncode
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        code = None
    return {"id": request["id"], "exit": code, "stdout": out, "stderr": err}


def main() -> None:
    port = os.open(PORT, os.O_RDWR)
    pending = b""
    while True:
        piece = os.read(port, 65536)
        if not piece:  # nobody is connected outside
            time.sleep(0.1)
            continue
        *lines, pending = (pending + piece).split(b"\n")
        for line in lines:
            answer = json.dumps(do(json.loads(line))).encode() + b"\n"
            while answer:
                answer = answer[os.write(port, answer) :]


if __name__ == "__main__":
    main()
