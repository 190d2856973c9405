"""Arrows point down: what stands lower imports nothing from above it, the core knows no app, and no
app another.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from sockcrud import loading
from tests import ROOT

SOURCES: Final = ROOT / "sockcrud"
LAYERS: Final = (
    "errors",
    "peers",
    "clocks",
    "refusals",
    "durations",
    "paging",
    "collector",
    "logs",
    "signals",
    "systemd",
    "setting",
    "records",
    "storage",
    "identity.records",
    "access",
    "ledger",
    "identity",
    "protocols",
    "uvloop",
    "app",
    "loading",
    "faults",
    "settings",
    "config",
    "workers",
    "readiness",
    "rest",
    "journal",
    "serving",
    "generic",
    "metrics",
    "daemon",
    "client",
    "journal.translating",
    "generic.sayings",
    "cli",
    "monitor",
    "storage.maintenance",
    "tap",
    "apps",
    "testing",
)
"""From the lowest up."""
LIBRARY: Final = tuple(SOURCES / "client" / name for name in ("deferred.py", "sync.py"))
"""What scripts import their clients from: those of the apps that come with sockcrud, and of no
others.
"""
_OTHER_MEANINGS: Final = (
    "records.py",
    "config.py",
    "settings.py",
    "commands.py",
    "opening.py",
    "taking_in.py",
    "declaration.py",
)
"""Files in which such a word means something else, too: the role and the login of an admin, the
names of the first tables, and the dialect of the accounts, whose tokens REST takes."""


@cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def imports_of(file: Path) -> Iterator[str]:
    """Yield the names of what a file imports, `module.name`."""
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_at_once(file: Path) -> Iterator[str]:
    """Yield the names of what a file imports when it is imported: not for a type checker alone, and
    not in a function.
    """
    for node in parsed(file).body:
        if isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_of(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def layer_of(name: str) -> int | None:
    """Return how high a module stands, or None for what has no height: the package itself, and how
    it is started.
    """
    parts = name.removeprefix("sockcrud").removeprefix(".").split(".")
    for length in (2, 1):
        if (layer := ".".join(parts[:length])) in LAYERS:
            return LAYERS.index(layer)
    return None


class ArrowTests(SynchronousTestCase):
    def test_nothing_imports_from_above(self) -> None:
        counted = 0
        for file in set(SOURCES.rglob("*.py")) - set(LIBRARY):
            height = layer_of(module_of(file))
            if height is None:
                continue
            for name in imported_at_once(file):
                if name.startswith("sockcrud.") and (other := layer_of(name)) is not None:
                    counted += 1
                    self.assertLessEqual(other, height, f"{module_of(file)} imports {name}")
        self.assertGreater(counted, 500)

    def test_nothing_needs_the_tests_or_the_benchmark(self) -> None:
        """They are not installed."""
        for file in SOURCES.rglob("*.py"):
            self.assertEqual(
                [name for name in imports_of(file) if name.split(".")[0] in ("tests", "bench")],
                [],
                file,
            )

    def test_each_module_has_its_height(self) -> None:
        without = {
            module_of(file) for file in SOURCES.rglob("*.py") if layer_of(module_of(file)) is None
        }
        self.assertEqual(without, {"sockcrud", "sockcrud.__main__"})

    def test_the_core_names_no_app(self) -> None:
        core = [
            file
            for file in SOURCES.rglob("*.py")
            if SOURCES / "apps" not in file.parents and file not in LIBRARY
        ]
        self.assertGreater(len(core), 50)
        names = {
            name
            for app in loading.apps()
            for name in (app.name, *(dialect.name for dialect in app.dialects))
        }
        for file in core:
            text = file.read_text(encoding="utf-8")
            self.assertNotIn("sockcrud.apps.", text, file)
            if file.name in _OTHER_MEANINGS:
                continue
            strings = {
                node.value for node in ast.walk(parsed(file)) if isinstance(node, ast.Constant)
            }
            self.assertEqual(
                names & {each for each in strings if isinstance(each, str)}, set(), file
            )

    def test_the_product_does_without_its_tests(self) -> None:
        for file in SOURCES.rglob("*.py"):
            self.assertEqual(
                [name for name in imports_of(file) if name.partition(".")[0] == "tests"], [], file
            )

    def test_no_app_imports_another(self) -> None:
        for folder in (
            path
            for path in (SOURCES / "apps").iterdir()
            if path.is_dir() and path.name != "__pycache__"
        ):
            for file in folder.rglob("*.py"):
                found = [name for name in imports_of(file) if name.startswith("sockcrud.apps.")]
                others = [name for name in found if name.split(".")[2] != folder.name]
                self.assertEqual(others, [], file)


class NamedFileTests(SynchronousTestCase):
    def test_files_that_the_documents_name_are_there(self) -> None:
        """A document names a file by its path from the root, or from `sockcrud/`."""
        pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("bench/*.md")]
        named = {
            (page.name, name)
            for page in pages
            if page.name != "CHANGELOG.md"
            for name in re.findall(r"`([\w/]+/[a-z_\d]+\.py)`", page.read_text(encoding="utf-8"))
        }
        self.assertGreater(len(named), 20)
        missing = [
            (page, name)
            for page, name in sorted(named)
            if not (ROOT / name).exists()
            and not (SOURCES / name).exists()
            and not (SOURCES / "protocols" / name).exists()
        ]
        self.assertEqual(missing, [])
