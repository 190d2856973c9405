"""Asking a server: as whom, and what becomes of its errors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sockcrud.cli import logins
from sockcrud.cli.addresses import as_written
from sockcrud.cli.dialects import default_place, opens_others, owner
from sockcrud.cli.logins import Login
from sockcrud.cli.options import wishes
from sockcrud.cli.outcomes import Failed, NoAnswer, in_file
from sockcrud.client.errors import (
    Busy,
    CannotSend,
    ClientError,
    NotLoggedIn,
    Refused,
    ServerGone,
    TooManyAttempts,
)
from sockcrud.client.places import Place

C = TypeVar("C")


def login_for(dialect: str, place: Place) -> Login:
    """Return the login to ask as: that of the place; where it opens several dialects, also one made
    on the same host.
    """
    by = owner(dialect)
    found = logins.find(by, place)
    if found is None and opens_others(by):
        found = logins.newest(by, place)
    if found is None:
        raise log_in_first(dialect, place)
    return found


def log_in_first(dialect: str, place: Place) -> Failed:
    """Return the error of who has no login, or one that is over."""
    by = owner(dialect)
    elsewhere = by == dialect and as_written(place) != default_place(by)
    return Failed(
        f"log in first: sockcrud {by} login" + (f" --at {as_written(place)}" if elsewhere else "")
    )


def client_at(kind: Callable[..., C], place: Place) -> C:
    """Return a client of that place."""
    return kind(as_written(place), timeout=wishes().timeout, trust=wishes().trust)


@contextmanager
def errors_as_lines(dialect: str, place: Place, changes: bool = False) -> Iterator[None]:
    """Turn the errors of a client into lines."""
    try:
        yield
    except NotLoggedIn:
        raise log_in_first(dialect, place) from None
    except Refused as error:
        raise Failed(_refusal(error)) from None
    except ClientError as error:
        raise NoAnswer(_silence(error, place, changes)) from None
    except BrokenPipeError:
        raise  # whoever read stdout has seen enough: click knows what to do
    except OSError as error:
        raise in_file(error) from None  # what was said could not be written


def _refusal(error: Refused) -> str:
    status: object = (
        "ERROR" if error.status == 200 else error.status
    )  # as way says it: its HTTP is always well
    line = f"{error.message} ({status})"
    if isinstance(error, (TooManyAttempts, Busy)):
        line += f": try again in {error.retry_after:g} s"
    return line


def _silence(error: ClientError, place: Place, changes: bool) -> str:
    line = str(error)
    if str(place) not in line:
        line = f"{place}: {line}"
    if isinstance(error, (CannotSend, ServerGone)):
        line += f" ({error.code})"
    if changes and error.may_have_happened:
        line += "; what was asked for may have been done all the same"
    return line
