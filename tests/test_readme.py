"""What the README shows is what the daemon says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tests.running import Daemon

README = Path(__file__).absolute().parent.parent / "README.md"
_NETCAT = re.compile(r"(?:echo|printf) '(?P<said>[^']*)' \| nc -N 127\.0\.0\.1 (?P<port>[0-9]+)")
_DIALECTS = {"8080": "users", "5000": "messages"}


def shown() -> Iterator[tuple[str, str]]:
    """Give each command of the README's transcripts, and what it shows as its output."""
    for block in re.findall(r"```console\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL):
        for part in block.removeprefix("$ ").split("\n$ "):
            command, _, output = part.partition("\n")
            yield command, output.rstrip("\n")


def without_moments(text: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+\+00:00", "MOMENT", text)


def test_the_transcripts_are_real(tmp_path: Path) -> None:
    with Daemon(tmp_path, "--demo") as daemon:
        seen = 0
        for command, output in shown():
            netcat = _NETCAT.fullmatch(command)
            assert netcat, f"this test cannot run {command!r}"
            answer = daemon.ask(_DIALECTS[netcat["port"]], netcat["said"])
            assert without_moments(answer.rstrip("\n")) == without_moments(output), command
            seen += 1
        assert seen >= 4


def test_the_banner_is_real(tmp_path: Path) -> None:
    readme = README.read_text(encoding="utf-8")
    with Daemon(tmp_path, "--demo") as daemon:
        for line in daemon.banner:
            for port, dialect in _DIALECTS.items():
                line = re.sub(rf"\b{daemon.ports[dialect]}\b", port, line)
            line = re.sub(r"password-\w+", "password-d_fenxkg", line)
            line = re.sub(r"at most [\d,]+", "at most 19,744", line)
            assert re.sub(r"/\S*/sockcrud-admin", "/tmp/sockcrud-admin", line) in readme
