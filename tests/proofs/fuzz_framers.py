"""Bytes of all kinds for both framers and for every dialect, in memory and under a clock.

`python -m tests.proofs.fuzz_framers --examples 20000` checks that no bytes bring about an exception
or a traceback, that memory stays bounded, that the same bytes have the same effect however they are
split in time and segments (what is answered, and what is stored), and that of a field client that
frames loosely nothing is stored but what it meant. `cover_framers`, beside this, looks for bytes
that reach new code.
"""

from __future__ import annotations

import argparse
import sys
import tracemalloc
from collections.abc import Callable, Sequence
from random import Random
from time import perf_counter
from typing import Any, Final

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as some

from sockcrud.identity.credentials import Password
from sockcrud.protocols.http.framing import RequestFramer
from sockcrud.protocols.http.loose import LooseFramer
from sockcrud.protocols.json.objects import ObjectFramer
from sockcrud.protocols.pacing import LATER
from tests.proofs.fuzz import mutated, noise
from tests.proofs.inputs import http_bytes, loose_conversation, requests
from tests.proofs.systems import Effect, Fault, System
from tests.support.feeding import cut
from tests.support.http_kit import framed
from tests.support.running import DIALECTS

FRAMERS: Final = ("objects", "strict", "loose")
_LONGEST: Final = 400
_GAP: Final = 0.05
"""Seconds between two pieces: less than any silence that means something."""
_MOST_HELD: Final = 2**19
"""Bytes that a framer may hold, whatever it is fed, with limits of 64 KiB and less."""


_EARLY: Final = (b"401", b"403", b"404", b"405", b"415", b"421")
"""What a request is refused with for its header alone."""


# What is checked


def check_framer(name: str, data: bytes, places: Sequence[int]) -> None:
    """Check that a framer finds the same in the bytes, whole and in pieces."""
    whole, parts = _found(name, [data]), _found(name, cut(data, list(places)))
    if whole != parts:
        raise Fault(f"{name}: {data!r} is {whole}, and cut at {sorted(places)} it is {parts}")


