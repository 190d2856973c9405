# mypy: allow-untyped-calls
"""What a browser is shown at a port for programs, and that nothing changes for programs."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from sockcrud.protocols.http.request import Fields, Request
from sockcrud.rest.pages import accepts_html, plain_page
from tests.support.directory_kit import HERE
from tests.support.doors_kit import HTTP, wired
from tests.support.http_kit import Answered, HTTPClient, answers, request
from tests.support.people_case import PeopleCase

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


class PortTests(PeopleCase):
    def setUp(self) -> None:
        super().setUp()
        self.responders = wired(self)

    def asks(
        self, dialect: str, target: str = "/", method: str = "GET", **headers: str
    ) -> Answered:
        client = HTTPClient(self.responders[dialect], self.clock, address=HERE)
        client.says(request(method, target, headers=headers))
        (answered,) = answers(client.hears(), (method,))
        return answered

    def test_a_browser_is_told_what_the_port_is(self) -> None:
        for dialect in set(HTTP) - {"admin"}:
            page = self.asks(dialect, Accept=BROWSER)
            self.assertEqual(
                (page.status, page.field("Content-Type")), (200, "text/html; charset=utf-8")
            )
            self.assertIn(
                f"<h1>{dialect}</h1>\n<p>This is a port for programs: ", page.body.decode()
            )
            policy = page.field("Content-Security-Policy") or ""
            self.assertIn("default-src 'none'", policy)
            self.assertIn("frame-ancestors 'none'", policy)
            self.assertEqual(page.field("X-Content-Type-Options"), "nosniff")
            self.assertEqual(page.field("Cache-Control"), "no-store")

    def test_for_all_others_it_stays_what_it_was(self) -> None:
        for dialect in set(HTTP) - {"admin"}:
            plain = self.asks(dialect)
            self.assertEqual(plain.status, 403 if dialect == "members" else 404)
            for accept in ("*/*", "application/json", "text/plain, */*", "text/html-ish"):
                self.assertEqual(self.asks(dialect, Accept=accept), plain, (dialect, accept))
            nowhere = self.asks(dialect, "/nowhere")
            self.assertEqual(self.asks(dialect, "/nowhere", Accept=BROWSER), nowhere)
            posted = self.asks(dialect, method="DELETE")
            self.assertEqual(self.asks(dialect, method="DELETE", Accept=BROWSER), posted)

    def test_a_member_who_is_logged_in_gets_the_members(self) -> None:
        token = self.log_in("anna", "members").token
        answered = self.asks("members", Accept=BROWSER, Authorization=f"Bearer {token}")
        self.assertEqual((answered.status, list(answered.json)), (200, ["users"]))

    def test_a_page_that_is_no_browsers_own_host_is_not_shown(self) -> None:
        self.assertEqual(self.asks("shop", Accept=BROWSER, Host="rebound.example").status, 421)


class FormTests(SynchronousTestCase):
    def test_who_names_html_is_a_browser(self) -> None:
        for accept, is_browser in (
            (BROWSER, True),
            ("text/html", True),
            ("image/png, text/html;q=0.5", True),
            ("text/html5", False),
            ("application/text/html", False),
            ("*/*", False),
        ):
            fields = Fields(f"\r\nAccept: {accept}\r\n".encode())
            self.assertEqual(accepts_html(Request("GET", "/", fields=fields)), is_browser, accept)

    def test_nothing_of_it_is_taken_as_markup(self) -> None:
        page = plain_page("a<b>", "c & d", "echo '{\"<script>\"}'").decode()
        self.assertIn("<h1>a&lt;b&gt;</h1>", page)
        self.assertNotIn("<script>", page)

    def test_without_an_example_it_shows_none(self) -> None:
        self.assertNotIn("<pre>", plain_page("way", "accounts", "").decode())
