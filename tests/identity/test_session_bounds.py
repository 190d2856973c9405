"""How many sessions an account may have, and those that end with a change to the company without
being deleted by it.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred

from sockcrud.access import Access, Principal, logged_in
from sockcrud.apps.admin.service import Administration
from sockcrud.errors import NotFound, NotLoggedIn
from sockcrud.identity.directory import still
from sockcrud.identity.records import ADMIN, Account, Session
from sockcrud.identity.sessions import Sessions
from sockcrud.metrics import Metrics
from sockcrud.records import evolve
from tests.identity.test_sessions import SessionCase as _SessionCase
from tests.support.directory_kit import HERE, RIGHT


class MostTests(_SessionCase):
    """An account has a bounded number of sessions."""

    def setUp(self) -> None:
        super().setUp()
        self.sessions = Sessions(self.store, self.clock, most=3)

    def started(self) -> tuple[str, Session]:
        self.clock.advance(60)
        return self.start()

    def test_at_a_login_beyond_them_the_one_that_was_not_used_for_longest_ends(self) -> None:
        (first, _), (second, _), (third, _) = (self.started() for _ in range(3))
        self.clock.advance(60)
        self.resume(first)
        fourth, _ = self.started()
        self.assert_dead(second)
        for token in (first, third, fourth):
            self.resume(token)
        self.assertEqual(self.have(self.store.count(Session)), 3)

    def test_the_others_of_the_company_lose_none(self) -> None:
        roots = [self.a_session(self.root) for _ in range(3)]
        anns = [self.a_session(self.ann) for _ in range(4)]
        self.assertEqual(self.living(*roots, *anns), [True, True, True, False, True, True, True])

    def test_a_lower_bound_than_before_is_kept_from_the_next_login_on(self) -> None:
        self.sessions = Sessions(self.store, self.clock)
        for _ in range(300):
            self.started()
        self.sessions = Sessions(self.store, self.clock, most=3)
        sizes = [len(self.have(self.store.page(Session, 500))) for _ in range(3) if self.started()]
        self.assertEqual(sizes, [100, 3, 3])  # a slice at a time: no login takes long

    def test_a_login_that_fails_ends_none(self) -> None:
        sessions = [self.started()[1] for _ in range(3)]
        outdated = evolve(self.account(self.ann.id), rev=1)
        self.failureResultOf(Deferred.fromCoroutine(self.sessions.start(outdated, "way", HERE)))
        self.assertEqual(self.living(*sessions), [True] * 3)


class CompanyChangedTests(_SessionCase):
    """A session that has ended with a change to the company is nowhere to be seen, though it is
    still stored.
    """

    def setUp(self) -> None:
        super().setUp()
        self.token, self.session = self.start()
        self.administration = Administration(
            Access(self.clock, [Metrics(self.store, (), dict)]), self.store, self.directory
        )
        self.boss = Principal("admin", HERE, self.root, None)

    def rename(self) -> None:
        self.have(
            self.directory.change_company(self.ann.company_id, name=f"Offices {self.store.rev}")
        )

    def test_a_use_that_is_written_late_does_not_revive_it(self) -> None:
        self.clock.advance(60)
        self.rename()
        self.have(self.sessions._write_use(self.session.id, self.now()))
        self.assertEqual(self.kept(self.session), self.session)
        self.assert_dead(self.token)

    def test_a_use_before_the_change_does_not_help_it(self) -> None:
        self.clock.advance(60)
        self.resume(self.token)
        self.assertGreater(self.kept(self.session).rev, self.session.rev)
        self.rename()
        self.assert_dead(self.token)

    def test_a_login_after_the_change_lives(self) -> None:
        self.rename()
        new, _ = self.start()
        self.resume(new)
        self.assert_dead(self.token)

    def test_who_logged_in_with_it_may_do_nothing_any_more(self) -> None:
        ann = Principal("way", HERE, self.account(self.ann.id), self.session.id)
        self.have(still(self.store, ann, logged_in))
        self.rename()
        self.failureResultOf(Deferred.fromCoroutine(still(self.store, ann, logged_in)), NotLoggedIn)

    def test_an_admin_sees_it_no_more_and_cannot_end_it_again(self) -> None:
        other = self.a_session(self.root)
        self.rename()
        page = self.have(self.administration.sessions(self.boss))
        self.assertEqual([session.id for session in page.items], [other.id])
        self.failureResultOf(
            Deferred.fromCoroutine(self.administration.end_session(self.boss, self.session.id)),
            NotFound,
        )
        self.assertEqual(self.have(self.administration.end_sessions(self.boss, self.ann.id)), 0)
        self.have(self.administration.end_session(self.boss, other.id))

    def test_a_sweep_takes_it_away_and_no_other(self) -> None:
        living = [self.a_session(self.root)]
        self.rename()
        living.append(self.start()[1])
        self.assertEqual(self.have(self.sessions.sweep()), 1)
        self.assertEqual(self.have(self.store.page(Session, 9)), living)

    def test_an_account_that_moves_itself_to_a_company_that_changed_later_stays_logged_in(
        self,
    ) -> None:
        other, others = self.start()
        newer = self.have(self.directory.create_company("Newer"))
        self.have(
            self.directory.change(self.ann.id, company_id=newer.id, own_session=self.session.id)
        )
        self.resume(self.token)
        self.assert_dead(other)
        self.assertFalse(self.have(self.sessions.end(others.id)))

    def test_an_admin_who_moves_another_keeps_none_of_its_sessions(self) -> None:
        boss = self.a_session(self.root)
        newer = self.have(self.directory.create_company("Newer"))
        self.have(self.directory.change(self.ann.id, company_id=newer.id, own_session=boss.id))
        self.assertEqual(self.living(self.session, boss), [False, True])
        self.assertEqual(self.kept(boss), boss)

    def test_the_account_that_is_made_the_first_admin_again_has_no_session(self) -> None:
        self.have(self.store.delete(Account, self.root.id))
        self.have(
            self.directory.change_company(
                self.have(self.directory.default_company()).id, name="default"
            )
        )
        self.have(self.directory.ensure_admin("Ann", RIGHT))
        self.assertEqual(self.account(self.ann.id).role, ADMIN)
        self.assert_dead(self.token)
