"""What can be done with the clients of the shop, and with their addresses.

The shop's records belong to no company: whoever has logged in may use them.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from attrs import frozen

from sockcrud.access import Access, Principal, logged_in, operation
from sockcrud.apps.shop import values as forms
from sockcrud.apps.shop.records import Address, Client
from sockcrud.errors import NotFound
from sockcrud.records import checked, values
from sockcrud.storage.contract import IStore, RecordStream, Where


@frozen
class Clients:
    """The clients' operations. Any of them fails with NotLoggedIn without a login."""

    access: Access
    store: IStore

    @operation("clients.list", logged_in)
    async def list(self, principal: Principal) -> RecordStream[Client]:
        """Return all clients as they are now."""
        return self.store.stream(Client, peer=principal.address)

    @operation("clients.get", logged_in)
    def get(self, principal: Principal, id: int) -> Awaitable[Client]:
        """Return the client; raise NotFound."""
        return self.store.get(Client, id)

    @operation("clients.exists", logged_in)
    async def exists(self, principal: Principal, id: int) -> bool:
        """Return whether there is such a client."""
        try:
            await self.store.get(Client, id)
        except NotFound:
            return False
        return True

    @operation("clients.create", logged_in)
    async def create(
        self, principal: Principal, name: str, email: str, cpf: str, balance: object
    ) -> Client:
        """Return the new client. Raise Invalid, or Taken (the email, whatever its case, or the
        cpf).
        """
        return await self.store.insert(Client, **_client(name, email, cpf, balance))

    @operation("clients.update", logged_in)
    async def update(
        self,
        principal: Principal,
        id: int,
        name: str,
        email: str,
        cpf: str,
        balance: object,
        expect: int | None = None,
    ) -> Client:
        """Return the changed client. Raise Invalid, NotFound, Taken, or Outdated where it is not at
        `expect`.
        """
        return await self.store.update(Client, id, expect, **_client(name, email, cpf, balance))

    @operation("clients.delete", logged_in)
    async def delete(self, principal: Principal, id: int, expect: int | None = None) -> None:
        """Return when the client is gone, its addresses and its inventory with it. Raise NotFound
        or Outdated.
        """
        await self.store.delete(Client, id, expect)


def _client(name: str, email: str, cpf: object, balance: object) -> dict[str, Any]:
    return checked(
        Client, name=name, email=email, cpf=forms.cpf(cpf), balance=values.money("balance", balance)
    )


@frozen
class Addresses:
    """The addresses' operations. Any of them fails with NotLoggedIn without a login."""

    access: Access
    store: IStore

    @operation("addresses.list", logged_in)
    async def list(
        self, principal: Principal, client_id: int | None = None
    ) -> RecordStream[Address]:
        """Return all addresses as they are now, or with those of one client: none where there is no
        such client.
        """
        where = None if client_id is None else Where("client_id", client_id)
        return self.store.stream(Address, where=where, peer=principal.address)

    @operation("addresses.create", logged_in)
    async def create(
        self,
        principal: Principal,
        client_id: int,
        state: str,
        city: str,
        street: str,
        number: int,
        cep: str,
    ) -> Address:
        """Return the new address. Raise Invalid, or NotFound where the client does not exist."""
        fields = _address(state, city, street, number, cep)
        return await self.store.insert(Address, **checked(Address, client_id=client_id), **fields)

    @operation("addresses.update", logged_in)
    async def update(
        self,
        principal: Principal,
        id: int,
        state: str,
        city: str,
        street: str,
        number: int,
        cep: str,
        expect: int | None = None,
    ) -> Address:
        """Return the changed address, still its client's. Raise Invalid, NotFound or Outdated."""
        return await self.store.update(
            Address, id, expect, **_address(state, city, street, number, cep)
        )

    @operation("addresses.delete", logged_in)
    async def delete(self, principal: Principal, id: int, expect: int | None = None) -> None:
        """Return when the address is gone. Raise NotFound or Outdated."""
        await self.store.delete(Address, id, expect)


def _address(state: str, city: str, street: str, number: int, cep: object) -> dict[str, Any]:
    return checked(
        Address, state=state, city=city, street=street, number=number, cep=forms.cep(cep)
    )
