"""One account, four doors: what is done to it at one holds at all, at once. Over TCP, with the real
daemon.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sockcrud.identity.passwords import digest_of
from tests.support.doors_kit import DOORS, SHOP_PORTS, Town, a_town, next_answer
from tests.support.http_kit import Answered

FIRST = "a first secret"
SECOND = "a second secret"
OK = "OK"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, either_reactor: None) -> Iterator[Town]:
    with a_town(tmp_path_factory.mktemp("doors")) as town:
        yield town


def made(town: Town, door: str, login: str, password: str = FIRST) -> int:
    """Make an account through a door; give its id, as the admin sees it."""
    if door == "auth":
        answered = town.asks(
            "auth", "POST", "/user/create", {"username": login, "password": password}
        )
    elif door == "members":
        answered = town.asks("members", "PUT", "/", {"email": login, "password": password})
    elif door == "way":
        answered = add_at_way(town, login, password)
    else:
        answered = town.asks(
            "admin", "POST", "/accounts", {"login": login, "password": password}, token=town.root
        )
    assert (answered.status, answered.json.get("Status")) in ((201, None), (200, OK)), answered
    return id_of(town, login)


def add_at_way(town: Town, login: str, password: str = FIRST) -> Answered:
    session = town.doors.logs_in("way", "admin", town.admin_password)
    body = {"UserName": login, "PassWord": digest_of(password), "Ativo": "true"}
    return town.asks("way", "POST", f"/api/usuario/{session}", body)


def id_of(town: Town, login: str) -> int:
    accounts = town.administers("GET", "/accounts?limit=1000")["items"]
    return next(int(account["id"]) for account in accounts if account["login"] == login)


@pytest.mark.parametrize("door", DOORS)
def test_an_account_made_at_one_door_logs_in_at_all(town: Town, door: str) -> None:
    made(town, door, f"from.{door}@example.org")
    tokens = town.doors.logs_in_everywhere(f"from.{door}@example.org", FIRST)
    assert town.doors.opened_by(tokens) == [*DOORS]
    assert not any(town.doors.lets_in(door, f"from.{door}@example.org", SECOND) for door in DOORS)


def test_made_admin_at_admin_it_is_an_admin_everywhere_and_no_longer_when_that_ends(
    town: Town,
) -> None:
    id = made(town, "auth", "climber")
    before = town.doors.logs_in_everywhere("climber", FIRST)
    assert town.asks("admin", "GET", "/accounts", token=before["admin"]).status == 403
    assert is_admin_at_way(town, before["way"], "helper1") is False
    assert [
        user["email"]
        for user in town.asks("members", "GET", "/", token=before["members"]).json["users"]
    ] == ["climber"]

    town.administers("PATCH", f"/accounts/{id}", {"role": "admin"})
    assert (
        town.doors.opened_by(before) == []
    )  # what they were given as a user is no key for an admin
    risen = town.doors.logs_in_everywhere("climber", FIRST)
    assert town.asks("admin", "GET", f"/accounts/{id}", token=risen["admin"]).status == 200
    assert is_admin_at_way(town, risen["way"], "helper2") is True
    assert len(town.asks("members", "GET", "/", token=risen["members"]).json["users"]) > 1
    assert town.doors.tries("members", "climber", FIRST).json["role"] == 1
    assert town.doors.opens("auth", risen["auth"])

    town.administers("PATCH", f"/accounts/{id}", {"role": "user"})
    assert town.doors.opened_by(risen) == []
    fallen = town.doors.logs_in_everywhere("climber", FIRST)
    assert town.asks("admin", "GET", "/accounts", token=fallen["admin"]).status == 403
    assert is_admin_at_way(town, fallen["way"], "helper3") is False
    assert len(town.asks("members", "GET", "/", token=fallen["members"]).json["users"]) == 1


def is_admin_at_way(town: Town, session: str, login: str) -> bool:
    body = {"UserName": login, "PassWord": digest_of(FIRST), "Ativo": True}
    said = town.asks("way", "POST", f"/api/usuario/{session}", body).json
    assert said["Message"] in ("", "Usuário sem permissão")
    return bool(said["Status"] == OK)


def test_deactivated_at_way_its_bearer_token_and_its_members_connection_are_dead_at_once(
    town: Town,
) -> None:
    id = made(town, "auth", "leaver@example.org")
    tokens = town.doors.logs_in_everywhere("leaver@example.org", FIRST)
    with town.daemon.connect("members") as members, town.daemon.connect("shop") as shop:
        body = b"user:leaver@example.org,a first secret"
        members.sendall(b"POST / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        assert next_answer(members).status == 200
        members.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert next_answer(members).json["users"][0]["email"] == "leaver@example.org"
        fetch = (
            f"GET /clients/fetch HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
            f"{tokens['auth']}\r\n\r\n"
        ).encode()
        shop.sendall(fetch)
        assert next_answer(shop).status == 200

        session = town.doors.logs_in("way", "admin", town.admin_password)
        assert town.asks("way", "DELETE", f"/api/usuario/{session}?id={id}").json["Status"] == OK

        members.sendall(b"GET / HTTP/1.1\r\n\r\n")
        answered = next_answer(members)
        assert (answered.status, answered.json) == (403, {"message": "Forbidden"})
        shop.sendall(fetch)
        assert next_answer(shop).status == 401
    assert town.doors.opened_by(tokens) == []
    assert not any(town.doors.lets_in(door, "leaver@example.org", FIRST) for door in DOORS)

    town.administers("PATCH", f"/accounts/{id}", {"active": True})
    assert town.doors.opened_by(tokens) == []  # who comes back comes in anew
    assert all(town.doors.lets_in(door, "leaver@example.org", FIRST) for door in DOORS)


def test_a_password_set_at_admin_is_the_one_at_all_doors_and_the_old_one_is_dead(
    town: Town,
) -> None:
    id = made(town, "members", "forgetful@example.org")
    tokens = town.doors.logs_in_everywhere("forgetful@example.org", FIRST)
    town.administers("PATCH", f"/accounts/{id}", {"password": SECOND})
    assert town.doors.opened_by(tokens) == []
    for door in DOORS:
        assert not town.doors.lets_in(door, "forgetful@example.org", FIRST)
        assert town.doors.lets_in(door, "forgetful@example.org", SECOND)


def test_who_changes_the_own_password_at_way_stays_there_and_is_out_everywhere_else(
    town: Town,
) -> None:
    id = made(town, "auth", "careful")
    tokens = town.doors.logs_in_everywhere("careful", FIRST)
    change = {"PassWord": digest_of(SECOND).lower(), "Ativo": "true"}
    assert (
        town.asks("way", "PUT", f"/api/usuario/{tokens['way']}?id={id}", change).json["Status"]
        == OK
    )
    assert town.doors.opened_by(tokens) == ["way"]
    for door in DOORS:
        assert not town.doors.lets_in(door, "careful", FIRST)
        assert town.doors.lets_in(door, "careful", SECOND)


def test_a_company_deactivated_shuts_all_doors_to_its_people_and_to_no_others(town: Town) -> None:
    company = town.administers("POST", "/companies", {"name": "Closing Down"})["id"]
    town.account("clerk", FIRST, company_id=company)
    town.account("boss", FIRST, company_id=company, role="admin")
    town.account("neighbour", FIRST)
    tokens, bosses = (
        town.doors.logs_in_everywhere("clerk", FIRST),
        town.doors.logs_in_everywhere("boss", FIRST),
    )
    others = town.doors.logs_in_everywhere("neighbour", FIRST)

    town.administers("DELETE", f"/companies/{company}")
    assert town.doors.opened_by(tokens) == []
    assert town.doors.opened_by(bosses) == []
    assert town.doors.opened_by(others) == [*DOORS]
    assert not any(
        town.doors.lets_in(door, name, FIRST) for door in DOORS for name in ("clerk", "boss")
    )

    town.administers("PATCH", f"/companies/{company}", {"active": True})
    assert town.doors.opened_by(tokens) == []
    assert all(town.doors.lets_in(door, "clerk", FIRST) for door in DOORS)


def test_moved_to_another_company_it_sees_that_one_after_a_new_login_only(town: Town) -> None:
    company = town.administers("POST", "/companies", {"name": "New Home"})["id"]
    id = made(town, "auth", "mover")
    tokens = town.doors.logs_in_everywhere("mover", FIRST)
    town.administers("PATCH", f"/accounts/{id}", {"company_id": company})
    assert town.doors.opened_by(tokens) == []
    session = town.doors.logs_in("way", "mover", FIRST)
    assert town.asks("way", "GET", f"/api/usuario/{session}").json == [
        {"Id": str(id), "UserName": "mover", "Ativo": "true"}
    ]


def test_a_session_of_one_dialect_opens_nothing_at_another(town: Town) -> None:
    tokens = town.doors.logs_in_everywhere("admin", town.admin_password)
    pairs = [(made_at, tried_at) for made_at in DOORS for tried_at in DOORS if made_at != tried_at]
    assert len(pairs) == 12
    for made_at, tried_at in pairs:
        assert not town.doors.opens(tried_at, tokens[made_at]), f"{made_at} opens {tried_at}"
        assert not town.doors.opens(tried_at, tokens[made_at].lower()), (
            f"{made_at} in lower case opens {tried_at}"
        )
    cookies = {
        door: {"Cookie": f"sockcrud_members={token}; session={token}"}
        for door, token in tokens.items()
    }
    assert [
        door
        for door in DOORS
        if town.asks("members", "GET", "/", headers=cookies[door]).status == 200
    ] == ["members"]
    assert town.asks("admin", "GET", "/accounts", headers=cookies["admin"]).status == 401
    assert town.doors.opened_by(tokens) == [
        *DOORS
    ]  # nor is any of them ended by being tried elsewhere


def test_a_token_of_auth_works_at_each_port_of_the_shop(town: Town) -> None:
    token = town.doors.logs_in("auth", "admin", town.admin_password)
    asked = {
        "clients": "/address/fetch",
        "products": "/products/fetch",
        "inventory": "/inventory/list_products_id/1",
    }
    for port in SHOP_PORTS:
        for target in [asked[port]] if port in asked else asked.values() if port == "shop" else []:
            assert town.asks(port, "GET", target, token=token).status == 200, port
    assert town.asks("shop", "POST", "/user/logout", token=token).status == 200
    assert [town.asks(port, "GET", asked[port], token=token).status for port in asked] == [
        401,
        401,
        401,
    ]


def test_a_login_name_is_one_whatever_its_case_at_every_door(town: Town) -> None:
    made(town, "members", "Jürgen.Weiß@Example.org")
    for spelling in ("jürgen.weiß@example.org", "JÜRGEN.WEISS@EXAMPLE.ORG"):
        assert all(town.doors.lets_in(door, spelling, FIRST) for door in DOORS)
        taken = {"username": spelling, "email": spelling, "login": spelling, "password": SECOND}
        assert town.asks("auth", "POST", "/user/create", taken).status == 409
        assert town.asks("members", "PUT", "/", taken).status == 409
        assert town.asks("admin", "POST", "/accounts", taken, token=town.root).status == 409
        assert (
            add_at_way(town, spelling).json["Message"]
            == "Já Existe um usuário cadastrado com este nome."
        )
    assert town.doors.lets_in("auth", "Jürgen.Weiß@Example.org", FIRST)


def test_a_logout_at_one_door_leaves_the_others(town: Town) -> None:
    made(town, "auth", "goer")
    living = town.doors.logs_in_everywhere("goer", FIRST)
    other = town.doors.logs_in("auth", "goer", FIRST)
    assert town.asks("auth", "POST", "/users/logout", token=living["auth"]).status == 200
    assert town.doors.opened_by(living) == ["way", "members", "admin"]
    assert town.doors.opens("auth", other)  # and the other device at the same door
    assert town.asks("way", "DELETE", f"/api/main/{living['way']}").json["Status"] == OK
    assert town.doors.opened_by(living) == ["members", "admin"]
    assert town.asks("admin", "POST", "/logout", token=living["admin"]).status == 204
    assert town.doors.opened_by(living) == ["members"]


def test_a_login_at_way_ends_the_earlier_session_there_and_nowhere_else(town: Town) -> None:
    made(town, "auth", "again")
    tokens = town.doors.logs_in_everywhere("again", FIRST)
    town.doors.logs_in("way", "again", FIRST)
    assert town.doors.opened_by(tokens) == ["auth", "members", "admin"]


def test_wrong_passwords_count_together_whatever_door_they_are_tried_at(town: Town) -> None:
    made(town, "auth", "guessed")
    guesses = [
        town.doors.tries(DOORS[number % 4], "guessed", f"guess {number}") for number in range(10)
    ]
    assert {answered.status for answered in guesses} == {200, 401}
    delayed = {door: town.doors.tries(door, "GUESSED", FIRST) for door in DOORS}
    assert [answered.status for answered in delayed.values()] == [429, 200, 429, 429]
    assert delayed["way"].json["Message"] == "Usuário ou senha estão inválidos"
    assert all(
        int(delayed[door].field("Retry-After") or 0) >= 1 for door in ("auth", "members", "admin")
    )


def test_where_sign_up_is_closed_only_an_admin_makes_accounts_there(tmp_path: Path) -> None:
    with a_town(tmp_path, "--sign-up", "closed") as town:
        town.account("plain", FIRST)
        users = town.doors.logs_in_everywhere("plain", FIRST)
        admins = town.doors.logs_in_everywhere("admin", town.admin_password)
        for dialect, method, target in (("auth", "POST", "/user/create"), ("members", "PUT", "/")):
            name = f"new.{dialect}@example.org"
            body = {"username": name, "email": name, "password": FIRST}
            strangers = [None, users[dialect], *(admins[door] for door in DOORS if door != dialect)]
            assert {
                town.asks(dialect, method, target, body, token=token).status for token in strangers
            } == {403}
            assert town.asks(dialect, method, target, body, token=admins[dialect]).status == 201
            assert town.doors.lets_in("way", name, FIRST)
