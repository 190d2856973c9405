# mypy: allow-untyped-calls
"""What does not fit into memory is said before the system kills the process without a word."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from unittest import mock

from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.collector import LOOKS_A_COMPARISON, MemoryWatch
from sockcrud.storage.common import StoreError
from sockcrud.storage.memory import limit
from sockcrud.storage.sqlite import file as sqlite_file
from tests.storage.sqlite.sqlite_case import SqliteCase, fill, settled

MIB = 2**20


class StartTests(SqliteCase):
    """A file that is larger than the memory there is."""

    def test_is_refused_in_one_line_with_both_figures(self) -> None:
        settled(fill(self.store))
        settled(self.store.close())
        with (
            mock.patch.object(sqlite_file, "memory_limit", return_value=2 * MIB),
            mock.patch.object(sqlite_file, "A_RECORD", MIB),
            self.assertRaisesRegex(
                StoreError, "10 records take 10 MiB of memory at the least, and there are 2 MiB"
            ),
        ):
            self.open(self.path)
        with mock.patch.object(sqlite_file, "memory_limit", return_value=0):
            settled(self.open(self.path).close())


class LimitTests(SynchronousTestCase):
    """The memory that there is."""

    def groups(self, own: str, **limits: str) -> int:
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        directory = Path(holder.name)
        (directory / "own").write_text(own)
        for name, value in limits.items():
            file = directory / name.replace("__", "/").replace("_DOT_", ".")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(value)
        with mock.patch.multiple(limit, _CGROUP=directory, _OWN_GROUP=directory / "own"):
            return limit.memory_limit()

    def test_is_that_of_the_machine_where_no_group_has_less(self) -> None:
        machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        self.assertEqual(self.groups("0::/a/b\n"), machine)
        self.assertEqual(self.groups("0::/a/b\n", a__b__memory_DOT_max="max\n"), machine)
        self.assertEqual(self.groups("0::/a\n", a__memory_DOT_max=str(2**62)), machine)

    def test_is_the_least_of_the_groups_around(self) -> None:
        self.assertEqual(
            self.groups("0::/a/b\n", a__memory_DOT_max="1000\n", a__b__memory_DOT_max="2000\n"),
            1000,
        )
        self.assertEqual(self.groups("0::/\n", memory_DOT_max="3000\n"), 3000)

    def test_of_the_first_version_too(self) -> None:
        own = "5:cpu,cpuacct:/x\n4:memory:/a\n"
        self.assertEqual(self.groups(own, memory__a__memory_DOT_limit_in_bytes="4000\n"), 4000)


class WarningTests(SynchronousTestCase):
    """A process that grows."""

    def test_is_warned_of_once_and_again_after_it_was_small(self) -> None:
        used = 0
        watch = MemoryWatch(lambda: 100 * MIB, lambda: used * MIB)
        warned = []
        for used in (50, 69, 70, 90, 65, 71, 59, 71):
            with capturedLogs() as logged:
                for _ in range(LOOKS_A_COMPARISON):
                    watch.look()
            warned.append((used, len(logged)))
        self.assertEqual([used for used, count in warned if count], [70, 71])
        self.assertEqual(sum(count for _, count in warned), 2)

    def test_not_where_the_system_does_not_say_how_much_there_is(self) -> None:
        with capturedLogs() as logged:
            MemoryWatch(lambda: 0, lambda: MIB).look()
        self.assertEqual(logged, [])
