"""`python -m bench.fetch_client`: authenticated `GET /clients/fetch/{id}`, sockcrud beside FastAPI + uvicorn.

Each server is alone on core 0 while wrk drives it from core 1; the two take turns, round by round, in one run. Needs wrk
(Debian has it) and the extra `bench`.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import click

CLIENT = {"name": "Pedro", "email": "pedro@example.org", "cpf": "454.090.000-00", "balance": 30.25}
_WRK_RATE = re.compile(r"Requests/sec: +([0-9.]+)")
_WRK_P99 = re.compile(r"99% +([0-9.]+)(us|ms|s)")


class Server:
    """A server as a process on core 0, with an account, a client, and a token."""

    def __init__(self, name: str, command: list[str], port_of: Callable[[subprocess.Popen[bytes]], int]) -> None:
        self.name = name
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=_on_core_0)
        self.url = f"http://127.0.0.1:{port_of(self.process)}"
        self._wait()
        self._post("/user/create", {"username": "ana", "password": "secret"})
        credentials = base64.b64encode(b"ana:secret").decode()
        self.token = self._post("/user/login", None, f"Basic {credentials}")["token"]
        self.id = self._post("/clients/create", CLIENT, f"Bearer {self.token}")["id"]

    def _wait(self) -> None:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{self.url}/none", timeout=5)
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.05)
        raise SystemExit(f"{self.name} did not start")

    def _post(self, path: str, body: object, authorization: str = "") -> dict[str, str]:
        headers = {"Content-Type": "application/json", **({"Authorization": authorization} if authorization else {})}
        data = b"" if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data, headers), timeout=10) as response:
            answer: dict[str, str] = json.load(response)
            return answer

    def load(self, connections: int, seconds: int) -> tuple[float, float]:
        """Give requests a second, and the 99th percentile in milliseconds."""
        command = ["taskset", "-c", "1", "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
        command += ["-H", f"Authorization: Bearer {self.token}", f"{self.url}/clients/fetch/{self.id}"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        if "Non-2xx" in said or "Socket errors" in said:
            raise SystemExit(f"{self.name} failed under load:\n{said}")
        rate, slowest = _WRK_RATE.search(said), _WRK_P99.search(said)
        if rate is None or slowest is None:
            raise SystemExit(f"cannot read what wrk said:\n{said}")
        return float(rate[1]), float(slowest[1]) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[slowest[2]]

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


def _on_core_0() -> None:
    os.sched_setaffinity(0, {0})


def _sockcrud_port(process: subprocess.Popen[bytes]) -> int:
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.match(rb"shop +listens on [0-9.]+:([0-9]+)", line):
            return int(found[1])
    raise SystemExit("sockcrud did not start")


def _servers(port: int) -> list[Server]:
    others = ("users", "messages", "clients", "products", "inventory", "auth", "way", "members", "admin")
    off = [word for name in others for word in (f"--{name}", "off")]
    sockcrud = [sys.executable, "-m", "sockcrud", "serve", *off, "--shop", "tcp:0"]
    uvicorn = [sys.executable, "-m", "uvicorn", "bench.peers.fastapi_shop:app", "--port", str(port), "--no-access-log"]
    return [Server("sockcrud", sockcrud, _sockcrud_port), Server("FastAPI + uvicorn", uvicorn, lambda _: port)]


@click.command(help=__doc__)
@click.option("--rounds", default=5, show_default=True)
@click.option("--seconds", default=4, show_default=True, help="of each load")
@click.option("--connections", default=50, show_default=True)
@click.option("--port", default=18080, show_default=True, help="for FastAPI")
def main(rounds: int, seconds: int, connections: int, port: int) -> None:
    if shutil.which("wrk") is None or len(os.sched_getaffinity(0)) < 2:
        raise SystemExit("this needs wrk and two cores")
    with TemporaryDirectory() as directory:
        os.chdir(Path(__file__).parent.parent)
        os.environ["TMPDIR"] = directory
        servers = _servers(port)
        figures: dict[str, list[tuple[float, float]]] = {server.name: [] for server in servers}
        try:
            for round in range(1, rounds + 1):
                for server in servers:
                    figures[server.name].append(server.load(connections, seconds))
                    print(f"round {round}/{rounds} {server.name}: {figures[server.name][-1][0]:,.0f}/s", file=sys.stderr)
        finally:
            for server in servers:
                server.stop()
    ours, theirs = (statistics.median(rate for rate, _ in figures[server.name]) for server in servers)
    print(f"{'':<20}{'requests/s':>12}{'p99 ms':>10}   (medians of {rounds} rounds, {connections} connections, one core)")
    for server in servers:
        rate, slowest = (statistics.median(column) for column in zip(*figures[server.name], strict=True))
        print(f"{server.name:<20}{rate:>12,.0f}{slowest:>10.2f}")
    print(f"ratio: {ours / theirs:.2f}")


if __name__ == "__main__":
    main()
