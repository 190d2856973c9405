"""Writes `tap.cfg` anew: python -m tests.write_example."""

from pathlib import Path

from sockcrud import loading
from sockcrud.config import example

if __name__ == "__main__":
    (Path(__file__).parent.parent / "tap.cfg").write_text(example(loading.apps()), encoding="utf-8")
