"""The comparison of two states of the code, in its short form: the commit that is checked out,
beside the tree as it is.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Final

import pytest
from click.testing import CliRunner

from bench.__main__ import main
from bench.building import compiler
from bench.compare import Compared, Comparison, commit_of, committed, comparison_as_text, paired
from bench.figures import Contestant
from bench.load import Sample
from bench.processes import Failed
from bench.stage import ROOT

ROUNDS: Final = 8

needs_all = pytest.mark.skipif(
    len(os.sched_getaffinity(0)) < 2 or compiler() is None or not (ROOT / ".git").exists(),
    reason="the comparison needs two cores, a C compiler and a repository",
)


def contestant(name: str, rate: float, cost: float) -> Contestant:
    samples = [
        Sample(rate * (1 + number % 2 / 50), 1, 2, 3, 4, 100, 0.4) for number in range(ROUNDS)
    ]
    return Contestant(
        name,
        samples,
        [0.98] * ROUNDS,
        [0.01] * ROUNDS,
        [cost * (1 + number % 2 / 50) for number in range(ROUNDS)],
    )


def test_a_ratio_is_the_median_of_the_rounds_and_drift_of_the_machine_is_not_in_it() -> None:
    drifting = [100.0, 50.0, 200.0]
    found = paired([103.0, 51.5, 206.0], drifting)
    assert found.value == found.least == found.most == pytest.approx(1.03)


@pytest.mark.parametrize(("rounds", "dropped"), [(1, 0), (7, 0), (8, 0), (12, 1), (20, 3)])
def test_more_rounds_narrow_what_is_certain(rounds: int, dropped: int) -> None:
    found = paired([float(number) for number in range(1, rounds + 1)], [1.0] * rounds)
    assert (found.least, found.most) == (1 + dropped, rounds - dropped)


def test_the_table_tells_faster_and_cheaper_only_where_the_rounds_agree() -> None:
    better = Compared(
        "a", "a row", contestant("this tree", 103, 10), contestant("abc1234", 100, 10.3)
    )
    worse = Compared(
        "b", "worse", contestant("this tree", 100, 10.3), contestant("abc1234", 103, 10)
    )
    alike = Compared("c", "alike", contestant("this tree", 100, 10), contestant("abc1234", 100, 10))
    alike.new.costs_us[0], alike.new.costs_us[1] = 9.0, 11.0
    head, _, *lines = comparison_as_text(
        Comparison("abc1234", [better, worse, alike], {"how": "so"})
    ).splitlines()
    assert head.count("abc1234") == 2
    assert lines[0].split("  ")[-1].strip() == "faster, cheaper"
    assert " 1.030 " in lines[0]
    assert lines[1].endswith("slower, dearer")
    assert lines[2].endswith("no different")
    assert lines[-1] == "how: so"


def test_too_few_rounds_say_nothing() -> None:
    few = Compared("a", "a row", contestant("this tree", 200, 5), contestant("abc1234", 100, 10))
    for one in (few.new, few.old):
        del one.samples[3:], one.costs_us[3:]
    told = comparison_as_text(Comparison("abc1234", [few]))
    assert "2.000" in told
    assert "faster" not in told


@pytest.mark.parametrize("ref", ["no-such-revision", "--output=x", "HEAD:setup.cfg"])
def test_what_is_no_commit_is_refused_in_git_s_words(ref: str) -> None:
    with pytest.raises(Failed, match="git rev-parse"):
        commit_of(ref)


def test_options_that_do_not_go_with_it_and_rows_that_it_has_not_are_refused() -> None:
    quick = CliRunner().invoke(main, ["--compare", "HEAD", "--quick"])
    assert quick.exit_code == 2
    row = CliRunner().invoke(main, ["--compare", "HEAD", "--rows", "idle"])
    assert row.exit_code == 2
    assert "there is no row 'idle'" in row.output


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Yield a folder for what is temporary, in which nothing may be left, and nobody may be at
    work.
    """
    (folder := tmp_path / "folder").mkdir()
    yield folder
    assert list(folder.iterdir()) == []
    assert at_work_in(folder) == []


def at_work_in(folder: Path) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "cwd").startswith(str(folder)):
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue  # somebody else's, or ended meanwhile
    return found


def comparing(folder: Path, *options: str) -> list[str]:
    command = [
        sys.executable,
        "-m",
        "bench",
        "--compare",
        "HEAD",
        "--rows",
        "get-user",
        "--seconds",
        "0.2",
    ]
    return [*command, "--directory", str(folder), *options]


@needs_all
def test_the_checked_out_commit_is_measured_beside_the_tree_and_nothing_is_left(
    folder: Path, tmp_path: Path
) -> None:
    figures = tmp_path / "figures.json"
    ran = subprocess.run(
        comparing(folder, "--rounds", "1", "--json", str(figures)),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    assert "users get_user, one at a time" in ran.stdout
    written = json.loads(figures.read_text())
    (row,) = written["rows"]
    assert written["commit"] == row["old"]["name"] == commit_of("HEAD")
    assert 0.1 < row["speed"]["value"] < 10
    assert 0.1 < row["thrift"]["value"] < 10


@needs_all
def test_after_ctrl_c_nothing_is_left_and_nobody_is_at_work(folder: Path) -> None:
    with subprocess.Popen(
        comparing(folder), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        while not at_work_in(folder) and process.poll() is None:
            Event().wait(0.05)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode == 1


@needs_all
def test_each_side_runs_the_code_of_its_own_directory(tmp_path: Path) -> None:
    code = committed(commit_of("HEAD"), tmp_path / "old")
    assert (code.directory / "sockcrud" / "__main__.py").is_file()
    assert not (code.directory / ".git").exists()
