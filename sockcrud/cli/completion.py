"""`sockcrud completion`."""

from __future__ import annotations

import click

PROGRAM = "sockcrud"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that makes your SHELL complete commands and options.

    \b
    eval "$(sockcrud completion bash)"     # in ~/.bashrc
    eval "$(sockcrud completion zsh)"      # in ~/.zshrc
    sockcrud completion fish > ~/.config/fish/completions/sockcrud.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None  # click has all three
    click.echo(kind(ctx.find_root().command, {}, PROGRAM, f"_{PROGRAM.upper()}_COMPLETE").source())
