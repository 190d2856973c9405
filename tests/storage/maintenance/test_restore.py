"""`sockcrud import --restore`: a store is lost, its export is there, and nobody notices."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sockcrud.apps.messages.records import Message
from sockcrud.apps.shop.records import Client
from sockcrud.apps.users.records import User
from sockcrud.cli.main import main
from sockcrud.client.errors import LoginFailed, NotLoggedIn
from sockcrud.client.sync import Admin, Users
from sockcrud.identity.passwords import InThisThread, Passwords, digest_of
from sockcrud.identity.records import Account
from sockcrud.storage.contract import IStore
from tests.storage.maintenance.move_kit import (
    SECRET,
    asked,
    content,
    fill_and_use,
    is_empty,
    new_places,
    revision,
)
from tests.storage.sqlite.sqlite_case import records_of
from tests.storage.store_case import ALL, NOON, a_client, a_user
from tests.support import forked
from tests.support.awaiting import awaits
from tests.support.directory_kit import CHEAP
from tests.support.model import STANDARD
from tests.support.running import Daemon, environment

OTHER = "the password of the first start"
BOTH = pytest.mark.parametrize("target", ["sqlite", "postgresql"])
EVERYWHERE = pytest.mark.parametrize("target", ["memory", "sqlite", "postgresql"])


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in a directory without settings."""
    monkeypatch.chdir(tmp_path)
    Path("password").write_text(f"{SECRET}\n")
    Path("other").write_text(f"{OTHER}\n")


@pytest.fixture
def new() -> Iterator[Callable[[str], str]]:
    """Yield what makes the name of a store that is not there yet."""
    yield from new_places()


def run(*words: str, input: bytes | None = None) -> Result:
    result = CliRunner().invoke(main, words, input=input)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def done(*words: str) -> str:
    result = run(*words)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*words: str, input: bytes | None = None) -> str:
    """Expect one line on stderr, but for warnings about the tests' database, and status 1; give the
    line.
    """
    result = run(*words, input=input)
    said = [line for line in result.stderr.splitlines() if not line.startswith("WARNING: ")]
    assert (result.exit_code, result.stdout, len(said)) == (1, "", 1), result.output
    return said[0]


async def fill_for_good(store: IStore) -> None:
    """Fill the store, and let all accounts have a password."""
    await fill_and_use(store)
    hash = await Passwords(InThisThread(), CHEAP).hash(digest_of(SECRET))
    for user in await store.page(User, ALL):
        await store.update(
            User, user.id, created_at=NOON, updated_at=NOON
        )  # an export says a moment in UTC
    for account in await store.page(Account, ALL):
        await store.update(Account, account.id, password_hash=hash, active=True, role="admin")


async def exported(name: str = "all.jsonl") -> dict[str, Any]:
    """Make a store and its whole export; give its records but sessions and failed logins."""
    await asked("sqlite:one.db", fill_for_good)
    done("export", name, "--secrets", "--store", "sqlite:one.db")
    return await kept("sqlite:one.db")


async def kept(place: str) -> dict[str, Any]:
    records = await asked(place, records_of)
    return {kind.__name__: records[kind.__name__] for kind in STANDARD.journaled}


async def create(store: IStore) -> list[int]:
    """Create a record of some kinds, of which the last were deleted before the export; give the
    ids.
    """
    made = (
        await store.insert(User, **a_user()),
        await store.insert(Message, data="x"),
        await store.insert(Client, **a_client(99)),
    )
    return [record.id for record in made]


@BOTH
@awaits
async def test_a_store_comes_back_as_it_was(new: Callable[[str], str], target: str) -> None:
    records = await exported()
    two = new(target)
    said = done("import", "all.jsonl", "--restore", "--store", two)
    assert said.startswith(f"{sum(map(len, records.values()))} records are restored: ")
    assert await kept(two) == records
    assert revision(two) == revision("sqlite:one.db")
    done("export", "again.jsonl", "--secrets", "--store", two)
    assert Path("again.jsonl").read_bytes() == Path("all.jsonl").read_bytes()
    assert await asked(two, create) == await asked("sqlite:one.db", create)


@BOTH
@awaits
async def test_what_the_first_start_has_made_gives_way(
    new: Callable[[str], str], target: str, tmp_path: Path
) -> None:
    records = await exported()
    admin = next(account.login for account in records["Account"] if account.role == "admin")
    two = new(target)
    with Daemon(tmp_path, "--store", two, "--admin-password-file", "other") as daemon:
        assert log_in(daemon, "admin", OTHER)
        assert daemon.stop() == 0
    done("import", "all.jsonl", "--restore", "--store", two)
    assert await kept(two) == records
    with Daemon(tmp_path, "--store", two, "--admin-password-file", "other") as daemon:
        assert log_in(daemon, admin, SECRET)
        with pytest.raises(LoginFailed):
            log_in(daemon, "admin", OTHER)
        assert daemon.stop() == 0


