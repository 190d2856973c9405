"""Every call of the shop over real connections to the real daemon, in the order of a day at it:
successes and errors.
"""

from __future__ import annotations

import base64
import http.client
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.running import Daemon

RITA = {"name": "Rita", "email": "rita@example.org", "cpf": "123.456.789-01", "balance": 10.5}
HOME = {"state": "SP", "city": "Santos", "street": "Rua A", "number": 7, "CEP": "01310-100"}
LAMP = {"name": "Lamp", "description": "", "quantity": 3, "price": 19.9, "status": True}
BOUGHT = {"client_id": 1, "product_id": 1, "number_of_items": 2, "purchase_date": "2024-11-01"}
TOKEN = re.compile(r"[0-9A-F]{64}")

# service, method, path, body, status, answer (a dict: what of it is; a str: what its msg holds)
CALLS: list[tuple[str, str, str, Any, int, Any]] = [
    ("clients", "GET", "/clients/health", None, 200, "running"),
    ("clients", "GET", "/address/health", None, 200, "running"),
    ("products", "GET", "/products/health", None, 200, "running"),
    ("inventory", "GET", "/inventory/health", None, 200, "running"),
    ("auth", "GET", "/user/health", None, 200, "running"),
    ("clients", "POST", "/clients/create", RITA, 201, {"id": 1}),
    ("clients", "POST", "/clients/create", {**RITA, "cpf": "12345678902"}, 409, "email"),
    (
        "clients",
        "POST",
        "/clients/create",
        {**RITA, "email": "RITA@example.org", "cpf": "12345678902"},
        409,
        "email",
    ),
    (
        "clients",
        "POST",
        "/clients/create",
        {**RITA, "email": "r@example.org", "cpf": "12345678901"},
        409,
        "cpf",
    ),
    ("clients", "POST", "/clients/create", {**RITA, "cpf": "1"}, 400, "cpf"),
    ("clients", "POST", "/clients/create", {**RITA, "balance": 1.001}, 400, "balance"),
    ("clients", "POST", "/clients/create", {"name": "Rita"}, 400, ""),
    ("clients", "POST", "/clients/create", b"{", 400, ""),
    ("clients", "GET", "/clients/fetch", None, 200, [{**RITA, "id": 1, "balance": "10.50"}]),
    ("clients", "GET", "/clients/fetch/1", None, 200, {**RITA, "id": 1, "balance": "10.50"}),
    ("clients", "GET", "/clients/fetch/1/", None, 200, {"id": 1}),
    ("clients", "GET", "/clients/fetch/2", None, 404, ""),
    ("clients", "GET", "/clients/fetch/x", None, 404, ""),
    ("clients", "GET", "/clients/exists/1", None, 200, {"status": True}),
    ("clients", "GET", "/clients/exists/2", None, 200, {"status": False}),
    ("clients", "PUT", "/clients/update/1", {**RITA, "balance": "7"}, 200, ""),
    ("clients", "PUT", "/clients/update/2", RITA, 404, ""),
    ("clients", "PUT", "/clients/update/1", {**RITA, "name": ""}, 400, "name"),
    ("clients", "PATCH", "/clients/update/1", RITA, 405, ""),
    ("clients", "POST", "/address/create", {"client_id": 1, **HOME}, 201, {"id": 1}),
    ("clients", "POST", "/address/create", {"client_id": 2, **HOME}, 404, ""),
    ("clients", "POST", "/address/create", {"client_id": 1, **HOME, "CEP": "x"}, 400, "CEP"),
    (
        "clients",
        "GET",
        "/address/fetch",
        None,
        200,
        [{"id": 1, "client_id": 1, "cep": "01310-100"}],
    ),
    ("clients", "GET", "/address/fetch/1", None, 200, [{"city": "Santos", "number": 7}]),
    ("clients", "PUT", "/address/update/1", {**HOME, "city": "Bauru"}, 200, ""),
    ("clients", "PUT", "/address/update/2", HOME, 404, ""),
    ("products", "POST", "/products/create", LAMP, 201, {"id": 1}),
    ("products", "POST", "/products/create", LAMP, 409, "name"),
    ("products", "POST", "/products/create", {**LAMP, "quantity": -1}, 400, "quantity"),
    (
        "products",
        "GET",
        "/products/fetch",
        None,
        200,
        [{"name": "Lamp", "price": "19.90", "status": 1}],
    ),
    ("products", "GET", "/products/fetch/1", None, 200, {"id": 1, "quantity": 3}),
    ("products", "GET", "/products/fetch/2", None, 404, ""),
    ("products", "GET", "/products/exists/1", None, 200, {"status": True, "product_name": "Lamp"}),
    ("products", "GET", "/products/exists/2", None, 200, {"status": False}),
    ("products", "PUT", "/products/update/1", {**LAMP, "status": 0}, 200, ""),
    ("products", "PUT", "/products/update/2", {**LAMP, "name": "Desk"}, 404, ""),
    ("inventory", "POST", "/inventory/add_product", BOUGHT, 201, {"id": 1}),
    ("inventory", "POST", "/inventory/add_product", {**BOUGHT, "product_id": 9}, 404, ""),
    (
        "inventory",
        "POST",
        "/inventory/add_product",
        {**BOUGHT, "purchase_date": "soon"},
        400,
        "purchase_date",
    ),
    (
        "inventory",
        "GET",
        "/inventory/list_products_id/1",
        None,
        200,
        [{"product_name": "Lamp", "number_of_items": 2}],
    ),
    (
        "inventory",
        "GET",
        "/inventory/list_products_ids/1",
        None,
        200,
        [{"purchase_date": "Fri, 01 Nov 2024 00:00:00 GMT"}],
    ),
    ("inventory", "DELETE", "/inventory/remove_product/9", None, 404, ""),
    ("inventory", "DELETE", "/inventory/remove_product/1", None, 200, ""),
    ("inventory", "POST", "/inventory/add_product", BOUGHT, 201, {"id": 2}),
    (
        "inventory",
        "DELETE",
        "/inventory/remove_products",
        {"remotion_id": 1, "type": "product"},
        200,
        "",
    ),
    (
        "inventory",
        "DELETE",
        "/inventory/remove_many",
        {"remotion_id": 1, "type": "shelf"},
        400,
        "type",
    ),
    ("inventory", "GET", "/inventory/list_products_id/1", None, 200, []),
    ("inventory", "POST", "/inventory/add_product", BOUGHT, 201, {"id": 3}),
    ("products", "DELETE", "/products/delete/1", None, 200, ""),
    ("products", "DELETE", "/products/delete/1", None, 404, ""),
    ("inventory", "GET", "/inventory/list_products_id/1", None, 200, []),
    ("clients", "DELETE", "/address/delete/9", None, 404, ""),
    ("clients", "DELETE", "/clients/delete/1", None, 200, ""),
    ("clients", "DELETE", "/clients/delete/1", None, 404, ""),
    ("clients", "DELETE", "/address/delete/1", None, 404, ""),
    ("clients", "GET", "/nothing", None, 404, ""),
]


