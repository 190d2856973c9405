"""`sockcrud members`."""

from __future__ import annotations

import click

from sockcrud.commands import passwords
from sockcrud.commands.options import talks_to
from sockcrud.commands.passwords import password_option
from sockcrud.commands.values import TEXT


@click.group()
@talks_to("members")
def members() -> None:
    """The members, by role: an admin sees all of them, others themselves.

    \b
    sockcrud members signup --login ana@example.org
    sockcrud members login --login ana@example.org
    sockcrud members list
    sockcrud members status
    """


@members.command()
@click.option("--login", type=TEXT, metavar="EMAIL", help="the email, or the login name  [default: asked for]")
@password_option("the password")
@talks_to("members")
def login(login: str | None, password_file: str | None) -> None:
    """Log in, and keep the token for the commands that follow.

    \b
    sockcrud members login --login ana@example.org
    sockcrud members login --login admin --password-file password
    """
    from sockcrud.client.sync import Members
    from sockcrud.commands import asking, showing

    role = ""

    def enter(client: Members, login: str, password: str) -> bool:
        nonlocal role
        role = client.log_in(login, password).role_name
        return False

    made = asking.log_in(Members, "members", passwords.read_or_ask_login(login), password_file, enter)
    at = asking.as_written(made.place)
    showing.tell(f"{made.login} is logged in at {at} as {role}", dialect="members", at=at, login=made.login, role=role)


@members.command()
@talks_to("members")
def logout() -> None:
    """Forget the token. The wire has no way to end a session: it ends by itself when it is not used.

    \b
    sockcrud members logout
    """
    from sockcrud.commands import asking, logins, showing

    kept = asking.login_for("members", asking.place_of("members"))
    logins.forget(kept)
    showing.tell(f"the token of {kept.login} is forgotten", dialect="members", login=kept.login, forgotten=True)


@members.command("list")
@talks_to("members")
def list_() -> None:
    """List the members: all of them to an admin, and yourself to others.

    \b
    sockcrud members list
    """
    from sockcrud.client.errors import Forbidden
    from sockcrud.client.sync import Members
    from sockcrud.commands import asking, showing

    with asking.asked_as(Members, "members") as client:
        try:
            found = client.members()
        except Forbidden:  # what the wire says to a login that is over
            raise asking.log_in_first("members", client.place) from None
        showing.show_all(found, "members")


@members.command()
@click.option("--login", type=TEXT, metavar="EMAIL", help="the email of the new member  [default: asked for]")
@password_option("the new password")
@talks_to("members")
def signup(login: str | None, password_file: str | None) -> None:
    """Make a member, with a password that is asked for, and say its id.

    \b
    sockcrud members signup --login ana@example.org
    sockcrud members signup --login ana@example.org --password-file password
    """
    from sockcrud.client.sync import Members
    from sockcrud.commands import asking, showing

    name = passwords.read_or_ask_login(login)
    password = passwords.read_or_ask(password_file, twice=True, question=f"New password of {name}")
    with asking.asked(Members, "members", changes=True) as client:
        id = client.sign_up(name, password)
    showing.tell(f"{name} is member {id}", id=id, login=name, created=True)


@members.command()
@talks_to("members")
def status() -> None:
    """Show how the server does. Needs no login.

    \b
    sockcrud members status
    """
    from sockcrud.client.sync import Members
    from sockcrud.commands import asking, showing

    with asking.asked(Members, "members") as client:
        showing.show(client.state())
