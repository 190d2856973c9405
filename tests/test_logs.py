"""The lines of the log: their form, and the file they are in."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.logs import Log, open_log


class LogTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.path = self.directory / "daemon.log"

    def opened(self, form: str = "json") -> Log:
        log = open_log(str(self.path), form)
        assert log.file is not None
        self.addCleanup(log.file.close)
        return log

    def logged(self, level: LogLevel, text: str, **more: Any) -> dict[str, Any]:
        """Return the line of JSON that an event is written as."""
        log = self.opened()
        Logger("sockcrud.some", observer=log).emit(level, text, **more)
        (line,) = self.path.read_text(encoding="utf-8").splitlines()
        found: dict[str, Any] = json.loads(line)
        return found

    def test_an_event_is_an_object_with_stable_names(self) -> None:
        line = self.logged(
            LogLevel.info,
            "{dialect} {peer} {secret}",
            dialect="users",
            peer="::1",
            secret="abc",
            outcome=None,
        )
        self.assertRegex(line.pop("time"), r"^2\d\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ$")
        expected = {
            "level": "info",
            "logger": "sockcrud.some",
            "message": "users ::1 abc",
            "dialect": "users",
            "peer": "::1",
        }
        self.assertEqual(line, expected)

    def test_what_holds_line_ends_or_is_no_unicode_stays_one_line(self) -> None:
        self.assertEqual(
            self.logged(LogLevel.warn, "{it}", it="a\nb\udc80한")["message"], "a\nb\udc80한"
        )

    def test_a_failure_brings_its_traceback(self) -> None:
        line = self.logged(LogLevel.critical, "it broke", log_failure=Failure(ValueError("why")))
        self.assertEqual(line["level"], "critical")
        self.assertIn("ValueError: why", line["traceback"])

    def test_text_is_as_twisted_writes_it(self) -> None:
        Logger("sockcrud.some", observer=self.opened("text")).info("a line")
        self.assertRegex(self.path.read_text(), r"^\S+ \[sockcrud\.some#info\] a line\n$")

    def test_what_is_there_already_stays(self) -> None:
        self.path.write_text("before\n")
        Logger("x", observer=self.opened("text")).info("after")
        self.assertTrue(self.path.read_text().startswith("before\n"))

    def test_a_file_cut_off_by_copytruncate_has_no_hole(self) -> None:
        logger = Logger("x", observer=self.opened("text"))
        logger.info("long " * 100)
        os.truncate(self.path, 0)
        logger.info("short")
        self.assertLess(self.path.stat().st_size, 100)

    def test_a_cache_of_plugins_that_cannot_be_written_is_no_news(self) -> None:
        Logger("x", observer=self.opened()).info(
            "Unable to write to plugin cache {path}: error number 13", path="/x"
        )
        self.assertEqual(self.path.read_text(), "")

    def test_a_log_in_no_file_says_so(self) -> None:
        log = open_log("", "text")
        self.assertIn("in no file", log.reopen())
        self.assertIn("in no file", log.rotate())
