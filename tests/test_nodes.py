"""Two daemons as processes on one PostgreSQL are one: for who reads, who logs in, who follows the
changes, and who races.

The long forms are `python -m tests.proofs.nodes.races` and `python -m
tests.proofs.nodes.database_crash`.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from threading import Event, Thread
from time import monotonic
from typing import Any

import pytest

from sockcrud.identity.passwords import digest_of
from sockcrud.storage.postgres.schema import VERSION
from tests.proofs.durability.crash_book import Book, Broken
from tests.proofs.durability.crash_load import PASSWORD, Http, Json
from tests.proofs.nodes import database_crash, races
from tests.support.nodes import ADMIN, Nodes, closing_port
from tests.support.running import Daemon

CUT = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = "
    "'sockcrud' AND pid <> pg_backend_pid()"
)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with Nodes(tmp_path_factory.mktemp("nodes"), 2) as nodes:
        yield nodes
        nodes.check_logs()


class Member:
    """A connection of a field client to the members, which sends no Host, and is remembered when it
    has logged in.
    """

    def __init__(self, daemon: Daemon) -> None:
        self._socket = daemon.connect("members")

    def ask(self, method: str, body: str = "") -> tuple[int, Any]:
        self._socket.sendall(
            f"{method} / HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        answer = http.client.HTTPResponse(self._socket, method=method)
        answer.begin()
        return answer.status, json.loads(answer.read())

    def logs_in(self, login: str, password: str = PASSWORD) -> None:
        status, told = self.ask("POST", f"user:{login},{password}")
        assert status == 200, told

    def close(self) -> None:
        self._socket.close()


class People:
    """An admin at the first node, and accounts that are made there for a test each."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self.port = Http(nodes.daemons[0].ports["admin"], nodes.log_in())

    def new(self, role: str = "user") -> tuple[str, int]:
        """Return the login and the id of a new account."""
        login = f"person-{next(self._nodes.numbers)}"
        account = self.port.do(
            "POST", "/accounts", {"login": login, "password": PASSWORD, "role": role}
        )
        return login, account["id"]


@pytest.fixture
def people(nodes: Nodes) -> Iterator[People]:
    people = People(nodes)
    yield people
    people.port.close()


def test_daemons_that_start_at_the_same_moment_make_the_tables_and_the_first_admin_once(
    nodes: Nodes,
) -> None:
    assert nodes.ask_database("SELECT version FROM schema_version") == [(VERSION,)]
    assert nodes.ask_database("SELECT login FROM accounts WHERE role = 'admin'") == [(ADMIN,)]


def test_what_one_node_has_created_changed_or_deleted_is_so_at_the_other_at_once(
    nodes: Nodes,
) -> None:
    one, other = (Json(daemon, "users") for daemon in nodes.daemons)
    for number in range(100):
        user = {"name": "Ana", "email": "ana@example.org", "age": 1}
        one.send({"id_operation": "create_user", "payload": user})
        target = {"user_id": one.hear()["payload"]["id"]}
        other.send({"id_operation": "get_user", "payload": target})
        assert other.hear()["payload"]["age"] == 1
        other.send({"id_operation": "update_user", "payload": {**target, "data": {"age": number}}})
        other.hear()
        one.send({"id_operation": "get_user", "payload": target})
        assert one.hear()["payload"]["age"] == number
        one.send({"id_operation": "delete_user", "payload": target})
        one.hear()
        other.send({"id_operation": "get_user", "payload": target})
        assert other.hear()["error"] == 404
    one.close()
    other.close()


def test_a_revision_that_one_node_has_shown_is_outdated_at_the_other_once_the_record_is_changed(
    nodes: Nodes,
) -> None:
    token = nodes.new_shopper()
    with (
        closing_port(nodes.daemons[0], "shop", token) as one,
        closing_port(nodes.daemons[1], "shop", token) as other,
    ):
        client = {"name": "Ana", "email": "tags@example.org", "cpf": "111.222.333-44", "balance": 1}
        path = f"/clients/update/{one.do('POST', '/clients/create', client)['id']}"
        shown = one.fields["ETag"]
        assert other.ask("PUT", path, client, If_Match=shown)[0] == 200
        changed = other.fields["ETag"]
        assert one.ask("PUT", path, client, If_Match=shown)[0] == 412
        assert one.ask("PUT", path, client, If_Match=changed)[0] == 200


