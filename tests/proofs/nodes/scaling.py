"""`python -m tests.proofs.nodes.scaling`: nginx and HAProxy, as docs/scaling has them, before two
real daemons on one PostgreSQL.

Needs both installed, nginx with its stream module; not part of the test suite for that. Says what a
client sees: through each of them, when a daemon is killed under load, when it is there again, when
the database is away. Ends with status 1 where it sees what docs/scaling.md does not promise.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from email.message import Message
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

from attrs import Factory, define

from tests import ROOT
from tests.support.postgres_kit import Server
from tests.support.running import DIALECTS, Daemon, received

DOCS: Final = ROOT / "docs" / "scaling"
DEFAULTS: Final = {
    "users": 8080,
    "messages": 5000,
    "shop": 5080,
    "way": 50000,
    "members": 9999,
    "admin": 8000,
}
FRONTS: Final = ("nginx", "haproxy")
PASSWORD: Final = "a long password"
CLIENTS: Final = 8
SHORTLY: Final = 20.0


class Broken(Exception):
    """Something that was promised is not so."""


def require(promise: str, holds: bool) -> None:
    """Say a promise that holds; raise for one that does not."""
    if not holds:
        raise Broken(promise)
    print(f"  {promise}", flush=True)


def free_ports(names: Iterable[str]) -> dict[str, int]:
    """Give each name a port that nobody listens on, at this moment, and no two the same."""
    with ExitStack() as stack:
        return {
            name: stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
            for name in names
        }


class Node:
    """A daemon on ports that stay its own when it is killed and started again."""

    def __init__(self, directory: Path, store: str) -> None:
        directory.mkdir()
        (directory / "password").write_text(f"{PASSWORD}\n")
        self.ports = free_ports(DIALECTS)
        self._directory = directory
        self._flags = [
            word for name, port in self.ports.items() for word in (f"--{name}", f"tcp:{port}")
        ]
        self._flags += ["--store", store, "--admin-password-file", "password"]
        self.start()

    def start(self) -> None:
        self.daemon = Daemon(self._directory, *self._flags)

    def kill(self) -> None:
        self.daemon.process.kill()
        self.daemon.process.wait()

    def served(self, subject: str) -> int:
        """Return how many operations on the subject it has done."""
        text = self.daemon.ask(
            "admin", "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )
        counts = re.findall(
            rf'^sockcrud_requests_total{{.*operation="{subject}\..*}} ([0-9.]+)', text, re.MULTILINE
        )
        return sum(int(float(count)) for count in counts)


@contextmanager
def front(program: str, nodes: list[Node], directory: Path) -> Iterator[dict[str, int]]:
    """Run nginx or HAProxy with the file in the docs, before these nodes. Give its ports."""
    ports = free_ports(DEFAULTS)
    name = {"nginx": "nginx.conf", "haproxy": "haproxy.cfg"}[program]
    text = (DOCS / name).read_text()
    for dialect, port in DEFAULTS.items():
        for address, node in zip(("10.0.0.11", "10.0.0.12"), nodes, strict=True):
            text = text.replace(f"{address}:{port} ", f"127.0.0.1:{node.ports[dialect]} ")
            text = text.replace(
                f"{address}:{port}\n",
                f"127.0.0.1:{node.ports[dialect]} check port {node.ports['admin']}\n",
            )
        text = text.replace(f"listen {port};", f"listen 127.0.0.1:{ports[dialect]};")
        text = text.replace(f"bind :{port}\n", f"bind 127.0.0.1:{ports[dialect]}\n")
    text = text.replace("/var/log/nginx/error.log", str(directory / "nginx-error.log"))
    text = text.replace(
        "http {\n", f"http {{\n    access_log {directory / 'nginx-access.log'};\n", 1
    )
    file = directory / name
    file.write_text(text)
    commands = {
        "nginx": [
            "nginx",
            "-e",
            "stderr",
            "-c",
            str(file),
            "-g",
            f"daemon off; pid {directory / 'nginx.pid'};",
        ],
        "haproxy": ["haproxy", "-db", "-f", str(file)],
    }
    with (directory / f"{program}.log").open("wb") as log:
        running = subprocess.Popen(commands[program], stdout=log, stderr=log)
    try:
        until(
            f"{program} listens", lambda: running.poll() is not None or can_connect(ports["users"])
        )
        if running.poll() is not None:
            raise Broken(f"{program} runs: {(directory / f'{program}.log').read_text()}")
        yield ports
    finally:
        running.terminate()
        running.wait()


def until(what: str, holds: Callable[[], bool], seconds: float = SHORTLY) -> float:
    """Come back when it holds; give how long that took."""
    started = time.monotonic()
    while not holds():
        if time.monotonic() - started > seconds:
            raise Broken(f"{what} within {seconds:g} s")
        time.sleep(0.02)
    return time.monotonic() - started


def can_connect(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return False
    return True


def ask_line(port: int, *requests: str) -> list[Any]:
    """Send lines on one connection, close its sending half, and return the answers."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall("".join(f"{request}\n" for request in requests).encode())
        connection.shutdown(socket.SHUT_WR)
        return [json.loads(line) for line in received(connection).splitlines()]


