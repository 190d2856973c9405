"""The clients for programs on Twisted, whose methods give Deferreds. Import them from
`sockcrud.client`.
"""

from __future__ import annotations

from sockcrud.apps.admin.client import AdminCalls
from sockcrud.apps.members.client import MembersCalls
from sockcrud.apps.messages.client import MessagesCalls
from sockcrud.apps.shop.client import ShopCalls
from sockcrud.apps.users.client import UsersCalls
from sockcrud.apps.way.client import WayCalls
from sockcrud.client.asynchronous import AsynchronousFace
from sockcrud.client.http_calls import HTTPCalls
from sockcrud.client.lines import LineCalls

__all__ = ["Admin", "Lines", "Members", "Messages", "Shop", "Users", "Way", "Web"]


class Users(UsersCalls, AsynchronousFace):
    """The users of a server."""


class Messages(MessagesCalls, AsynchronousFace):
    """The messages of a server."""


class Shop(ShopCalls, AsynchronousFace):
    """The shop, or one of its services."""


class Way(WayCalls, AsynchronousFace):
    """The accounts of a company."""


class Members(MembersCalls, AsynchronousFace):
    """The members."""


class Admin(AdminCalls, AsynchronousFace):
    """The admin port."""


class Web(HTTPCalls, AsynchronousFace):
    """Any server that speaks HTTP."""


class Lines(LineCalls, AsynchronousFace):
    """Any server that speaks JSON, a line each."""
