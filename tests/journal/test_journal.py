"""What people see of requests and answers."""

from __future__ import annotations

import json
from typing import Any

from sockcrud.protocols.recording import CUT
from tests.journal.journal_kit import JournalCase

CREATE = (
    b'{"id_operation":"create_user","payload":{"name":"Ana","email":"ana@example.org","age":30}}'
)


class LineTests(JournalCase):
    def test_a_request_is_shown_as_it_came_as_it_was_read_and_as_it_was_answered(self) -> None:
        caller = self.call("users")
        said = caller.ask(CREATE + b"\n")
        caller.leave()
        opened, entry, closed = self.entries()
        self.assertEqual((opened["kind"], closed["kind"]), ("open", "close"))
        self.assertEqual(closed["reason"], "the peer closed it")
        self.assertEqual(entry["operation"], "create_user")
        self.assertEqual(
            entry["fields"], {"payload": {"name": "Ana", "email": "ana@example.org", "age": 30}}
        )
        self.assertEqual(entry["request"]["text"].encode(), CREATE)
        self.assertEqual(entry["answer"]["text"].encode(), said)
        self.assertEqual((entry["dialect"], entry["connection"]), ("users", 1))
        self.assertEqual((entry["refused"], entry["fault"]), ([], None))

    def test_the_time_is_that_of_day_also_where_it_was_set_meanwhile(self) -> None:
        self.clock.advance(5)
        self.time_of_day.advance(5)
        self.ask("users", CREATE + b"\n")
        self.assertEqual(self.asked()[0]["at"], "2023-11-14T22:13:25.000+00:00")
        self.time_of_day.advance(3600)
        self.assertEqual(self.asked()[0]["at"], "2023-11-14T23:13:25.000+00:00")

    def test_numbers_rise_by_one(self) -> None:
        for _ in range(3):
            self.ask("users", b'{"id_operation":"get_users"}\n')
        self.assertEqual([entry["id"] for entry in self.entries()], list(range(1, 10)))

    def test_the_reason_of_a_refusal_is_shown_with_its_field(self) -> None:
        self.ask("users", CREATE.replace(b'"name":"Ana",', b"") + b"\n")
        (entry,) = self.asked(refused=True)
        self.assertEqual(
            entry["refused"],
            [
                {
                    "operation": "create_user",
                    "field": "name",
                    "reason": "expected a value, and there is none",
                }
            ],
        )

    def test_where_json_goes_wrong_is_said_by_the_byte(self) -> None:
        for sent, offset in (
            (b'{"id_operation": "get_users", payload}', 30),
            ('{"id_operation": "é", payload}'.encode(), 23),
            (b'{"id_operation": "\xff"}', 18),
        ):
            with self.subTest(sent=sent):
                self.ask("users", sent + b"\n")
                entry = self.asked()[-1]
                self.assertEqual(entry["fault"]["offset"], offset)
                self.assertIsNone(entry["operation"])
                self.assertEqual(len(entry["refused"]), 1)

    def test_each_request_of_a_piece_has_its_own_bytes_and_answer(self) -> None:
        lines = [b'{"id_operation":"get_user","payload":{"user_id":%d}}' % id for id in range(1, 6)]
        for joint in (b"\n", b"", b" \r\n"):
            for size in (1, 7, 1000):
                with self.subTest(joint=joint, size=size):
                    caller = self.call("users")
                    data = joint.join(lines) + joint
                    for at in range(0, len(data), size):
                        caller.ask(data[at : at + size])
                    self.clock.advance(1)
                    caller.leave()
                    entries = self.asked()[-5:]
                    self.assertEqual(
                        [entry["request"]["text"].strip().encode() for entry in entries], lines
                    )
                    self.assertEqual(
                        [entry["fields"]["payload"]["user_id"] for entry in entries],
                        [1, 2, 3, 4, 5],
                    )

    def test_a_misspelt_name_is_shown_and_an_unknown_one_is_not(self) -> None:
        self.ask("users", b'{"id_operation":"create_usr","payload":{"nome":"x","Zq9":"y"}}\n')
        (entry,) = self.asked()
        self.assertEqual(entry["operation"], "create_usr")
        self.assertEqual(entry["fields"], {"payload": {"nome": "***", "***": "***"}})

    def test_a_long_answer_is_shown_in_part(self) -> None:
        for _ in range(60):
            self.ask("users", CREATE + b"\n")
        said = self.ask("users", b'{"id_operation":"get_users"}\n')
        answer = self.asked()[-1]["answer"]
        self.assertEqual((answer["bytes"], answer["cut"]), (len(said), True))
        self.assertTrue(said.decode().startswith(answer["text"].removesuffix("…")))
        self.assertGreater(len(answer["text"]), CUT - 200)

    def test_entries_are_chosen_by_dialect_peer_and_refusal(self) -> None:
        self.ask("users", b"{}\n")
        self.ask("messages", b'{"op":"mostrar"}\n')
        self.assertEqual({entry["dialect"] for entry in self.entries(dialect="users")}, {"users"})
        self.assertEqual(len(self.entries(refused=True)), 1)
        self.assertEqual(self.entries(peer="192.0.2.99"), [])
        self.assertEqual(len(self.entries()), 6)


