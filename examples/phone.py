"""A phone book over the users: a number in, a name out."""

from sockcrud import App, Dialect
from sockcrud.apps.users.service import Users
from sockcrud.errors import DomainError, Invalid, NotFound
from sockcrud.protocols import LineDialect
from sockcrud.records.json_fields import whole_of_text


class Phone(LineDialect):
    """A number, and whose it is."""

    words = {NotFound: "NOBODY", Invalid: "WRONG {field}", DomainError: "SORRY"}  # noqa: RUF012

    async def lineReceived(self, line: str) -> str:
        users = Users(self.serving.access, self.serving.store)
        return (await users.get(self.principal, whole_of_text("number", line))).name


app = App(
    "phone",
    dialects=[Dialect("phone", "tcp:7300", "where the phone book (lines) listens", Phone.factory)],
)
