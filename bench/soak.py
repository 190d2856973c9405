"""A daemon under mixed traffic for a long time: `python -m bench.soak --minutes 45`.

All dialects are asked at once, over connections that come and go, some of them rude; the store is
a file, and the journal is watched. What must be so at the end: no error, no rise of memory beyond
1 % an hour after the first ten minutes, as many descriptors as before, and a store that is sound.
The status is 1 where one of these is not so.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click
from attrs import define, field

from bench.processes import Failed, free_ports
from sockcrud.client.places import parse
from sockcrud.client.sync import Admin, Members, Messages, Shop, Users, Way

VISITORS: Final = 2
"""Threads at each dialect."""
WARM_SECONDS: Final = 600.0
MOST_A_SECOND: Final = 0.01 / 3600
"""The part of its memory that it may grow by in a second: 1 % an hour."""
SAMPLE_SECONDS: Final = 10.0
PAUSE: Final = 0.02
PASSWORD: Final = "long enough"
RUDE: Final = (b"", b'{"op": ', b"GET / HT", b"\x16\x03\x01", b"nonsense\n")
# What fills up and then stays as it is, does so within the first ten minutes.
SETTINGS: Final = ("--max-history", "4MiB", "--max-sessions", "50", "--log-refusals", "1")


@define
class Tally:
    """What came of the visits."""

    visits: Counter[str] = field(factory=Counter)
    errors: list[str] = field(factory=list)
    over: threading.Event = field(factory=threading.Event)


@define
class Daemon:
    """The daemon that is watched."""

    process: subprocess.Popen[bytes]
    places: dict[str, str]

    @property
    def memory(self) -> int:
        """Return the bytes that it has in use."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    @property
    def descriptors(self) -> int:
        """Return how many it has open."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


@contextmanager
def daemon(directory: Path) -> Iterator[Daemon]:
    """Start it, and have it killed at the end where it is there still."""
    (directory / "password").write_text(PASSWORD)
    [base] = free_ports(1)
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "sockcrud", "serve", "--store", "sqlite:soak.db"),
                *("--base-port", str(base), "--admin-password-file", "password", *SETTINGS),
            ],
            cwd=directory,
            stdout=subprocess.PIPE,
            stderr=log,
        )
        assert process.stdout is not None
        try:
            url = _until_there(process.stdout)
            with Admin(url) as client:
                found = {name: at for name, at in client.dialects().items() if at is not None}
            yield Daemon(process, found)
        finally:
            if process.poll() is None:
                process.kill()


def _until_there(lines: Iterator[bytes]) -> str:
    """Return where the admin port is, when the last line of the banner has come."""
    for line in lines:
        name, _, rest = line.decode().partition(" listens on ")
        if name.strip() == "admin":
            return rest.split()[0]
    raise Failed("the daemon says of no admin port")


# Visits: a connection each, that comes, does something, and goes


def _users(at: str, number: int) -> None:
    with Users(at) as users:
        made = users.create(f"User {number}", f"u{number}@example.org", 30)
        users.get(made.id)
        users.update(made.id, age=31)
        users.list(limit=10)
        users.delete(made.id)


def _messages(at: str, number: int) -> None:
    with Messages(at) as messages:
        messages.add("hello", 1_000_000 + number)
        messages.get(1_000_000 + number)
        messages.show()
        messages.delete(1_000_000 + number)


def _shop(at: str, number: int) -> None:
    with Shop(at) as shop:
        shop.log_in("admin", PASSWORD)
        cpf = f"{number % 10**9:09d}01"
        client = shop.create_client("Ana", f"c{number}@example.org", cpf, 1)
        product = shop.create_product(f"lamp {number}", "", 5, 2)
        shop.add_item(client, product, 1, "2024-11-01")
        shop.items(client)
        shop.client(client)
        shop.delete_product(product)
        shop.delete_client(client)
        shop.log_out()


def _health(service: str) -> Callable[[str, int], None]:
    def visit(at: str, number: int) -> None:
        with Shop(at) as shop:
            for _ in range(5):
                shop.health(service)  # type: ignore[arg-type]

    return visit


def _way(at: str, number: int) -> None:
    with Way(at) as way:
        way.log_in(f"visitor-{number % VISITORS}", PASSWORD)
        way.users()
        way.log_out()


def _members(at: str, number: int) -> None:
    with Members(at) as members:
        members.log_in("admin", PASSWORD)
        members.members()
        members.state()


def _admin(at: str, number: int) -> None:
    with Admin(at) as admin:
        admin.log_in("admin", PASSWORD)
        admin.health()
        admin.accounts()
        admin.sessions()
        admin.log_out()


VISITS: Final[dict[str, Callable[[str, int], None]]] = {
    "users": _users,
    "messages": _messages,
    "shop": _shop,
    **{name: _health(name) for name in ("clients", "products", "inventory")},
    "auth": _health("user"),
    "way": _way,
    "members": _members,
    "admin": _admin,
}


def _visit(name: str, at: str, first: int, tally: Tally) -> None:
    """Visit again and again, until it is over."""
    number = first
    while not tally.over.is_set():
        try:
            VISITS[name](at, number)
        except Exception as error:
            tally.errors.append(f"{name}: {type(error).__name__}: {error}")
        tally.visits[name] += 1
        number += VISITORS
        time.sleep(PAUSE)


def _be_rude(places: Sequence[str], tally: Tally) -> None:
    """Connect, say something unfinished or senseless, and leave, now and then with a reset."""
    chance = random.Random(1)
    while not tally.over.is_set():
        place = parse(chance.choice(places))
        with suppress(OSError), socket.create_connection((place.host, place.port), 5) as rude:
            rude.sendall(
                chance.choice((b"", b'{"op": ', b"GET / HT", b"\x16\x03\x01", b"nonsense\n"))
            )
            if chance.random() < 0.5:
                rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        tally.visits["rude"] += 1
        time.sleep(PAUSE)


@contextmanager
def _journal(directory: Path, admin: str) -> Iterator[subprocess.Popen[bytes]]:
    """Watch the journal meanwhile."""
    words = ["trace", "--at", admin, "--login", "admin", "--password-file", "password", "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "sockcrud", *words], cwd=directory, stdout=subprocess.DEVNULL
    ) as watching:
        try:
            yield watching
        finally:
            watching.terminate()  # what runs in the background of a shell ignores SIGINT


def rise(samples: Sequence[tuple[float, float]]) -> float:
    """Return by how much of their mean these values rise in a second, as least squares have it."""
    count = len(samples)
    mean_at = sum(at for at, _ in samples) / count
    mean = sum(value for _, value in samples) / count
    spread = sum((at - mean_at) ** 2 for at, _ in samples)
    return sum((at - mean_at) * (value - mean) for at, value in samples) / spread / mean


def soak(directory: Path, seconds: float, say: Callable[[str], None]) -> list[str]:
    """Run it; return what is not as it must be."""
    wrong = []
    with daemon(directory) as served:
        places, tally = served.places, Tally()
        with Admin(places["admin"]) as admin:
            admin.log_in("admin", PASSWORD)
            for number in range(VISITORS):
                admin.create_account(f"visitor-{number}", PASSWORD)
            admin.log_out()
        before = served.descriptors
        threads = [
            threading.Thread(target=_visit, args=(name, places[name], number + 1, tally))
            for name in VISITS
            for number in range(VISITORS)
        ]
        threads.append(threading.Thread(target=_be_rude, args=(list(places.values()), tally)))
        with _journal(directory, places["admin"]) as journal:
            for thread in threads:
                thread.start()
            samples = _watch(served, seconds, tally, say)
            tally.over.set()
            for thread in threads:
                thread.join()
            if journal.poll() is not None:
                wrong.append("the journal was not watched to the end")
        if tally.errors:
            shown = "; ".join(list(dict.fromkeys(tally.errors))[:5])
            wrong.append(f"{len(tally.errors):,} errors: {shown}")
        if (left := _returned(served, before)) > before:
            wrong.append(f"{left} descriptors are open, and {before} were before")
        late = [(at, value) for at, value in samples if at >= WARM_SECONDS]
        if len(late) < 6:
            say("too short to judge its memory by: that takes more than the first ten minutes")
        elif (risen := rise(late)) > MOST_A_SECOND:
            wrong.append(f"its memory rises by {risen * 360_000:.2f} % an hour")
        else:
            say(f"memory rises by {risen * 360_000:.2f} % an hour after the first ten minutes")
        served.process.send_signal(signal.SIGTERM)
        if (status := served.process.wait(30)) != 0:
            wrong.append(f"it ended with status {status}")
    check = [sys.executable, "-m", "sockcrud", "check", "--store", "sqlite:soak.db"]
    if subprocess.run(check, cwd=directory, capture_output=True, check=False).returncode:
        wrong.append("its store is not sound")
    visits = ", ".join(f"{count:,} {name}" for name, count in sorted(tally.visits.items()))
    say(f"visits: {visits}")
    return wrong


def _watch(
    served: Daemon, seconds: float, tally: Tally, say: Callable[[str], None]
) -> list[tuple[float, float]]:
    samples: list[tuple[float, float]] = []
    began = said = time.monotonic()
    while (at := time.monotonic() - began) < seconds and served.process.poll() is None:
        time.sleep(min(SAMPLE_SECONDS, seconds - at))
        now = time.monotonic()
        samples.append((now - began, float(served.memory)))
        if now - said >= 60 or now - began >= seconds:
            said = now
            visits, errors = sum(tally.visits.values()), len(tally.errors)
            figures = f"{served.memory / 2**20:.1f} MiB, {served.descriptors} descriptors"
            say(f"{(now - began) / 60:.0f} min: {visits:,} visits, {errors} errors, {figures}")
    return samples


def _returned(served: Daemon, before: int) -> int:
    """Return how many descriptors are open once those that were for visits have had their time."""
    end = time.monotonic() + 60
    while served.descriptors > before and time.monotonic() < end:
        time.sleep(0.5)
    return served.descriptors


@click.command()
@click.option("--minutes", type=click.FloatRange(0.1), default=45.0, show_default=True)
def main(minutes: float) -> None:
    """Have a daemon under mixed traffic for so long, and tell what becomes of it."""
    with TemporaryDirectory(prefix="sockcrud-soak-") as directory:
        try:
            wrong = soak(Path(directory), minutes * 60, click.echo)
        except Failed as error:
            raise SystemExit(str(error)) from None
    for line in wrong:
        click.echo(f"WRONG: {line}")
    if wrong:
        raise SystemExit(1)
    click.echo("all is as it must be")


if __name__ == "__main__":
    main()
