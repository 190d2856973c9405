"""The little of a reactor that a command's store needs."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.storage import waiting
from sockcrud.storage.waiting import Turns


class TurnsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.now = 1_000.0
        self.patch(waiting, "monotonic", lambda: self.now)

    def test_a_deadline_counts_from_when_it_is_set_however_long_the_turn_has_taken_by_then(
        self,
    ) -> None:
        turns, late = Turns(), list[str]()

        async def work() -> None:
            self.now += 10.0  # arrays for 200,000 records
            deadline = turns.callLater(6.0, late.append, "no answer")
            answered: Deferred[None] = Deferred()
            turns.callFromThread(answered.callback, None)
            await answered
            deadline.cancel()

        turns.finish(work())
        self.assertEqual(late, [])

    def test_what_is_due_is_called(self) -> None:
        turns = Turns()

        async def work() -> str:
            due: Deferred[str] = Deferred()
            turns.callLater(5.0, due.callback, "due")
            self.now += 5.0
            return await due

        self.assertEqual(turns.finish(work()), "due")
