"""The transcripts of docs/protocols.

`python -m tests.docs.write_transcripts` writes what the daemon says today into the pages.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from tests import ROOT
from tests.docs.test_readme import DEFAULT_PORTS, STAND_INS, shown
from tests.support.running import Daemon, environment

PAGES: Final = sorted((ROOT / "docs" / "protocols").glob("*.md"))
PASSWORD: Final = "correct horse"
_END: Final = "=== end"


def outputs(page: Path, directory: Path) -> list[str]:
    """Run the commands of a page against a daemon of their own, with the example records; return
    what each writes.
    """
    (directory / "password").write_text(f"{PASSWORD}\n", encoding="utf-8")
    script = "".join(f"{command}\necho '{_END}'\n" for command, _ in shown(page))
    with Daemon(directory, "--demo", "--admin-password-file", "password") as daemon:
        for name, port in DEFAULT_PORTS.items():
            script = re.sub(rf"(127\.0\.0\.1[: ]){port}\b", rf"\g<1>{daemon.ports[name]}", script)
        ran = subprocess.run(
            ["bash", "-c", STAND_INS + script],
            cwd=directory,
            env=environment(PYTHONPATH=str(ROOT)),
            capture_output=True,
            text=True,
            timeout=180,
        )
        text = ran.stdout
        for name, port in DEFAULT_PORTS.items():
            text = re.sub(rf"\b{daemon.ports[name]}\b", port, text)
    assert ran.stderr == "", ran.stderr
    return [said.rstrip("\n") for said in text.split(f"{_END}\n")][:-1]


def main() -> None:
    for page in PAGES:
        commands = [command for command, _ in shown(page)]
        with tempfile.TemporaryDirectory() as directory:
            said = iter(
                zip(commands, outputs(page, Path(directory)) if commands else [], strict=True)
            )

        def block(found: re.Match[str], said: object = said) -> str:
            count = len(f"\n{found[1]}".split("\n$ ")) - 1
            parts = [next(said) for _ in range(count)]  # type: ignore[call-overload]
            return (
                "```console\n"
                + "".join(
                    f"$ {command}\n{output}{chr(10) if output else ''}" for command, output in parts
                )
                + "```"
            )

        text = page.read_text(encoding="utf-8")
        page.write_text(
            re.sub(r"```console\n(.*?)```", block, text, flags=re.DOTALL), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
