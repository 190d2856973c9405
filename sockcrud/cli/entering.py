"""The commands of who logs in: login, logout and signup."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import click

from sockcrud.app import resolve
from sockcrud.cli import passwords
from sockcrud.cli.options import talks_to, with_examples
from sockcrud.cli.passwords import password_option
from sockcrud.cli.systems import System
from sockcrud.cli.values import TEXT

LOGIN: Final = click.option(
    "--login", type=TEXT, metavar="NAME", help="the login name  [default: asked for]"
)


def add_login(
    group: click.Group,
    system: System[Any],
    about: str,
    *examples: str,
    option: Callable[..., Any] = LOGIN,
    alone: Callable[[Any], bool] = lambda client: False,
) -> None:
    """Add `login`. `alone` tells, once logged in, whether what the login opens is not behind the
    port that gave it.
    """

    @option
    @password_option("the password")
    @talks_to(system.dialect)
    def login(login: str | None, password_file: str | None) -> None:
        from sockcrud.cli import addresses, asking, logins, showing

        name = passwords.read_or_ask_login(login)
        place = addresses.place_of(system.dialect)
        at = addresses.as_written(place)
        password = passwords.read_or_ask(
            password_file, twice=False, question=f"Password of {name} at {at}"
        )
        with (
            asking.errors_as_lines(system.dialect, place),
            asking.client_at(resolve(system.client), place) as client,
        ):
            role = getattr(client.log_in(name, password), "role_name", None)
            is_alone = alone(client)
            token = client.token
        logins.keep(logins.Login(system.dialect, place, name, token, is_alone))
        said = {"dialect": system.dialect, "at": at, "login": name}
        if role is None:
            showing.say(f"{name} is logged in at {at}", **said)
        else:
            showing.say(f"{name} is logged in at {at} as {role}", **said, role=role)

    _add(group, "login", login, about, examples)


def add_logout(group: click.Group, system: System[Any], about: str) -> None:
    """Add `logout`: it ends the session that is kept, and forgets it; also one that was over
    already.
    """

    @talks_to(system.dialect)
    def logout() -> None:
        from sockcrud.cli import addresses, asking, logins, showing
        from sockcrud.client.errors import NotLoggedIn

        place = addresses.place_of(system.dialect)
        kept = asking.login_for(system.dialect, place)
        with (
            asking.errors_as_lines(system.dialect, place),
            asking.client_at(resolve(system.client), place) as client,
        ):
            client.token = kept.token
            with suppress(NotLoggedIn):  # which is what was asked for
                client.log_out()
        logins.forget(kept)
        showing.say(
            f"{kept.login} is logged out", dialect=system.dialect, login=kept.login, logged_out=True
        )

    _add(group, "logout", logout, about, [""])


def add_signup(
    group: click.Group,
    system: System[Any],
    about: str,
    *examples: str,
    option: Callable[..., Any] = LOGIN,
) -> None:
    """Add `signup`."""

    @option
    @password_option("the new password")
    @talks_to(system.dialect)
    def signup(login: str | None, password_file: str | None) -> None:
        from sockcrud.cli import showing

        name = passwords.read_or_ask_login(login)
        password = passwords.read_or_ask(
            password_file, twice=True, question=f"New password of {name}"
        )
        with system.connected_as_nobody(changes=True) as client:
            id = client.sign_up(name, password)
        if id is None:
            showing.say(f"{name} has an account", login=name, created=True)
        else:
            showing.say(f"{name} is member {id}", id=id, login=name, created=True)

    _add(group, "signup", signup, about, examples)


def _add(
    group: click.Group,
    name: str,
    run: Callable[..., None],
    about: str,
    examples: tuple[str, ...] | list[str],
) -> None:
    lines = [f"sockcrud {group.name} {name} {example}".rstrip() for example in examples]
    group.command(name, help=with_examples(about, *lines))(run)
