"""A disk that fails: nothing is acknowledged any more, and the daemon ends by itself. strace makes
the system calls fail.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.proofs.durability.crash import flags, on_disk
from tests.proofs.durability.crash_load import Json
from tests.proofs.durability.kill_points import injected, run, traced, why_not
from tests.support.running import Daemon

REASON = why_not()
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON)

SYNC_FAILS, DISK_IS_FULL = ("fdatasync,fsync", "error=EIO"), ("pwrite64", "error=ENOSPC")
LINE = "can no longer be written to"


def create_until_it_ends(daemon: Daemon, most: int) -> list[str]:
    """Create users one after the other, each in a commit of its own. Give the names of those
    acknowledged.
    """
    acknowledged: list[str] = []
    port, reader = Json(daemon, "users"), Json(daemon, "users")
    for number in range(most + 1):
        name = f"user {number}"
        try:
            port.send(
                {
                    "id_operation": "create_user",
                    "payload": {"name": name, "email": "a@b.cd", "age": 1},
                }
            )
            answer = port.hear()
        except OSError:
            break
        if "error" in answer:
            break
        acknowledged.append(name)
    try:
        reader.send({"id_operation": "get_users"})
        assert "error" in reader.hear()
    except OSError:
        pass  # it has ended
    return acknowledged


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a store whose daemon was stopped in order."""
    directory = tmp_path_factory.mktemp("stopped")
    with Daemon(directory, *flags(directory)) as first:
        assert first.stop() == 0
    return directory


@pytest.fixture
def copy(stopped: Path, tmp_path: Path) -> Path:
    """Return a copy of it."""
    return shutil.copytree(stopped, tmp_path / "copy")


@pytest.mark.parametrize(
    ("failing", "when", "twistd"),
    [
        pytest.param(SYNC_FAILS, 1, False, id="EIO at sync 1"),
        pytest.param(SYNC_FAILS, 3, False, id="EIO at sync 3"),
        pytest.param(SYNC_FAILS, 12, False, id="EIO at sync 12"),
        pytest.param(DISK_IS_FULL, 35, False, id="ENOSPC at write 35"),
        pytest.param(DISK_IS_FULL, 60, False, id="ENOSPC at write 60"),
        # Its way to the exit status is another, but the same at each of these points: before it
        # listens, and after.
        pytest.param(SYNC_FAILS, 1, True, id="EIO at sync 1, under twistd"),
        pytest.param(DISK_IS_FULL, 60, True, id="ENOSPC at write 60, under twistd"),
    ],
)
def test_after_a_failure_nothing_is_acknowledged_and_the_process_ends_with_one_line(
    copy: Path, failing: tuple[str, str], when: int, twistd: bool
) -> None:
    with traced(*injected(*failing, when)):
        daemon = Daemon(copy, *flags(copy), twistd=twistd)
    with daemon:
        acknowledged = create_until_it_ends(daemon, when)
        status = daemon.process.wait(30)
        log = daemon.log.read_text() + "\n".join(daemon.banner) + daemon.stdout.read().decode()
    assert status == 1
    assert log.count(LINE) == 1, log
    assert "Traceback" not in log
    assert "Unhandled" not in log
    assert len(acknowledged) < when
    assert bool(acknowledged) == (when > 10)
    with Daemon(copy, *flags(copy)) as again:
        users = Json(again, "users")
        users.send({"id_operation": "get_users"})
        names = [user["name"] for user in users.hear()["payload"]]
    assert names[: len(acknowledged)] == acknowledged
    assert len(names) <= len(acknowledged) + 1
    assert len(on_disk(copy)) == len(names)


def test_a_full_disk_at_the_start_is_told_in_one_line(copy: Path) -> None:
    refused = pytest.raises(AssertionError, match=r"did not start: .* cannot be used as a store")
    with traced(*injected(*DISK_IS_FULL, 1)), refused:
        Daemon(copy, *flags(copy))
    assert "Traceback" not in (copy / "daemon.log").read_text()
    with Daemon(copy, *flags(copy)) as again:
        assert again.ask("users", '{"id_operation": "get_users"}') == '{"payload":[],"code":200}\n'
        assert again.stop() == 0


def test_a_kill_at_each_of_the_first_twelve_syncs_loses_nothing_that_was_told(
    tmp_path: Path,
) -> None:
    book, points = run(12, 1, tmp_path)  # of these, nine come before the first answer
    assert points.kills >= 20
    assert book.acknowledged > 0
