"""The clients for scripts: each call waits for its result. They need no reactor."""

from __future__ import annotations

from sockcrud.apps.admin.client import AdminCalls
from sockcrud.apps.members.client import MembersCalls
from sockcrud.apps.messages.client import MessagesCalls
from sockcrud.apps.shop.client import ShopCalls
from sockcrud.apps.users.client import UsersCalls
from sockcrud.apps.way.client import WayCalls
from sockcrud.client.blocking import BlockingFace
from sockcrud.client.http_calls import HTTPCalls
from sockcrud.client.lines import LineCalls

__all__ = ["Admin", "Lines", "Members", "Messages", "Shop", "Users", "Way", "Web"]


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


class Lines(LineCalls, BlockingFace):
    """Any server that speaks JSON, a line each."""
