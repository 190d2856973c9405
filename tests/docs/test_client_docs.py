"""What the page about the client library shows is what it does."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from pathlib import Path

from sockcrud import loading
from tests import ROOT
from tests.support.running import DIALECTS, Daemon

PAGE = ROOT / "docs" / "client.md"


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def test_the_examples_are_real(tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    with Daemon(tmp_path) as daemon:
        for name in DIALECTS:
            port = str(loading.apps().dialect(name).port)
            page = re.sub(rf"(127\.0\.0\.1:){port}\b", rf"\g<1>{daemon.ports[name]}", page)
        session = "\n".join(blocks(page, "pycon"))
        test = doctest.DocTestParser().get_doctest(session, {}, "client.md", None, None)
        told: list[str] = []
        results = doctest.DocTestRunner().run(test, out=told.append)
        assert results.failed == 0, "".join(told)
        assert results.attempted > 20
        (program,), (output,) = blocks(page, "python"), blocks(page, "text")
        ran = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
        )
        assert (ran.stdout, ran.stderr) == (output, "")
