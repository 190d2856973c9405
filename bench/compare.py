"""`python -m bench --compare REF`: the daemon of another commit beside that of the working tree, by
turns.

A round starts both anew, because two processes of the same code may differ by a percent or two for
as long as they live (where their memory lies, the seed of their hashes), and loads each once a row,
the next round in the other order. A row's ratio is the median of the ratios of its rounds: what the
machine does meanwhile hits both halves of a round alike.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from math import comb
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

import attrs
from attrs import Factory, define, evolve, frozen

from bench.asking import fill_shop
from bench.figures import Contestant, Ratio
from bench.load import CONNECTIONS, Load, Shape
from bench.others import TOLERATED
from bench.processes import Cores, Failed
from bench.races import Contender, measure
from bench.rows import IN_FLIGHT, fill_users
from bench.shapes import CREATE_USER, GET_USER, USERS, create_client, fetch_client
from bench.stage import ROOT, Sockcrud, Stage
from bench.table import aligned

ROUNDS: Final = 8
SECONDS: Final = 0.7
DOUBT: Final = 0.01
"""How probable it may be that the median of all rounds there could be is outside of what is told.
"""
HERE: Final = "this tree"
COLUMNS: Final = (
    "row",
    "requests/s",
    "before",
    "ratio",
    "between",
    "cpu us",
    "before",
    "ratio",
    "between",
    "this tree is",
)


@frozen
class Code:
    """A state of sockcrud's code, in a directory of its own."""

    name: str
    directory: Path


def working_tree(into: Path) -> Code:
    """Copy the code as it is here, committed or not, so that it may be edited while it is
    measured.
    """
    listed = _git("ls-files", "-z", "--cached", "--others", "--exclude-standard").decode()
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():  # what was deleted and is not committed is listed too
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, into / name)
    return Code(HERE, into)


def commit_of(ref: str) -> str:
    """Return the short hash of a revision; raise `Failed` where it is none."""
    return (
        _git("rev-parse", "--short", "--verify", "--end-of-options", f"{ref}^{{commit}}")
        .decode()
        .strip()
    )


def committed(commit: str, into: Path) -> Code:
    """Write out the code of a commit. Unlike a `git worktree`, this leaves nothing in the
    repository, whatever happens.
    """
    with tarfile.open(fileobj=io.BytesIO(_git("archive", "--format=tar", commit))) as archive:
        archive.extractall(into)
    return Code(commit, into)


def _git(*arguments: str) -> bytes:
    try:
        ran = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True)
    except OSError as error:
        raise Failed(f"git cannot be started: {error}") from None
    if ran.returncode:
        raise Failed(f"git {' '.join(arguments)}: {ran.stderr.decode(errors='replace').strip()}")
    return ran.stdout


@define(eq=False)
class Side:
    """One of the two codes in one round: its daemons, started and filled as the rows need them."""

    code: Code
    stage: Stage
    _daemons: dict[str, Sockcrud] = Factory(dict)
    _tokens: dict[str, str] = Factory(dict)

    def daemon(self, store: str) -> Sockcrud:
        """Return the daemon on such a store, with users."""
        if store not in self._daemons:
            self._daemons[store] = daemon = self.stage.sockcrud(
                f"{self.code.name}, {store}", store, code=self.code.directory
            )
            fill_users(self.stage, daemon.users, USERS)
        return self._daemons[store]

    def token(self, store: str) -> str:
        """Return a token for the shop of the daemon on such a store, with clients in the shop."""
        if store not in self._tokens:
            self._tokens[store] = fill_shop(self.daemon(store).shop)
        return self._tokens[store]


@frozen
class ComparedRow:
    """A load that both codes are under."""

    row: str
    title: str
    store: str
    shape: Shape | Callable[[str], Shape]
    """For the users; or for the shop, which takes a token."""

    def contender(self, side: Side) -> Contender:
        """Return the side, ready to be measured; raise `Failed`."""
        try:
            daemon = side.daemon(self.store)
            if isinstance(self.shape, Shape):
                return Contender(side.code.name, daemon.server, daemon.users, self.shape)
            return Contender(
                side.code.name, daemon.server, daemon.shop, self.shape(side.token(self.store))
            )
        except Failed as failure:
            raise Failed(f"{side.code.name}, before {self.row}: {failure}") from None


def _rows() -> Iterator[ComparedRow]:
    yield ComparedRow("get-user", "users get_user, one at a time", "memory:", GET_USER)
    yield ComparedRow(
        "get-user-16",
        f"users get_user, {IN_FLIGHT} in flight",
        "memory:",
        evolve(GET_USER, depth=IN_FLIGHT),
    )
    yield ComparedRow(
        "fetch-client", "shop GET /clients/fetch/{id} with bearer", "memory:", fetch_client
    )
    yield ComparedRow("create-user-memory", "create_user in memory", "memory:", CREATE_USER)
    yield ComparedRow("create-user", "durable create_user", "sqlite:", CREATE_USER)
    yield ComparedRow("create-client", "durable POST /clients/create", "sqlite:", create_client)


ROWS: Final = {row.row: row for row in _rows()}
USUAL: Final = tuple(row for name, row in ROWS.items() if name != "create-client")


@define
class Compared:
    """A row, and what came of it, round by round."""

    row: str
    title: str
    new: Contestant
    old: Contestant

    @property
    def speed(self) -> Ratio:
        """How many times as many requests a second."""
        return paired(self.new.rates, self.old.rates)

    @property
    def thrift(self) -> Ratio:
        """How many times as little processor time a request."""
        return paired(self.old.costs_us, self.new.costs_us)


