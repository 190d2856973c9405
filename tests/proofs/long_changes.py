"""A real daemon makes its longest changes, while a well-behaved client reads and creates a user
every few milliseconds.

`python -m tests.proofs.long_changes` fills a store in memory and one in an SQLite file, and prints
for each change how long it took, the longest that the client waited meanwhile, and the memory.
Beside it stands the floor, measured at the same time by a process that has nothing to do with any
of it: the longest that a bare sync of 4 KiB in the same directory took, and the longest that a
sleep lasted beyond its time. Linux only.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from hashlib import sha256
from itertools import count
from pathlib import Path
from threading import Event, Thread
from time import perf_counter, sleep
from typing import Any, ClassVar, Final
from unittest.mock import patch

import orjson
from attrs import Factory, define, frozen

from sockcrud.apps.shop.records import Address, Client
from sockcrud.apps.users.records import User
from sockcrud.client.errors import Refused
from sockcrud.client.sync import Admin, Shop, Users
from sockcrud.identity.records import Account, Company, Session
from sockcrud.records import Record, checked
from sockcrud.storage.contract import Counters
from sockcrud.storage.maintenance.import_rows import NO_PASSWORD
from sockcrud.storage.memory.store import MemoryStore
from sockcrud.storage.moving import Target
from sockcrud.storage.postgres import copy as postgres_copy
from sockcrud.storage.sqlite import ends as sqlite_ends
from tests.proofs.floor import Floor, Worst
from tests.support import postgres_kit, running
from tests.support.model import KINDS, STANDARD
from tests.support.running import Daemon

PASSWORD: Final = "a password of long changes"
EVERY: Final = 0.003
"""Seconds from an answer to the client's next request."""
TARGET: Final = 0.050
"""Seconds that nobody may wait for what another does."""
MIB: Final = 2**20

FILLED: Final = """
from sockcrud import tap
from sockcrud.cli import main as cli
from tests.proofs.long_changes import FilledStore, Sizes
FilledStore.sizes = {sizes!r}
tap.MemoryStore = FilledStore
cli.main()
"""
"""A daemon whose store in memory is full from the start."""


