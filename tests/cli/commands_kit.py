"""What the tests of the command line share: a daemon, and the commands run against it."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from sockcrud.cli.dialects import variable
from sockcrud.cli.main import main
from tests import ROOT
from tests.support.running import Daemon, environment

PASSWORD, NEW = "the old password", "another password"
PROGRAM = [sys.executable, "-m", "sockcrud"]
_TOKEN = re.compile("[0-9A-Fa-f]{64}")
_NAMED = ("users", "messages", "shop", "way", "members", "admin")


@contextmanager
def served(factory: pytest.TempPathFactory, *flags: str) -> Iterator[Daemon]:
    """A daemon with the example records, whose admin has the password."""
    directory = factory.mktemp("daemon")
    (directory / "password").write_text(PASSWORD)
    with Daemon(directory, "--demo", "--admin-password-file", "password", *flags) as daemon:
        yield daemon


class Line:
    """A command line of somebody who has not logged in yet, with a file for each password: `old`
    and `new`.
    """

    def __init__(self, directory: Path, ports: dict[str, int]) -> None:
        self.directory = directory
        self.logins = directory / "state" / "sockcrud" / "logins"
        self.old, self.new = str(directory / "old"), str(directory / "new")
        Path(self.old).write_text(f"{PASSWORD}\n")
        Path(self.new).write_text(f"{NEW}\n")
        places = {variable(name): f"127.0.0.1:{ports[name]}" for name in _NAMED if name in ports}
        self.settings = {"XDG_STATE_HOME": str(directory / "state"), **places}

    def run(self, *words: str, input: str | bytes | None = None, raw: bool = False) -> Result:
        """Run a command, not on a terminal. Nothing secret may be said."""
        unset: dict[str, str | None] = {
            name: None for name in os.environ if name.startswith("SOCKCRUD_")
        }
        result = CliRunner(env={**unset, **self.settings}).invoke(main, words, input=input)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
        assert PASSWORD not in result.output, words
        assert NEW not in result.output, words
        assert raw or _TOKEN.search(result.output) is None, words
        return result

    def does(self, *words: str, input: str | bytes | None = None) -> Any:
        """Expect that it goes well, and return the JSON document that is all it says."""
        result = self.run(*words, input=input)
        assert (result.exit_code, result.stderr) == (0, ""), words
        assert result.stdout.isascii()
        return json.loads(result.stdout)

    def refused(self, status: int, *words: str, input: str | None = None) -> str:
        """Expect that status and one line on stderr; give it."""
        result = self.run(*words, input=input)
        assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (status, "", 1), (
            words,
            result.output,
        )
        return result.stderr.rstrip("\n")

    def log_in(self, dialect: str, login: str = "admin", file: str | None = None) -> None:
        self.does(dialect, "login", "--login", login, "--password-file", file or self.old)

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment for a process of its own."""
        return environment(**self.settings, PYTHONPATH=str(ROOT), **more)
