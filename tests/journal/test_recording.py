"""Which bytes an entry of the journal has, however they came."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.protocols.recording import CUT, Cut, Intake, Recorder


def size_of(raw: bytes) -> int:
    return raw.size if isinstance(raw, Cut) else len(raw)


class IntakeTests(SynchronousTestCase):
    def test_requests_of_one_piece_are_told_apart(self) -> None:
        intake = Intake()
        intake.feed(b"onetwothree")
        self.assertEqual(
            [intake.take(8), intake.take(5), intake.take(0)], [b"one", b"two", b"three"]
        )

    def test_a_request_in_pieces_is_put_together(self) -> None:
        intake = Intake()
        for byte in (b"o", b"n", b"e"):
            intake.feed(byte)
        self.assertEqual(intake.take(0), b"one")
        intake.feed(b"two")
        self.assertEqual(intake.take(0), b"two")

    def test_a_request_that_ended_before_the_last_piece_is_not_taken_for_more(self) -> None:
        intake = Intake()
        intake.feed(b"onetw")
        intake.feed(b"othree")
        self.assertEqual(
            [intake.take(8), intake.take(5), intake.take(0)], [b"one", b"two", b"three"]
        )

    def test_of_a_long_request_the_beginning_and_the_length_are_kept(self) -> None:
        for pieces in (1, 2, 7, 100):
            with self.subTest(pieces=pieces):
                intake = Intake()
                for _ in range(pieces):
                    intake.feed(b"x" * (CUT * 100 // pieces))
                raw = intake.take(0)
                self.assertEqual(bytes(raw), b"x" * CUT)
                self.assertEqual(size_of(raw), CUT * 100 // pieces * pieces)
                intake.feed(b"next")
                self.assertEqual(intake.take(0), b"next")

    def test_what_is_kept_while_a_long_request_comes_is_bounded(self) -> None:
        intake = Intake()
        for _ in range(1000):
            intake.feed(b"x" * 1000)
        self.assertLessEqual(len(intake._head), CUT)


class RecorderTests(SynchronousTestCase):
    def test_the_last_are_kept_and_numbers_go_on(self) -> None:
        recorder = Recorder(10, Clock())
        for _ in range(1000):
            recorder.opened("users", "192.0.2.1")
        self.assertEqual(recorder.next, 1001)
        self.assertLessEqual(len(recorder.kept), recorder.most)
        recorder.trim()
        self.assertEqual((len(recorder.kept), recorder.first), (10, 991))

    def test_reasons_of_what_is_gone_are_let_go_of(self) -> None:
        recorder = Recorder(10, Clock())
        for _ in range(1000):
            recorder.refused("users", "192.0.2.1", "get_user", "not_found")
            recorder.opened("users", "192.0.2.1")
        self.assertLessEqual(len(recorder.notes), 20)
        recorder.trim()
        self.assertEqual({note.id for note in recorder.notes}, set(range(991, 1001)))


class MomentTests(SynchronousTestCase):
    def test_a_moment_is_one_of_the_day_whatever_clock_the_connections_go_by(self) -> None:
        since_the_start, day = Clock(), Clock()
        since_the_start.advance(100)
        day.advance(1_800_000_000)
        recorder = Recorder(10, since_the_start, day)
        recorder.opened("users", "")
        since_the_start.advance(5)
        day.advance(5)
        at = recorder.kept[0][1]
        self.assertEqual((at, recorder.time_of_day(at)), (100, 1_800_000_000))
