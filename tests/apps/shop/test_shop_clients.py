# mypy: allow-untyped-calls
"""Clients and addresses on the wire: docs/protocols/shop.md."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson

from sockcrud.apps.shop.records import Address, Client
from sockcrud.errors import Busy, InDoubt, Unavailable
from sockcrud.rest.origins import Origins
from sockcrud.rest.routed import Terms
from tests.apps.shop.shop_kit import ARTHUR, HOME, PEN, PURCHASE, ShopWireCase
from tests.support.http_kit import answers, request

SHOWN = {**ARTHUR, "id": 1, "balance": "30.25"}
OTHER = {
    "name": "Vinícius",
    "email": "Vinícius_Peixoto@inmetrics.com.br",
    "cpf": "454.454.454-27",
    "balance": "30.25",
}
NO_CLIENT = (404, {"msg": "There is no client with id 7"})
DEAD = "F" * 64


class ClientTests(ShopWireCase):
    """At their own port."""

    def setUp(self) -> None:
        super().setUp()
        self.port = "clients"

    def have_clients(self, numbers: range) -> None:
        for number in numbers:
            cpf = f"000.000.{number // 100:03d}-{number % 100:02d}"
            self.have(
                self.store.insert(
                    Client, name="n" * 100, email=f"{number}@b.cd", cpf=cpf, balance=Decimal("1.00")
                )
            )

    def test_the_document_s_client_is_created_and_fetched(self) -> None:
        created = self.says(
            (201, {"msg": "Client created", "id": 1}), "POST", "/clients/create", ARTHUR
        )
        fetched = self.asks("GET", "/clients/fetch/1")
        self.assertEqual(
            fetched.body,
            b'{"id":1,"name":"Arthur","email":"arthur.giovanini@inmetrics.com.br","cpf":"454.090.000-00","balance":"30.25"}',
        )
        self.assertEqual((fetched.status, fetched.field("ETag")), (200, created.field("ETag")))

    def test_the_document_s_list_is_answered_as_it_stands_there(self) -> None:
        self.says((200, []), "GET", "/clients/fetch")
        self.have_arthur()
        self.says((201, {"msg": "Client created", "id": 2}), "POST", "/clients/create", OTHER)
        answered = self.says((200, [SHOWN, {"id": 2, **OTHER}]), "GET", "/clients/fetch")
        self.assertIn("Vinícius_Peixoto".encode(), answered.body)
        self.assertIsNone(answered.field("ETag"))

    def test_a_list_of_one_slice_and_more_comes_whole_up_to_256_kib_and_in_chunks_beyond(
        self,
    ) -> None:
        self.have_clients(range(1200))
        whole = self.asks("GET", "/clients/fetch")
        self.assertEqual(whole.field("Content-Length"), str(len(whole.body)))
        self.have_clients(range(1200, 3000))
        chunked = self.asks("GET", "/clients/fetch")
        self.assertEqual(chunked.field("Transfer-Encoding"), "chunked")
        self.assertIsNone(chunked.field("Content-Length"))
        self.assertEqual([client["id"] for client in chunked.json], list(range(1, 3001)))
        self.assertGreater(len(chunked.body), 256 * 1024)

    def test_a_long_list_is_of_one_moment(self) -> None:
        self.have_clients(range(3000))
        port = self.ports["clients"]
        port.says(request("GET", "/clients/fetch", token=self.token))
        self.have(self.store.delete(Client, 3000))
        (answered,) = answers(port.hears())
        self.assertEqual(answered.json[-1]["id"], 3000)

    def test_email_and_cpf_belong_to_one_client(self) -> None:
        self.have_arthur()
        taken = self.fails(
            409, "POST", "/clients/create", {**OTHER, "email": ARTHUR["email"].upper()}
        )
        self.assertEqual(taken, "Another client has this email already")
        taken = self.fails(409, "POST", "/clients/create", {**OTHER, "cpf": "45409000000"})
        self.assertEqual(taken, "Another client has this cpf already")
        self.asks("POST", "/clients/create", OTHER)
        self.fails(409, "PUT", "/clients/update/2", {**OTHER, "cpf": ARTHUR["cpf"]})

    def test_a_client_is_updated(self) -> None:
        self.have_arthur()
        old = self.asks("GET", "/clients/fetch/1").field("ETag")
        updated = self.says((200, {"msg": "Client updated"}), "PUT", "/clients/update/1", OTHER)
        fetched = self.says((200, {"id": 1, **OTHER}), "GET", "/clients/fetch/1")
        self.assertEqual(updated.field("ETag"), fetched.field("ETag"))
        self.assertNotEqual(old, fetched.field("ETag"))
        self.says((200, {"msg": "Client updated"}), "PUT", "/clients/update/1", OTHER)

    def test_a_client_goes_with_its_addresses_and_inventory(self) -> None:
        self.port = "shop"
        self.have_arthur()
        self.have_pen()
        self.asks("POST", "/address/create", HOME)
        self.asks("POST", "/inventory/add_product", PURCHASE)
        self.port = "clients"
        self.says((200, {"msg": "Client deleted"}), "DELETE", "/clients/delete/1")
        self.says((200, []), "GET", "/address/fetch")
        self.assertEqual(
            self.ports["inventory"]
            .asks("GET", "/inventory/list_products_id/1", token=self.token)
            .json,
            [],
        )
        self.fails(404, "DELETE", "/clients/delete/1")

    def test_whether_a_client_exists_is_told(self) -> None:
        self.have_arthur()
        self.says((200, {"status": True}), "GET", "/clients/exists/1")
        self.says((200, {"status": False}), "GET", "/clients/exists/7")

    def test_a_client_that_does_not_exist_is_404(self) -> None:
        self.says(NO_CLIENT, "GET", "/clients/fetch/7")
        self.says(NO_CLIENT, "PUT", "/clients/update/7", ARTHUR)
        self.says(NO_CLIENT, "DELETE", "/clients/delete/7")

    def test_what_is_no_whole_number_is_no_path(self) -> None:
        for id in ("x", "1.0", "-1", "%2B1", "0x1", "9" * 19, "9" * 20, "\u0661", "1%20", "1/2"):
            target = f"/clients/fetch/{id}" if id.isascii() else "/clients/fetch/%D9%A1"
            self.says((404, {"msg": "There is no such path"}), "GET", target)
        self.have_arthur()
        self.assertEqual(self.asks("GET", "/clients/fetch/01").status, 200)

    def test_a_slash_at_the_end_makes_no_difference(self) -> None:
        self.says((201, {"msg": "Client created", "id": 1}), "POST", "/clients/create/", ARTHUR)
        self.says((200, [SHOWN]), "GET", "/clients/fetch/")
        self.says((200, SHOWN), "GET", "/clients/fetch/1/")
        self.says((200, SHOWN), "GET", "/clients/fetch/1/?x=y")
        self.fails(404, "GET", "/clients/fetch//")

    def test_a_missing_field_is_400_and_is_named(self) -> None:
        for name in ARTHUR:
            for method, path in (("POST", "/clients/create"), ("PUT", "/clients/update/1")):
                body = {key: value for key, value in ARTHUR.items() if key != name}
                self.assertTrue(self.fails(400, method, path, body).startswith(f"{name}: "))

    def test_a_wrong_field_is_400_and_its_value_is_not_repeated(self) -> None:
        wrong: dict[str, tuple[Any, ...]] = {
            "name": ("", "x" * 101, 5, None, ["Arthur"], "secret\0"),
            "email": ("secret", "a@b", 1, "a b@c.de"),
            "cpf": ("454.090.000.00", "4540900000", 45409000000, "secret"),
            "balance": (-1, 1.999, "1,50", 10**8, True, None, "secret", 1e300),
        }
        for name, values in wrong.items():
            for value in values:
                words = self.fails(400, "POST", "/clients/create", {**ARTHUR, name: value})
                self.assertTrue(words.startswith(f"{name}: expected "), words)
                self.assertNotIn("secret", words)

    def test_fields_that_are_not_named_are_not_written(self) -> None:
        self.says(
            (201, {"msg": "Client created", "id": 1}),
            "POST",
            "/clients/create",
            {**ARTHUR, "id": 9, "rev": 9},
        )
        self.assertEqual(self.asks("GET", "/clients/fetch").json, [SHOWN])

    def test_money_is_taken_as_number_and_text_and_answered_with_two_decimals(self) -> None:
        forms = (
            (0, "0.00"),
            (30, "30.00"),
            (0.1, "0.10"),
            ("30.2", "30.20"),
            (99999999.99, "99999999.99"),
        )
        self.have_arthur()
        for given, shown in forms:
            self.asks("PUT", "/clients/update/1", {**ARTHUR, "balance": given})
            self.assertEqual(self.asks("GET", "/clients/fetch/1").json["balance"], shown)

    def test_a_cpf_of_eleven_digits_gets_its_punctuation(self) -> None:
        self.asks("POST", "/clients/create", {**ARTHUR, "cpf": "45409000000"})
        self.says((200, SHOWN), "GET", "/clients/fetch/1")

    def test_what_is_no_json_object_is_400(self) -> None:
        deep = b'{"a":' * 65 + b"1" + b"}" * 65
        bodies = (
            b"",
            b"[]",
            b"{",
            b'"x"',
            b"null",
            b'{"name": NaN}',
            b'{"name": "\xff"}',
            deep,
            b'{"name":"\\ud800"}',
        )
        for body in bodies:
            self.assertEqual(
                self.fails(400, "POST", "/clients/create", body),
                "body: expected a JSON object in UTF-8",
            )

    def test_health_needs_no_token(self) -> None:
        for path in ("/clients/health", "/address/health"):
            self.says((200, {"msg": "The service is running"}), "GET", path, token=None)


class IfMatchTests(ShopWireCase):
    def setUp(self) -> None:
        super().setUp()
        self.have_arthur()
        self.tag = self.asks("GET", "/clients/fetch/1").field("ETag") or ""

    def update(self, if_match: str) -> int:
        return self.asks("PUT", "/clients/update/1", OTHER, headers={"If-Match": if_match}).status

    def test_the_present_revision_matches_alone_in_a_list_and_as_any(self) -> None:
        self.assertRegex(self.tag, r'^"[1-9][0-9]*"$')
        for form in ("{}", '"999", {}', '{}, "x,y"', 'W/"1",{} ,', "*"):
            tag = self.asks("GET", "/clients/fetch/1").field("ETag") or ""
            self.assertEqual(self.update(form.format(tag)), 200, form)

    def test_anything_else_is_412_and_changes_nothing(self) -> None:
        number = self.tag.strip('"')
        for value in (
            '"999"',
            f"W/{self.tag}",
            f'"0{number}"',
            number,
            "",
            '"x"',
            f'{self.tag} "1"',
            '"' + "9" * 30 + '"',
        ):
            for method, path, body in (
                ("PUT", "/clients/update/1", OTHER),
                ("DELETE", "/clients/delete/1", None),
            ):
                words = self.fails(412, method, path, body, headers={"If-Match": value})
                self.assertEqual(
                    words,
                    f"The record is at revision {number} by now, which If-Match or If-None-Match "
                    f"rules out",
                )

    def test_every_change_of_one_record_honours_it(self) -> None:
        self.have_pen()
        self.asks("POST", "/address/create", HOME)
        self.asks("POST", "/inventory/add_product", PURCHASE)
        address = {key: value for key, value in HOME.items() if key != "client_id"}
        changes: list[tuple[str, str, Any]] = [
            ("PUT", "/address/update/1", address),
            ("PUT", "/products/update/1", PEN),
            ("DELETE", "/address/delete/1", None),
            ("DELETE", "/inventory/remove_product/1", None),
            ("DELETE", "/products/delete/1", None),
        ]
        for method, path, body in changes:
            self.fails(412, method, path, body, headers={"If-Match": '"1"'})
        for method, path, body in changes:
            self.assertEqual(self.asks(method, path, body, headers={"If-Match": "*"}).status, 200)

    def test_what_does_not_exist_is_404_whatever_is_expected_of_it(self) -> None:
        for value in ('"1"', "*", 'W/"1"'):
            self.fails(404, "DELETE", "/clients/delete/7", headers={"If-Match": value})


class IfNoneMatchTests(ShopWireCase):
    def setUp(self) -> None:
        super().setUp()
        self.have_arthur()
        self.tag = self.asks("GET", "/clients/fetch/1").field("ETag") or ""

    def status(
        self, method: str, path: str = "/clients/fetch/1", body: object = None, **conditions: str
    ) -> int:
        headers = {name.replace("_", "-"): value for name, value in conditions.items()}
        return self.asks(method, path, body, headers=headers).status

    def test_what_is_known_already_is_not_sent_again(self) -> None:
        self.ports["shop"] = self.shop_with(Terms(Origins(("https://a.b",))))
        for method in ("GET", "HEAD"):
            whole = self.asks(method, "/clients/fetch/1")
            for value in (self.tag, f"W/{self.tag}", f'"x", {self.tag}', "*"):
                answered = self.asks(method, "/clients/fetch/1", headers={"If-None-Match": value})
                self.assertEqual((answered.status, answered.body), (304, b""), value)
                fields = {
                    name: whole.fields[name]
                    for name in (b"cache-control", b"date", b"etag", b"vary")
                }
                self.assertEqual(answered.fields, fields)

    def test_what_is_not_known_is_sent(self) -> None:
        for value in ('"999"', '"x"', self.tag.strip('"'), "", f"{self.tag} *"):
            self.assertEqual(self.status("GET", If_None_Match=value), 200, value)
        self.asks("PUT", "/clients/update/1", OTHER)
        answered = self.asks("GET", "/clients/fetch/1", headers={"If-None-Match": self.tag})
        self.assertEqual((answered.status, answered.json["name"]), (200, OTHER["name"]))

    def test_if_match_goes_before_it_and_counts_on_get_too(self) -> None:
        for conditions, status in (
            ({"If_Match": self.tag}, 200),
            ({"If_Match": "*"}, 200),
            ({"If_Match": '"999"'}, 412),
            ({"If_Match": f"W/{self.tag}"}, 412),
            ({"If_Match": self.tag, "If_None_Match": self.tag}, 304),
            ({"If_Match": '"999"', "If_None_Match": self.tag}, 412),
            ({"If_Match": self.tag, "If_None_Match": '"999"'}, 200),
        ):
            for method in ("GET", "HEAD"):
                self.assertEqual(self.status(method, **conditions), status, conditions)

    def test_what_is_wrong_besides_is_told_first(self) -> None:
        for conditions in ({"If_None_Match": "*"}, {"If_Match": '"1"'}):
            self.assertEqual(self.status("GET", "/clients/fetch/7", **conditions), 404)
            self.assertEqual(self.status("PUT", "/clients/update/7", OTHER, **conditions), 404)
            self.assertEqual(self.status("PUT", "/clients/update/1", {}, **conditions), 400)
            self.assertEqual(self.status("GET", Authorization="Bearer x", **conditions), 401)

    def test_what_has_no_tag_of_its_own_is_answered_as_ever(self) -> None:
        for path in ("/clients/fetch", "/clients/exists/1", "/clients/health"):
            self.assertEqual(self.status("GET", path, If_None_Match=self.tag), 200)
        self.assertEqual(
            self.status(
                "POST", "/clients/create", {**OTHER, "cpf": "12345678901"}, If_None_Match="*"
            ),
            201,
        )

    def test_a_change_is_made_only_where_the_record_is_at_none_of_them(self) -> None:
        for value in (self.tag, f"W/{self.tag}", "*"):
            for method, path, body in (
                ("PUT", "/clients/update/1", OTHER),
                ("DELETE", "/clients/delete/1", None),
            ):
                self.fails(412, method, path, body, headers={"If-None-Match": value})
        self.assertEqual(self.status("PUT", "/clients/update/1", OTHER, If_None_Match='"999"'), 200)
        self.assertEqual(self.status("DELETE", "/clients/delete/1", If_None_Match=self.tag), 200)


class AddressTests(ShopWireCase):
    def setUp(self) -> None:
        super().setUp()
        self.have_arthur()
        self.shown = {"id": 1, **HOME}
        self.shown["cep"] = self.shown["CEP"] = self.shown.pop("CEP")

    def test_an_address_is_created_and_fetched(self) -> None:
        created = self.says(
            (201, {"msg": "Address created", "id": 1}), "POST", "/address/create", HOME
        )
        self.assertRegex(created.field("ETag") or "", r'^"[0-9]+"$')
        self.says((200, [self.shown]), "GET", "/address/fetch")
        self.says((200, [self.shown]), "GET", "/address/fetch/1")
        self.assertEqual(list(self.asks("GET", "/address/fetch").json[0]), list(self.shown))

    def test_of_a_client_that_does_not_exist_there_is_nothing_and_nothing_can_be_made(self) -> None:
        self.says((200, []), "GET", "/address/fetch/7")
        self.says(NO_CLIENT, "POST", "/address/create", {**HOME, "client_id": 7})

    def test_the_postal_code_has_two_names_and_two_forms(self) -> None:
        without = {name: value for name, value in HOME.items() if name != "CEP"}
        for fields in (
            {"cep": "01310-200"},
            {"CEP": "01310200"},
            {"cep": "01310200", "CEP": "01310-200"},
        ):
            answered = self.asks("POST", "/address/create", {**without, **fields})
            self.assertEqual(answered.status, 201)
        shown = self.asks("GET", "/address/fetch").json
        self.assertEqual(
            {(address["cep"], address["CEP"]) for address in shown}, {("01310-200", "01310-200")}
        )
        self.assertEqual(
            self.fails(400, "POST", "/address/create", without),
            "CEP: expected a value, and there is none",
        )

    def test_an_address_is_updated_and_stays_its_client_s(self) -> None:
        self.asks("POST", "/address/create", HOME)
        moved = {**HOME, "street": "Rua Augusta", "client_id": "whatever"}
        updated = self.says((200, {"msg": "Address updated"}), "PUT", "/address/update/1", moved)
        self.says((200, [{**self.shown, "street": "Rua Augusta"}]), "GET", "/address/fetch/1")
        rev = self.have(self.store.get(Address, 1)).rev
        self.assertEqual(updated.field("ETag"), f'"{rev}"')

    def test_an_address_is_deleted_once(self) -> None:
        self.asks("POST", "/address/create", HOME)
        self.says((200, {"msg": "Address deleted"}), "DELETE", "/address/delete/1")
        self.says((404, {"msg": "There is no address with id 1"}), "DELETE", "/address/delete/1")
        self.says((404, {"msg": "There is no address with id 1"}), "PUT", "/address/update/1", HOME)

    def test_a_wrong_field_is_400_and_is_named(self) -> None:
        wrong: dict[str, tuple[Any, ...]] = {
            "client_id": ("1", 1.0, True, None, 2**63),
            "state": ("S", "SPX", "12", ""),
            "city": ("", "x" * 101),
            "street": ("", 5),
            "number": (0, -1, "1578", 1.0, True, 2**63),
            "CEP": ("01310-20", "0131-0200", 1310200, "013102000"),
            "cep": ("01310-20", None),
        }
        for name, values in wrong.items():
            for value in values:
                words = self.fails(400, "POST", "/address/create", {**HOME, name: value})
                self.assertTrue(words.startswith(f"{name}: expected "), words)


class DoorTests(ShopWireCase):
    """What every call has in common."""

    CALLS = (
        ("POST", "/clients/create", ARTHUR),
        ("GET", "/clients/fetch", None),
        ("GET", "/clients/fetch/1", None),
        ("PUT", "/clients/update/1", ARTHUR),
        ("DELETE", "/clients/delete/1", None),
        ("GET", "/clients/exists/1", None),
        ("POST", "/address/create", HOME),
        ("GET", "/address/fetch", None),
        ("GET", "/address/fetch/1", None),
        ("PUT", "/address/update/1", HOME),
        ("DELETE", "/address/delete/1", None),
    )

    def test_without_a_living_token_nothing_is_to_be_had(self) -> None:
        self.have_arthur()
        other = self.log_in("anna", "way").token
        for method, path, body in self.CALLS:
            for token in (None, DEAD, "x", "", self.token.lower(), other):
                headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
                answered = self.asks(method, path, body, token=None, headers=headers)
                self.assertEqual(
                    (answered.status, answered.field("WWW-Authenticate")), (401, "Bearer")
                )
                self.assertEqual(
                    answered.json, {"msg": "A valid bearer token is needed: log in first"}
                )

    def test_the_scheme_is_taken_in_any_case_and_is_needed(self) -> None:
        self.have_arthur()
        for scheme, status in (
            ("bearer", 200),
            ("BEARER ", 200),
            ("Token", 401),
            ("", 401),
            ("Basic", 401),
        ):
            headers = {"Authorization": f"{scheme} {self.token}"}
            self.assertEqual(
                self.asks("GET", "/clients/fetch/1", token=None, headers=headers).status, status
            )

    def test_the_store_that_cannot_serve_is_503_with_a_hint_when_to_come_again(self) -> None:
        for failing in (Unavailable(), Busy()):

            async def fail(*args: object, error: Exception = failing, **fields: object) -> None:
                raise error

            self.patch(self.store, "insert", fail)
            answered = self.asks("POST", "/clients/create", ARTHUR)
            self.assertEqual((answered.status, answered.field("Retry-After")), (503, "1"))
            self.assertEqual(list(answered.json), ["msg"])

    def test_a_change_of_which_nobody_knows_whether_it_was_made_is_500_and_nobody_is_invited_to_make_it_again(  # noqa: E501
        self,
    ) -> None:
        async def fail(*args: object, **fields: object) -> None:
            raise InDoubt

        self.patch(self.store, "insert", fail)
        answered = self.asks("POST", "/clients/create", ARTHUR)
        self.assertEqual((answered.status, answered.field("Retry-After")), (500, None))
        self.assertIn("unknown whether the change took effect", answered.json["msg"])

    def test_a_fault_of_ours_is_500_and_its_trace_is_in_the_log_only(self) -> None:
        async def fail(*args: object, **kwargs: object) -> None:
            raise RuntimeError("the inside")

        self.patch(self.store, "insert", fail)
        self.says((500, {"msg": "Internal server error"}), "POST", "/clients/create", ARTHUR)
        self.assertEqual(
            [str(error.value) for error in self.flushLoggedErrors(RuntimeError)], ["the inside"]
        )

    def test_pipelined_requests_take_effect_in_their_order(self) -> None:
        port = self.ports["shop"]
        port.says(
            request("POST", "/clients/create", ARTHUR, token=self.token)
            + request("GET", "/clients/fetch/1", token=self.token)
            + request("DELETE", "/clients/delete/1", token=self.token)
            + request("GET", "/clients/fetch/1", token=self.token)
            + request("POST", "/user/logout", token=self.token)
            + request("GET", "/clients/fetch", token=self.token)
        )
        self.assertEqual(
            [answered.status for answered in answers(port.hears())], [201, 200, 200, 404, 200, 401]
        )

    def test_head_answers_as_get_does_without_the_body(self) -> None:
        self.have_arthur()
        got, head = self.asks("GET", "/clients/fetch/1"), self.asks("HEAD", "/clients/fetch/1")
        self.assertEqual((head.status, head.fields, head.body), (got.status, got.fields, b""))
        self.assertEqual(self.asks("HEAD", "/clients/fetch/7").status, 404)
        self.assertEqual(self.asks("HEAD", "/clients/fetch").status, 200)

    def test_a_request_is_counted_under_the_service_s_own_name(self) -> None:
        self.asks("GET", "/clients/fetch")
        self.assertEqual(self.tally.counts["clients", "clients.list", "ok"], 1)

    def test_answers_are_compact_json_in_utf_8(self) -> None:
        answered = self.asks("POST", "/clients/create", orjson.dumps(ARTHUR))
        self.assertEqual(answered.body, b'{"msg":"Client created","id":1}')
        self.assertEqual(answered.field("Content-Type"), "application/json")
