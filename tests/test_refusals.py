"""What the log says of requests that are refused: enough to find out why, nothing that was sent,
and never too much.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.errors import Invalid, NotFound
from sockcrud.refusals import LINES, LINES_OF_ALL, NAMED, Refusals
from tests.support.running import Daemon


class RefusalTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.time = 1000.5
        self.refusals = Refusals(lambda: self.time)
        self.events: list[LogEvent] = []
        observer = cast(ILogObserver, self.events.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    @property
    def lines(self) -> list[str]:
        return [
            formatEvent(event)
            for event in self.events
            if event.get("log_namespace") == "sockcrud.refusals"
        ]

    def test_a_refusal_has_dialect_peer_operation_field_and_reason(self) -> None:
        self.refusals.note_error(
            "users", "192.0.2.1", "users.create", Invalid("age", "a whole number")
        )
        self.refusals.note_error("shop", "", "clients.fetch", NotFound("client", 4711))
        self.assertEqual(
            self.lines,
            [
                "refused: users 192.0.2.1 users.create 'age': expected a whole number",
                "refused: shop a Unix socket clients.fetch not_found",
            ],
        )

    def test_an_error_that_is_caught_twice_on_its_way_is_logged_once(self) -> None:
        error = NotFound("client", 1)
        for operation in ("clients.fetch", "GET /clients/fetch/{id}"):
            self.refusals.note_error("shop", "192.0.2.1", operation, error)
        self.assertEqual(len(self.lines), 1)

    def test_a_peer_has_so_many_lines_a_second_and_then_a_count(self) -> None:
        for last in range(4):
            for _ in range(LINES + 10):
                self.refusals.note("users", f"2001:db8::{last}", "-", "no such operation")
        self.refusals.note("users", "192.0.2.1", "-", "no such operation")
        self.assertEqual(len(self.lines), LINES + 1)
        self.time += 1
        self.refusals.note("users", "192.0.2.1", "-", "no such operation")
        self.assertEqual(
            self.lines[-2], f"refused: 2001:db8::/64 {4 * (LINES + 10) - LINES} requests more"
        )

    def test_all_peers_together_have_so_many_lines_a_second_too(self) -> None:
        for number in range(20_000):
            self.refusals.note(
                "users", f"10.1.{number // 256}.{number % 256}", "-", "no such operation"
            )
        self.assertEqual(len(self.lines), LINES_OF_ALL)
        self.refusals.flush()
        self.assertEqual(len(self.lines), LINES_OF_ALL + NAMED + 1)
        counted = sum(event["count"] for event in self.events if "count" in event)
        self.assertEqual(LINES_OF_ALL + counted, 20_000)

    def test_there_are_none_where_none_are_wanted(self) -> None:
        self.refusals.lines = 0
        self.refusals.note("users", "192.0.2.1", "-", "no such operation")
        self.refusals.flush()
        self.assertEqual(self.lines, [])

    def test_the_name_of_a_field_is_cut_and_shown_as_it_is(self) -> None:
        self.refusals.note("users", "192.0.2.1", "-", "unknown", "a\nb" + "c" * 100)
        self.assertIn(r"'a\nb" + "c" * 57 + "':", self.lines[0])


def test_every_kind_of_refusal_has_its_line_and_no_value_in_it(tmp_path: Path) -> None:
    requests = {
        "users": [
            '{"id_operation":"create_user","payload":{"name":"Ana","email":"SECRET","age":30}}',
            '{"id_operation":"SECRET"}',
            '{"id_operation":"get_user","payload":{"user_id":777}}',
            "SECRET\n",
        ],
        "messages": ['{"op":"SECRET"}', '{"op":"mostrar","id":777}'],
        "shop": [
            "GET /SECRET HTTP/1.0\r\n\r\n",
            "GET /clients/fetch/777 HTTP/1.0\r\n\r\n",
            "DELETE /clients/health HTTP/1.0\r\n\r\n",
            "POST /user/login HTTP/1.0\r\nAuthorization: Basic U0VDUkVUOlNFQ1JFVA==\r\n\r\n",
            "NONSENSE\r\n\r\n",
        ],
        "way": ["GET /api/main/SECRET HTTP/1.0\r\n\r\n"],
    }
    with Daemon(tmp_path, "--log-format", "json", "--log-refusals", "100") as daemon:
        for dialect, some in requests.items():
            for request in some:
                daemon.ask(dialect, request)
        daemon.stop()
        text = daemon.log.read_text()
    assert "SECRET" not in text
    assert "777" not in text
    found: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
    refused = [line for line in found if line["message"].startswith("refused: ")]
    assert all((line["level"], line["peer"]) == ("info", "127.0.0.1") for line in refused)
    seen = {
        (line["dialect"], line["operation"], line.get("field"), line["reason"]) for line in refused
    }
    assert seen >= {
        ("users", "-", "id_operation", "no such operation"),
        ("users", "users.get", None, "not_found"),
        ("users", "-", "request", "expected a JSON object, and this is not a JSON object"),
        ("messages", "-", "op", "expected one of mostrar, adicionar, deletar"),
        ("messages", "messages.get", None, "not_found"),
        ("clients", "-", None, "no such path"),
        ("clients", "GET /clients/fetch/{id}", None, "not_logged_in"),
        ("clients", "-", "method", "expected GET, HEAD, OPTIONS"),
        ("auth", "sessions.log_in", None, "login_failed"),
        ("clients", "-", None, "400: The request line is malformed"),
    }, sorted(map(str, seen))
    assert any(
        (line["dialect"], line["operation"], line.get("field"))
        == ("users", "users.create", "email")
        for line in refused
    )
    assert "way" in {line["dialect"] for line in refused}
    assert len(refused) == sum(map(len, requests.values()))