def check_memory(name: str, scrap: bytes) -> None:
    """Check that a framer does not keep what it is fed for ever, where that has no end."""
    piece = (scrap or b" ") * (4096 // max(len(scrap), 1) + 1)
    framer: Any = _framer(name, 64 * 1024)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(256):
            _feed(name, framer, piece)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    if after - before > _MOST_HELD:
        raise Fault(f"{name}: {after - before:,} bytes are held after a MiB of {scrap!r}")


def check_dialect(dialect: str, data: bytes, places: Sequence[int], pauses: bool) -> None:
    """Check that a dialect answers and stores the same, whole and in pieces, at once or one after
    the other.
    """
    pieces = cut(data, list(places))
    whole = System().told(dialect, [data])
    parts = System().told(dialect, pieces, [_GAP] * (len(pieces) - 1) if pauses else ())
    for effect in (whole, parts):
        if b"HTTP/1.1 500" in effect.answers or b"Internal Server Error" in effect.answers:
            raise Fault(f"{dialect}: {data!r} is a fault of ours: {effect.answers!r}")
    if whole != parts and not _refused_before_its_body(parts, whole):
        raise Fault(f"{dialect}: {data!r} is\n{whole}, and cut at {sorted(places)}\n{parts}")


def _refused_before_its_body(parts: Effect, whole: Effect) -> bool:
    """Return whether they differ only by a request that was refused before its body had come, which
    ends the connection.

    It is the one thing that depends on when bytes come: a body that came with its header costs
    nothing to read over.
    """
    *before, last = parts.answers.rpartition(b"HTTP/1.1 ")
    if not parts.closed or b"\r\nConnection: close\r\n" not in last or last[:3] not in _EARLY:
        return False
    return whole.answers.startswith(before[0]) and set(parts.stored) <= {
        *whole.stored,
        *System().told("admin", []).stored,
    }


def check_loose(random: Random, gaps: Sequence[float]) -> None:
    """Check that nothing is stored but what the clients of the field meant, whatever the pauses
    between pieces.
    """
    data, meant = loose_conversation(random)
    pieces = cut(data, [random.randrange(1, len(data)) for _ in gaps])
    system = System()
    effect = system.told("members", pieces, gaps)
    for account in effect.stored[6:]:
        one = next((one for one in meant if f"'login': {one.email!r}" in account), None)
        if one is None:
            raise Fault(
                f"{data!r} in {pieces} with pauses of {gaps} stored {account}, which nobody meant"
            )
        try:
            system.case.log_in(one.email, "members", Password(one.password))
        except Exception:
            raise Fault(
                f"{data!r} in {pieces} with pauses of {gaps} stored another password for "
                f"{one.email}"
            ) from None


def _framer(name: str, longest: int = _LONGEST) -> Any:
    if name == "objects":
        return ObjectFramer(longest, 64)
    made = RequestFramer if name == "strict" else LooseFramer
    return made(
        "192.0.2.7",
        header_bytes=min(longest, 16384),
        fields=6 if longest == _LONGEST else 100,
        target=60,
    )


def _found(name: str, pieces: Sequence[bytes]) -> list[Any]:
    framer = _framer(name)
    if name != "objects":
        return list(framed(framer, pieces, end=True))
    found = []
    for piece in pieces:
        framer.feed(piece)
        found += _objects(framer)
    framer.end()
    return found + _objects(framer)


def _objects(framer: ObjectFramer) -> list[Any]:
    found: list[Any] = []
    one: Any
    while (one := framer.next()) is not None:
        if one is not LATER:
            found.append(one)
    return found


def _feed(name: str, framer: Any, piece: bytes) -> None:
    if name == "objects":
        framer.feed(piece)
        _objects(framer)
    else:
        framed(framer, [piece])


# What is made up

_randoms: Final = some.randoms(use_true_random=False)
_places: Final = some.lists(some.integers(1, 2000), max_size=12)
_Property = Callable[..., None]


def _framer_property(name: str) -> _Property:
    def check(random: Random, places: list[int], raw: bytes) -> None:
        data = {0: raw, 1: mutated(random, raw + b"{}"), 2: noise(random)}.get(random.randrange(6))
        if data is None:
            data = (
                requests(random.choice(("users", "messages")), random)
                if name == "objects"
                else http_bytes(random)
            )
        check_framer(name, data, places)

    return given(_randoms, _places, some.binary(max_size=300))(check)


def _memory_property(name: str) -> _Property:
    def check(random: Random) -> None:
        check_memory(name, noise(random))

    return given(_randoms)(check)


def _dialect_property(dialect: str) -> _Property:
    def check(random: Random, places: list[int], pauses: bool) -> None:
        check_dialect(dialect, requests(dialect, random), places, pauses)

    return given(_randoms, _places, some.booleans())(check)


def _loose_property() -> _Property:
    return given(
        _randoms, some.lists(some.sampled_from((0.0, 0.01, 0.09, 0.11, 0.3, 2.0)), max_size=5)
    )(check_loose)


PROPERTIES: Final[dict[str, _Property]] = {
    **{f"framer {name}": _framer_property(name) for name in FRAMERS},
    **{f"memory {name}": _memory_property(name) for name in FRAMERS},
    **{f"dialect {name}": _dialect_property(name) for name in DIALECTS},
    "loose clients": _loose_property(),
}


def run(name: str, examples: int, seeded: int | None = None) -> None:
    """Check a property on so many examples: the same ones always, unless a seed is given."""
    plan = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=seeded is None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    checked = plan(PROPERTIES[name])
    (checked if seeded is None else seed(seeded)(checked))()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--examples", type=int, default=5_000, help="for each property")
    parser.add_argument("--only", nargs="+", metavar="PROPERTY", choices=list(PROPERTIES))
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    failed = 0
    for name in asked.only or PROPERTIES:
        began, examples = (
            perf_counter(),
            asked.examples // 50 + 1 if name.startswith("memory") else asked.examples,
        )
        try:
            run(name, examples, asked.seed)
            result = "PASS"
        except Exception as error:
            failed, result = failed + 1, f"FAIL\n    {type(error).__name__}: {str(error)[:3000]}"
        print(
            f"{name:<20} {examples:>8,} examples {perf_counter() - began:>7.1f} s  {result}",
            flush=True,
        )
    if failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
