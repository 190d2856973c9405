"""No bytes do harm, however they are split. The long form is `python -m
tests.proofs.fuzz_framers`.
"""

from __future__ import annotations

from random import Random

import pytest

from tests.proofs.fuzz_framers import PROPERTIES, run
from tests.proofs.inputs import COUNTS, loose_conversation
from tests.proofs.systems import TOKEN, System


@pytest.mark.parametrize("name", list(PROPERTIES))
def test_it_holds_for_the_same_examples_always(name: str) -> None:
    run(name, {"framer": 60, "memory": 3, "dialect": 8, "loose": 60}[name.split()[0]])


def test_what_is_sent_is_understood() -> None:
    head = b"GET /clients/fetch HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer " + TOKEN
    assert System().told("shop", [head + b"\r\n\r\n"]).answers.startswith(b"HTTP/1.1 200")
    created = b'{"id_operation":"create_user","payload":{"name":"Ana","email":"a@b.cd","age":3}}'
    effect = System().told("users", [created])
    assert b'"code":201' in effect.answers
    assert any("'name': 'Ana'" in record for record in effect.stored)


def test_field_clients_do_store_what_they_mean() -> None:
    data, meant = next(made for made in map(loose_conversation, map(Random, range(100))) if made[1])
    assert all(one.email.encode() in data for one in meant)
    text = "user:ana@ex.com,pw1"
    for count in COUNTS.values():
        said = f"PUT /? HTTP/1.1\r\nContent-Length: {count(text)}\r\n\r\n{text}".encode()
        assert any(
            "'login': 'ana@ex.com'" in record for record in System().told("members", [said]).stored
        )
