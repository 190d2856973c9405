"""Makes `twistd sockcrud` known to Twisted."""

from twisted.application.service import ServiceMaker

sockcrud = ServiceMaker(
    "sockcrud",
    "sockcrud.tap",
    "CRUD systems in several wire formats at once, on one store.",
    "sockcrud",
)
