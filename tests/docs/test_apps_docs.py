"""What docs/apps.md shows is what happens: its files are the examples, and its commands give its
answers.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from shutil import which
from typing import Final

import pytest

from tests import ROOT
from tests.support.running import Daemon, environment

PAGE: Final = (ROOT / "docs" / "apps.md").read_text()
EXAMPLES: Final = ROOT / "examples"
PORTS: Final = {
    "7000": "library-lines",
    "7001": "library-rest",
    "7300": "phone",
    "7400": "backoffice",
    "6379": "resp",
}
BLOCKS: Final = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
OPEN: Final = [block for block in BLOCKS if "correct horse" not in block]
LOCKED: Final = [block for block in BLOCKS if "correct horse" in block]

needs_tools = pytest.mark.skipif(
    not all(map(which, ("nc", "curl", "redis-cli"))), reason="nc, curl or redis-cli is missing"
)


def test_its_files_are_the_examples() -> None:
    shown = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    files = [
        (EXAMPLES / f"{name}.py").read_text().replace("  # noqa: RUF012", "")
        for name in ("library", "phone")
    ]
    assert shown == files


def commands(daemon: Daemon) -> dict[str, str]:
    """Return the environment in which `sockcrud` is a command that finds the library of this
    daemon.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return environment(
        PATH=path, SOCKCRUD_LIBRARY_REST_AT=f"127.0.0.1:{daemon.ports.get('library-rest')}"
    )


def check(daemon: Daemon, block: str) -> None:
    """Type the commands of a block, at the ports of this daemon, and compare what they answer."""
    for command, answer in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
        typed = command.replace("redis-cli", f"redis-cli -p {daemon.ports.get('resp')}")
        for port, name in PORTS.items():
            typed = re.sub(rf"(?<=127\.0\.0\.1[: ]){port}", str(daemon.ports.get(name)), typed)
        found = subprocess.run(
            ["bash", "-c", typed],
            cwd=EXAMPLES,
            env=commands(daemon),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert found.stdout.strip().replace("\r\n", "\n") == answer.strip(), command


def flags(*names: str) -> list[str]:
    ports = [word for name in names for word in (f"--{name}", "tcp:0")]
    return [*ports, "--config", "/dev/null"]


@needs_tools
def test_its_commands_give_its_answers(tmp_path: Path) -> None:
    apps = [
        word
        for name in ("library", "phone", "legacy_csv", "resp")
        for word in ("--app", str(EXAMPLES / f"{name}.py"))
    ]
    with Daemon(
        tmp_path, *apps, *flags("library-lines", "library-rest", "phone", "backoffice", "resp")
    ) as daemon:
        while "resp" not in daemon.ports:
            daemon.hear()
        blocks = sorted(
            OPEN, key=lambda block: "7300" in block
        )  # the phone book's users are made by the lines of CSV
        for block in blocks:
            check(daemon, block)
        assert daemon.stop() == 0


@needs_tools
def test_its_logins_do(tmp_path: Path) -> None:
    app = tmp_path / "library.py"
    app.write_text(
        (EXAMPLES / "library.py").read_text().replace('"tcp:7001")', '"tcp:7001", write="admins")')
    )
    password = tmp_path / "password"
    password.write_text("correct horse")
    password.chmod(0o600)
    more = ["--app", str(app), "--admin-password-file", str(password)]
    with Daemon(tmp_path, *more, *flags("library-lines", "library-rest")) as daemon:
        while "library-rest" not in daemon.ports:
            daemon.hear()
        for block in LOCKED:
            check(daemon, block)
        assert daemon.stop() == 0
