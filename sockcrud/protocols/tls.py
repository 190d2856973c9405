"""TLS as Mozilla's "intermediate" configuration has it: 1.2 and 1.3, with ciphers that are forward
secret and authenticated.

Twisted makes the contexts of `ssl:` descriptions, of what was given there: the key, the
certificates, `sslmethod=` and `dhParameters=`. Its own defaults go further than Mozilla's, down to
ciphers whose traffic is read by whoever gets hold of the key later.
"""

from __future__ import annotations

from typing import Any, Final

from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.ssl import AcceptableCiphers, CertificateOptions, TLSVersion
from zope.interface import implementer

CIPHERS: Final = (
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    "DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-CHACHA20-POLY1305"
)
"""Those of TLS 1.2, in Mozilla's order. DHE needs `dhParameters=` in the description. TLS 1.3 has
no others.
"""

METHODS: Final = (SSL.TLS_METHOD, SSL.TLS_SERVER_METHOD, SSL.SSLv23_METHOD, SSL.TLSv1_2_METHOD)
"""What `sslmethod=` may name: the first three are three names for whatever both ends know."""


class StrictTLS:
    """A reactor that listens with TLS as above, whatever else the description of an endpoint asks
    of TLS.

    `contexts` is what it listens with, in the order in which it was asked to.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self.contexts: list[Replaceable] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def listenSSL(
        self, port: int, factory: Any, contextFactory: CertificateOptions, **more: Any
    ) -> Any:
        """Listen on the port; raise ValueError or SSL.Error where the description cannot be used
        for TLS.
        """
        self.contexts.append(Replaceable(intermediate(contextFactory)))
        return self._reactor.listenSSL(port, factory, self.contexts[-1], **more)


@implementer(IOpenSSLServerConnectionCreator)
class Replaceable:
    """What makes the TLS of each new connection. Those that are open keep what they were made
    with.
    """

    def __init__(self, options: CertificateOptions) -> None:
        self.replace(options)

    def replace(self, options: CertificateOptions) -> None:
        """Use these from now on; raise SSL.Error, with nothing changed, where the key is not that
        of the certificate.
        """
        options.getContext()
        self.options = options

    def serverConnectionForTLS(self, protocol: Any) -> SSL.Connection:
        """Return this end of a new connection."""
        return SSL.Connection(self.options.getContext(), None)


def intermediate(given: CertificateOptions) -> CertificateOptions:
    """Return options with the given key, certificates and parameters that are as strict as
    Mozilla's; raise ValueError.
    """
    if given.method not in METHODS:
        raise ValueError(
            "sslmethod is to be TLS_METHOD or TLSv1_2_METHOD: older versions are not spoken"
        )
    return _Options(
        privateKey=given.privateKey,
        certificate=given.certificate,
        extraCertChain=given.extraCertChain or None,
        dhParameters=given.dhParameters,
        acceptableCiphers=AcceptableCiphers.fromOpenSSLCipherString(CIPHERS),
        insecurelyLowerMinimumTo=TLSVersion.TLSv1_2,
        lowerMaximumSecurityTo=TLSVersion.TLSv1_2 if given.method == SSL.TLSv1_2_METHOD else None,
    )


class _Options(CertificateOptions):
    """Options without renegotiation, which would let a few bytes cost a handshake; the client
    chooses among the ciphers.

    It knows which of them its machine is fast at. Twisted has compression, sessions and their
    tickets switched off, and it stays so: one key of tickets would open all that was said while the
    daemon ran.
    """

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._options |= SSL.OP_NO_RENEGOTIATION
        self._options &= ~SSL.OP_CIPHER_SERVER_PREFERENCE
