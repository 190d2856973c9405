"""The fixtures that look for what tests leave behind find it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import fail
from twisted.internet.protocol import Factory
from twisted.trial.unittest import SynchronousTestCase

from tests import ROOT
from tests.conftest import Leftovers
from tests.support.running import environment


class LeftoverTests(SynchronousTestCase):
    def test_nothing_is_found_after_a_test_that_leaves_nothing(self) -> None:
        self.assertEqual(Leftovers().found(), [])

    def test_a_lost_deferred_is_found_unless_it_was_meant(self) -> None:
        for meant in (0, 1):
            left = Leftovers()
            fail(KeyError("lost"))
            self.assertEqual(left.flush(KeyError if meant else ValueError), meant)
            self.assertEqual(len(left.found()), 1 - meant)
            self.flushLoggedErrors(KeyError)

    def test_a_timer_and_a_port_are_found(self) -> None:
        from twisted.internet import reactor

        running: Any = reactor
        left = Leftovers()
        timer = running.callLater(1000, print)
        port = running.listenTCP(0, Factory(), interface="127.0.0.1")
        found = left.found()
        timer.cancel()
        port.stopListening()
        self.assertEqual(len(found), 2)


@pytest.mark.parametrize(
    "leave",
    [
        "open(os.path.join(tempfile.gettempdir(), 'forgotten'), 'w').close()",
        "os.system('mkdir $TMPDIR/forgotten')",
    ],
)
def test_a_temporary_file_fails_its_module_and_is_removed(tmp_path: Path, leave: str) -> None:
    (tmp_path / "test_it.py").write_text(f"import os, tempfile\ndef test_it():\n    {leave}\n")
    (tmp_path / "temporary").mkdir()
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-n0",
        "-q",
        "-p",
        "tests.conftest",
        f"--rootdir={tmp_path}",
        "test_it.py",
    ]
    settings = environment(PYTHONPATH=str(ROOT), TMPDIR=str(tmp_path / "temporary"))
    ran = subprocess.run(
        command, cwd=tmp_path, env=settings, capture_output=True, text=True, timeout=60
    )
    assert "left in the temporary folder: ['forgotten']" in ran.stdout
    assert "1 passed, 1 error" in ran.stdout
    assert [path.name.partition("-")[0] for path in (tmp_path / "temporary").iterdir()] == [
        "pytest"
    ]
