"""Who may do what at each route of each HTTP dialect: the one table that the access tests go by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from attrs import Factory, frozen

from sockcrud.identity.passwords import digest_of
from sockcrud.rest.routes import Route
from tests.support.doors_kit import SHOP_PORTS, basic

SECRET: Final = "correct horse"
"""The password of all who are in the table's world."""
NEW: Final = "battery staple"

ACTORS: Final = ("nobody", "user", "admin", "their user", "their admin", "dead", "elsewhere")
"""Those who ask: without a login, as a user and as an admin of the company that is asked about, as
those of another company, with an admin's session that is over, and with an admin's sessions of the
other dialects."""

Outcome = Any
"""A status; where that says nothing, the message of an error, or the names in a list."""


@frozen
class Row:
    """What is asked for at a route, and what each of the actors gets, in their order.

    `of` tells which target each parameter of the path names; the query may name targets in braces.
    """

    outcomes: tuple[Outcome, ...]
    body: object = None
    of: Mapping[str, str] = Factory(dict)
    query: str = ""
    headers: Mapping[str, str] = Factory(dict)

    def target(self, path: str, targets: Mapping[str, int], session: str) -> str:
        """Return what the request line names, at this path of the route."""
        values = {name: str(targets[of]) for name, of in self.of.items()} | {
            "session": session,
            "kind": "clients",
        }
        query = f"?{self.query.format(**targets)}" if self.query else ""
        return path.format(**values) + query


def family(dialect: str) -> str:
    """Return where a dialect's rows stand: the shop's routes are the same at each port that has
    them.
    """
    return "shop" if dialect in SHOP_PORTS else dialect


def rows_of(dialect: str, route: Route) -> tuple[Row, ...]:
    """Return the rows of a route: none where the table lacks it."""
    rows = TABLE.get((family(dialect), route.method, route.path), ())
    return rows if isinstance(rows, tuple) else (rows,)


def session_dialect(dialect: str) -> str:
    """Return the dialect whose sessions work here."""
    return "auth" if dialect in SHOP_PORTS else dialect


def has_targets(row: Row) -> bool:
    """Return whether a record is named outside the body."""
    return bool(row.of) or re.search(r"\{\w+\}", row.query) is not None


def anybody(outcome: Outcome) -> tuple[Outcome, ...]:
    return (outcome,) * 7


def with_token(outcome: Outcome) -> tuple[Outcome, ...]:
    return (401, outcome, outcome, outcome, outcome, 401, 401)


def admins(outcome: Outcome) -> tuple[Outcome, ...]:
    """An admin is one everywhere, so those of other companies are meant too."""
    return (401, 403, outcome, 403, outcome, 401, 401)


_OVER: Final = "A sessão informada é inválida"
_NO_PERMISSION: Final = "Usuário sem permissão"
_NO_SUCH: Final = "Usuário não encontrado"
_OURS: Final = ("root", "anna", "bert")
_THEIRS: Final = ("chef", "carl")
_CLIENT: Final = {
    "name": "Arthur",
    "email": "new@inmetrics.com.br",
    "cpf": "454.090.000-00",
    "balance": 30.25,
}
_ADDRESS: Final = {
    "state": "SP",
    "city": "São Paulo",
    "street": "Paulista",
    "number": 1578,
    "CEP": "01310-200",
}
_PRODUCT: Final = {
    "name": "Pen",
    "description": "blue",
    "quantity": 7,
    "price": 1.5,
    "status": True,
}
_ITEM: Final = {
    "client_id": 1,
    "product_id": 1,
    "number_of_items": 2,
    "purchase_date": "2024-11-01",
}
_LINE: Final = b'{"kind": "Message", "id": 77, "data": "imported"}\n'
_AN_ID: Final = {"id": "account"}

