"""`sockcrud faults`, at the admin port."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from sockcrud.apps.admin.commands.daemon import ADMIN
from sockcrud.cli.options import talks_to
from sockcrud.cli.outcomes import WrongUse
from sockcrud.cli.values import ID
from sockcrud.faults.rules import OPTIONS


@click.group()
@talks_to("admin")
def faults() -> None:
    """Have requests delayed, refused or cut off, to test what clients do then.

    The daemon has to allow it (allow_faults = yes). Log in first: sockcrud admin login.

    \b
    sockcrud faults add users users.get --delay 2s±1s --chance 10%
    sockcrud faults list
    sockcrud faults remove --all
    """


def _with_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for name, option in reversed(list(OPTIONS.items())):
        given: dict[str, Any] = {"help": option.help}
        given |= {"is_flag": True} if option.parse is None else {"metavar": option.metavar}
        command = click.option(f"--{name}", name, **given)(command)
    return command


@faults.command()
@click.argument("dialect", required=False, default="")
@click.argument("operation", required=False, default="")
@_with_options
@talks_to("admin")
def add(dialect: str, operation: str, **does: Any) -> None:
    """Add a fault that requests of a DIALECT meet, those of one OPERATION or all of them.

    Operations have the names that they have in the log (log_operations = yes); * stands for
    anything.

    \b
    sockcrud faults add users users.get --delay 2s±1s --chance 10%
    sockcrud faults add shop 'clients.*' --error 500 --times 3
    sockcrud faults add messages --drop --after --account ana --for 5m
    """
    from sockcrud.cli import showing

    with ADMIN.connected(changes=True) as client:
        showing.show(client.add_fault(dialect, operation, **does))


@faults.command("list")
@talks_to("admin")
def list_() -> None:
    """List the faults that requests meet.

    \b
    sockcrud faults list
    """
    from sockcrud.cli import showing

    with ADMIN.connected() as client:
        showing.show_all(client.faults(), "faults")


@faults.command()
@click.argument("id", type=ID, required=False)
@click.option("--all", "all_", is_flag=True, help="all of them, instead of one")
@talks_to("admin")
def remove(id: int | None, all_: bool) -> None:
    """Take the fault with this ID back, or all of them.

    \b
    sockcrud faults remove 2
    sockcrud faults remove --all
    """
    from sockcrud.cli import showing

    if (id is None) is not all_:
        raise WrongUse("what is to be removed: name one of ID and --all")
    with ADMIN.connected(changes=True) as client:
        if id is not None:
            client.remove_fault(id)
            showing.say(f"fault {id} is removed", id=id, removed=1)
        else:
            removed = client.remove_faults()
            showing.say(f"faults that are removed: {removed}", removed=removed)
