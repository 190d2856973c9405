"""The clients for scripts: each call waits for its result. They need no reactor."""

from __future__ import annotations

from sockcrud.client.admin import AdminCalls
from sockcrud.client.blocking import BlockingFace
from sockcrud.client.http_calls import HTTPCalls
from sockcrud.client.members import MembersCalls
from sockcrud.client.messages import MessagesCalls
from sockcrud.client.shop import ShopCalls
from sockcrud.client.users import UsersCalls
from sockcrud.client.way import WayCalls

__all__ = ["Admin", "Members", "Messages", "Shop", "Users", "Way", "Web"]


class Users(UsersCalls, BlockingFace):
    """The users of a server."""


class Messages(MessagesCalls, BlockingFace):
    """The messages of a server."""


class Shop(ShopCalls, BlockingFace):
    """The shop, or one of its services."""


class Way(WayCalls, BlockingFace):
    """The accounts of a company."""


class Members(MembersCalls, BlockingFace):
    """The members."""


class Admin(AdminCalls, BlockingFace):
    """The admin port."""


class Web(HTTPCalls, BlockingFace):
    """Any server that speaks HTTP."""
