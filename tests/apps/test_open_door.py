"""Whoever signs up through an open door can change nobody. Over TCP, with the real daemon.

mallory tries every route that changes anything, aimed at ann: at her account, her company, her
sessions, her password.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import pytest
from attrs import frozen

from sockcrud.identity.passwords import digest_of
from tests.support.access_table import Row, rows_of, session_dialect
from tests.support.doors_kit import DOORS, SHOP_PORTS, Town, a_town, basic, routes_by_dialect
from tests.support.http_kit import Answered
from tests.support.running import lines

HERS: Final = "the secret of ann"
MINE: Final = "the secret of mallory"
CLIENT: Final = {"name": "C", "email": "c@example.org", "cpf": "111.222.333-01", "balance": 1}
ROUTES: Final = [
    (dialect, route)
    for dialect, routes in routes_by_dialect().items()
    for route in routes.all
    if route.changes
]


@frozen
class World:
    """ann, who has logged in at every door, and mallory, who signed up."""

    town: Town
    ann: int
    company: int
    anns: dict[str, str]
    """ann's tokens."""
    mallory: int
    mine: dict[str, str]
    """mallory's tokens."""

    def known(self) -> tuple[dict[int, Any], dict[int, Any]]:
        """Return all accounts and companies as they are stored, hashes and all, and all sessions
        that are not mallory's.
        """
        exported = self.town.asks("admin", "GET", "/export?secrets=yes", token=self.town.root)
        assert exported.status == 200
        records = [json.loads(line) for line in exported.body.splitlines()]
        directory = [
            record for record in records if record.get("kind") in ("Account", "Company")
        ]  # the last line is a trailer
        sessions = self.town.administers("GET", "/sessions?limit=1000")["items"]
        return (
            dict(enumerate(directory)),
            {
                one["id"]: {**one, "used_at": ""}
                for one in sessions
                if one["account_id"] != self.mallory
            },
        )

    def fully_logged_in(self) -> None:
        """Log mallory in again where that was ended."""
        for door in DOORS:
            if not self.town.doors.opens(door, self.mine[door]):
                self.mine[door] = self.town.doors.logs_in(door, "mallory@example.org", MINE)

    def tries(self, dialect: str, method: str, path: str, row: Row, body: object) -> Answered:
        """Do what the row tells as mallory, to what is ann's."""
        sessions = [id for id, one in self.known()[1].items() if one["account_id"] == self.ann]
        theirs = {"account": self.ann, "company": self.company, "session": sessions[0]}
        targets = {**theirs, **dict.fromkeys(("client", "address", "product", "item"), 1)}
        token = self.mine[session_dialect(dialect)]
        target = row.target(path, targets, token)
        return self.town.asks(dialect, method, target, body, token=token, headers=row.headers)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with a_town(tmp_path_factory.mktemp("open")) as town:
        company = town.administers("GET", "/companies")["items"][0][
            "id"
        ]  # the one that who signs up belongs to
        ann = town.account("ann@example.org", HERS)
        anns = town.doors.logs_in_everywhere("ann@example.org", HERS)
        assert (
            town.asks("clients", "POST", "/clients/create", CLIENT, token=anns["auth"]).status
            == 201
        )
        signed_up = town.asks(
            "members", "PUT", "/", {"email": "mallory@example.org", "password": MINE}
        )
        assert signed_up.status == 201
        mine = town.doors.logs_in_everywhere("mallory@example.org", MINE)
        yield World(town, ann, company, anns, signed_up.json["id"], mine)
        assert town.doors.opened_by(anns) == [*DOORS]  # after all that was tried below
        assert all(
            town.doors.lets_in(door, "ann@example.org", HERS) for door in DOORS if door != "way"
        )


def hostile(row: Row) -> list[object]:
    """Return the bodies to try: the table's own, and one that asks for all there is."""
    if not isinstance(row.body, dict):
        return [row.body]
    wish = {
        "role": "admin",
        "active": False,
        "company_id": 2,
        "Ativo": "false",
        "id": 1,
        "password": "stolen",
        "rev": 1,
    }
    passwords = {"PassWord": digest_of("stolen"), "Passwd": digest_of("stolen")}
    mine = {name: value for name, value in wish.items() if name not in row.body}
    return [row.body, {**passwords, **row.body, **mine}]


