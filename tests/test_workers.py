"""Several processes of one daemon: they share its ports, one that ends is started again, all stop
together.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.workers.worker import merge
from tests.support import running
from tests.support.postgres_kit import drop_database, new_database
from tests.support.running import DIALECTS, environment, received

WORKERS = 2
PATIENCE = 20.0


class MergeTests(SynchronousTestCase):
    def test_the_figures_of_all_are_one_page(self) -> None:
        first = b'# HELP a Some.\n# TYPE a counter\na_total{x="1"} 2.0\n# HELP b Other.\nb 1e3\n'
        second = b'# HELP a Some.\n# TYPE a counter\na_total{x="1"} 5.0\n'
        self.assertEqual(
            merge({1: first, 2: second}).decode().splitlines(),
            [
                "# HELP a Some.",
                "# TYPE a counter",
                'a_total{worker="1",x="1"} 2.0',
                'a_total{worker="2",x="1"} 5.0',
                "# HELP b Other.",
                'b{worker="1"} 1e3',
            ],
        )


def until(happens: Callable[[], object]) -> None:
    """Wait until it does."""
    end = time.monotonic() + PATIENCE
    while not happens():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.05)


class Town:
    """A daemon of several processes."""

    def __init__(self, directory: Path, store: str, folder: str = "") -> None:
        (directory / folder).mkdir(exist_ok=True)
        self.log = directory / "log"
        self.socket = directory / "users"
        off = [word for name in DIALECTS if name != "users" for word in (f"--{name}", "off")]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *running.SERVE_WITH_CHEAP_HASHES,
                    *off,
                    *("--admin", "unix:admin", "--users", f"unix:{self.socket}"),
                    *("--workers", str(WORKERS), "--store", store),
                ],
                cwd=directory,
                stdout=log,
                stderr=log,
                env=environment(TMPDIR=str(directory / folder)),
            )

    @property
    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return list(map(int, children.read_text().split()))

    def figures(self) -> str:
        """Return the figures of all that give them."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.socket.with_name("admin")))
            connection.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
            return received(connection).decode()

    def serves(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(str(self.socket))
            connection.sendall(b'{"id_operation": "get_users"}\n')
            return b'"code":200' in connection.recv(4096)

    def all_run(self) -> bool:
        return self.socket.with_name("admin").exists() and all(
            f'sockcrud_build_info{{worker="{number + 1}"' in self.figures()
            for number in range(WORKERS)
        )


@pytest.fixture
def store() -> Iterator[str]:
    url = new_database()
    yield url
    drop_database(url)


def test_all_serve_what_ends_is_started_again_and_all_stop_together(
    tmp_path: Path, store: str
) -> None:
    town = Town(tmp_path, store, "f" * 90)  # where no socket can be: its path would be too long
    try:
        until(town.all_run)
        before = set(town.workers)
        assert len(before) == WORKERS
        os.kill(town.workers[0], signal.SIGKILL)
        until(lambda: len(set(town.workers) - before) == 1)
        assert town.serves()
        until(town.all_run)
        assert town.log.read_text().count("listens on") == 4  # the first one's banner, twice
        town.process.send_signal(signal.SIGTERM)
        assert town.process.wait(PATIENCE) == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in before)
        assert not town.socket.exists()
    finally:
        town.process.kill()


def test_a_store_for_one_process_is_refused(tmp_path: Path) -> None:
    town = Town(tmp_path, "memory:")
    assert town.process.wait(PATIENCE) == 1
    said = town.log.read_text()
    assert said.count("\n") == 1
    assert "workers = 2: the store memory: is for one process" in said


def test_what_cannot_start_ends_them_all(tmp_path: Path) -> None:
    town = Town(tmp_path, "postgresql://nobody@127.0.0.1:1/none")
    assert town.process.wait(PATIENCE) == 1
    assert "127.0.0.1" in town.log.read_text()
    assert not town.socket.exists()
