"""The commands of a record that nobody wrote any for, with a client in memory."""

from __future__ import annotations

import json
import shlex
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

import attrs
import pytest
from click.testing import CliRunner, Result
from twisted.internet.task import Clock

from sockcrud.apps.shop.client import Product
from sockcrud.apps.shop.records import Product as ProductRecord
from sockcrud.cli.records.commands import record_commands
from sockcrud.client.calls import Page
from sockcrud.client.errors import NotFound
from sockcrud.monitor.checks.accounts import OwnAccount
from sockcrud.monitor.checks.base import Kit
from sockcrud.monitor.checks.ports import Ports
from sockcrud.monitor.checks.record_check import DeclaredSteps
from sockcrud.records import Record, checked, choice, day, flag, text, whole


class Client:
    """Products in memory, with the calls of a client for a record."""

    records: ClassVar[dict[int, Any]] = {}
    calls: ClassVar[list[tuple[str, Any]]] = []

    def __init__(self, where: str, **options: Any) -> None:
        self.where = where

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *ignored: object) -> None:
        self.calls.append(("close", self.where))

    def list(self, after: int | None, limit: int, **where: Any) -> Page[Any]:
        self.calls.append(("list", (after, limit, where)))
        found = [each for id, each in self.records.items() if after is None or id > after]
        return Page(found[:limit], found[limit - 1].id if len(found) > limit else None)

    def get(self, id: int) -> Any:
        if id not in self.records:
            raise NotFound(404, "no such product")
        return self.records[id]

    def find(self, name: str) -> Any:
        return next(each for each in self.records.values() if each.name == name)

    def create(self, **fields: Any) -> Any:
        made = Product(id=len(self.records) + 1, rev=1, **fields)
        self.records[made.id] = made
        return made

    def update(self, id: int, rev: int | None = None, **fields: Any) -> Any:
        self.calls.append(("update", (id, rev, fields)))
        self.records[id] = attrs.evolve(self.get(id), **fields)
        return self.records[id]

    def delete(self, id: int, rev: int | None = None) -> None:
        self.calls.append(("delete", (id, rev)))
        del self.records[id]


GROUP = record_commands(ProductRecord, "products", Client, dialect="products")


@pytest.fixture(autouse=True)
def empty() -> None:
    Client.records.clear()
    Client.calls.clear()


def run(line: str) -> Result:
    return CliRunner(env={"SOCKCRUD_PRODUCTS_AT": "127.0.0.1:1", "COLUMNS": "200"}).invoke(
        GROUP, shlex.split(line)
    )


def does(line: str) -> Any:
    result = run(line)
    assert (result.exit_code, result.stderr) == (0, ""), (line, result.output, result.exception)
    return json.loads(result.stdout)


LAMP = "--name lamp --description x --quantity 5 --price 19.90 --status yes"


def test_the_verbs_call_the_client_with_values_of_the_types_that_the_record_declares() -> None:
    made = does(f"create {LAMP}")
    assert (made["id"], made["price"], made["status"]) == (1, "19.90", True)
    assert Client.records[1].price == Decimal("19.90")
    assert does("show 1") == does("find --name lamp") == made
    assert does("update 1 --price 2 --status no --rev 7")["status"] is False
    assert Client.calls[-2] == ("update", (1, 7, {"price": Decimal("2"), "status": False}))
    does(f"create {LAMP}")
    assert [each["id"] for each in does("list --limit 1")] == [1]
    assert [each["id"] for each in does("list --after 1")] == [2]
    assert does("delete 2 --rev 3") == {"id": 2, "deleted": True}
    assert Client.calls[-2:] == [("delete", (2, 3)), ("close", "127.0.0.1:1")]


@pytest.mark.parametrize(
    ("line", "status", "words"),
    [
        ("create --name lamp", 2, "--description"),
        (f"create {LAMP} --price 1.999", 2, "--price: expected an amount from 0.00 to 99999999.99"),
        (f"create {LAMP} --status maybe", 2, "--status: expected true or false, got 'maybe'"),
        (
            "update 1",
            2,
            "nothing to change: name one of --name, --description, --quantity, --price, --status",
        ),
        ("find", 2, "what is to be found: name one of --name"),
        ("show 9", 1, "no such product (404)"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(line: str, status: int, words: str) -> None:
    result = run(line)
    assert (result.exit_code, result.stdout) == (status, "")
    assert words in result.stderr


@pytest.mark.parametrize("verb", ["list", "show", "find", "create", "update", "delete"])
def test_the_help_of_each_verb_has_an_example_that_parses(verb: str) -> None:
    shown = run(f"{verb} --help").stdout
    example = next(
        line for line in shown.splitlines() if line.strip().startswith(f"sockcrud products {verb}")
    )
    words = shlex.split(example)[3:]
    command = GROUP.commands[verb]
    with command.make_context(verb, words):
        pass


def test_help_says_what_the_record_declares() -> None:
    shown = run("create --help").stdout
    for words in (
        "1 to 100 characters, of no other product",
        "up to 10,000 characters",
        "from 0",
        "such as 19.90",
        "yes or no",
    ):
        assert words in shown


class Book(Record):
    """A book of the library."""

    title: str = text(1, 200)
    isbn: str = text(
        10, 13, "[0-9]{10}([0-9]{3})?", "9783161484", unique=True, help="ten or thirteen digits"
    )
    year: int = whole(1450, 2100, indexed=True)
    binding: str = choice("paper", "cloth", default="paper")
    bought: date = day()
    lent: bool = flag(default=False)
    secret: str = text(1, 20, default="x", secret=True)


BOOKS = record_commands(Book, "books", Client, dialect="products")


def test_what_has_a_default_need_not_be_named_and_what_is_indexed_is_a_filter() -> None:
    shown = CliRunner(env={"COLUMNS": "200"}).invoke(BOOKS, ["create", "--help"]).stdout
    assert "ten or thirteen digits" in shown
    assert "from 1450 to 2100" in shown
    assert [line.split()[0] for line in shown.splitlines() if "[required]" in line] == [
        "--title",
        "--isbn",
        "--year",
        "--bought",
    ]
    assert "--year" in CliRunner().invoke(BOOKS, ["list", "--help"]).stdout
    for name, command in BOOKS.commands.items():
        help = CliRunner(env={"COLUMNS": "200"}).invoke(BOOKS, [name, "--help"]).stdout
        for line in help.splitlines():
            if line.strip().startswith("sockcrud books"):
                with command.make_context(name, shlex.split(line)[3:]):
                    pass


def test_a_check_has_values_that_such_a_record_may_hold() -> None:
    ports = Ports(Clock(), {}, 10.0)
    steps = DeclaredSteps(
        Book, "books", Kit("library", ports, OwnAccount("monitor", ""), None, Clock(), 1.0)
    )
    values = steps.values()
    assert checked(Book, **values) == values
    assert steps.is_unique
    assert values["isbn"].isdigit()
    assert steps.change == {"year": 1451}
