"""The load of the benchmark against tiny servers, which needs a C compiler, and the answers of the
peers.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Thread

import pytest
from attrs import evolve

from bench.asking import check_creating, check_users, exact_answer, shop_with_clients
from bench.building import built, compiler
from bench.load import Load, Shape
from bench.processes import HOST, Cores, Failed
from bench.rows import RACES
from bench.shapes import GET_USER, create_client, fetch_client, redis_command
from bench.stage import PEERS, ROOT, Stage

CORE = min(os.sched_getaffinity(0))
ECHO = Shape(b'{"n":{count},"id":{id}}\n', '{"n":', ids=9, connections=3, requests=60)

Serve = Callable[[socket.socket], None]
"""Serves one connection until it is closed."""


class Tiny:
    """A server with a thread a connection."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads: list[Thread] = []
        self._accepting = Thread(target=self._accept)
        self._accepting.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = Thread(target=self._run, args=(connection,))
            thread.start()
            self._threads.append(thread)

    def _run(self, connection: socket.socket) -> None:
        with connection, suppress(ConnectionError):  # a load that has failed closes at once
            self._serve(connection)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in (self._accepting, *self._threads):
            thread.join(10)


@contextmanager
def tiny(serve: Serve) -> Iterator[int]:
    """Yield the port of such a server."""
    server = Tiny(serve)
    try:
        yield server.port
    finally:
        server.close()


def answering(answer: Callable[[bytes], bytes], heard: list[bytes] | None = None) -> Serve:
    """Serve lines."""

    def serve(connection: socket.socket) -> None:
        for line in connection.makefile("rb"):
            if heard is not None:
                heard.append(line)
            connection.sendall(answer(line))

    return serve


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    if compiler() is None:
        pytest.skip("there is no C compiler")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def load(compiled: None, tmp_path: Path) -> Load:
    return Load(tmp_path, Cores(CORE, CORE))


def test_what_is_built_is_built_once(compiled: None) -> None:
    first = built("load")
    made = first.stat().st_mtime_ns
    assert built("load") == first
    assert first.stat().st_mtime_ns == made


@pytest.mark.parametrize("depth", [1, 7])
def test_each_request_is_sent_once_and_each_answer_counted(load: Load, depth: int) -> None:
    heard: list[bytes] = []
    with tiny(answering(lambda line: line, heard)) as port:
        sample = load.run(port, evolve(ECHO, depth=depth), 0)
    assert sample.answers == 60
    requests = [json.loads(line) for line in heard]
    assert len({request["n"] for request in requests}) == 60
    assert {request["id"] for request in requests} <= set(range(1, 10))
    assert len({request["id"] for request in requests}) > 1


def test_counts_never_come_again_in_a_later_load(load: Load) -> None:
    heard: list[bytes] = []
    with tiny(answering(lambda line: line, heard)) as port:
        for _ in range(3):
            load.run(port, ECHO, 0)
    assert len({json.loads(line)["n"] for line in heard}) == 180


def test_a_load_of_a_time_ends_after_it_with_all_answered(load: Load) -> None:
    heard: list[bytes] = []
    with tiny(answering(lambda line: line, heard)) as port:
        sample = load.run(port, evolve(ECHO, requests=None), 0.2)
    assert sample.answers == len(heard) > 0
    assert 0 < sample.p50_us <= sample.p99_us <= sample.p999_us <= sample.max_us
    assert sample.rate > 0


def test_answers_in_pieces_and_together_are_counted_as_they_are(load: Load) -> None:
    def serve(connection: socket.socket) -> None:
        lines = connection.makefile("rb")
        while first := lines.readline():
            both = first + lines.readline()
            for start, end in ((0, 3), (3, len(first) + 2), (len(first) + 2, None)):
                connection.sendall(both[start:end])

    with tiny(serve) as port:
        assert load.run(port, evolve(ECHO, depth=2), 0).answers == 60


def test_answers_that_are_errors_fail_the_load_and_one_is_shown(load: Load) -> None:
    answers = iter([b'{"error":500}\n'] * 5)
    with (
        tiny(answering(lambda line: next(answers, line))) as port,
        pytest.raises(Failed, match=r'of 60 answers 5 were errors(?s:.*)\{"error":500\}'),
    ):
        load.run(port, evolve(ECHO, connections=1), 0)


