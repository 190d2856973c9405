# mypy: allow-untyped-calls
"""Every operation of the shop, through both faces, at the real daemon."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any, Final

import pytest

from sockcrud.apps.shop.client import Address, Client, Item, Product
from sockcrud.client import errors
from tests.client.client_kit import Face, Served, Watched, a_daemon, both_faces, have, not_called
from tests.support.awaiting import awaits

PASSWORD: Final = "correct horse battery"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with a_daemon(tmp_path_factory.mktemp("daemon")) as running:
        yield running


@both_faces
@awaits
async def test_the_shop(face: Face, served: Served) -> None:
    async with face.client("Shop", served.at("shop")) as client:
        shop = Watched(face, "Shop", client)
        for service in ("clients", "address", "products", "inventory", "user"):
            assert await have(shop.health(service)) == "The service is running"
        with pytest.raises(errors.NotLoggedIn) as outside:
            await have(shop.clients())
        assert outside.value.status == 401
        await have(shop.sign_up(f"shop-{face.name}", PASSWORD))
        with pytest.raises(errors.AlreadyExists):
            await have(shop.sign_up(f"shop-{face.name}", PASSWORD))
        with pytest.raises(errors.LoginFailed):
            await have(shop.log_in(f"shop-{face.name}", "wrong password"))
        assert client.token is None
        await have(shop.log_in(f"shop-{face.name}", PASSWORD))
        rita = await clients(shop)
        await addresses(shop, rita)
        pen = await products(shop)
        await inventory(shop, rita, pen)
        await have(shop.delete_client(rita))
        await have(shop.delete_product(pen))
        assert (await have(shop.fetch("GET", "/clients/fetch"))).status == 401
        token = client.token
        await have(shop.log_out())
        assert client.token is None
        client.token = token
        with pytest.raises(errors.NotLoggedIn):
            await have(shop.clients())


async def clients(shop: Any) -> int:
    """Try what there is for clients, and leave one."""
    rita: int = await have(
        shop.create_client("Rita", "rita@example.org", "12345678901", Decimal("30.25"))
    )
    with pytest.raises(errors.AlreadyExists):
        await have(shop.create_client("Rita", "rita@example.org", "12345678902", 1))
    with pytest.raises(errors.InvalidRequest, match="balance"):
        await have(shop.create_client("Rui", "rui@example.org", "12345678902", Decimal("0.001")))
    found = await have(shop.client(rita))
    assert found == Client(
        rita, "Rita", "rita@example.org", "123.456.789-01", Decimal("30.25"), found.rev
    )
    await have(
        shop.update_client(
            rita, "Rita", "rita@example.org", "12345678901", Decimal("99999999.99"), rev=found.rev
        )
    )
    with pytest.raises(errors.Outdated) as outdated:
        await have(
            shop.update_client(rita, "Rita", "rita@example.org", "12345678901", "1", rev=found.rev)
        )
    assert outdated.value.status == 412
    assert [each.balance for each in await have(shop.clients())] == [Decimal("99999999.99")]
    assert await have(shop.client_exists(rita)) is True
    assert await have(shop.client_exists(4711)) is False
    with pytest.raises(errors.NotFound):
        await have(shop.client(4711))
    return rita


async def addresses(shop: Any, client: int) -> None:
    home = await have(shop.create_address(client, "SP", "São Paulo", "Rua A", 3, "01310100"))
    shown = Address(home, client, "SP", "São Paulo", "Rua A", 3, "01310-100")
    assert await have(shop.addresses()) == [shown]
    assert await have(shop.addresses(client)) == [shown]
    await have(shop.update_address(home, "RJ", "Rio", "Rua B", 4, "01310-100"))
    assert [each.city for each in await have(shop.addresses(client))] == ["Rio"]
    with pytest.raises(errors.Outdated):
        await have(shop.delete_address(home, rev=1))
    await have(shop.delete_address(home))
    assert await have(shop.addresses(client)) == []


async def products(shop: Any) -> int:
    """Try what there is for products, and leave one."""
    pen: int = await have(shop.create_product("pen", "writes", 5, "2.50"))
    found = await have(shop.product(pen))
    assert found == Product(pen, "pen", "writes", 5, Decimal("2.50"), True, found.rev)
    await have(shop.update_product(pen, "pen", "writes", 4, 3, False, rev=found.rev))
    (changed,) = await have(shop.products())
    assert (changed.quantity, changed.price, changed.status) == (4, Decimal(3), False)
    assert await have(shop.product_exists(pen)) == "pen"
    assert await have(shop.product_exists(4711)) is None
    return pen


async def inventory(shop: Any, client: int, product: int) -> None:
    bought = await have(shop.add_item(client, product, 2, date(2024, 11, 1)))
    assert await have(shop.items(client)) == [Item(bought, product, "pen", 2, date(2024, 11, 1))]
    await have(shop.remove_item(bought))
    with pytest.raises(errors.NotFound):
        await have(shop.remove_item(bought))
    for owner, type in ((client, "client"), (product, "product")):
        await have(shop.add_item(client, product, 2, "2024-11-01"))
        await have(shop.remove_items(owner, type))
        assert await have(shop.items(client)) == []


@both_faces
@awaits
async def test_the_shop_at_the_ports_of_its_services(face: Face, served: Served) -> None:
    async with face.client("Shop", served.at("auth")) as auth:
        await have(auth.sign_up(f"ports-{face.name}", PASSWORD))
        await have(auth.log_in(f"ports-{face.name}", PASSWORD))
        token = auth.token
    for service, operation in (("clients", "clients"), ("products", "products")):
        async with face.client("Shop", served.at(service)) as shop:
            shop.token = token
            assert isinstance(await have(getattr(shop, operation)()), list)
    async with face.client("Shop", served.at("inventory")) as shop:
        shop.token = token
        assert await have(shop.items(1)) == []


@both_faces
def test_every_operation_was_called(face: Face) -> None:
    assert [each for kind in ("Shop",) for each in not_called(face, kind)] == []
