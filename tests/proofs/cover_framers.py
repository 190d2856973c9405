"""Looks for bytes that reach code of the framers and the dialects which none has reached before,
guided by coverage.

`pip install atheris`, and `python -m tests.proofs.cover_framers --seconds 600`. It checks what
`fuzz_framers` checks, and ends with a status that is not 0, and the bytes in a file, where they do
harm.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from random import Random


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=60)
    seconds = parser.parse_args().seconds
    try:
        import atheris
    except ImportError:
        sys.exit("atheris is not installed: pip install atheris")
    # What is to be watched has to be imported under its eyes, for the first time.
    with atheris.instrument_imports(include=["sockcrud.protocols", "sockcrud.rest"]):
        from tests.proofs.fuzz_framers import FRAMERS, check_dialect, check_framer
        from tests.proofs.inputs import http_bytes, requests
        from tests.support.running import DIALECTS

    def one(data: bytes) -> None:
        given = atheris.FuzzedDataProvider(data)
        kind, places = (
            given.ConsumeIntInRange(0, 31),
            [given.ConsumeIntInRange(1, 500) for _ in range(4)],
        )
        dialect, said = (
            DIALECTS[given.ConsumeIntInRange(0, len(DIALECTS) - 1)],
            given.ConsumeBytes(600),
        )
        if kind < 30:  # framers are quick; a system for a dialect takes milliseconds to make
            check_framer(FRAMERS[kind % 3], said, places)
        else:
            check_dialect(dialect, said, places, False)

    directory = Path(tempfile.mkdtemp(prefix="sockcrud-fuzz-"))
    random = Random(1)
    for number in range(300):
        made = http_bytes(random) if number % 2 else requests(random.choice(DIALECTS), random)
        # atheris takes numbers from the end of its data, and bytes from the beginning.
        (directory / f"seed-{number}").write_bytes(made[:600] + random.randbytes(16))
    print(f"what is found is in {directory}", flush=True)
    found = f"-artifact_prefix={directory}/"
    atheris.Setup(
        [
            sys.argv[0],
            f"-max_total_time={seconds}",
            "-max_len=700",
            "-timeout=20",
            found,
            str(directory),
        ],
        one,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
