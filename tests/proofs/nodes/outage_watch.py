"""How a load fares while its database goes and comes: how long its answers take, and since when it
is served again.
"""

from __future__ import annotations

from threading import Condition
from time import monotonic

from attrs import Factory, define


@define(eq=False)
class Watch:
    """What the connections of a load tell, each under a name of its own."""

    longest: float = 0.0
    """Seconds that the slowest answer took, or the end of a connection that came in its place."""
    interruptions: int = 0
    """Answers that said that the store is away, and connections that ended."""
    last_interruption: float = 0.0
    _served: dict[str, float] = Factory(dict)
    _is_given_up: bool = False
    _changed: Condition = Factory(Condition)

    def heard(self, seconds: float) -> None:
        """Note that somebody knew after so many seconds what became of a request."""
        with self._changed:
            self.longest = max(self.longest, seconds)

    def served(self, name: str) -> None:
        """Note that a connection was served."""
        with self._changed:
            if name not in self._served:
                self._served[name] = monotonic()
                self._changed.notify_all()

    def interrupted(self) -> None:
        """Note that a connection was not served."""
        with self._changed:
            self.interruptions += 1
            self.last_interruption = monotonic()

    def give_up(self) -> None:
        """Note that a connection has been told what cannot be, and goes on no more: nobody need
        wait for it.
        """
        with self._changed:
            self._is_given_up = True
            self._changed.notify_all()

    def forget(self) -> None:
        """Look anew for who is served, from now on."""
        with self._changed:
            self._served.clear()

    def all_served(self, names: set[str], seconds: float) -> float | None:
        """Wait until all of these have been served; give the moment, or None where that takes
        longer than so many seconds.

        Give None at once where one of them has given up.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._is_given_up or names <= self._served.keys(), seconds
            )
            if not names <= self._served.keys():
                return None
            return max(self._served[name] for name in names)

    def missing(self, names: set[str]) -> set[str]:
        """Return those that have not been served."""
        with self._changed:
            return names - self._served.keys()