@awaits
async def test_the_password_that_the_first_start_made_up_goes_with_its_account(
    new: Callable[[str], str], tmp_path: Path
) -> None:
    await exported()
    two = new("sqlite")
    with Daemon(tmp_path, "--store", two) as daemon:
        [made_up] = tmp_path.glob("store*-admin-password-*")
        url = f"http://127.0.0.1:{daemon.ports['admin']}"
        log_in(daemon, "admin", made_up.read_text().strip())
        done("import", "all.jsonl", "--restore", "--url", url, "--password-file", str(made_up))
        assert not made_up.exists()
        assert daemon.stop() == 0


@awaits
async def test_a_first_password_beside_a_file_that_is_restored_offline_is_named(
    new: Callable[[str], str],
) -> None:
    await exported()
    two = new("sqlite").removeprefix("sqlite:")
    left = Path(f"{two}-admin-password-abc")
    left.write_text("made up\n")
    said = run("import", "all.jsonl", "--restore", "--store", f"sqlite:{two}")
    assert (said.exit_code, left.name in said.stderr) == (0, True)
    Path("backup.db").write_bytes(Path(two).read_bytes())
    said = run("restore", "backup.db", two)
    assert (said.exit_code, left.name in said.stderr) == (0, True)


def log_in(daemon: Daemon, login: str, password: str) -> Admin:
    port = Admin(f"http://127.0.0.1:{daemon.ports['admin']}")
    port.log_in(login, password)
    return port


@EVERYWHERE
@awaits
async def test_a_running_daemon_becomes_what_the_lost_one_was(
    new: Callable[[str], str], tmp_path: Path, target: str
) -> None:
    records = await exported()
    admin = next(account.login for account in records["Account"] if account.role == "admin")
    place = "memory:" if target == "memory" else new(target)
    flags = ("--store", place, "--admin-password-file", "other")
    with Daemon(tmp_path, *flags) as daemon:
        url = f"http://127.0.0.1:{daemon.ports['admin']}"
        before = log_in(daemon, "admin", OTHER)
        done("import", "all.jsonl", "--restore", "--url", url, "--password-file", "other")
        with pytest.raises(NotLoggedIn):
            before.accounts()
        with pytest.raises(LoginFailed):
            log_in(daemon, "admin", OTHER)
        done(
            "export",
            "again.jsonl",
            "--secrets",
            "--url",
            url,
            "--login",
            admin,
            "--password-file",
            "password",
        )
        assert lines("again.jsonl")[:-1] == lines("all.jsonl")[:-1]
        with pytest.raises(Exception, match="not empty"):
            log_in(daemon, admin, SECRET).import_lines(
                [b"".join(lines("all.jsonl"))], Path("all.jsonl").stat().st_size, True
            )
        with Users(f"127.0.0.1:{daemon.ports['users']}") as users:
            made = users.create(name="New", email="new@example.org", age=1)
        assert made.id == trailer("all.jsonl")["highest"]["User"] + 1
        changed = list(log_in(daemon, admin, SECRET).all_changes(trailer("all.jsonl")["rev"]))
        assert [(change.kind, change.id) for change in changed] == [("User", made.id)]
        if target == "sqlite":
            assert log_in(daemon, admin, SECRET).check() == []
        assert daemon.stop() == 0
    if target != "memory":  # and it is on disk
        with Daemon(tmp_path, *flags) as daemon:
            url = f"http://127.0.0.1:{daemon.ports['admin']}"
            done(
                "export",
                "third.jsonl",
                "--secrets",
                "--url",
                url,
                "--login",
                admin,
                "--password-file",
                "password",
            )
            assert daemon.stop() == 0
        assert [line for line in lines("third.jsonl")[:-1] if b'"name":"New"' not in line] == lines(
            "all.jsonl"
        )[:-1]


def lines(name: str) -> list[bytes]:
    return Path(name).read_bytes().splitlines(keepends=True)


