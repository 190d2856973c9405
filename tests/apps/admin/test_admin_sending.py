# mypy: allow-untyped-calls
"""An admin sends a request to a port of the daemon, and is given what comes back."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.testing import StringTransport

from sockcrud.apps.admin.sending import (
    LONGEST_ANSWER,
    LONGEST_SECONDS,
    MOST,
    QUIET_SECONDS,
    Answer,
    Sender,
)
from sockcrud.errors import Busy
from tests.apps.admin.admin_case import AdminCase
from tests.support.http_kit import answers, request

SENT = {"dialect": "shop", "text": "GET / HTTP/1.1\r\n\r\nü"}


class SendingTests(AdminCase):
    def setUp(self) -> None:
        self.peers: list[Any] = []
        self.asked: list[str] = []
        super().setUp()

    def connects(self, reactor: Any, url: str) -> Any:
        self.asked.append(url)
        return self

    def connect(self, factory: Any) -> Deferred[Any]:
        """Let somebody be there who says nothing by itself."""
        protocol = factory.buildProtocol(None)
        protocol.makeConnection(StringTransport())
        self.peers.append(protocol)
        return succeed(protocol)

    def sends(self) -> None:
        self.client.says(request("POST", "/send", SENT, token=self.root_token))

    def hears_answer(self) -> Any:
        (answered,) = answers(self.client.hears(), ("POST",))
        return answered.json

    def test_it_is_sent_as_it_stands_and_what_comes_is_given(self) -> None:
        self.sends()
        (peer,) = self.peers
        self.assertEqual(self.asked, ["http://127.0.0.1:5080"])
        self.assertEqual(peer.transport.value(), SENT["text"].encode())
        self.clock.advance(0.25)
        peer.dataReceived("é".encode() + b"\xff")
        peer.connectionLost()
        told = {"text": "é\\xff", "seconds": 0.25, "closed": True, "cut": False}
        self.assertEqual(self.hears_answer(), told)

    def test_who_keeps_the_connection_is_not_waited_for(self) -> None:
        self.sends()
        (peer,) = self.peers
        peer.dataReceived(b"one ")
        self.clock.advance(QUIET_SECONDS - 0.1)
        peer.dataReceived(b"two")
        self.assertEqual(self.client.hears(), b"")
        self.clock.advance(QUIET_SECONDS)
        told = self.hears_answer()
        self.assertEqual((told["text"], told["closed"]), ("one two", False))
        self.assertTrue(peer.transport.disconnected or peer.transport.disconnecting)

    def test_nobody_answers_for_ever_nor_without_end(self) -> None:
        self.sends()
        self.clock.advance(LONGEST_SECONDS)
        self.assertEqual(self.hears_answer()["text"], "")
        self.sends()
        for _ in range(20):
            self.peers[1].dataReceived(b"x")
            self.clock.advance(QUIET_SECONDS * 0.6)
        self.assertLess(len(self.hears_answer()["text"]), 20)
        self.sends()
        self.peers[2].dataReceived(b"x" * (LONGEST_ANSWER + 1))
        told = self.hears_answer()
        self.assertEqual((len(told["text"]), told["cut"]), (LONGEST_ANSWER, True))

    def test_few_at_a_time(self) -> None:
        sender = Sender(self.access, self.about, self.clock, self.connects)

        def sends() -> Deferred[Answer]:
            root = self.as_(self.root, "admin")
            return Deferred.fromCoroutine(sender.send(root, "shop", b"x"))

        waiting = [sends() for _ in range(MOST)]
        self.failureResultOf(sends(), Busy)
        self.peers[0].connectionLost()
        self.assertTrue(self.successResultOf(waiting[0]).closed)
        self.assertNoResult(sends())

    def test_what_cannot_be_reached_is_said(self) -> None:
        self.connect = lambda factory: fail(ConnectionRefusedError())  # type: ignore[method-assign]
        self.refused(self.asks("POST", "/send", SENT), 400, "invalid", "dialect")
        for body in ({"dialect": "nothing", "text": "x"}, {"dialect": 1, "text": "x"}):
            self.refused(self.asks("POST", "/send", body), 400, "invalid", "dialect")
        self.refused(
            self.asks("POST", "/send", {"dialect": "shop", "text": 1}), 400, "invalid", "text"
        )
