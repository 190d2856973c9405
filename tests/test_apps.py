"""Apps: what they declare shows everywhere, and what cannot be used is told in a line."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pytest
from click.testing import CliRunner
from twisted.trial.unittest import SynchronousTestCase

import sockcrud
from sockcrud import config, loading
from sockcrud.app import App, AppError, Apps, Dialect
from sockcrud.cli.dialects import default_place, opens_others, owner
from sockcrud.cli.main import main
from tests.cli.commands_kit import PROGRAM
from tests.support import forked
from tests.support.running import Daemon, environment

ECHO: Final = """\
from twisted.internet.protocol import Factory
from twisted.protocols.basic import LineReceiver

from sockcrud.app import App, Command, Dialect


class Echo(LineReceiver):
    def lineReceived(self, line):
        self.sendLine(line[::-1])


class EchoFactory(Factory):
    protocol = Echo

    def __init__(self, serving):
        self.store = serving.store


app = App(
    "echo",
    dialects=[
        Dialect(
            "echo-lines",
            "tcp:7999",
            "where echoes listen",
            EchoFactory,
            trial="nc HOST PORT",
            idle="60",
        )
    ],
    commands=[
        Command("echo", "sockcrud.cli.completion:completion", "Echoes, from the command line.")
    ],
)
"""
_DIALECTS: Final = [f"--{dialect.name}=tcp:0" for dialect in loading.apps().dialects]
_ROOT: Final = Path(sockcrud.__file__).parent


def _app(*lines: str) -> str:
    return "\n".join(("from sockcrud.app import App, Command, Dialect", *lines))


def _with_dialect(*arguments: str) -> str:
    return _app(f"app = App('mine', dialects=[Dialect({', '.join(arguments)})])")


WRONG: Final = {
    "no Python": ("x = = 1\n", r"mine\.py:1: .*SyntaxError: invalid syntax"),
    "cut off": ("x = (\n", r"mine\.py:1: .*SyntaxError: '\(' was never closed"),
    "an import": (
        "\nimport nowhere_to_be_found\n",
        r"mine\.py:2: .*No module named 'nowhere_to_be_found'",
    ),
    "a crash": (
        "def f():\n    1 / 0\n\nf()\n",
        r"mine\.py:2: .*ZeroDivisionError: division by zero",
    ),
    "an exit": ("raise SystemExit(3)\n", r"mine\.py:1: .*SystemExit: 3"),
    "no app": ("x = 1\n", r"mine\.py: there is no app in it: expected app = App\(\.\.\.\)"),
    "another app": ("app = 1\n", r"mine\.py: app is 'int': expected app = App\(\.\.\.\)"),
    "a name": (
        _app("", "app = App('My App')"),
        r"mine\.py:3: the name 'My App' of an app: expected small letters",
    ),
    "an unknown part": (
        _app("app = App('mine', dialect=[])"),
        r"mine\.py:2: .*unexpected keyword argument 'dialect'",
    ),
    "the name of an app": (
        _app("app = App('users')"),
        r"mine\.py:2: the app 'users' is taken by .*users.*: expected another",
    ),
    "the name of a dialect": (
        _with_dialect("'way'", "'tcp:1'", "''", "print"),
        r"mine\.py:2: the dialect 'way' is taken by .*: expected another name",
    ),
    "a dialect's name": (
        _with_dialect("'My_lines'", "'tcp:1'", "''", "print"),
        r"mine\.py:2: the name 'My_lines' of a dialect",
    ),
    "the name of a setting": (
        _with_dialect("'store'", "'tcp:1'", "''", "print"),
        r"mine\.py:2: the setting 'store' is taken: expected another name",
    ),
    "the name of an idle time": (
        _with_dialect("'users-idle'", "'tcp:1'", "''", "print"),
        r"mine\.py:2: the setting 'users_idle' is taken: expected another name",
    ),
    "a variable of others": (
        _with_dialect("'users-at'", "'tcp:1'", "''", "print"),
        r"mine\.py:2: the setting 'users_at' is taken",
    ),
    "the name of a kind": (
        _app("class User: pass", "app = App('mine', records=[User])"),
        r"mine\.py:3: the kind of record 'User' is taken by .*: expected another name",
    ),
    "a kind of the core": (
        _app("app = App('mine', records=['x:Account'])"),
        r"mine\.py:2: the kind of record 'Account' is taken by sockcrud:",
    ),
    "a record that cannot be": (
        _app(
            "from sockcrud.records import Record, text",
            "class Book(Record):",
            "    title: str = text(9, 1)",
            "app = App('mine')",
        ),
        r"mine\.py:[34]: it cannot be loaded: DeclarationError: ",
    ),
    "a record of what is not in use": (
        _app(
            "from sockcrud.records import Record, reference, text",
            "class Author(Record):",
            "    name: str = text(1, 9)",
            "class Book(Record):",
            "    author_id: int = reference(Author)",
            "app = App('mine', records=[Book])",
        ),
        r"mine\.py:7: Book\.author_id: it refers to Author, which is not in use: name Author as "
        r"well",
    ),
    "a port": (
        _with_dialect("'mine'", "'tcp:5000'", "''", "print"),
        r"mine\.py:2: the port 5000 of mine is that of messages: expected another, as with "
        r"--mine tcp:PORT, or --mine off",
    ),
    "no endpoint": (
        _with_dialect("'mine'", "'carrier-pigeon'", "''", "print"),
        r"mine\.py:2: 'carrier-pigeon' is no endpoint",
    ),
    "no factory": (
        _with_dialect("'mine'", "'tcp:0'", "''", "lambda serving: 1"),
        r"mine\.py:2: the dialect 'mine' makes 'int': expected a protocol factory of Twisted",
    ),
    "a factory that crashes": (
        _app(
            "def make(serving):",
            "    return 1 / 0",
            "app = App('mine', dialects=[Dialect('mine', 'tcp:0', '', make)])",
        ),
        r"mine\.py:3: the dialect 'mine' cannot be made: ZeroDivisionError",
    ),
    "a factory that is not there": (
        _with_dialect("'mine'", "'tcp:0'", "''", "'sockcrud.nowhere:Factory'"),
        r"mine\.py:2: the dialect 'mine' cannot be made: ModuleNotFoundError",
    ),
}
"""What a file holds, and what is said of it."""


@pytest.mark.parametrize(("text", "said"), WRONG.values(), ids=WRONG)
def test_an_app_that_cannot_be_used_is_one_line_and_status_1(
    text: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text(text)
    words = ["serve", *_OTHERS_ON_NO_FIXED_PORT.get(said, _DIALECTS), "--app", "mine.py"]
    ran = forked.run(words, environment(), 60, tmp_path)
    assert (ran.returncode, ran.stdout) == (1, "")
    [line] = ran.stderr.splitlines()
    assert re.fullmatch(f"sockcrud: {said}.*", line), line


_OTHERS_ON_NO_FIXED_PORT: Final = {WRONG["a port"][1]: ["--users=off"]}
"""The one test where the default of another matters: it fails before anything listens."""


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    for words in (
        ["--app", "nowhere.py", "--help"],
        ["serve", "--app", "nowhere.py"],
        ["serve", "--app=nowhere.py", "--help"],
    ):
        result = CliRunner().invoke(main, words)
        assert result.exit_code == 1, words
        assert (
            result.output
            == "sockcrud: nowhere.py: there is no such file: expected one of Python with app = "
            "App(...) in it\n"
        )


def test_an_app_is_forgotten_when_its_command_is_over(echo: Path) -> None:
    for words in (
        ["--app", str(echo), "--help"],
        ["--app", "nowhere.py", "--help"],
        ["--app", str(echo), "serve", "--help"],
    ):
        CliRunner().invoke(main, words)
        assert "SOCKCRUD_APP" not in os.environ


def test_a_crowded_name_of_a_command_is_one_line(tmp_path: Path) -> None:
    for name in ("serve", "export", "fetch", "users"):
        file = tmp_path / f"{name}.py"
        file.write_text(_app(f"app = App('mine', commands=[Command({name!r}, 'x:y', '')])"))
        result = CliRunner().invoke(main, ["--app", str(file), "--help"])
        assert (result.exit_code, f"the command {name!r} is taken" in result.output) == (1, True), (
            result.output
        )


@pytest.fixture
def echo(tmp_path: Path) -> Path:
    file = tmp_path / "echo.py"
    file.write_text(ECHO)
    return file


def answer(daemon: Daemon) -> bytes:
    with daemon.connect("echo-lines") as connection:
        connection.sendall(b"abc\r\n")
        return connection.recv(100)


@pytest.mark.parametrize("twistd", [False, True], ids=["serve", "twistd"])
def test_an_app_of_ones_own_is_served_beside_the_others(
    echo: Path, tmp_path: Path, twistd: bool
) -> None:
    with Daemon(tmp_path, "--app", str(echo), "--echo-lines", "tcp:0", twistd=twistd) as daemon:
        while "echo-lines" not in daemon.ports:
            daemon.hear()
        assert answer(daemon) == b"cba\r\n"
        assert f"try: nc 127.0.0.1 {daemon.ports['echo-lines']}" in daemon.banner[-1]
        assert '"echo-lines":{"listening":true}' in daemon.ask(
            "admin", "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
        )
        assert 'sockcrud_open_connections{dialect="echo-lines"}' in daemon.ask(
            "admin", "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
        )
        assert daemon.stop() == 0


def test_an_app_may_be_named_in_the_file_or_in_the_environment(echo: Path, tmp_path: Path) -> None:
    by_file = tmp_path / "tap.cfg"
    by_file.write_text(f"[sockcrud]\napp = '{echo}'\necho_lines = tcp:7\n[echo_lines]\nidle = 5\n")
    loaded = config.load({}, {}, str(by_file))
    assert (loaded.settings.of("echo_lines"), loaded.settings.of("echo_lines_idle")) == ("tcp:7", 5)
    loaded = config.load(
        {}, {"SOCKCRUD_APP": f"'{echo}'", "SOCKCRUD_ECHO_LINES": "off"}, str(by_file)
    )
    assert loaded.settings.of("echo_lines") == "off"
    assert [app.name for app in loaded.apps][-1] == "echo"
    assert "[echo_lines]\n# " in config.format_settings(loaded)


def test_the_records_of_an_app_are_stored_exported_and_imported(tmp_path: Path) -> None:
    (tmp_path / "library.py").write_text(
        _app(
            "from sockcrud.records import Record, text",
            "class Book(Record):",
            "    title: str = text(1, 200)",
            "app = App('library', records=[Book])",
        )
    )
    (tmp_path / "tap.cfg").write_text("[sockcrud]\napp = library.py\nstore = sqlite:books.db\n")
    (tmp_path / "books.jsonl").write_text('{"kind": "Book", "id": 7, "title": "Ulysses"}\n')

    def run(*words: str) -> str:
        ran = subprocess.run(
            [*PROGRAM, *words],
            cwd=tmp_path,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    run("import", "books.jsonl")
    assert '"title":"Ulysses"' in run("export", "-")


def test_help_knows_the_flags_of_an_app(echo: Path) -> None:
    for words in (["serve", "--app", str(echo), "--help"], ["--app", str(echo), "serve", "--help"]):
        shown = CliRunner().invoke(main, words).output
        assert re.search(r"--echo-lines TEXT +where echoes listen +\[default: tcp:7999\]", shown)
    twistd = [str(Path(sys.executable).parent / "twistd"), "sockcrud", "--app", str(echo), "--help"]
    shown = subprocess.run(
        twistd, env=environment(), capture_output=True, text=True, timeout=60
    ).stdout
    assert "--echo-lines-idle=" in shown


def test_the_command_line_has_the_commands_of_an_app(echo: Path) -> None:
    shown = CliRunner().invoke(main, ["--app", str(echo), "--help"]).output
    assert "Echoes, from the command line." in shown
    assert CliRunner().invoke(main, ["--app", str(echo), "echo", "bash"]).exit_code == 0
    assert "Echoes" not in CliRunner().invoke(main, ["--help"]).output, "it is not forgotten"


def test_an_app_may_be_a_folder(tmp_path: Path) -> None:
    folder = tmp_path / "two"
    folder.mkdir()
    (folder / "__init__.py").write_text(_app("from .names import NAME", "app = App(NAME)"))
    (folder / "names.py").write_text("NAME = 'two'\n")
    assert loading.in_file(str(folder)).name == "two"


def test_an_installed_package_brings_apps_as_plugins_of_twisted(echo: Path, tmp_path: Path) -> None:
    plugins = tmp_path / "site" / "twisted" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "sockcrud_app_echo.py").write_text(ECHO)
    (plugins / "other.py").write_text("raise SystemExit('nobody asked for this')\n")
    shown = subprocess.run(
        [sys.executable, "-m", "sockcrud", "--help"],
        env=environment(PYTHONPATH=str(tmp_path / "site")),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (shown.returncode, shown.stderr, "Echoes, from" in shown.stdout) == (0, "", True)


def test_serve_says_nothing_but_its_banner(tmp_path: Path) -> None:
    with Daemon(tmp_path) as daemon:
        assert daemon.log.read_text() == ""
        daemon.process.send_signal(signal.SIGTERM)
        daemon.process.wait(20)
        assert len(daemon.log.read_text().splitlines()) == 2, "it stops, and has stopped"


def test_whose_login_opens_a_dialect_is_as_the_apps_declare_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "alone.py"
    file.write_text(
        "from sockcrud import App, Dialect\n"
        "def make(serving): ...\n"
        "app = App('alone', dialects=[\n"
        "    Dialect('door', 'tcp:7500', 'a door', make, login='door'),\n"
        "    Dialect('room', 'tcp:7501', 'a room behind it', make, login='door', "
        "together='door'),\n"
        "    Dialect('other', 'tcp:7502', 'of an app that is not in use', make, "
        "login='somewhere'),\n"
        "])\n"
    )
    monkeypatch.setenv(loading.VARIABLE, str(file))
    owners = {name: owner(name) for name in ("room", "other", "clients", "shop", "way", "users")}
    assert owners == {
        "room": "door",
        "other": "other",
        "clients": "shop",
        "shop": "shop",
        "way": "way",
        "users": "users",
    }
    assert (default_place("room"), default_place("clients")) == ("127.0.0.1:7500", "127.0.0.1:5080")
    assert (opens_others("door"), opens_others("shop"), opens_others("way")) == (True, True, False)


class DeclarationTests(SynchronousTestCase):
    def test_ports_of_which_one_is_moved_do_not_clash(self) -> None:
        directory = TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        file = Path(directory.name, "mine.py")
        file.write_text(_with_dialect("'mine'", "'tcp:5000'", "''", "print"))
        from sockcrud.tap import load

        load({"app": str(file), "messages": "off"}, "/dev/null")
        load({"app": str(file), "mine": "tcp:5999"}, "/dev/null")

    def test_a_part_gets_the_name_of_the_app(self) -> None:
        from sockcrud.app import Contents

        class Part:
            def contents(self, app: str) -> Contents:
                return Contents(dialects=[Dialect(f"{app}-lines", "tcp:1", "", print)])  # type: ignore[arg-type]

        (dialect,) = App("mine", Part()).dialects
        self.assertEqual(
            (dialect.name, dialect.setting, dialect.port), ("mine-lines", "mine_lines", 1)
        )

    def test_apps_are_declared_where_their_author_says_app(self) -> None:
        self.assertEqual(App("mine").place.file, __file__)
        self.assertRaisesRegex(
            AppError, r"test_apps\.py:[0-9]+: the app", Apps, [App("mine"), App("mine")]
        )