TABLE: Final[Mapping[tuple[str, str, str], Row | tuple[Row, ...]]] = {
    ("shop", "POST", "/clients/create"): Row(with_token(201), _CLIENT),
    ("shop", "GET", "/clients/fetch"): Row(with_token(200)),
    ("shop", "GET", "/clients/fetch/{id}"): Row(with_token(200), of={"id": "client"}),
    ("shop", "PUT", "/clients/update/{id}"): Row(with_token(200), _CLIENT, of={"id": "client"}),
    ("shop", "DELETE", "/clients/delete/{id}"): Row(with_token(200), of={"id": "client"}),
    ("shop", "GET", "/clients/exists/{id}"): Row(with_token(200), of={"id": "client"}),
    ("shop", "POST", "/address/create"): Row(with_token(201), {"client_id": 1, **_ADDRESS}),
    ("shop", "GET", "/address/fetch"): Row(with_token(200)),
    ("shop", "GET", "/address/fetch/{client_id}"): Row(with_token(200), of={"client_id": "client"}),
    ("shop", "PUT", "/address/update/{id}"): Row(with_token(200), _ADDRESS, of={"id": "address"}),
    ("shop", "DELETE", "/address/delete/{id}"): Row(with_token(200), of={"id": "address"}),
    ("shop", "GET", "/clients/health"): Row(anybody(200)),
    ("shop", "GET", "/address/health"): Row(anybody(200)),
    ("shop", "POST", "/products/create"): Row(with_token(201), _PRODUCT),
    ("shop", "GET", "/products/fetch"): Row(with_token(200)),
    ("shop", "GET", "/products/fetch/{id}"): Row(with_token(200), of={"id": "product"}),
    ("shop", "PUT", "/products/update/{id}"): Row(with_token(200), _PRODUCT, of={"id": "product"}),
    ("shop", "DELETE", "/products/delete/{id}"): Row(with_token(200), of={"id": "product"}),
    ("shop", "GET", "/products/exists/{id}"): Row(with_token(200), of={"id": "product"}),
    ("shop", "GET", "/products/health"): Row(anybody(200)),
    ("shop", "POST", "/inventory/add_product"): Row(with_token(201), _ITEM),
    ("shop", "GET", "/inventory/list_products_id/{client_id}"): Row(
        with_token(200), of={"client_id": "client"}
    ),
    ("shop", "DELETE", "/inventory/remove_product/{id}"): Row(with_token(200), of={"id": "item"}),
    ("shop", "DELETE", "/inventory/remove_products"): Row(
        with_token(200), {"remotion_id": 1, "type": "client"}
    ),
    ("shop", "GET", "/inventory/health"): Row(anybody(200)),
    ("shop", "POST", "/user/create"): Row(anybody(201), {"username": "new", "password": NEW}),
    ("shop", "POST", "/user/login"): Row(anybody(200), headers=basic("bert", SECRET)),
    ("shop", "POST", "/user/logout"): Row(with_token(200)),
    ("shop", "GET", "/user/health"): Row(anybody(200)),
    ("way", "POST", "/api/main"): Row(anybody("OK"), {"User": "bert", "Passwd": digest_of(SECRET)}),
    ("way", "DELETE", "/api/main/{session}"): Row((_OVER, "OK", "OK", "OK", "OK", _OVER, _OVER)),
    ("way", "GET", "/api/usuario/{session}"): (
        Row(
            (_OVER, ("anna",), _OURS, _THEIRS, _THEIRS, _OVER, _OVER)
        ),  # anybody may sign up to be one of ours
        Row((_OVER, (), ("bert",), (), (), _OVER, _OVER), query="id={account}"),
    ),
    ("way", "POST", "/api/usuario/{session}"): Row(
        (_OVER, _NO_PERMISSION, "OK", _NO_PERMISSION, "OK", _OVER, _OVER),
        {"UserName": "new", "PassWord": digest_of(NEW), "Ativo": "true"},
    ),
    ("way", "PUT", "/api/usuario/{session}"): (
        Row(
            (_OVER, _NO_PERMISSION, "OK", _NO_PERMISSION, _NO_SUCH, _OVER, _OVER),
            {"UserName": "renamed", "PassWord": digest_of(NEW), "Ativo": "true"},
            query="id={account}",
        ),
        Row(
            (_OVER, _NO_PERMISSION, "OK", _NO_PERMISSION, _NO_SUCH, _OVER, _OVER),
            {"PassWord": digest_of(NEW), "Ativo": "true"},
            query="id={account}",
        ),
        Row(
            (_OVER, _NO_PERMISSION, "OK", _NO_PERMISSION, _NO_SUCH, _OVER, _OVER),
            {},
            query="id={account}",
        ),
    ),
    ("way", "DELETE", "/api/usuario/{session}"): Row(
        (_OVER, _NO_PERMISSION, "OK", _NO_PERMISSION, _NO_SUCH, _OVER, _OVER), query="id={account}"
    ),
    ("members", "POST", "/"): Row(anybody(200), {"email": "bert", "password": SECRET}),
    ("members", "GET", "/"): Row(
        (
            403,
            ("anna",),
            (*_OURS[:2], *_THEIRS, "bert"),
            ("carl",),
            (*_OURS[:2], *_THEIRS, "bert"),
            403,
            403,
        )
    ),
    ("members", "PUT", "/"): Row(anybody(201), {"email": "new@example.org", "password": NEW}),
    ("members", "HEAD", "/"): Row(anybody(200)),
    ("admin", "POST", "/login"): Row(anybody(200), {"login": "bert", "password": SECRET}),
    ("admin", "POST", "/logout"): Row(with_token(204)),
    ("admin", "GET", "/accounts"): Row(admins(200)),
    ("admin", "POST", "/accounts"): (
        Row(admins(201), {"login": "new", "password": NEW}),
        Row(
            admins(201),
            {"login": "new", "password": NEW, "role": "admin", "company_id": 1, "active": True},
        ),
    ),
    ("admin", "GET", "/accounts/{id}"): Row(admins(200), of=_AN_ID),
    ("admin", "PATCH", "/accounts/{id}"): (
        Row(admins(200), {"role": "admin"}, of=_AN_ID),
        Row(admins(200), {"password": NEW}, of=_AN_ID),
        Row(admins(200), {"company_id": 2}, of=_AN_ID),
        Row(admins(200), {"login": "renamed"}, of=_AN_ID),
        Row(admins(200), {"active": False}, of=_AN_ID),
    ),
    ("admin", "DELETE", "/accounts/{id}"): Row(admins(200), of=_AN_ID),
    ("admin", "GET", "/companies"): Row(admins(200)),
    ("admin", "POST", "/companies"): Row(admins(201), {"name": "new"}),
    ("admin", "GET", "/companies/{id}"): Row(admins(200), of={"id": "company"}),
    ("admin", "PATCH", "/companies/{id}"): (
        Row(admins(200), {"name": "renamed"}, of={"id": "company"}),
        Row(admins(200), {"active": False}, of={"id": "company"}),
    ),
    ("admin", "DELETE", "/companies/{id}"): Row(admins(200), of={"id": "company"}),
    ("admin", "GET", "/sessions"): (
        Row(admins(200)),
        Row(admins(200), query="account_id={account}"),
    ),
    ("admin", "DELETE", "/sessions"): Row(admins(200), query="account_id={account}"),
    ("admin", "DELETE", "/sessions/{id}"): Row(admins(204), of={"id": "session"}),
    ("admin", "GET", "/changes"): Row(admins(200), query="since=0"),
    ("admin", "GET", "/export"): (Row(admins(200)), Row(admins(200), query="secrets=yes")),
    ("admin", "POST", "/import"): Row(
        admins(200), _LINE, headers={"Content-Type": "application/x-ndjson"}
    ),
    ("admin", "POST", "/check"): Row(
        admins(409)
    ),  # there is no file behind this store, which only admins are told
    ("admin", "GET", "/backup"): Row(admins(409)),
    # It was not started for tests, which only admins are told either.
    ("admin", "GET", "/faults"): Row(admins(409)),
    ("admin", "POST", "/faults"): Row(admins(409), {"drop": True}),
    ("admin", "DELETE", "/faults"): Row(admins(409)),
    ("admin", "DELETE", "/faults/{id}"): Row(admins(409), of={"id": "session"}),
    ("admin", "GET", "/health"): Row(anybody(200)),
    ("admin", "GET", "/dialects"): Row(anybody(200)),
    ("admin", "GET", "/metrics"): Row(anybody(200)),
    ("admin", "GET", "/openapi.json"): Row(admins(200)),
    # No journal is kept here, which only admins are told.
    ("admin", "GET", "/journal"): Row(admins(409)),
    ("admin", "GET", "/journal/{id}"): Row(admins(409), of={"id": "client"}),
    ("admin", "GET", "/journal/stream"): Row(admins(409)),
    ("admin", "GET", "/ledger"): Row(admins(200)),
    ("admin", "GET", "/translate/{id}"): Row(admins(409), of={"id": "client"}),
    ("admin", "POST", "/translate"): Row(
        admins(200), {"dialect": "messages", "request": '{"op":"mostrar"}'}
    ),
    ("admin", "GET", "/overview"): Row(admins(200)),
    ("admin", "GET", "/records"): Row(admins(200)),
    ("admin", "GET", "/records/{kind}"): Row(admins(200)),
    ("admin", "POST", "/records/{kind}"): Row(admins(201), _CLIENT),
    ("admin", "GET", "/records/{kind}/{id}"): Row(admins(200), of={"id": "client"}),
    ("admin", "PATCH", "/records/{kind}/{id}"): Row(
        admins(200), {**_CLIENT, "name": "Renamed"}, of={"id": "client"}
    ),
    ("admin", "DELETE", "/records/{kind}/{id}"): Row(admins(204), of={"id": "client"}),
    ("admin", "GET", "/records/{kind}/{id}/dependents"): Row(admins(200), of={"id": "client"}),
    # Nothing can be connected to there, which only admins are told.
    ("admin", "POST", "/send"): Row(admins(400), {"dialect": "shop", "text": "x"}),
    ("admin", "POST", "/console/session"): Row(anybody(200), {"login": "root", "password": SECRET}),
    ("admin", "GET", "/console/session"): Row(admins(200)),
    ("admin", "DELETE", "/console/session"): Row(with_token(204)),
}
