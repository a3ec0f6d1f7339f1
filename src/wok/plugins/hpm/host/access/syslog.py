"""The activity log to the host's syslog, where standard error is not in the journal anyway."""

from __future__ import annotations

import logging
import os
from logging.handlers import SysLogHandler
from pathlib import Path

from ...manager.activity import journal

SOCKET = Path("/dev/log")


def tell_syslog(socket: Path = SOCKET) -> SysLogHandler | None:
    """Send activities to syslog from now on, as facility authpriv; gives the handler.

    None: there is no syslog here, or systemd has our standard error (`JOURNAL_STREAM`), so they are in its journal.
    """
    if "JOURNAL_STREAM" in os.environ or not socket.exists():
        return None
    handler = SysLogHandler(str(socket), facility=SysLogHandler.LOG_AUTHPRIV)
    handler.setFormatter(logging.Formatter("hpm[%(process)d]: %(message)s"))
    journal.addHandler(handler)
    return handler