ENDINGS = ["logout", "password", "role", "deactivation", "the admin's end of all"]


def end(people: People, id: int, how: str) -> None:
    """End, at the first node, the sessions of an account."""
    if how == "the admin's end of all":
        assert people.port.do("DELETE", f"/sessions?account_id={id}")["ended"] > 0
        return
    change = {
        "password": {"password": "another password"},
        "role": {"role": "admin"},
        "deactivation": {"active": False},
    }
    people.port.do("PATCH", f"/accounts/{id}", change[how])


@pytest.mark.parametrize("how", ENDINGS)
def test_a_session_that_is_ended_at_one_node_is_dead_for_the_next_request_at_the_other(
    nodes: Nodes, people: People, how: str
) -> None:
    login, id = people.new()
    with closing_port(nodes.daemons[1], "auth") as auth:
        token = auth.log_in(login)
    with (
        closing_port(nodes.daemons[0], "shop", token) as here,
        closing_port(nodes.daemons[1], "shop", token) as there,
    ):
        for port in (here, there):
            assert port.ask("GET", "/clients/exists/1")[0] == 200
        if how == "logout":
            here.do("POST", "/user/logout")
        else:
            end(people, id, how)
        for port in (there, here):
            assert port.ask("GET", "/clients/exists/1")[0] == 401


@pytest.mark.parametrize("how", ENDINGS[1:])
def test_a_session_of_way_that_is_ended_at_one_node_is_dead_at_the_other(
    nodes: Nodes, people: People, how: str
) -> None:
    login, id = people.new()
    with closing_port(nodes.daemons[1], "way") as way:
        begun = way.do("POST", "/api/main", {"User": login, "Passwd": digest_of(PASSWORD)})
        path = f"/api/usuario/{begun['IDSessao']}"
        assert isinstance(way.do("GET", path), list)
        end(people, id, how)
        assert way.do("GET", path)["Message"] == "A sessão informada é inválida"


def test_a_later_login_at_way_ends_the_one_at_the_other_node(nodes: Nodes, people: People) -> None:
    login, _ = people.new()
    asked = {"User": login, "Passwd": digest_of(PASSWORD)}
    with (
        closing_port(nodes.daemons[0], "way") as one,
        closing_port(nodes.daemons[1], "way") as other,
    ):
        first = one.do("POST", "/api/main", asked)["IDSessao"]
        second = other.do("POST", "/api/main", asked)["IDSessao"]
        assert one.do("GET", f"/api/usuario/{first}")["Status"] == "ERROR"
        assert isinstance(one.do("GET", f"/api/usuario/{second}"), list)


def test_an_admin_who_logs_out_at_one_node_is_out_at_the_other(nodes: Nodes) -> None:
    token = nodes.log_in()
    with (
        closing_port(nodes.daemons[0], "admin", token) as one,
        closing_port(nodes.daemons[1], "admin", token) as other,
    ):
        assert other.ask("GET", "/accounts")[0] == 200
        assert one.ask("POST", "/logout")[0] == 204
        assert other.ask("GET", "/accounts")[0] == 401


@pytest.mark.parametrize("how", ENDINGS[1:])
@pytest.mark.parametrize("is_cut", [False, True], ids=["whole", "cut"])
def test_an_open_connection_that_logged_in_at_the_other_node_is_logged_out_within_a_second_also_when_its_store_was_cut_off(  # noqa: E501
    nodes: Nodes, people: People, how: str, is_cut: bool
) -> None:
    login, id = people.new()
    member = Member(nodes.daemons[1])
    member.logs_in(login)
    assert member.ask("GET")[0] == 200
    if is_cut:
        nodes.ask_database(CUT)
        until_served(people.port)
    end(people, id, how)
    deadline = monotonic() + 1.0
    if is_cut:
        nodes.ask_database(CUT)
    while (status := member.ask("GET")[0]) == 503:
        assert monotonic() < deadline
    assert status == 403
    assert monotonic() < deadline
    until_served(people.port)
    member.close()


