"""What a client hears, at each dialect, when the store takes no more: its words for a refusal, and
no promise of a retry.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from sockcrud.identity.passwords import digest_of
from tests.support import postgres_kit
from tests.support.doors_kit import Town, a_town

SECRET = "a first secret"


@pytest.fixture(scope="module", params=["memory", "postgresql"])
def town(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, either_reactor: None
) -> Iterator[Town]:
    """Have a daemon that takes five records of a kind, sessions too, and two accounts, of which the
    admin's is one.
    """
    store = "memory:" if request.param == "memory" else postgres_kit.new_database()
    with a_town(
        tmp_path_factory.mktemp("quota"),
        "--store",
        store,
        "--max-records",
        "5",
        "--max-accounts",
        "2",
    ) as town:
        yield town
    if store != "memory:":
        postgres_kit.drop_database(store)


def says(town: Town, dialect: str, request: object) -> Any:
    return json.loads(town.daemon.ask(dialect, json.dumps(request)))


def test_users_hear_of_an_internal_error_and_the_connection_goes_on(town: Town) -> None:
    create = {
        "id_operation": "create_user",
        "payload": {"name": "Ana", "email": "ana@example.org", "age": 30},
    }
    assert [says(town, "users", create).get("code") for _ in range(5)] == [201] * 5
    line = (
        json.dumps(create)
        + "\n"
        + json.dumps({"id_operation": "get_user", "payload": {"user_id": 1}})
    )
    refused, found = town.daemon.ask("users", line).splitlines()
    assert json.loads(refused) == {"error": 500, "error_message": "Internal Server Error"}
    assert json.loads(found)["code"] == 200


def test_messages_hear_that_it_could_not_be_added(town: Town) -> None:
    assert [
        says(town, "messages", {"op": "adicionar", "data": "x"})["status"] for _ in range(6)
    ] == [201] * 5 + [401]


def test_the_accounts_quota_is_told_at_each_door(town: Town) -> None:
    made = town.asks("auth", "POST", "/user/create", {"username": "ana", "password": SECRET})
    assert made.status == 201
    auth = town.asks("auth", "POST", "/user/create", {"username": "rui", "password": SECRET})
    assert (auth.status, list(auth.json)) == (507, ["msg"])
    assert "account" in auth.json["msg"]
    members = town.asks("members", "PUT", "/", {"email": "rui@example.org", "password": SECRET})
    assert (members.status, list(members.json)) == (507, ["message"])
    session = town.doors.logs_in("way", "admin", town.admin_password)
    body = {"UserName": "rui", "PassWord": digest_of(SECRET), "Ativo": "true"}
    way = town.asks("way", "POST", f"/api/usuario/{session}", body)
    assert (way.status, way.json["Status"], way.json["Message"]) == (
        200,
        "ERROR",
        "Limite de registros atingido",
    )
    admin = town.asks(
        "admin", "POST", "/accounts", {"login": "rui", "password": SECRET}, token=town.root
    )
    assert (admin.status, admin.json["error"]["code"]) == (507, "quota")
    for answered in (auth, members, way, admin):
        assert answered.field("Retry-After") is None


def test_the_shop_hears_it_and_an_import_is_refused_as_a_whole(town: Town) -> None:
    login = town.doors.logs_in("auth", "admin", town.admin_password)
    product = {"description": "", "quantity": 1, "price": "1.00", "status": True}
    statuses = [
        town.asks(
            "products", "POST", "/products/create", {"name": f"{n}", **product}, token=login
        ).status
        for n in range(6)
    ]
    assert statuses == [201] * 5 + [507]
    clients = "".join(
        json.dumps({"kind": "Client", "id": n, "name": "Rui", "email": f"{n}@example.org", "cpf": f"454.090.000-{n:02}"}  # noqa: E501
                   | {"balance": "1.00"}) + "\n"
        for n in range(1, 7)
    )  # fmt: skip
    imported = town.asks("admin", "POST", "/import", clients.encode(), token=town.root)
    assert (imported.status, imported.json["error"]["code"]) == (507, "quota"), imported
    assert town.asks("clients", "GET", "/clients/fetch", token=login).json == []