def test_a_server_that_closes_fails_the_load(load: Load) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(1)

    with tiny(serve) as port, pytest.raises(Failed, match=r"closed a connection|connection broke"):
        load.run(port, ECHO, 0)


def test_more_answers_than_requests_fail_the_load(load: Load) -> None:
    with (
        tiny(answering(lambda line: line * 2)) as port,
        pytest.raises(Failed, match="nobody asked for"),
    ):
        load.run(port, ECHO, 0)


def test_where_nobody_listens_the_load_fails(load: Load) -> None:
    with tiny(answering(lambda line: line)) as port:
        pass
    with pytest.raises(Failed, match="refused"):
        load.run(port, ECHO, 0)


def test_http_requests_have_the_length_that_they_tell_and_answers_the_one_that_is_told(
    load: Load,
) -> None:
    bodies: list[dict[str, object]] = []

    def serve(connection: socket.socket) -> None:
        stream = connection.makefile("rb")
        while stream.readline():
            headers = dict(line.split(b": ", 1) for line in iter(stream.readline, b"\r\n"))
            bodies.append(json.loads(stream.read(int(headers[b"Content-Length"]))))
            head, body = (
                b"HTTP/1.1 201 Created\r\nX: y\r\ncontent-length: 12\r\n\r\n",
                b"\r\n\r\nHTTP/1.1",
            )
            connection.sendall(head[:30])
            connection.sendall(head[30:] + body[:4])
            connection.sendall(body[4:])

    with tiny(serve) as port:
        sample = load.run(port, evolve(create_client("token"), connections=2, requests=20), 0)
    assert sample.answers == len(bodies) == 20
    assert len({body["email"] for body in bodies}) == len({body["cpf"] for body in bodies}) == 20
    assert all(re.fullmatch(r"[0-9]{11}", str(body["cpf"])) for body in bodies)


def test_redis_is_spoken_to_as_its_clients_do(load: Load) -> None:
    heard: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        stream = connection.makefile("rb")
        while line := stream.readline():
            words = []
            for _ in range(int(line[1:])):
                size = int(stream.readline()[1:])
                words.append(stream.read(size + 2)[:-2])
            heard.extend(words[1:])
            connection.sendall(b"$5\r\na\r\nbc\r\n")

    shape = Shape(
        redis_command(b"GET", b"user:{key}"), "$5\r\na", "resp", ids=5, connections=2, requests=30
    )
    with tiny(serve) as port:
        assert load.run(port, shape, 0).answers == 30
    assert {len(key) for key in heard} == {12}
    assert {int(key.removeprefix(b"user:")) for key in heard} <= set(range(1, 6))


def test_an_open_loop_keeps_its_rate(load: Load) -> None:
    heard: list[bytes] = []
    with tiny(answering(lambda line: line, heard)) as port:
        sample = load.run(port, evolve(ECHO, requests=None, rate=200.0), 0.5)
    assert (
        len(heard) == sample.answers == pytest.approx(200, abs=2)
    )  # the half second of warming is at the same rate
    assert 100 < sample.rate < 210


def test_who_would_have_come_while_a_server_stalls_is_counted_as_having_waited(load: Load) -> None:
    stalls = iter([True])
    seen = 0

    def answer(line: bytes) -> bytes:
        nonlocal seen
        seen += 1
        if seen == 150 and next(stalls, False):  # past the half second that is not counted
            Event().wait(
                0.25
            )  # a real server's stall, in real time: the load is a program that looks at the clock
        return line

    with tiny(answering(answer)) as port:
        sample = load.run(port, evolve(ECHO, requests=None, rate=200.0, connections=1), 0.5)
    # One request was held up; were the others not charged from when they were due, 99 % would not
    # show it, nor half of that.
    assert sample.p99_us > 200_000
    assert sample.max_us >= 250_000


def test_a_load_that_goes_on_ends_with_what_it_goes_on_beside(load: Load) -> None:
    with tiny(answering(lambda line: line)) as port:
        with load.going_on(port, evolve(ECHO, requests=None), 600) as process:
            assert process.poll() is None
        assert process.returncode is not None


