"""nginx and HAProxy as docs/scaling has them, before a real daemon: guessing gets slow, and no log
has a session.

`python -m tests.proofs.nodes.scaling` tries the rest, with two daemons on one PostgreSQL.
"""

from __future__ import annotations

import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sockcrud import config, loading
from sockcrud.identity.passwords import digest_of
from tests import ROOT
from tests.proofs.nodes.scaling import FRONTS, PASSWORD, Node, ask, basic, front, until

LOGINS = 60


@pytest.fixture(params=FRONTS)
def program(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    if name == "nginx" and not Path("/usr/lib/nginx/modules/ngx_stream_module.so").exists():
        pytest.skip("nginx has no stream module")
    return name


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    node = Node(tmp_path / "node", "memory:")
    yield node
    node.kill()


def test_logins_of_one_address_are_limited_however_the_path_is_written(
    program: str, node: Node, tmp_path: Path
) -> None:
    for path in ("/user/login", "/user/%6cogin", "/%75sers/log%69n/"):
        with front(program, [node, node], tmp_path) as ports:
            answers = [
                ask(ports["shop"], "POST", path, Authorization=basic("nobody", "x"))
                for _ in range(LOGINS)
            ]
            refused = [
                headers
                for status, headers, body in answers
                if (status, body) == (429, {"msg": "Too many logins"})
            ]
            assert len(refused) >= 15, (path, [status for status, _, _ in answers])
            assert refused[0]["Retry-After"] == "2"
            assert ask(ports["shop"], "GET", "/user/health")[0] == 200


def test_logins_at_way_are_limited_in_its_own_words(
    program: str, node: Node, tmp_path: Path
) -> None:
    right = {"User": "admin", "Passwd": digest_of(PASSWORD)}
    for path in ("/api/main", "/API/Main", "/api/%6dain/"):
        with front(program, [node, node], tmp_path) as ports:
            answers = [
                ask(ports["way"], "POST", path, right, **{"Content-Type": "application/json"})
                for _ in range(LOGINS)
            ]
            messages = [(status, body["Status"], body["Message"]) for status, _, body in answers]
            assert set(messages) == {
                (200, "OK", "Login Realizado com sucesso"),
                (200, "ERROR", "Usuário ou senha estão inválidos"),
            }
            assert sum(outcome == "ERROR" for _, outcome, _ in messages) >= 15


def test_an_address_has_few_connections_to_the_members(
    program: str, node: Node, tmp_path: Path
) -> None:
    with front(program, [node, node], tmp_path) as ports, ExitStack() as stack:
        served = 0
        for _ in range(20):
            try:
                connection = stack.enter_context(
                    socket.create_connection(("127.0.0.1", ports["members"]), timeout=10)
                )
                connection.sendall(b"HEAD /? HTTP/1.1\r\nHost: localhost\r\n\r\n")
                served += connection.recv(100).startswith(b"HTTP/1.1 200")
            except OSError:
                pass  # refused
        assert served == 10


def test_no_log_of_a_front_has_a_session_of_way(program: str, node: Node, tmp_path: Path) -> None:
    with front(program, [node, node], tmp_path) as ports:
        login = {"User": "admin", "Passwd": digest_of(PASSWORD)}
        session = ask(
            ports["way"], "POST", "/api/main", login, **{"Content-Type": "application/json"}
        )[2]["IDSessao"]
        assert ask(ports["way"], "GET", f"/api/usuario/{session}")[0] == 200
        node.kill()

        def is_refused() -> bool:
            with socket.create_connection(("127.0.0.1", ports["way"]), timeout=10) as connection:
                connection.sendall(
                    f"GET /api/usuario/{session} HTTP/1.1\r\nHost: a\r\nConnection: "
                    f"close\r\n\r\n".encode()
                )
                return connection.recv(100).startswith((b"HTTP/1.1 502", b"HTTP/1.1 503"))

        until("the front says that no node answers", is_refused)
        for _ in range(10):
            is_refused()
    for file in tmp_path.rglob("*"):
        if file.is_file() and "node" not in file.parts[-2]:
            assert session.encode() not in file.read_bytes(), file


def test_a_proxy_waits_for_longer_than_the_node_where_people_type() -> None:
    settings, folder = config.defaults(loading.apps()), ROOT / "docs" / "scaling"
    [stream] = re.findall(
        r"^ +proxy_timeout (\d+)s;", (folder / "nginx.conf").read_text(), re.MULTILINE
    )
    assert int(stream) > max(
        settings.of(f"{name}_idle") or 0 for name in ("users", "messages", "members")
    )
    sections = re.split(r"^(?=\S)", (folder / "haproxy.cfg").read_text(), flags=re.MULTILINE)
    for name, idle in (
        ("defaults", settings.idle_timeout),
        ("listen users", settings.of("users_idle")),
        ("listen messages", settings.of("messages_idle")),
        ("listen members", settings.of("members_idle")),
    ):
        [section] = [section for section in sections if section.startswith(f"{name}\n")]
        for timeout in re.findall(
            r"^ +timeout (?:client|server) (\d+)s", section, re.MULTILINE
        ) or ["0"]:
            assert int(timeout) > (idle or 0), name
