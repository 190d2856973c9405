# mypy: allow-untyped-calls
"""Failed logins: how guessing gets slow."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred

from sockcrud.errors import Busy, LoginDelayed, LoginFailed
from sockcrud.lockout import MOST_WAITING, Delays
from tests.directory_kit import RIGHT, WRONG, LoginCase


class LockoutTests(LoginCase):
    def test_ten_failures_are_free_and_then_nothing_is_hashed(self) -> None:
        self.miss(10)
        self.pool.works = 0
        self.assertEqual(self.delay(digest=RIGHT), 1)
        self.assertEqual(self.delay(digest=WRONG), 1)
        self.assertEqual(self.pool.works, 0)

    def test_the_delay_doubles_up_to_a_quarter_of_an_hour(self) -> None:
        self.miss(10)
        delays = []
        for _ in range(14):
            delays.append(self.delay())
            self.clock.advance(delays[-1] - 0.001)
            self.assertAlmostEqual(self.delay(), 0.001, places=4)
            self.clock.advance(0.001)
            self.miss(1)
        self.assertEqual(delays, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900])

    def test_being_refused_while_delayed_makes_it_no_longer(self) -> None:
        self.miss(10)
        for _ in range(50):
            self.delay()
        self.clock.advance(1)
        self.log_in()

    def test_the_right_password_clears_it(self) -> None:
        for _ in range(3):
            self.miss(9)
            self.log_in()
        self.miss(10)
        self.clock.advance(1)
        self.log_in()
        self.assertEqual(self.failures(), [])

    def test_it_holds_for_one_name_from_one_address(self) -> None:
        self.have(self.directory.create("Bea", RIGHT))
        self.miss(10)
        self.log_in(address="192.0.2.2")
        self.log_in("Bea")
        self.assertEqual(self.delay("ANN"), 1)

    def test_names_and_addresses_do_not_run_into_each_other(self) -> None:
        for name, address in (("ab", "c"), ("a", "bc"), ("a b", "c"), ("a", "b c")):
            self.miss(10, name, address)

    def test_names_that_fold_alike_count_together(self) -> None:
        self.miss(5, "Straße")
        self.miss(5, "STRASSE")
        self.assertEqual(self.delay("strasse"), 1)

    def test_it_outlives_the_process(self) -> None:
        self.miss(10)
        self.directory = self.a_directory()
        self.assertEqual(self.delay(), 1)

    def test_how_many_are_free_and_how_long_delays_are_can_be_said(self) -> None:
        self.directory = self.a_directory(delays=Delays(free_failures=2, first=5, longest=7))
        self.miss(2)
        self.assertEqual(self.delay(), 5)
        self.clock.advance(5)
        self.miss(1)
        self.assertEqual(self.delay(), 7)

    def test_with_no_free_failures_the_first_attempt_is_still_made(self) -> None:
        self.directory = self.a_directory(delays=Delays(free_failures=0))
        self.log_in()
        self.miss(1)
        self.assertEqual(self.delay(), 1)

    def test_failures_are_forgotten_an_hour_after_their_delay(self) -> None:
        self.miss(10)
        self.clock.advance(1 + 3600 - 0.001)
        self.miss(1)
        self.assertEqual(self.delay(), 2)
        self.clock.advance(2 + 3600)
        self.miss(10)
        self.assertEqual(self.delay(), 1)

    def test_what_is_kept_is_short_and_tells_no_name(self) -> None:
        self.miss(1, "my-secret-password")
        self.miss(1, "my-secret-password" * 10_000, "a" * 10_000)
        for kept in self.failures():
            self.assertEqual(len(kept.key), 64)
            self.assertNotIn("secret", repr(kept))

    def test_a_clock_that_went_back_locks_nobody_out(self) -> None:
        self.miss(10)
        self.clock.rightNow -= 86_400
        self.miss(1)
        self.assertEqual(self.delay(), 2)
        self.clock.advance(2)
        self.log_in()


class ParallelLoginTests(LoginCase):
    def setUp(self) -> None:
        super().setUp()
        self.pool.holding = True

    def test_a_thousand_guesses_at_once_get_ten_answers(self) -> None:
        guesses = [self.trying(digest=WRONG) for _ in range(1000)]
        self.assertEqual((self.pool.held, sum(each.called for each in guesses)), (10, 1000 - 10 - MOST_WAITING))
        self.pool.release()
        answers = [self.failureResultOf(each, LoginFailed, LoginDelayed).type for each in guesses]
        self.assertEqual((answers.count(LoginFailed), answers.count(LoginDelayed)), (10, 990))
        self.assertEqual([each.failures for each in self.failures()], [10])

    def test_fifty_right_ones_at_once_all_get_in(self) -> None:
        logins = [self.trying() for _ in range(50)]
        self.pool.release()
        self.assertEqual({self.successResultOf(each) for each in logins}, {self.ann})

    def test_what_has_failed_before_leaves_room_for_fewer(self) -> None:
        self.pool.holding = False
        self.miss(8)
        self.pool.holding = True
        guesses = [self.trying(digest=WRONG) for _ in range(5)]
        self.assertEqual(self.pool.held, 2)
        self.pool.release()
        answers = [self.failureResultOf(each, LoginFailed, LoginDelayed).type for each in guesses]
        self.assertEqual(answers.count(LoginFailed), 2)

    def test_after_a_delay_they_are_made_one_by_one(self) -> None:
        self.pool.holding = False
        self.miss(10)
        self.clock.advance(1)
        self.pool.holding = True
        guesses = [self.trying(digest=WRONG) for _ in range(5)]
        self.assertEqual(self.pool.held, 1)
        self.pool.release()
        answers = [self.failureResultOf(each, LoginFailed, LoginDelayed).type for each in guesses]
        self.assertEqual(answers.count(LoginFailed), 1)

    def test_what_is_forgotten_makes_nobody_wait(self) -> None:
        self.pool.holding = False
        self.miss(10)
        self.clock.advance(1 + 3600)
        self.pool.holding = True
        logins = [self.trying() for _ in range(5)]
        self.assertEqual(self.pool.held, 5)
        self.pool.release()
        for each in logins:
            self.successResultOf(each)

    def test_others_need_not_wait(self) -> None:
        guesses = [self.trying(digest=WRONG) for _ in range(20)]
        self.pool.holding = False
        self.log_in(address="192.0.2.2")
        self.pool.release()
        for each in guesses:
            self.failureResultOf(each)

    def test_who_gives_up_waiting_keeps_nobody_waiting(self) -> None:
        logins = [self.trying() for _ in range(14)]
        for given_up in (logins[3], logins[11]):
            given_up.cancel()
            self.failureResultOf(given_up, CancelledError)
        self.pool.release()
        for each in logins[:3] + logins[4:11] + logins[12:]:
            self.successResultOf(each)

    def test_a_pool_that_fills_up_keeps_nobody_waiting(self) -> None:
        self.pool.room = 10
        logins = [self.trying() for _ in range(30)]
        self.pool.release()
        for each in logins[:10]:
            self.successResultOf(each)
        for each in logins[10:]:
            self.failureResultOf(each, Busy)

    def test_a_failure_counted_while_the_store_was_asked_is_not_overlooked(self) -> None:
        self.directory = self.a_directory(delays=Delays(free_failures=1))
        first = self.trying(digest=WRONG)
        late = self.store.late = Deferred()
        second = self.trying(digest=WRONG)
        self.pool.release()
        self.failureResultOf(first, LoginFailed)
        late.callback(None)
        self.failureResultOf(second, LoginDelayed)
