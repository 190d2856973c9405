"""Passwords for commands: asked for, or read from a file. Never an argument, which others can
see.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from sockcrud.cli.outcomes import Failed, WrongUse, in_file
from sockcrud.errors import Invalid
from sockcrud.identity.password_files import read_password

F = TypeVar("F", bound=Callable[..., Any])


def password_option(meaning: str) -> Callable[[F], F]:
    """Add the option that names a file with a password."""
    return click.option(
        "--password-file",
        metavar="FILE",
        type=click.Path(),
        help=f"a file with {meaning}, - for stdin  [default: asked for]",
    )


def read_or_ask(file: str | None, *, twice: bool, question: str = "Password") -> str:
    """Return the password that is in a file, or what somebody types, twice where it is a new
    one.
    """
    if file is not None:
        return _read(file)
    if not somebody_is_there():
        raise WrongUse("nobody can be asked for the password here: name a --password-file")
    password: str = click.prompt(question, hide_input=True, confirmation_prompt=twice, err=True)
    return password


def read_or_ask_login(login: str | None) -> str:
    """Return the login name, or what somebody types."""
    if login is not None:
        return login
    if not somebody_is_there():
        raise WrongUse("nobody can be asked for the login name here: name a --login")
    typed: str = click.prompt("Login", err=True)
    return typed


def somebody_is_there() -> bool:
    """Return whether there is somebody to ask."""
    return sys.stdin.isatty()


def _read(file: str) -> str:
    try:
        return read_password(file)
    except Invalid as error:
        raise Failed(error) from None
    except OSError as error:
        raise in_file(error) from None
