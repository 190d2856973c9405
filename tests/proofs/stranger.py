"""Strangers of every kind against a real daemon, while a well-behaved client measures how it is
served.

`python -m tests.proofs.stranger` lets each at a daemon of its own, on every store, and tells for
each the longest that the other waited, the memory at the top and once the stranger had gone, what
is still open, and whether the next client is served. The daemon has a core of its own; what the
machine took from it for other programs is left out of the delays, and told. Everything stays on the
loopback addresses, and ends by itself.
"""

from __future__ import annotations

import argparse
import sys
from time import monotonic
from typing import Final

from tests.proofs.strangers import connecting, http_requests, lines, lists, logins, tls, words
from tests.proofs.strangers.attack import STRANGERS
from tests.proofs.strangers.report import HEAD, row, summary
from tests.proofs.strangers.rounds import SLACK, STRICT, Plan, outcomes
from tests.proofs.strangers.site import STORES

KINDS: Final = (lines, lists, connecting, http_requests, logins, tls, words)
"""The families of strangers: each module registers its own."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only",
        nargs="+",
        metavar="NAME",
        choices=list(STRANGERS),
        help="these strangers, and no others",
    )
    parser.add_argument(
        "--store", nargs="+", choices=STORES, default=list(STORES), help="the stores to attack"
    )
    parser.add_argument(
        "--reactor",
        choices=("uvloop", "default"),
        help="the daemon's reactor, instead of its own choice",
    )
    parser.add_argument(
        "--short", action="store_true", help="as in the ordinary tests: small counts, on one daemon"
    )
    parser.add_argument(
        "--slack", action="store_true", help="the targets of the ordinary tests, for a slow machine"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--list", action="store_true", help="tell what each does, and end")
    given = parser.parse_args()
    if given.list:
        for one in STRANGERS.values():
            print(f"{one.name:<20} {one.does}")
        return
    chosen = [STRANGERS[name] for name in given.only] if given.only else list(STRANGERS.values())
    chosen = [one for one in chosen if not (given.short and one.only_full)]
    targets, failed = SLACK if given.slack else STRICT, 0
    began = monotonic()
    for store in given.store:
        print(f"\nstore: {store}; reactor: {given.reactor or 'its own choice'}\n{HEAD}", flush=True)
        for outcome in outcomes(
            chosen, Plan(store, given.reactor, given.short, given.seed, targets)
        ):
            print(row(outcome, targets), flush=True)
            failed += bool(outcome.failures(targets))
    print(summary(len(chosen) * len(given.store), failed, monotonic() - began))
    if failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
