"""The clients of the shop, and their addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from sockcrud.apps.shop.dialect.base import CREATED, ETAG, MESSAGE, SESSIONS, ShopService, health, one
from sockcrud.apps.shop.service.clients import Addresses, Clients
from sockcrud.dialects.fields import required, sent_as
from sockcrud.dialects.lists import list_response
from sockcrud.dialects.openapi import Part
from sockcrud.dialects.routed import Call, Terms, json_response
from sockcrud.dialects.routes import Route, Routes
from sockcrud.dialects.schemas import (
    CEP_TAKEN,
    CPF_TAKEN,
    FLAG,
    MONEY_SHOWN,
    MONEY_TAKEN,
    a_list,
    an_object,
    field_of,
    fields_of,
)
from sockcrud.model import Address, Client
from sockcrud.operations.directory import Logins
from sockcrud.serving import Serving
from sockcrud.wire.http import HTTPFactory, Response

_CLIENT_FIELDS: Final = ("name", "email", "cpf", "balance")
_ADDRESS_FIELDS: Final = ("state", "city", "street", "number")


class ClientsResponder(ShopService):
    """The service of the clients behind one connection."""

    def __init__(
        self, clients: Clients, addresses: Addresses, logins: Logins, address: str, terms: Terms | None = None
    ) -> None:
        super().__init__("clients", logins, address, terms)
        self._clients = clients
        self._addresses = addresses

    # Clients

    async def create(self, call: Call) -> Response:
        client = await self._clients.create(call.principal, **_client_in(call))
        return one(client.rev, {"msg": "Client created", "id": client.id}, 201)

    async def fetch(self, call: Call) -> Response:
        client = await self._clients.get(call.principal, call.id)
        return one(client.rev, _client_shown(client))

    async def fetch_all(self, call: Call) -> Response:
        return await list_response(await self._clients.list(call.principal), b"[", _clients_shown, b"]")

    async def update(self, call: Call) -> Response:
        fields = _client_in(call)
        client = await call.if_match(lambda rev: self._clients.update(call.principal, call.id, **fields, expect=rev))
        return one(client.rev, {"msg": "Client updated"})

    async def delete(self, call: Call) -> Response:
        await call.if_match(lambda rev: self._clients.delete(call.principal, call.id, rev))
        return json_response(200, {"msg": "Client deleted"})

    async def exists(self, call: Call) -> Response:
        return json_response(200, {"status": await self._clients.exists(call.principal, call.id)})

    # Addresses

    async def create_address(self, call: Call) -> Response:
        fields = call.fields()
        client_id = required(fields, "client_id")
        with sent_as(_postal_code_name(fields), "cep"):
            address = await self._addresses.create(call.principal, client_id, **_address_in(fields))
        return one(address.rev, {"msg": "Address created", "id": address.id}, 201)

    async def fetch_addresses(self, call: Call) -> Response:
        listing = await self._addresses.list(call.principal, call.parameters.get("client_id"))
        return await list_response(listing, b"[", _addresses_shown, b"]")

    async def update_address(self, call: Call) -> Response:
        sent = call.fields()
        fields = _address_in(sent)
        with sent_as(_postal_code_name(sent), "cep"):
            address = await call.if_match(lambda rev: self._addresses.update(call.principal, call.id, **fields, expect=rev))
        return one(address.rev, {"msg": "Address updated"})

    async def delete_address(self, call: Call) -> Response:
        await call.if_match(lambda rev: self._addresses.delete(call.principal, call.id, rev))
        return json_response(200, {"msg": "Address deleted"})


def _client_in(call: Call) -> dict[str, Any]:
    fields = call.fields()
    return {name: required(fields, name) for name in _CLIENT_FIELDS}


def _client_shown(client: Client) -> dict[str, Any]:
    return {
        "id": client.id,
        "name": client.name,
        "email": client.email,
        "cpf": client.cpf,
        "balance": f"{client.balance:.2f}",
    }


def _clients_shown(clients: Sequence[Client]) -> bytes:
    return orjson.dumps([_client_shown(client) for client in clients])[1:-1]


def _postal_code_name(fields: Mapping[str, Any]) -> str:
    """Return which of its two names the postal code is sent under."""
    return "cep" if "cep" in fields else "CEP"


def _address_in(fields: Mapping[str, Any]) -> dict[str, Any]:
    postal_code = required(fields, _postal_code_name(fields))
    return {**{name: required(fields, name) for name in _ADDRESS_FIELDS}, "cep": postal_code}


def _address_shown(address: Address) -> dict[str, Any]:
    return {
        "id": address.id,
        "client_id": address.client_id,
        "state": address.state,
        "city": address.city,
        "street": address.street,
        "number": address.number,
        "cep": address.cep,  # the document's name
        "CEP": address.cep,  # that of the column in the field
    }


def _addresses_shown(addresses: Sequence[Address]) -> bytes:
    return orjson.dumps([_address_shown(address) for address in addresses])[1:-1]


_CLIENT: Final = an_object(fields_of(Client, "id", "name", "email", "cpf", balance=MONEY_SHOWN))
_CLIENT_IN: Final = an_object(fields_of(Client, "name", "email", cpf=CPF_TAKEN, balance=MONEY_TAKEN))
_ADDRESS: Final = an_object(fields_of(Address, "id", "client_id", *_ADDRESS_FIELDS, "cep", CEP=field_of(Address, "cep")))
_ADDRESS_CHANGES: Final = {
    **an_object(fields_of(Address, *_ADDRESS_FIELDS, CEP=CEP_TAKEN, cep=CEP_TAKEN), _ADDRESS_FIELDS),
    "anyOf": [{"required": ["CEP"]}, {"required": ["cep"]}],
}
_ADDRESS_IN: Final = {
    **_ADDRESS_CHANGES,
    "properties": {**fields_of(Address, "client_id"), **_ADDRESS_CHANGES["properties"]},
    "required": ["client_id", *_ADDRESS_FIELDS],
}

ClientsResponder.routes = Routes(
    [
        Route(
            "POST",
            "/clients/create",
            ClientsResponder.create,
            "Create a client",
            {201: CREATED},
            errors=(409,),
            body=_CLIENT_IN,
            headers=ETAG,
        ),
        Route("GET", "/clients/fetch", ClientsResponder.fetch_all, "List the clients", {200: a_list(_CLIENT)}),
        Route(
            "GET",
            "/clients/fetch/{id}",
            ClientsResponder.fetch,
            "Show a client",
            {200: _CLIENT},
            errors=(404,),
            headers=ETAG,
        ),
        Route(
            "PUT",
            "/clients/update/{id}",
            ClientsResponder.update,
            "Change a client",
            {200: MESSAGE},
            errors=(404, 409),
            body=_CLIENT_IN,
            if_match=True,
            headers=ETAG,
        ),
        Route(
            "DELETE",
            "/clients/delete/{id}",
            ClientsResponder.delete,
            "Delete a client, its addresses and its inventory",
            {200: MESSAGE},
            errors=(404,),
            if_match=True,
        ),
        Route(
            "GET",
            "/clients/exists/{id}",
            ClientsResponder.exists,
            "Tell whether there is such a client",
            {200: an_object({"status": FLAG})},
        ),
        Route(
            "POST",
            "/address/create",
            ClientsResponder.create_address,
            "Create an address of a client",
            {201: CREATED},
            errors=(404,),
            body=_ADDRESS_IN,
            headers=ETAG,
        ),
        Route("GET", "/address/fetch", ClientsResponder.fetch_addresses, "List the addresses", {200: a_list(_ADDRESS)}),
        Route(
            "GET",
            "/address/fetch/{client_id}",
            ClientsResponder.fetch_addresses,
            "List the addresses of a client",
            {200: a_list(_ADDRESS)},
        ),
        Route(
            "PUT",
            "/address/update/{id}",
            ClientsResponder.update_address,
            "Change an address",
            {200: MESSAGE},
            errors=(404,),
            body=_ADDRESS_CHANGES,
            if_match=True,
            headers=ETAG,
        ),
        Route(
            "DELETE",
            "/address/delete/{id}",
            ClientsResponder.delete_address,
            "Delete an address",
            {200: MESSAGE},
            errors=(404,),
            if_match=True,
        ),
        health("/clients/health"),
        health("/address/health"),
    ]
)

PART: Final = Part(
    "clients",
    "Clients of the shop, and where they live",
    ClientsResponder.routes,
    ClientsResponder.error_body,
    ("clients", "shop"),
    SESSIONS,
)


class ClientsFactory(HTTPFactory):
    """Makes the connections of the clients service."""

    def __init__(self, serving: Serving) -> None:
        gate, store, logins, terms = serving.gate, serving.store, serving.logins, serving.terms
        clients, addresses = Clients(gate, store), Addresses(gate, store)
        super().__init__(lambda peer: ClientsResponder(clients, addresses, logins, peer, terms), *serving.http)
