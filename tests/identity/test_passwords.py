# mypy: allow-untyped-calls
"""Passwords: their digests, their hashes, and the threads that work them out."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import argon2
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from sockcrud.errors import Busy, Invalid
from sockcrud.identity.passwords import (
    HashCost,
    HashingThreads,
    InThisThread,
    Passwords,
    check_password,
    checked_digest,
    digest_of,
)

T = TypeVar("T")

CHEAP = HashCost(time_cost=1, memory_cost=8, parallelism=1)
DIGEST = digest_of("correct horse")


class DigestTests(SynchronousTestCase):
    def test_is_the_sha256_as_the_clients_send_it(self) -> None:
        self.assertEqual(
            digest_of("abc"), "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"
        )

    def test_letters_beyond_ascii_are_utf_8(self) -> None:
        self.assertEqual(digest_of("señal 신호"), checked_digest(digest_of("señal 신호").lower()))

    def test_odd_texts_have_one_too(self) -> None:
        self.assertEqual(len(digest_of("\x00\ud800")), 64)

    def test_from_outside_either_case_will_do(self) -> None:
        self.assertEqual(checked_digest("ab" * 32), "AB" * 32)

    def test_anything_else_is_refused_and_not_repeated(self) -> None:
        for wrong in (
            "",
            "A" * 63,
            "A" * 65,
            "G" * 64,
            "A" * 64 + "\n",
            "\uff11" * 64,
            " " + "A" * 63,
            "A" * 1_000_000,
        ):
            with self.assertRaises(Invalid) as caught:
                checked_digest(wrong)
            self.assertEqual(caught.exception.field, "password")
            self.assertNotIn(wrong or "none", str(caught.exception))

    def test_a_password_has_two_characters_or_more(self) -> None:
        for wrong in ("", "a", "신"):
            with self.assertRaises(Invalid) as caught:
                check_password(wrong)
            self.assertEqual(caught.exception.field, "password")
        check_password("ab")
        check_password("신호")


class HashTests(SynchronousTestCase):
    def have(self, work: Coroutine[Any, Any, T]) -> T:
        return self.successResultOf(Deferred.fromCoroutine(work))

    def setUp(self) -> None:
        self.passwords = Passwords(InThisThread(), CHEAP)

    def test_fits_its_own_digest_only(self) -> None:
        kept = self.have(self.passwords.hash(DIGEST))
        self.assertTrue(self.have(self.passwords.verify(DIGEST, kept)))
        self.assertFalse(self.have(self.passwords.verify(digest_of("wrong"), kept)))

    def test_two_of_one_digest_differ(self) -> None:
        self.assertNotEqual(
            self.have(self.passwords.hash(DIGEST)), self.have(self.passwords.hash(DIGEST))
        )

    def test_nobody_has_a_password(self) -> None:
        self.assertFalse(self.have(self.passwords.verify(DIGEST, None)))

    def test_every_answer_takes_the_work_of_one_hash(self) -> None:
        kept = self.have(self.passwords.hash(DIGEST))
        verify = PasswordHasher.verify
        costs: list[argon2.Parameters] = []

        def counted(hasher: PasswordHasher, hash: str, password: str) -> bool:
            try:
                return verify(hasher, hash, password)
            except InvalidHashError:
                raise
            finally:
                if hash.startswith("$argon2id$v=19$"):
                    costs.append(argon2.extract_parameters(hash))

        self.patch(PasswordHasher, "verify", counted)
        for digest, known in (
            (DIGEST, kept),
            (digest_of("x"), kept),
            (DIGEST, None),
            (DIGEST, "no hash at all"),
        ):
            self.have(self.passwords.verify(digest, known))
        self.assertEqual(costs, [argon2.extract_parameters(kept)] * 4)

    def test_nothing_is_hashed_before_it_is_needed(self) -> None:
        self.patch(PasswordHasher, "hash", None)
        self.patch(PasswordHasher, "verify", None)
        Passwords(InThisThread())

    def test_is_outdated_when_made_at_another_cost(self) -> None:
        kept = self.have(self.passwords.hash(DIGEST))
        self.assertFalse(self.passwords.outdated(kept))
        self.assertTrue(Passwords(InThisThread(), HashCost(2, 8, 1)).outdated(kept))

    def test_the_reprs_tell_nothing(self) -> None:
        self.assertNotIn("$argon2", repr(self.passwords) + repr(vars(self.passwords)["_hasher"]))


@implementer(IReactorFromThreads)
class Turns:
    """The reactor's side of the threads, worked by hand."""

    def __init__(self) -> None:
        self._calls: queue.Queue[Callable[[], object]] = queue.Queue()

    def callFromThread(self, callable: Callable[..., Any], *args: object, **kwargs: object) -> None:
        self._calls.put(lambda: callable(*args, **kwargs))

    def until(self, *awaited: Deferred[Any]) -> None:
        while not all(each.called for each in awaited):
            self._calls.get(timeout=30)()


class ThreadsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.turns = Turns()
        self.released = threading.Event()

    def started(self, threads: int | None = 1, most_waiting: int = 64) -> HashingThreads:
        pool = HashingThreads(self.turns, threads, most_waiting)
        pool.start()
        self.addCleanup(self.stopped, pool)
        self.addCleanup(self.released.set)
        return pool

    def stopped(self, pool: HashingThreads) -> None:
        self.released.set()
        stopping = Deferred.fromCoroutine(pool.stop())
        self.turns.until(stopping)
        self.successResultOf(stopping)

    def run_held(self, pool: HashingThreads) -> Deferred[bool]:
        return Deferred.fromCoroutine(pool.run(lambda: self.released.wait(30)))

    def test_hashes_are_argon2id_at_the_promised_cost_and_off_this_thread(self) -> None:
        pool = self.started()
        passwords = Passwords(pool)
        hashing = Deferred.fromCoroutine(passwords.hash(DIGEST))
        self.assertNoResult(hashing)
        self.turns.until(hashing)
        kept = self.successResultOf(hashing)
        self.assertTrue(kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$"), kept)
        verifying = Deferred.fromCoroutine(passwords.verify(DIGEST, kept))
        where = Deferred.fromCoroutine(pool.run(threading.get_ident))
        self.turns.until(verifying, where)
        self.assertTrue(self.successResultOf(verifying))
        self.assertNotEqual(self.successResultOf(where), threading.get_ident())

    def test_past_64_waiting_it_is_busy_and_later_it_is_not(self) -> None:
        pool = self.started(threads=2)
        taken = [self.run_held(pool) for _ in range(2 + 64)]
        self.failureResultOf(self.run_held(pool), Busy)
        self.released.set()
        self.turns.until(*taken)
        self.assertEqual([self.successResultOf(each) for each in taken], [True] * 66)
        again = self.run_held(pool)
        self.turns.until(again)
        self.assertTrue(self.successResultOf(again))

    def test_another_address_waits_for_one_hash_of_a_flood(self) -> None:
        pool = self.started()
        done: list[str] = []

        def work(peer: str) -> None:
            self.released.wait(30)
            done.append(peer)

        def hashing(peer: str) -> Deferred[None]:
            return Deferred.fromCoroutine(pool.run(lambda: work(peer), peer))

        flood = [hashing("192.0.2.66") for _ in range(200)]
        self.assertEqual(
            [self.failureResultOf(each, Busy).type for each in flood if each.called],
            [Busy] * (200 - 1 - 64),
        )
        login = hashing("192.0.2.7")
        self.assertNoResult(login)
        self.released.set()
        self.turns.until(login)
        self.assertEqual(done[:3], ["192.0.2.66", "192.0.2.66", "192.0.2.7"])
        self.turns.until(*flood)
        refused = [each for each in flood if isinstance(each.result, Failure)]
        for each in refused:
            self.failureResultOf(each, Busy)

    def test_work_that_is_cancelled_while_it_waits_is_not_done(self) -> None:
        pool = self.started()
        self.run_held(pool)
        done: list[str] = []
        given_up = Deferred.fromCoroutine(pool.run(lambda: done.append("given up")))
        kept = Deferred.fromCoroutine(pool.run(lambda: done.append("kept")))
        given_up.cancel()
        self.failureResultOf(given_up, CancelledError)
        self.released.set()
        self.turns.until(kept)
        self.assertEqual(done, ["kept"])

    def test_one_core_is_left_to_the_reactor(self) -> None:
        self.patch(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
        pool = self.started(threads=None, most_waiting=0)
        together = threading.Barrier(3)
        working = [Deferred.fromCoroutine(pool.run(lambda: together.wait(30))) for _ in range(3)]
        self.failureResultOf(self.run_held(pool), Busy)
        self.turns.until(*working)
        self.assertEqual(sorted(self.successResultOf(each) for each in working), [0, 1, 2])

    def test_one_core_is_enough(self) -> None:
        self.patch(os, "sched_getaffinity", lambda _: {0})
        working = Deferred.fromCoroutine(self.started(threads=None).run(lambda: "done"))
        self.turns.until(working)
        self.assertEqual(self.successResultOf(working), "done")

    def test_a_stop_lets_waiting_work_end(self) -> None:
        pool = self.started()
        taken = [self.run_held(pool) for _ in range(3)]
        stopping = Deferred.fromCoroutine(pool.stop())
        self.assertNoResult(stopping)
        self.failureResultOf(self.run_held(pool), Busy)
        self.released.set()
        self.turns.until(stopping)
        self.assertEqual([self.successResultOf(each) for each in taken], [True] * 3)
        self.successResultOf(stopping)
        self.assertEqual(
            [thread.name for thread in threading.enumerate() if "hashing" in thread.name], []
        )

    def test_nothing_runs_before_the_start_and_a_stop_can_be_repeated(self) -> None:
        pool = HashingThreads(self.turns, 1)
        self.failureResultOf(self.run_held(pool), Busy)
        self.stopped(pool)
        pool.start()
        working = Deferred.fromCoroutine(pool.run(lambda: "done"))
        self.turns.until(working)
        self.assertEqual(self.successResultOf(working), "done")
        self.stopped(pool)
        self.stopped(pool)

    def test_work_that_fails_tells_who_waits_and_spoils_nothing(self) -> None:
        pool = self.started(most_waiting=0)
        for _ in range(3):
            failing = Deferred.fromCoroutine(pool.run(lambda: 1 // 0))
            self.turns.until(failing)
            self.failureResultOf(failing, ZeroDivisionError)

    def test_cancelled_work_still_fills_its_place_until_it_ends(self) -> None:
        pool = self.started(most_waiting=0)
        given_up = self.run_held(pool)
        given_up.cancel()
        self.failureResultOf(given_up, CancelledError)
        self.failureResultOf(self.run_held(pool), Busy)
        self.stopped(pool)
