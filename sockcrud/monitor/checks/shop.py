"""The checks of the shop: each service on its own port, and all of them on one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from sockcrud.client import Shop
from sockcrud.client.errors import Forbidden, NotLoggedIn
from sockcrud.client.shop import Service
from sockcrud.monitor.accounts import OwnAccount
from sockcrud.monitor.checks.common import Mark, Take, all_of, expect_refusal, unless
from sockcrud.monitor.checks.shop_parts import ClientsPart, Connected, InventoryPart, ProductsPart
from sockcrud.monitor.ports import Ports
from sockcrud.monitor.steps import Skipped, Step, Wrong

NAMES: Final = ("clients", "products", "inventory", "auth", "shop")
_HEALTH: Final[dict[str, tuple[Service, ...]]] = {
    "clients": ("clients", "address"),
    "products": ("products",),
    "inventory": ("inventory",),
    "auth": ("user",),
    "shop": ("clients", "address", "products", "inventory", "user"),
}
_DOORS: Final = ("auth", "shop")
"""Where people log in, best first."""


class ShopCheck:
    """Logs in, does what the dialect is for, logs out, and sees that the token is dead.

    A service without logins of its own takes the token of `auth`, or of `shop` where that is off; without either, only its
    health is asked for.
    """

    def __init__(self, name: str, ports: Ports, account: OwnAccount, mark: Mark) -> None:
        self.name = name
        self._ports = ports
        self._account = account
        self._clients = ClientsPart(mark)
        self._products = ProductsPart(mark)
        self._inventory = InventoryPart(Mark(mark.account, f"{mark.dialect}.items"))
        self._opened: dict[str, Shop] = {}
        self._token: str | None = None
        self._live = False
        """Whether the token is that of a session that may not have ended."""

    def steps(self) -> Sequence[Step]:
        self._token, self._live = None, False
        self._door_name = self.name if self.name in _DOORS else self._ports.first_on(*_DOORS)
        sign_up = [Step("sign up", self._sign_up)] if self.name in _DOORS else []
        parts = [Step(step.name, self._logged_in(step.take)) for step in self._parts()]
        return (
            Step("ask for its health", self._ask_for_health),
            *sign_up,
            Step("log in", self._log_in),
            *parts,
            Step("log out", self._logged_in(self._log_out)),
            Step("use the dead token", self._logged_in(self._use_the_dead_token)),
        )

    async def clean_up(self) -> str:
        await self._close()  # what was asked for and not answered keeps the old connections busy
        try:
            wrong = [await part.clean_up() for part in (self._inventory, self._clients, self._products)]
            if self._live:
                wrong.append(await all_of(self._see_to_logout))
            return "; ".join(dict.fromkeys(each for each in wrong if each))
        finally:
            await self._close()

    async def _close(self) -> None:
        opened, self._opened = self._opened, {}
        for client in opened.values():
            await client.close()

    def _open(self, dialect: str) -> Shop:
        """Give the client of a port, the same one until it is closed."""
        if dialect not in self._opened:
            self._opened[dialect] = self._ports.shop(dialect)
            self._opened[dialect].token = self._token
        return self._opened[dialect]

    @property
    def _at(self) -> Shop:
        return self._open(self.name)

    @property
    def _door(self) -> Shop | None:
        return None if self._door_name is None else self._open(self._door_name)

    def _parts(self) -> Sequence[Step]:
        at = partial(self._open, self.name)
        return (
            *(self._clients.begin(at) if self.name in ("clients", "shop") else ()),
            *(self._products.begin(at) if self.name in ("products", "shop") else ()),
            *(self._inventory.begin(at, *self._makers()) if self.name in ("inventory", "shop") else ()),
        )

    def _makers(self) -> tuple[Connected | None, Connected | None]:
        """Give where the inventory's check gets a client and a product from."""
        if self.name == "shop":
            return partial(self._open, "shop"), partial(self._open, "shop")
        clients, products = (self._ports.first_on(name, "shop") for name in ("clients", "products"))
        return clients and partial(self._open, clients), products and partial(self._open, products)  # type: ignore[return-value]

    def _logged_in(self, take: Take) -> Take:
        return unless(lambda: "nobody is logged in" if self._token is None else "", take)

    async def _ask_for_health(self) -> None:
        for service in _HEALTH[self.name]:
            if not await self._at.health(service):
                raise Wrong(f"a wrong answer: the health of {service} is nothing")

    async def _sign_up(self) -> None:
        """Make the account, or have it refused because there is one, which proves as much."""
        try:
            await self._account.sign_up(self._at.sign_up)
        except Forbidden as error:
            raise Skipped(f"sign-up is closed: {error}") from None

    async def _log_in(self) -> None:
        door = self._door
        if door is None:
            raise Skipped("neither auth nor shop is on: there is nowhere to log in")
        await self._account.log_in(door.log_in, door.sign_up)
        self._token, self._live = door.token, True
        for client in self._opened.values():
            client.token = self._token

    async def _log_out(self) -> None:
        door = self._door
        if door is not None:
            await door.log_out()
        self._live = False

    async def _see_to_logout(self) -> None:
        try:
            await self._log_out()
        except NotLoggedIn:
            self._live = False

    async def _use_the_dead_token(self) -> None:
        self._at.token = self._token
        await expect_refusal("what is asked with a dead token", self._ask_with_token(), NotLoggedIn)

    async def _ask_with_token(self) -> None:
        if self.name == "auth":
            await self._at.log_out()
        elif self.name == "products":
            await self._at.product(1)
        elif self.name == "inventory":
            await self._at.items(1)
        else:
            await self._at.client(1)
