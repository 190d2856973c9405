# mypy: allow-untyped-calls
"""Routing tables, entity tags, lists and schemas: what the HTTP dialects are made of."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.access import Principal
from sockcrud.apps.messages.records import Message
from sockcrud.errors import Outdated, Unavailable
from sockcrud.protocols.answers import Stream
from sockcrud.protocols.http.connection import BodySlices, Request
from sockcrud.protocols.http.request import Fields
from sockcrud.rest.etags import NO_REVISION, Conditions, conditions
from sockcrud.rest.lists import LONGEST_WHOLE, list_answer, list_response
from sockcrud.rest.routed import Call
from sockcrud.rest.routes import Found, Routes
from sockcrud.rest.schemas import schema_of
from tests.rest.routed_kit import ONE, Dialect, route
from tests.support.model import KINDS, describe


class RoutesTests(SynchronousTestCase):
    def found(
        self, path: str, method: str = "GET", table: Routes = Dialect.routes
    ) -> tuple[str, dict[str, Any]]:
        found = table.find(path, method)
        assert isinstance(found, Found), found
        return found.route.path, dict(found.parameters)

    def test_a_path_is_found_with_its_parameters(self) -> None:
        self.assertEqual(self.found("/things"), ("/things", {}))
        self.assertEqual(self.found("/things/"), ("/things", {}))
        self.assertEqual(self.found("/"), ("/", {}))
        self.assertEqual(self.found("/things/5"), ("/things/{id}", {"id": 5}))
        self.assertEqual(self.found("/thing/5", "PUT"), ("/things/{id}", {"id": 5}))
        parts = {"id": 5, "part_id": 6}
        self.assertEqual(self.found("/things/5/parts/6/"), ("/things/{id}/parts/{part_id}", parts))
        parts = {"name": "Ann b", "part_id": 6}  # type: ignore[dict-item]
        self.assertEqual(
            self.found("/people/Ann b/parts/6"), ("/people/{name}/parts/{part_id}", parts)
        )

    def test_a_path_without_parameters_comes_first(self) -> None:
        self.assertEqual(self.found("/things/special"), ("/things/special", {}))

    def test_an_id_is_a_whole_number_of_64_bits(self) -> None:
        self.assertEqual(self.found(f"/things/{2**63 - 1}")[1], {"id": 2**63 - 1})
        for text in (2**63, "-1", "+1", "1.0", " 1", "1\n", "١", "²", "1_0", "x", "0" * 20):
            self.assertIsNone(Dialect.routes.find(f"/things/{text}", "GET"), text)

    def test_what_is_not_there_is_not_found(self) -> None:
        for path in (
            "/nothing",
            "/things/5/parts",
            "///",
            "/things//",
            "",
            "things",
            "/THINGS",
            "/things/{id}",
        ):
            self.assertIsNone(Dialect.routes.find(path, "GET"), path)

    def test_the_methods_of_a_path_are_told_where_there_is_no_such_one(self) -> None:
        self.assertEqual(
            Dialect.routes.find("/things/5", "PATCH"), ("GET", "HEAD", "OPTIONS", "PUT")
        )
        self.assertEqual(Dialect.routes.find("/thing/5", "GET"), ("OPTIONS", "PUT"))
        self.assertEqual(Dialect.routes.find("/things", "OPTIONS"), ("GET", "HEAD", "OPTIONS"))
        self.assertEqual(
            Dialect.routes.find("*", "OPTIONS"), ("GET", "HEAD", "OPTIONS", "POST", "PUT")
        )

    def test_head_is_served_by_get_unless_it_has_a_route_of_its_own(self) -> None:
        self.assertEqual(self.found("/things/5", "HEAD"), ("/things/{id}", {"id": 5}))
        found = Dialect.routes.find("/status", "HEAD")
        assert isinstance(found, Found)
        self.assertEqual(found.route.method, "HEAD")

    def test_paths_that_a_dialect_takes_for_one_are_one_and_parameters_stay_as_they_are(
        self,
    ) -> None:
        table = Routes([route("GET", "/Api/{session}/Main"), route("GET", "/Api")], str.lower)
        self.assertEqual(
            self.found("/aPI/AbC/main", table=table), ("/Api/{session}/Main", {"session": "AbC"})
        )
        self.assertEqual(self.found("/API/", table=table), ("/Api", {}))

    def test_a_table_that_contradicts_itself_is_refused(self) -> None:
        for second in (
            route("GET", "/things/{id}"),
            route("PUT", "/things/{thing_id}"),
            route("POST", "/x", also=("/x",)),
            route("POST", "/x-{id}"),
        ):
            self.assertRaises(ValueError, Routes, [ONE, second])

    def test_what_only_reads_is_told_by_the_method_unless_it_is_said(self) -> None:
        self.assertEqual(
            [route(method, "/").changes for method in ("GET", "HEAD", "PUT", "DELETE")],
            [False, False, True, True],
        )
        self.assertFalse(route("POST", "/", changes=False).changes)
        dialect = Dialect()
        for method, path, reads in (
            ("GET", "/things", True),
            ("PUT", "/things/1", False),
            ("PUT", "/nothing", True),
        ):
            self.assertIs(dialect.only_reads(Request(method, path)), reads)


class IfMatchTests(SynchronousTestCase):
    def matched(
        self, value: bytes, revisions: list[int], unless: bytes | None = None
    ) -> tuple[int | None, list[int | None]]:
        """Change a record that is at these revisions, one after the other, whenever it is looked
        at.
        """
        tried: list[int | None] = []

        async def change(expect: int | None) -> int | None:
            tried.append(expect)
            rev = revisions.pop(0)
            if expect not in (None, rev):
                raise Outdated(expect, rev)
            return rev

        async def changed() -> int | None:
            call = Call(self.conditional(value, unless), ONE, {}, Principal("", ""))
            try:
                return await call.if_match(change)
            except Outdated:
                return None

        return self.successResultOf(Deferred.fromCoroutine(changed())), tried

    def conditional(self, match: bytes | None, unless: bytes | None = None) -> Request:
        lines = b"" if match is None else b"If-Match: " + match + b"\r\n"
        lines += b"" if unless is None else b"If-None-Match: " + unless + b"\r\n"
        return Request("PUT", "/", fields=Fields(b"\r\n" + lines))

    def test_tags_are_read_as_their_grammar_says(self) -> None:
        self.assertIsNone(conditions(self.conditional(b"*")).matched)
        for value, revisions in (
            (b'"5"', [5]),
            (b'"5","6" , "7"', [5, 6, 7]),
            (b', "5",,"6",', [5, 6]),
            (b'W/"5", "6"', [6]),
            (b'"5,6", "7"', [7]),
            (b'w/"5"', []),
            (b"5", []),
            (b'"5" "6"', []),
            (b'"5", *', []),
            (b'"05", "-5", "5.0", " 5", "x", "", "\xe9"', []),
            (b'"9223372036854775807", "9223372036854775808"', [2**63 - 1]),
            (b"", []),
        ):
            self.assertEqual(
                conditions(self.conditional(value)), Conditions(matched=tuple(revisions)), value
            )

    def test_if_none_match_takes_weak_tags_for_their_revisions_too(self) -> None:
        self.assertEqual(
            conditions(self.conditional(None, b'W/"5", "6", "x"')), Conditions(excluded=(5, 6))
        )
        self.assertEqual(conditions(self.conditional(b'"4"', b"*")), Conditions((4,), None))
        self.assertEqual(conditions(self.conditional(None, b"5")), Conditions())
        self.assertEqual(conditions(self.conditional(None)), Conditions())

    def test_a_change_that_excludes_revisions_is_made_at_any_other_and_only_there(self) -> None:
        for unless, revisions, outcome in (
            (b'"5"', [7, 7], (7, [NO_REVISION, 7])),
            (b'"5"', [7, 8, 8], (8, [NO_REVISION, 7, 8])),
            (b'"5", "8"', [7, 8], (None, [NO_REVISION, 7])),
            (b'W/"7"', [7], (None, [NO_REVISION])),
            (b"*", [7], (None, [NO_REVISION])),
            (b"", [7], (7, [None])),
        ):
            self.assertEqual(self.matched(b"*", revisions, unless), outcome, unless)
        self.assertEqual(self.matched(b'"5", "6"', [6, 6], b'"5"'), (6, [6]))
        self.assertEqual(self.matched(b'"5"', [5], b'"5"'), (None, [NO_REVISION]))

    def test_each_of_several_revisions_may_be_the_right_one(self) -> None:
        self.assertEqual(self.matched(b'"5"', [5]), (5, [5]))
        self.assertEqual(self.matched(b'"5", "7"', [7, 7]), (7, [5, 7]))
        self.assertEqual(self.matched(b"*", [7]), (7, [None]))

    def test_a_record_that_changes_meanwhile_is_tried_at_its_new_revision_if_that_is_named(
        self,
    ) -> None:
        self.assertEqual(self.matched(b'"5", "7", "8"', [7, 8, 8]), (8, [5, 7, 8]))
        self.assertEqual(self.matched(b'"5", "7"', [7, 9]), (None, [5, 7]))

    def test_what_matches_nothing_expects_what_no_record_is_ever_at(self) -> None:
        self.assertEqual(self.matched(b'W/"5"', [5]), (None, [-1]))


class FailingStream:
    """A stream that breaks off after so many slices."""

    def __init__(self, slices: int) -> None:
        self.left = slices
        self.ended = False
        self.closed = False

    def __aiter__(self) -> FailingStream:
        return self

    async def __anext__(self) -> list[Message]:
        if not self.left:
            raise Unavailable
        self.left -= 1
        return [Message(id=self.left, rev=1, data="x")]

    def close(self) -> None:
        self.closed = True


class ListTests(SynchronousTestCase):
    def test_a_listing_that_fails_before_anything_was_said_is_let_go(self) -> None:
        for slices in (0, 1):
            stream = FailingStream(slices)
            self.failureResultOf(
                Deferred.fromCoroutine(list_response(stream, b"[", lambda _: b"1", b"]")),
                Unavailable,
            )
            self.assertTrue(stream.closed)

    def test_a_body_is_begun_with_what_was_read(self) -> None:
        stream = FailingStream(3)
        encode = lambda messages: b"x" * LONGEST_WHOLE  # noqa: E731
        response = self.successResultOf(
            Deferred.fromCoroutine(list_response(stream, b"[", encode, b"]"))
        )
        assert isinstance(response.body, BodySlices)
        self.assertEqual((stream.left, stream.closed), (2, False))
        response.body.close()
        self.assertTrue(stream.closed)

    def test_over_tcp_only_a_list_of_one_slice_is_whole(self) -> None:
        answer = self.successResultOf(
            Deferred.fromCoroutine(list_answer(FailingStream(2), b"[", lambda _: b"1", b"]"))
        )
        self.assertIsInstance(answer, Stream)


class SchemaTests(SynchronousTestCase):
    def test_every_bound_of_the_model_has_a_schema(self) -> None:
        for kind in KINDS:
            for bound in describe(kind).constraints.values():
                self.assertIn(schema_of(bound)["type"], ("string", "integer", "boolean"))
