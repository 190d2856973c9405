"""What proves who somebody is: a password as it was typed, or its digest."""

from __future__ import annotations

from typing import Final, Protocol

import attrs
from attrs import frozen

from sockcrud.errors import Invalid
from sockcrud.identity.passwords import (
    SHORTEST_PASSWORD,
    check_password,
    checked_digest,
    digest_of,
)
from sockcrud.records.constraints import Text

HIDDEN: Final = ""
"""What stands for a password hash where it is not to be seen."""

_PASSWORD: Final = Text(0, 2**20)


class Secret(Protocol):
    """What proves who somebody is, as the password itself or as its digest: some clients never send
    more.
    """

    def to_compare(self) -> str:
        """Return the digest to log in with; raise `Invalid` where it cannot be one."""

    def to_keep(self) -> str:
        """Return the digest for an account to have from now on; raise `Invalid` where it may not be
        that.
        """


@frozen
class Password:
    """A password as its owner typed it."""

    text: object = attrs.field(repr=False)
    least: int = SHORTEST_PASSWORD
    """The characters that it has at least where it is to be kept."""

    def to_compare(self) -> str:
        return digest_of(self._typed())

    def to_keep(self) -> str:
        password = self._typed()
        check_password(password, self.least)
        return digest_of(password)

    def _typed(self) -> str:
        if not isinstance(self.text, str) or not _PASSWORD.fits(self.text):
            raise Invalid("password", "a text")
        return self.text


@frozen
class Digest:
    """The SHA-256 of a password, as 64 hex digits of either case."""

    text: object = attrs.field(repr=False)

    def to_compare(self) -> str:
        return checked_digest(self.text if isinstance(self.text, str) else "")

    def to_keep(self) -> str:
        return self.to_compare()
