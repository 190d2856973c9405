"""`python -m bench`: sockcrud and its peers, or an earlier sockcrud, by turns; a core for the
server, one for the load.
"""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any, Final, TypeVar

import click

from bench import compare
from bench.chart import as_svg
from bench.figures import Report, Result, Skipped, as_json, from_json
from bench.load import CONNECTIONS, Load
from bench.processes import Cores, Failed, two_cores
from bench.races import Race
from bench.rows import RACES
from bench.singles import SINGLES, Single
from bench.stage import Missing, Stage
from bench.table import as_text

Row = Race | Single
AnyRow = TypeVar("AnyRow")


def _all_rows() -> Iterator[Row]:
    yield from RACES
    yield from SINGLES


ROWS: Final[dict[str, Row]] = {row.row: row for row in _all_rows()}
PACKAGES: Final = (
    "Twisted",
    "uvloop",
    "httptools",
    "orjson",
    "fastapi",
    "uvicorn",
    "aiohttp",
    "asyncpg",
)
ROUNDS: Final = 5
SECONDS: Final = 3.0
QUICK_ROUNDS: Final = 2
QUICK_SECONDS: Final = 1.0


def say(line: str) -> None:
    click.echo(line, err=True)


def _chosen(
    rows: Mapping[str, AnyRow], text: str | None, usual: Sequence[AnyRow]
) -> Sequence[AnyRow]:
    if text is None:
        return usual
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in rows:
            raise click.BadParameter(
                f"there is no row {name!r}; there are {', '.join(rows)}", param_hint="--rows"
            )
    return [rows[name] for name in names]


@click.command(help=__doc__)
@click.option(
    "--compare",
    "ref",
    metavar="REF",
    help=f"the daemon of that commit beside this tree's, in place of the peers; its rows: "
    f"{', '.join(compare.ROWS)}",
)
@click.option("--rows", help=f"only these, with commas between them: {', '.join(ROWS)}")
@click.option(
    "--rounds", type=click.IntRange(1), help=f"[default: {ROUNDS}; with --compare {compare.ROUNDS}]"
)
@click.option(
    "--seconds",
    type=click.FloatRange(0.2),
    help=f"of each load that is counted  [default: {SECONDS:g}; with --compare "
    f"{compare.SECONDS:g}]",
)
@click.option(
    "--quick",
    is_flag=True,
    help=f"{QUICK_ROUNDS} rounds of {QUICK_SECONDS:g} s, and smaller sizes: a look, no proof",
)
@click.option("--epoll", is_flag=True, help="also sockcrud under twistd, on the epoll reactor")
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False), help="write all samples there"
)
@click.option("--svg", "svg_file", type=click.Path(dir_okay=False), help="draw the chart there")
@click.option(
    "--from",
    "from_file",
    type=click.Path(exists=True, dir_okay=False),
    help="measure nothing: show what --json wrote",
)
@click.option(
    "--directory",
    type=click.Path(file_okay=False),
    help="where the stores' files are  [default: the system's /tmp]",
)
def main(
    ref: str | None,
    rows: str | None,
    rounds: int | None,
    seconds: float | None,
    quick: bool,
    epoll: bool,
    json_file: str | None,
    svg_file: str | None,
    from_file: str | None,
    directory: str | None,
) -> None:
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(
            number, lambda number, frame: sys.exit(128 + number)
        )  # by the way that stops the servers
    if ref is not None:
        if quick or epoll or svg_file or from_file:
            raise click.UsageError(
                "--compare goes with --rows, --rounds, --seconds, --json and --directory only"
            )
        chosen = _chosen(compare.ROWS, rows, compare.USUAL)
        _compare(
            ref, chosen, rounds or compare.ROUNDS, seconds or compare.SECONDS, json_file, directory
        )
        return
    if from_file is not None:
        report = from_json(json.loads(Path(from_file).read_text(encoding="utf-8")))
    else:
        rounds, seconds = (
            (QUICK_ROUNDS, QUICK_SECONDS) if quick else (rounds or ROUNDS, seconds or SECONDS)
        )
        report = _measured(
            _chosen(ROWS, rows, list(ROWS.values())), rounds, seconds, quick, epoll, directory
        )
    if json_file is not None:
        Path(json_file).write_text(json.dumps(as_json(report), indent=1) + "\n", encoding="utf-8")
    click.echo(as_text(report), nl=False)
    if svg_file is not None:
        Path(svg_file).write_text(as_svg(report), encoding="utf-8")
    if any(isinstance(result, Skipped) and result.failed for result in report.results):
        sys.exit(1)


