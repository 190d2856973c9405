"""What keeps the daemon from starting is one line that names it, before anything has started."""

from __future__ import annotations

import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import forked, running
from tests.support.certificate_kit import certified
from tests.support.running import DIALECTS, Daemon, environment, taken_port

TWISTD = str(Path(sys.executable).parent / "twistd")
OFF = [word for name in DIALECTS for word in (f"--{name}", "off")]


@pytest.fixture(scope="module", autouse=True)
def port() -> Iterator[int]:
    with taken_port() as port:
        yield port


def run(directory: Path, *words: str) -> tuple[int, list[str]]:
    """Return the status of a command, and the lines of its stderr."""
    done = subprocess.run(
        words, cwd=directory, env=environment(), capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stderr.splitlines()


def test_what_cannot_start_is_one_line_and_status_1(tmp_path: Path) -> None:
    key, certificate = certified(tmp_path, 30)
    (tmp_path / "other").mkdir()
    other, _ = certified(tmp_path / "other", 30)
    (tmp_path / "junk.pem").write_text("junk")
    for flags, expected in (
        (
            ("--users", "ssl:0:privateKey=no.pem:certKey=none.pem"),
            f"users: {tmp_path}/none.pem: No such file or directory",
        ),
        (("--users", f"ssl:0:privateKey={other}:certKey={certificate}"), "cannot be used"),
        (("--users", f"ssl:0:privateKey={key}:certKey=junk.pem"), "cannot be used: no start line"),
        (
            ("--users", "unix:nowhere/users"),
            "users cannot listen: nowhere/users: No such file or directory",
        ),
        (("--users", "unix:other"), "users cannot listen: other: Address already in use"),
        (("--store", f"sqlite:{tmp_path}"), f"name one in it, as sqlite:{tmp_path}/sockcrud.db"),
        (("--log-file", "nowhere/log"), "the log: nowhere/log: No such file or directory"),
    ):
        done = forked.run(["serve", *OFF, *flags], environment(), 60, tmp_path)
        said = done.stderr.splitlines()
        assert (done.returncode, len(said)) == (1, 1), said
        assert said[0].startswith("sockcrud: ")
        assert said[0].endswith(expected)


def test_a_daemon_in_the_background_says_whole_why_it_cannot_listen(
    tmp_path: Path, port: int
) -> None:
    status, said = run(tmp_path, TWISTD, "sockcrud", *OFF, "--users", f"tcp:{port}")
    assert (status, said) == (
        1,
        [f"sockcrud: users cannot listen: 127.0.0.1:{port}: Address already in use"],
    )
    assert not (tmp_path / "twistd.pid").exists()


@pytest.mark.parametrize(
    "command",
    [[*running.SERVE], [TWISTD, "-n", "sockcrud"]],
    ids=["sockcrud serve", "twistd sockcrud"],
)
def test_check_config_names_all_that_could_not_be_used(
    tmp_path: Path, port: int, command: list[str]
) -> None:
    flags = [
        "--users",
        f"tcp:{port}",
        "--messages",
        f"haproxy:tcp:{port}",
        "--way",
        "unix:nowhere/way",
    ]
    files = [
        "--store",
        "sqlite:nowhere/x.db",
        "--log-file",
        str(tmp_path),
        "--admin-password-file",
        "none",
    ]
    status, said = run(tmp_path, *command, *OFF, *flags, *files, "--check-config")
    assert status == 2
    assert said == [
        f"sockcrud: users cannot listen: 127.0.0.1:{port}: Address already in use",
        f"sockcrud: messages cannot listen: 127.0.0.1:{port}: Address already in use",
        "sockcrud: way cannot listen: nowhere/way: No such file or directory",
        f"sockcrud: the store: there is no directory {tmp_path}/nowhere",
        f"sockcrud: the log: {tmp_path} is a directory",
        "sockcrud: the admin's password: none: No such file or directory",
    ]
    assert run(
        tmp_path, *command, *OFF, "--users", "tcp:0", "--store", "sqlite:new.db", "--check-config"
    ) == (0, [])
    assert not list(tmp_path.iterdir())


def test_a_unix_socket_is_its_owners_alone_unless_its_description_has_a_mode(
    tmp_path: Path,
) -> None:
    flags = ("--users", "unix:own", "--way", "unix:group:mode=660")
    with Daemon(tmp_path, *flags):
        modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("own", "group")]
    assert modes == [0o600, 0o660]
