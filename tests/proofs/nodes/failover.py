"""`python -m tests.proofs.nodes.failover`: a daemon with a primary and a standby of PostgreSQL in
one URL; the primary is killed under load.

Says what clients get meanwhile, and how long after the promotion of the standby they are served
again. Ends with status 1 where it is more than docs/scaling.md says.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final
from urllib.parse import quote

from tests.proofs.nodes.scaling import (
    CLIENTS,
    PASSWORD,
    Broken,
    Load,
    Node,
    ask,
    basic,
    require,
    until,
)
from tests.support.postgres_kit import Server, execute

ROUNDS: Final = 5
LONGEST: Final = 5.0
UNPROMOTED: Final = 1.0
"""Seconds before the standby is promoted: whoever decides that takes its time, and clients ask on
meanwhile.
"""


class Standby(Server):
    """A server that follows another, until it is promoted."""

    def __init__(self, primary: Server) -> None:
        super().__init__(safe=True)
        self.stop()
        shutil.rmtree(self.data)
        place = ("-h", primary.directory, "-p", "5432", "-U", "postgres")
        self._run("pg_basebackup", "-R", "-X", "stream", "-c", "fast", *place, "-D", self.data)
        self.start()

    def promote(self) -> None:
        """Come back when it takes changes."""
        self._run("pg_ctl", "promote", "-w", "-D", self.data)


def round_of(directory: Path) -> float:
    """Return how long after the promotion the last request was refused."""
    with ExitStack() as stack:
        primary = Server(safe=True)
        stack.callback(primary.remove)
        standby = Standby(primary)
        stack.callback(standby.remove)
        hosts = quote(f"{primary.directory},{standby.directory}", safe="")
        node = Node(directory, f"postgresql://postgres@/postgres?host={hosts}")
        stack.callback(node.kill)
        shop = node.ports["shop"]
        ask(shop, "POST", "/user/create", {"username": "ana", "password": PASSWORD})
        token = ask(shop, "POST", "/user/login", Authorization=basic("ana", PASSWORD))[2]["token"]
        bearer = {"Authorization": f"Bearer {token}"}
        person = {"name": "Rita", "email": "rita@example.org", "cpf": "12345678901", "balance": 1}
        made = ask(shop, "POST", "/clients/create", person, **bearer)[2]
        clients = "SELECT count(*) FROM clients"
        until(
            "the standby has followed", lambda: execute(standby.url("postgres"), clients) == [(1,)]
        )
        with Load(shop, f"/clients/fetch/{made['id']}", token) as load:
            until("the load is there", lambda: load.answers > 500)
            primary.kill()
            time.sleep(UNPROMOTED)
            standby.promote()
            promoted = time.monotonic()
            load.until_all_is_well()
        status, _, answer = ask(
            shop,
            "POST",
            "/clients/create",
            {**person, "email": "a@b.org", "cpf": "12345678902"},
            **bearer,
        )
        if (status, answer.get("id")) != (201, 2):
            raise Broken(f"the next client gets id 2: {status} {answer}")
        back = max(0.0, load.latest_trouble - promoted)
        print(
            f"{dict(load.seen)}; the longest wait {load.longest:.2f} s; served {back:.2f} s "
            f"after the promotion",
            flush=True,
        )
        if load.seen.keys() - {"200", "503"}:
            raise Broken("clients get nothing but 200 and 503")
        return back


def main() -> int:
    print(
        f"{CLIENTS} clients; the primary is killed, and the standby promoted {UNPROMOTED:g} s "
        f"later:"
    )
    try:
        with tempfile.TemporaryDirectory(prefix="sockcrud-failover-") as directory:
            times = [round_of(Path(directory) / f"{number}") for number in range(ROUNDS)]
        require(f"{ROUNDS} rounds: at most {max(times):.2f} s", max(times) < LONGEST)
    except Broken as broken:
        print(f"NOT SO: {broken}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
