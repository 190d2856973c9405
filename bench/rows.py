"""The rows with peers: who runs, under which load, and what is aimed at."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from typing import Final
from unittest.mock import ANY

from attrs import evolve

from bench.asking import (
    ask_http,
    check_creating,
    check_users,
    counted_commits,
    exact_answer,
    expect,
    shop_with_clients,
)
from bench.figures import RaceResult, Target
from bench.load import CONNECTIONS, Shape
from bench.processes import Failed, Server, on_core
from bench.races import Beside, Contender, Lineup, Race
from bench.shapes import (
    CLIENTS,
    CREATE_USER,
    FILLING_DEPTH,
    GET_USER,
    REDIS_GET,
    REDIS_PING,
    REDIS_SET,
    USERS,
    VALUE,
    a_client,
    create_client,
    fetch_client,
    fetch_customer,
)
from bench.stage import (
    FLOOR,
    PEERS,
    App,
    Missing,
    Sockcrud,
    Stage,
    need,
    postgresql_is_understood,
    program,
)

IN_FLIGHT: Final = 16
CREATES_A_SECOND: Final = 500
REDIS: Final = "Redis"
ASYNCIO: Final = "asyncio streams on uvloop"
BY_HAND: Final = "the shop's, written by hand"
EPOLL: Final = "sockcrud, twistd, epoll"
_HTTP_ANSWER: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
    % (len(VALUE), VALUE)
)


def fill_users(stage: Stage, port: int, count: int) -> None:
    """Make the users from 1 to `count` through the port, as fast as it takes them."""
    stage.load.run(port, evolve(CREATE_USER, connections=1, depth=FILLING_DEPTH, requests=count), 0)


def _with_users(stage: Stage, port: int) -> None:
    fill_users(stage, port, USERS)
    check_users(port)


def _ours(name: str, daemon: Sockcrud, shape: Shape) -> Contender:
    return Contender(
        name, daemon.server, daemon.shop if shape.framing == "http" else daemon.users, shape
    )


def _theirs(server: Server, shape: Shape) -> Contender:
    return Contender(server.name, server, server.port, shape)


def _there(*peers: Callable[[], Contender]) -> tuple[list[Contender], list[str]]:
    """Start those that can be, and say why others cannot."""
    started, missing = [], []
    for peer in peers:
        try:
            started.append(peer())
        except Missing as why:
            missing.append(f"without one that it is compared with: {why}")
    return started, missing


def _floor(stage: Stage, ours: Contender) -> Contender:
    """Return a server that gives the very bytes that ours gives, and does nothing for it."""
    answer = exact_answer(ours.port, ours.shape.request.replace(b"{id}", b"1"))
    return _theirs(stage.floor(ours.shape.framing, answer), ours.shape)


# Users


def _get_user(depth: int) -> Callable[[Stage], Lineup]:
    def line_up(stage: Stage) -> Lineup:
        users, redis_get = evolve(GET_USER, depth=depth), evolve(REDIS_GET, depth=depth)
        daemons = {
            "sockcrud": stage.sockcrud(),
            **({EPOLL: stage.sockcrud(EPOLL, twistd=True)} if stage.epoll else {}),
        }
        for daemon in daemons.values():
            _with_users(stage, daemon.users)
        ours, *epoll = (_ours(name, daemon, users) for name, daemon in daemons.items())
        peers, missing = _there(
            lambda: _floor(stage, ours),
            lambda: _theirs(stage.redis(), redis_get),
            lambda: _theirs(_asyncio_users(stage), users),
        )

        def notes(result: RaceResult) -> list[str]:
            redis = [peer.server for peer in peers if peer.name == REDIS]
            return [
                *missing,
                *(_redis_benchmark(stage, one, "get", depth, result) for one in redis),
            ]

        return Lineup([ours, *peers, *epoll], notes)

    return line_up


def _asyncio_users(stage: Stage) -> Server:
    streams = stage.python_peer(ASYNCIO, "asyncio_users.py", "uvloop", "orjson")
    _with_users(stage, streams.port)
    return streams


def _create_user(stage: Stage) -> Lineup:
    daemon, redis = stage.sockcrud("sockcrud, SQLite", "sqlite:"), stage.redis(durable=True)
    check_users(daemon.users)
    before = counted_commits(daemon.admin)

    def notes(result: RaceResult) -> list[str]:
        commits, creates = counted_commits(daemon.admin) - before, _answers(result, 0)
        told = (
            f"sockcrud: {creates:,} creates in {commits:,} commits, "
            f"{creates / max(commits, 1):.1f} a commit"
        )
        return [told, _redis_benchmark(stage, redis, "set", 1, result)]

    return Lineup([_ours("sockcrud", daemon, CREATE_USER), _theirs(redis, REDIS_SET)], notes)


def _reads_under_writes(stage: Stage) -> Lineup:
    creates = evolve(CREATE_USER, rate=float(CREATES_A_SECOND))
    in_file, in_memory = (
        stage.sockcrud("sockcrud, SQLite", "sqlite:"),
        stage.sockcrud("sockcrud, memory"),
    )
    contenders = []
    for name, daemon in (("sockcrud, SQLite", in_file), ("sockcrud, memory", in_memory)):
        _with_users(stage, daemon.users)
        contenders.append(
            evolve(_ours(name, daemon, GET_USER), beside=Beside(daemon.users, creates))
        )
    contenders.append(_ours("sockcrud, memory, no creates", in_memory, GET_USER))
    return Lineup(contenders)


def _redis_benchmark(stage: Stage, redis: Server, test: str, depth: int, result: RaceResult) -> str:
    """Let Redis's own benchmark say what it measures, so that one sees that our load treats Redis
    well.
    """
    ours = next(one for one in result.contestants if one.name == REDIS)
    command = [
        program("redis-benchmark"),
        "-p",
        str(redis.port),
        "-t",
        test,
        "-c",
        str(CONNECTIONS),
        "-P",
        str(depth),
    ]
    command += ["-d", str(len(VALUE)), "-r", str(USERS), "-n", str(int(ours.rate * 2)), "--csv"]
    with on_core(stage.cores.load):
        said = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
    found = re.search(rf'^"{test.upper()}","([0-9.]+)"', said, re.MULTILINE)
    if found is None:
        raise Failed(f"cannot read what redis-benchmark said: {said}")
    told = f"redis-benchmark's own figure for {test.upper()}: {float(found[1]):,.0f}/s"
    return f"{told}, of which sockcrud has {result.contestants[0].rate / float(found[1]):.2f}"


def _answers(result: RaceResult, number: int) -> int:
    return sum(sample.answers for sample in result.contestants[number].samples)


# The shop


def _fetch_client(stage: Stage) -> Lineup:
    daemons = {
        "sockcrud": stage.sockcrud(),
        **({EPOLL: stage.sockcrud(EPOLL, twistd=True)} if stage.epoll else {}),
    }
    ours, *epoll = (
        _ours(name, daemon, fetch_client(shop_with_clients(daemon.shop)))
        for name, daemon in daemons.items()
    )
    peers, missing = _there(
        lambda: _floor(stage, ours),
        lambda: _their_shop(stage.uvicorn_peer("FastAPI + uvicorn", "fastapi_shop")),
        lambda: _their_shop(stage.node_peer("node http", "node_shop.mjs")),
        lambda: _their_shop(
            stage.python_peer("aiohttp", "aiohttp_shop.py", "aiohttp", "uvloop", "orjson")
        ),
    )
    return Lineup([ours, *peers, *epoll], lambda _: missing)


def _their_shop(peer: Server) -> Contender:
    return _theirs(peer, fetch_client(shop_with_clients(peer.port)))


def _fetch_crud(stage: Stage) -> Lineup:
    daemon = stage.sockcrud(app=App(PEERS / "crud_customers.py", "customers-rest"))
    port, token = daemon.app, shop_with_clients(daemon.shop)
    for number in range(1, CLIENTS + 1):
        created = ask_http(port, "POST", "/customers", a_client(number), f"Bearer {token}")
        expect("creating a customer", (created[0], created[1].get("id")), (201, number))
    shown = {"id": 1, "rev": ANY, **a_client(1), "balance": "30.25"}
    expect(
        "showing a customer",
        ask_http(port, "GET", "/customers/1", authorization=f"Bearer {token}"),
        (200, shown),
    )
    expect("showing one to nobody", ask_http(port, "GET", "/customers/1")[0], 401)
    generic = Contender("crud(), REST", daemon.server, port, fetch_customer(token))
    return Lineup([generic, _ours(BY_HAND, daemon, fetch_client(token)), _floor(stage, generic)])


def _create_client(stage: Stage) -> Lineup:
    daemon = stage.sockcrud("sockcrud, SQLite", "sqlite:")
    file = stage.new_directory("peer's file") / "clients.db"
    peer = stage.uvicorn_peer(
        "FastAPI + sqlite3", "fastapi_sqlite", environment={"PEER_FILE": str(file)}
    )
    ports = (daemon.shop, peer.port)
    ours, theirs = (create_client(_checked_shop(port)) for port in ports)
    before = counted_commits(daemon.admin)

    def notes(result: RaceResult) -> list[str]:
        commits, creates = counted_commits(daemon.admin) - before, _answers(result, 0)
        return [
            f"sockcrud: {creates:,} creates in {commits:,} commits, "
            f"{creates / max(commits, 1):.1f} a commit"
        ]

    return Lineup([_ours("sockcrud", daemon, ours), _theirs(peer, theirs)], notes)


def _checked_shop(port: int) -> str:
    token = shop_with_clients(port)
    check_creating(port, token)
    return token


def _on_postgresql(creating: bool) -> Callable[[Stage], Lineup]:
    def line_up(stage: Stage) -> Lineup:
        if not postgresql_is_understood():
            raise Missing("this sockcrud has no store for PostgreSQL")
        need("psycopg")
        database = stage.postgresql()
        daemon = stage.sockcrud("sockcrud, PostgreSQL", database.made("ours"))
        environment = {"PEER_DATABASE": database.made("theirs")}
        peer = stage.uvicorn_peer(
            "FastAPI + asyncpg", "fastapi_asyncpg", "asyncpg", environment=environment
        )
        shape = create_client if creating else fetch_client
        ours, theirs = (shape(_checked_shop(port)) for port in (daemon.shop, peer.port))
        return Lineup([_ours("sockcrud", daemon, ours), _theirs(peer, theirs)])

    return line_up


# What the load can do


def _ceiling(stage: Stage) -> Lineup:
    lines, heads, redis = (
        stage.answerer("line", VALUE),
        stage.answerer("head", _HTTP_ANSWER),
        stage.redis(),
    )
    token = "0" * 64
    contenders = [
        Contender("lines, a C server", lines, lines.port, GET_USER),
        Contender(
            f"lines, {IN_FLIGHT} in flight, a C server",
            lines,
            lines.port,
            evolve(GET_USER, depth=IN_FLIGHT),
        ),
        Contender("HTTP, a C server", heads, heads.port, fetch_client(token)),
        Contender("Redis PING", redis, redis.port, REDIS_PING),
    ]
    return Lineup(contenders)


def _at_least(*limits: float) -> Target:
    return Target(limits)


RACES: Final[tuple[Race, ...]] = (
    Race("ceiling", "What the load itself can do", _ceiling, comparable=False),
    Race(
        "get-user",
        "users get_user, one at a time",
        _get_user(1),
        {FLOOR: _at_least(0.7), REDIS: _at_least(0.8), ASYNCIO: _at_least(1.0)},
    ),
    Race(
        "get-user-16",
        f"users get_user, {IN_FLIGHT} in flight",
        _get_user(IN_FLIGHT),
        {ASYNCIO: _at_least(2.4)},
    ),
    Race(
        "fetch-client",
        "shop GET /clients/fetch/{id} with bearer",
        _fetch_client,
        {
            FLOOR: _at_least(0.35),
            "FastAPI + uvicorn": _at_least(8.0),
            "node http": _at_least(0.75),
            "aiohttp": _at_least(1.9),
        },
    ),
    Race(
        "fetch-crud",
        "crud() GET /customers/{id} with bearer",
        _fetch_crud,
        {BY_HAND: _at_least(0.95), FLOOR: _at_least(0.35)},
    ),
    Race(
        "create-user",
        "durable create_user / Redis SET, appendfsync always",
        _create_user,
        {REDIS: _at_least(0.55, 0.45)},
    ),
    Race(
        "create-client",
        "durable POST /clients/create",
        _create_client,
        {"FastAPI + sqlite3": _at_least(8.0)},
    ),
    Race(
        "reads-under-writes",
        f"get_user while {CREATES_A_SECOND} users a second are created",
        _reads_under_writes,
        {"sockcrud, memory": _at_least(0.9)},
    ),
    Race(
        "postgresql-fetch",
        "PostgreSQL: GET /clients/fetch/{id} with bearer",
        _on_postgresql(False),
        {"FastAPI + asyncpg": _at_least(3.0)},
    ),
    Race(
        "postgresql-create",
        "PostgreSQL: POST /clients/create",
        _on_postgresql(True),
        {"FastAPI + asyncpg": _at_least(3.0)},
    ),
)
