# mypy: allow-untyped-calls
"""The asynchronous face over a connection in memory, with a clock that the test moves."""

from __future__ import annotations

from itertools import pairwise

from twisted.internet.defer import CancelledError
from twisted.internet.error import ConnectionRefusedError

from sockcrud.apps.messages.client import Message
from sockcrud.client import Users, Web, over_reactor
from sockcrud.client.calls import MOST_IN_FLIGHT
from sockcrud.client.errors import BadAnswer, CannotSend, ServerGone, TimedOut
from sockcrud.client.over_reactor import LONGEST_GOODBYE
from tests.client.client_kit import TIMEOUT, UP, DriverCase, shown


class PipelineTests(DriverCase):
    def test_many_calls_go_at_once_and_their_answers_are_matched_in_order(self) -> None:
        calls = [self.messages.get(id) for id in range(5)]
        self.assertEqual(self.server.said().count(b"\n"), 5)
        self.server.answers(b"".join(map(shown, range(5))))
        for id, call in enumerate(calls):
            self.gives(call, Message(id, "x"))
        self.assertEqual(self.server.attempts, 1)

    def test_a_refusal_is_the_outcome_of_its_call_alone(self) -> None:
        first, second = self.messages.delete(1), self.messages.get(2)
        self.server.answers(b'{"status":402,"message":"ID n","data":""}\n' + shown(2))
        self.assertEqual(self.fails(first, Exception).status, 402)
        self.gives(second, Message(2, "x"))

    def test_so_many_calls_are_under_way_and_no_more(self) -> None:
        calls = [self.messages.get(id) for id in range(MOST_IN_FLIGHT + 2)]
        self.assertEqual(self.server.said().count(b"\n"), MOST_IN_FLIGHT)
        self.server.answers(shown(0))
        self.assertEqual(self.server.said().count(b"\n"), 1)
        self.server.answers(b"".join(map(shown, range(1, MOST_IN_FLIGHT + 1))))
        self.server.answers(shown(MOST_IN_FLIGHT + 1))
        for id, call in enumerate(calls):
            self.gives(call, Message(id, "x"))

    def test_so_many_calls_wait_and_one_more_cannot_be_sent(self) -> None:
        self.patch(over_reactor, "MOST_WAITING", 100)
        calls = [self.messages.get(id) for id in range(100)]
        self.assertIn("waiting already", str(self.fails(self.messages.get(0), CannotSend)))
        self.server.ends()
        for call in calls[:MOST_IN_FLIGHT]:
            self.fails(call, ServerGone)
        closed = self.messages.close()
        self.server.ends()
        self.successResultOf(closed)
        for call in calls[MOST_IN_FLIGHT:]:
            call.addErrback(lambda failure: failure.trap(ServerGone, CannotSend))
            self.successResultOf(call)

    def test_http_is_pipelined_once_the_server_has_shown_that_the_connection_goes_on(self) -> None:
        calls = [self.shop.health() for _ in range(4)]
        self.assertEqual(self.server.said().count(b"GET "), 1)
        self.server.answers(UP)
        self.assertEqual(self.server.said().count(b"GET "), 3)
        self.server.answers(UP * 3)
        for call in calls:
            self.gives(call, "up")

    def test_http_that_closes_after_each_answer_serves_all_calls_by_a_connection_each(self) -> None:
        calls = [self.shop.delete_client(id) for id in range(3)]
        for _ in calls:
            self.server.answers(
                b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
            )
        for call in calls:
            self.gives(call, None)
        self.assertEqual(self.server.attempts, 3)

    def test_the_answer_to_a_head_has_no_body_and_the_next_answer_comes_behind_it(self) -> None:
        web = Web(self.clock, self.server, timeout=TIMEOUT)
        first = web.fetch("GET", "/")
        self.server.answers(UP)
        head, last = web.fetch("HEAD", "/"), web.fetch("GET", "/")
        self.server.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n" + UP)
        self.assertEqual(
            [self.successResultOf(each).body for each in (first, head, last)],
            [b'{"msg":"up"}', b"", b'{"msg":"up"}'],
        )

    def test_a_call_made_when_an_answer_comes_goes_over_the_same_connection(self) -> None:
        first = self.messages.get(1)
        second = first.addCallback(lambda _: self.messages.get(2))
        self.server.answers(shown(1))
        self.server.answers(shown(2))
        self.gives(second, Message(2, "x"))
        self.assertEqual(self.server.attempts, 1)


