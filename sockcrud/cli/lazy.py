"""Groups of commands that are imported when they are called, so that help and completion are
quick.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import click
from attrs import frozen

from sockcrud.app import Lazy, resolve
from sockcrud.cli.outcomes import INTERRUPTED, WrongUse
from sockcrud.storage.postgres.url import may_hold_password


@frozen
class Later:
    """A command that is not imported yet, and what help says of it in a line."""

    where: Lazy[click.Command]
    help: str

    def load(self) -> click.Command:
        """Import it."""
        return resolve(self.where)


class LazyGroup(click.Group):
    """A group with commands that are imported when they are called; `later` has them under the
    titles that help shows.
    """

    def __init__(self, *given: Any, later: Mapping[str, Mapping[str, Later]], **named: Any) -> None:
        super().__init__(*given, **named)
        self._sections = later

    def sections(self) -> Mapping[str, Mapping[str, Later]]:
        """Return the commands that are imported when they are called, by the titles that help
        shows.
        """
        return self._sections

    @property
    def _later(self) -> dict[str, Later]:
        return {
            name: command
            for section in self.sections().values()
            for name, command in section.items()
        }

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*self.commands, *self._later})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        found = super().get_command(ctx, cmd_name)
        later = None if found is not None else self._later.get(cmd_name)
        return found if later is None else later.load()

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        own = [
            (name, self._help(name))
            for name in sorted(self.commands)
            if not self.commands[name].hidden
        ]
        sections = {
            title: [(name, later.help) for name, later in some.items()]
            for title, some in self.sections().items()
        }
        first = next(iter(sections))
        sections[first] = [*own, *sections[first]]
        for title, rows in sections.items():
            with formatter.section(title):
                formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        from click.shell_completion import CompletionItem

        later = self._later
        names = [name for name in self.list_commands(ctx) if name.startswith(incomplete)]
        options = click.Command.shell_complete(self, ctx, incomplete)
        helps = {name: later[name].help if name in later else self._help(name) for name in names}
        return [*(CompletionItem(name, help=help) for name, help in helps.items()), *options]

    def helps(self) -> Iterator[tuple[str, str]]:
        """Yield the name of each command that is imported when it is called, and what help says of
        it.
        """
        for name, later in self._later.items():
            yield name, later.help

    def _help(self, name: str) -> str:
        return self.commands[name].get_short_help_str(70)


_WORDS: Final = "sockcrud.words"
"""Where the context has the words that were typed."""


class Program(LazyGroup):
    """The command of all commands. Ctrl-C ends it as shells expect, and without a word.

    What click says of a word in a wrong place repeats that word: not where it may be a store with
    its password.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[_WORDS] = tuple(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):
            click.echo(err=True)
            ctx.exit(INTERRUPTED)
        except click.UsageError as error:
            if may_hold_password(error.message) and any(map(may_hold_password, ctx.meta[_WORDS])):
                raise WrongUse("a store stands where none is expected") from None
            raise
