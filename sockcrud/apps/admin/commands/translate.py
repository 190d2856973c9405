"""`sockcrud translate`: a request in other words."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from sockcrud import loading
from sockcrud.apps.admin.commands.daemon import ADMIN
from sockcrud.cli.options import talks_to, wishes
from sockcrud.cli.outcomes import Failed, WrongUse, in_file
from sockcrud.cli.values import TEXT

_FORMS: Final = ("nc", "curl", "httpie", "sockcrud", "python", "socket")


@click.command()
@click.argument("what", type=TEXT)
@click.option(
    "--dialect", type=TEXT, metavar="NAME", help="WHAT is a request of this dialect, and no ID"
)
@click.option("--form", type=click.Choice(_FORMS), help="only this form, and nothing besides")
@talks_to("admin")
def translate(what: str, dialect: str | None, form: str | None) -> None:
    """Show a request as a line of a shell, as Python, and as a request of other dialects.

    WHAT is the ID of an entry of the journal (log in first: sockcrud admin login), or with
    --dialect a request as it stands: a text, @FILE for that of a file, - for stdin. What is secret
    in it is to be filled in, by variables of the environment.

    \b
    sockcrud translate 17
    sockcrud translate 17 --form curl | sh
    sockcrud translate --dialect users '{"id_operation": "get_users"}'
    """
    items = _of_entry(what) if dialect is None else _of_text(dialect, _text(what))
    if form is not None:
        items = [item for item in items if item["form"] == form][:1]
        if not items:
            raise Failed(f"there is no {form} for this request")
        click.echo(items[0]["text"])
        return
    from sockcrud.cli import showing

    if showing.for_people():
        for item in items:
            blanks = f"  (set {', '.join(item['blanks'])})" if item["blanks"] else ""
            click.secho(f"# {item['form']}, at {item['dialect']}{blanks}", dim=True)
            click.echo(f"{item['text']}\n")
    else:
        showing.show_all(items, "translations")


def _of_entry(what: str) -> Sequence[Mapping[str, Any]]:
    if not (what.isascii() and what.isdigit()):
        raise WrongUse("WHAT: expected the ID of an entry, or a request and its --dialect")
    with ADMIN.connected() as client:
        return client.translations(int(what))


def _of_text(dialect: str, text: str) -> Sequence[Mapping[str, Any]]:
    from sockcrud.journal.translating.declared import as_sent, translator

    apps = loading.in_use()
    names = [each.name for each in apps.dialects]
    if dialect not in names:
        raise WrongUse(f"--dialect: expected one of {', '.join(names)}")
    raw = as_sent(apps, dialect, text)
    return [each.as_json for each in translator(apps, _places(names)).of_bytes(dialect, raw)]


def _places(names: Sequence[str]) -> dict[str, str | None]:
    """Return where the dialects are: as the daemon says, where one is named, else by default."""
    from sockcrud.cli import addresses

    if (url := wishes().url) is not None:
        return addresses.places_by("--url", url)
    apps = loading.in_use()
    return {name: f"127.0.0.1:{port}" for name in names if (port := apps.dialect(name).port)}


def _text(what: str) -> str:
    if what == "-":
        return sys.stdin.read()
    if not what.startswith("@"):
        return what
    try:
        return Path(what[1:]).read_bytes().decode()
    except OSError as error:
        raise in_file(error) from None
    except UnicodeDecodeError:
        raise Failed(f"{what[1:]}: expected UTF-8") from None
