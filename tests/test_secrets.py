"""What is secret is in no log, on no terminal, and in no answer but the one that is to hold it: a
run over everything.
"""

from __future__ import annotations

import json
import re
import socket
from base64 import b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import quote

from attrs import Factory, define

from sockcrud.apps.admin.dialect.journal import EVENTS
from sockcrud.identity.passwords import digest_of
from tests.support.access_table import NEW, SECRET, rows_of, session_dialect
from tests.support.doors_kit import DOORS, HTTP, Doors, Town, a_town, routes_by_dialect, token_of
from tests.support.http_kit import Answered
from tests.support.running import DIALECTS, received

HASH: Final = "$argon2id"
ANY_DIGEST: Final = re.compile(rb"[0-9A-Fa-f]{64}")
ECHO: Final = re.compile(rb'"IDSessao":"([0-9A-F]{64})"')
"""The session of the URL, which the protocol has in the answer where it is a valid one."""
PEOPLE: Final = {
    "anna@example.org": "Tr0ub4dor-anna",
    "Bjørn": "pässwörd of Bjørn",
    "carl": "c4rl/and+his=key",
}


@define
class Run:
    """All that was said and heard, and what of it is secret."""

    town: Town
    passwords: dict[str, str] = Factory(dict)
    """By login name; also those that are none: a wrong one is mostly the right one of another
    place.
    """
    tokens: set[str] = Factory(set)
    heard: list[tuple[str, bytes, str]] = Factory(list)
    """What was asked, what was answered, and which token may be in it."""

    def asks(
        self,
        dialect: str,
        method: str,
        target: str,
        body: object = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """Ask. The answer of a login may hold the token; one of `way` the session that came with
        the request.
        """
        answered = self.town.asks(dialect, method, target, body, token=token, headers=headers)
        fields = b"".join(name + b": " + value + b"\r\n" for name, value in answered.fields.items())
        held = ""
        if (method, target) in (
            ("POST", "/"),
            ("POST", "/login"),
            ("POST", "/user/login"),
            ("POST", "/api/main"),
        ):
            held = token_of(answered) or ""
            self.tokens |= {held} - {""}
        elif dialect == "way":
            held = answered.json["IDSessao"] if isinstance(answered.json, dict) else ""
            assert held == "" or f"/{held}" in target
        self.heard.append((f"{dialect} {method} {target}", fields + answered.body, held))
        return answered

    def says(self, dialect: str, data: bytes) -> None:
        """Say something that is no request, or a bad one."""
        with self.town.daemon.connect(dialect) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            answered = received(connection)
        echo = ECHO.search(answered) if dialect == "way" else None
        held = echo[1].decode() if echo is not None and b"/" + echo[1] in data else ""
        self.heard.append((f"{dialect} {data[:100]!r}", answered, held))

    def secrets(self) -> set[str]:
        """Return everything that is to be found nowhere, in each form it may have been written
        in.
        """
        plain = {
            form
            for password in self.passwords.values()
            for form in (password, quote(password), json.dumps(password)[1:-1])
        }
        digests = {digest_of(password) for password in self.passwords.values()}
        pairs = [f"{login}:{password}" for login, password in self.passwords.items()]
        pairs += [f"{login},{password}" for login, password in self.passwords.items()]
        hashed = {sha256(token.encode()).hexdigest() for token in self.tokens}
        once = {*plain, *digests, *hashed, *self.tokens}
        return {
            *once,
            *map(str.lower, once),
            *map(str.upper, once),
            *(b64encode(pair.encode()).decode() for pair in pairs),
        }

    @property
    def doors(self) -> Doors:
        return Doors(self.asks)


def found(text: bytes, secrets: Iterable[str], held: str = "") -> list[str]:
    """Return the secrets that are in the text, less the one that it may hold."""
    return [secret for secret in (*secrets, HASH) if secret != held and secret.encode() in text]


def people_come_and_go(run: Run) -> None:
    for number, (login, password) in enumerate(PEOPLE.items()):
        run.passwords[login] = password
        door = ("auth", "members", "admin")[number]
        body = {"username": login, "email": login, "login": login, "password": password}
        if door == "admin":
            assert run.asks("admin", "POST", "/accounts", body, token=run.town.root).status == 201
        else:
            made = ("POST", "/user/create") if door == "auth" else ("PUT", "/")
            assert run.asks(door, *made, body).status == 201
            assert run.asks(door, *made, body).status == 409
        for _ in range(2):
            tokens = {door: run.doors.logs_in(door, login, password) for door in DOORS}
        wrong = run.passwords.setdefault(f"{login} elsewhere", f"wrong but right elsewhere {login}")
        assert not any(run.doors.lets_in(door, login, wrong) for door in DOORS)
        assert not any(
            run.doors.lets_in(door, password.replace(" ", ""), "x") for door in DOORS
        )  # typed one field too early
        assert run.doors.opened_by(tokens) == [*DOORS]
    run.passwords["early"] = PEOPLE["Bjørn"].replace(" ", "")


def passwords_are_changed(run: Run) -> None:
    accounts = run.asks("admin", "GET", "/accounts", token=run.town.root).json["items"]
    ids = {account["login"]: account["id"] for account in accounts}
    new = run.passwords["anna's new one"] = "Anna-changed-it"
    session = run.doors.logs_in("way", "anna@example.org", PEOPLE["anna@example.org"])
    target = f"/api/usuario/{session}?id={ids['anna@example.org']}"
    assert (
        run.asks("way", "PUT", target, {"PassWord": digest_of(new), "Ativo": "true"}).json["Status"]
        == "OK"
    )
    for bad in (digest_of(new)[1:], new, [digest_of(new)], {"a": new}, None):
        assert (
            run.asks("way", "PUT", target, {"PassWord": bad, "Ativo": "true"}).json["Status"]
            == "ERROR"
        )
    newest = run.passwords["carl's new one"] = "Carl-got-another"
    account = f"/accounts/{ids['carl']}"
    assert (
        run.asks("admin", "PATCH", account, {"password": newest}, token=run.town.root).status == 200
    )
    for more in (
        {"login": "anna@example.org"},
        {"role": newest},
        {"company_id": newest},
        {"active": newest},
        {"login": newest + " "},
    ):
        assert run.asks(
            "admin", "PATCH", account, {"password": newest, **more}, token=run.town.root
        ).status in (400, 409)
    assert all(run.doors.lets_in(door, "carl", newest) for door in DOORS)
    for _ in range(12):  # until it is delayed
        run.asks("members", "POST", "/", {"email": "carl", "password": PEOPLE["carl"]})


def everything_is_asked_for(run: Run) -> None:
    """Ask each route once, as an admin; then look at all there is to see."""
    spare = run.asks("admin", "POST", "/companies", {"name": "spare"}, token=run.town.root).json[
        "id"
    ]
    bert = run.town.account("bert", SECRET)
    targets = {
        "account": bert,
        "company": spare,
        "session": 4711,
        **dict.fromkeys(("client", "address", "product", "item"), 1),
    }
    tokens: dict[str, str] = {}
    for dialect, routes in routes_by_dialect().items():
        door = session_dialect(dialect)
        for route in routes.all:
            if route.gives == EVENTS:
                continue  # it has no end; what is in it the journal's own tests look through
            for row in rows_of(dialect, route):
                if door not in tokens or not run.doors.opens(door, tokens[door]):
                    tokens[door] = run.doors.logs_in(door, "admin", run.town.admin_password)
                token = tokens[door]
                target = row.target(route.path, targets, token)
                answered = run.asks(
                    dialect, route.method, target, row.body, token=token, headers=row.headers
                )
                assert answered.status in (200, 201, 204, 404, 409) or not route.login, (
                    target,
                    answered,
                )
    user = {"name": "Ana", "email": "ana@example.org", "age": 30, "password": PEOPLE["carl"]}
    run.says("users", json.dumps({"id_operation": "create_user", "payload": user}).encode())
    run.says(
        "messages",
        json.dumps(
            {"op": "adicionar", "id": 1, "data": "abc", "password": PEOPLE["carl"]}
        ).encode(),
    )
    for token in (*tokens.values(), run.town.root):
        for target in (
            "/accounts",
            "/companies",
            "/sessions",
            "/changes?since=0",
            "/export",
            "/metrics",
            "/health",
        ):
            run.asks("admin", "GET", target, token=token)


def requests_are_malformed(run: Run) -> None:
    password = PEOPLE["carl"]
    for token in [run.doors.logs_in(door, "admin", run.town.admin_password) for door in DOORS]:
        for dialect in HTTP:
            bearer = f"Host: localhost\r\nAuthorization: Bearer {token}\r\n"
            for line, fields in (
                (f"GET /api/usuario/{token} HTTP/2.0", bearer),
                (f"GET /api/usuario/{token}?id=%zz HTTP/1.1", bearer),
                (f"GET /api/usuario/{token}%00 HTTP/1.1", bearer),
                (f"PATCH /api/main/{token} HTTP/1.1", bearer),
                (f"GET /nowhere/{token} HTTP/1.1", bearer),
                (f"GET /accounts/{token}?token={token} HTTP/1.1", bearer),
                (f"GET /sessions?account_id={token} HTTP/1.1", bearer),
                (f"GET /changes?since={token} HTTP/1.1", bearer),
                (f"GET /clients/fetch?token={token} HTTP/1.1", "Host: localhost\r\n"),
                (f"CONNECT {token}:443 HTTP/1.1", bearer),
                (f"{token} / HTTP/1.1", bearer),
                (f"{token}", ""),
                (f"GET /{token * 200} HTTP/1.1", bearer),
                ("GET / HTTP/1.1", bearer + bearer),
                ("GET / HTTP/1.1", f"Host: {token} a\r\n"),
                ("GET / HTTP/1.1", f"{token}\r\n{bearer}"),
                ("GET / HTTP/1.1", f"Cookie: {token * 400}\r\n"),
                ("POST /user/login HTTP/1.1", bearer.replace("Bearer", "Basic")),
                ("POST /login HTTP/1.1", f"{bearer}Transfer-Encoding: {token}\r\n"),
                ("POST /login HTTP/1.1", f"{bearer}Content-Length: {token}\r\n"),
                ("POST /login HTTP/1.1", f"{bearer}Content-Type: {token}\r\nContent-Length: 0\r\n"),
                (f"PUT /api/usuario/{token} HTTP/1.1", f"{bearer}Content-Length: 3000000\r\n"),
            ):
                run.says(dialect, f"{line}\r\n{fields}\r\n{password}".encode())
            for body in (
                f'{{"password": "{password}", {token}',
                f'{{"password": ["{password}"], "email": {{"a": "{token}"}}}}',
            ):
                for method, path in (
                    ("POST", "/"),
                    ("PUT", "/"),
                    ("POST", "/login"),
                    ("POST", "/api/main"),
                    ("POST", "/user/create"),
                ):
                    head = (
                        f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
                        f"{len(body)}\r\n\r\n"
                    )
                    run.says(dialect, (head + body).encode())
        for dialect in ("users", "messages"):
            for said in (
                token,
                f'{{"id_operation": "{token}", "op": "{password}"}}',
                f'{{"op": "adicionar", "id": "{token}"}}',
            ):
                run.says(dialect, said.encode())
            run.says(
                dialect, f"GET /{token} HTTP/1.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
            )


def test_no_secret_is_found_in_the_log_on_the_terminal_or_in_an_answer(tmp_path: Path) -> None:
    with a_town(tmp_path, "--log-operations") as town:
        run = Run(town)
        run.passwords |= {"admin": town.admin_password, "bert": SECRET, "new": NEW}
        run.tokens.add(town.root)
        people_come_and_go(run)
        passwords_are_changed(run)
        everything_is_asked_for(run)
        requests_are_malformed(run)
        assert town.daemon.stop() == 0
        stdout = "\n".join(town.daemon.banner).encode() + town.daemon.stdout.read()
        log = town.daemon.log.read_bytes()
    secrets = run.secrets()
    assert len(run.tokens) > 30

    assert found(log, secrets) == []
    assert found(stdout, secrets) == []
    assert ANY_DIGEST.search(log + stdout) is None
    for dialect in DIALECTS:  # so there is something to be searched
        assert f"{dialect} 127.0.0.1 ".encode() in log or dialect == "shop", (
            dialect
        )  # which logs as its services
    assert log.count(b"sessions.log_in ok") > 30
    assert log.count(b"sessions.log_in") > log.count(b"sessions.log_in ok") + 20

    for asked, answered, held in run.heard:
        if not asked.endswith("/export?secrets=yes"):
            assert found(answered, secrets, held) == [], asked
        digests = {digest.decode() for digest in ANY_DIGEST.findall(answered)}
        if "/export" in asked:  # whose last line has the digest of the others, which is no secret
            digests -= {
                digest.decode()
                for digest in re.findall(rb'"digest":"sha256:([0-9a-f]{64})"', answered)
            }
        assert digests <= {held}, asked
    (exported,) = {
        answered for asked, answered, _ in run.heard if asked.endswith("/export?secrets=yes")
    }
    assert HASH.encode() in exported
    assert found(exported, secrets) == [HASH]


def test_who_exports_without_secrets_and_asks_for_changes_sees_no_hash(tmp_path: Path) -> None:
    with a_town(tmp_path) as town:
        town.account("anna", "Anna-changed-it")
        for target in (
            "/export",
            "/export?secrets=no",
            "/changes?since=0",
            "/accounts",
            "/accounts/1",
        ):
            answered = town.asks("admin", "GET", target, token=town.root)
            assert answered.status == 200
            assert HASH.encode() not in answered.body
            assert b"password" not in answered.body, target
