"""The commands of the shop, against a real daemon."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from sockcrud.cli.dialects import variable
from tests.cli.commands_kit import Line, served
from tests.support.running import Daemon


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with served(tmp_path_factory) as daemon:
        yield daemon


@pytest.fixture
def line(daemon: Daemon, tmp_path: Path) -> Line:
    line = Line(tmp_path, daemon.ports)
    line.log_in("shop")
    return line


def a_client(line: Line, number: int) -> int:
    words = (
        "--name",
        "Rita",
        "--email",
        f"rita{number}@example.org",
        "--cpf",
        f"{number:011d}",
        "--balance",
        "30.25",
    )
    id: int = line.does("clients", "create", *words)["id"]
    return id


def a_product(line: Line, name: str) -> int:
    id: int = line.does("products", "create", "--name", name, "--quantity", "5", "--price", "19.9")[
        "id"
    ]
    return id


def test_a_client_is_created_shown_changed_and_deleted(line: Line) -> None:
    id = a_client(line, 101)
    shown = line.does("clients", "show", str(id))
    assert {**shown, "rev": 0} == {
        "id": id,
        "name": "Rita",
        "email": "rita101@example.org",
        "cpf": "000.000.001-01",
        "balance": "30.25",
        "rev": 0,
    }
    assert line.does("clients", "update", str(id), "--balance", "0.1") == {
        "id": id,
        "changed": True,
    }
    changed = line.does("clients", "show", str(id))
    assert {**changed, "rev": 0} == {**shown, "balance": "0.10", "rev": 0}
    assert line.refused(
        1, "clients", "update", str(id), "--balance", "2", "--rev", str(shown["rev"])
    ).endswith("(412)")
    assert line.refused(1, "clients", "delete", str(id), "--rev", str(shown["rev"])).endswith(
        "(412)"
    )
    assert line.does("clients", "show", str(id)) == changed
    assert {**changed, "rev": None} in [
        {**client, "rev": None} for client in line.does("clients", "list")
    ]
    assert line.does("clients", "exists", str(id)) == {"id": id, "exists": True}
    assert line.does("clients", "delete", str(id), "--rev", str(changed["rev"])) == {
        "id": id,
        "deleted": True,
    }
    assert line.does("clients", "exists", str(id)) == {"id": id, "exists": False}
    for words in (["show"], ["update", "--name", "x"], ["delete"]):
        assert line.refused(1, "clients", *words, str(id)).endswith("(404)")


def test_a_client_that_is_taken_or_wrong_is_refused(line: Line) -> None:
    a_client(line, 102)
    same = (
        "clients",
        "create",
        "--name",
        "A",
        "--email",
        "rita102@example.org",
        "--cpf",
        "00000000103",
        "--balance",
    )
    assert line.refused(1, *same, "1").endswith("(409)")
    assert "--balance: expected an amount from 0.00 to 99999999.99 " in line.refused(
        2, *same, "1.999"
    )
    for wrong in ("1e3", "nan", "-1", "1_0", "٣"):
        assert f"got {wrong!r}" in line.refused(2, "clients", "update", "1", f"--balance={wrong}")
    assert "--cpf: expected a text of 14 characters like " in line.refused(
        2, "clients", "update", "1", "--cpf", "1"
    )


def test_an_address_is_created_listed_changed_and_deleted(line: Line) -> None:
    client = a_client(line, 104)
    words = (
        "--client",
        str(client),
        "--state",
        "SP",
        "--city",
        "Santos",
        "--street",
        "Rua Á",
        "--cep",
        "11010000",
    )
    id = line.does("addresses", "create", *words, "--number", "7")["id"]
    assert line.does("addresses", "update", str(id), "--number", "9") == {"id": id, "changed": True}
    expected = {
        "id": id,
        "client_id": client,
        "state": "SP",
        "city": "Santos",
        "street": "Rua Á",
        "number": 9,
        "cep": "11010-000",
    }
    assert line.does("addresses", "list", "--client", str(client)) == [expected]
    assert expected in line.does("addresses", "list")
    whole = (
        "--state",
        "RJ",
        "--city",
        "Rio",
        "--street",
        "B",
        "--number",
        "1",
        "--cep",
        "20010-000",
    )
    assert line.does("addresses", "update", str(id), *whole)["changed"]
    assert line.does("addresses", "list", "--client", str(client))[0]["city"] == "Rio"
    assert "--number: expected a whole number from 1" in line.refused(
        2, "addresses", "create", *words, "--number", "0"
    )
    assert line.does("addresses", "delete", str(id)) == {"id": id, "deleted": True}
    assert line.refused(1, "addresses", "update", str(id), "--number", "9").endswith("(404)")
    assert line.refused(1, "addresses", "update", str(id), *whole).endswith("(404)")
    assert line.refused(1, "addresses", "delete", str(id)).endswith("(404)")
    assert line.refused(
        1, "addresses", "create", "--client", "999999", *words[2:], "--number", "7"
    ).endswith("(404)")


def test_a_product_is_created_shown_changed_and_deleted(line: Line) -> None:
    id = a_product(line, "lamp")
    shown = line.does("products", "show", str(id))
    assert (shown["price"], shown["status"], shown["description"]) == ("19.90", True, "")
    assert line.does("products", "update", str(id), "--not-on-sale", "--quantity", "0")["changed"]
    changed = line.does("products", "show", str(id))
    assert {**changed, "rev": 0} == {**shown, "status": False, "quantity": 0, "rev": 0}
    assert line.refused(
        1, "products", "update", str(id), "--price", "2", "--rev", str(shown["rev"])
    ).endswith("(412)")
    assert line.does("products", "exists", str(id)) == {"id": id, "exists": True, "name": "lamp"}
    assert "lamp" in [product["name"] for product in line.does("products", "list")]
    again = ("products", "create", "--name", "lamp", "--quantity", "1", "--price", "1")
    assert line.refused(1, *again).endswith("(409)")
    assert "name one of" in line.refused(2, "products", "update", str(id))
    assert line.does("products", "delete", str(id)) == {"id": id, "deleted": True}
    assert line.does("products", "exists", str(id)) == {"id": id, "exists": False, "name": None}
    assert line.refused(1, "products", "show", str(id)).endswith("(404)")


def test_what_was_bought_is_added_listed_and_removed(line: Line) -> None:
    client, product = a_client(line, 105), a_product(line, "bulb")
    add = ("inventory", "add", "--client", str(client), "--product", str(product), "--count", "3")
    id = line.does(*add, "--date", "2024-11-01")["id"]
    assert line.does("inventory", "list", str(client)) == [
        {
            "id": id,
            "product_id": product,
            "product_name": "bulb",
            "number_of_items": 3,
            "purchase_date": "2024-11-01",
        }
    ]
    today = line.does(*add)["id"]
    assert line.does("inventory", "list", str(client))[1]["purchase_date"] in (
        date.today().isoformat(),
    )
    assert line.does("inventory", "remove", str(id)) == {"id": id, "removed": True}
    assert line.refused(1, "inventory", "remove", str(id)).endswith("(404)")
    assert line.does("inventory", "remove", "--client", str(client)) == {
        "client_id": client,
        "removed": True,
    }
    assert line.does("inventory", "list", str(client)) == []
    assert line.does(*add)["id"] > today
    assert line.does("inventory", "remove", "--product", str(product)) == {
        "product_id": product,
        "removed": True,
    }
    assert line.does("inventory", "list", str(client)) == []
    assert "--date: expected a day like 2024-11-01, got '2024-02-30'" in line.refused(
        2, *add, "--date", "2024-02-30"
    )
    assert "name one of ID, --client and --product" in line.refused(
        2, "inventory", "remove", "1", "--client", "1"
    )
    assert "name one of ID, --client and --product" in line.refused(2, "inventory", "remove")
    assert "--rev belongs to ID" in line.refused(
        2, "inventory", "remove", "--client", "1", "--rev", "1"
    )
    assert line.refused(1, "inventory", "add", "--client", "999999", *add[4:]).endswith("(404)")


def test_who_signs_up_can_log_in_and_out(line: Line, daemon: Daemon) -> None:
    line.does("shop", "logout")
    made = line.does(
        "shop", "signup", "--login", "ana", "--password-file", "-", input="another password\n"
    )
    assert made == {"login": "ana", "created": True}
    assert line.refused(
        1, "shop", "signup", "--login", "ANA", "--password-file", line.new
    ).endswith("(409)")
    assert line.refused(1, "shop", "login", "--login", "ana", "--password-file", line.old).endswith(
        "(401)"
    )
    at = f"127.0.0.1:{daemon.ports['shop']}"
    login = line.does("shop", "login", "--login", "ana", "--password-file", line.new)
    assert login == {"dialect": "shop", "at": at, "login": "ana"}
    assert line.does("clients", "list")
    assert line.does("shop", "logout") == {"dialect": "shop", "login": "ana", "logged_out": True}
    for group in ("clients", "addresses", "products"):
        assert line.refused(1, group, "list") == "Error: log in first: sockcrud shop login"
    assert line.refused(1, "inventory", "list", "1") == "Error: log in first: sockcrud shop login"


def test_a_login_at_the_port_of_logins_opens_the_services_on_their_own_ports(
    line: Line, daemon: Daemon
) -> None:
    line.does("shop", "logout")
    del line.settings[variable("shop")]
    at = f"127.0.0.1:{daemon.ports['auth']}"
    assert (
        line.does("shop", "login", "--login", "admin", "--password-file", line.old, "--at", at)[
            "at"
        ]
        == at
    )
    assert json.loads(next(line.logins.iterdir()).read_text())["alone"] is True
    for group in ("clients", "products"):
        line.settings[variable(group)] = f"127.0.0.1:{daemon.ports[group]}"
        assert isinstance(line.does(group, "list"), list)
    assert (
        line.does("inventory", "list", "1", "--at", f"127.0.0.1:{daemon.ports['inventory']}") == []
    )
    assert line.refused(
        1, "clients", "list", "--at", f"localhost:{daemon.ports['clients']}"
    ).startswith("Error: log in first")


def test_the_place_of_a_group_counts_less_than_that_of_its_command(
    line: Line, daemon: Daemon
) -> None:
    here = f"http://127.0.0.1:{daemon.ports['clients']}"
    assert line.does("clients", "--at", here, "list")
    assert line.does("clients", "--at", "127.0.0.1:1", "list", "--at", here)


def test_a_raw_request_is_shown_with_what_comes_back(line: Line, daemon: Daemon) -> None:
    url = f"http://127.0.0.1:{daemon.ports['shop']}"
    result = line.run("fetch", "GET", f"{url}/clients/fetch/1", "--token-of", "shop")
    assert (result.exit_code, json.loads(result.stdout)["name"]) == (0, "Pedro")
    missing = line.run("fetch", "get", f"{url}/clients/fetch/1")
    assert (missing.exit_code, missing.stderr) == (1, "Error: Unauthorized (401)\n")
    assert "bearer token" in missing.stdout
    document = line.does("fetch", "GET", f"{url}/clients/exists/1", "--token-of", "shop", "--json")
    assert (document["status"], document["body"], document["headers"]["content-type"]) == (
        200,
        {"status": True},
        "application/json",
    )
    shown = line.run("fetch", "HEAD", f"{url}/clients/health", "--include").stdout
    assert shown.startswith("200 OK\n")
    (line.directory / "body").write_text('{"username": "raw", "password": "another password"}')
    create = ("fetch", "POST", f"{url}/user/create", "--data")
    assert line.run(*create, f"@{line.directory / 'body'}").stdout == '{"msg":"User created"}'
    assert line.run(*create, "-", input="{}").exit_code == 1
    assert (
        line.run(*create, "{}", "--header", "Content-Type: text/csv").stderr
        == "Error: Unsupported Media Type (415)\n"
    )


def test_a_raw_request_that_cannot_be_one_is_wrong_use(line: Line, daemon: Daemon) -> None:
    url = f"http://127.0.0.1:{daemon.ports['shop']}/clients/health"
    for wrong in (
        "127.0.0.1:1/x",
        "ftp://127.0.0.1/",
        "http://",
        "http://a:b@127.0.0.1/",
        "http://127.0.0.1:x/",
    ):
        assert "URL: expected one such as http://" in line.refused(2, "fetch", "GET", wrong)
    assert "is no method of HTTP" in line.refused(2, "fetch", "G T", url)
    assert "percent-encoded" in line.refused(2, "fetch", "GET", f"{url}/a b")
    assert "--header: expected 'NAME: VALUE'" in line.refused(
        2, "fetch", "GET", url, "--header", "nonsense"
    )
    assert "cannot be sent" in line.refused(2, "fetch", "GET", url, "--header", "A: b\nC: d")
    assert "two logins" in line.refused(
        2, "fetch", "GET", url, "--token-of", "shop", "--header", "Authorization: x"
    )
    assert "nowhere: No such file" in line.refused(1, "fetch", "POST", url, "--data", "@nowhere")
    assert "log in first: sockcrud admin login" in line.refused(
        1, "fetch", "GET", url, "--token-of", "admin"
    )
