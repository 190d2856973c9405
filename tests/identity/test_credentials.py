# mypy: allow-untyped-calls
"""Keys that are none, at every dialect: they are refused, never crash anything, and are in no
answer and no log.
"""

from __future__ import annotations

from typing import Final, cast

from twisted.logger import ILogObserver, LogEvent, eventAsText, globalLogPublisher

from tests.support.directory_kit import HERE
from tests.support.doors_kit import HTTP, AllDoorsCase
from tests.support.http_kit import Answered, HTTPClient, answers

SECRET: Final = b"s3cr3t-0123456789abcdef"
KEYS: Final = (
    b"",
    b"Bearer",
    b"Bearer ",
    b"Bearer  " + SECRET,
    b"Bearer " + SECRET + b" " + SECRET,
    b"Bearer " + SECRET + b", Bearer " + SECRET,
    b"Bearer \xc3\xa9" + SECRET,
    b"Bearer \xff\xfe\x80" + SECRET,
    b"Bearer " + SECRET * 200,
    b"bearer\t" + SECRET,
    b"Basic " + SECRET,
    b"Basic =" + SECRET,
    b"Basic /////w==",  # \xff\xff\xff\xff
    b"Basic 7aCAOg==",  # a lone surrogate
    b"Digest " + SECRET,
    SECRET,
)
ROUTES: Final = {
    "way": ("GET /api/usuario/%b", "DELETE /api/main/%b", "POST /api/main"),
    "members": ("GET /", "HEAD /", "PUT /"),
    "admin": ("GET /accounts", "POST /logout", "POST /import", "GET /openapi.json", "GET /health"),
}
_SHOP: Final = (
    "GET /clients/fetch/1",
    "POST /user/login",
    "POST /user/logout",
    "POST /user/create",
    "GET /products/fetch",
)


class KeyTests(AllDoorsCase):
    def setUp(self) -> None:
        super().setUp()
        self.logged: list[str] = []
        observer = cast(
            ILogObserver, lambda event: self.logged.append(eventAsText(cast(LogEvent, event)))
        )
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

    def sends(self, dialect: str, line: bytes, fields: bytes) -> Answered:
        client = HTTPClient(self.responders[dialect], self.clock, address=HERE)
        client.says(
            line
            + b" HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            + fields
            + b"\r\n"
        )
        (answered,) = answers(client.hears(), (line.split(b" ")[0].decode(),))
        return answered

    def test_they_let_nobody_in_and_are_told_nobody(self) -> None:
        before = self.everything()
        for dialect in HTTP:
            for route in ROUTES.get(dialect, _SHOP):
                for key in KEYS:
                    line = route.encode().replace(b"%b", SECRET)
                    for fields in (
                        b"Authorization: " + key + b"\r\n",
                        b"Cookie: sockcrud_members=" + key + b"; sockcrud_members=" + key + b"\r\n",
                    ):
                        answered = self.sends(dialect, line, fields)
                        self.assertIn(
                            answered.status,
                            (200, 204, 400, 401, 403, 404),
                            (dialect, line, key, answered),
                        )
                        told = answered.body + b"".join(answered.fields.values())
                        self.assertNotIn(SECRET, told)
                        if answered.status == 401:
                            expected = "Basic" if line == b"POST /user/login" else "Bearer"
                            self.assertTrue(
                                (answered.field("WWW-Authenticate") or "").startswith(expected),
                                (line, answered),
                            )
        self.assertEqual(self.everything(), before)
        self.assertNotIn(SECRET.decode(), "".join(self.logged))
        self.assertNotIn("Traceback", "".join(self.logged))