def paired(one: Sequence[float], other: Sequence[float]) -> Ratio:
    """Return the median of the ratios of rounds that belong together, and between which two of them
    it is beyond `DOUBT`.

    The bounds are those that a binomial distribution gives for a median, whatever the distribution
    of the rounds is. Of less than eight rounds even the least and the most are in doubt.
    """
    ratios = sorted(mine / theirs for mine, theirs in zip(one, other, strict=True))
    count, beyond = len(ratios), 0
    while 2 * sum(comb(count, number) for number in range(beyond + 2)) <= DOUBT * 2**count:
        beyond += 1
    return Ratio(median(ratios), ratios[beyond], ratios[-1 - beyond])


def enough(rounds: int) -> bool:
    """Return whether so many rounds can prove anything."""
    return 2 * 0.5**rounds <= DOUBT


@define
class Comparison:
    """A run: against which commit, what came out, and how."""

    commit: str
    rows: list[Compared]
    about: dict[str, Any] = Factory(dict)


def compare(
    ref: str,
    cores: Cores,
    rows: Sequence[ComparedRow],
    rounds: int,
    seconds: float,
    directory: str | None,
    say: Callable[[str], object],
) -> Comparison:
    """Measure the working tree beside a revision; raise `Failed`."""
    commit = commit_of(ref)
    with TemporaryDirectory(prefix="sockcrud-bench-", dir=directory) as chosen:
        folder = Path(chosen)
        codes = working_tree(folder / "new"), committed(commit, folder / "old")
        os.sched_setaffinity(0, {cores.load})
        load = Load(folder, cores)
        results = [
            Compared(row.row, row.title, *(Contestant(code.name) for code in codes)) for row in rows
        ]
        for number in range(rounds):
            with ExitStack() as stack:
                stage = Stage(folder / f"round-{number + 1}", cores, load, stack)
                _round(
                    stage,
                    [Side(code, stage) for code in codes],
                    rows,
                    results,
                    seconds,
                    number % 2 == 1,
                )
            say(f"round {number + 1} of {rounds}: {', '.join(_last(result) for result in results)}")
        return Comparison(commit, results, {"how": _how(results, seconds)})


def _round(
    stage: Stage,
    sides: Sequence[Side],
    rows: Sequence[ComparedRow],
    results: Sequence[Compared],
    seconds: float,
    reverse: bool,
) -> None:
    ready = [[row.contender(side) for side in sides] for row in rows]
    for contenders, result in zip(ready, results, strict=True):
        turns = list(zip(contenders, (result.new, result.old), strict=True))
        for contender, into in reversed(turns) if reverse else turns:
            measure(stage, contender, into, seconds)


def _how(results: Sequence[Compared], seconds: float) -> str:
    rounds = len(results[0].new.samples)
    told = [
        f"{rounds} rounds of {seconds:g} s, both daemons started anew in each, {CONNECTIONS} "
        f"connections"
    ]
    told.append("ratio: the median of the rounds' ratios, over 1 where this tree is better")
    certain = (
        f"where it is with {1 - DOUBT:.0%} certainty"
        if enough(rounds)
        else "the least and the most, too few to be certain"
    )
    told.append(f"between: {certain}")
    others = max(
        share for result in results for one in (result.new, result.old) for share in one.others
    )
    if others > TOLERATED:
        told.append(
            f"others used up to {others:.0%} of the server's core: trust the processor time "
            f"rather than the rates"
        )
    return "; ".join(told)


def _last(result: Compared) -> str:
    return f"{result.row} {result.new.rates[-1] / result.old.rates[-1]:.3f}"


def comparison_as_json(comparison: Comparison) -> dict[str, Any]:
    """Return the comparison with every sample, and what follows from them."""
    written = attrs.asdict(comparison)
    for row, result in zip(written["rows"], comparison.rows, strict=True):
        row["speed"], row["thrift"] = attrs.asdict(result.speed), attrs.asdict(result.thrift)
    return written


def comparison_as_text(comparison: Comparison) -> str:
    """Return the table, and how it was measured."""
    table = [tuple(name.replace("before", comparison.commit) for name in COLUMNS)]
    table += [_cells(result) for result in comparison.rows]
    return (
        "\n".join(
            [
                *aligned(table, 1),
                "",
                *(f"{name}: {value}" for name, value in comparison.about.items()),
            ]
        )
        + "\n"
    )


def _cells(result: Compared) -> tuple[str, ...]:
    speed, thrift = result.speed, result.thrift
    costs = (f"{one.cost_us or 0:.2f}" for one in (result.new, result.old))
    verdicts = [*_verdict(speed, "faster", "slower"), *_verdict(thrift, "cheaper", "dearer")]
    told = (", ".join(verdicts) or "no different") if enough(len(result.new.samples)) else ""
    rates = (f"{one.rate:,.0f}" for one in (result.new, result.old))
    return (result.title, *rates, *_ratio(speed), *costs, *_ratio(thrift), told)


def _ratio(found: Ratio) -> tuple[str, str]:
    return f"{found.value:.3f}", f"{found.least:.3f}-{found.most:.3f}"


def _verdict(found: Ratio, better: str, worse: str) -> list[str]:
    return [better] if found.least > 1 else [worse] if found.most < 1 else []
