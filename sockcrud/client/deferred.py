"""The clients for programs on Twisted, whose methods give Deferreds. Import them from `sockcrud.client`."""

from __future__ import annotations

from sockcrud.client.admin import AdminCalls
from sockcrud.client.asynchronous import AsynchronousFace
from sockcrud.client.http_calls import HTTPCalls
from sockcrud.client.members import MembersCalls
from sockcrud.client.messages import MessagesCalls
from sockcrud.client.shop import ShopCalls
from sockcrud.client.users import UsersCalls
from sockcrud.client.way import WayCalls

__all__ = ["Admin", "Members", "Messages", "Shop", "Users", "Way", "Web"]


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
