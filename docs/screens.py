"""`python docs/screens.py`: make docs/screens.md anew, from a real terminal (needs tmux, and the
default ports free).
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

WIDTH, HEIGHT = 112, 46
PATIENCE = 60.0
TARGET = Path(__file__).with_suffix(".md")
MANY_USERS = 400_000
PROMPT = "$ "


class Terminal:
    """A shell in a terminal of a tmux server that is ours alone."""

    def __init__(self, server: str, name: str, directory: Path) -> None:
        self._server = server
        self._name = name
        paths = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        shell = [
            "env",
            "-i",
            f"PATH={paths}",
            f"HOME={directory}",
            f"PS1={PROMPT}",
            "LANG=C.UTF-8",
            "TERM=xterm-256color",
        ]
        shell += ["HISTFILE=/dev/null", "bash", "--norc", "--noprofile"]
        size = ["-x", str(WIDTH), "-y", str(HEIGHT)]
        self._tmux("new-session", "-d", "-s", name, *size, "-c", str(directory), shlex.join(shell))
        self.wait_for(re.escape(PROMPT.strip()))

    def _tmux(self, *words: str) -> str:
        return subprocess.run(
            ["tmux", "-L", self._server, *words], check=True, capture_output=True, text=True
        ).stdout

    def screen(self) -> str:
        """Return what is on the screen, without what is blank at its end."""
        lines = [
            line.rstrip()
            for line in self._tmux("capture-pane", "-p", "-t", self._name).splitlines()
        ]
        return "\n".join(lines).rstrip("\n")

    def type(self, line: str) -> None:
        """Type a line, and Enter."""
        self._tmux("send-keys", "-t", self._name, "-l", line)
        self._tmux("send-keys", "-t", self._name, "Enter")

    def press(self, key: str) -> None:
        """Press a key by its name in tmux."""
        self._tmux("send-keys", "-t", self._name, key)

    def clear(self) -> None:
        """Begin with an empty screen."""
        self.type("clear")
        self.wait_for(rf"\A{re.escape(PROMPT.strip())}\Z")

    def wait_for(self, pattern: str) -> str:
        """Return the screen as soon as the pattern is on it."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if re.search(pattern, screen := self.screen(), re.MULTILINE):
                return screen
            time.sleep(0.02)
        raise SystemExit(f"{pattern!r} did not come up in {self._name}:\n{self.screen()}")

    def run(self, line: str, answers: tuple[tuple[str, str], ...] = ()) -> None:
        """Run a command to its end. `answers` are what to type, each when its question is asked."""
        before = self._prompts()
        self.type(line)
        for question, answer in answers:
            self.wait_for(rf"{question}\s*\Z")
            self.type(answer)
        until = time.monotonic() + PATIENCE
        while self._prompts() == before or not self.screen().endswith(PROMPT.strip()):
            if time.monotonic() > until:
                raise SystemExit(f"{line!r} did not end:\n{self.screen()}")
            time.sleep(0.02)

    def _prompts(self) -> int:
        return self.screen().count(f"\n{PROMPT.strip()}")


@contextmanager
def terminals(directory: Path) -> Iterator[tuple[Terminal, Terminal]]:
    """Yield two terminals, one for the daemon. All that runs in them ends with them."""
    server = f"sockcrud-screens-{os.getpid()}"
    try:
        yield Terminal(server, "daemon", directory), Terminal(server, "hands", directory)
    finally:
        subprocess.run(["tmux", "-L", server, "kill-server"], check=False)


def shown(title: str, about: str, screen: str) -> str:
    """Return a part of the document."""
    return (
        f"\n## {title}\n\n{about}\n\n```text\n{screen.removesuffix(PROMPT.strip()).rstrip()}\n```\n"
    )


def screens(daemon: Terminal, hands: Terminal, directory: Path) -> Iterator[str]:
    """Yield the parts of the document, one after the other."""
    (directory / "secret").write_text("correct horse\n")
    serve = "sockcrud serve --demo --admin-password-file secret"
    daemon.type(serve)
    yield shown(
        "The daemon",
        "It tells what listens where, and how to try it.",
        daemon.wait_for("^admin +listens on"),
    )

    hands.clear()
    hands.run("sockcrud users create --name Ana --email ana@example.org --age 30")
    hands.run("sockcrud users create --name Rui --email rui@example.org --age 41")
    hands.run("sockcrud users list")
    hands.run("sockcrud users list | cat")
    hands.run("sockcrud users show 77; echo status $?")
    hands.run("sockcrud messages show")
    about = "A table on a terminal, JSON in a pipe, and a status that a script can go by."
    yield shown("The command line", about, hands.screen())

    hands.clear()
    hands.run(
        "sockcrud shop signup --login ana",
        (("[Pp]assword.*:", "battery staple"), ("[Rr]epeat.*:", "battery staple")),
    )
    hands.run("sockcrud shop login --login ana", (("[Pp]assword.*:", "battery staple"),))
    hands.run("sockcrud clients list")
    hands.run(
        "sockcrud clients create --name Eva --email eva@example.org --cpf 12345678901 --balance "
        "10.50"
    )
    hands.run('sockcrud send users \'{"id_operation": "get_user", "payload": {"user_id": 1}}\'')
    hands.run("sockcrud status")
    about = (
        "Passwords are asked for and never an argument; a login is remembered in a file that "
        "only its owner can read."
    )
    yield shown("Logging in", about, hands.screen())

    hands.clear()
    monitor = "sockcrud monitor --every 2s --admin-account admin --admin-password-file secret"
    hands.type(monitor)
    for _ in range(3):
        hands.wait_for(r"up")
        time.sleep(2.5)
    yield shown(
        "The monitor", "Every two seconds it does what users do, at each dialect.", hands.screen()
    )
    daemon.press("C-c")
    screen = hands.wait_for(r"down")
    time.sleep(4.5)
    yield shown(
        "The monitor, and a daemon that has stopped",
        "It runs outside of the daemon.",
        hands.screen() or screen,
    )
    hands.press("C-c")
    hands.wait_for(rf"{re.escape(PROMPT.strip())}\Z")

    hands.clear()
    with (directory / "many.jsonl").open("w") as file:
        for id in range(1, MANY_USERS + 1):
            moment = "2024-11-01T00:00:00+00:00"
            file.write(
                f'{{"kind":"User","id":{id},"name":"User '
                f'{id}","email":"user{id}@example.org","age":{id % 90},'
                f'"created_at":"{moment}","updated_at":"{moment}"}}\n'
            )
    hands.type("sockcrud import many.jsonl --store sqlite:many.db")
    yield shown("Long work", "It shows how far it is.", hands.wait_for(r"[3-6][0-9]%"))
    hands.wait_for("records are imported")


def main() -> None:
    """Make the document."""
    with (
        TemporaryDirectory(prefix="sockcrud-") as holder,
        terminals(Path(holder)) as (daemon, hands),
    ):
        parts = list(screens(daemon, hands, Path(holder)))
    made = (
        "# On a terminal\n\nMade by `python docs/screens.py`, which runs all of this in tmux. "
        "Nothing in here is typed in.\n"
    )
    TARGET.write_text(made + "".join(parts).replace(holder, "/home/ana"), encoding="utf-8")
    print(f"{TARGET} is made anew")


if __name__ == "__main__":
    main()
