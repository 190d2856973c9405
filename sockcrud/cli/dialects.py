"""The dialects, as commands know them: where each is by default, and whose login opens it."""

from __future__ import annotations

from typing import Final

from sockcrud import loading

OF_THE_SHOP: Final = ("clients", "products", "inventory")
"""Services that the login of the shop opens, and that are behind its port."""
WITH_LOGIN: Final = ("shop", "way", "members", "admin")


def owner(dialect: str) -> str:
    """Return the dialect whose login opens this one. Tokens of `auth` are kept as logins of the shop."""
    return "shop" if loading.in_use().dialect(dialect).login == "auth" else dialect


def behind(dialect: str) -> str:
    """Return the dialect behind whose port this one is, if nothing else is said: for a service of the shop, the shop."""
    return "shop" if dialect in OF_THE_SHOP else dialect


def port(dialect: str) -> int:
    """Return the port that the dialect has by default."""
    found = loading.in_use().dialect(dialect).port
    if found is None:
        raise KeyError(f"{dialect} is on no port by default")
    return found


def default_place(dialect: str) -> str:
    """Return where commands look for a dialect if nothing else is said."""
    return f"127.0.0.1:{port(behind(dialect))}"


def variable(dialect: str) -> str:
    """Return the name of the environment variable that says where the dialect is."""
    return f"SOCKCRUD_{dialect.upper().replace('-', '_')}_AT"
