"""A disk that fails: nothing is acknowledged any more, and the daemon ends by itself. strace makes the system calls fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash import flags, on_disk
from tests.crash_load import Json
from tests.kill_points import injected, run, traced, why_not
from tests.running import Daemon

REASON = why_not()
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON)

SYNC_FAILS, DISK_IS_FULL = ("fdatasync,fsync", "error=EIO"), ("pwrite64", "error=ENOSPC")
LINE = "can no longer be written to"


def create_until_it_ends(daemon: Daemon, most: int) -> list[str]:
    """Create users one after the other, each in a commit of its own. Give the names of those acknowledged."""
    acknowledged: list[str] = []
    port, reader = Json(daemon, "users"), Json(daemon, "users")
    for number in range(most + 1):
        name = f"user {number}"
        try:
            port.send({"id_operation": "create_user", "payload": {"name": name, "email": "a@b.cd", "age": 1}})
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


@pytest.mark.parametrize("twistd", [False, True], ids=["serve", "twistd"])
@pytest.mark.parametrize(
    ("failing", "when"),
    [(SYNC_FAILS, 1), (SYNC_FAILS, 3), (SYNC_FAILS, 12), (DISK_IS_FULL, 17), (DISK_IS_FULL, 60)],
    ids=["EIO at sync 1", "EIO at sync 3", "EIO at sync 12", "ENOSPC at write 17", "ENOSPC at write 60"],
)
def test_after_a_failure_nothing_is_acknowledged_and_the_process_ends_with_one_line(
    tmp_path: Path, failing: tuple[str, str], when: int, twistd: bool
) -> None:
    with Daemon(tmp_path, *flags(tmp_path)) as first:
        assert first.stop() == 0
    with traced(*injected(*failing, when)):
        daemon = Daemon(tmp_path, *flags(tmp_path), twistd=twistd)
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
    with Daemon(tmp_path, *flags(tmp_path)) as again:
        users = Json(again, "users")
        users.send({"id_operation": "get_users"})
        names = [user["name"] for user in users.hear()["payload"]]
    assert names[: len(acknowledged)] == acknowledged
    assert len(names) <= len(acknowledged) + 1
    assert len(on_disk(tmp_path)) == len(names)


def test_a_full_disk_at_the_start_is_told_in_one_line(tmp_path: Path) -> None:
    with Daemon(tmp_path, *flags(tmp_path)) as first:
        assert first.stop() == 0
    refused = pytest.raises(AssertionError, match=r"did not start: .* cannot be used as a store")
    with traced(*injected(*DISK_IS_FULL, 1)), refused:
        Daemon(tmp_path, *flags(tmp_path))
    assert "Traceback" not in (tmp_path / "daemon.log").read_text()
    with Daemon(tmp_path, *flags(tmp_path)) as again:
        assert again.ask("users", '{"id_operation": "get_users"}') == '{"payload":[],"code":200}\n'
        assert again.stop() == 0


def test_a_kill_at_each_of_the_first_five_syncs_loses_nothing_that_was_told(tmp_path: Path) -> None:
    book, points = run(5, 1, tmp_path)
    assert points.kills >= 14
    assert book.acknowledged > 0
