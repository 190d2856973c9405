"""The clients of the shop, and their addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sockcrud.apps.shop.dialect.base import (
    CREATED,
    ETAG,
    MESSAGE,
    SESSIONS,
    UPDATES,
    ShopService,
    health_at,
    one,
)
from sockcrud.apps.shop.records import Address, Client
from sockcrud.apps.shop.service.clients import Addresses, Clients
from sockcrud.identity.directory import Logins
from sockcrud.protocols.http.connection import HTTPFactory, Response
from sockcrud.rest.fields import required, sent_as
from sockcrud.rest.lists import each, list_response
from sockcrud.rest.openapi import Part
from sockcrud.rest.routed import Call, Terms, json_response
from sockcrud.rest.routes import route
from sockcrud.rest.schemas import (
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
from sockcrud.serving import Serving

_CLIENT_FIELDS: Final = ("name", "email", "cpf", "balance")
_ADDRESS_FIELDS: Final = ("state", "city", "street", "number")


_CLIENT: Final = an_object(fields_of(Client, "id", "name", "email", "cpf", balance=MONEY_SHOWN))
_CLIENT_IN: Final = an_object(
    fields_of(Client, "name", "email", cpf=CPF_TAKEN, balance=MONEY_TAKEN)
)
_ADDRESS: Final = an_object(
    fields_of(Address, "id", "client_id", *_ADDRESS_FIELDS, "cep", CEP=field_of(Address, "cep"))
)
_ADDRESS_CHANGES: Final = {
    **an_object(
        fields_of(Address, *_ADDRESS_FIELDS, CEP=CEP_TAKEN, cep=CEP_TAKEN), _ADDRESS_FIELDS
    ),
    "anyOf": [{"required": ["CEP"]}, {"required": ["cep"]}],
}
_ADDRESS_IN: Final = {
    **_ADDRESS_CHANGES,
    "properties": {**fields_of(Address, "client_id"), **_ADDRESS_CHANGES["properties"]},
    "required": ["client_id", *_ADDRESS_FIELDS],
}


class ClientsResponder(ShopService):
    """The service of the clients behind one connection."""

    def __init__(
        self,
        clients: Clients,
        addresses: Addresses,
        logins: Logins,
        address: str,
        terms: Terms | None = None,
    ) -> None:
        super().__init__("clients", logins, address, terms)
        self._clients = clients
        self._addresses = addresses

    # Clients

    @route(
        "POST",
        "/clients/create",
        "Create a client",
        {201: CREATED},
        errors=(409,),
        body=_CLIENT_IN,
        once=True,
        headers=ETAG,
    )
    async def create(self, call: Call) -> Response:
        fields = _client_in(call)
        return await call.once(
            lambda: self._clients.create(call.principal, **fields),
            lambda client: one(client.rev, {"msg": "Client created", "id": client.id}, 201),
        )

    @route("GET", "/clients/fetch", "List the clients", {200: a_list(_CLIENT)})
    async def fetch_all(self, call: Call) -> Response:
        return await list_response(
            await self._clients.list(call.principal), b"[", _render_clients, b"]"
        )

    @route(
        "GET", "/clients/fetch/{id}", "Show a client", {200: _CLIENT}, errors=(404,), headers=ETAG
    )
    async def fetch(self, call: Call) -> Response:
        client = await self._clients.get(call.principal, call.id)
        return one(client.rev, _render_client(client))

    @route(
        "PUT",
        "/clients/update/{id}",
        "Change a client",
        {200: MESSAGE},
        errors=(404, 409),
        body=_CLIENT_IN,
        **UPDATES,
    )
    async def update(self, call: Call) -> Response:
        fields = _client_in(call)
        client = await call.if_match(
            lambda rev: self._clients.update(call.principal, call.id, **fields, expect=rev)
        )
        return one(client.rev, {"msg": "Client updated"})

    @route(
        "DELETE",
        "/clients/delete/{id}",
        "Delete a client, its addresses and its inventory",
        {200: MESSAGE},
        errors=(404,),
        if_match=True,
    )
    async def delete(self, call: Call) -> Response:
        await call.if_match(lambda rev: self._clients.delete(call.principal, call.id, rev))
        return json_response(200, {"msg": "Client deleted"})

    @route(
        "GET",
        "/clients/exists/{id}",
        "Return whether there is such a client",
        {200: an_object({"status": FLAG})},
    )
    async def exists(self, call: Call) -> Response:
        return json_response(200, {"status": await self._clients.exists(call.principal, call.id)})

    # Addresses

    @route(
        "POST",
        "/address/create",
        "Create an address of a client",
        {201: CREATED},
        errors=(404,),
        body=_ADDRESS_IN,
        once=True,
        headers=ETAG,
    )
    async def create_address(self, call: Call) -> Response:
        fields = call.fields()
        client_id = required(fields, "client_id")
        address_in = _address_in(fields)
        with sent_as(_postal_code_name(fields), "cep"):
            return await call.once(
                lambda: self._addresses.create(call.principal, client_id, **address_in),
                lambda address: one(address.rev, {"msg": "Address created", "id": address.id}, 201),
            )

    @route("GET", "/address/fetch", "List the addresses", {200: a_list(_ADDRESS)})
    @route(
        "GET",
        "/address/fetch/{client_id}",
        "List the addresses of a client",
        {200: a_list(_ADDRESS)},
    )
    async def fetch_addresses(self, call: Call) -> Response:
        stream = await self._addresses.list(call.principal, call.parameters.get("client_id"))
        return await list_response(stream, b"[", _render_addresses, b"]")

    @route(
        "PUT",
        "/address/update/{id}",
        "Change an address",
        {200: MESSAGE},
        errors=(404,),
        body=_ADDRESS_CHANGES,
        **UPDATES,
    )
    async def update_address(self, call: Call) -> Response:
        sent = call.fields()
        fields = _address_in(sent)
        with sent_as(_postal_code_name(sent), "cep"):
            address = await call.if_match(
                lambda rev: self._addresses.update(call.principal, call.id, **fields, expect=rev)
            )
        return one(address.rev, {"msg": "Address updated"})

    @route(
        "DELETE",
        "/address/delete/{id}",
        "Delete an address",
        {200: MESSAGE},
        errors=(404,),
        if_match=True,
    )
    async def delete_address(self, call: Call) -> Response:
        await call.if_match(lambda rev: self._addresses.delete(call.principal, call.id, rev))
        return json_response(200, {"msg": "Address deleted"})

    health = health_at("/clients/health")
    health_of_addresses = health_at("/address/health")


def _client_in(call: Call) -> dict[str, Any]:
    fields = call.fields()
    return {name: required(fields, name) for name in _CLIENT_FIELDS}


def _render_client(client: Client) -> dict[str, Any]:
    return {
        "id": client.id,
        "name": client.name,
        "email": client.email,
        "cpf": client.cpf,
        "balance": f"{client.balance:.2f}",
    }


_render_clients: Final = each(_render_client)


def _postal_code_name(fields: Mapping[str, Any]) -> str:
    """Return which of its two names the postal code is sent under."""
    return "cep" if "cep" in fields else "CEP"


def _address_in(fields: Mapping[str, Any]) -> dict[str, Any]:
    postal_code = required(fields, _postal_code_name(fields))
    return {**{name: required(fields, name) for name in _ADDRESS_FIELDS}, "cep": postal_code}


def _render_address(address: Address) -> dict[str, Any]:
    return {
        "id": address.id,
        "client_id": address.client_id,
        "state": address.state,
        "city": address.city,
        "street": address.street,
        "number": address.number,
        "cep": address.cep,  # the protocol's name
        "CEP": address.cep,  # that of the column in the field
    }


_render_addresses: Final = each(_render_address)


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
        access, store, logins, terms = serving.access, serving.store, serving.logins, serving.terms
        clients, addresses = Clients(access, store), Addresses(access, store)
        super().__init__(
            lambda peer: ClientsResponder(clients, addresses, logins, peer, terms), *serving.http
        )
