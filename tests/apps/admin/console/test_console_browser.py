"""The console as a person uses it, on a phone and on a desk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

import pytest

from tests.apps.admin.console.browser_kit import Person, a_browser, find_browser
from tests.support.doors_kit import Town, a_town

WIDTHS: Final = (360, 1280)
MANY: Final = 3_000
PASSWORD: Final = "correct horse battery"
PAGES: Final = (
    "overview",
    "records/messages",
    "accounts",
    "companies",
    "sessions",
    "changes",
    "api",
)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Run a daemon with many messages, and a client who owns something."""
    find_browser()
    with a_town(tmp_path_factory.mktemp("daemon"), "--demo") as town:
        lines = [{"kind": "Message", "id": id, "data": f"number {id}"} for id in range(10, MANY)]
        body = "\n".join(map(json.dumps, lines)).encode()
        headers = {"Content-Type": "application/x-ndjson"}
        asks = town.asks("admin", "POST", "/import", body, token=town.root, headers=headers)
        assert asks.status == 200, asks
        for width in WIDTHS:
            town.administers(
                "POST",
                "/records/clients",
                {
                    "name": f"Eva {width}",
                    "email": f"eva{width}@example.org",
                    "cpf": f"{width:011}",
                    "balance": "30.25",
                },
            )
        yield town


@pytest.fixture(scope="module")
def person(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """Somebody who is logged in as the first admin."""
    with a_browser(tmp_path_factory.mktemp("browser")) as driver:
        person = Person(driver, f"http://127.0.0.1:{town.daemon.ports['admin']}/")
        person.sits_at(WIDTHS[0])
        person.opens()
        person.pictures(f"login-{WIDTHS[0]}")
        person.finds_nothing_wrong("login")
        person.logs_in("admin", "wrong password")
        person.sees("The login or the password is wrong")
        person.logs_in("admin", town.admin_password)
        person.sees("Requests a second")
        yield person


@pytest.fixture(params=WIDTHS)
def at(person: Person, request: pytest.FixtureRequest) -> Iterator[Person]:
    """The same person, at a phone and at a desk; nothing may have gone wrong in the browser."""
    person.sits_at(request.param)
    person.width = request.param
    yield person
    person.has_heard_of_no_error()


def test_every_page_shows_and_nothing_is_wrong_with_it(at: Person) -> None:
    for page in PAGES:
        at.opens(page)
        name = page.partition("/")[0]
        at.sees({"overview": "highest", "api": "openapi"}.get(name, "admin"))
        at.sits_at(at.width, dark=False)
        at.finds_nothing_wrong(f"{page} at {at.width}")
        at.pictures(f"{name}-{at.width}")
