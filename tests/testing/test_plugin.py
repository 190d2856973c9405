"""The pytest plugin, in projects of somebody's: each a folder of tests that pytest runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests import ROOT

_OF_A_PROJECT = """
import pytest

pytestmark = pytest.mark.sockcrud(apps=["users", "library.py"])

def test_one(sockcrud):
    assert sockcrud.client("users").create("Ana", "ana@example.org", 30).id == 1

def test_another_finds_nothing_of_it(sockcrud):
    assert sockcrud.client("users").list() == []

@pytest.mark.sockcrud(seed=[{"kind": "User", "name": "Ana", "email": "a@b.org", "age": 1,
    "created_at": "2026-01-01T00:00:00+00:00", "updated_at": "2026-01-01T00:00:00+00:00"}])
@pytest.mark.parametrize("number", [1, 2])
def test_a_seed_is_there_each_time(sockcrud, number):
    users = sockcrud.client("users")
    assert [user.name for user in users.list()] == ["Ana"]
    users.delete(1)

@pytest.mark.sockcrud(scope="class")
class TestOneAfterTheOther:
    def test_first(self, sockcrud):
        sockcrud.client("users").create("Ana", "ana@example.org", 30)

    def test_then(self, sockcrud):
        assert len(sockcrud.client("users").list()) == 1

def test_it_fails(sockcrud):
    sockcrud.client("library-lines").create(title="Emma", isbn="9780141439587", year=1815)
    assert sockcrud.client("library-rest").list().items == []

@pytest.mark.sockcrud(stores="memory:")
def test_it_is_marked_wrongly(sockcrud):
    pass
"""

_OF_A_PROJECT_WITHOUT = """
import sys

def test_nothing_of_it_is_imported():
    assert "sockcrud.testing.plugin" in sys.modules
    ours = {name for name in sys.modules if name.partition(".")[0] == "sockcrud"}
    assert ours == {"sockcrud", "sockcrud.testing", "sockcrud.testing.plugin"}
    assert not {"twisted", "attr", "click"} & {name.partition(".")[0] for name in sys.modules}
"""


def run_pytest(folder: Path, tests: str) -> str:
    (folder / "test_it.py").write_text(tests)
    (folder / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n")
    # Without the plugins of this project's tests, and without what is installed of this one.
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "sockcrud.testing.plugin", "-p", "no:cacheprovider"],
        cwd=folder,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout + done.stderr


def test_each_test_has_an_empty_daemon_and_one_that_fails_tells_what_it_did(tmp_path: Path) -> None:
    (tmp_path / "library.py").write_text((ROOT / "examples" / "library.py").read_text())
    said = run_pytest(tmp_path, _OF_A_PROJECT)
    assert "1 failed, 6 passed, 1 error" in said, said
    assert "- sockcrud: log -" in said
    assert "- sockcrud: journal -" in said
    assert '"method":"books.create"' in said
    assert "library-lines 127.0.0.1 books.create ok" in said
    assert "users.create" not in said
    wrong = "mark.sockcrud: 'stores': expected apps, store, seed, settings, admin_password, scope"
    assert wrong in said


def test_a_project_that_does_not_use_it_does_not_pay_for_it(tmp_path: Path) -> None:
    assert "1 passed" in (said := run_pytest(tmp_path, _OF_A_PROJECT_WITHOUT)), said
