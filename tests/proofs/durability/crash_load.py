"""Load on a daemon from many connections on several ports at once, until it dies. All of it is
noted in a book.

Where there is a `Watch`, the daemon lives, and its store comes and goes: then each connection
begins anew.
"""

from __future__ import annotations

import base64
import http.client
import json
import re
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import count
from random import Random
from threading import Event, Thread, current_thread
from time import monotonic
from typing import Any, Final

from tests.proofs.durability.crash_book import GONE, Book, Broken, State
from tests.proofs.nodes.outage_watch import Watch
from tests.support.running import Daemon

PASSWORD: Final = "a password of the load"
MANY: Final = 60
"""Records of a connection from which on it rather deletes than creates."""
IMPORTED: Final = 700
"""Addresses that an import brings with a client: more than are inserted by one transaction."""
_IMPORTER: Final = "9"
"""What the cpf of a client begins with that came with all of its addresses, and goes with them."""
BATCH: Final = 8
"""Changes at once on one connection of the JSON ports."""
REST: Final = 0.05
"""Seconds after which a connection that was not served begins anew."""
_IN_REPR: Final = re.compile(r"'id': (\d+), 'mensagem'")
_UNAVAILABLE: Final = (
    {"error": 500, "error_message": "Internal Server Error"},
    {"status": 505, "message": "Conexão encerrada", "data": ""},
)


class Refused(Exception):
    """The daemon says that it cannot."""


class Unavailable(Refused):
    """The daemon says that its store is away, so that nobody knows what became of the change."""


def is_unknown(status: int, answer: object) -> bool:
    """Return whether this says that the store is away, or was lost while it made the change."""
    return status == 503 or (status == 500 and "unknown" in str(answer))


class Http:
    """One connection to an HTTP port. `watch` is told how long the answers take."""

    def __init__(self, port: int, token: str = "", watch: Watch | None = None) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        self._watch = watch
        self.token = token
        self.fields: Mapping[str, str] = {}
        """The header fields of the latest answer."""

    def ask(
        self, method: str, path: str, body: Any = None, authorization: str = "", **more: str
    ) -> tuple[int, Any]:
        """Return the status and the body of the answer. `more` are header fields, with _ for -."""
        asked = monotonic()
        try:
            self.send(method, path, body, authorization, **more)
            return self.hear()
        finally:
            if self._watch is not None:
                self._watch.heard(monotonic() - asked)

    def send(
        self, method: str, path: str, body: Any = None, authorization: str = "", **more: str
    ) -> None:
        """Ask, and do not wait for the answer."""
        headers = {name.replace("_", "-"): value for name, value in more.items()}
        headers["Authorization"] = authorization or f"Bearer {self.token}"
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        text = body if body is None or isinstance(body, bytes) else json.dumps(body)
        self._connection.request(method, path, text, headers)

    def hear(self) -> tuple[int, Any]:
        """Return the answer to what was sent."""
        answer = self._connection.getresponse()
        text = answer.read()
        self.fields = dict(answer.getheaders())
        return answer.status, json.loads(text) if text else None

    def do(self, method: str, path: str, body: Any = None, authorization: str = "") -> Any:
        """Ask for what must be done. Raise `Refused`."""
        status, answer = self.ask(method, path, body, authorization)
        if status not in (200, 201):
            raise (Unavailable if is_unknown(status, answer) else Refused)(
                f"{method} {path}: {status} {answer}"
            )
        return answer

    def log_in(self, account: str) -> str:
        credentials = base64.b64encode(f"{account}:{PASSWORD}".encode()).decode()
        return str(self.do("POST", "/user/login", None, f"Basic {credentials}")["token"])

    def close(self) -> None:
        self._connection.close()


class Json:
    """One connection to a JSON port. `watch` is told how long the answers take."""

    def __init__(self, daemon: Daemon, dialect: str, watch: Watch | None = None) -> None:
        self._socket = daemon.connect(dialect)
        self._answers = self._socket.makefile("rb")
        self._watch = watch
        self._sent = 0.0

    def send(self, *requests: dict[str, Any]) -> None:
        self._sent = monotonic()
        self._socket.sendall("".join(json.dumps(request) + "\n" for request in requests).encode())

    def hear(self) -> Any:
        """Return the next answer. Where it is watched, raise `Unavailable` for one that says so,
        and must be the last.
        """
        try:
            line = self._answers.readline()
        finally:
            if self._watch is not None:
                self._watch.heard(monotonic() - self._sent)
        if not line.endswith(b"\n"):
            raise ConnectionResetError
        if (answer := json.loads(line)) in _UNAVAILABLE and self._watch is not None:
            with suppress(ConnectionError):
                if rest := self._answers.readline():
                    raise Broken(f"after {answer}, which ends a connection, came {rest!r}")
            raise Unavailable(str(answer))
        return answer

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._answers.close()
        self._socket.close()


