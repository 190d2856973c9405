# mypy: allow-untyped-calls
"""Failed logins: how guessing gets slow."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred

from sockcrud.errors import Busy, LoginDelayed, LoginFailed
from sockcrud.identity import lockout
from sockcrud.identity.lockout import MOST_WAITING, Delays
from tests.support.directory_kit import RIGHT, WRONG, LoginCase


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
        for kept in self.all_rows():
            self.assertLess(len(kept.key), 80)
            self.assertNotIn("secret", repr(kept))

    def test_a_clock_that_went_back_locks_nobody_out(self) -> None:
        self.miss(10)
        self.clock.rightNow -= 86_400
        self.miss(1)
        self.assertEqual(self.delay(), 2)
        self.clock.advance(2)
        self.log_in()


def strangers(count: int) -> list[str]:
    return [f"198.51.100.{number}" for number in range(1, count + 1)]


class StrangersTests(LoginCase):
    """Guessing one password from many addresses, and what its owner notices of that."""

    def miss_from_everywhere(self, login: str = "Ann") -> None:
        """Use up what is free for strangers, a failure from each of many addresses."""
        for address in strangers(50):
            self.miss(1, login, address)

    def test_guesses_from_many_addresses_get_slow(self) -> None:
        answers = []
        for guess in range(243):
            answers.append(type(self.refusal(address=strangers(27)[guess % 27])))
        self.assertEqual((answers.count(LoginFailed), answers.count(LoginDelayed)), (50, 193))
        self.assertEqual(self.delay(address="203.0.113.9"), 1)

    def test_their_delays_grow_to_a_minute(self) -> None:
        self.miss_from_everywhere()
        delays = []
        for number in range(9):
            delays.append(self.delay(address="203.0.113.9"))
            self.clock.advance(delays[-1])
            self.miss(1, address=f"203.0.113.{number}")
        self.assertEqual(delays, [1, 2, 4, 8, 16, 32, 60, 60, 60])

    def test_an_address_that_has_logged_in_before_is_not_locked_out(self) -> None:
        self.log_in()
        self.miss_from_everywhere()
        self.assertEqual(self.delay(address="203.0.113.9"), 1)
        self.log_in()
        self.directory = self.a_directory()  # nor when the daemon is started anew
        self.log_in()
        self.clock.advance(89 * 86_400)
        self.miss_from_everywhere()
        self.log_in()
        self.clock.advance(89 * 86_400)  # it was used meanwhile
        self.miss_from_everywhere()
        self.log_in()
        self.clock.advance(90 * 86_400)
        self.miss_from_everywhere()
        self.assertEqual(self.delay(), 1)

    def test_what_an_owner_mistypes_at_home_delays_nobody_else(self) -> None:
        self.log_in()
        for _ in range(7):
            self.miss(9)
            self.log_in()
        self.log_in(address="203.0.113.9")

    def test_an_address_that_is_known_has_its_own_failures_counted(self) -> None:
        self.log_in()
        self.miss(10)
        self.assertEqual(self.delay(), 1)

    def test_knowing_one_account_helps_at_no_other(self) -> None:
        self.have(self.directory.create("Bea", RIGHT))
        self.log_in("Bea", address="203.0.113.9")
        self.miss_from_everywhere()
        self.assertEqual(self.delay(address="203.0.113.9"), 1)

    def test_a_login_of_the_owner_gives_strangers_no_new_guesses(self) -> None:
        self.miss_from_everywhere()
        self.clock.advance(1)
        self.log_in(address="203.0.113.9")
        self.miss(1, address="198.51.100.200")
        self.assertEqual(self.delay(address="198.51.100.201"), 2)

    def test_a_name_that_is_nobodys_is_delayed_alike(self) -> None:
        self.miss_from_everywhere("nobody")
        self.assertEqual(self.delay("nobody", address="203.0.113.9"), 1)

    def test_guesses_at_the_same_time_from_many_addresses_get_no_more_answers(self) -> None:
        self.pool.holding = True
        guesses = [self.trying(digest=WRONG, address=address) for address in strangers(200)]
        self.assertEqual(self.pool.held, 50)
        self.pool.release()
        answers = [self.failureResultOf(each, LoginFailed, LoginDelayed).type for each in guesses]
        self.assertEqual(answers.count(LoginFailed), 50)

    def test_who_gives_up_waiting_for_strangers_keeps_nobody_waiting(self) -> None:
        self.miss_from_everywhere()
        self.clock.advance(1)
        self.pool.holding = True
        first, second, third = (self.trying(address=address) for address in strangers(3))
        second.cancel()
        self.failureResultOf(second, CancelledError)
        self.pool.release()
        for each in (first, third):
            self.successResultOf(each)

    def test_all_addresses_of_a_network_of_ipv6_are_one(self) -> None:
        for number in range(10):
            self.miss(1, address=f"2001:db8:1:2::{number}")
        self.assertEqual(self.delay(address="2001:db8:1:2:aaaa::1"), 1)
        self.log_in(address="2001:db8:1:3::1")
        for address in strangers(40):
            self.miss(1, address=address)
        self.assertEqual(self.delay(address="2001:db8:1:4::1"), 1)
        self.log_in(address="2001:db8:1:3:ffff::1")

    def test_a_name_is_counted_together_however_it_is_written(self) -> None:
        for name in ("Zoë", "ZOË", "Zoe\u0308", "ＺＯË", "zoë"):
            self.miss(2, name)
        self.assertEqual(self.delay("zoë"), 1)


class RoomTests(LoginCase):
    """What strangers can have inserted."""

    def test_a_flood_of_names_and_addresses_fills_no_store(self) -> None:
        self.patch(lockout, "MOST_ROWS", 100)
        self.directory = self.a_directory()
        for number in range(400):
            self.miss(1, f"name {number}", f"198.51.{number % 200}.1")
        self.assertEqual(len(self.failures()), 100)
        accounts = [each.key for each in self.all_rows() if each.key.startswith("account ")]
        self.assertLessEqual(max(map(len, accounts)), len("account ffff"))

    def test_then_guesses_are_still_counted_by_account(self) -> None:
        self.patch(lockout, "MOST_ROWS", 3)
        self.directory = self.a_directory()
        self.log_in()
        self.miss(3, "Bea", "203.0.113.1")
        self.miss(50, "Ann", "203.0.113.9")
        self.assertEqual(self.delay(address="203.0.113.9"), 1)
        self.miss(10)  # and by address where that is known
        self.assertEqual(self.delay(), 1)

    def test_there_is_room_again_within_an_hour(self) -> None:
        self.patch(lockout, "MOST_ROWS", 60)
        self.directory = self.a_directory()
        for number in range(70):
            self.miss(1, f"early {number}")
        self.assertEqual(len(self.failures()), 60)
        self.clock.advance(600)
        for number in range(70):
            self.miss(1, f"late {number}")
        self.assertEqual(len(self.failures()), 70)

    def test_an_account_knows_a_bounded_number_of_addresses(self) -> None:
        for number in range(200):
            self.log_in(address=f"203.0.113.{number}")
        known = [each for each in self.all_rows() if each.key.startswith("known ")]
        self.assertEqual(len(known), 16)

    def test_everything_is_swept_in_its_time(self) -> None:
        self.log_in()
        self.miss(1, address="203.0.113.9")
        sweeping = Deferred.fromCoroutine(self.sessions.sweep())
        self.assertEqual(self.successResultOf(sweeping), 0)
        self.clock.advance(3600)
        self.assertEqual(self.have(self.sessions.sweep()), 2)
        self.assertEqual([each.key[:6] for each in self.all_rows()], ["known "])
        self.clock.advance(90 * 86_400 - 3600)
        self.have(self.sessions.sweep())
        self.assertEqual(self.all_rows(), [])

    def test_a_login_from_a_known_address_changes_nothing_in_the_store(self) -> None:
        self.log_in()
        before = self.everything()
        self.clock.advance(44 * 86_400)
        self.log_in()
        self.assertEqual(self.everything(), before)


class ParallelLoginTests(LoginCase):
    def setUp(self) -> None:
        super().setUp()
        self.pool.holding = True

    def test_a_thousand_guesses_at_once_get_ten_answers(self) -> None:
        guesses = [self.trying(digest=WRONG) for _ in range(1000)]
        self.assertEqual(
            (self.pool.held, sum(each.called for each in guesses)), (10, 1000 - 10 - MOST_WAITING)
        )
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
