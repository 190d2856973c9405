"""Help teaches by example, is quick, and completion knows every command."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner

from sockcrud.cli.lazy import LazyGroup
from sockcrud.cli.main import main
from tests.cli.commands_kit import PROGRAM
from tests.support.running import environment

_EXAMPLE = re.compile(r"(?:^|\$\(|\| )\s*sockcrud( [^|<>#)]*)")
_NEEDLESS = (
    "twisted",
    "rich",
    "sockcrud.client",
    "sockcrud.storage.sqlite.store",
    "sockcrud.monitor.rounds",
)


def commands(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    """Yield the path of each command, the groups too."""
    context = click.Context(group)
    for name in group.list_commands(context):
        yield (*path, name)
        found = group.get_command(context, name)
        if isinstance(found, click.Group):
            yield from commands(found, *path, name)


ALL = list(commands(main))


def parse(
    group: click.Group, words: list[str], parent: click.Context | None = None
) -> tuple[str, ...]:
    """Read a line as the program would, without doing it; give which command it is."""
    with group.make_context(group.name, words, parent) as context:
        left = [*context._protected_args, *context.args]
        name, command, rest = group.resolve_command(context, left)
        assert command is not None
        assert name is not None
        if isinstance(command, click.Group):
            return (name, *parse(command, rest, context))
        command.make_context(name, rest, context)
        return (name,)


@pytest.mark.parametrize("path", [(), *ALL], ids=" ".join)
def test_the_help_of_every_command_has_an_example_that_parses(path: tuple[str, ...]) -> None:
    result = CliRunner(env={"COLUMNS": "200"}).invoke(main, [*path, "--help"])
    assert result.exit_code == 0
    told = result.stdout.partition("\nOptions:")[0]
    examples = [
        found[1]
        for line in told.replace("\\\n", " ").splitlines()
        if not line.startswith("Usage:")
        for found in [_EXAMPLE.search(line)]
        if found
    ]
    meant = [
        parse(main, shlex.split(example))
        for example in examples
        if not example.strip().startswith("-")
    ]
    assert meant, told
    if path not in (("shop",), ("admin",), ()):  # whose login is for other groups
        assert all(line[: len(path)] == path for line in meant), meant


def test_what_help_says_of_commands_in_a_line_is_of_commands_that_are_there() -> None:
    assert isinstance(main, LazyGroup)
    shown = CliRunner().invoke(main, ["--help"]).stdout
    for name, help in main.helps():
        command = main.get_command(click.Context(main), name)
        assert command is not None
        assert command.name == name
        assert command.help
        assert f"  {name} " in shown
        assert 10 < len(help) < 70
        assert help in re.sub(r"\s+", " ", shown)


def imported(*words: str, **settings: str) -> str:
    script = (
        "import sys; from sockcrud.cli.main import main; main(sys.argv[1:], 'sockcrud', "
        "standalone_mode=False)"
    )
    script = (
        f"import atexit, sys; atexit.register(lambda: print('loaded:', *sys.modules)); {script}"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script, *words],
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.stderr == ""
    return ran.stdout.rpartition("loaded: ")[2]


@pytest.mark.parametrize(
    ("words", "settings"),
    [
        (["--help"], {}),
        (["users", "create", "--help"], {}),
        (["clients", "--help"], {}),
        (["accounts", "--help"], {}),
        (
            [],
            {"_SOCKCRUD_COMPLETE": "bash_complete", "COMP_WORDS": "sockcrud u", "COMP_CWORD": "1"},
        ),
        (
            [],
            {
                "_SOCKCRUD_COMPLETE": "zsh_complete",
                "COMP_WORDS": "sockcrud way ",
                "COMP_CWORD": "2",
            },
        ),
    ],
    ids=[
        "help",
        "help of a command",
        "help of a group",
        "help of a group with a part elsewhere",
        "bash",
        "zsh",
    ],
)
def test_help_and_completion_import_only_what_they_need(
    words: list[str], settings: dict[str, str]
) -> None:
    loaded = imported(*words, **settings).split()
    declared = () if "create" in words else ("sockcrud.records",)  # of whose fields help tells
    assert [name for name in loaded if name.startswith((*_NEEDLESS, *declared))] == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_is_given_a_script(shell: str) -> None:
    result = CliRunner().invoke(main, ["completion", shell])
    assert result.exit_code == 0
    assert f"_SOCKCRUD_COMPLETE={shell}_complete" in result.stdout
    wrong = CliRunner().invoke(main, ["completion", "csh"])
    assert (wrong.exit_code, "'csh' is not one of" in wrong.stderr) == (2, True)


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("sockcrud ac", {"accounts"}),
        ("sockcrud se", {"serve", "send", "sessions"}),
        ("sockcrud way pass", {"password"}),
        ("sockcrud accounts pa", {"passwd"}),
        ("sockcrud users create --na", {"--name"}),
        ("sockcrud accounts add x --role ", {"admin", "user"}),
    ],
)
def test_what_was_begun_is_completed(typed: str, offered: set[str]) -> None:
    words = shlex.split(typed) + ([""] if typed.endswith(" ") else [])
    settings = {
        "_SOCKCRUD_COMPLETE": "bash_complete",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(words) - 1),
    }
    script = "from sockcrud.cli.main import main; main(prog_name='sockcrud')"
    ran = subprocess.run(
        [sys.executable, "-c", script],
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert {line.partition(",")[2] for line in ran.stdout.splitlines()} == offered


def test_a_command_that_is_none_is_wrong_use() -> None:
    for words in (
        ["nonsense"],
        ["users", "nonsense"],
        ["users", "list", "--nonsense"],
        ["users", "create"],
        ["users", "show"],
    ):
        ran = subprocess.run(
            [*PROGRAM, *words], env=environment(), capture_output=True, text=True, timeout=60
        )
        assert (ran.returncode, ran.stdout) == (2, "")
        assert "Error: " in ran.stderr
