# mypy: allow-untyped-calls
"""The console's page: what is served of it to whom, and that nothing in it is from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from sockcrud.apps.admin.console.files import FOLDER, files
from sockcrud.rest.origins import Origins
from sockcrud.rest.routed import Terms
from tests import ROOT
from tests.apps.admin.admin_case import AdminCase
from tests.support.http_kit import Answered

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
NO_PATH = {"error": {"code": "no_such_path", "message": "There is no such path", "field": None}}


class ServingTests(AdminCase):
    def gets(self, target: str, method: str = "GET", **headers: str) -> Answered:
        return self.asks(method, target, token=None, **headers)

    def test_a_browser_gets_the_page_and_a_program_what_it_always_got(self) -> None:
        page = self.gets("/", Accept=BROWSER)
        self.assertEqual(
            (page.status, page.field("Content-Type")), (200, "text/html; charset=utf-8")
        )
        self.assertEqual(page.body, (FOLDER / "index.html").read_bytes())
        for accept in ("*/*", "application/json", "text/*", "text/htmlx", "application/text/html"):
            self.told(self.gets("/", Accept=accept), 404, NO_PATH)
        self.told(self.gets("/"), 404, NO_PATH)
        self.assertEqual(self.gets("/", "POST", Accept=BROWSER).status, 404)
        self.assertEqual(self.gets("/", "HEAD", Accept=BROWSER).status, 200)

    def test_every_file_says_what_it_may_do(self) -> None:
        for name in files():
            answered = self.gets(f"/console/{name}")
            self.assertEqual(answered.status, 200, name)
            self.assertEqual(answered.body, (FOLDER / name).read_bytes())
            policy = (answered.field("Content-Security-Policy") or "").split("; ")
            self.assertIn("default-src 'none'", policy)
            self.assertIn("frame-ancestors 'none'", policy)
            self.assertIn("require-trusted-types-for 'script'", policy)
            allowed = {source for rule in policy for source in rule.split()[1:]}
            self.assertEqual(allowed, {"'none'", "'self'", "'script'"})
            self.assertEqual(answered.field("X-Content-Type-Options"), "nosniff")
            self.assertEqual(answered.field("Referrer-Policy"), "no-referrer")
            self.assertEqual(answered.field("Cache-Control"), "no-cache")

    def test_a_browser_that_has_a_file_is_not_sent_it_again(self) -> None:
        tag = self.gets("/console/main.js").field("ETag") or ""
        for given in (tag, f"W/{tag}", f'"x", {tag}', "*"):
            again = self.gets("/console/main.js", If_None_Match=given)
            self.assertEqual((again.status, again.body, again.field("ETag")), (304, b"", tag))
        self.assertEqual(self.gets("/console/main.js", If_None_Match='"x"').status, 200)

    def test_nothing_else_of_the_disk_is_served(self) -> None:
        for name in (
            "",
            "files.py",
            "../files.py",
            "..%2ffiles.py",
            "%2e%2e/session.py",
            "none.js",
        ):
            self.told(self.gets(f"/console/{name}"), 404, NO_PATH)

    def test_the_page_is_only_served_as_a_host_that_the_port_is_known_by(self) -> None:
        self.client = self.a_client(Terms(Origins(hosts=frozenset())))
        self.assertEqual(self.gets("/", Accept=BROWSER, Host="rebound.example").status, 421)


class PageTests(SynchronousTestCase):
    def test_it_has_nothing_inline_and_asks_nobody_else(self) -> None:
        for path in FOLDER.iterdir():
            text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
            self.assertNotRegex(text, r"https?://|['\"(=]//\w", path.name)
            if path.suffix == ".html":
                self.assertNotRegex(
                    text, r"\son\w+=|\sstyle=|<style|<script(?! type=\"module\" src=)"
                )
            if path.suffix == ".js":
                sinks = (
                    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|Function\("
                )
                self.assertNotRegex(text, sinks, path.name)

    def test_its_modules_are_short_and_import_what_is_there(self) -> None:
        for path in FOLDER.glob("*.js"):
            text = path.read_text(encoding="utf-8")
            self.assertLess(len(text.splitlines()), 300, path.name)
            for name in re.findall(r"(?:from|import\()\s*[\"'`]\./([\w.]+)", text):
                self.assertTrue((FOLDER / name).is_file(), f"{path.name} imports {name}")

    def test_a_start_reads_none_of_it(self) -> None:
        """It is read when a browser first asks."""
        said = (
            "from sockcrud import tap; from sockcrud.apps.admin.dialect import responder;"
            "from sockcrud.apps.admin.console.files import files;"
            "print(files.cache_info().currsize)"
        )
        done = subprocess.run(
            [sys.executable, "-c", said], cwd=ROOT, capture_output=True, text=True, check=True
        )
        self.assertEqual(done.stdout, "0\n")
