"""The dialects, as commands know them: where each is by default, and whose login opens it."""

from __future__ import annotations

from sockcrud import loading


def owner(dialect: str) -> str:
    """Return the dialect whose login opens this one, as commands keep it: of several on one port
    the one that has them all.
    """
    dialects = {each.name: each for each in loading.in_use().dialects}
    opener = dialects.get(
        dialects[dialect].login or ""
    )  # none, too, where an app names one that is not in use
    return dialect if opener is None else opener.together or opener.name


def administration() -> str:
    """Return the dialect by which a daemon is administered, and says where the others are."""
    return next((each.name for each in loading.in_use().dialects if each.privileged), "")


def owners() -> list[str]:
    """Return the dialects whose logins commands keep, and HTTP takes."""
    with_login = (
        each.name
        for each in loading.in_use().dialects
        if each.login is not None and each.openapi is not None
    )
    return list(dict.fromkeys(map(owner, with_login)))


def behind(dialect: str) -> str:
    """Return the dialect behind whose port this one is, if nothing else is said."""
    return loading.in_use().dialect(dialect).together or dialect


def opens_others(dialect: str) -> bool:
    """Return whether others are behind the port of this dialect."""
    return any(each.together == dialect for each in loading.in_use().dialects)


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
