"""The library for Robot Framework, in a suite of somebody's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_SUITE = """
*** Settings ***
Library           sockcrud.testing.robot
Suite Setup       Start Daemon    users
Test Setup        Empty Daemon
Suite Teardown    Stop Daemon

*** Test Cases ***
It Is Asked
    ${place}=    Address Of Dialect    users
    ${users}=    Evaluate    sockcrud.client.sync.Users($place).list()    sockcrud.client.sync
    Should Be Empty    ${users}
    ${log}=    Log Of Daemon
    Should Contain    ${log}    users.list ok

An Account Is Made
    ${id}=    Account On Daemon    ana    a secret of hers
    Should Be Equal As Integers    ${id}    2
    ${password}=    Admin Password
    Should Not Be Empty    ${password}
    ${url}=    Url Of Dialect    admin
    Should Start With    ${url}    http://127.0.0.1:
"""


def test_a_suite_has_a_daemon_that_is_empty_for_each_test(tmp_path: Path) -> None:
    suite = tmp_path / "suite.robot"
    suite.write_text(_SUITE)
    done = subprocess.run(
        [sys.executable, "-m", "robot", "--output", "NONE", "--report", "NONE", str(suite)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "2 tests, 2 passed, 0 failed" in done.stdout, done.stdout + done.stderr
