# mypy: allow-untyped-calls
"""The world of the access table: two companies, some records to ask for, and whoever asks for
them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from sockcrud.access import Principal
from sockcrud.apps.shop.records import Address, Client, InventoryItem, Product
from sockcrud.identity.records import ADMIN, Account, Company
from sockcrud.identity.sessions import AGE
from tests.support.access_table import Outcome, Row, session_dialect
from tests.support.directory_kit import HERE
from tests.support.doors_kit import DOORS, AllDoorsCase
from tests.support.http_kit import Answered

NOBODYS: Final = "EB078EB1ABFC9722EBAB9BA3DD303AFD37DD1AE50A791CBA16ABEE0A727029DF"

Key = Mapping[str, str]
"""What a request brings to be let in: a `token`, a `session` for the path, a `cookie`; any of them
may be missing.
"""


class MatrixCase(AllDoorsCase):
    """A spare company, one record of each kind in the shop, and bert, who is what others ask
    about.
    """

    def setUp(self) -> None:
        super().setUp()
        insert = self.store.insert
        self.spare = self.have(self.directory.create_company("spare"))
        for number in (1, 2):
            email, cpf = f"c{number}@example.org", f"111.222.333-0{number}"
            self.have(insert(Client, name="C", email=email, cpf=cpf, balance=Decimal("1.00")))
            self.have(
                insert(
                    Product,
                    name=f"P{number}",
                    description="",
                    quantity=1,
                    price=Decimal("1.00"),
                    status=True,
                )
            )
        self.have(
            insert(
                Address, client_id=1, state="SP", city="S", street="R", number=1, cep="01310-100"
            )
        )
        self.have(
            insert(
                InventoryItem,
                client_id=1,
                product_id=1,
                number_of_items=1,
                purchase_date=date(2024, 11, 1),
            )
        )
        session = self.a_session(self.bert, "members")
        self.targets = {
            "account": self.bert.id,
            "company": self.spare.id,
            "session": session.id,
            **dict.fromkeys(("client", "address", "product", "item"), 1),
        }

    def says(
        self,
        dialect: str,
        method: str,
        path: str,
        row: Row,
        key: Key,
        targets: Mapping[str, int] | None = None,
    ) -> Answered:
        """Ask for what the row tells, with this key; where no other targets are given, for those
        that exist.
        """
        target = row.target(path, targets or self.targets, key.get("session", NOBODYS))
        headers = {"Cookie": key["cookie"]} if "cookie" in key else {}
        headers |= row.headers
        return self.asks(dialect, method, target, row.body, token=key.get("token"), headers=headers)

    # Who asks

    def keys(self, actor: str, dialect: str) -> list[Key]:
        """Return all keys with which this actor may come to the dialect."""
        people = {
            "user": self.anna,
            "admin": self.root,
            "their user": self.carl,
            "their admin": self.chef,
        }
        here = session_dialect(dialect)
        if actor in people:
            return [self.key(self.token(people[actor], here), dialect)]
        if actor == "dead":
            return [self.key(token, dialect) for token in self.dead_tokens(here)]
        if actor == "elsewhere":
            tokens = [self.token(self.root, door) for door in DOORS if door != here]
            return [self.key(token, dialect) for token in tokens] + [
                {"cookie": f"sockcrud_members={token}", "token": token} for token in tokens
            ]
        return self.no_keys(dialect)

    def no_keys(self, dialect: str) -> list[Key]:
        """Return what is no key: nothing, nonsense, what is known of a session, and a good token
        where none belongs.
        """
        session = self.a_session(self.root, session_dialect(dialect))
        token = self.token(self.root, session_dialect(dialect))
        made_up = [
            self.key(text, dialect)
            for text in (NOBODYS, "x", session.token_hash.upper(), str(session.id))
        ]
        misplaced: Key = (
            {"token": token}
            if dialect == "way"
            else {"session": token, "cookie": f"session={token}"}
        )
        return [{}, *made_up, misplaced]

    def key(self, token: str, dialect: str) -> Key:
        """Return the token in the place where this dialect looks for it."""
        return {"session": token} if dialect == "way" else {"token": token}

    def token(self, account: Account, dialect: str) -> str:
        return self.have(self.sessions.start(self.account(account.id), dialect, HERE))[0]

    def dead_tokens(self, dialect: str) -> list[str]:
        """Return tokens of admins that have died of all there is to die of. Only the clock must not
        be turned back.
        """
        old = self.token(self.root, dialect)
        self.clock.advance(AGE.total_seconds())
        logged_out, ended, expelled, moved, changed, closed = (
            self._doomed(dialect, name) for name in "abcdef"
        )
        nobody = Principal(dialect, HERE)
        self.have(
            self.logins.log_out(self.have(self.logins.resume(nobody, dialect, logged_out[1])))
        )
        self.have(self.sessions.end_all(ended[0].id))
        self.have(self.directory.deactivate(expelled[0].id))
        self.have(self.directory.change(moved[0].id, company_id=self.spare.id))
        self.have(self.directory.change(changed[0].id, digest=NOBODYS))
        self.have(self.directory.change_company(closed[0].company_id, active=False))
        return [old, *(token for _, token in (logged_out, ended, expelled, moved, changed, closed))]

    def _doomed(self, dialect: str, name: str) -> tuple[Account, str]:
        company: Company = self.have(self.directory.create_company(f"company {name}"))
        account = self.one_of(company, f"doomed-{name}", ADMIN)
        return account, self.token(account, dialect)


def outcome(dialect: str, answered: Answered) -> Outcome:
    """Return what came of a request, as the table has it."""
    if dialect == "way" and answered.status == 200:
        said = answered.json
        return (
            names(said, "UserName")
            if isinstance(said, list)
            else said["Message"]
            if said["Status"] == "ERROR"
            else "OK"
        )
    if (
        dialect == "members"
        and answered.status == 200
        and answered.body
        and "users" in answered.json
    ):
        return names(answered.json["users"], "email")
    return answered.status


def names(shown: list[dict[str, Any]], field: str) -> tuple[str, ...]:
    return tuple(one[field] for one in shown)
