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
CREATE: Final = (
    '{{"id_operation":"create_user","payload":'
    '{{"name":"Ana {name}","email":"ana@example.org","age":{age}}}}}'
)
PAGES: Final = {
    "overview": "highest",
    "records/messages": "page 1",
    "accounts": "Login name",
    "companies": "default",
    "sessions": "this one",
    "changes": "Client",
    "api": "/openapi.json",
}
"""The pages, and what is to be seen of each when it has loaded."""


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
            client = {"name": "Eva", "email": f"eva{width}@example.org", "balance": "30.25"}
            made = town.administers("POST", "/records/clients", {**client, "cpf": f"{width:011}"})
            place = {"state": "SP", "city": "S", "street": "R", "number": 9, "cep": "01310100"}
            town.administers("POST", "/records/addresses", {"client_id": made["id"], **place})
        yield town


@pytest.fixture(scope="module")
def person(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    """Somebody who is logged in as the first admin."""
    with a_browser(tmp_path_factory.mktemp("browser")) as driver:
        person = Person(driver, f"http://127.0.0.1:{town.daemon.ports['admin']}/")
        person.sits_at(WIDTHS[0])
        person.opens()
        person.keeps_picture("login-360")
        person.finds_nothing_wrong("the login")
        person.logs_in("admin", "wrong password")
        person.sees("The login or the password is wrong")
        person.logs_in("admin", town.admin_password)
        person.sees("Requests a second")
        yield person


@pytest.fixture(params=WIDTHS)
def at(person: Person, request: pytest.FixtureRequest) -> Iterator[Person]:
    """The same person, on a phone and at a desk; nothing may have gone wrong in the browser."""
    person.sits_at(request.param)
    yield person
    person.has_heard_of_no_error()


def test_every_page_shows_and_nothing_is_wrong_with_it(at: Person) -> None:
    for page, text in PAGES.items():
        at.opens(page)
        at.sees(text)
        name = f"{page.partition('/')[0]}-{at.width}"
        at.keeps_picture(name)
        at.finds_nothing_wrong(name)
        if page == "accounts":
            at.sits_at(at.width, dark=True)
            at.finds_nothing_wrong(f"{name}, dark")
            at.sits_at(at.width)


def test_a_record_is_created_changed_and_deleted(at: Person, town: Town) -> None:
    at.opens("records/users")
    at.presses("New User")
    at.types("name", "<b>Ana</b>")
    at.types("email", f"ana{at.width}@example.org")
    at.types("age", "151")
    at.presses("Create")
    at.sees("Age: expected a whole number from 0 to 150")
    at.keeps_picture(f"record-{at.width}")
    at.finds_nothing_wrong("a form with a fault")
    at.types("age", "30")
    at.presses("Create")
    at.sees("was created")
    at.sees("<b>Ana</b>")  # as it was typed: nothing of it is markup
    id = town.administers("GET", "/records/users")["items"][-1]["id"]
    at.presses(str(id))
    at.types("age", "31")
    # Somebody else is faster.
    town.administers("PATCH", f"/records/users/{id}", {"age": 40})
    at.presses("Save")
    at.sees("Somebody has changed this record")
    at.presses("Cancel")
    at.opens("overview")
    at.opens("records/users")
    at.presses(str(id))
    at.types("name", "Eva")
    at.presses("Save")
    at.sees("was saved")
    user = town.administers("GET", f"/records/users/{id}")
    assert (user["name"], user["age"]) == ("Eva", 40)


def test_what_goes_with_a_record_is_shown_before_it_goes(at: Person, town: Town) -> None:
    email = f"eva{at.width}@example.org"
    (client,) = town.administers("GET", f"/records/clients?email={email}")["items"]
    at.opens("records/clients")
    at.types("Field to filter by", "email")
    at.types("Its value", email)
    at.presses("Filter")
    at.waits(lambda: len(at.find("tbody tr")) == 1, "the filter does not filter")
    at.presses(str(client["id"]))
    at.presses("Delete…")
    at.sees("1 Address (client_id)")
    at.keeps_picture(f"delete-{at.width}")
    at.finds_nothing_wrong("the question before a record is deleted")
    at.presses("Delete all of it")
    at.sees("There are none.")
    assert town.administers("GET", f"/records/clients?email={email}")["items"] == []


def test_many_records_are_read_a_page_at_a_time(at: Person) -> None:
    at.opens("records/messages")
    at.sees("page 1, 25 shown")
    at.presses("Next")
    at.sees("page 2, 25 shown")
    at.presses("data")  # sorts what is on the page
    assert at.find("th[aria-sort=ascending]")
    at.types("How many on a page", "100 a page")
    at.sees("page 1, 100 shown")
    at.presses("Next")
    at.sees("page 2, 100 shown")
    at.presses("Previous")
    at.sees("page 1, 100 shown")
    assert len(at.find("tbody tr")) == 100


def test_an_account_is_made_and_its_sessions_are_ended(at: Person, town: Town) -> None:
    login = f"eva{at.width}"
    at.opens("accounts")
    at.presses("New account")
    at.types("Login name", login)
    at.types("Password", PASSWORD)
    at.types("role", "admin")
    at.presses("Create")
    at.sees(f"The account {login} was created.")
    token = town.doors.logs_in("admin", login, PASSWORD)
    at.presses(login)
    at.presses("Its sessions")
    at.presses("End all of them…")
    at.presses("End them")
    at.sees("1 session is over.")
    assert not town.doors.opens("admin", token)
    at.opens("accounts")
    at.presses(login)
    at.presses("Deactivate…")
    at.presses("Deactivate")
    at.sees(f"The account {login} is inactive now.")
    assert not town.doors.lets_in("admin", login, PASSWORD)


def test_a_call_is_tried_and_a_change_shows_by_itself(at: Person, town: Town) -> None:
    at.opens("api")
    at.presses("GET /health Return whether all listens and the store can be reached")
    at.presses("Send", "details.operation[open]")
    at.sees('"reachable": true')
    at.opens("changes")
    at.sees("The latest come first.")
    town.administers("POST", "/companies", {"name": f"Company {at.width}"})
    at.sees(f"name: Company {at.width}")


def test_a_refusal_is_explained_and_the_request_sent_again(at: Person, town: Town) -> None:
    town.daemon.ask("users", CREATE.format(name=at.width, age=200) + "\n")
    refused = town.administers("GET", "/journal?dialect=users&refused=1")["items"]
    at.opens("traffic")
    at.types("Dialect", "users")
    at.press(at.control("refused only"))
    at.waits(lambda: len(at.find("tbody tr")) == len(refused), "not what was refused alone")
    at.presses_in_row("create_user")
    at.sees(f'"name":"Ana {at.width}"')
    at.sees('{"error":400,"error_message":"Bad Request"}')
    at.presses("Explain this refusal")
    at.sees("users.create was refused: age, expected a whole number from 0 to 150.")
    at.keeps_picture(f"traffic-{at.width}")
    at.finds_nothing_wrong("the traffic")
    at.presses("Translate")
    at.sees(f"nc -N 127.0.0.1 {town.daemon.ports['users']}")
    at.presses("Send again…")
    at.types("What is sent", CREATE.format(name=at.width, age=20))
    at.presses("Send")
    at.sees('"code":201')
    at.presses("Close")
    at.press(at.control("refused only"))
    at.sees("connected")
    at.presses("Pause")
    other = {360: "get_users", 1280: "delete_user"}[at.width]
    town.daemon.ask("users", f'{{"id_operation":"{other}"}}\n')
    at.sees("came)")
    assert other not in at.text()
    at.press(at.sees_element(".toolbar > button"))
    at.sees(other)


def test_with_keys_alone(at: Person) -> None:
    from selenium.webdriver import Keys

    at.opens("companies")
    at.sees("New company")
    at.keys(Keys.TAB)  # from the heading to the first that can be pressed
    at.keys(Keys.ENTER)
    at.sees_element("dialog[open]")
    at.keys(f"By keys {at.width}", Keys.ENTER)
    at.sees(f"The company By keys {at.width} was created.")
    at.waits(lambda: not at.find("dialog[open]"), "the form stays")
    at.keys(Keys.ENTER)  # the button has the focus again
    at.sees_element("dialog[open]")
    at.keys(Keys.ESCAPE)
    at.waits(lambda: not at.find("dialog[open]"), "Escape does not close it")


def test_a_login_lives_on_and_ends_with_logging_out(at: Person, town: Town) -> None:
    at.opens()
    at.sees("Warning: what is stored ends with this process")  # and no login: it has both parts
    assert at.driver.execute_script("return document.cookie") == ""
    at.presses("Log out")
    at.sees("You are logged out.")
    at.opens()
    at.sees("Password")
    at.logs_in("admin", town.admin_password)
    at.sees("Requests a second")


def test_other_ports_say_what_they_are(person: Person, town: Town) -> None:
    for dialect in ("shop", "way", "members"):
        person.driver.get(f"http://127.0.0.1:{town.daemon.ports[dialect]}/")
        person.sees("This is a port for programs")
        assert person.driver.title == f"{dialect} - sockcrud"
    person.finds_nothing_wrong("the page of a port")
    person.keeps_picture("port")
    person.opens()