@pytest.mark.parametrize(
    ("dialect", "route"),
    ROUTES,
    ids=[f"{route.method} {route.path} at {name}" for name, route in ROUTES],
)
def test_a_user_changes_nobody_through(world: World, dialect: str, route: Any) -> None:
    world.fully_logged_in()
    directory, sessions = world.known()
    for row in rows_of(dialect, route):
        for path in (route.path, *route.also):
            for body in hostile(row):
                answered = world.tries(dialect, route.method, path, row, body)
                assert not any(
                    secret.encode() in answered.body
                    for secret in (HERS, "$argon2id", *world.anns.values())
                )
                ends_ones_own = route.path in ("/logout", "/console/session")
                if dialect == "admin" and route.login and not ends_ones_own:
                    assert answered.status in (401, 403), answered
                now, living = world.known()
                assert {number: now[number] for number in directory} == directory, answered
                added = [now[number] for number in now if number not in directory]
                assert all(one["kind"] == "Account" and one["role"] == "user" for one in added), (
                    answered
                )
                assert {one["company_id"] for one in added} <= {world.company}
                assert living == sessions, answered
                directory = now
                world.fully_logged_in()


def test_a_user_gets_no_further_at_way_by_saying_it_in_other_ways(world: World) -> None:
    world.fully_logged_in()
    before = world.known()
    session = world.mine["way"]
    change = {"PassWord": digest_of("stolen"), "Ativo": "true"}
    me, ann = world.mallory, world.ann
    for query in (
        f"?id={ann}",
        f"?ID={ann}",
        f"?id={me}&id={ann}",
        f"?Id={me}&id={ann}",
        f"?id=0{ann}",
        f"?id=%3{ann}",
    ):
        for method in ("PUT", "DELETE"):
            world.town.asks("way", method, f"/API/USUARIO/{session}/{query}", change)
            assert world.known() == before, (method, query)
    for more in (
        {"UserName": "admin2"},
        {"UserName": "mallory2@example.org"},
        {"Ativo": "false"},
        {"role": "admin"},
    ):
        world.town.asks("way", "PUT", f"/api/usuario/{session}?id={me}", {"Ativo": "true", **more})
        assert world.known() == before, more
    for text in (
        str(ann),
        f"{ann:064}",
        digest_of(world.anns["way"]),
        world.anns["members"],
        world.anns["auth"],
    ):
        for method, path in (("PUT", "usuario"), ("DELETE", "usuario"), ("DELETE", "main")):
            said = world.town.asks("way", method, f"/api/{path}/{text}?id={ann}", change).json
            assert said["Message"] == "A sessão informada é inválida"
    assert world.known() == before


def test_signing_up_with_a_name_that_is_taken_takes_over_nothing(world: World) -> None:
    before = world.known()
    for name in ("ann@example.org", "ANN@EXAMPLE.ORG", "admin", "Admin"):
        body = {"email": name, "username": name, "password": "stolen", "role": "admin"}
        assert world.town.asks("members", "PUT", "/", body).status == 409
        assert world.town.asks("members", "PUT", "/", f"user:{name},stolen".encode()).status == 409
        assert world.town.asks("auth", "POST", "/user/create", body).status == 409
        assert (
            world.town.asks("shop", "POST", "/users/create", body, token=world.mine["auth"]).status
            == 409
        )
        assert (
            world.town.asks("auth", "POST", "/user/login", headers=basic(name, "stolen")).status
            == 401
        )
    assert world.known() == before


def test_nobody_at_the_ports_without_a_login_reaches_an_account(world: World) -> None:
    before = world.known()
    data = {
        "name": "stolen",
        "email": "stolen@example.org",
        "age": 1,
        "password": "stolen",
        "role": "admin",
        "active": False,
    }
    with (
        world.town.daemon.connect("users") as users,
        world.town.daemon.connect("messages") as messages,
    ):
        asked = [
            {"id_operation": operation, "payload": {**data, "user_id": id, "id": id, "data": data}}
            for operation in (
                "create_user",
                "update_user",
                "delete_user",
                "update_account",
                "create_account",
            )
            for id in (1, world.ann)
        ]
        users.sendall(b"".join(json.dumps(one).encode() + b"\n" for one in asked))
        assert len([*islice(lines(users), len(asked))]) == len(asked)
        told = [
            {"op": op, "id": id, "data": "stolen"}
            for op in ("adicionar", "deletar")
            for id in (1, world.ann)
        ]
        messages.sendall(b"".join(json.dumps(one).encode() + b"\n" for one in told))
        assert len([*islice(lines(messages), len(told))]) == len(told)
    assert world.known() == before


def test_every_port_of_the_shop_is_tried(world: World) -> None:
    assert {dialect for dialect, _ in ROUTES} == {*SHOP_PORTS, "way", "members", "admin"}
