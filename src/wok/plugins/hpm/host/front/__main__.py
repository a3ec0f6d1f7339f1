"""The front as `supervising` starts it: ``python -m hpm.host.front SETTINGS``, settings as JSON."""

from __future__ import annotations

import sys

import msgspec

from ...errors import HpmError
from .process import run
from .settings import FrontSettings

try:
    run(msgspec.json.decode(sys.argv[1], type=FrontSettings))
except (HpmError, OSError) as error:
    sys.exit(f"the web front cannot start: {error}")
