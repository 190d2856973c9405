"""Writes `tap.cfg` anew: python -m tests.docs.write_example."""

from sockcrud import loading
from sockcrud.config import example
from tests import ROOT

if __name__ == "__main__":
    (ROOT / "tap.cfg").write_text(example(loading.apps()), encoding="utf-8")
