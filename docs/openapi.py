"""Print the OpenAPI document of the API: ``python -m docs.openapi``."""

from __future__ import annotations

import json
import sys
from typing import cast

from hpm.control.openapi import document
from hpm.control.routes import routes
from hpm.manager.manager import Manager

if __name__ == "__main__":
    json.dump(document(routes(cast(Manager, None))), sys.stdout)
