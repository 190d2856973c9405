"""`running()`: a daemon of somebody's tests, a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from sockcrud.client.errors import LoginFailed, NotLoggedIn
from sockcrud.client.sync import Admin
from sockcrud.testing import DaemonFailed, DaemonProcess, running
from tests import ROOT
from tests.support import postgres_kit

LIBRARY = ROOT / "examples" / "library.py"
BOOK = {"title": "Emma", "isbn": "9780141439587", "year": 1815}


@pytest.fixture(scope="module")
def shared() -> Iterator[DaemonProcess]:
    with running(LIBRARY) as daemon:
        yield daemon


@pytest.fixture
def daemon(shared: DaemonProcess) -> DaemonProcess:
    shared.reset()
    return shared


def test_a_reset_takes_records_accounts_and_tokens_and_leaves_the_ports(
    daemon: DaemonProcess,
) -> None:
    before = daemon.ports
    assert daemon.client("users").create("Ana", "ana@example.org", 30).id == 1
    shop = daemon.client("shop", "ana")
    token = shop.token
    daemon.reset()
    assert daemon.ports == before
    assert daemon.client("users").list() == []
    again = daemon.client("shop", "bert")
    again.token = token
    with pytest.raises(NotLoggedIn):
        again.clients()
    with Admin(daemon.url("admin")) as admin, pytest.raises(LoginFailed):
        admin.log_in("ana", "the password of ana")
    # Ids begin anew too: a test may name them.
    assert daemon.client("users").create("Bert", "bert@example.org", 30).id == 1


def test_clients_are_logged_in_where_a_login_is_wanted(daemon: DaemonProcess) -> None:
    assert daemon.client("shop").clients() == []
    assert daemon.client("shop", "ana").clients() == []
    assert [each.user_name for each in daemon.client("way").users()] == ["admin", "ana"]
    assert daemon.client("members", "eva@example.org").members()[0].email == "eva@example.org"
    assert {each.login for each in daemon.admin.all_accounts()} == {
        "admin",
        "ana",
        "eva@example.org",
    }


def test_the_app_of_a_file_has_a_client_for_each_of_its_wires(daemon: DaemonProcess) -> None:
    made = daemon.client("library-rest").create(**BOOK)
    assert daemon.client("library-lines").get(made.id) == made


def test_a_seed_is_what_an_export_has_written(daemon: DaemonProcess, tmp_path: Path) -> None:
    daemon.reset([{"kind": "Book", **BOOK}])
    file = tmp_path / "seed.jsonl"
    with file.open("wb") as lines:
        daemon.admin.export(lines.write, secrets=False)
    file.write_text(
        "".join(line + "\n" for line in file.read_text().splitlines() if "Emma" in line)
    )
    daemon.reset(file)
    assert [book.title for book in daemon.client("library-lines").all()] == ["Emma"]


def test_the_log_is_that_of_this_test(daemon: DaemonProcess) -> None:
    assert "users.list" not in daemon.log()
    daemon.client("users").list()
    assert "users 127.0.0.1 users.list ok" in daemon.log()


def test_what_it_cannot_serve_is_said_in_one_line() -> None:
    with pytest.raises(ValueError, match="there is no app 'user': expected users, messages"):
        running("user").__enter__()
    with pytest.raises(DaemonFailed, match=r"store='sqlite:/srv/shop.db': expected memory:"):
        DaemonProcess(store="sqlite:/srv/shop.db")


def test_of_the_apps_that_are_named_the_others_are_off_and_a_file_goes_with_the_process() -> None:
    with running("shop", store="sqlite:", seed="demo") as daemon:
        assert "users" not in daemon.ports
        assert {"shop", "auth", "admin"} <= daemon.ports.keys()
        with pytest.raises(KeyError, match="'users' is none of clients, products"):
            daemon.address("users")
        shop = daemon.client("shop")
        first = shop.clients()
        assert first
        shop.delete_client(first[0].id)
        daemon.reset()
        assert daemon.client("shop").clients() == first
        folder = Path(daemon.admin_password_file).parent
        assert (folder / "store.db").is_file()
    assert not folder.exists()


def test_in_a_database_a_schema_is_made_that_goes_with_the_process() -> None:
    url = postgres_kit.new_database()
    schemas = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'sockcrud_testing_%'"
    with psycopg.connect(url, autocommit=True) as connection:
        with running("users", store=url) as daemon:
            daemon.client("users").create("Ana", "ana@example.org", 30)
            assert connection.execute(schemas).fetchone() == (1,)
            daemon.reset()
            assert daemon.client("users").list() == []
        assert connection.execute(schemas).fetchone() == (0,)