def trailer(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(lines(name)[-1])["trailer"]
    return found


@awaits
async def test_the_last_line_tells_of_all_the_others() -> None:
    records = await exported()
    told = trailer("all.jsonl")
    assert told["records"] == {kind: len(those) for kind, those in records.items() if those}
    assert told["rev"] == revision("sqlite:one.db")
    assert told["secrets"] is True
    assert told["highest"]["Client"] > max(
        client.id for client in records["Client"]
    )  # which was deleted
    digest = subprocess.run(
        "head -n -1 all.jsonl | sha256sum", shell=True, capture_output=True, text=True, check=True
    )
    assert told["digest"] == f"sha256:{digest.stdout.split()[0]}"


@BOTH
@awaits
async def test_a_file_that_was_cut_off_is_refused(new: Callable[[str], str], target: str) -> None:
    await exported()
    whole, two = Path("all.jsonl").read_bytes(), new(target)
    every = lines("all.jsonl")
    for cut in (
        b"",
        b"".join(every[:1]),
        b"".join(every[:-1]),
        whole[: len(whole) // 2],
        whole[:-9],
    ):
        said = refused("import", "-", "--restore", "--store", two, input=cut)
        assert said == (
            "Error: the export is cut off, or from before there was a trailer: its last line is "
            "none"
        )
    assert "lacks records" in refused(
        "import", "-", "--restore", "--store", two, input=b"".join(every[1:])
    )
    assert await is_empty(two)


@BOTH
@awaits
async def test_a_file_that_was_changed_is_refused(new: Callable[[str], str], target: str) -> None:
    await exported()
    two, every = new(target), lines("all.jsonl")
    changed = b"".join(every).replace(b"Ana", b"Eva", 1).replace(b"tea", b"tee", 1)
    assert changed != b"".join(every)
    swapped = b"".join([every[1], every[0], *every[2:]])
    for bad in (changed, swapped):
        for words in (["--restore"], []):
            assert "changed since it was made" in refused(
                "import", "-", *words, "--store", two, input=bad
            )
    assert "lacks records" in refused(
        "import", "-", "--restore", "--store", two, input=b"".join([*every[:2], *every])
    )
    assert await is_empty(two)


@awaits
async def test_a_plain_import_takes_lines_with_and_without_a_trailer() -> None:
    await asked("sqlite:one.db", fill_for_good)
    text = run("export", "--store", "sqlite:one.db").stdout_bytes
    messages = b"".join(
        line for line in text.splitlines(keepends=True) if b'"kind":"Message"' in line
    )
    more = b'{"kind":"Message","id":7000,"data":"more"}\n'
    assert run("import", "-", "--store", "sqlite:a.db", input=messages).exit_code == 0
    assert run("import", "-", "--store", "sqlite:b.db", input=text + more).exit_code == 0
    done("export", "a.jsonl", "--store", "sqlite:a.db")
    Path("both").write_bytes(
        Path("a.jsonl").read_bytes() + more + b'{"kind":"Message","id":7001,"data":"more"}\n'
    )
    done("import", "both", "--store", "sqlite:c.db")
    assert (await asked("sqlite:c.db", lambda store: store.get(Message, 7001))).data == "more"


@BOTH
@awaits
async def test_a_store_with_records_of_its_own_is_left_alone(
    new: Callable[[str], str], target: str
) -> None:
    await exported()
    two = new(target)
    await asked(two, lambda store: store.insert(Message, data="mine"))
    before = content(two)
    said = refused("import", "all.jsonl", "--restore", "--store", two)
    assert "is not empty: it holds 1 Message; restore into one that is new" in said
    assert content(two) == before


@awaits
async def test_an_export_without_secrets_says_so_and_restores_nothing(tmp_path: Path) -> None:
    await asked("sqlite:one.db", fill_for_good)
    told = run("export", "plain.jsonl", "--store", "sqlite:one.db").stderr
    assert "nobody could log in" in told
    assert (
        "nobody" not in run("export", "all.jsonl", "--secrets", "--store", "sqlite:one.db").stderr
    )
    assert "nobody could log in: make one with --secrets" in refused(
        "import", "plain.jsonl", "--restore", "--store", "sqlite:two.db"
    )
    assert not Path("two.db").exists()
    with Daemon(tmp_path, "--admin-password-file", "other") as daemon:
        port = ("--url", f"http://127.0.0.1:{daemon.ports['admin']}", "--password-file", "other")
        assert "make one with --secrets" in refused("import", "plain.jsonl", "--restore", *port)
        assert "changed since" in refused(
            "import",
            "-",
            "--restore",
            *port,
            input=Path("all.jsonl").read_bytes().replace(b"tea", b"tee"),
        )
        assert log_in(daemon, "admin", OTHER).accounts().items[0].login == "admin"
        assert daemon.stop() == 0


KILLED = """
import os, signal, sys
from contextlib import contextmanager
from sockcrud.cli import progress
from sockcrud.cli.main import main

phase, least = sys.argv[1], int(sys.argv[2])

@contextmanager
def shown(label):
    def told(done, total):
        if label == phase and done >= least:
            os.kill(os.getpid(), int(sys.argv[3]))
    yield told

progress.displayed = shown
main(["import", *sys.argv[4:]])
"""


@BOTH
@pytest.mark.parametrize(
    ("phase", "least", "end"),
    [
        ("copying", 30, signal.SIGKILL),
        ("copying", 60, signal.SIGINT),
        ("comparing", 30, signal.SIGTERM),
    ],
)
@awaits
async def test_an_interrupted_one_leaves_nothing_and_can_be_made_again(
    new: Callable[[str], str], target: str, end: int, phase: str, least: int
) -> None:
    records = await exported()
    two = new(target)
    words = ["all.jsonl", "--restore", "--store", two]
    told = [phase, str(least), str(int(end)), *words]
    ended = forked.run(told, environment(), 60, program=KILLED)
    assert ended.returncode == (130 if end == signal.SIGINT else -end), ended.stderr
    assert await is_empty(two)
    done("import", *words)
    assert await kept(two) == records


@awaits
async def test_a_database_is_exported_beside_its_daemon(
    new: Callable[[str], str], tmp_path: Path
) -> None:
    await exported()
    two = new("postgresql")
    done("import", "all.jsonl", "--restore", "--store", two)
    with Daemon(tmp_path, "--store", two, "--admin-password-file", "other") as daemon:
        done("export", "again.jsonl", "--secrets", "--store", two)
        assert daemon.stop() == 0
    assert lines("again.jsonl")[:-1] == lines("all.jsonl")[:-1]
