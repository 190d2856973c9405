"""The checks of the shop: each service on its own port, and all of them on one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

from sockcrud.apps.shop.check_parts import ClientsPart, Connected, InventoryPart, ProductsPart
from sockcrud.apps.shop.client import Service
from sockcrud.client import Shop
from sockcrud.client.errors import Forbidden, NotLoggedIn
from sockcrud.monitor.checks.base import Kit, Mark, SystemCheck, expect_refusal, guarded, step
from sockcrud.monitor.checks.steps import Skipped, Step, Wrong

_HEALTH: Final[dict[str, tuple[Service, ...]]] = {
    "clients": ("clients", "address"),
    "products": ("products",),
    "inventory": ("inventory",),
    "auth": ("user",),
    "shop": ("clients", "address", "products", "inventory", "user"),
}
_DOORS: Final = ("auth", "shop")
"""Where people log in, best first."""


def _not_logged_in(check: ShopCheck) -> str:
    return "nobody is logged in" if check.token is None else ""


class ShopCheck(SystemCheck):
    """Logs in, does what the dialect is for, logs out, and sees that the token is dead.

    A service without logins of its own takes the token of `auth`, or of `shop` where that is off;
    without either, only its health is asked for.
    """

    def __init__(self, kit: Kit) -> None:
        super().__init__(kit)
        self._clients = ClientsPart(kit.mark)
        self._products = ProductsPart(kit.mark)
        self._inventory = InventoryPart(Mark(kit.own.login, f"{kit.name}.items"))
        self.is_door = kit.name in _DOORS
        self.token: str | None = None
        self._live = False
        """Whether the token is that of a session that may not have ended."""

    def begin(self) -> None:
        self.token, self._live = None, False
        self._door_name = self.name if self.is_door else self.kit.ports.first_on(*_DOORS)

    def left(self) -> Sequence[Callable[[], Awaitable[object]]]:
        parts = (self._inventory, self._clients, self._products)
        return [
            *(work for part in parts for work in part.left()),
            *([self._see_to_logout] if self._live else []),
        ]

    def part_steps(self) -> Sequence[Step]:
        at, lacks = partial(self._at_port, self.name), partial(_not_logged_in, self)
        steps = (
            *(self._clients.begin(at) if self.name in ("clients", "shop") else ()),
            *(self._products.begin(at) if self.name in ("products", "shop") else ()),
            *(
                self._inventory.begin(at, *self._makers())
                if self.name in ("inventory", "shop")
                else ()
            ),
        )
        return [guarded(step, lacks) for step in steps]

    def _makers(self) -> tuple[Connected | None, Connected | None]:
        """Return where the inventory's check gets a client and a product from."""
        if self.name == "shop":
            return partial(self._at_port, "shop"), partial(self._at_port, "shop")
        clients, products = (
            self.kit.ports.first_on(name, "shop") for name in ("clients", "products")
        )
        return clients and partial(self._at_port, clients), products and partial(
            self._at_port, products
        )  # type: ignore[return-value]

    def _at_port(self, dialect: str) -> Shop:
        """Return the client of a port, which brings the token that there is."""
        client = self.open(Shop, dialect)
        client.token = self.token
        return client

    @property
    def _at(self) -> Shop:
        return self._at_port(self.name)

    @property
    def _door(self) -> Shop | None:
        return None if self._door_name is None else self._at_port(self._door_name)

    @step("ask for its health")
    async def _ask_for_health(self) -> None:
        for service in _HEALTH[self.name]:
            if not await self._at.health(service):
                raise Wrong(f"a wrong answer: the health of {service} is nothing")

    @step("sign up", when=lambda check: check.is_door)
    async def _sign_up(self) -> None:
        """Make the account, or have it refused because there is one, which proves as much."""
        try:
            await self.kit.own.sign_up(self._at.sign_up)
        except Forbidden as error:
            raise Skipped(f"sign-up is closed: {error}") from None

    @step("log in")
    async def _log_in(self) -> None:
        door = self._door
        if door is None:
            raise Skipped("neither auth nor shop is on: there is nowhere to log in")
        await self.kit.own.log_in(door.log_in, door.sign_up)
        self.token, self._live = door.token, True

    @step("log out", lacks=_not_logged_in, last=True)
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

    @step("use the dead token", lacks=_not_logged_in, last=True)
    async def _use_the_dead_token(self) -> None:
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
