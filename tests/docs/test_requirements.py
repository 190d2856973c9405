"""What the daemon is installed with: bounds in setup.cfg, and exact versions in requirements.lock
that keep to them.
"""

from __future__ import annotations

import re
from configparser import ConfigParser

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from twisted.trial.unittest import SynchronousTestCase

from tests import ROOT


def declared() -> list[Requirement]:
    setup = ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = [
        *setup["options"]["install_requires"].splitlines(),
        *setup["options.extras_require"]["postgres"].splitlines(),
    ]
    return [Requirement(line) for line in lines if line.strip()]


def locked() -> dict[str, tuple[str, int]]:
    """Give each package's version, and how many hashes it has."""
    text = re.sub(
        "^#.*\n", "", (ROOT / "requirements.lock").read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    entries = re.findall(
        r"^([a-z0-9-]+)==(\S+)((?:.*\\\n)?(?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)",
        text,
        re.MULTILINE,
    )
    return {name: (version, hashes.count("--hash")) for name, version, hashes in entries}


class LockTests(SynchronousTestCase):
    def test_it_satisfies_setup_cfg(self) -> None:
        versions = locked()
        for requirement in declared():
            name = str(canonicalize_name(requirement.name))
            self.assertIn(name, versions)
            self.assertIn(versions[name][0], requirement.specifier, name)

    def test_every_line_of_it_is_an_exact_version_with_hashes(self) -> None:
        lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
        packages = [line for line in lines if re.match("[a-zA-Z]", line)]
        self.assertEqual(len(packages), len(locked()))
        self.assertGreater(min(hashes for _, hashes in locked().values()), 0)

    def test_it_names_no_place_to_get_them_from(self) -> None:
        text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
        self.assertNotRegex(text, r"://|--(extra-)?index-url|--find-links|--trusted-host| @ ")


class BoundTests(SynchronousTestCase):
    def test_what_may_change_under_us_is_bounded(self) -> None:
        numbered_by_year = {"attrs", "argon2-cffi"}
        for requirement in declared():
            operators = {each.operator for each in requirement.specifier}
            self.assertIn(">=", operators, requirement.name)
            if requirement.name not in numbered_by_year:
                self.assertIn("<", operators, requirement.name)