def until_served(port: Http) -> None:
    """Wait until its node has noticed that it was cut off, and has new connections."""
    deadline = monotonic() + database_crash.RECOVERY
    while port.ask("GET", "/accounts?limit=1")[0] == 503:
        assert monotonic() < deadline


def test_whoever_follows_the_changes_at_either_node_while_both_write_misses_nothing_and_is_told_nothing_twice(  # noqa: E501
    nodes: Nodes,
) -> None:
    token = nodes.log_in()
    [[start]] = nodes.ask_database("SELECT max(rev) FROM changes")
    over, failures = Event(), list[BaseException]()
    followed: list[list[int]] = [[], []]
    threads = [
        Thread(target=kept(failures, write_some), args=(daemon,)) for daemon in nodes.daemons * 2
    ]
    following = [
        Thread(target=kept(failures, follow), args=(daemon, token, start, revs, over))
        for daemon, revs in zip(nodes.daemons, followed, strict=True)
    ]
    for thread in threads + following:
        thread.start()
    for thread in threads:
        thread.join(60)
    over.set()
    for thread in following:
        thread.join(60)
    assert not failures
    written = [
        rev
        for (rev,) in nodes.ask_database(
            f"SELECT rev FROM changes WHERE rev > {start} ORDER BY rev"
        )
    ]
    assert len(written) == 4 * 120
    assert followed == [written, written]


def kept(failures: list[BaseException], work: Callable[..., None]) -> Callable[..., None]:
    """Return the work for a thread, of whose end somebody is told."""

    def run(*arguments: object) -> None:
        try:
            work(*arguments)
        except BaseException as failure:
            failures.append(failure)

    return run


def write_some(daemon: Daemon) -> None:
    """Create 60 users and delete each second of them, and change the others, some at once."""
    port = Json(daemon, "users")
    for number in range(0, 60, 4):
        user = {"name": "Ana", "email": "ana@example.org", "age": 1}
        port.send(*[{"id_operation": "create_user", "payload": user}] * 4)
        ids = [port.hear()["payload"]["id"] for _ in range(4)]
        port.send(
            *(
                {"id_operation": "update_user", "payload": {"user_id": id, "data": {"age": number}}}
                for id in ids[::2]
            )
        )
        port.send(
            *({"id_operation": "delete_user", "payload": {"user_id": id}} for id in ids[1::2])
        )
        assert [port.hear()["code"] for _ in ids] == [200, 200, 204, 204]
    port.close()


def follow(daemon: Daemon, token: str, since: int, revs: list[int], over: Event) -> None:
    """Ask for what has changed since the latest change that was told, until there is nothing
    more.
    """
    with closing_port(daemon, "admin", token) as port:
        while True:
            was_over = over.is_set()
            told = [
                change["rev"]
                for change in port.do("GET", f"/changes?since={since}&limit=7")["items"]
            ]
            if was_over and not told:
                return
            revs += told
            since = told[-1] if told else since


def test_of_two_who_want_the_same_at_the_same_moment_exactly_one_gets_it(tmp_path: Path) -> None:
    for figures in races.run(10, 1, tmp_path).values():
        assert sum(figures.won.values()) == 10


def test_a_database_that_is_killed_or_frozen_under_load_loses_nothing_acknowledged_and_keeps_nobody_waiting(  # noqa: E501
    tmp_path: Path,
) -> None:
    book, figures = database_crash.run(2, 1, tmp_path, safe=False)
    assert (figures.killed, figures.frozen) == (2, 1)
    assert figures.interruptions > 10
    assert book.acknowledged > 500
    assert book.in_doubt > 10
    assert book.shown > 1000


def test_a_database_that_does_lose_what_was_acknowledged_is_found_out(tmp_path: Path) -> None:
    lossy = ("-c", "synchronous_commit=off", "-c", "wal_writer_delay=10s")
    with Nodes(tmp_path, 2, *lossy) as nodes:
        rounds = database_crash.Rounds(
            nodes, Random(1), Book(), database_crash.Figures(), nodes.new_shopper()
        )
        nodes.ask_database("CHECKPOINT")  # so that it does not lose its tables, too
        with pytest.raises(
            Broken, match=r"was acknowledged as|was shown in|was given to|refused what was right"
        ):
            rounds.run(1)
