# mypy: allow-untyped-calls
"""A pooler before the database: in session mode it is as if it were not there, in transaction mode
it is refused.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any
from unittest import mock

import pytest
from psycopg.conninfo import conninfo_to_dict
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.apps.messages.records import Message
from sockcrud.storage.common import StoreError
from sockcrud.storage.postgres import schema
from sockcrud.storage.postgres.pool import Limits
from tests.storage.postgres.postgres_case import opened
from tests.storage.sqlite.sqlite_case import settled
from tests.storage.store_case import rest_of
from tests.support import postgres_kit
from tests.support.model import STANDARD

PGBOUNCER = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
REFUSED = (
    "cannot be used as a store: a pooler in transaction mode is before it: use its session "
    "mode, or the server's own port"
)


class PoolerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.url = postgres_kit.new_database()
        self.addCleanup(postgres_kit.drop_database, self.url)

    def refused(self, url: str) -> None:
        with self.assertRaises(StoreError) as caught:
            schema.prepare(url, STANDARD, Limits())
        self.assertTrue(str(caught.exception).endswith(REFUSED), caught.exception)
        self.assertNotIn("\n", str(caught.exception))

    def test_connections_that_share_one_to_the_server_are_refused_and_no_table_is_made(
        self,
    ) -> None:
        """As behind a pooler in transaction mode, which gives what was used last to whoever comes
        next.
        """
        with schema.opened(self.url, Limits()) as only:

            @contextmanager
            def shared(url: str, limits: Limits) -> Iterator[Any]:
                yield only

            with mock.patch.object(schema, "opened", shared):
                self.refused(self.url)
        self.assertEqual(
            postgres_kit.execute(self.url, "SELECT to_regclass('schema_version')"), [(None,)]
        )

    @pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed")
    def test_pgbouncer_in_session_mode_serves_and_in_the_others_is_refused(self) -> None:
        for mode in ("transaction", "statement"):
            with self.pgbouncer(mode) as url:
                self.refused(url)
        with self.pgbouncer("session") as url:
            store = opened(url)
            for _ in range(3):
                settled(store.insert(Message, data="x"))
            self.assertEqual(len(settled(rest_of(store.stream(Message)))), 3)
            self.assertEqual(settled(store.count(Message)), 3)
            settled(store.close())

    @contextmanager
    def pgbouncer(self, mode: str) -> Iterator[str]:
        """Have a PgBouncer before the database, and yield its URL."""
        to, port = conninfo_to_dict(self.url), postgres_kit.free_port()
        place = f"host={to['host']} port={to['port']} user=postgres dbname={to['dbname']}"
        with tempfile.TemporaryDirectory() as name:
            directory = Path(name)
            directory.chmod(0o755)
            settings = (
                f"[databases]\n{to['dbname']} = {place}\n[pgbouncer]\nlisten_addr = "
                f"127.0.0.1\nlisten_port = {port}\n"
                f"unix_socket_dir =\nauth_type = any\npool_mode = {mode}\n"
            )
            (directory / "settings").write_text(settings)
            how: dict[str, Any] = (
                {"user": "nobody", "extra_groups": []} if os.geteuid() == 0 else {}
            )
            assert PGBOUNCER is not None
            how |= {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            process = subprocess.Popen([PGBOUNCER, str(directory / "settings")], **how)
            try:
                self.wait_for(port)
                yield f"postgresql://postgres@127.0.0.1:{port}/{to['dbname']}"
            finally:
                process.terminate()
                process.wait(20)

    def wait_for(self, port: int) -> None:
        deadline = monotonic() + 20
        while monotonic() < deadline:
            with socket.socket() as attempt:
                if not attempt.connect_ex(("127.0.0.1", port)):
                    return
        raise AssertionError("pgbouncer does not listen")
