# mypy: allow-untyped-calls
"""No field is written that the operation did not name, whatever else a request says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlencode

import attrs
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from sockcrud.identity.passwords import digest_of
from sockcrud.identity.records import ADMIN, USER, Account, Session
from sockcrud.records import Record, evolve
from sockcrud.rest.routes import Route
from tests.apps.matrix_case import MatrixCase
from tests.support.access_table import NEW, SECRET, Row, rows_of
from tests.support.doors_kit import routes_by_dialect
from tests.support.http_kit import Answered

ROUTES: Final = routes_by_dialect()
HOSTILE_HASH: Final = (
    "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)

_ANY: Final[Mapping[str, object]] = {
    "login": "mallory",
    "password_hash": HOSTILE_HASH,
    "id": 4711,
    "rev": 1,
    "role": ADMIN,
    "role_name": ADMIN,
    "company_id": 2,
    "company": 2,
    "account_id": 1,
    "client_id": 2,
    "product_id": 2,
    "session_id": 1,
    "token_hash": "0" * 64,
    "created_at": "1999-01-01T00:00:00+00:00",
    "kind": "Company",
    "expect": 0,
    "secret": "mallory's",
    "password": "mallory's",
    "passwd": digest_of("mallory's"),
    "digest": digest_of("mallory's"),
    "username": "mallory",
    "email": "mallory@example.org",
    "__class__": "Account",
}
EXTRAS: Final[tuple[Mapping[str, object], ...]] = (
    {**_ANY, "active": False},
    {**_ANY, "active": True, "role": USER, "id": 1, "rev": 2**62},
    {name.upper(): value for name, value in _ANY.items()}
    | {"ACTIVE": True, "Empresa": 2, "Papel": ADMIN},
    {"account": {**_ANY, "active": False}, "payload": dict(_ANY), "data": dict(_ANY)},
)


def named_by(route: Route) -> set[str]:
    """Return what a route names in its body and its query, in lower case as `way` takes it."""
    properties = route.body.get("properties", {}) if route.body is not None else {}
    return {name.lower() for name in (*properties, *route.query)}


class Unnamed(MatrixCase):
    """Everything is done twice by root, each time in the same world: as it should be, and with more
    said than was asked.
    """

    def done(
        self, dialect: str, route: Route, path: str, row: Row
    ) -> tuple[Answered, list[Record]]:
        self.setUp()
        (key,) = self.keys("admin", dialect)
        answered = self.says(dialect, route.method, path, row, key)
        return answered, [masked(record) for record in self.everything()[1]]

    def makes_no_difference(self, dialect: str, route: Route, path: str, row: Row) -> None:
        answered, records = self.done(dialect, route, path, row)
        if answered.status == 409:
            return  # nobody may do it here, whatever is said
        self.assertIn(answered.status, (200, 201, 204))
        named = named_by(route)
        for extras in EXTRAS:
            more = {name: value for name, value in extras.items() if name.lower() not in named}
            with_body = attrs.evolve(
                row, body={**more, **(row.body if isinstance(row.body, dict) else {})}
            )
            with_query = attrs.evolve(
                row, query="&".join(filter(None, (row.query, urlencode(more))))
            )
            for said in (with_body, with_query):
                again, with_more = self.done(dialect, route, path, said)
                self.assertEqual(again.status, answered.status, (said, again))
                self.assertEqual(with_more, records, said)


def masked(record: Record) -> Record:
    """Return the record without what is random in it; of a hash, the password it fits."""
    if isinstance(record, Account):
        fitting = [text for text in (SECRET, NEW) if fits(text, record.password_hash)]
        assert fitting, "a password or a hash was taken that nobody named"
        return evolve(record, password_hash=fitting[0])
    return evolve(record, token_hash="a hash") if isinstance(record, Session) else record


def fits(password: str, password_hash: str) -> bool:
    try:
        return PasswordHasher().verify(password_hash, digest_of(password))
    except (VerificationError, InvalidHashError):
        return False


def _test(dialect: str, route: Route, path: str) -> Callable[[Unnamed], None]:
    def test(self: Unnamed) -> None:
        for row in rows_of(dialect, route):
            self.makes_no_difference(dialect, route, path, row)

    return test


def _tests() -> Iterator[tuple[str, Callable[[Unnamed], None]]]:
    for dialect, routes in ROUTES.items():
        for route in routes.all:
            if (
                route.changes and route.path != "/import"
            ):  # whose lines are whole records: see below
                for path in (route.path, *route.also):
                    yield f"test {route.method} {path} at {dialect}", _test(dialect, route, path)


for _name, _made in _tests():
    assert not hasattr(Unnamed, _name)
    setattr(Unnamed, _name, _made)


class SignUps(MatrixCase):
    """Who signs up becomes a user of the default company, active, with the next id."""

    def becomes_a_user(self, answered: Answered, login: str) -> None:
        self.assertEqual(answered.status, 201, answered)
        account = self.have(self.store.find(Account, "login", login))
        assert account is not None
        self.assertEqual(
            (account.role, account.company_id, account.active), (USER, self.ours.id, True)
        )
        self.assertEqual((account.id, account.rev), (self.bert.id + 1, self.store.rev))
        self.assertEqual(
            self.have(self.directory.authenticate(login, digest_of(NEW), "")).id, account.id
        )

    def test_whatever_shape_the_body_of_a_member_has(self) -> None:
        hostile: dict[str, Any] = {
            "role": 1,
            "role_name": ADMIN,
            "active": "false",
            "id": "1",
            "company_id": "2",
        }
        form = urlencode({"email": "eve", "password": NEW, **hostile}).encode()
        text = f"user:eve,{NEW},admin,1,role=1".encode()
        for body in (form, text, json.dumps({**hostile, "email": "eve", "password": NEW}).encode()):
            self.setUp()
            self.becomes_a_user(self.asks("members", "PUT", "/", body), "eve")

    def test_also_where_an_admin_does_it_at_auth_and_at_members(self) -> None:
        body = {
            "username": "eve",
            "email": "eve",
            "password": NEW,
            "role": ADMIN,
            "company_id": 2,
            "active": False,
        }
        for dialect, method, target in (
            ("auth", "POST", "/user/create"),
            ("shop", "POST", "/users/create"),
            ("members", "PUT", "/"),
        ):
            self.setUp()
            (key,) = self.keys("admin", dialect)
            self.becomes_a_user(self.asks(dialect, method, target, body, token=key["token"]), "eve")

    def test_made_at_way_it_is_a_user_of_the_admins_company(self) -> None:
        session = self.token(self.chef, "way")
        body = {
            "UserName": "eve",
            "PassWord": digest_of(NEW),
            "Ativo": "true",
            "Role": ADMIN,
            "company_id": 1,
            "Id": 1,
        }
        self.assertEqual(
            self.asks("way", "POST", f"/api/usuario/{session}?company_id=1&role=admin", body).json[
                "Status"
            ],
            "OK",
        )
        account = self.have(self.store.find(Account, "login", "eve"))
        assert account is not None
        self.assertEqual((account.role, account.company_id), (USER, self.theirs.id))


class Imports(MatrixCase):
    def test_a_line_with_a_field_that_its_kind_has_not_is_a_fault_and_a_revision_is_never_taken(
        self,
    ) -> None:
        line: dict[str, object] = {"kind": "Company", "id": 99, "name": "imported", "active": True}
        headers = {"Content-Type": "application/x-ndjson"}
        (key,) = self.keys("admin", "admin")
        for name in ("role", "company_id", "password_hash", "login"):
            before = self.everything()
            body = json.dumps({**line, name: _ANY[name]}).encode()
            answered = self.asks(
                "admin", "POST", "/import", body, token=key["token"], headers=headers
            )
            self.assertEqual(
                (answered.status, answered.json["error"]["faults"][0]["field"]), (400, name)
            )
            self.assertEqual(self.everything(), before)
        body = json.dumps({**line, "rev": 2**62}).encode()
        self.assertEqual(
            self.asks("admin", "POST", "/import", body, token=key["token"], headers=headers).status,
            200,
        )
        self.assertEqual(self.everything()[0], before[0] + 1)
