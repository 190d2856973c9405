"""What docs/commands.md shows is what a terminal shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from sockcrud.cli import dialects
from tests import ROOT
from tests.cli.commands_kit import PROGRAM, Line, served
from tests.docs.test_readme import shown, without_chance
from tests.support import forked
from tests.support.running import Daemon

if sys.platform == "win32":
    pytest.skip("there is no pty", allow_module_level=True)

import pty

PAGE = ROOT / "docs" / "commands.md"
_END = "=== end"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with served(tmp_path_factory) as daemon:
        yield daemon


def on_terminal(line: Line, script: str, passing: Sequence[int]) -> str:
    """Run a script of bash whose output goes to a terminal, and return what that shows."""
    end, theirs = pty.openpty()
    environment = line.environment(NO_COLOR="1", COLUMNS="110", LC_ALL="C.UTF-8", TERM="xterm")
    process = subprocess.Popen(
        ["bash", "-c", script],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        cwd=line.directory,
        env=environment,
        pass_fds=passing,
    )
    os.close(theirs)
    said = b""
    try:
        while piece := os.read(end, 65536):
            said += piece
    except OSError:
        pass  # nobody has the other end any more
    os.close(end)
    assert process.wait(20) == 0
    return said.decode().replace("\r\n", "\n")


def comparable(text: str) -> str:
    """Leave out what is another each time, and blanks at the ends of lines."""
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d(?!:)", "MOMENT", without_chance(text))
    return "\n".join(row.rstrip() for row in text.splitlines()).strip("\n")


def test_the_transcripts_are_real(daemon: Daemon, tmp_path: Path) -> None:
    line = Line(tmp_path, daemon.ports)
    (tmp_path / "password").write_text((tmp_path / "old").read_text())
    commands = list(shown(PAGE))
    assert len(commands) >= 15
    words, passing = forked.shell_command() if forked.AVAILABLE else (PROGRAM, ())
    program = " ".join(f"'{word}'" for word in words)
    script = f'sockcrud() {{ {program} "$@"; }}\n' + "".join(
        f"{command}\necho '{_END}'\n" for command, _ in commands
    )
    for name, port in daemon.ports.items():
        if name != "auth":
            script = re.sub(rf"(127\.0\.0\.1:){dialects.port(name)}\b", rf"\g<1>{port}", script)
    outputs = on_terminal(line, script, passing).split(f"{_END}\n")
    for (command, output), said in zip(commands, outputs, strict=False):
        for name, port in daemon.ports.items():
            if name != "auth":
                said = re.sub(rf"\b{port}\b", str(dialects.port(name)), said)
        assert comparable(said) == comparable(output), command
