"""`sockcrud new NAME`: a file with an app of one's own, and a test beside it that passes."""

from __future__ import annotations

import re
from pathlib import Path
from string import Template
from typing import Final

import click

from sockcrud.cli.options import with_examples
from sockcrud.cli.outcomes import Failed, WrongUse, in_file
from sockcrud.loading import in_file as app_in_file

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
_RECORD: Final = re.compile(r"[A-Z][A-Za-z0-9]*")

_APP: Final = Template('''\
"""$name: its $records as JSON-RPC on lines, and as REST."""

from sockcrud import App, Record, crud, flag, text, whole


class $record(Record):
    """A record of $name. Change these fields to yours: what is sent is checked against them."""

    name: str = text(1, 200, unique=True)
    notes: str = text(0, 10_000, default="")
    amount: int = whole(0, 1_000_000, default=0)
    done: bool = flag(default=False)


app = App("$app", crud($record, lines="tcp:7000", rest="tcp:7001"))
''')

_TEST: Final = Template('''\
"""$name in a daemon of its own, with its records in memory: `pytest test_$module.py`."""

import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from sockcrud.loading import apps

APP = str(Path(__file__).with_name("$module.py"))


@pytest.fixture
def url(tmp_path):
    """Serve the app on a port that the system chooses; give the URL of its REST."""
    ports = [word for dialect in apps([APP]).dialects for word in (f"--{dialect.name}", "off")]
    ports[ports.index("--$app-rest") + 1] = "tcp:0"
    serve = [sys.executable, "-m", "sockcrud", "serve", "--app", APP, "--store", "memory:"]
    with subprocess.Popen(serve + ports, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as daemon:
        for line in daemon.stdout:
            if found := re.search(r"$app-rest +listens on (\\S+)", line):
                break
        yield f"http://{found[1]}/$records"
        daemon.terminate()


def ask(method, url, **fields):
    """Give what the app answers."""
    body = json.dumps(fields).encode() if fields else None
    request = Request(url, body, {"Content-Type": "application/json"}, method=method)
    with urlopen(request, timeout=30) as answer:
        return json.load(answer) if answer.status != 204 else None


def test_a_record_is_created_found_changed_and_deleted(url):
    made = ask("POST", url, name="첫 번째")
    assert made["name"] == "첫 번째"
    assert ask("GET", f"{url}/{made['id']}") == made
    assert ask("PATCH", f"{url}/{made['id']}", amount=7)["amount"] == 7
    ask("DELETE", f"{url}/{made['id']}")
    assert ask("GET", url) == {"items": [], "next": None}


def test_what_cannot_be_is_refused_by_field(url):
    with pytest.raises(HTTPError) as refused:
        ask("POST", url, name="")
    assert refused.value.code == 422
    assert json.load(refused.value)["field"] == "name"
''')


@click.command(
    help=with_examples(
        "Write an app of one's own: NAME.py, and test_NAME.py beside it, for you to change.",
        "sockcrud new stock --record Part",
    )
)
@click.argument("name")
@click.option(
    "--record", metavar="CLASS", default="Item", show_default=True, help="the name of its record"
)
def new(name: str, record: str) -> None:
    """Write both files; overwrite none."""
    if _NAME.fullmatch(name) is None or len(name) > 30:
        raise WrongUse(
            f"{name!r}: expected small letters, digits, - or _, as in phone-book, at most 30"
        )
    if _RECORD.fullmatch(record) is None:
        raise WrongUse(f"--record {record!r}: expected the name of a class, as in Book")
    module = name.replace("-", "_")
    words = {
        "name": name,
        "module": module,
        "app": name.replace("_", "-"),
        "record": record,
        "records": "records",
    }
    files = [Path(f"{module}.py"), Path(f"test_{module}.py")]
    if there := [str(file) for file in files if file.exists()]:
        raise Failed(f"{there[0]} is there already: expected a name that is free")
    try:
        files[0].write_text(_APP.substitute(words), encoding="utf-8")
        words["records"] = _plural(files[0])
        for file, template in zip(files, (_APP, _TEST), strict=True):
            file.write_text(template.substitute(words), encoding="utf-8")
    except OSError as error:
        raise in_file(error) from None
    click.echo(f"{files[0]} and {files[1]} are written. To try it: sockcrud serve --app {files[0]}")


def _plural(file: Path) -> str:
    """Return how the app names its records; remove the file and raise AppError where it cannot be
    such an app.
    """
    try:
        return app_in_file(str(file)).commands[0].name
    except Exception:
        file.unlink()
        raise