def _compare(
    ref: str,
    rows: Sequence[compare.ComparedRow],
    rounds: int,
    seconds: float,
    json_file: str | None,
    directory: str | None,
) -> None:
    try:
        cores = two_cores()
        comparison = compare.compare(ref, cores, rows, rounds, seconds, directory, say)
    except Failed as failure:
        raise click.ClickException(str(failure)) from None
    comparison.about = {**_where(Path(directory or gettempdir()), cores), **comparison.about}
    if json_file is not None:
        Path(json_file).write_text(
            json.dumps(compare.comparison_as_json(comparison), indent=1) + "\n", encoding="utf-8"
        )
    click.echo(compare.comparison_as_text(comparison), nl=False)


def _measured(
    rows: Sequence[Row],
    rounds: int,
    seconds: float,
    quick: bool,
    epoll: bool,
    directory: str | None,
) -> Report:
    try:
        cores = two_cores()
        with TemporaryDirectory(prefix="sockcrud-bench-", dir=directory) as chosen:
            report = Report(_about(Path(chosen), cores, rounds, seconds, quick))
            os.sched_setaffinity(0, {cores.load})
            load = Load(Path(chosen), cores)
            for row in rows:
                say(f"{row.row}: {row.title}")
                with ExitStack() as stack:
                    stage = Stage(Path(chosen) / row.row, cores, load, stack, quick, epoll)
                    report.results.append(_run(row, stage, rounds, seconds))
            return report
    except Failed as failure:
        raise click.ClickException(str(failure)) from None


def _run(row: Row, stage: Stage, rounds: int, seconds: float) -> Result:
    try:
        return row.run(stage, rounds, seconds, say)
    except Missing as missing:
        say(f"{row.row}: skipped: {missing}")
        return Skipped(row.row, row.title, f"skipped: {missing}", failed=False)
    except Exception as failure:  # whatever it is, the other rows have their figures
        reason = str(failure) if isinstance(failure, Failed) else repr(failure)
        say(f"{row.row}: FAILED: {reason}")
        return Skipped(row.row, row.title, f"FAILED: {reason}", failed=True)


def _where(directory: Path, cores: Cores) -> dict[str, Any]:
    return {
        "when": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "machine": f"{_processor()}, server on core {cores.server}, load on core {cores.load}, "
        f"Linux {platform.release()}",
        "files on": _file_system(directory),
        "python": f"{platform.python_version()}, {', '.join(_versions())}",
    }


def _about(
    directory: Path, cores: Cores, rounds: int, seconds: float, quick: bool
) -> dict[str, Any]:
    return {
        **_where(directory, cores),
        "others": ", ".join(
            _said(command) for command in (("redis-server", "--version"), ("node", "--version"))
        ),
        "how": f"{rounds} rounds of {seconds:g} s, {CONNECTIONS} "
        f"connections{', quick: smaller sizes' * quick}; "
        "ratio: of the medians; rounds: the least and the most ratio of a round; server, load: "
        "how busy their cores were",
    }


def _processor() -> str:
    models = [
        line
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return models[0].partition(":")[2].strip() if models else platform.machine()


def _file_system(directory: Path) -> str:
    """Return what the stores' files are on: on a tmpfs a sync would cost nothing, and the durable
    rows say nothing.
    """
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    holding = [mount for mount in mounts if directory.resolve().is_relative_to(mount[1])]
    kind = max(holding, key=lambda mount: len(mount[1]))[2] if holding else "unknown"
    if kind in ("tmpfs", "ramfs"):
        return f"{kind} (in memory: the durable rows prove nothing here)"
    return kind


def _versions() -> list[str]:
    found = []
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            found.append(f"no {package}")
    return found


def _said(command: tuple[str, ...]) -> str:
    try:
        return (
            f"{command[0]} "
            f"{subprocess.run(command, capture_output=True, text=True).stdout.strip()[:40]}"
        )
    except OSError:
        return f"no {command[0]}"


if __name__ == "__main__":
    main()
