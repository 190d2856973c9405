"""What a wire format of one's own is written on: lines, JSON lines, JSON-RPC, or bytes with a
framer of one's own.

Behind each connection stands one object of a class over one of these bases: it turns a request into
a call of an operation, and its result into an answer. Order, back-pressure, limits, deadlines and
the end are the connection's. (The base of HTTP with routes is `RoutedResponder` in
`sockcrud.rest.routed`.)
"""

from sockcrud.protocols.answers import Answer, CloseAfter, Stream
from sockcrud.protocols.dialects import ByteDialect, JSONLineDialect, LineDialect
from sockcrud.protocols.framing import Framer, LineFramer, Malformed
from sockcrud.protocols.json.objects import JSONLimits as WireLimits
from sockcrud.protocols.pacing import LATER, Later
from sockcrud.protocols.receive_buffer import append_received

__all__ = [
    "LATER",
    "Answer",
    "ByteDialect",
    "CloseAfter",
    "Framer",
    "JSONLineDialect",
    "Later",
    "LineDialect",
    "LineFramer",
    "Malformed",
    "Stream",
    "WireLimits",
    "append_received",
]
