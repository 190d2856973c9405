"""The commands for people and who looks after them, against a real daemon: way, members, and the
admin port.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sockcrud.cli.dialects import variable
from tests.cli.commands_kit import Line, served
from tests.support.running import Daemon


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with served(tmp_path_factory) as daemon:
        yield daemon


@pytest.fixture
def line(daemon: Daemon, tmp_path: Path) -> Line:
    return Line(tmp_path, daemon.ports)


def with_password(*words: str, line: Line) -> tuple[str, ...]:
    return (*words, "--password-file", line.new)


def add(line: Line, login: str) -> str:
    """Make an account over the admin port, and return its id."""
    line.log_in("admin")
    return str(line.does(*with_password("accounts", "add", login, line=line))["id"])


def test_an_account_of_the_company_is_made_changed_and_made_inactive(line: Line) -> None:
    line.log_in("way")
    assert line.does(*with_password("way", "create", "--name", "rita", line=line)) == {
        "login": "rita",
        "created": True,
    }
    rita = next(account for account in line.does("way", "list") if account["user_name"] == "rita")
    id = str(rita["id"])
    assert (
        line.does("way", "show", id)
        == rita
        == {"id": rita["id"], "user_name": "rita", "active": True}
    )
    assert line.does("way", "update", id, "--name", "rita.maria") == {
        "id": rita["id"],
        "changed": True,
    }
    assert line.does("way", "show", id) == {**rita, "user_name": "rita.maria"}  # active as before
    assert line.does("way", "deactivate", id) == {"id": rita["id"], "active": False}
    assert line.does("way", "update", id, "--name", "rita") == {"id": rita["id"], "changed": True}
    assert line.does("way", "show", id)["active"] is False  # inactive as before
    assert line.does("way", "update", id, "--active")["changed"]
    assert line.does("way", "show", id)["active"] is True
    made = line.does(*with_password("way", "create", "--name", "rui", "--inactive", line=line))
    assert made["created"]
    assert [
        account["active"] for account in line.does("way", "list") if account["user_name"] == "rui"
    ] == [False]


def test_way_says_in_its_own_words_what_it_refuses(line: Line) -> None:
    line.log_in("way")
    assert line.refused(1, "way", "show", "9999") == "Error: Usuário não encontrado (ERROR)"
    taken = line.refused(1, *with_password("way", "create", "--name", "admin", line=line))
    assert taken == "Error: Já Existe um usuário cadastrado com este nome. (ERROR)"
    assert (
        line.refused(1, "way", "deactivate", "1")
        == "Error: Não é possível inativar o último administrador ativo (ERROR)"
    )
    assert "name one of --name, --active" in line.refused(2, "way", "update", "1")
    wrong = line.refused(1, *with_password("way", "login", "--login", "admin", line=line))
    assert wrong == "Error: Usuário ou senha estão inválidos (ERROR)"


def test_who_is_no_admin_changes_only_their_own_password(line: Line) -> None:
    add(line, "tom")
    line.log_in("way", "tom", line.new)
    assert line.refused(1, *with_password("way", "create", "--name", "x1", line=line)).endswith(
        "permissão (ERROR)"
    )
    changed = line.does("way", "password", "--password-file", line.old)
    assert changed["changed"]
    assert (
        line.does("way", "show", str(changed["id"]))["user_name"] == "tom"
    )  # the session lives on
    line.log_in("way", "TOM", line.old)
    assert line.does(*with_password("way", "password", str(changed["id"]), line=line)) == changed
    assert line.does("way", "logout") == {"dialect": "way", "login": "TOM", "logged_out": True}
    assert line.refused(1, "way", "list").startswith("Error: log in first: sockcrud way login")


def test_a_raw_request_has_the_session_in_its_url_and_shows_it_nowhere(
    line: Line, daemon: Daemon
) -> None:
    line.log_in("way")
    url = f"http://127.0.0.1:{daemon.ports['way']}/api/usuario"
    assert (
        '"UserName":"admin"'
        in line.run("fetch", "GET", f"{url}/{{session}}?id=1", "--token-of", "way").stdout
    )
    assert (
        '"IDSessao":"{session}"'
        in line.run("fetch", "DELETE", f"{url}/{{session}}?id=1", "--token-of", "way").stdout
    )
    assert "expected {session}" in line.refused(2, "fetch", "GET", f"{url}/x", "--token-of", "way")


def test_a_member_signs_up_logs_in_and_sees_themselves(line: Line) -> None:
    made = line.does(*with_password("members", "signup", "--login", "bia@example.org", line=line))
    assert made == {"id": made["id"], "login": "bia@example.org", "created": True}
    assert line.refused(
        1, *with_password("members", "signup", "--login", "bia@example.org", line=line)
    ).endswith("(409)")
    assert line.refused(
        1, "members", "login", "--login", "bia@example.org", "--password-file", line.old
    ).endswith("(401)")
    assert line.refused(1, "members", "list").startswith(
        "Error: log in first: sockcrud members login"
    )
    login = line.does(*with_password("members", "login", "--login", "bia@example.org", line=line))
    assert (login["dialect"], login["role"]) == ("members", "user")
    own = {
        "id": made["id"],
        "email": "bia@example.org",
        "role": 2,
        "role_name": "user",
        "active": True,
    }
    assert line.does("members", "list") == [own]
    assert line.does("members", "logout") == {
        "dialect": "members",
        "login": "bia@example.org",
        "forgotten": True,
    }
    assert line.refused(1, "members", "logout").startswith("Error: log in first")
    line.log_in("members")
    assert own in line.does("members", "list")
    state = line.does("members", "status")
    assert (state["status"], state["uptime"] >= 0, state["active_connections"] >= 1) == (
        "running",
        True,
        True,
    )


def test_an_account_is_added_changed_and_deactivated(line: Line) -> None:
    line.log_in("admin")
    company = str(line.does("companies", "add", "Casa")["id"])
    made = line.does(
        *with_password(
            "accounts", "add", "zeca", "--role", "admin", "--company", company, line=line
        )
    )
    assert {**made, "id": 0, "rev": 0} == {
        "id": 0,
        "rev": 0,
        "login": "zeca",
        "role": "admin",
        "company_id": int(company),
        "active": True,
    }
    id = str(made["id"])
    assert line.does("accounts", "show", id) == made
    assert made in line.does("accounts", "list")
    assert line.does("accounts", "list", "--limit", "1")[0]["login"] == "admin"
    assert line.does("accounts", "list", "--after", id) == []
    changed = line.does(
        "accounts", "change", id, "--role", "user", "--login", "zeca2", "--company", "1"
    )
    assert (changed["role"], changed["login"], changed["company_id"]) == ("user", "zeca2", 1)
    assert line.refused(
        1, "accounts", "change", id, "--role", "admin", "--rev", str(made["rev"])
    ).endswith("(412)")
    assert line.does("accounts", "change", id, "--password-file", line.old)["login"] == "zeca2"
    line.log_in("way", "zeca2", line.old)
    assert line.does("accounts", "deactivate", id)["active"] is False
    assert line.refused(1, "way", "list").startswith("Error: log in first")
    assert line.does("accounts", "change", id, "--active")["active"] is True


def test_an_account_that_cannot_be_is_refused(line: Line) -> None:
    line.log_in("admin")
    assert line.refused(1, *with_password("accounts", "add", "admin", line=line)).endswith("(409)")
    assert "login: expected" in line.refused(1, *with_password("accounts", "add", "a b", line=line))
    assert line.refused(1, "accounts", "deactivate", "1").endswith("(409)")
    assert line.refused(1, "accounts", "show", "9999").endswith("(404)")
    assert line.refused(1, "accounts", "change", "9999", "--active").endswith("(404)")
    assert "name one of --login, --password, --role" in line.refused(2, "accounts", "change", "1")
    assert "name a --password-file" in line.refused(2, "accounts", "add", "x1")
    assert "name a --password-file" in line.refused(2, "accounts", "change", "1", "--password")
    result = line.run("accounts", "add", "x1", "--role", "boss")
    assert (result.exit_code, "'boss' is not one of" in result.stderr) == (2, True)


def test_a_company_is_added_renamed_and_deactivated(line: Line) -> None:
    line.log_in("admin")
    made = line.does("companies", "add", "Loja", "--inactive")
    assert (made["name"], made["active"]) == ("Loja", False)
    id = str(made["id"])
    assert line.does("companies", "change", id, "--name", "Loja Ü", "--active")["name"] == "Loja Ü"
    assert line.does("companies", "show", id)["active"] is True
    assert line.does("companies", "deactivate", id)["active"] is False
    assert int(id) in [company["id"] for company in line.does("companies", "list")]
    assert line.refused(1, "companies", "add", "LOJA Ü").endswith("(409)")
    assert line.refused(1, "companies", "deactivate", "1").endswith("(409)")
    assert line.refused(1, "companies", "show", "9999").endswith("(404)")
    assert line.refused(
        1, "companies", "change", id, "--active", "--rev", str(made["rev"])
    ).endswith("(412)")
    assert "NAME: expected a text of 1 to 200 characters" in line.refused(2, "companies", "add", "")
    assert "name one of --name, --active" in line.refused(2, "companies", "change", id)


def test_sessions_are_listed_and_ended(line: Line) -> None:
    id = add(line, "noa")
    line.log_in("way", "noa", line.new)
    line.log_in("members", "noa", line.new)
    own = line.does("sessions", "list", "--account", id)
    assert {session["dialect"] for session in own} == {"way", "members"}
    assert {session["id"] for session in own} < {
        session["id"] for session in line.does("sessions", "list")
    }
    by_way = next(session["id"] for session in own if session["dialect"] == "way")
    assert line.does("sessions", "end", str(by_way)) == {"id": by_way, "ended": 1}
    assert line.refused(1, "way", "list").startswith("Error: log in first")
    assert line.does("sessions", "end", "--account", id) == {"account_id": int(id), "ended": 1}
    assert line.refused(1, "members", "list").startswith("Error: log in first")
    assert line.refused(1, "sessions", "end", str(by_way)).endswith("(404)")
    assert "name one of ID and --account" in line.refused(2, "sessions", "end")
    assert "name one of ID and --account" in line.refused(
        2, "sessions", "end", "1", "--account", "1"
    )


def test_changes_are_listed_after_a_revision(line: Line) -> None:
    id = add(line, "ravi")
    rev = line.does("accounts", "show", id)["rev"]
    line.does("messages", "add", "new", "--id", "500")
    line.does("messages", "delete", "500")
    added, deleted = [
        change
        for change in line.does("changes", "--since", str(rev))
        if change["kind"] == "Message"
    ]
    assert (added["record"]["data"], added["id"], deleted["record"]) == ("new", 500, None)
    assert len(line.does("changes", "--limit", "2")) == 2
    assert line.does("changes", "--since", str(deleted["rev"])) == []
    assert "--since: expected a whole number from 0, got '-1'" in line.refused(
        2, "changes", "--since", "-1"
    )


def test_the_status_names_every_dialect_and_needs_no_login(line: Line) -> None:
    health = line.does("status")
    assert (health["good"], health["store_reachable"], len(health["listening"])) == (True, True, 10)
    assert all(health["listening"].values())


def test_who_is_no_admin_is_not_let_in(line: Line) -> None:
    admins = (["accounts", "list"], ["companies", "list"], ["sessions", "list"], ["changes"])
    add(line, "ugo")
    line.log_in("admin", "ugo", line.new)
    for words in admins:
        assert line.refused(1, *words).endswith("(403)")
    assert line.does("admin", "logout") == {"dialect": "admin", "login": "ugo", "logged_out": True}
    for words in (*admins, ["admin", "logout"]):
        assert line.refused(1, *words).startswith("Error: log in first: sockcrud admin login")


def test_the_password_of_accounts_that_lost_it_is_changed_in_the_file(line: Line) -> None:
    del line.settings[variable("admin")]
    said = line.refused(
        1,
        "accounts",
        "passwd",
        "admin",
        "--password-file",
        line.new,
        "--store",
        "sqlite:nowhere.db",
    )
    assert "there is no store nowhere.db" in said
