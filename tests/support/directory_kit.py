# mypy: allow-untyped-calls
"""What the tests of the directory share: a pool and a store worked by hand, and the questions they
ask all the time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.errors import Busy, DomainError, LoginDelayed, LoginFailed
from sockcrud.identity.accounts import Directory
from sockcrud.identity.lockout import STANDARD_DELAYS, Delays
from sockcrud.identity.passwords import OURSELVES, HashCost, Passwords, digest_of
from sockcrud.identity.records import ADMIN, Account, LoginFailures, Session
from sockcrud.identity.sessions import Sessions
from sockcrud.records import Record
from sockcrud.storage.contract import ITransaction, R
from sockcrud.storage.memory.store import MemoryStore
from tests.support.model import KINDS, STANDARD

T = TypeVar("T")

CHEAP = HashCost(time_cost=1, memory_cost=8, parallelism=1)
RIGHT = digest_of("correct horse")
WRONG = digest_of("battery staple")
HERE = "192.0.2.1"


class HandWorkedPool:
    """A pool that counts, works at once or when told, and can be full."""

    def __init__(self) -> None:
        self.works = 0
        self.room = 1_000_000
        self.holding = False
        self._held: list[Deferred[None]] = []

    async def run(self, work: Callable[[], T], peer: str = OURSELVES) -> T:
        if self.room == 0:
            raise Busy
        self.room -= 1
        self.works += 1
        if self.holding:
            turn: Deferred[None] = Deferred()
            self._held.append(turn)
            await turn
        return work()

    @property
    def held(self) -> int:
        return len(self._held)

    def release_one(self) -> None:
        self._held.pop(0).callback(None)

    def release(self) -> None:
        """Work until nothing waits, on what comes meanwhile too."""
        while self._held:
            self.release_one()


class Watched:
    """A transaction that notes what is asked of it, in order."""

    def __init__(self, transaction: ITransaction, asked: list[str]) -> None:
        self._transaction = transaction
        self._asked = asked

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._transaction, name)

        def noted(*args: object, **kwargs: object) -> Any:
            self._asked.append(f"lock {args[0]}" if name == "lock" else name)
            return method(*args, **kwargs)

        return noted


class HandWorkedStore(MemoryStore):
    """A store that tells what its latest transaction was asked, and whose answer to a `find` may be
    long under way.
    """

    def __init__(self) -> None:
        super().__init__(STANDARD)
        self.asked: list[str] = []
        self.late: Deferred[None] | None = None

    async def transact(self, body: Callable[[ITransaction], Awaitable[T]]) -> T:
        self.asked.clear()
        return await super().transact(lambda transaction: body(Watched(transaction, self.asked)))  # type: ignore[arg-type]

    async def find(self, kind: type[R], field: str, value: Any) -> R | None:
        found = await super().find(kind, field, value)
        if self.late is not None:
            late, self.late = self.late, None
            await late
        return found


class DirectoryCase(SynchronousTestCase):
    """A directory with nobody in it."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.store = HandWorkedStore()
        self.pool = HandWorkedPool()
        self.directory = self.a_directory()
        self.sessions = Sessions(self.store, self.clock)

    def a_directory(self, cost: HashCost = CHEAP, delays: Delays = STANDARD_DELAYS) -> Directory:
        return Directory(self.store, Passwords(self.pool, cost), self.clock, delays)

    def have(self, work: Coroutine[Any, Any, T]) -> T:
        return self.successResultOf(Deferred.fromCoroutine(work))

    def everything(self) -> tuple[int, list[Record]]:
        return self.store.rev, [
            record for kind in KINDS for record in self.have(self.store.page(kind, 10_000))
        ]

    def refused(self, work: Coroutine[Any, Any, object], *errors: type[DomainError]) -> DomainError:
        """Expect the refusal, and that nothing at all has changed."""
        before = self.everything()
        error = self.failureResultOf(Deferred.fromCoroutine(work), *errors).value
        self.assertEqual(self.everything(), before)
        assert isinstance(error, DomainError)
        return error

    def account(self, id: int) -> Account:
        return self.have(self.store.get(Account, id))

    def an_admin(self, login: str = "root") -> Account:
        return self.have(self.directory.create(login, RIGHT, role=ADMIN))

    def a_session(self, account: Account, dialect: str = "way") -> Session:
        return self.have(self.sessions.start(self.account(account.id), dialect, HERE))[1]

    def living(self, *sessions: Session) -> list[bool]:
        return [self.have(self.sessions.is_alive(session.id)) for session in sessions]


class LoginCase(DirectoryCase):
    """Ann may log in, and is no admin."""

    def setUp(self) -> None:
        super().setUp()
        self.an_admin()
        offices = self.have(self.directory.create_company("Offices"))
        self.ann = self.have(self.directory.create("Ann", RIGHT, company_id=offices.id))
        self.pool.works = 0

    def trying(
        self, login: str = "Ann", digest: str = RIGHT, address: str = HERE
    ) -> Deferred[Account]:
        return Deferred.fromCoroutine(self.directory.authenticate(login, digest, address))

    def log_in(self, login: str = "Ann", digest: str = RIGHT, address: str = HERE) -> Account:
        return self.successResultOf(self.trying(login, digest, address))

    def refusal(self, login: str = "Ann", digest: str = WRONG, address: str = HERE) -> DomainError:
        error = self.failureResultOf(self.trying(login, digest, address), DomainError).value
        assert isinstance(error, DomainError)
        return error

    def miss(self, times: int, login: str = "Ann", address: str = HERE) -> None:
        for _ in range(times):
            self.assertIsInstance(self.refusal(login, WRONG, address), LoginFailed)

    def delay(self, login: str = "Ann", digest: str = RIGHT, address: str = HERE) -> float:
        error = self.refusal(login, digest, address)
        assert isinstance(error, LoginDelayed), error
        return error.retry_after

    def failures(self) -> list[LoginFailures]:
        """Return what is counted for names and addresses."""
        return [each for each in self.all_rows() if " " not in each.key]

    def all_rows(self) -> list[LoginFailures]:
        """Return all that is kept of logins: failures of both counters, and the addresses that
        accounts know.
        """
        return self.have(self.store.page(LoginFailures, 100_000))
