# mypy: allow-untyped-calls
"""The description of the HTTP dialects is valid, complete and true: each operation in it is called
as it is described.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final
from unittest.mock import AsyncMock
from urllib.parse import urlencode

import orjson
from attrs import evolve, frozen
from jsonschema import Draft202012Validator

from sockcrud import loading
from sockcrud.apps.members.dialect import MembersResponder, State
from sockcrud.apps.shop.dialect.auth import AuthResponder
from sockcrud.apps.shop.dialect.clients import ClientsResponder
from sockcrud.apps.shop.dialect.inventory import InventoryResponder
from sockcrud.apps.shop.dialect.products import ProductsResponder
from sockcrud.apps.shop.dialect.together import ShopResponder
from sockcrud.apps.shop.records import Address, Client, InventoryItem, Product
from sockcrud.apps.shop.service.clients import Addresses, Clients
from sockcrud.apps.shop.service.inventory import Inventory
from sockcrud.apps.shop.service.products import Products
from sockcrud.apps.way.dialect import WayResponder
from sockcrud.faults.acting import Faults
from sockcrud.identity.passwords import digest_of
from sockcrud.protocols.http.connection import HTTPResponder
from sockcrud.rest.openapi import description
from sockcrud.rest.origins import Origins
from sockcrud.rest.routed import Terms
from sockcrud.rest.schemas import an_object
from sockcrud.serving import About
from tests import ROOT
from tests.apps.admin.admin_case import RIGHT, AdminCase, PlainCopy
from tests.support.directory_kit import HERE
from tests.support.http_kit import Answered, HTTPClient
from tests.support.model import STANDARD
from tests.support.people_case import ABSENT

PARTS: Final = loading.apps().openapi_parts
KINDS: Final = [kind.__name__ for kind in STANDARD.journaled]
DOORS: Final = ("clients", "products", "inventory", "auth", "shop", "way", "members", "admin")
URLS: Final = {name: f"http://127.0.0.1:{port}" for port, name in enumerate(DOORS, 9000)}
_ID_IN_PATH: Final = re.compile(r"[0-9]+(?=(/[a-z]+)?$)")
METHODS: Final = ("get", "post", "put", "patch", "delete", "head")

HASH: Final = digest_of(RIGHT)
FIELDS: Final[Mapping[str, object]] = {
    "name": "New",
    "email": "new@example.org",
    "cpf": "111.222.333-44",
    "balance": 12.5,
    "state": "SP",
    "city": "São Paulo",
    "street": "Rua A",
    "number": 7,
    "CEP": "01310-100",
    "cep": "01310-100",
    "description": "",
    "quantity": 3,
    "price": "9.90",
    "status": True,
    "client_id": 1,
    "product_id": 1,
    "number_of_items": 2,
    "purchase_date": "2024-11-01",
    "remotion_id": 1,
    "type": "client",
    "username": "dora",
    "login": "dora",
    "password": RIGHT,
    "role": "user",
    "active": True,
    "UserName": "dora",
    "PassWord": HASH,
    "Ativo": "true",
    "User": "anna",
    "Passwd": HASH,
    "dialect": "admin",
    "text": "x",
    "request": '{"id_operation": "get_users"}',
}
"""A right value for each field of a body, whatever the operation."""
FAULT: Final = {"dialect": "users", "drop": True}


@frozen
class Operation:
    """An operation as it is described."""

    method: str
    path: str
    says: Mapping[str, Any]
    part: str

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"


@frozen
class Asked:
    """A request for an operation."""

    path: str
    query: Mapping[str, object]
    body: object = None
    type: str | None = None
    token: str | None = None
    headers: Mapping[str, str] = {}


def operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                yield Operation(method, path, methods[method], methods[method]["tags"][0])


class DescribedCase(AdminCase):
    """All HTTP dialects, with a record of each kind."""

    document: Mapping[str, Any] = orjson.loads(description(URLS, PARTS, KINDS))

    def setUp(self) -> None:
        super().setUp()
        self.faults = Faults(self.clock, {"users": False, "admin": True})
        client = {
            "name": "Ana",
            "email": "ana@x.org",
            "cpf": "454.090.000-00",
            "balance": Decimal("1.00"),
        }
        address = {
            "client_id": 1,
            "state": "SP",
            "city": "S",
            "street": "R",
            "number": 9,
            "cep": "01310-100",
        }
        product = {
            "name": "TV",
            "description": "",
            "quantity": 0,
            "price": Decimal("1.00"),
            "status": True,
        }
        item = {
            "client_id": 1,
            "product_id": 1,
            "number_of_items": 2,
            "purchase_date": date(2024, 2, 29),
        }
        for kind, fields in (
            (Client, client),
            (Address, address),
            (Product, product),
            (InventoryItem, item),
        ):
            self.have(self.store.insert(kind, 1, **fields))
        self.has_file(
            check=AsyncMock(return_value=[]),
            copied=AsyncMock(side_effect=lambda: PlainCopy([b"SQLite"])),
        )
        self.tokens = {name: self.log_in("root", name).token for name in ("auth", "members", "way")}
        self.tokens["admin"] = self.root_token
        self.annas = self.as_(self.anna, "auth")
        self.clients = {name: self.a_client_at(name) for name in DOORS}

    def a_client_at(self, name: str) -> HTTPClient:
        access, logins = self.access, self.logins
        addresses, products = Addresses(access, self.store), Products(access, self.store)
        clients, inventory = Clients(access, self.store), Inventory(access, self.store)
        state = State(lambda: 5.0, lambda: 1)
        terms = Terms(Origins(hosts=frozenset()))
        responders: dict[str, Callable[[str], HTTPResponder]] = {
            "clients": lambda peer: ClientsResponder(clients, addresses, logins, peer, terms),
            "products": lambda peer: ProductsResponder(products, logins, peer, terms),
            "inventory": lambda peer: InventoryResponder(inventory, logins, peer, terms),
            "auth": lambda peer: AuthResponder(logins, peer, terms),
            "shop": lambda peer: ShopResponder(
                clients, addresses, products, inventory, logins, peer, terms
            ),
            "way": lambda peer: WayResponder(logins, self.colleagues, peer, terms),
            "members": lambda peer: MembersResponder(logins, self.members, state, peer, terms),
        }
        return (
            self.a_client(terms)
            if name == "admin"
            else HTTPClient(responders[name], self.clock, address=HERE)
        )

    # What to ask

    def right(self, operation: Operation) -> Asked:
        """Return a request that succeeds."""
        path = re.sub(
            r"\{(\w+)\}", lambda match: str(self.in_path(operation, match[1])), operation.path
        )
        query = {
            parameter["name"]: self.in_query(operation, parameter["name"])
            for parameter in operation.says.get("parameters", [])
            if parameter["in"] == "query"
        }
        body, type = None, None
        if "requestBody" in operation.says:
            type, media = next(iter(operation.says["requestBody"]["content"].items()))
            body = self.body(operation, media["schema"])
            type = "application/json" if type == "*/*" else type
        schemes = operation.says.get("security", [])
        names = [
            name.removesuffix("_token")
            for scheme in schemes
            for name in scheme
            if name != "password"
        ]
        token = self.tokens[names[0]] if names else None
        headers = (
            {"Authorization": "Basic YW5uYTpjb3JyZWN0IGhvcnNl"}
            if {"password": []} in schemes
            else {}
        )
        return Asked(path, query, body, type, token, headers)

    def in_path(self, operation: Operation, name: str) -> object:
        if name == "session":
            return self.tokens["way"]
        if name == "kind":
            return "clients"
        if operation.path.startswith("/records/"):
            return 1
        if operation.path == "/faults/{id}":
            assert self.faults is not None
            return self.faults.add(FAULT).id
        if operation.part == "admin":
            of = {
                "accounts": self.carl.id,
                "companies": self.theirs.id,
                "sessions": self.annas.session_id,
                "journal": 2,
                "translate": 2,
            }
            return of[operation.path.split("/")[1]]
        return 1

    def in_query(self, operation: Operation, name: str) -> object:
        values: dict[str, object] = {
            "limit": 5,
            "after": 0,
            "since": 0,
            "account_id": self.anna.id,
            "secrets": "yes",
            "restore": "no",
            "dialect": "users",
            "peer": HERE,
            "refused": "0",
        }
        if (operation.path, name) == ("/ledger", "since"):
            return "2023-01-01"
        return self.anna.id if name == "id" else values[name]

    def body(self, operation: Operation, schema: Mapping[str, Any]) -> object:
        if operation.path == "/import":
            return b'{"kind": "Message", "id": 1, "data": "abc"}\n'
        if operation.path == "/faults":
            return FAULT
        values: dict[str, object] = dict(FIELDS)
        if operation.path.startswith("/records/"):
            schema = an_object({name: {} for name in ("name", "email", "cpf", "balance")})
        if operation.path in ("/login", "/console/session"):
            values["login"] = "root"
        if operation.part == "admin":
            values["company_id"] = self.theirs.id
        if operation.part == "members" and operation.method == "post":
            values["email"] = "anna"
        body = {name: values[name] for name in _properties(schema)}
        self.fits(body, schema, f"the body of {operation}")
        return body

    # What is answered

    def ask(self, operation: Operation, asked: Asked, door: str) -> Answered:
        client = self.clients[door]
        self.client = client
        target = f"{asked.path}?{urlencode(asked.query)}" if asked.query else asked.path
        headers = dict(asked.headers)
        if asked.type is not None:
            headers["Content-Type"] = asked.type
        named = {name.replace("-", "_"): value for name, value in headers.items()}
        return self.asks(operation.method.upper(), target, asked.body, token=asked.token, **named)

    def is_described(self, operation: Operation, answered: Answered) -> None:
        """Expect that the description knows the answer: its status, its type, its body, its
        fields.
        """
        what = f"{operation}: {answered}"
        response = operation.says["responses"].get(str(answered.status))
        self.assertIsNotNone(response, what)
        if answered.status < 300:
            self.assertEqual(
                {name for name in response.get("headers", {}) if answered.field(name) is None},
                set(),
                what,
            )
        content = response.get("content")
        if content is None or operation.method == "head":
            self.assertEqual(answered.body, b"", what)
            return
        type = (answered.field("Content-Type") or "").partition(";")[0]
        self.assertIn(type, content, what)
        body = answered.json if type == "application/json" else answered.body.decode()
        self.fits(body, content[type]["schema"], what)

    def fits(self, value: object, schema: Mapping[str, Any], what: str) -> None:
        whole = {**schema, "components": self.document["components"]}
        faults = [
            f"{fault.json_path}: {fault.message}"
            for fault in Draft202012Validator(whole).iter_errors(value)
        ]
        self.assertEqual(faults, [], what)


def _properties(schema: Mapping[str, Any]) -> Iterator[str]:
    for one in (schema, *schema.get("anyOf", ()), *schema.get("oneOf", ())):
        if "properties" in one:
            yield from one["properties"]
            return


class DescriptionTests(DescribedCase):
    def test_it_is_valid(self) -> None:
        from openapi_spec_validator import (
            OpenAPIV31SpecValidator,
        )  # dear to import, and every worker collects this file

        self.assertEqual(
            [str(error) for error in OpenAPIV31SpecValidator(self.document).iter_errors()], []
        )

    def test_kinds_are_those_of_the_apps_in_use(self) -> None:
        apps = loading.apps([str(ROOT / "examples" / "library.py")])
        about = About(apps, dict, lambda: {"admin": URLS["admin"]}, AsyncMock(), 12)
        password = b'"new_password":{"type":"string","format":"password","minLength":12}'
        self.assertIn(password, about.openapi())
        kinds = orjson.loads(about.openapi())["components"]["schemas"]["kind"]["enum"]
        self.assertEqual(set(kinds) - set(KINDS), {"Book"})

    def test_every_route_is_in_it_once(self) -> None:
        routes = sorted(
            (part.name, route.method.lower(), path)
            for part in PARTS
            for route in part.routes.all
            for path in (route.path, *route.also)
        )
        described = sorted(
            (operation.part, operation.method, operation.path)
            for operation in operations(self.document)
        )
        self.assertEqual(described, routes)
        self.assertEqual(sorted({part for part, _, _ in routes}), sorted(set(DOORS) - {"shop"}))

    def test_it_is_what_the_admin_is_answered(self) -> None:
        answered = self.asks("GET", "/openapi.json")
        self.assertEqual(
            answered.json["paths"].keys() & {"/login", "/clients/create"},
            {"/login", "/clients/create"},
        )

    def test_what_does_not_listen_is_not_in_it(self) -> None:
        document = orjson.loads(
            description({"admin": "http://x:1", "shop": "http://x:2"}, PARTS, KINDS)
        )
        self.assertEqual(
            [tag["name"] for tag in document["tags"]],
            ["clients", "products", "inventory", "auth", "admin"],
        )
        servers = {operation.part: operation.says["servers"] for operation in operations(document)}
        self.assertEqual(servers["auth"], [{"url": "http://x:2"}])
        self.assertEqual(servers["admin"], [{"url": "http://x:1"}])
        self.assertEqual(orjson.loads(description({}, PARTS, KINDS))["paths"], {})

    def test_what_two_dialects_serve_alike_is_described_for_both(self) -> None:
        from openapi_spec_validator import (
            OpenAPIV31SpecValidator,
        )  # dear to import, and every worker collects this file

        twice = [PARTS[0], evolve(PARTS[0], name="other", doors=("way",))]
        document = orjson.loads(description(URLS, twice, KINDS))
        OpenAPIV31SpecValidator(document).validate()
        for path, url in (
            ("/clients/fetch", URLS["clients"]),
            ("/clients/fetch#other", URLS["way"]),
        ):
            self.assertIn({"url": url}, document["paths"][path]["get"]["servers"])


class TruthTests(DescribedCase):
    def each(self) -> Iterator[tuple[Operation, str]]:
        """Give each operation with each of its doors, all records being there anew."""
        doors = {part.name: part.doors for part in PARTS}
        for operation in operations(self.document):
            for door in doors[operation.part]:
                self.setUp()
                yield operation, door

    def test_every_operation_answers_as_it_is_described(self) -> None:
        for operation, door in self.each():
            answered = self.ask(operation, self.right(operation), door)
            self.assertEqual(answered.status // 100, 2, f"{operation} at {door}: {answered}")
            if operation.part == "way":  # where all is a 200
                self.assertNotIn(b'"ERROR"', answered.body, operation)
            self.is_described(operation, answered)

    def test_what_is_not_said_to_be_needed_is_not_needed(self) -> None:
        for operation, door in self.each():
            asked = self.right(operation)
            needed = {
                one["name"] for one in operation.says.get("parameters", []) if one.get("required")
            }
            asked = evolve(
                asked, query={name: value for name, value in asked.query.items() if name in needed}
            )
            answered = self.ask(operation, asked, door)
            self.assertEqual(answered.status // 100, 2, f"{operation} at {door}: {answered}")
            self.is_described(operation, answered)

    def test_every_refusal_is_described(self) -> None:
        for operation, door in self.each():
            right = self.right(operation)
            for wrong in self.wrong(operation, right):
                self.is_described(operation, self.ask(operation, wrong, door))

    def wrong(self, operation: Operation, right: Asked) -> Iterator[Asked]:
        if right.token is not None:
            yield evolve(right, token=None)
            yield evolve(right, token="0" * 64)
        if self.tokens["way"] in right.path:
            yield evolve(right, path=right.path.replace(self.tokens["way"], "0" * 64))
        yield evolve(right, query=dict.fromkeys(right.query, "x"))
        if right.body is not None:
            yield evolve(right, body=b"[")
            yield evolve(right, body={})
            yield evolve(
                right, body=right.body if isinstance(right.body, bytes) else dict.fromkeys(FIELDS)
            )
            yield evolve(right, type="image/png")
            yield evolve(right, body=b" " * (8 * 2**20))
        if "{id}" in operation.path or "_id}" in operation.path:
            yield evolve(right, path=re.sub(_ID_IN_PATH, str(ABSENT), right.path))
            for field in ("If-Match", "If-None-Match"):
                for tag in ('"999"', "*"):
                    yield evolve(right, headers={field: tag})
        for _, met in self.meeting(operation, right):
            yield met

    def meeting(self, operation: Operation, right: Asked) -> Iterator[tuple[int, Asked]]:
        """Yield what meets the refusals that follow from the kind of the route, and need nothing
        else to be met.
        """
        if (
            operation.method != "head"
        ):  # the line is refused before its method is known, so with a body
            yield 414, evolve(right, query={**right.query, "x": "x" * 9000})
        yield 421, evolve(right, headers={**right.headers, "Host": "evil.example"})
        if operation.method not in ("get", "head"):
            yield 403, evolve(right, headers={**right.headers, "Origin": "https://evil.example"})
        if re.search(r"\{(id|\w+_id)\}", operation.path):
            yield 404, evolve(right, path=re.sub(_ID_IN_PATH, str(2**63), right.path))
        if "412" in operation.says["responses"]:
            yield 412, evolve(right, headers={"If-Match": '"999"'})
        if "304" in operation.says["responses"]:
            yield 304, evolve(right, headers={"If-None-Match": "*"})
        elif "412" in operation.says["responses"]:
            yield 412, evolve(right, headers={"If-None-Match": "*"})

    def test_a_refusal_that_the_table_names_can_be_met(self) -> None:
        for operation, door in self.each():
            right = self.right(operation)
            responses = operation.says["responses"]
            if "401" in responses and right.token is not None:
                self.assertEqual(
                    self.ask(operation, evolve(right, token=None), door).status, 401, operation
                )
            for status, met in self.meeting(operation, right):
                self.assertIn(str(status), responses, operation)
                self.assertEqual(self.ask(operation, met, door).status, status, operation)
            if "415" in responses:
                self.assertEqual(
                    self.ask(operation, evolve(right, type="image/png"), door).status,
                    415,
                    operation,
                )
