"""What stands in deploy/, the Dockerfile and compose.yaml: that it fits the daemon, and that the
tools it is for take it.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from twisted.trial.unittest import SynchronousTestCase

from sockcrud import config, loading
from tests import ROOT
from tests.support.running import DIALECTS, Daemon

DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "systemd" / "sockcrud.service"
HAND_OVER = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ |= {'LISTEN_FDS': '1', "
    "'LISTEN_FDNAMES': 'x', "
    "'LISTEN_PID': str(os.getpid())};"
    "os.execv(sys.argv[2], sys.argv[2:])"
)
"""What systemd does with a socket of a unit: it is the descriptor 3 of the process that it names.
"""

_METRIC = re.compile(r"\b(?:sockcrud|process)_[a-z_]+")


class FileTests(SynchronousTestCase):
    def test_the_settings_of_the_image_open_every_port_that_it_exposes(self) -> None:
        loaded = config.load({}, {}, str(DEPLOY / "container" / "tap.cfg"))
        (exposed,) = re.findall(r"^EXPOSE (.*)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
        where = [loaded.settings.of(dialect.setting) for dialect in loaded.apps.dialects]
        self.assertEqual({f"tcp:{port}:interface=0.0.0.0" for port in exposed.split()}, set(where))
        defaults = config.defaults(loaded.apps)
        self.assertEqual(
            [defaults.of(name) for name in DIALECTS],
            [text.partition(":interface")[0] for text in where],
        )

    def test_what_the_dockerfile_copies_is_there_and_not_ignored(self) -> None:
        taken = (ROOT / ".dockerignore").read_text().splitlines()
        for line in re.findall(
            r"^COPY (?!--)(.*) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE
        ):
            for name in line.split():
                self.assertTrue((ROOT / name).exists(), name)
                self.assertTrue(
                    any(f"!{parent}" in taken for parent in (name, str(Path(name).parent))), name
                )

    def test_the_nodes_of_compose_are_where_haproxy_looks_for_them(self) -> None:
        nodes = set(re.findall(r"ipv4_address: ([0-9.]+)", (ROOT / "compose.yaml").read_text()))
        self.assertEqual(
            nodes,
            set(
                re.findall(
                    r"server \w+ ([0-9.]+):", (ROOT / "docs/scaling/haproxy.cfg").read_text()
                )
            ),
        )

    def test_the_settings_that_compose_sets_exist(self) -> None:
        names = set(re.findall(r"SOCKCRUD_([A-Z_]+)", (ROOT / "compose.yaml").read_text()))
        known = {setting.name.upper() for setting in config.declared(loading.apps())}
        self.assertEqual(names - known, set())


def test_every_metric_of_alerts_and_dashboard_is_one_that_the_daemon_has(tmp_path: Path) -> None:
    dashboard = (DEPLOY / "monitoring" / "grafana-dashboard.json").read_text()
    json.loads(dashboard)
    used = set(_METRIC.findall(dashboard + (DEPLOY / "monitoring" / "alerts.yml").read_text()))
    with Daemon(tmp_path, "--store", f"sqlite:{tmp_path / 'x.db'}") as daemon:
        daemon.ask(
            "users",
            '{"id_operation":"create_user","payload":{"name":"Ana","email":"a@example.org","age":3}}',
        )
        text = daemon.ask("admin", "GET /metrics HTTP/1.0\r\n\r\n")
    there = set(_METRIC.findall(text))
    families = {
        name for name in used if "login_failures" not in name
    }  # of which there are none yet
    assert families
    assert families <= there
    assert "sockcrud_login_failures" in text


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="needs promtool, of the package prometheus"
)
def test_prometheus_takes_the_alerts_and_they_go_off_when_they_should() -> None:
    for words in (
        ("check", "rules", DEPLOY / "monitoring" / "alerts.yml"),
        ("test", "rules", "alerts.test.yml"),
    ):
        done = subprocess.run(
            ["promtool", *map(str, words)],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_the_unit_leaves_little_exposed() -> None:
    command = [
        "systemd-analyze",
        "security",
        "--offline=true",
        "--threshold=20",
        "--no-pager",
        str(UNIT),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if "Unknown option" in done.stderr or "unrecognized option" in done.stderr:
        pytest.skip("systemd is older than 250")
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr


@pytest.mark.skipif(shutil.which("logrotate") is None, reason="needs logrotate")
def test_logrotate_takes_the_rule(tmp_path: Path) -> None:
    rule = tmp_path / "rule"
    rule.write_text(
        (DEPLOY / "sockcrud.logrotate").read_text().replace("/var/log/sockcrud", str(tmp_path))
    )
    rule.chmod(0o644)
    (tmp_path / "daemon.log").write_text("a line\n")
    command = ["logrotate", "--debug", "--force", "--state", str(tmp_path / "state"), str(rule)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert "error" not in done.stderr
    assert f"rotating log {tmp_path}/daemon.log" in done.stderr


def test_a_socket_that_systemd_has_opened_is_served(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        number = listening.fileno()
        under = [sys.executable, "-c", HAND_OVER, str(number)]
        daemon = Daemon(
            tmp_path, "--users", "systemd:domain=INET:index=0", under=under, passing=(number,)
        )
        with daemon:
            assert daemon.ports["users"] == listening.getsockname()[1]
            assert daemon.ask("users", '{"id_operation":"get_users"}').startswith("{")
            assert daemon.stop() == 0


def test_without_systemd_its_sockets_are_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="users: systemd has passed no such socket"):
        Daemon(tmp_path, "--users", "systemd:domain=INET:index=0")
