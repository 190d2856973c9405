"""The journal as it grows."""

from __future__ import annotations

import json
from typing import Any

from sockcrud.journal.watching import BEAT_SECONDS, LOOK_SECONDS, MOST_WATCHERS
from tests.journal.journal_kit import Caller, JournalCase
from tests.support.http_kit import request

ASK = b'{"id_operation":"get_users"}\n'


class Stream:
    """A watcher's end of a stream of events."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self._said = b""
        self.head = b""

    def hear(self) -> list[dict[str, Any]]:
        """Return the events that have come: their kind, number and data; a comment has none."""
        self._said += self.caller.wire.said()
        if not self.head:
            self.head, _, self._said = self._said.partition(b"\r\n\r\n")
        events = []
        while found := self._chunk():
            for block in found.decode().split("\n\n"):
                lines = dict(line.partition(": ")[::2] for line in block.split("\n") if line)
                if lines:
                    data = lines.get("data")
                    events.append(
                        {
                            "event": lines.get("event", "message"),
                            "id": lines.get("id"),
                            "data": None if data is None else json.loads(data),
                            "comment": "" in lines,
                        }
                    )
        return [event for event in events if event["data"] is not None or event["comment"]]

    def _chunk(self) -> bytes:
        size, line, rest = self._said.partition(b"\r\n")
        if not line:
            return b""
        length = int(size, 16)
        chunk, self._said = rest[:length], rest[length + 2 :]
        return chunk


class WatchingTests(JournalCase):
    def setUp(self) -> None:
        super().setUp()
        self.token = self.log_in("root", "admin").token

    def watch(self, query: str = "", **headers: str) -> Stream:
        caller = self.call("admin")
        target = f"/journal/stream{query}"
        said = caller.ask(request("GET", target, token=self.token, headers=headers))
        stream = Stream(caller)
        stream._said = said
        self.addCleanup(caller.leave)
        return stream

    def look(self, times: int = 1) -> None:
        for _ in range(times):
            self.clock.advance(LOOK_SECONDS)
            self.clock.advance(0)

    def test_what_is_asked_from_now_on_is_seen(self) -> None:
        self.ask("users", ASK)
        stream = self.watch()
        self.look()
        stream.hear()
        self.ask("users", ASK)
        self.look()
        events = stream.hear()
        self.assertIn(b"text/event-stream", stream.head)
        kinds = [event["data"]["kind"] for event in events]
        self.assertEqual(kinds, ["open", "request", "close"])
        self.assertEqual([int(event["id"]) for event in events], [5, 6, 7])

    def test_who_comes_back_gets_what_was_meanwhile(self) -> None:
        for _ in range(3):
            self.ask("users", ASK)
        for stream in (self.watch("?after=4"), self.watch(**{"Last-Event-ID": "4"})):
            self.look()
            numbers = [int(event["id"]) for event in stream.hear()]
            self.assertEqual(numbers[:5], [5, 6, 7, 8, 9])

    def test_only_what_is_wanted_is_seen(self) -> None:
        stream = self.watch("?refused=1&dialect=users&after=0")
        self.ask("users", ASK)
        self.ask("users", b"{}\n")
        self.ask("messages", b"{}\n")
        self.look()
        events = stream.hear()
        self.assertEqual([event["data"]["request"]["text"] for event in events], ["{}"])

    def test_who_was_too_slow_is_told_how_much_was_missed(self) -> None:
        stream = self.watch("?after=0")
        self.look()
        seen = [event["data"] for event in stream.hear()]
        stream.caller.wire.stall()
        for _ in range(300):
            self.ask("users", ASK)
        held = len(stream.caller.wire.value())
        self.look(5)
        self.assertLess(len(stream.caller.wire.value()) - held, 1_000_000)
        stream.caller.wire.flow()
        self.look(30)
        events = stream.hear()
        (missed,) = [event for event in events if event["event"] == "missed"]
        others = [event["data"] for event in events if event["event"] == "message"]
        self.assertEqual(len(seen) + missed["data"]["count"] + len(others), self.recorder.next - 1)

    def test_silence_is_broken_by_a_comment(self) -> None:
        stream = self.watch()
        self.look()
        stream.hear()
        self.look(int(BEAT_SECONDS / LOOK_SECONDS) + 2)
        self.assertEqual([event["comment"] for event in stream.hear()], [True])

    def test_it_ends_within_a_second_of_its_session(self) -> None:
        stream = self.watch()
        self.look()
        self.ask_http("admin", "POST", "/logout", token=self.token)
        self.look(10)
        self.assertIn(b"0\r\n\r\n", stream.caller.wire.said())
        self.assertEqual(self.watching.watchers, 0)

    def test_it_ends_with_the_connection_and_with_the_daemon(self) -> None:
        self.watch().caller.leave()
        self.assertEqual(self.watching.watchers, 0)
        stream = self.watch()
        self.finish(self.connections.finish(self.clock, 5.0))
        self.look()
        self.assertIn(b"0\r\n\r\n", stream.caller.wire.said())
        stream.caller.leave()

    def test_there_are_only_so_many_watchers(self) -> None:
        streams = [self.watch() for _ in range(MOST_WATCHERS)]
        self.assertIn(b"503", self.ask_http("admin", "GET", "/journal/stream", token=self.token))
        streams[0].caller.leave()
        stream = self.watch()
        stream.hear()
        self.assertIn(b"200 OK", stream.head)

    def finish(self, work: Any) -> None:
        from twisted.internet.defer import Deferred

        Deferred.fromCoroutine(work)
