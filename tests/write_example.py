"""Writes `tap.cfg` anew: python -m tests.write_example."""

from pathlib import Path

from sockcrud.config import example

if __name__ == "__main__":
    (Path(__file__).parent.parent / "tap.cfg").write_text(example(), encoding="utf-8")
