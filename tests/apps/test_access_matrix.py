# mypy: allow-untyped-calls
"""Every route, at every port and path that has it, for everybody who may ask: what they get is in
one table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

from sockcrud.rest.routes import Route
from tests.apps.matrix_case import MatrixCase, outcome
from tests.support.access_table import ACTORS, TABLE, Row, family, has_targets, rows_of
from tests.support.directory_kit import HERE
from tests.support.doors_kit import HTTP, AllDoorsCase, routes_by_dialect
from tests.support.http_kit import Answered
from tests.support.people_case import ABSENT

ROUTES: Final = routes_by_dialect()
METHODS: Final = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
REFUSED: Final = (401, 403, "A sessão informada é inválida", "Usuário sem permissão")
UNDONE: Final = (*REFUSED, "Usuário não encontrado")


class Access(MatrixCase):
    """A test of each route for each actor is added below."""

    def asked_as(self, actor: str, dialect: str, route: Route, path: str, row: Row) -> None:
        """Ask with each key that the actor may have, in a world where nothing has happened yet."""
        expected = row.outcomes[ACTORS.index(actor)]
        keys = self.keys(actor, dialect)
        before = self.everything()
        for number in range(len(keys)):
            if self.everything() != before:
                self.setUp()
                keys = self.keys(actor, dialect)
                before = self.everything()
            answered = self.says(dialect, route.method, path, row, keys[number])
            self.assertEqual(outcome(dialect, answered), expected, (keys[number], answered))
            if expected in UNDONE or not route.changes:
                self.assertEqual(self.everything(), before, keys[number])
            if route.method == "GET" and dialect != "members":
                self.is_the_same_without_its_body(
                    answered, self.says(dialect, "HEAD", path, row, keys[number])
                )
            if expected in REFUSED and has_targets(row):
                of_none = self.says(
                    dialect,
                    route.method,
                    path,
                    row,
                    keys[number],
                    dict.fromkeys(self.targets, ABSENT),
                )
                self.assertEqual(of_none, answered, "who is refused learns what exists")

    def is_the_same_without_its_body(self, answered: Answered, headed: Answered) -> None:
        self.assertEqual((headed.status, headed.body), (answered.status, b""))
        of_both = [
            {name: got.fields[name] for name in got.fields if name != b"content-length"}
            for got in (answered, headed)
        ]
        self.assertEqual(*of_both)


def _test(dialect: str, route: Route, path: str, actor: str) -> Callable[[Access], None]:
    def test(self: Access) -> None:
        rows = rows_of(dialect, route)
        self.assertTrue(
            rows, f"{route.method} {route.path} of {family(dialect)} is not in the table"
        )
        for number, row in enumerate(rows):
            if number:
                self.setUp()
            self.asked_as(actor, dialect, route, path, row)

    return test


def _tests() -> Iterator[tuple[str, Callable[[Access], None]]]:
    for dialect, routes in ROUTES.items():
        for route in routes.all:
            for path in (route.path, *route.also):
                for actor in ACTORS:
                    yield (
                        f"test {actor}: {route.method} {path} at {dialect}",
                        _test(dialect, route, path, actor),
                    )
            if route.path != "/":
                for actor in (
                    "nobody",
                    "user",
                ):  # a slash at the end is no way around, and no obstacle
                    path = f"{route.path}/"
                    yield (
                        f"test {actor}: {route.method} {path} at {dialect}",
                        _test(dialect, route, path, actor),
                    )


for _name, _made in _tests():
    assert not hasattr(Access, _name)
    setattr(Access, _name, _made)


class TheTable(SynchronousTestCase):
    def test_it_is_about_every_dialect_that_speaks_http_and_all_of_its_routes(self) -> None:
        self.assertEqual(sorted(ROUTES), sorted(HTTP))
        served = {
            (family(dialect), route.method, route.path)
            for dialect in ROUTES
            for route in ROUTES[dialect].all
        }
        self.assertEqual(served, set(TABLE))

    def test_every_row_tells_the_outcome_for_everybody(self) -> None:
        for rows in TABLE.values():
            for row in rows if isinstance(rows, tuple) else (rows,):
                self.assertEqual(len(row.outcomes), len(ACTORS))

    def test_a_route_that_the_table_lacks_fails(self) -> None:
        def handle(responder: Any, call: Any) -> Any:
            raise AssertionError

        unknown = Route("GET", "/unheard-of", handle, "", {200: None})
        case = Access()
        case.setUp()
        self.assertRaises(AssertionError, _test("admin", unknown, unknown.path, "nobody"), case)


class OtherMethods(AllDoorsCase):
    def test_what_is_no_route_is_404_or_405_before_anybody_is_asked_who_they_are(self) -> None:
        before = self.everything()
        for dialect, routes in ROUTES.items():
            shown = {path for route in routes.all for path in (route.path, *route.also)}
            for path in sorted(shown):
                target = (
                    path.replace("{session}", "A" * 64)
                    .replace("{kind}", "clients")
                    .replace("{id}", "1")
                    .replace("{client_id}", "1")
                )
                there = {route.method for route in routes.all if path in (route.path, *route.also)}
                there |= {"OPTIONS"} | ({"HEAD"} if "GET" in there else set())
                for method in sorted({*METHODS, "LINK"} - there):
                    answered = self.asks(dialect, method, target, {})
                    self.assertEqual(
                        (answered.status, answered.field("Allow")), (405, ", ".join(sorted(there)))
                    )
                self.assertEqual(self.asks(dialect, "GET", f"{target}/no/where").status, 404)
        self.assertEqual(self.everything(), before)


class Foreign(MatrixCase):
    """chef is admin of another company, carl a user there; bert's id means nothing to them."""

    def test_an_id_of_another_company_looks_exactly_like_one_that_does_not_exist(self) -> None:
        bodies: tuple[object, ...] = (
            None,
            {},
            b"{",
            {"Ativo": "true"},
            {"Ativo": "perhaps"},
            {"PassWord": "short", "Ativo": "true"},
            {"PassWord": "A" * 64, "Ativo": "true"},
            {"UserName": "bert", "Ativo": "true"},
            {"UserName": "a b", "Ativo": "true"},
            {"UserName": "free", "PassWord": "A" * 64, "Ativo": "true"},
        )
        for asker in (self.chef, self.carl):
            session = self.token(asker, "way")
            for method in ("GET", "HEAD", "PUT", "DELETE"):
                for body in bodies if method == "PUT" else (None,):
                    before, of = self.everything(), []
                    for id in (self.bert.id, ABSENT):
                        works = self.pool.works
                        answered = self.asks("way", method, f"/api/usuario/{session}?id={id}", body)
                        of.append(
                            (answered, self.pool.works - works)
                        )  # a hash more or less would tell by the time
                    self.assertEqual(of[0], of[1], (asker.login, method, body))
                    self.assertEqual(self.everything(), before)

    def test_what_admins_see_of_a_company_at_way_names_nobody_else(self) -> None:
        session = self.token(self.chef, "way")
        self.assertNotIn(b"bert", self.asks("way", "GET", f"/api/usuario/{session}").body)

    def test_a_message_of_the_wire_names_no_address_of_ours(self) -> None:
        for dialect in HTTP:
            self.assertNotIn(HERE.encode(), self.asks(dialect, "GET", "/nowhere").body)
