# mypy: allow-untyped-calls
"""A daemon that is killed while many calls are under way: each ends, and in the documented way."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from typing import Any

import pytest
from twisted.internet.defer import Deferred, DeferredList

from sockcrud.apps.users.client import User
from sockcrud.client import Shop, Users, sync
from sockcrud.client.errors import CannotSend, ServerGone
from tests.client.client_kit import PATIENCE, Heard, Scripted
from tests.support.awaiting import awaits
from tests.support.running import Daemon


def kill_after(daemon: Daemon, calls: list[Deferred[Any]], answered: int) -> None:
    """Kill the daemon as soon as so many calls are answered."""

    def kill(result: Any) -> Any:
        daemon.process.kill()
        return result

    calls[answered - 1].addCallback(kill)


def outcomes(ended: Any) -> tuple[list[Any], list[Any]]:
    """Return the results, and the errors behind them; an error between results is a mistake."""
    results = [value for succeeded, value in ended if succeeded]
    failures = [value.value for succeeded, value in ended if not succeeded]
    assert [succeeded for succeeded, _ in ended] == [True] * len(results) + [False] * len(failures)
    return results, failures


@awaits
async def test_users_in_the_middle_of_a_pipeline(tmp_path: Path) -> None:
    from twisted.internet import reactor

    with Daemon(tmp_path) as daemon:
        async with Users(reactor, f"127.0.0.1:{daemon.ports['users']}", timeout=PATIENCE) as users:
            calls = [users.create(f"user {age}", "a@example.org", age % 100) for age in range(3000)]
            kill_after(daemon, calls, 500)
            made, failures = outcomes(await DeferredList(calls, consumeErrors=True))
            assert 500 <= len(made) < 3000
            assert all(isinstance(user, User) and user.id == id for id, user in enumerate(made, 1))
            # Those that were sent may have been carried out; those that were not, were not, and
            # nobody listens any more.
            gone = [error for error in failures if type(error) is ServerGone]
            assert failures == gone + [error for error in failures if type(error) is CannotSend]
            assert {error.may_have_happened for error in gone} == {True}
            with pytest.raises(CannotSend):
                await users.list()


@awaits
async def test_the_shop_in_the_middle_of_a_pipeline(tmp_path: Path) -> None:
    from twisted.internet import reactor

    with Daemon(tmp_path) as daemon:
        async with Shop(
            reactor, f"http://127.0.0.1:{daemon.ports['shop']}", timeout=PATIENCE
        ) as shop:
            calls = [shop.health() for _ in range(2000)]
            kill_after(daemon, calls, 300)
            said, failures = outcomes(await DeferredList(calls, consumeErrors=True))
            assert set(said) == {"The service is running"}
            assert {type(error) for error in failures} <= {ServerGone, CannotSend}
            assert 300 <= len(said) < 2000


def test_a_script_finds_the_daemon_again_that_was_started_anew(tmp_path: Path) -> None:
    where = f"unix:{tmp_path}/users.sock"
    with Daemon(tmp_path, "--users", where):
        users = sync.Users(where)
        users.create("Ana", "ana@example.org", 30)
    with pytest.raises(CannotSend):
        users.list()
    with Daemon(tmp_path, "--users", where):
        assert users.list() == []
        users.close()


def test_a_script_has_a_new_connection_for_a_change_where_the_server_closed_the_old_one_between_calls() -> (  # noqa: E501
    None
):
    closed = Event()

    def answers_one(heard: Heard) -> None:
        heard.line()
        heard.says(b'{"payload":{},"code":204}\n')
        heard.connection.close()
        closed.set()

    with Scripted(answers_one) as server, sync.Users(server.where) as users:
        for _ in range(3):
            users.delete(1)
            assert closed.wait(PATIENCE)
            closed.clear()
        assert server.connections == 3
