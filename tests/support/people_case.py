# mypy: allow-untyped-calls
"""Two companies with their people, and the operations on all of them."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final

from sockcrud.access import Access, Principal
from sockcrud.apps.admin.service import Administration
from sockcrud.apps.members.service import Members
from sockcrud.apps.way.service import Colleagues
from sockcrud.identity.credentials import Password
from sockcrud.identity.directory import LoggedIn, Logins
from sockcrud.identity.records import ADMIN, USER, Account, Company
from sockcrud.storage.contract import RecordStream
from tests.support.directory_kit import HERE, DirectoryCase
from tests.support.tally import Tally

SECRET: Final = Password("correct horse")
NEW: Final = Password("battery staple")
ABSENT: Final = 4711


class PeopleCase(DirectoryCase):
    """root and anna are in our company, chef and carl in theirs. root and chef are admins."""

    def setUp(self) -> None:
        super().setUp()
        self.tally = Tally()
        access = Access(self.clock, [self.tally])
        self.logins = Logins(access, self.store, self.directory, self.sessions)
        self.closed = Logins(access, self.store, self.directory, self.sessions, sign_up_open=False)
        self.members = Members(access, self.store)
        self.colleagues = Colleagues(access, self.store, self.directory)
        self.admin = Administration(access, self.store, self.directory)
        self.ours = self.have(self.directory.default_company())
        self.theirs = self.have(self.directory.create_company("theirs"))
        self.root, self.anna = self.one_of(self.ours, "root", ADMIN), self.one_of(self.ours, "anna")
        self.chef, self.carl = (
            self.one_of(self.theirs, "chef", ADMIN),
            self.one_of(self.theirs, "carl"),
        )

    def one_of(self, company: Company, login: str, role: str = USER) -> Account:
        return self.have(
            self.directory.create(login, SECRET.to_keep(), role=role, company_id=company.id)
        )

    def logins_of(self, work: Coroutine[Any, Any, RecordStream[Account]]) -> list[str]:
        async def read() -> list[str]:
            return [account.login async for slice in await work for account in slice]

        return self.have(read())

    def nobody(self, dialect: str = "way") -> Principal:
        return Principal(dialect, HERE)

    def log_in(
        self, login: str, dialect: str = "way", password: Password = SECRET, exclusive: bool = False
    ) -> LoggedIn:
        return self.have(
            self.logins.log_in(self.nobody(dialect), dialect, login, password, exclusive)
        )

    def as_(self, account: Account, dialect: str = "way") -> Principal:
        token = self.log_in(account.login, dialect).token
        return self.have(self.logins.resume(self.nobody(dialect), dialect, token))

    def lives(self, *principals: Principal) -> list[bool]:
        return [
            self.have(self.sessions.is_alive(principal.session_id or 0)) for principal in principals
        ]