# The peers


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        yield Stage(tmp_path, Cores(CORE, CORE), None, stack)  # type: ignore[arg-type]


@pytest.mark.skipif(find_spec("uvloop") is None, reason="uvloop is not installed")
def test_users_of_sockcrud_and_of_its_peer_pass_the_same_checks(stage: Stage) -> None:
    check_users(stage.python_peer("asyncio", "asyncio_users.py").port)
    check_users(stage.sockcrud().users)


def test_the_floor_gives_the_very_bytes_that_sockcrud_gives(load: Load, stage: Stage) -> None:
    daemon = stage.sockcrud()
    for port, shape in (
        (daemon.users, GET_USER),
        (daemon.shop, fetch_client(shop_with_clients(daemon.shop))),
    ):
        request = shape.request.replace(b"{id}", b"1")
        answer = exact_answer(port, request)
        floor = stage.floor(shape.framing, answer)
        assert exact_answer(floor.port, request) == answer
        # What is in flight is answered one by one, also where it comes together.
        assert (
            load.run(
                floor.port, evolve(shape, good="", depth=5, connections=3, requests=60), 0
            ).answers
            == 60
        )


def test_the_shop_that_nobody_wrote_is_served_beside_the_one_written_by_hand(stage: Stage) -> None:
    lineup = next(race for race in RACES if race.row == "fetch-crud").line_up(stage)
    generic, by_hand, floor = lineup.contenders
    assert generic.server is by_hand.server
    answers = [
        exact_answer(one.port, one.shape.request.replace(b"{id}", b"2"))
        for one in (generic, by_hand)
    ]
    assert all(
        answer.startswith(b"HTTP/1.1 200 ") and b'"email":"pedro2@example.org"' in answer
        for answer in answers
    )
    assert b'"rev":' in exact_answer(floor.port, generic.shape.request)


def test_the_shop_of_sockcrud_passes_the_checks_of_its_peers(stage: Stage) -> None:
    daemon = stage.sockcrud("sockcrud", "sqlite:")
    check_creating(daemon.shop, shop_with_clients(daemon.shop))


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_shop_in_node_passes_the_checks(stage: Stage) -> None:
    shop_with_clients(stage.node_peer("node", "node_shop.mjs").port)


def test_a_peer_that_answers_wrong_does_not_pass(stage: Stage) -> None:
    source = (PEERS / "asyncio_users.py").read_text().replace("404", "200")
    (stage.directory / "wrong.py").write_text(source)
    wrong = stage.serve(
        "wrong", lambda port, _: [sys.executable, str(stage.directory / "wrong.py"), str(port)]
    )
    with pytest.raises(Failed, match="showing 1000000000"):
        check_users(wrong.port)


@pytest.mark.skipif(find_spec("fastapi") is None, reason="fastapi is not installed")
def test_the_shops_with_fastapi_pass_the_checks(stage: Stage) -> None:
    shop_with_clients(stage.uvicorn_peer("FastAPI", "fastapi_shop").port)
    file = stage.new_directory("file") / "clients.db"
    peer = stage.uvicorn_peer(
        "FastAPI + sqlite3", "fastapi_sqlite", environment={"PEER_FILE": str(file)}
    )
    check_creating(peer.port, shop_with_clients(peer.port))


@pytest.mark.skipif(find_spec("aiohttp") is None, reason="aiohttp is not installed")
def test_the_shop_with_aiohttp_passes_the_checks(stage: Stage) -> None:
    shop_with_clients(stage.python_peer("aiohttp", "aiohttp_shop.py").port)


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="the benchmark needs two cores")
def test_the_command_measures_a_row_and_writes_what_it_found(
    compiled: None, tmp_path: Path
) -> None:
    figures = tmp_path / "figures.json"
    command = [
        sys.executable,
        "-m",
        "bench",
        "--quick",
        "--rows",
        "start",
        "--json",
        str(figures),
        "--directory",
        str(tmp_path),
    ]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert "start to listening, memory store" in ran.stdout
    (result,) = json.loads(figures.read_text())["results"]
    assert 0 < result["median"] < 60
    assert list(tmp_path.iterdir()) == [figures]
