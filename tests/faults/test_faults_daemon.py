# mypy: allow-untyped-calls
"""Faults at the admin port, in the settings, and on real connections."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sockcrud import config
from sockcrud.client.errors import Busy, InvalidRequest, ServerGone
from sockcrud.daemon import StartFailed
from sockcrud.faults.acting import Faults
from sockcrud.setting import ConfigError
from sockcrud.tap import load as load_settings
from sockcrud.testing import DaemonProcess, running
from tests.apps.admin.admin_case import AdminCase


class AdminRouteTests(AdminCase):
    def setUp(self) -> None:
        super().setUp()
        self.faults = Faults(self.clock, {"users": False, "admin": True})
        self.client = self.a_client()

    def test_a_fault_is_added_listed_and_taken_back(self) -> None:
        wanted = {"dialect": "users", "operation": "users.get", "delay": "2s", "times": "3"}
        made = self.asks("POST", "/faults", wanted)
        self.assertEqual(made.status, 201)
        shown = {
            "id": 1,
            "fault": "users users.get --delay 2s --times 3",
            **wanted,
            "hits": 0,
            "left": 3,
        }
        self.assertEqual(made.json, shown)
        self.assertEqual(self.asks("GET", "/faults").json, {"items": [shown]})
        self.assertEqual(self.asks("DELETE", "/faults/1").status, 204)
        self.assertEqual(self.asks("DELETE", "/faults/1").status, 404)
        self.assertEqual(self.asks("DELETE", "/faults").json, {"removed": 0})

    def test_a_wrong_one_is_refused_with_what_would_be_right(self) -> None:
        refused = self.asks("POST", "/faults", {"chance": "10"})
        self.assertEqual((refused.status, refused.json["error"]["field"]), (400, "request"))
        self.assertIn("one of delay, error", refused.json["error"]["message"])

    def test_a_daemon_that_was_not_started_for_it_takes_none(self) -> None:
        self.faults = None
        self.client = self.a_client()
        refused = self.asks("POST", "/faults", {"drop": True})
        self.assertEqual((refused.status, refused.json["error"]["code"]), (409, "faults_refused"))


def test_faults_in_the_settings_need_to_be_allowed(tmp_path: Path) -> None:
    with pytest.raises(StartFailed, match="--error to be one of"):
        load_settings({"faults": "users --error 418"}, None)
    for wrong in ("users users.get later --drop", "users --reorder", "--after --split"):
        with pytest.raises(ConfigError):
            config.load({"faults": wrong}, {}, None)
    assert config.load({"faults": "users users.get --drop; messages --delay 2s"}, {}, None)


@pytest.fixture(scope="module")
def shared() -> Iterator[DaemonProcess]:
    with running("users", "shop", settings={"faults": "users users.delete --error busy"}) as made:
        yield made


@pytest.fixture
def daemon(shared: DaemonProcess) -> DaemonProcess:
    shared.reset()
    return shared


def test_over_tcp_each_does_what_it_says(daemon: DaemonProcess) -> None:
    users, admin = daemon.client("users"), daemon.admin
    users.create("Ana", "ana@example.org", 30)
    with pytest.raises(Exception, match="Internal Server Error"):
        users.delete(1)  # as the settings have it
    admin.add_fault("users", "users.get", split=True)
    assert users.get(1).name == "Ana"
    admin.remove_faults()
    admin.add_fault("users", "users.get", drop=True, times="1")
    assert users.get(1).name == "Ana"  # the client asks once more for what it may
    admin.add_fault("users", "users.create", drop=True, after=True)
    with pytest.raises(ServerGone):
        users.create("Bert", "bert@example.org", 31)
    admin.remove_faults()
    assert [user.name for user in users.list()] == ["Ana", "Bert"]
    admin.add_fault("users", reset=True)
    with socket.create_connection(daemon.address("users"), timeout=20) as connection:
        connection.sendall(b'{"id_operation": "get_users"}\n')
        with pytest.raises(ConnectionResetError):
            connection.recv(1000)
    assert "users.list fault " in daemon.log()


def test_http_meets_them_too_and_by_account(daemon: DaemonProcess) -> None:
    ana, bert, admin = daemon.client("shop", "ana"), daemon.client("shop", "bert"), daemon.admin
    admin.add_fault("clients", "clients.list", error="503", account="ana")
    with pytest.raises(Busy):
        ana.clients()
    assert bert.clients() == []
    with pytest.raises(InvalidRequest, match="expected one of users, messages"):
        admin.add_fault("admin", drop=True)
    admin.remove_faults()
    admin.add_fault("shop", truncate="20")
    with socket.create_connection(daemon.address("shop"), timeout=20) as connection:
        connection.sendall(
            f"GET /clients/fetch HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
            f"{ana.token}\r\n\r\n".encode()
        )
        heard = b""
        while part := connection.recv(1000):
            heard += part
    assert heard == b"HTTP/1.1 200 OK\r\nDat"


def options(command: Any) -> set[str]:
    return {option for each in command.params for option in each.opts}


def test_the_command_has_the_words_of_the_rules() -> None:
    from sockcrud.apps.admin.commands.faults import faults
    from sockcrud.faults.rules import OPTIONS

    assert {f"--{name}" for name in OPTIONS} <= options(faults.commands["add"])