@frozen
class Sizes:
    """How much there is of everything that the changes are about."""

    users: int = 1_000_000
    addresses: int = 200_000
    sessions: int = 200_000
    import_bytes: int = 64 * MIB
    quiet_seconds: float = 5.0

    @property
    def accounts(self) -> int:
        return -(-self.sessions // 1_000)


@define
class Waits:
    """How long the client has waited for each answer."""

    reads: list[float] = Factory(list)
    creates: list[float] = Factory(list)

    @property
    def worst(self) -> float:
        return max(*self.reads, *self.creates, 0.0)

    @property
    def late(self) -> int:
        return sum(wait > TARGET for wait in [*self.reads, *self.creates])


@frozen
class Measured:
    """One long change: how long it took, what the client waited and how much of that is the
    machine's, and the daemon's memory before, at most, and after."""

    store: str
    name: str
    seconds: float
    waits: Waits
    floor: Worst
    before: int
    peak: int
    after: int


class WellBehaved:
    """Reads a user on one connection and creates one on another, again and again, until it is told
    to stop.

    It is a process of its own: what this one does with an export of a million lines is none of the
    daemon's delays.
    """

    def __init__(self, daemon: Daemon) -> None:
        self.waits = Waits()
        command = f"from tests.proofs.long_changes import behave; behave({daemon.ports['users']})"
        self._process = subprocess.Popen(
            [sys.executable, "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def __enter__(self) -> WellBehaved:
        assert self._process.stdout is not None
        self._process.stdout.readline()  # it has begun
        return self

    def __exit__(self, *_: object) -> None:
        told: bytes = self._process.communicate(timeout=60)[0]
        if self._process.returncode != 0:
            raise AssertionError("the well-behaved client was not served")
        self.waits.reads, self.waits.creates = orjson.loads(told)


def behave(number: int) -> None:
    """Be the client of the daemon at this port until the standard input ends, and print how long it
    has waited.
    """
    stop, waits, errors = Event(), Waits(), []

    def create(port: Users) -> None:
        port.create(name="Well behaved", email="well@behaved.org", age=1)

    def run(waited: list[float], ask: Callable[[Users], object]) -> None:
        try:
            with Users(f"127.0.0.1:{number}") as port:
                while not stop.is_set():
                    started = perf_counter()
                    ask(port)
                    waited.append(perf_counter() - started)
                    sleep(EVERY)
        except BaseException as error:
            errors.append(error)

    jobs = ((waits.reads, lambda port: port.get(1)), (waits.creates, create))
    threads = [Thread(target=run, args=job) for job in jobs]
    for thread in threads:
        thread.start()
    print("begun", flush=True)
    sys.stdin.read()
    stop.set()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    sys.stdout.buffer.write(orjson.dumps([waits.reads, waits.creates]))


def records(sizes: Sizes) -> Iterator[list[Record]]:
    """Yield all records that the store begins with, a list a kind, in an order in which each finds
    what it refers to.
    """
    revs, now = count(1), datetime.now(timezone.utc)

    def made(
        kind: type[Record], size: int, fields: Callable[[int], dict[str, Any]]
    ) -> list[Record]:
        if size:
            checked(kind, **fields(1))
        return [kind(id=id, rev=next(revs), **fields(id)) for id in range(1, size + 1)]

    yield made(User, sizes.users, lambda n: {**_user(n), "created_at": now, "updated_at": now})
    yield made(Client, 2, lambda n: {**_client(n), "balance": Decimal("1.00")})
    yield made(Address, sizes.addresses, _address)
    yield made(Company, 2, lambda n: {"name": f"Company {n}", "active": True})
    yield made(Account, sizes.accounts, _account)
    yield made(Session, sizes.sessions, lambda n: _session(n, now))


def _user(n: int) -> dict[str, Any]:
    return {"name": f"User {n}", "email": f"user{n}@example.org", "age": 30}


def _client(n: int) -> dict[str, Any]:
    return {"name": "Ana", "email": f"client{n}@example.org", "cpf": f"454.090.000-{n:02}"}


def _address(n: int) -> dict[str, Any]:
    return {
        "client_id": 1,
        "state": "SP",
        "city": "Santos",
        "street": f"Street {n}",
        "number": n,
        "cep": "01310-100",
    }


def _account(n: int) -> dict[str, Any]:
    return {
        "login": f"account{n}",
        "password_hash": NO_PASSWORD,
        "role": "user",
        "company_id": 2,
        "active": True,
    }


def _session(n: int, now: datetime) -> dict[str, Any]:
    moment = {"created_at": now, "used_at": now + timedelta(microseconds=n)}
    token = sha256(b"%d" % n).hexdigest()
    return {
        "token_hash": token,
        "account_id": 1 + (n - 1) // 1_000,
        "dialect": "way",
        "address": "",
        **moment,
    }


class FilledStore(MemoryStore):
    """A store in memory that holds them from the start."""

    sizes: ClassVar[Sizes]

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        for some in filter(None, records(self.sizes)):
            self._tables.fill(type(some[0]), some, some[-1].id)
        self._tables.start_at(sum(len(self._tables.table(kind).records) for kind in KINDS))


def fill(sizes: Sizes, opening: AbstractContextManager[Target]) -> None:
    """Make a store hold them."""
    highest, rev = dict.fromkeys(KINDS, 0), 0
    with opening as target:
        for some in filter(None, records(sizes)):
            target.write(type(some[0]), some)
            highest[type(some[0])], rev = some[-1].id, some[-1].rev
        target.count_on(Counters(rev, highest), iter(()))
        target.keep()


def lines(size: int, first: int) -> Iterator[bytes]:
    """Yield users as lines of an import, of so many bytes in all."""
    moment = datetime.now(timezone.utc).isoformat()
    while size > 0:
        piece = b"".join(
            orjson.dumps(
                {"kind": "User", "id": n, **_user(n), "created_at": moment, "updated_at": moment}
            )
            + b"\n"
            for n in range(first, first + 500)
        )
        size -= len(piece)
        first += 500
        if size >= 0:
            yield piece


def started(stack: ExitStack, store: str, sizes: Sizes, directory: Path) -> Daemon:
    """Return a daemon on a store of this kind, full."""
    password = directory / "password"
    password.write_text(PASSWORD)
    flags = ["--admin-password-file", str(password), "--max-import", f"{sizes.import_bytes + MIB}"]
    if store == "memory":
        stack.enter_context(
            patch.object(
                running, "SERVE", [sys.executable, "-c", FILLED.format(sizes=sizes), "serve"]
            )
        )
    elif store == "postgresql":
        url = postgres_kit.new_database()
        stack.callback(postgres_kit.drop_database, url)
        fill(sizes, postgres_copy.target(url, STANDARD))
        flags += ["--store", url]
    else:
        fill(sizes, sqlite_ends.target(directory / "store.db", STANDARD))
        flags += ["--store", f"sqlite:{directory / 'store.db'}"]
    return stack.enter_context(Daemon(directory, *flags))


class Changes:
    """The long changes of one daemon."""

    def __init__(self, store: str, sizes: Sizes, daemon: Daemon, floor: Floor) -> None:
        self._store, self._sizes, self._daemon, self._floor = store, sizes, daemon, floor
        self._pieces = list(
            lines(sizes.import_bytes, 10_000_001)
        )  # beforehand: the client shares this process

    def all(self) -> Iterator[tuple[str, Callable[[Admin], object]]]:
        """Give each by name, and how it is asked for."""
        sizes = self._sizes
        yield "nothing", lambda admin: sleep(sizes.quiet_seconds)
        yield (
            f"rename a company with {sizes.sessions:,} sessions",
            lambda admin: admin.change_company(2, name="Renamed"),
        )
        yield "end an account's 1,000 sessions", lambda admin: admin.end_sessions(1)
        yield (
            f"delete a client with {sizes.addresses:,} addresses",
            lambda admin: self._delete_client(),
        )
        yield f"import {sizes.import_bytes // MIB} MiB", self._import
        yield "import the same again (refused)", self._import_refused
        yield "export all", lambda admin: admin.export(lambda piece: None)
        if self._store == "sqlite":
            yield "check", self._check
            yield "backup", lambda admin: admin.backup(lambda piece: None)

    def _delete_client(self) -> None:
        with Shop(f"http://127.0.0.1:{self._daemon.ports['shop']}") as shop:
            shop.log_in("admin", PASSWORD)
            shop.delete_client(1)

    def _import(self, admin: Admin) -> None:
        imported = admin.import_lines(iter(self._pieces), sum(map(len, self._pieces)))
        assert imported == {"User": sum(piece.count(b"\n") for piece in self._pieces)}, imported

    def _import_refused(self, admin: Admin) -> None:
        try:
            admin.import_lines(iter(self._pieces), sum(map(len, self._pieces)))
        except Refused as error:
            if "fault" not in str(error):
                raise
        else:
            raise AssertionError("it was not refused")

    def _check(self, admin: Admin) -> None:
        assert admin.check() == []

    def measured(self, name: str, change: Callable[[Admin], object]) -> Measured:
        """Make the change beside the client."""
        daemon = self._daemon
        with Admin(f"http://127.0.0.1:{daemon.ports['admin']}", timeout=600) as admin:
            admin.log_in("admin", PASSWORD)
            _forget_peak(daemon)
            before = daemon.resident_bytes()
            self._floor.worst()
            with WellBehaved(daemon) as client:
                sleep(0.05)
                begun = perf_counter()
                change(admin)
                seconds = perf_counter() - begun
                sleep(self._sizes.quiet_seconds / 2)  # what goes on behind the answer counts, too
        memory = before, _peak(daemon), daemon.resident_bytes()
        return Measured(self._store, name, seconds, client.waits, self._floor.worst(), *memory)


def _forget_peak(daemon: Daemon) -> None:
    Path(f"/proc/{daemon.process.pid}/clear_refs").write_text("5")


def _peak(daemon: Daemon) -> int:
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def run(store: str, sizes: Sizes, directory: Path, only: str = "") -> Iterator[Measured]:
    """Make all changes on a store of this kind, "memory", "sqlite" or "postgresql", one after the
    other.
    """
    with ExitStack() as stack:
        daemon = started(stack, store, sizes, directory)
        changes = Changes(store, sizes, daemon, stack.enter_context(Floor(directory)))
        for name, change in changes.all():
            if only in name:
                yield changes.measured(name, change)
        if daemon.stop() != 0:
            raise AssertionError(daemon.log.read_text())


def row(measured: Measured) -> str:
    """Return the figures of one as a line of the table."""
    waits = measured.waits
    return (
        f"{measured.store:<10} {measured.name:<42} {measured.seconds:>7.2f} "
        f"{max(waits.reads) * 1000:>8.1f} "
        f"{max(waits.creates) * 1000:>8.1f} {waits.late:>6} "
        f"{len(waits.reads) + len(waits.creates):>7,} "
        f"{measured.floor.sync * 1000:>8.1f} {measured.floor.late * 1000:>8.1f} "
        f"{measured.before / MIB:>7,.0f} {measured.peak / MIB:>7,.0f} {measured.after / MIB:>7,.0f}"
    )


HEAD: Final = (
    f"{'store':<10} {'change':<42} {'took':>7} {'get':>8} {'create':>8} {'above':>6} "
    f"{'asked':>7} {'sync':>8} {'late':>8} "
    f"{'before':>7} {'peak':>7} {'after':>7}\n"
    f"{'':<10} {'':<42} {'s':>7} {'ms':>8} {'ms':>8} {'50 ms':>6} {'':>7} {'ms':>8} {'ms':>8} "
    f"{'MiB':>7} {'MiB':>7} {'MiB':>7}"
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--store", choices=("memory", "sqlite", "postgresql"), action="append")
    parser.add_argument("--users", type=int, default=Sizes().users)
    parser.add_argument("--import-mib", type=int, default=Sizes().import_bytes // MIB)
    parser.add_argument(
        "--directory", help="where the files are, else where the system has its temporary ones"
    )
    parser.add_argument("--only", default="", help="only the changes whose name has this in it")
    given = parser.parse_args()
    sizes = Sizes(users=given.users, import_bytes=given.import_mib * MIB)
    print(HEAD)
    for store in given.store or ("memory", "sqlite"):
        with tempfile.TemporaryDirectory(dir=given.directory) as directory:
            for measured in run(store, sizes, Path(directory), given.only):
                print(row(measured), flush=True)


if __name__ == "__main__":
    main()
