# mypy: allow-untyped-calls
"""The admin's calls for changes, export, import and how the daemon does, over the wire; and what
HTTP asks of all calls.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, cast
from unittest.mock import AsyncMock

import orjson
from twisted.internet.defer import Deferred, fail
from twisted.logger import ILogObserver, LogEvent, eventAsText, globalLogPublisher

from sockcrud.apps.admin.status import STORE_SECONDS
from sockcrud.apps.messages.records import Message
from sockcrud.errors import Unavailable
from sockcrud.identity.records import Account, Session
from sockcrud.rest.origins import Origins
from sockcrud.rest.routed import Terms
from sockcrud.storage.maintenance import record_lines as records
from sockcrud.storage.maintenance.import_rows import MOST_FAULTS
from sockcrud.storage.maintenance.transfer import REST_SECONDS
from tests.apps.admin.admin_case import IMPORT_LIMIT, MOST_TURNS, RIGHT, AdminCase, PlainCopy, about
from tests.support.http_kit import answers, request
from tests.support.people_case import ABSENT

LINES = "application/x-ndjson"


def lines(*records: object) -> bytes:
    return b"".join(orjson.dumps(record) + b"\n" for record in records)


def a_message(id: int, data: str = "abc") -> dict[str, object]:
    return {"kind": "Message", "id": id, "data": data}


class ChangesTests(AdminCase):
    def test_what_changed_after_a_revision_deletions_too_and_no_hash(self) -> None:
        since = self.store.rev
        self.asks("PATCH", f"/accounts/{self.carl.id}", {"password": "battery staple"})
        self.have(self.store.insert(Message, 5, data="x"))
        self.have(self.store.delete(Message, 5))
        carl = self.account(self.carl.id)
        items = [
            {
                "rev": carl.rev,
                "kind": "Account",
                "id": carl.id,
                "record": {"kind": "Account", **about(carl)},
            },
            {
                "rev": carl.rev + 1,
                "kind": "Message",
                "id": 5,
                "record": {"kind": "Message", "id": 5, "rev": carl.rev + 1, "data": "x"},
            },
            {"rev": carl.rev + 2, "kind": "Message", "id": 5, "record": None},
        ]
        self.told(self.asks("GET", f"/changes?since={since}"), 200, {"items": items, "next": None})
        self.told(
            self.asks("GET", f"/changes?since={since}&limit=2"),
            200,
            {"items": items[:2], "next": carl.rev + 1},
        )
        self.told(
            self.asks("GET", f"/changes?since={carl.rev + 1}&limit=2"),
            200,
            {"items": items[2:], "next": None},
        )
        self.told(
            self.asks("GET", f"/changes?since={self.store.rev}"), 200, {"items": [], "next": None}
        )

    def test_what_cannot_be_told(self) -> None:
        for query, status, code, field in (
            ("", 400, "invalid", "since"),
            ("?since=x", 400, "invalid", "since"),
            ("?since=0&limit=0", 400, "invalid", "limit"),
            ("?since=10000", 410, "history_gone", None),
            ("?since=-1", 410, "history_gone", None),
        ):
            self.refused(self.asks("GET", f"/changes{query}"), status, code, field)


class ExportTests(AdminCase):
    def test_one_record_a_line_of_all_kinds_but_sessions(self) -> None:
        self.have(self.store.insert(Message, -5, data="ü\n"))
        answered = self.asks("GET", "/export")
        self.assertEqual((answered.status, answered.field("Content-Type")), (200, LINES))
        self.assertEqual(answered.field("Cache-Control"), "no-store")
        self.assertEqual(answered.field("Content-Length"), str(len(answered.body)))
        *records, last = [orjson.loads(line) for line in answered.body.splitlines()]
        self.assertEqual(
            records[0], {"kind": "Message", "id": -5, "rev": self.store.rev, "data": "ü\n"}
        )
        self.assertEqual(records[1], {"kind": "Company", **about(self.ours)})
        accounts = [
            {"kind": "Account", **about(one)} for one in self.have(self.store.page(Account, 9))
        ]
        self.assertEqual(records[3:], accounts)
        self.assertEqual(last["trailer"]["records"], {"Message": 1, "Company": 2, "Account": 4})
        self.assertTrue(answered.body.endswith(b"\n"))

    def test_hashes_only_with_secrets(self) -> None:
        hashes = [
            account.password_hash.encode() for account in self.have(self.store.page(Account, 9))
        ]
        tokens = [session.token_hash.encode() for session in self.have(self.store.page(Session, 9))]
        for query, secret in (("", False), ("?secrets=no", False), ("?secrets=yes", True)):
            body = self.asks("GET", f"/export{query}").body
            self.assertEqual([hash in body for hash in hashes], [secret] * 4)
            self.assertEqual([hash in body for hash in tokens], [False] * len(tokens))
        for wrong in ("true", "", "YES"):
            self.refused(self.asks("GET", f"/export?secrets={wrong}"), 400, "invalid", "secrets")

    def test_a_long_one_is_streamed_and_as_of_one_moment(self) -> None:
        many = 3000
        for id in range(many):
            self.have(self.store.insert(Message, id, data="x" * 200))
        self.client.says(request("GET", "/export", token=self.root_token))
        self.have(self.store.delete(Message, many - 1))
        (answered,) = answers(self.client.hears(), ("GET",))
        self.assertEqual(answered.field("Transfer-Encoding"), "chunked")
        self.assertEqual(
            len(answered.body.splitlines()), many + 2 + 4 + 1
        )  # the last is the trailer
        head = self.asks("HEAD", "/export")
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual(self.store._tables.table(Message).open_streams, 0)

    def test_who_goes_away_lets_go_of_the_moment(self) -> None:
        for id in range(3000):
            self.have(self.store.insert(Message, id, data="x" * 200))
        self.client.says(request("GET", "/export", token=self.root_token))
        self.assertEqual(self.store._tables.table(Message).open_streams, 1)
        self.client.connection.connectionLost()
        self.clock.advance(1)
        self.assertEqual(self.store._tables.table(Message).open_streams, 0)

    def test_says_about_how_many_there_are(self) -> None:
        answered = self.asks("GET", "/export")
        self.assertEqual(answered.field("X-Total-Count"), str(len(answered.body.splitlines()) - 1))


class UpkeepTests(AdminCase):
    def test_a_store_without_a_file_has_none_to_check_or_copy(self) -> None:
        for method, path in (("POST", "/check"), ("GET", "/backup")):
            self.refused(self.asks(method, path), 409, "no_file")

    def test_a_copy_has_its_length_and_comes_in_pieces(self) -> None:
        copied = PlainCopy([b"SQLite", b" format", b" 3"])
        self.has_file(copied=AsyncMock(return_value=copied))
        answered = self.asks("GET", "/backup")
        self.assertEqual((answered.status, answered.body), (200, b"SQLite format 3"))
        self.assertEqual(answered.field("Content-Length"), "15")
        self.assertEqual(answered.field("Content-Type"), "application/vnd.sqlite3")
        self.assertEqual(answered.field("Cache-Control"), "no-store")
        self.assertEqual(self.asks("GET", "/health").status, 200)  # the connection goes on

    def test_who_only_asks_for_the_head_of_a_copy_lets_go_of_it(self) -> None:
        copied = PlainCopy([b"SQLite"])
        self.has_file(copied=AsyncMock(return_value=copied))
        head = self.asks("HEAD", "/backup")
        self.assertEqual((head.status, head.body, head.field("Content-Length")), (200, b"", "6"))
        self.assertTrue(copied.closed)

    def test_what_is_wrong_with_the_file_is_told(self) -> None:
        self.has_file(check=AsyncMock(side_effect=[[], ["row 7 of users does not fit"]]))
        self.assertEqual(
            orjson.loads(self.asks("POST", "/check").body), {"sound": True, "faults": []}
        )
        self.assertEqual(
            orjson.loads(self.asks("POST", "/check").body),
            {"sound": False, "faults": ["row 7 of users does not fit"]},
        )


class ImportTests(AdminCase):
    def imports(self, body: bytes, **headers: str) -> Any:
        return self.asks("POST", "/import", body, **{"Content_Type": LINES, **headers})

    def setUp(self) -> None:
        super().setUp()
        directory = self.mktemp()
        Path(directory).mkdir()
        self.patch(tempfile, "tempdir", directory)

    def test_what_was_exported_is_imported(self) -> None:
        company = {"kind": "Company", "id": 77, "name": "new", "active": True}
        account = {
            "kind": "Account",
            "id": 78,
            "login": "dora",
            "role": "user",
            "company_id": 77,
            "active": True,
        }
        hash = self.account(self.anna.id).password_hash
        body = lines({**account, "password_hash": hash}, company, a_message(3))
        answered = self.imports(body)
        self.told(answered, 200, {"imported": {"Message": 1, "Company": 1, "Account": 1}})
        self.log_in("dora")
        exported = self.asks("GET", "/export?secrets=yes").body.splitlines()
        for record in body.splitlines():
            self.assertTrue(
                any(
                    orjson.loads(line) | {"rev": 0} == orjson.loads(record) | {"rev": 0}
                    for line in exported
                )
            )

    def test_a_store_with_records_of_its_own_is_not_restored(self) -> None:
        export, plain = (self.asks("GET", f"/export{query}").body for query in ("?secrets=yes", ""))
        before = self.everything()
        for path, body, status, code in (
            ("/import?restore=yes", export, 409, "not_empty"),
            ("/import?restore=yes", plain, 400, "bad_export"),
            ("/import?restore=yes", b"", 400, "bad_export"),
            ("/import?restore=yes", export[:-10], 400, "bad_export"),
            ("/import?restore=yes", export.replace(b"anna", b"hanna"), 400, "bad_export"),
            ("/import", export.replace(b"anna", b"hanna"), 400, "bad_export"),
            ("/import?restore=maybe", export, 400, "invalid"),
        ):
            answered = self.asks("POST", path, body, Content_Type=LINES)
            field = "restore" if code == "invalid" else None
            self.refused(answered, status, code, field)
        self.assertEqual(self.everything(), before)

    def test_the_body_may_come_in_pieces_of_any_size_and_in_chunks(self) -> None:
        body = lines(*map(a_message, range(1, 400)))
        self.client.says(
            request(
                "POST", "/import", body, token=self.root_token, headers={"Content-Type": LINES}
            )[:-10]
        )
        self.assertEqual(self.client.hears(), b"")
        self.client.says(body[-10:])
        answered = self.hears("POST")
        self.told(answered, 200, {"imported": {"Message": 399}})
        head = request(
            "POST",
            "/import",
            token=self.root_token,
            headers={"Content-Type": LINES, "Transfer-Encoding": "chunked"},
        )
        more = lines(a_message(1000))
        self.client.says(head + b"%x\r\n%b\r\n0\r\n\r\n" % (len(more), more))
        answered = self.hears("POST")
        self.told(answered, 200, {"imported": {"Message": 1}})

    def test_faults_are_told_with_line_and_field_and_nothing_is_imported(self) -> None:
        self.have(self.store.insert(Message, 1, data="known"))
        before = self.everything()
        body = (
            lines(a_message(2), a_message(1))
            + b"\n{nonsense\n"
            + lines({"kind": "Message", "id": 3, "data": ""})
        )
        answered = self.imports(body)
        faults = [
            {"line": 2, "field": "id", "message": "expected an id that is free"},
            {"line": 4, "field": None, "message": "expected a JSON object in UTF-8"},
            {"line": 5, "field": "data", "message": "expected a text of 1 to 10000 characters"},
        ]
        message = "3 faults, and nothing was imported"
        self.told(
            answered,
            400,
            {"error": {"code": "invalid", "message": message, "field": None, "faults": faults}},
        )
        self.assertEqual(self.everything(), before)
        many = self.imports(lines(*({"kind": "Nothing"} for _ in range(1000)))).json["error"]
        self.assertEqual(len(many["faults"]), MOST_FAULTS)
        self.assertEqual(many["message"], f"{MOST_FAULTS} or more faults, and nothing was imported")

    def test_no_secret_is_in_what_is_told_of_a_fault(self) -> None:
        secret = "$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$s3cret"
        account = {
            "kind": "Account",
            "id": 78,
            "login": "do ra",
            "role": "user",
            "company_id": 1,
            "active": True,
        }
        answered = self.imports(
            lines({**account, "password_hash": secret}) + b'{"password": "s3cret'
        )
        self.assertEqual(answered.status, 400)
        self.assertNotIn(b"s3cret", answered.body)

    def test_an_empty_body_imports_nothing(self) -> None:
        for body in (b"", b"\n\n"):
            self.told(self.imports(body), 200, {"imported": {}})
        self.told(self.asks("POST", "/import", Content_Type=LINES), 200, {"imported": {}})

    def test_the_body_is_of_a_type_that_lines_may_have(self) -> None:
        for id, type in enumerate(
            ("application/jsonl", "text/plain; charset=utf-8", "application/octet-stream")
        ):
            self.assertEqual(
                self.imports(lines(a_message(id)), Content_Type=type).status, 200, type
            )
        for type in ("text/html", ""):
            self.refused(self.imports(lines(a_message(9)), Content_Type=type), 415, "wrong_type")

    def test_who_may_not_import_sends_no_body_for_nothing(self) -> None:
        for token, status, code in (
            (None, 401, "not_logged_in"),
            (self.token_of("anna"), 403, "forbidden"),
        ):
            self.client.connect()
            whole = request(
                "POST",
                "/import",
                lines(a_message(1)),
                token=token,
                headers={"Content-Length": "1000000"},
            )
            self.client.says(whole)
            answered = self.hears("POST")
            self.refused(answered, status, code, Connection="close")
            self.assertEqual(list(Path(tempfile.gettempdir()).iterdir()), [])

    def test_an_upload_takes_no_descriptor_before_the_login(self) -> None:
        self.patch(records, "TemporaryFile", lambda: self.fail("a file was made"))
        for body in (b"", b"{"):
            self.client.connect()
            self.client.says(
                request("POST", "/import", body, headers={"Content-Length": "1000000"})
            )
            self.refused(self.hears("POST"), 401, "not_logged_in", Connection="close")
        self.client.connect()
        self.client.says(
            request(
                "POST", "/import", b"", token=self.root_token, headers={"Content-Length": "1000000"}
            )
        )
        self.assertEqual(self.client.hears(), b"")

    def test_it_has_a_limit_of_its_own(self) -> None:
        line = lines(a_message(1, "x" * 9_000))
        blanks = (b" " * 100_000 + b"\n") * (IMPORT_LIMIT // 100_000 + 1)
        enough = line + blanks[len(line) - IMPORT_LIMIT :]
        self.told(self.imports(enough), 200, {"imported": {"Message": 1}})
        self.refused(self.imports(enough + b"\n"), 413, "too_large", Connection="close")

    def test_nothing_stays_on_the_disk(self) -> None:
        for body in (lines(a_message(1)), b"nonsense\n"):
            self.imports(body)
        self.client.says(
            request(
                "POST", "/import", b"{", token=self.root_token, headers={"Content-Length": "1000"}
            )
        )
        self.client.connection.connectionLost()
        self.assertEqual(list(Path(tempfile.gettempdir()).iterdir()), [])

    def test_others_are_answered_while_it_is_checked(self) -> None:
        body = lines(*map(a_message, range(5_000)))
        self.client.says(
            request("POST", "/import", body, token=self.root_token, headers={"Content-Type": LINES})
        )
        self.assertEqual(self.client.transport.value(), b"")
        other = self.a_client()
        answered = other.asks("GET", "/accounts", token=self.root_token)
        self.assertEqual(answered.status, 200)
        answered = self.hears("POST")
        self.assertEqual(answered.json, {"imported": {"Message": 5_000}})

    def test_a_peer_that_goes_away_meanwhile_leaves_the_import_to_its_end(self) -> None:
        body = lines(*map(a_message, range(5_000)))
        self.client.says(
            request("POST", "/import", body, token=self.root_token, headers={"Content-Type": LINES})
        )
        self.client.connection.connectionLost()
        for _ in range(MOST_TURNS):
            self.clock.advance(REST_SECONDS)
        self.assertEqual(self.have(self.store.count(Message)), 5_000)


class StatusTests(AdminCase):
    def test_who_has_no_login_is_told_where_the_dialects_are_for_him(self) -> None:
        answered = self.asks("GET", "/dialects", token=None)
        self.told(
            answered,
            200,
            {
                "items": [
                    {"name": "users", "at": "localhost:8080"},
                    {"name": "way", "at": None},
                ],
                "next": None,
            },
        )

    def test_the_health_needs_no_login(self) -> None:
        good = {
            "status": "good",
            "dialects": {"users": {"listening": True}, "admin": {"listening": True}},
            "store": {"reachable": True},
        }
        self.told(self.asks("GET", "/health", token=None), 200, good)

    def test_what_does_not_listen_is_told(self) -> None:
        self.listening["users"] = False
        answered = self.asks("GET", "/health", token=None)
        self.assertEqual(
            (answered.status, answered.json["status"], answered.field("Retry-After")),
            (503, "bad", "1"),
        )
        self.assertEqual(
            answered.json["dialects"], {"users": {"listening": False}, "admin": {"listening": True}}
        )

    def test_a_store_out_of_reach_is_told(self) -> None:
        self.patch(self.store, "count", lambda kind: fail(Unavailable()))
        answered = self.asks("GET", "/health", token=None)
        self.assertEqual((answered.status, answered.json["store"]), (503, {"reachable": False}))

    def test_a_store_that_does_not_answer_is_out_of_reach(self) -> None:
        self.patch(self.store, "count", lambda kind: Deferred())
        self.client.says(request("GET", "/health"))
        self.clock.advance(STORE_SECONDS)
        (answered,) = answers(self.client.hears(), ("GET",))
        self.assertEqual((answered.status, answered.json["store"]), (503, {"reachable": False}))

    def test_the_figures_need_no_login(self) -> None:
        self.asks("GET", "/accounts")
        answered = self.asks("GET", "/metrics", token=None)
        self.assertEqual(
            (answered.status, answered.field("Content-Type")),
            (200, "text/plain; version=0.0.4; charset=utf-8"),
        )
        self.assertIn(
            b'sockcrud_requests_total{dialect="admin",operation="accounts.list",outcome="ok"} '
            b"1.0\n",
            answered.body,
        )
        self.assertIn(b'sockcrud_store_records{kind="Account"} 4.0\n', answered.body)
        for secret in (self.root_token, "root", "anna"):
            self.assertNotIn(secret.encode(), answered.body)

    def test_the_description_needs_an_admins_token(self) -> None:
        self.refused(self.asks("GET", "/openapi.json", token=None), 401, "not_logged_in")
        answered = self.asks("GET", "/openapi.json")
        self.assertEqual((answered.status, answered.json["openapi"]), (200, "3.1.0"))


class HTTPTests(AdminCase):
    def test_the_checks_have_their_order(self) -> None:
        large = b"x" * (2**20 + 1)
        for method, target, token, type, body, status in (
            ("PUT", "/nowhere", None, "text/html", large, 404),
            ("PUT", "/accounts", None, "text/html", large, 405),
            ("POST", "/accounts", None, "text/html", large, 401),
            ("POST", "/accounts", "", "text/html", large, 415),
            ("POST", "/accounts", "", "application/json", large, 413),
            ("POST", "/accounts", "", "application/json; charset=utf-8", b"[", 400),
        ):
            answered = self.asks(method, target, body, token=token, Content_Type=type)
            self.assertEqual(answered.status, status)
            self.assertEqual(sorted(answered.json["error"]), ["code", "field", "message"])

    def test_paths_and_methods(self) -> None:
        for path in ("/", "/nowhere", "/accounts/x", "/accounts/1/2", "//accounts"):
            self.refused(self.asks("GET", path), 404, "no_such_path")
        self.assertEqual(self.asks("GET", "/accounts/").status, 200)
        for method, path, allow in (
            ("PUT", "/accounts", "GET, HEAD, OPTIONS, POST"),
            ("POST", "/accounts/1", "DELETE, GET, HEAD, OPTIONS, PATCH"),
            ("GET", "/login", "OPTIONS, POST"),
            ("DELETE", "/health", "GET, HEAD, OPTIONS"),
            ("GET", f"/sessions/{ABSENT}", "DELETE, OPTIONS"),
        ):
            self.refused(self.asks(method, path), 405, "no_such_method", Allow=allow)
            answered = self.asks("OPTIONS", path, token=None)
            self.assertEqual(
                (answered.status, answered.field("Allow"), answered.body), (204, allow, b"")
            )

    def test_no_web_page_may_use_it_unless_its_origin_is_configured(self) -> None:
        for method, token in (("OPTIONS", None), ("GET", ""), ("GET", None)):
            answered = self.asks(method, "/accounts", token=token, Origin="https://x.org")
            self.assertEqual(
                [
                    name
                    for name in answered.fields
                    if name.startswith(b"access-control") or name == b"vary"
                ],
                [],
            )
        self.client = self.a_client(Terms(Origins(("https://x.org",))))
        for origin, allowed in (("https://x.org", "https://x.org"), ("https://y.org", None)):
            answered = self.asks("GET", "/accounts", Origin=origin)
            self.assertEqual(answered.field("Access-Control-Allow-Origin"), allowed)

    def test_a_fault_of_ours_is_told_without_its_trace_which_is_in_the_log(self) -> None:
        logged: list[LogEvent] = []
        observer = cast(ILogObserver, logged.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)

        def broken(kind: object, *args: object) -> None:
            raise ZeroDivisionError("s3cret")

        self.patch(self.store, "page", broken)
        answered = self.asks("GET", "/accounts")
        self.refused(answered, 500, "crashed")
        self.assertNotIn(b"s3cret", answered.body)
        self.assertIn("ZeroDivisionError", "".join(map(eventAsText, logged)))
        self.assertNotIn(self.root_token, "".join(map(eventAsText, logged)))
        self.flushLoggedErrors(ZeroDivisionError)

    def test_a_store_out_of_reach_is_503(self) -> None:
        self.patch(self.store, "page", lambda *args: fail(Unavailable()))
        self.refused(self.asks("GET", "/accounts"), 503, "unavailable", Retry_After="1")

    def test_no_answer_and_no_line_of_the_log_holds_a_secret(self) -> None:
        logged: list[LogEvent] = []
        observer = cast(ILogObserver, logged.append)
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        token = self.asks("POST", "/login", {"login": "root", "password": RIGHT}, token=None).json[
            "token"
        ]
        said = b""
        for method, target, body in (
            ("POST", "/accounts", {"login": "dora", "password": RIGHT}),
            ("PATCH", f"/accounts/{self.anna.id}", {"password": RIGHT}),
            ("GET", "/accounts", None),
            ("GET", "/sessions", None),
            ("GET", "/changes?since=0", None),
            ("GET", "/export", None),
            ("GET", "/metrics", None),
        ):
            said += self.asks(method, target, body, token=token).body
        said += "".join(map(eventAsText, logged)).encode()
        secrets = [RIGHT, token, *(a.password_hash for a in self.have(self.store.page(Account, 9)))]
        secrets += [session.token_hash for session in self.have(self.store.page(Session, 9))]
        self.assertEqual([secret for secret in secrets if secret.encode() in said], [])
