"""No secret is seen in the journal, however the requests were broken that it was in.

`python -m tests.proofs.journal_secrets 20000` tries so many requests; it ends with the first that
shows a secret.
"""

from __future__ import annotations

import sys

from hypothesis import HealthCheck, given, settings

from tests.journal.secret_requests import exchanges
from tests.journal.test_journal_secrets import SecretCase


def main(examples: int) -> None:
    """Try so many requests."""
    case = SecretCase()
    case.setUp()
    tried = 0

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(exchanges())
    def no_secret_is_seen(exchange: tuple[str, str, bytes]) -> None:
        nonlocal tried
        case.check(*exchange)
        tried += 1

    try:
        no_secret_is_seen()
    finally:
        print(f"{tried:,} requests were tried")
        case.doCleanups()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000)