class Load:
    """Eight connections, a thread each, from `start` until the daemon is gone or they are told to
    `end`.

    Loads on several daemons may share a book if each has another `node`, from 0 to 3. With a
    `watch` they go on while the store is away.
    """

    def __init__(
        self,
        daemon: Daemon,
        book: Book,
        random: Random,
        round: int,
        token: str,
        node: int = 0,
        watch: Watch | None = None,
        admin_token: str = "",
    ) -> None:
        self._daemon, self._book, self._round, self._token = daemon, book, round, token
        self._node, self._watch = node, watch
        self._over = Event()
        self._numbers = count(1)
        self._open: dict[str, list[Http | Json]] = {}
        self._begun: set[str] = set()
        self.faults: list[Exception] = []
        self.refusals: list[str] = []
        works: list[Callable[[Random], None]] = [
            lambda random: self._change_users("aceg"[node], random),
            lambda random: self._change_users("bdfh"[node], random),
            self._change_messages,
            lambda random: self._change_clients(2 * node + 1, "clients", random),
            lambda random: self._change_clients(2 * node + 2, "shop", random),
            self._make_accounts,
            self._read_json,
            self._read_clients,
        ]
        if admin_token:
            works.append(lambda random: self._import_clients(admin_token, random))
        self._threads = [
            Thread(
                target=self._run, args=(work, Random(random.random())), name=f"{number} on {node}"
            )
            for number, work in enumerate(works)
        ]

    @property
    def names(self) -> set[str]:
        """What its connections are called by the watch."""
        return {thread.name for thread in self._threads}

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Wait for all connections to be over. Raise `Broken` where one was told what cannot be."""
        self._over.set()
        for thread in self._threads:
            thread.join(60)
        if self.faults:
            raise self.faults[0]

    def _run(self, work: Callable[[Random], None], random: Random) -> None:
        goes_on = True
        while goes_on and not self._over.is_set():
            goes_on = self._tried(work, random)
            if goes_on and self._watch is not None:
                self._watch.interrupted()
                self._over.wait(REST)

    def _tried(self, work: Callable[[Random], None], random: Random) -> bool:
        """Work until it is over or interrupted; tell whether to begin anew."""
        mine = self._open[current_thread().name] = []
        self._begun.add(current_thread().name)
        try:
            work(random)
        except TimeoutError:
            self.faults.append(
                Broken(f"{current_thread().name}: neither an answer nor an end of the connection")
            )
        except (OSError, http.client.HTTPException):
            return self._watch is not None  # the daemon is gone
        except Refused as refused:
            if self._watch is not None and isinstance(refused, Unavailable):
                return True
            self.refusals.append(str(refused))
        except Exception as fault:
            self.faults.append(fault)
        finally:
            for port in mine:
                port.close()
        if self._watch is not None and not self._over.is_set():
            self._watch.give_up()
        return False

    def _http(self, service: str, token: str = "") -> Http:
        port = Http(self._daemon.ports[service], token, self._watch)
        self._open[current_thread().name].append(port)
        return port

    def _json(self, dialect: str) -> Json:
        port = Json(self._daemon, dialect, self._watch)
        self._open[current_thread().name].append(port)
        return port

    def _goes_on(self) -> bool:
        """Return whether there is more to do, at the beginning and whenever all that was asked is
        answered.
        """
        name = current_thread().name
        if name in self._begun:
            self._begun.remove(name)
        elif self._watch is not None:
            self._watch.served(name)
        return not self._over.is_set()

    def _change_users(self, who: str, random: Random) -> None:
        port = self._json("users")
        alive = {tag: self._book.entries["users", tag] for tag in self._book.alive("users", who)}
        while self._goes_on():
            requests, expected = [], []
            for tag in random.sample(sorted(alive), min(len(alive), BATCH // 2)):
                entry = alive[tag]
                target = {"user_id": entry.id}
                if (
                    random.random() < (0.7 if len(alive) > MANY else 0.3)
                    or entry.state.version > 140
                ):
                    state, request = GONE, {"id_operation": "delete_user", "payload": target}
                else:
                    version = entry.state.version + 1
                    state, data = State(version, version), {"age": version}
                    request = {"id_operation": "update_user", "payload": {**target, "data": data}}
                requests.append(request)
                expected.append((tag, state))
            for _ in range(1 if len(alive) > MANY else BATCH // 2):
                tag = f"{who}-{self._round}-{next(self._numbers)}"
                user = {"name": tag, "email": f"{tag}@example.org", "age": 1}
                requests.append({"id_operation": "create_user", "payload": user})
                expected.append((tag, State(1, 1)))
            for tag, state in expected:
                self._book.begin(("users", tag), state)
            port.send(*requests)
            for tag, state in expected:
                answer = port.hear()
                if "error" in answer:
                    raise Refused(f"{tag}: {answer}")
                self._book.acknowledge(
                    ("users", tag), answer["payload"]["id"] if state.version == 1 else None
                )
                if state is GONE:
                    del alive[tag]
                else:
                    alive[tag] = self._book.entries["users", tag]

    def _change_messages(self, random: Random) -> None:
        port, first = self._json("messages"), f"{self._node + 1}{self._round:06}"
        alive = self._book.alive("messages", str(self._node + 1))
        while self._goes_on():
            if alive and random.random() < (0.8 if len(alive) > MANY else 0.3):
                tag = alive.pop(random.randrange(len(alive)))
                request, state = {"op": "deletar", "id": int(tag)}, GONE
            else:
                number = int(f"{first}{next(self._numbers):09}")
                tag, state = str(number), State(1, f"text {number}")
                request = {"op": "adicionar", "id": number, "data": state.shown}
                alive.append(tag)
            self._book.begin(("messages", tag), state)
            port.send(request)
            if (answer := port.hear())["status"] not in (201, 202):
                raise Refused(f"message {tag}: {answer}")
            self._book.acknowledge(("messages", tag), None if state is GONE else int(tag))

    def _change_clients(self, who: int, service: str, random: Random) -> None:
        port = self._http(service, self._token)
        while self._goes_on():
            alive = self._book.alive("clients", f"{who}")
            if not alive or random.random() < (0.1 if len(alive) > MANY // 2 else 0.3):
                number = next(self._numbers)
                first = f"{who}{self._round // 1000:02d}.{self._round % 1000:03d}"
                self._create_client(port, f"{first}.{number % 1000:03d}-{number // 1000:02d}")
                continue
            cpf = random.choice(alive)
            chance, client = random.random(), self._book.entries["clients", cpf]
            if chance < (0.4 if len(alive) > MANY // 2 else 0.15):
                self._book.begin(("clients", cpf), GONE)
                port.do("DELETE", f"/clients/delete/{client.id}")
                self._book.acknowledge(("clients", cpf))
            elif chance < 0.55 or not client.parts:
                self._create_address(port, cpf)
            elif chance < 0.7:
                self._delete_address(port, cpf, random.choice(sorted(client.parts)))
            else:
                version = client.state.version + 1
                self._book.begin(("clients", cpf), State(version, (version, client.state.shown[1])))
                port.do("PUT", f"/clients/update/{client.id}", _client(cpf, version))
                self._book.acknowledge(("clients", cpf))

    def _create_client(self, port: Http, cpf: str) -> None:
        self._book.begin(("clients", cpf), State(1, (1, ())))
        self._book.acknowledge(
            ("clients", cpf), port.do("POST", "/clients/create", _client(cpf, 1))["id"]
        )

    def _create_address(self, port: Http, cpf: str) -> None:
        """Add an address whose number is the version of the client that it makes."""
        client = self._book.entries["clients", cpf]
        number, (balance, numbers) = client.state.version + 1, client.state.shown
        self._book.begin(("clients", cpf), State(number, (balance, (*numbers, number))))
        id = port.do("POST", "/address/create", _address(client.id or 0, cpf, number))["id"]
        self._book.acknowledge(("clients", cpf))
        client.parts[number] = id
        self._book.own("addresses", id, f"{cpf}/{number}")

    def _delete_address(self, port: Http, cpf: str, number: int) -> None:
        client = self._book.entries["clients", cpf]
        balance, numbers = client.state.shown
        left = tuple(other for other in numbers if other != number)
        self._book.begin(("clients", cpf), State(client.state.version + 1, (balance, left)))
        port.do("DELETE", f"/address/delete/{client.parts.pop(number)}")
        self._book.acknowledge(("clients", cpf))

    def _import_clients(self, admin_token: str, random: Random) -> None:
        """Import a client with many addresses, and delete one with all of them now and then."""
        admin, port = self._http("admin", admin_token), self._http("clients", self._token)
        while self._goes_on():
            alive = self._book.alive("clients", _IMPORTER)
            if len(alive) > 2 or (alive and random.random() < 0.3):
                cpf = random.choice(alive)
                self._book.begin(("clients", cpf), GONE)
                port.do("DELETE", f"/clients/delete/{self._book.entries['clients', cpf].id}")
                self._book.acknowledge(("clients", cpf))
                continue
            number = next(self._numbers)
            cpf = f"{_IMPORTER}{self._round // 1000:02d}.{self._round % 1000:03d}.{number:03d}-00"
            first = 1_000_000_000 * (1_000 * self._round + number)
            homes = range(1, IMPORTED + 1)
            given = [{"kind": "Client", "id": first, **_client(cpf, 1)}]
            given += (
                {"kind": "Address", "id": first + home, **_address(first, cpf, home)}
                for home in homes
            )
            self._book.begin(("clients", cpf), State(IMPORTED, (1, tuple(homes))))
            done = admin.do("POST", "/import", "\n".join(map(json.dumps, given)).encode())
            if done != {"imported": {"Client": 1, "Address": IMPORTED}}:
                raise Broken(f"the import of {cpf} was answered with {done}")
            self._book.acknowledge(("clients", cpf), first)

    def _make_accounts(self, random: Random) -> None:
        port = self._http("auth")
        while self._goes_on():
            account = f"load-{self._node}-{self._round}-{next(self._numbers)}"
            port.do("POST", "/user/create", {"username": account, "password": PASSWORD})
            self._book.accounts.append(account)
            token = port.log_in(account)
            self._book.tokens[token] = True
            self._book.acknowledged += 2
            if random.random() < 0.5:
                del self._book.tokens[token]
                port.do("POST", "/user/logout", None, f"Bearer {token}")
                self._book.tokens[token] = False

    def _read_json(self, random: Random) -> None:
        """Look at users in lists and one by one, and at messages."""
        users, messages = self._json("users"), self._json("messages")
        while self._goes_on():
            users.send({"id_operation": "get_users"})
            for user in _payload(users.hear()):
                self._book.see(("users", user["name"]), user["age"])
            if picked := self._book.some_id("users", random.randrange(1 << 30)):
                users.send({"id_operation": "get_user", "payload": {"user_id": picked[1]}})
                answer = users.hear()
                gone = answer.get("error") == 404
                self._book.see(
                    ("users", picked[0]), GONE.version if gone else _payload(answer)["age"]
                )
            messages.send({"op": "mostrar"})
            if (answer := messages.hear())["status"] != 200:
                raise Refused(f"messages: {answer}")
            for id in _IN_REPR.findall(answer["data"]):
                self._book.see(("messages", id), 1)

    def _read_clients(self, random: Random) -> None:
        """Look at clients and their addresses."""
        port = self._http("clients", self._token)
        while self._goes_on():
            for client in port.do("GET", "/clients/fetch"):
                self._book.see(("clients", client["cpf"]), int(float(client["balance"])))
            if not (picked := self._book.some_id("clients", random.randrange(1 << 30))):
                continue
            status, answer = port.ask("GET", f"/clients/fetch/{picked[1]}")
            if status not in (200, 404):
                raise (Unavailable if is_unknown(status, answer) else Refused)(
                    f"client {picked[1]}: {status} {answer}"
                )
            self._book.see(
                ("clients", picked[0]),
                GONE.version if status == 404 else int(float(answer["balance"])),
            )
            status, addresses = port.ask("GET", f"/address/fetch/{picked[1]}")
            if status == 200:
                numbers = [address["number"] for address in addresses]
                if picked[0].startswith(_IMPORTER):  # it has all of them, or has gone since
                    if len(numbers) not in (0, IMPORTED):
                        raise Broken(
                            f"{picked[0]} came with {IMPORTED} addresses, and is shown with "
                            f"{len(numbers)}"
                        )
                    numbers = numbers or [GONE.version]
                self._book.see(("clients", picked[0]), max(numbers, default=0))


def _payload(answer: Any) -> Any:
    if "error" in answer:
        raise Refused(f"a reader: {answer}")
    return answer["payload"]


def _address(client: int, cpf: str, number: int) -> dict[str, Any]:
    return {
        "client_id": client,
        "state": "SP",
        "city": "Santos",
        "street": cpf,
        "number": number,
        "cep": "01310-100",
    }


def _client(cpf: str, version: int) -> dict[str, Any]:
    """Return what to ask for: the balance tells the version."""
    return {"name": "Load", "email": f"{cpf}@example.org", "cpf": cpf, "balance": f"{version}.00"}
