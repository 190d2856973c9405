"""The operations of the shop in other words: its logins, and its clients."""

from typing import Final

from sockcrud.journal.translating.blanks import blank
from sockcrud.journal.translating.sayings import Saying, Sayings

_IMPORTS: Final = "from sockcrud.client.sync import Shop"
_CLIENT: Final = "Shop({at})"
_FIELDS: Final = {"name": "{name}", "email": "{email}", "cpf": "{cpf}", "balance": "{balance}"}
_OPTIONS: Final = "--name {name} --email {email} --cpf {cpf} --balance {balance}"

_LOGINS: Final = (
    Saying(
        "accounts.sign_up",
        "POST /user/create",
        {"username": "{login}", "password": blank("PASSWORD")},
        path="/user/create",
        command="shop signup --login {login} --password-file -",
        stdin="PASSWORD",
        call='sign_up({login}, os.environ["PASSWORD"])',
    ),
    Saying(
        "accounts.log_in",
        "POST /user/login",
        path="/user/login",
        login="basic",
        command=f"shop login --login {blank('LOGIN')} --password-file -",
        stdin="PASSWORD",
        call='log_in(os.environ["LOGIN"], os.environ["PASSWORD"])',
    ),
)
_CLIENTS: Final = (
    Saying(
        "clients.list",
        "GET /clients/fetch",
        path="/clients/fetch",
        login="bearer",
        command="clients list",
        call="clients()",
    ),
    Saying(
        "clients.get",
        "GET /clients/fetch/{id}",
        path="/clients/fetch/{id}",
        login="bearer",
        command="clients show {id}",
        call="client({id})",
    ),
    Saying(
        "clients.create",
        "POST /clients/create",
        _FIELDS,
        path="/clients/create",
        login="bearer",
        command=f"clients create {_OPTIONS}",
        call="create_client(name={name}, email={email}, cpf={cpf}, balance={balance})",
    ),
    Saying(
        "clients.delete",
        "DELETE /clients/delete/{id}",
        path="/clients/delete/{id}",
        login="bearer",
        command="clients delete {id}",
        call="delete_client({id})",
    ),
)

AUTH: Final = Sayings(_LOGINS, _IMPORTS, _CLIENT)
CLIENTS: Final = Sayings(_CLIENTS, _IMPORTS, _CLIENT)
SHOP: Final = Sayings((*_LOGINS, *_CLIENTS), _IMPORTS, _CLIENT)