class LostTests(DriverCase):
    def test_a_server_killed_in_the_middle_of_a_pipeline(self) -> None:
        calls = [self.messages.get(id) for id in range(10)]
        self.server.answers(b"".join(map(shown, range(4))) + shown(4)[:7])
        self.server.ends(clean=False)
        for id, call in enumerate(calls[:4]):
            self.gives(call, Message(id, "x"))
        for call in calls[4:]:
            gone = self.fails(call, ServerGone)
            self.assertEqual(
                (gone.code, gone.message, gone.may_have_happened), (505, "Conexão encerrada", True)
            )
        self.assertEqual(self.server.attempts, 1)

    def test_the_next_call_after_a_loss_connects_again(self) -> None:
        self.gives_one()
        self.server.ends()
        self.gives_one()
        self.assertEqual(self.server.attempts, 2)

    def gives_one(self) -> None:
        call = self.messages.get(1)
        self.server.answers(shown(1))
        self.gives(call, Message(1, "x"))

    def test_only_reads_are_sent_again_and_only_where_nothing_was_heard(self) -> None:
        self.gives_one()
        self.server.said()
        read, change = self.messages.get(2), self.messages.delete(3)
        asked = self.server.said()
        self.server.ends()
        self.fails(change, ServerGone)
        self.assertEqual(self.server.said(), asked[: asked.index(b"\n") + 1])
        self.server.answers(shown(2))
        self.gives(read, Message(2, "x"))

    def test_a_read_that_cannot_be_sent_again_ends_as_the_server_being_gone(self) -> None:
        self.gives_one()
        call = self.messages.get(2)
        self.server.errors.append(ConnectionRefusedError())
        self.server.ends()
        self.fails(call, ServerGone)

    def test_the_servers_last_line_means_that_it_is_gone_for_all_under_way(self) -> None:
        calls = [self.messages.get(id) for id in range(3)]
        self.server.answers(
            shown(0) + '{"status":505,"message":"Conexão encerrada","data":""}\n'.encode()
        )
        self.gives(calls[0], Message(0, "x"))
        for call in calls[1:]:
            self.assertEqual(self.fails(call, ServerGone).message, "Conexão encerrada")
        self.assertTrue(self.server.is_cut)

    def test_after_a_bad_answer_the_rest_under_way_is_lost_and_what_waits_is_sent_over_another_connection(  # noqa: E501
        self,
    ) -> None:
        calls = [self.messages.get(id) for id in range(MOST_IN_FLIGHT + 1)]
        self.server.answers(b"garbage\n")
        self.fails(calls[0], BadAnswer)
        for call in calls[1:-1]:
            self.fails(call, ServerGone)
        self.assertEqual(self.server.attempts, 2)
        self.server.answers(shown(9))
        self.gives(calls[-1], Message(9, "x"))

    def test_a_change_goes_over_a_new_connection_where_the_old_one_was_closed_between_calls(
        self,
    ) -> None:
        self.gives_one()
        self.server.ends()
        call = self.messages.delete(1)
        self.server.answers(b'{"status":202,"message":"Mensagem deletada","data":""}\n')
        self.gives(call, None)

    def test_what_is_said_behind_the_last_answer_ends_the_connection(self) -> None:
        call = self.messages.get(1)
        self.server.answers(shown(1) + shown(9))
        self.gives(call, Message(1, "x"))
        self.assertTrue(self.server.is_cut)
        self.gives_one()

    def test_what_is_said_while_nothing_is_under_way_ends_the_connection(self) -> None:
        self.gives_one()
        self.server.answers(shown(2))
        self.assertTrue(self.server.is_cut)
        self.gives_one()
        self.assertEqual(self.server.attempts, 2)


