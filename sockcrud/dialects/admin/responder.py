"""The admin's dialect as it is served: all of its routes."""

from __future__ import annotations

from sockcrud.dialects.admin import directory, system
from sockcrud.dialects.admin.base import AdminBase
from sockcrud.dialects.routes import Routes


class AdminResponder(AdminBase):
    """The admin behind one connection."""

    routes = Routes((*directory.ROUTES, *system.ROUTES))