class HTTPTests(JournalCase):
    def test_a_request_is_shown_with_its_route_and_who_asked(self) -> None:
        token = self.log_in("root", "admin").token
        self.ask_http("admin", "GET", "/accounts?limit=2", token=token)
        (entry,) = self.asked()
        self.assertEqual((entry["operation"], entry["login"]), ("GET /accounts", "root"))
        self.assertEqual(entry["fields"], {"limit": "2"})
        self.assertIn("GET /accounts?limit=2 HTTP/1.1\r\n", entry["request"]["text"])
        self.assertIn("Authorization: Bearer ***\r\n", entry["request"]["text"])
        self.assertIn('"login":"root"', entry["answer"]["text"])

    def test_bodies_are_shown_however_they_are_framed(self) -> None:
        token = self.log_in("root", "admin").token
        body = b'{"name":"Acme","note":"x"}'
        head = b"POST /companies HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer "
        head += token.encode() + b"\r\nContent-Type: application/json\r\n"
        for framed in (
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body),
            b"Transfer-Encoding: chunked\r\n\r\n5\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n"
            % (body[:5], len(body) - 5, body[5:]),
        ):
            for size in (1, 1000):
                with self.subTest(framed=framed, size=size):
                    caller = self.call("admin")
                    data = head + framed
                    for at in range(0, len(data), size):
                        caller.ask(data[at : at + size])
                    caller.leave()
                    entry = self.asked()[-1]
                    self.assertEqual(entry["operation"], "POST /companies")
                    self.assertEqual(entry["fields"]["name"], "Acme")
                    self.assertEqual(entry["request"]["bytes"], len(data))

    def test_pipelined_requests_have_their_own_bytes(self) -> None:
        caller = self.call("shop")
        heads = [f"GET /{name}/health HTTP/1.1\r\nHost: localhost\r\n\r\n" for name in "abc"]
        caller.ask("".join(heads).encode())
        caller.leave()
        self.assertEqual([entry["request"]["bytes"] for entry in self.asked()], [len(heads[0])] * 3)

    def test_requests_far_behind_in_one_piece_have_their_own_bytes_too(self) -> None:
        caller = self.call("shop")
        heads = [f"GET /{at}/health HTTP/1.1\r\nHost: localhost\r\n\r\n" for at in range(100, 200)]
        caller.ask("".join(heads).encode())
        for _ in range(10):
            self.clock.advance(0)
        caller.leave()
        entries = [entry["request"] for entry in self.asked()]
        self.assertEqual([entry["bytes"] for entry in entries], [len(heads[0])] * 100)
        self.assertTrue(all(entry["text"].startswith("GET /") for entry in entries))

    def test_a_body_that_is_not_wanted_is_an_entry_of_its_head(self) -> None:
        head = b"POST /accounts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\n"
        said = self.ask("admin", head)
        (entry,) = self.asked()
        self.assertEqual(entry["request"]["bytes"], len(head))
        self.assertEqual(entry["answer"]["bytes"], len(said))
        self.assertTrue(entry["refused"])

    def test_who_is_too_slow_is_an_entry_too(self) -> None:
        caller = self.call("admin")
        caller.ask(b"GET /accounts HT")
        self.clock.advance(11)
        caller.leave()
        entry, closed = self.entries()[-2:]
        self.assertIn("408", entry["answer"]["text"])
        self.assertEqual(entry["request"]["bytes"], 16)
        self.assertEqual(closed["reason"], "closed behind an answer")

    def test_what_never_came_whole_is_an_entry_without_an_answer(self) -> None:
        caller = self.call("admin")
        caller.ask(b"GET /accounts HT")
        caller.leave()
        entry = self.asked()[-1]
        self.assertEqual((entry["request"]["bytes"], entry["answer"]["bytes"]), (16, 0))

    def test_a_broken_body_says_at_which_byte_of_the_request(self) -> None:
        token = self.log_in("root", "admin").token
        self.ask_http("admin", "POST", "/companies", b'{"name": oops}', token=token)
        (entry,) = self.asked()
        text = entry["request"]["text"]
        self.assertIn(entry["fault"]["message"], "Expecting value")
        self.assertTrue(entry["refused"])
        self.assertIn('{"name": ', text)


class AdminTests(JournalCase):
    def setUp(self) -> None:
        super().setUp()
        self.token = self.log_in("root", "admin").token

    def got(self, target: str, token: str | None = None) -> tuple[int, Any]:
        said = self.ask_http("admin", "GET", target, token=token or self.token)
        head, _, body = said.partition(b"\r\n\r\n")
        return int(head.split(b" ")[1]), json.loads(body)

    def test_the_journal_is_paged(self) -> None:
        for _ in range(10):
            self.ask("users", b'{"id_operation":"get_users"}\n')
        seen: list[int] = []
        after: int | None = 0
        while after is not None:
            status, page = self.got(f"/journal?dialect=users&limit=7&after={after}")
            self.assertEqual(status, 200)
            seen += [entry["id"] for entry in page["items"]]
            after = page["next"]
        self.assertEqual(len(seen), 30)
        self.assertEqual(seen, sorted(set(seen)))

    def test_to_look_at_the_journal_leaves_no_request_in_it(self) -> None:
        for _ in range(5):
            self.got("/journal")
        self.assertEqual(self.asked(), [])

    def test_one_entry_is_shown_by_its_number(self) -> None:
        self.ask("users", b'{"id_operation":"get_users"}\n')
        status, entry = self.got("/journal/2")
        self.assertEqual((status, entry["operation"]), (200, "get_users"))
        self.assertEqual(self.got("/journal/2000")[0], 404)

    def test_only_admins_see_it(self) -> None:
        token = self.log_in("anna", "admin").token
        for target in ("/journal", "/journal/1", "/journal/stream"):
            self.assertEqual(self.got(target, token)[0], 403)

    def test_what_is_asked_wrongly_is_refused_with_its_field(self) -> None:
        for query in ("limit=0", "limit=x", "after=x", "refused=perhaps"):
            status, body = self.got(f"/journal?{query}")
            self.assertEqual((status, body["error"]["field"]), (400, query.partition("=")[0]))
