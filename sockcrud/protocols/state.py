"""What a connection may be doing: its states, and what leads from one to another."""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class State(IntEnum):
    """What a connection does, in one word. It only ever goes on to a later state.

    | state     | what it does                                  | goes on                          |
    | --------- | --------------------------------------------- | -------------------------------- |
    | HANDSHAKE | waits for TLS                                 | handshake done: OPEN             |
    | OPEN      | reads, starts requests, answers               | end of input, `finish`: DRAINING |
    | DRAINING  | reads no more; answers what was received      | all answered: CLOSED             |
    | STOPPED   | starts nothing more: the last answer is known | that is written: CLOSED          |
    | CLOSED    | says no more; waits a little for the peer     | it is gone: LOST                 |
    | LOST      | holds nothing                                 |                                  |

    An answer that is `CloseAfter` leads from OPEN or DRAINING to STOPPED. Every state but LOST has
    a deadline.
    """

    HANDSHAKE = 0
    OPEN = 1
    DRAINING = 2
    STOPPED = 3
    CLOSED = 4
    LOST = 5


# Looking a member up in its enumeration costs as much as ten of the tests that a request passes,
# which are five.
HANDSHAKE: Final = State.HANDSHAKE
OPEN: Final = State.OPEN
DRAINING: Final = State.DRAINING
STOPPED: Final = State.STOPPED
CLOSED: Final = State.CLOSED
LOST: Final = State.LOST
