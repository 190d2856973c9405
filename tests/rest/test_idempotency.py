# mypy: allow-untyped-calls
"""What clients notice of Idempotency-Key, at the shop: docs/protocols says it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from sockcrud.identity.records import KeptAnswer
from sockcrud.rest import idempotency
from sockcrud.rest.idempotency import LONGEST_KEY, Keys, _Ledger
from sockcrud.rest.routed import Terms
from tests.apps.shop.shop_kit import ARTHUR, HOME, PEN, PURCHASE, ShopWireCase, basic
from tests.storage.store_case import NOON
from tests.support.http_kit import Answered, HTTPClient

MINE = '"a key of mine"'
CREATES = (
    ("/clients/create", ARTHUR),
    ("/address/create", HOME),
    ("/products/create", PEN),
    ("/inventory/add_product", PURCHASE),
)


class IdempotencyTests(ShopWireCase):
    """The shop, which keeps answers."""

    def setUp(self) -> None:
        super().setUp()
        self.keys = Keys(self.store, self.clock, timedelta(days=1), 2_000)
        self.shop = self.shop_with(Terms(keys=self.keys))

    def creates(self, key: str, target: str, body: object, **more: Any) -> Answered:
        client: HTTPClient = more.pop("client", self.shop)
        headers = {"Idempotency-Key": key}
        return client.asks(
            "POST", target, body, **{"token": self.token, "headers": headers, **more}
        )

    def test_each_create_sent_twice_is_carried_out_once(self) -> None:
        for target, body in CREATES:
            first = self.creates('"a key of mine"', target, body)
            rev = self.store.rev
            self.assertEqual(
                (first.status, first.field("Idempotency-Key")), (201, '"a key of mine"')
            )
            other = {**body, "name": "another request"}
            self.assertEqual(self.creates(MINE, target, other).status, 422)
            again = self.creates('"a key of mine"', target, body)
            self.assertEqual(
                (again.status, again.body, again.fields), (201, first.body, first.fields)
            )
            self.assertEqual(self.store.rev, rev)
            self.have(
                self.store.delete(KeptAnswer, self.have(self.store.page(KeptAnswer, 1))[0].id)
            )

    def test_a_key_is_that_of_the_account_and_of_the_dialect(self) -> None:
        self.creates("key", "/products/create", PEN)
        token = self.log_in("root", "auth").token
        # Carried out again: the name is taken.
        self.assertEqual(self.creates("key", "/products/create", PEN, token=token).status, 409)

    def test_what_is_no_key_is_refused(self) -> None:
        for key in ('""', '"', "a b", "é", '"é"', "x" * (LONGEST_KEY + 1), '"a", "b"', '"a'):
            answered = self.creates(key, "/products/create", PEN)
            self.assertEqual(answered.status, 400, key)
            self.assertIn("Idempotency-Key", answered.json["msg"])
        for key in ("x" * LONGEST_KEY, f'"{"y" * LONGEST_KEY}"', r'"\" \\"'):
            name = f"pen {len(key)} {key[1]}"
            self.assertEqual(
                self.creates(key, "/products/create", {**PEN, "name": name}).status, 201
            )

    def test_a_dead_token_comes_before_the_answer_that_was_kept(self) -> None:
        self.creates("key", "/products/create", PEN)
        self.assertEqual(self.creates("key", "/products/create", PEN, token="0" * 64).status, 401)

    def test_a_login_and_a_sign_up_are_never_kept(self) -> None:
        new = {"username": "new", "password": "a secret of hers"}
        self.creates("key", "/user/create", new, token=None)
        self.creates("key", "/user/login", None, token=None, headers=basic("anna", "wrong"))
        self.assertEqual(self.have(self.store.page(KeptAnswer, 9)), [])

    def test_without_keys_the_header_means_nothing(self) -> None:
        shop = self.shop_with()
        self.assertEqual(self.creates("key", "/products/create", PEN, client=shop).status, 201)
        self.assertEqual(self.creates("key", "/products/create", PEN, client=shop).status, 409)

    def test_an_answer_that_is_very_long_is_kept_without_its_body(self) -> None:
        self.patch(idempotency, "LONGEST_ANSWER", 50)
        first = self.creates("key", "/products/create", PEN)
        again = self.creates("key", "/products/create", PEN)
        self.assertEqual((again.status, again.body), (201, b""))
        self.assertEqual(again.field("ETag"), first.field("ETag"))

    def test_of_one_account_no_more_is_kept_than_its_share(self) -> None:
        for number in range(350):
            self.creates(f"key{number}", "/products/create", {**PEN, "name": f"pen {number}"})
        kept = self.have(self.store.page(KeptAnswer, 9_999))
        self.assertLessEqual(len(kept), 300)  # 200, and at most 99 that are to go
        self.assertEqual(kept[-1].id, 350)


class LedgerTests(SynchronousTestCase):
    """Which answers are kept no longer: the oldest."""

    def test_bytes_count_beside_the_number(self) -> None:
        ledger = _Ledger(100, 1_000)

        def add(id: int, holder: str, size: int) -> None:
            ledger.add(
                KeptAnswer(
                    id=id,
                    rev=id,
                    key="k" * 64,
                    holder=holder,
                    fingerprint="f" * 64,
                    kept_at=NOON,
                    answer="x" * size,
                )
            )

        add(1, "a", 60)
        add(2, "a", 60)  # more than a tenth of all bytes
        self.assertEqual(ledger.take_beyond(), [1])
        add(3, "b", 5_000)  # one by itself is kept, whatever it has, by its holder, but not in all
        self.assertEqual(ledger.take_beyond(), [2, 3])
        for id in range(4, 204):
            add(id, f"holder {id}", 1)
        self.assertEqual(ledger.take_beyond(), list(range(4, 104)))
