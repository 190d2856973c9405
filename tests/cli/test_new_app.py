"""`sockcrud new NAME` writes an app that is served, with a test that passes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sockcrud.cli.main import main
from tests.support.running import environment


def new(directory: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> Result:
    monkeypatch.chdir(directory)
    return CliRunner().invoke(main, ["new", *words])


def test_its_test_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = new(tmp_path, monkeypatch, "phone-book", "--record", "Entry")
    assert (made.exit_code, made.output) == (
        0,
        "phone_book.py and test_phone_book.py are written. To try it: sockcrud serve --app "
        "phone_book.py\n",
    )
    assert "entries" in (tmp_path / "test_phone_book.py").read_text()
    options = [
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        "/dev/null",
        "--rootdir",
        ".",
        "--basetemp",
        "temp",
    ]
    command = [sys.executable, "-m", "pytest", *options, "."]
    run = subprocess.run(
        command,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment(),
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "2 passed" in run.stdout


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (("Phone",), 2, "'Phone': expected small letters"),
        (("../x",), 2, "'../x': expected small letters"),
        (("전화",), 2, "expected small letters"),
        (("book", "--record", "book"), 2, "--record 'book': expected the name of a class"),
        (("there",), 1, "there.py is there already"),
    ],
)
def test_what_cannot_be_is_one_line_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], status: int, told: str
) -> None:
    (tmp_path / "there.py").write_text("mine")
    made = new(tmp_path, monkeypatch, *words)
    assert made.exit_code == status
    assert told in made.output
    assert [file.name for file in tmp_path.iterdir()] == ["there.py"]
    assert (tmp_path / "there.py").read_text() == "mine"
