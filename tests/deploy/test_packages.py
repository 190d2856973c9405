"""The wheel, installed as people install it: its commands run, Twisted finds its plugins, and
nothing is missing.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from tests import ROOT
from tests.support import running
from tests.support.running import DIALECTS, Daemon, environment

pytest.importorskip("setuptools", "70.1", reason="what builds wheels by itself")

CREATE = (
    '{"id_operation":"create_user","payload":{"name":"Ana","email":"ana@example.org","age":30}}'
)

SOURCES = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "sockcrud", "twisted")


def run(*words: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        list(map(str, words)),
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel, from a copy: building leaves files beside the sources."""
    copy = tmp_path_factory.mktemp("sources")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name,
                copy / name,
                ignore=shutil.ignore_patterns("__pycache__", "dropin.cache"),
            )
        else:
            shutil.copy(ROOT / name, copy / name)
    pip = (
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
    )
    run(*pip, "--wheel-dir", copy / "dist", copy, cwd=copy)
    (found,) = (copy / "dist").iterdir()
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the commands where nothing but the wheel is installed, on the packages
    that are here already.
    """
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "others.pth").write_text(
        sysconfig.get_path("purelib")
    )  # but not what is installed there by a .pth: these sources
    pip = (
        sys.executable,
        "-m",
        "pip",
        "--python",
        folder / "bin" / "python",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
    )
    run(*pip, wheel, cwd=folder)
    return folder / "bin"


def data_files() -> set[str]:
    """Return the names of what is installed beside the modules: the console's page."""
    page = (ROOT / "sockcrud/apps/admin/console/static").iterdir()
    return {"sockcrud/py.typed"} | {path.relative_to(ROOT).as_posix() for path in page}


def test_the_wheel_has_all_modules_and_nothing_else(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    there = {
        path.relative_to(ROOT).as_posix()
        for folder in ("sockcrud", "twisted")
        for path in (ROOT / folder).rglob("*.py")
    }
    assert names == there | data_files()


def test_the_source_package_has_the_console_too(wheel: Path) -> None:
    copy = wheel.parent.parent
    said = "from setuptools import build_meta; print(build_meta.build_sdist('dist'))"
    name = run(sys.executable, "-c", said, cwd=copy).stdout.splitlines()[-1]
    with tarfile.open(copy / "dist" / name) as archive:
        names = {member.partition("/")[2] for member in archive.getnames()}
    assert data_files() <= names


def test_twisted_finds_the_plugins_and_writes_its_cache_once(
    installed: Path, tmp_path: Path
) -> None:
    twistd = (
        sys.executable.replace(str(Path(sys.executable).parent), str(installed)),
        "-m",
        "twisted",
        "--help",
    )
    first = run(*twistd, cwd=tmp_path)
    assert re.search(
        r"^ +sockcrud +CRUD systems in several wire formats", first.stdout, re.MULTILINE
    )
    assert first.stderr == ""
    (cache,) = installed.parent.glob("lib/python*/site-packages/twisted/plugins/dropin.cache")
    written = cache.stat().st_mtime_ns
    assert run(*twistd, cwd=tmp_path).stdout == first.stdout
    assert (
        cache.stat().st_mtime_ns == written
    )  # so a user who may not write there is not told that he may not


@pytest.fixture
def commands(installed: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Have `Daemon` run the commands that are installed."""
    monkeypatch.setattr(running, "SERVE", [str(installed / "sockcrud"), "serve"])
    return installed


def test_what_is_installed_serves(commands: Path, tmp_path: Path) -> None:
    with Daemon(tmp_path, "--demo") as daemon:
        assert set(daemon.ports) == set(DIALECTS)
        assert '"code":201' in daemon.ask("users", CREATE)
        found = run(
            commands / "sockcrud",
            "status",
            "--at",
            f"127.0.0.1:{daemon.ports['admin']}",
            "--json",
            cwd=tmp_path,
        )
        assert json.loads(found.stdout)["store_reachable"] is True
        with socket.create_connection(("127.0.0.1", daemon.ports["members"]), timeout=20):
            assert daemon.stop() == 0