class Shop:
    """A client of all services, over one connection to each."""

    def __init__(self, daemon: Daemon, together: bool) -> None:
        self._daemon = daemon
        self._together = together
        self._connections: dict[str, http.client.HTTPConnection] = {}
        self.token = ""

    def ask(
        self, service: str, method: str, path: str, body: Any = None, authorization: str = ""
    ) -> tuple[int, Any]:
        port = self._daemon.ports["shop" if self._together else service]
        connection = self._connections.setdefault(
            service, http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        )
        authorization = authorization or (self.token and f"Bearer {self.token}")
        headers = {"Authorization": authorization} if authorization else {}
        raw = (
            body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        )
        connection.request(method, path, raw, headers)
        answer = connection.getresponse()
        assert answer.headers["Content-Type"] == "application/json"
        return answer.status, json.loads(answer.read())

    def log_in(self, password: str = "secret") -> tuple[int, Any]:
        credentials = base64.b64encode(f"ana:{password}".encode()).decode()
        return self.ask("auth", "POST", "/user/login", None, f"Basic {credentials}")


@pytest.fixture(params=[False, True], ids=["a port each", "one port"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    with Daemon(tmp_path) as daemon:
        yield Shop(daemon, request.param)


def holds(answer: Any, expected: Any) -> bool:
    """Return whether the answer is what is expected, or holds it."""
    if isinstance(expected, str):
        return isinstance(answer, dict) and expected in answer["msg"]
    if isinstance(expected, list):
        return len(answer) == len(expected) and all(map(holds, answer, expected))
    return all(answer[name] == value for name, value in expected.items())


def test_a_day_at_the_shop(shop: Shop) -> None:
    for service, method, path, body, _, _ in CALLS:
        if (
            "health" not in path
            and path not in ("/nothing", "/clients/fetch/x")
            and method != "PATCH"
        ):
            assert shop.ask(service, method, path, body)[0] == 401, path
    assert shop.ask("auth", "POST", "/user/create", {"username": "ana", "password": "secret"}) == (
        201,
        {"msg": "User created"},
    )
    assert (
        shop.ask("auth", "POST", "/users/create", {"username": "ANA", "password": "secret"})[0]
        == 409
    )
    assert (
        shop.ask("auth", "POST", "/user/create", {"username": "a b", "password": "secret"})[0]
        == 400
    )
    assert shop.log_in("wrong")[0] == 401
    status, answer = shop.log_in()
    assert status == 200
    assert TOKEN.fullmatch(answer["token"])
    shop.token = answer["token"]
    for service, method, path, body, status, expected in CALLS:
        said = shop.ask(service, method, path, body)
        assert said[0] == status, (method, path, body, said)
        assert holds(said[1], expected), (method, path, body, said)
    assert shop.ask("auth", "POST", "/user/logout")[0] == 200
    assert shop.ask("clients", "GET", "/clients/fetch")[0] == 401
    assert shop.ask("auth", "POST", "/users/logout")[0] == 401