class TimeTests(DriverCase):
    def test_a_call_without_an_answer_ends_in_its_time_and_takes_the_connection_with_it(
        self,
    ) -> None:
        first = self.messages.get(1)
        self.clock.advance(4)
        second = self.messages.get(2)
        self.clock.advance(5.9)
        self.assertNoResult(first)
        self.clock.advance(0.1)
        self.assertTrue(self.fails(first, TimedOut).may_have_happened)
        self.fails(second, ServerGone)
        self.assertTrue(self.server.is_cut)

    def test_an_answer_that_drips_in_gives_the_call_no_more_time(self) -> None:
        call = self.messages.get(1)
        for byte in shown(1)[:10]:
            self.clock.advance(1)
            self.server.answers(bytes([byte]))
        self.fails(call, TimedOut)

    def test_a_connection_that_does_not_come_about_ends_the_call_in_its_time(self) -> None:
        self.server.hold()
        call = self.messages.get(1)
        self.clock.advance(TIMEOUT)
        unsent = self.fails(call, CannotSend)
        self.assertEqual((unsent.code, unsent.message), (504, "Mensagem não foi enviada"))
        self.assertEqual(self.server.cancelled, 1)

    def test_what_waits_when_another_runs_out_of_time_has_a_connection_of_its_own(self) -> None:
        first = self.shop.health()
        self.clock.advance(1)
        second = self.shop.health()
        self.clock.advance(TIMEOUT - 1)
        self.fails(first, TimedOut)
        self.server.answers(UP)
        self.gives(second, "up")
        self.assertEqual(self.server.attempts, 2)

    def test_a_server_that_cannot_be_reached_is_left_alone_for_longer_each_time(self) -> None:
        self.server.errors = [ConnectionRefusedError() for _ in range(30)]
        self.fails(self.messages.get(1), CannotSend)
        waits = []
        for _ in range(10):
            call, attempts, waited = self.messages.get(1), self.server.attempts, 0.0
            while self.server.attempts == attempts:
                self.clock.advance(0.05)
                waited += 0.05
            self.fails(call, CannotSend)
            waits.append(waited)
        for earlier, later in pairwise(waits):
            self.assertGreater(later, earlier - 0.06)  # which is how finely the clock was moved
        self.assertLess(waits[0], 0.2)
        self.assertGreater(waits[-1], 2)
        self.assertLess(waits[-1], TIMEOUT / 4 + 0.06)

    def test_the_first_success_ends_the_waiting(self) -> None:
        self.server.errors = [ConnectionRefusedError() for _ in range(3)]
        for _ in range(3):
            call = self.messages.get(1)
            self.clock.advance(1)
            self.fails(call, CannotSend)
        call = self.messages.get(1)
        self.clock.advance(1)
        self.server.answers(shown(1))
        self.gives(call, Message(1, "x"))
        self.server.ends()
        call = self.messages.get(1)
        self.server.answers(shown(1))
        self.gives(call, Message(1, "x"))


class EndTests(DriverCase):
    def test_closing_ends_the_connection_and_every_call(self) -> None:
        calls = [self.shop.health() for _ in range(3)]
        closed = self.shop.close()
        self.assertNoResult(closed)
        self.fails(calls[0], ServerGone)
        for call in calls[1:]:
            self.fails(call, CannotSend)
        self.server.ends()
        self.successResultOf(closed)
        self.successResultOf(self.shop.close())
        self.fails(self.shop.health(), CannotSend)

    def test_closing_an_idle_connection_does_so_in_order_and_cuts_it_where_that_takes_too_long(
        self,
    ) -> None:
        call = self.messages.get(1)
        self.server.answers(shown(1))
        self.gives(call, Message(1, "x"))
        closed, again = self.messages.close(), self.messages.close()
        transport = self.server.transports[0]
        self.assertTrue(transport.disconnecting)
        self.assertFalse(transport.disconnected)
        self.clock.advance(LONGEST_GOODBYE)
        self.assertTrue(transport.disconnected)
        self.server.ends()
        self.successResultOf(closed)
        self.successResultOf(again)

    def test_closing_while_it_connects(self) -> None:
        self.server.hold()
        call = self.messages.get(1)
        self.successResultOf(self.messages.close())
        self.assertIn("the client was closed", str(self.fails(call, CannotSend)))
        self.assertEqual(self.server.cancelled, 1)

    def test_a_cancelled_call_that_was_sent_leaves_the_others_their_answers(self) -> None:
        first, second = self.messages.get(1), self.messages.get(2)
        first.cancel()
        self.fails(first, CancelledError)
        self.server.answers(shown(1) + shown(2))
        self.gives(second, Message(2, "x"))

    def test_a_cancelled_call_that_was_not_sent_is_not(self) -> None:
        first, second = self.shop.health(), self.shop.delete_client(2)
        second.cancel()
        self.fails(second, CancelledError)
        self.server.answers(UP)
        self.gives(first, "up")
        self.assertNotIn(b"DELETE", self.server.said())

    def test_what_cannot_be_a_request_fails_as_a_deferred(self) -> None:
        users = Users(self.clock, self.server)
        self.fails(users.send("two\nlines"), CannotSend)
        self.fails(users.send("  "), CannotSend)
        self.fails(users.create("half a letter: \ud800", "a@example.org", 3), CannotSend)
        self.assertEqual(self.server.attempts, 0)
