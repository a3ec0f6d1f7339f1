"""The table of all routes: what the API offers, and which types validate it."""

from __future__ import annotations

from ..manager.manager import Manager
from .access_routes import access_routes
from .event_routes import event_routes
from .file_routes import file_routes
from .group_routes import group_routes
from .management_routes import management_routes
from .metrics_routes import metrics_routes
from .mom_routes import mom_routes
from .notification_routes import notification_routes
from .openapi_routes import with_openapi
from .partition_routes import partition_routes
from .policy_routes import policy_routes
from .route import Route
from .section_routes import section_routes
from .server_routes import server_routes
from .simulation_routes import simulation_routes
from .start_routes import start_routes


def routes(manager: Manager) -> tuple[Route, ...]:
    """All routes, on one manager, in the order in which they are told."""
    return with_openapi((
        *group_routes(manager), *policy_routes(manager), *file_routes(manager), *server_routes(manager),
        *partition_routes(manager), *start_routes(manager), *section_routes(manager), *metrics_routes(manager),
        *simulation_routes(manager), *management_routes(manager), *mom_routes(manager),
        *notification_routes(manager), *event_routes(manager), *access_routes(manager),
    ))  # fmt: skip
