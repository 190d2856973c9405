"""What a test has to undo at its end, whatever becomes of it."""

from __future__ import annotations

from robot.libraries.BuiltIn import BuiltIn


class LaterOn:
    """Remembers keywords, and runs them in the reverse order: what was made last goes first."""

    ROBOT_LIBRARY_SCOPE = "GLOBAL"

    def __init__(self) -> None:
        self._to_do: list[tuple[str, tuple[object, ...]]] = []

    def at_the_end(self, keyword: str, *arguments: object) -> None:
        """Run this keyword when the test ends."""
        self._to_do.append((keyword, arguments))

    def undo_all(self) -> None:
        """Run what was remembered, all of it, and fail at the end where some of it failed."""
        to_do, self._to_do = self._to_do, []
        failures = []
        for keyword, arguments in reversed(to_do):
            try:
                BuiltIn().run_keyword(keyword, *arguments)
            except Exception as error:  # whatever it is, the rest is to be undone
                failures.append(f"{keyword}: {error}")
        assert not failures, "not everything could be undone:\n" + "\n".join(failures)
