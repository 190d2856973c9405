"""Makes the reactor `uvloop` known to Twisted."""

from twisted.application.reactors import Reactor

uvloop = Reactor(
    "uvloop",
    "sockcrud.uvloop.reactor",
    "uvloop's event loop, with its transports for sockcrud's TCP.",
)
