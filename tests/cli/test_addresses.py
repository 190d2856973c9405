"""Where commands look for a server: one configuration for the daemon and for those who ask it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from sockcrud.cli.dialects import variable
from sockcrud.cli.main import main
from tests import ROOT
from tests.cli.commands_kit import Line, served
from tests.support.running import Daemon


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with served(tmp_path_factory) as daemon:
        yield daemon


@pytest.fixture
def line(daemon: Daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Line:
    """A command line in a directory of its own, which nobody has told where anything is."""
    monkeypatch.chdir(tmp_path)
    made = Line(tmp_path, daemon.ports)
    made.settings = {"XDG_STATE_HOME": made.settings["XDG_STATE_HOME"]}
    return made


def test_the_settings_beside_it_say_where_the_daemon_is(daemon: Daemon, line: Line) -> None:
    Path("tap.cfg").write_text(
        f"[sockcrud]\nmessages = tcp:{daemon.ports['messages']}:interface=0.0.0.0\nway = off\n"
    )
    assert line.does("messages", "show")
    assert line.refused(1, "way", "login", "--login", "a", "--password-file", line.old) == (
        "Error: way is off, says tap.cfg: name --at for another daemon"
    )
    line.settings["SOCKCRUD_MESSAGES"] = "tcp:1"
    assert "127.0.0.1:1" in line.refused(3, "messages", "show")
    line.settings[variable("messages")] = f"127.0.0.1:{daemon.ports['messages']}"
    assert line.does("messages", "show")
    Path("tap.cfg").write_text("[sockcrud]\nmesages = tcp:1\n")
    assert line.does("messages", "show")  # nobody needs the file
    del line.settings[variable("messages")]
    assert "unknown setting 'mesages'" in line.refused(2, "messages", "show")


def test_the_apps_that_they_name_have_their_commands(line: Line) -> None:
    Path("tap.cfg").write_text(f"[sockcrud]\napp = {ROOT / 'examples' / 'library.py'}\n")
    assert "books" in line.run("--help").stdout
    Path("tap.cfg").write_text("app =\n")
    assert "books" not in line.run("--help").stdout


def test_a_daemon_is_found_by_its_admin_port_alone(daemon: Daemon, line: Line) -> None:
    url = f"127.0.0.1:{daemon.ports['admin']}"
    assert line.does("messages", "show", "--url", f"http://{url}")
    line.settings["SOCKCRUD_URL"] = url
    for dialect in ("shop", "way", "members", "admin"):
        line.log_in(dialect)
    assert line.does("products", "list") is not None
    assert line.does("accounts", "list")
    line.settings["SOCKCRUD_URL"] = f"127.0.0.1:{daemon.ports['messages']}"
    assert "SOCKCRUD_URL: " in line.refused(3, "messages", "show")
    assert line.does("messages", "show", "--at", f"127.0.0.1:{daemon.ports['messages']}")


def test_the_login_of_the_admin_serves_all_that_asks_the_admin_port(
    daemon: Daemon, line: Line
) -> None:
    url = f"http://127.0.0.1:{daemon.ports['admin']}"
    assert "password" in line.refused(2, "export", "--url", url)
    line.settings["SOCKCRUD_URL"] = url
    line.log_in("admin")
    first = line.run("export", "--url", url, raw=True)
    assert (first.exit_code, first.stdout.count("\n") > 1) == (0, True)
    assert line.run("export", "--url", url, raw=True).exit_code == 0  # the login lives on
    [file] = line.logins.iterdir()
    kept = file.read_text()
    line.does("admin", "logout")
    file.write_text(kept)
    file.chmod(0o600)
    assert "log in first: sockcrud admin login" in line.refused(1, "export", "--url", url)


@pytest.mark.parametrize(
    "words",
    [
        ("serve", "--config"),
        ("serve", "--admin-password-file"),
        ("serve", "--seed"),
        ("admin", "login", "--password-file"),
        ("monitor", "--junit"),
        ("import",),
        ("users", "list", "--trust"),
    ],
)
def test_the_shell_completes_files_wherever_one_is_named(words: tuple[str, ...]) -> None:
    completing = ShellComplete(main, {}, "sockcrud", "_SOCKCRUD_COMPLETE")
    assert [each.type for each in completing.get_completions(list(words), "pa")] == ["file"]