def ask(
    port: int, method: str, path: str, body: object = None, **headers: str
) -> tuple[int, Message, Any]:
    """Ask over a connection of its own; give the status, the fields and the body."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, json.loads(answer.read() or b"null")


def basic(login: str, password: str) -> str:
    return "Basic " + b64encode(f"{login}:{password}".encode()).decode()


@define
class Load:
    """Clients that read one client of the shop again and again, over connections that they keep,
    and note what they get.
    """

    port: int
    path: str
    token: str
    seen: Counter[str] = Factory(Counter)
    longest: float = 0.0
    latest_trouble: float = 0.0
    _over: Event = Factory(Event)
    _threads: list[Thread] = Factory(list)

    def __enter__(self) -> Load:
        self._threads = [Thread(target=self._run) for _ in range(CLIENTS)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    @property
    def answers(self) -> int:
        return sum(self.seen.values())

    def _run(self) -> None:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        while not self._over.is_set():
            started = time.monotonic()
            try:
                connection.request(
                    "GET", self.path, headers={"Authorization": f"Bearer {self.token}"}
                )
                answer = connection.getresponse()
                answer.read()
                outcome = str(answer.status)
            except (OSError, HTTPException) as error:
                outcome = type(error).__name__
                connection.close()
            self.longest = max(self.longest, time.monotonic() - started)
            self.seen[outcome] += 1
            if outcome != "200":
                self.latest_trouble = time.monotonic()
                time.sleep(0.01)
        connection.close()

    def until_all_is_well(self) -> None:
        """Come back when every answer of the last three seconds was a 200."""
        since = time.monotonic()
        until("all answers are 200", lambda: time.monotonic() - max(since, self.latest_trouble) > 3)
        before = self.answers
        until("there are answers", lambda: self.answers > before + 100)


@define
class Trial:
    """What is tried through one front."""

    program: str
    ports: dict[str, int]
    nodes: list[Node]
    token: str = ""
    path: str = ""

    def try_requests(self) -> None:
        """Each request may be served by either node, and nobody notices."""
        shop, number = self.ports["shop"], FRONTS.index(self.program)
        for each in range(10):
            answers = ask_line(
                self.ports["users"],
                json.dumps(
                    {
                        "id_operation": "create_user",
                        "payload": {"name": "Ana", "email": "a@b.org", "age": each},
                    }
                ),
                '{"id_operation": "get_users", "payload": {"limit": 1}}',
            )
            if [answer["code"] for answer in answers] != [201, 200]:
                raise Broken(f"users: {answers}")
        require(
            "users: 10 connections, each closed its half after two requests, and got two answers",
            True,
        )
        ask(shop, "POST", "/user/create", {"username": self.program, "password": PASSWORD})
        answer = ask(shop, "POST", "/user/login", Authorization=basic(self.program, PASSWORD))[2]
        self.token = answer["token"]
        person = {
            "name": "Rita",
            "email": f"{self.program}@example.org",
            "cpf": f"1234567890{number}",
            "balance": 1,
        }
        bearer = {"Authorization": f"Bearer {self.token}"}
        made = ask(shop, "POST", "/clients/create", person, **bearer)[2]
        self.path = f"/clients/fetch/{made['id']}"
        before = [node.served("clients") for node in self.nodes]
        answers = [ask(shop, "GET", self.path, **bearer) for _ in range(20)]
        served = [
            node.served("clients") - count for node, count in zip(self.nodes, before, strict=True)
        ]
        require(
            "shop: one login, 20 connections: all 200, with the same ETag",
            {status for status, _, _ in answers} == {200},
        )
        require(
            f"the nodes have served {served[0]} and {served[1]} of them",
            min(served) > 0 and sum(served) == 20,
        )
        require("no two ETags differ", len({headers["ETag"] for _, headers, _ in answers}) == 1)
        status, _, found = ask(self.ports["way"], "GET", f"/api/usuario/{'0' * 64}")
        require(
            f"way: {status} {found['Message']}", found["Message"] == "A sessão informada é inválida"
        )

    def try_field_client(self) -> None:
        """A client of the members that frames loosely: no Host, no blank line, a length that is
        four too high.
        """
        with socket.create_connection(
            ("127.0.0.1", self.ports["members"]), timeout=10
        ) as connection:
            body = f"user:{self.program},{PASSWORD}"
            connection.sendall(
                f"POST /? HTTP/1.1\r\nContent-Length: {len(body) + 4}\r\n\r\n{body}".encode()
            )
            first = connection.recv(65536).decode()
            connection.sendall(b"GET /? HTTP/1.1\r\nAccept: */*")
            second = connection.recv(65536).decode()
        require("members: a loosely framing client logs in", first.startswith("HTTP/1.1 200 "))
        require(
            "members: and is known for the rest of the connection",
            second.startswith("HTTP/1.1 200 "),
        )

    def try_kill(self) -> None:
        """One node is killed under load, and comes back."""
        lost = self.nodes[0]
        with ExitStack() as stack:
            held = [stack.enter_context(self._conversation()) for _ in self.nodes]
            of_the_lost = [each for each in held if self._node_of(each) is lost]
            require("messages: two connections are one at each node", len(of_the_lost) == 1)
            with Load(self.ports["shop"], self.path, self.token) as load:
                until("the load is there", lambda: load.answers > 500)
                lost.kill()
                load.until_all_is_well()
            others = {outcome: count for outcome, count in load.seen.items() if outcome != "200"}
            print(
                f"  kill -9 of a node under {CLIENTS} clients: {load.seen['200']:,} answers 200, "
                f"others {others or 'none'};"
            )
            require(f"the longest anybody waited is {load.longest:.2f} s", load.longest < 5)
            require("messages: the connection to it has ended", _ended(of_the_lost[0]))
            anew = stack.enter_context(self._conversation())
            require(
                "messages: who connects again is served by the other",
                self._node_of(anew) is self.nodes[1],
            )
        lost.start()
        before = lost.served("clients")

        def is_back() -> bool:
            ask(self.ports["shop"], "GET", self.path, Authorization=f"Bearer {self.token}")
            return lost.served("clients") > before

        print(
            f"  started again, it serves {until('the node serves again', is_back):.1f} s later",
            flush=True,
        )

    @contextmanager
    def _conversation(self) -> Iterator[Any]:
        place = ("127.0.0.1", self.ports["messages"])
        with (
            closing(socket.create_connection(place, timeout=10)) as connection,
            connection.makefile("rw", encoding="utf-8") as conversation,
        ):
            yield conversation

    def _node_of(self, conversation: Any) -> Node:
        counts = [
            node.served("messages") if node.daemon.process.poll() is None else 0
            for node in self.nodes
        ]
        conversation.write('{"op": "mostrar"}\n')
        conversation.flush()
        if json.loads(conversation.readline())["status"] != 200:
            raise Broken("messages")
        return next(
            node
            for node, count in zip(self.nodes, counts, strict=True)
            if node.daemon.process.poll() is None and node.served("messages") > count
        )

    def try_rolling(self) -> None:
        """One node after the other is stopped in order, and started again."""
        with Load(self.ports["shop"], self.path, self.token) as load:
            until("the load is there", lambda: load.answers > 500)
            for node in self.nodes:
                require("a node stops with status 0 under load", node.daemon.stop() == 0)
                node.start()
                load.until_all_is_well()
        others = {outcome: count for outcome, count in load.seen.items() if outcome != "200"}
        print(
            f"  both nodes restarted, one by one: {load.seen['200']:,} answers 200, others "
            f"{others or 'none'}",
            flush=True,
        )

    def try_outage(self, server: Server) -> None:
        """The database is killed, and started again."""
        with Load(self.ports["shop"], self.path, self.token) as load:
            until("the load is there", lambda: load.answers > 500)
            server.kill()
            before = load.seen["503"]
            until("requests are refused", lambda: load.seen["503"] > before + 100)
            server.start()
            started = time.monotonic()
            load.until_all_is_well()
            back = load.latest_trouble - started
        others = {outcome: count for outcome, count in load.seen.items() if outcome != "200"}
        print(
            f"  the database killed and started again: {others} meanwhile; the longest wait is "
            f"{load.longest:.2f} s;"
        )
        require(f"the last trouble is {max(0.0, back):.1f} s after the database was back", back < 5)

    def try_delays(self) -> None:
        """Behind a front everybody has the same address, so failed logins of one delay another."""
        ask(
            self.ports["shop"],
            "POST",
            "/user/create",
            {"username": f"{self.program}2", "password": PASSWORD},
        )
        right = basic(f"{self.program}2", PASSWORD)
        statuses: list[int] = []
        while 429 not in statuses and len(statuses) < 30:
            statuses.append(
                ask(
                    self.ports["members"],
                    "POST",
                    "/",
                    {"email": f"{self.program}2", "password": "wrong"},
                )[0]
            )
        status, headers, _ = ask(self.ports["shop"], "POST", "/user/login", Authorization=right)
        said = (
            f"{statuses.count(401)} wrong passwords at members through the front, then the "
            f"right one at the shop: {status},"
        )
        require(f"{said} Retry-After {headers.get('Retry-After')}", status == 429)
        burst = [
            ask(self.ports["shop"], "POST", "/user/login", Authorization=basic("nobody", "x"))
            for _ in range(60)
        ]
        own = [
            headers
            for status, headers, body in burst
            if status == 429 and body == {"msg": "Too many logins"}
        ]
        require(
            f"60 logins at once from one address: the front itself refuses {len(own)} of them",
            len(own) > 0,
        )


def _ended(conversation: Any) -> bool:
    try:
        return bool(conversation.readline() == "")
    except ConnectionResetError:
        return True


def main() -> int:
    server = Server(safe=True)
    try:
        with ExitStack() as stack:
            directory = Path(
                stack.enter_context(tempfile.TemporaryDirectory(prefix="sockcrud-scaling-"))
            )
            nodes = []
            for name in ("one", "two"):
                nodes.append(node := Node(directory / name, server.url("postgres")))
                stack.callback(node.kill)
            for program in FRONTS:
                with front(program, nodes, directory) as ports:
                    print(f"{program}:")
                    trial = Trial(program, ports, nodes)
                    trial.try_requests()
                    trial.try_field_client()
                    trial.try_kill()
                    trial.try_rolling()
                    trial.try_outage(server)
                    trial.try_delays()
    except Broken as broken:
        print(f"\nNOT SO: {broken}")
        return 1
    finally:
        server.remove()
    return 0


if __name__ == "__main__":
    sys.exit(main())
