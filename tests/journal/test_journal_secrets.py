"""No secret is seen in the journal, in its stream, or in the log, wherever in a request it was."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from twisted.logger import formatEvent, globalLogPublisher

from tests.journal import secret_requests
from tests.journal.journal_kit import JournalCase
from tests.journal.secret_requests import exchanges, found, self_check
from tests.support.http_kit import request


class SecretCase(JournalCase):
    """All dialects, and a look at all that can be seen of what is asked there."""

    def setUp(self) -> None:
        super().setUp()
        self.logged: list[str] = []
        observer: Any = self._log
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        self.token = self.log_in("root", "admin").token

    def _log(self, event: Any) -> None:
        self.logged.append(formatEvent(event) + str(event.get("log_failure", "")))

    def seen(self) -> str:
        """Return all that can be seen since the last time."""
        entries = orjson.dumps(self.entries()).decode()
        said = self.ask("admin", request("GET", "/journal/stream?after=0", token=self.token))
        logged = "\n".join(self.logged)
        self.recorder.kept.clear()
        self.recorder.notes.clear()
        self.recorder.first = 1
        self.logged.clear()
        text = f"{entries}\n{said.decode()}\n{logged}"
        return text.replace("\\\\", "\\") + text  # also as those read it who decode the JSON

    def check(self, secret: str, dialect: str, sent: bytes) -> None:
        said = self.ask(dialect, sent)
        text = self.seen()
        assert '"kind":"request"' in text or not said or b"/journal" in sent, (dialect, sent)
        shown = found(secret, text)
        assert not shown, (dialect, sent, shown, text[max(0, text.find(shown[0]) - 300) :][:600])


class SecretTests(SecretCase):
    def test_the_search_sees_what_is_there(self) -> None:
        self_check()
        self.ask("messages", b'{"op":"adicionar","id":1,"data":"Zx9%k3 is in it"}\n')
        self.assertTrue(found("Zx9%k3", self.seen()))

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(exchanges())
    def test_no_secret_is_seen_wherever_it_was(self, exchange: tuple[str, str, bytes]) -> None:
        self.check(*exchange)

    def test_what_stands_in_a_list_is_nobodys_field(self) -> None:
        for params in ('["2222222222"]', '[["2222222222"]]', '{"number": ["2222222222"]}'):
            sent = f'{{"jsonrpc": "2.0", "id": 1, "method": "lockers.get", "params": {params}}}\n'
            self.check("2222222222", "vault-lines", sent.encode())

    def test_no_token_that_is_answered_is_seen(self) -> None:
        password = "correct horse"
        for dialect, target, body in (
            ("admin", "/login", {"login": "root", "password": password}),
            ("members", "/", {"email": "root", "password": password}),
            ("way", "/api/main", {"User": "root", "Passwd": secret_requests.digest_of(password)}),
        ):
            with self.subTest(dialect=dialect):
                said = self.ask_http(dialect, "POST", target, body)
                answer = orjson.loads(said.partition(b"\r\n\r\n")[2])
                token = answer.get("token") or answer["IDSessao"]
                text = self.seen()
                self.assertEqual(found(token, text), [])
                self.assertEqual(found(password, text), [])
                self.assertIn("***", text)

    def test_a_password_that_was_typed_as_a_login_is_not_seen(self) -> None:
        typed = "Zx9-mistyped!"
        for dialect, target, body in (
            ("admin", "/login", {"login": typed, "password": "x"}),
            ("members", "/", {"email": typed, "password": "x"}),
            ("way", "/api/main", {"User": typed, "Passwd": "0" * 64}),
        ):
            with self.subTest(dialect=dialect):
                self.ask_http(dialect, "POST", target, body)
                self.assertEqual(found(typed, self.seen()), [])
