"""What the README shows is what the daemon says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from sockcrud import loading
from tests import ROOT
from tests.support.running import Daemon, environment

README = ROOT / "README.md"
STAND_INS = "".join(
    f'{name}() {{ "{sys.executable}" -m tests.support.stand_ins {name} "$@"; }}\n'
    for name in ("nc", "curl")
)
DEFAULT_PORTS = {dialect.name: str(dialect.port) for dialect in loading.apps().dialects}


def shown(page: Path = README) -> Iterator[tuple[str, str]]:
    """Give each command of a page's transcripts, and what it shows as its output."""
    for block in re.findall(r"```console\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        for part in block.removeprefix("$ ").split("\n$ "):
            command, _, output = part.partition("\n")
            yield command, output.rstrip("\n")


def without_chance(text: str) -> str:
    """Take out what is another each time: moments, tokens, files for passwords, and how many
    connections there may be.
    """
    for pattern, name in (
        (r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", "MOMENT"),
        (r"(?m)^Date: .* GMT$", "Date: MOMENT"),
        (r"\b[0-9A-F]{64}\b", "TOKEN"),
        (r"\S*/sockcrud-admin-password-\w+", "FILE"),
        (r"at most [\d,]+", "at most MANY"),
        (r"[\d,]+ MiB of [\d,]+ MiB", "SO MUCH"),
        (r"─+", "──"),
    ):
        text = re.sub(pattern, name, text)
    return text


def test_the_transcripts_are_real(tmp_path: Path) -> None:
    commands = list(shown())
    assert len(commands) >= 8
    with Daemon(tmp_path, "--demo") as daemon:
        script = "".join(f"{command}\necho '=== end'\n" for command, _ in commands)
        for name, port in DEFAULT_PORTS.items():
            script = re.sub(rf"(127\.0\.0\.1[: ]){port}\b", rf"\g<1>{daemon.ports[name]}", script)
        ran = subprocess.run(
            ["bash", "-c", STAND_INS + script],
            cwd=ROOT,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert ran.stderr == ""
    outputs = ran.stdout.split("=== end\n")
    for (command, output), said in zip(commands, outputs, strict=False):
        assert without_chance(said.rstrip("\n")) == without_chance(output), command


def test_the_banner_is_real(tmp_path: Path) -> None:
    readme = without_chance(README.read_text(encoding="utf-8"))
    shutil.copy(ROOT / "tap.cfg", tmp_path)  # the commands of the README are for a checkout
    with Daemon(tmp_path, "--demo") as daemon:
        for line in daemon.banner:
            for name, port in DEFAULT_PORTS.items():
                line = re.sub(rf"\b{daemon.ports[name]}\b", port, line)
            assert without_chance(line) in readme
