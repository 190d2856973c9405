# mypy: allow-untyped-calls
"""Brownouts: a dialect pauses at its times, in its own words, and says beforehand that it goes."""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import Final

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.access import Principal
from sockcrud.ledger.brownouts import Retirements, brownouts, days, pausing
from sockcrud.ledger.counting import Ledger
from sockcrud.ledger.records import Usage
from sockcrud.rest.routed import Terms
from tests.apps.admin.admin_case import AdminCase
from tests.support.dialect_case import DialectCase

CREATE: Final = (
    b'{"id_operation":"create_user","payload":{"name":"Ana","email":"a@example.org","age":3}}\n'
)
TEN: Final = datetime(2026, 12, 1, 10, tzinfo=timezone.utc)


class SettingTests(SynchronousTestCase):
    def test_a_time_has_a_zone_and_a_length(self) -> None:
        words = brownouts("users@2026-12-01T11:00+01:00/15m way@2026-12-02T10:00Z/1h")
        retirements = Retirements(words)
        for minute, paused in ((-1, False), (0, True), (14, True), (15, False)):
            now = datetime.fromtimestamp(TEN.timestamp() + 60 * minute, timezone.utc)
            self.assertEqual(retirements.is_paused("users", now), paused, minute)
            self.assertFalse(retirements.is_paused("messages", now))

    def test_what_is_none_is_refused_with_what_would_be_one(self) -> None:
        for text in (
            "users",
            "users@2026-12-01",
            "users@2026-12-01T10:00/15m",
            "users@2026-13-01T10:00Z/15m",
            "users@2026-12-01T10:00Z/15",
            "users@2026-12-01T10:00Z/0m",
            "users@2026-12-01T10:00Z/99d",
            "@2026-12-01T10:00Z/15m",
        ):
            with self.assertRaisesRegex(ValueError, "users@2026|31 days"):
                brownouts(text)
        for text in ("users", "users@", "users@2026-02-30", "users@2026-12-01T10:00Z"):
            with self.assertRaisesRegex(ValueError, "users@2027-01-31"):
                days(text)

    def test_http_says_that_a_dialect_goes_from_the_day_on_that_is_announced(self) -> None:
        retirement = Retirements((), ["way@2026-12-01"], ["way@2027-01-31"]).of("way")
        assert retirement is not None
        self.assertEqual(retirement.headers_on(date(2026, 11, 30)), ())
        self.assertEqual(
            retirement.headers_on(date(2026, 12, 1)),
            ((b"Deprecation", b"@1796083200"), (b"Sunset", b"Sun, 31 Jan 2027 00:00:00 GMT")),
        )


class PausedTests(DialectCase):
    def setUp(self) -> None:
        super().setUp()
        begin = datetime.fromtimestamp(self.clock.seconds() + 60, timezone.utc).isoformat()
        retirements = Retirements([f"{name}@{begin}/10m" for name in ("users", "messages")])
        self.access.interference = pausing(retirements, self.access.now)
        self.ledger = Ledger(self.store, self.clock)
        self.ledger.is_paused = retirements.is_paused
        self.access.observers.append(self.ledger)

    def written(self) -> list[Usage]:
        fired = Deferred.fromCoroutine(self.ledger.write())
        while not fired.called:
            self.clock.advance(0)
        self.successResultOf(fired)
        return self.successResultOf(Deferred.fromCoroutine(self.store.page(Usage, 100)))

    def test_a_dialect_pauses_in_its_own_words_and_goes_on(self) -> None:
        self.assertEqual(self.users().ask(CREATE)[-10:], b'"code":201}\n'[-10:])
        self.clock.advance(60)
        busy = b'{"error":500,"error_message":"Internal Server Error"}\n'
        self.assertEqual(self.users().ask(CREATE), busy)
        self.assertEqual(
            self.messages().ask(b'{"op":"mostrar"}\n'),
            '{"status":505,"message":"Conexão encerrada","data":""}\n'.encode(),
        )
        self.clock.advance(600)
        self.assertIn(b'"code":200', self.users().ask(b'{"id_operation":"get_users"}\n'))

    def test_who_came_meanwhile_is_listed_by_how_it_frames(self) -> None:
        self.clock.advance(60)
        self.users().ask(CREATE.rstrip())
        self.clock.advance(600)
        self.users().ask(CREATE)
        rows = {usage.software: usage.in_brownouts for usage in self.written()}
        self.assertEqual(rows, {"JSON without a newline": 1, "JSON, a line each": 0})


class AnnouncedTests(AdminCase):
    def test_answers_of_every_kind_say_it(self) -> None:
        retirement = Retirements((), ["admin@2020-01-01"], ["admin@2099-01-31"]).of("admin")
        self.client = self.a_client(Terms(retirement=retirement))
        for method, path, status in (
            ("GET", "/health", 200),
            ("GET", "/nothing", 404),
            ("POST", "/login", 400),
        ):
            answered = self.asks(method, path, {} if method == "POST" else None)
            self.assertEqual(answered.status, status)
            self.assertEqual(
                (answered.fields[b"deprecation"], answered.fields[b"sunset"]),
                (b"@1577836800", b"Sat, 31 Jan 2099 00:00:00 GMT"),
            )


class ListedTests(AdminCase):
    def test_the_ledger_is_an_admins_by_pages_by_dialect_and_by_day(self) -> None:
        ledger = Ledger(self.store, self.clock)
        for name in ("ana", "bo"):
            ledger("get_user", Principal("users", name), 0.0, "ok")
        ledger("get", Principal("way", "x"), 0.0, "ok")
        fired = Deferred.fromCoroutine(ledger.write())
        while not fired.called:
            self.clock.advance(0)
        first = self.asks("GET", "/ledger?limit=1&dialect=users").json
        rest = self.asks("GET", f"/ledger?dialect=users&after={first['next']}").json
        self.assertEqual([row["who"] for row in first["items"] + rest["items"]], ["ana", "bo"])
        [row] = self.asks("GET", "/ledger?dialect=way").json["items"]
        self.assertEqual((row["operation"], row["count"]), ("get", 1))
        self.assertEqual(self.asks("GET", "/ledger?since=2999-01-01").json["items"], [])
        self.assertEqual(self.asks("GET", "/ledger?since=soon").status, 400)
        self.assertEqual(self.asks("GET", "/ledger", token=None).status, 401)
