"""What is taken for a JSON object, by the table of what JSON is."""

from __future__ import annotations

import json

import pytest

from sockcrud.protocols.json.text import decoded_object
from tests.protocols.json.json_tables import DEEPEST, JSON_CASES, with_member


@pytest.mark.parametrize(
    ("data", "is_object"),
    [pytest.param(data, is_object, id=name) for name, data, is_object in JSON_CASES],
)
def test_one_json_object_is_taken_and_nothing_else(data: bytes, is_object: bool) -> None:
    assert (decoded_object(data, DEEPEST) is not None) is is_object
    assert (decoded_object(bytearray(data), DEEPEST) is not None) is is_object
    assert (decoded_object(with_member(data, b'"more":[{}]'), DEEPEST) is not None) is is_object


@pytest.mark.parametrize(
    "data", [pytest.param(data, id=name) for name, data, is_object in JSON_CASES if is_object]
)
def test_what_is_taken_means_what_it_means_to_python(data: bytes) -> None:
    def beyond_64_bits_is_a_float(digits: str) -> int | float:
        return int(digits) if -(2**63) <= int(digits) < 2**64 else float(digits)

    assert decoded_object(data, DEEPEST) == json.loads(data, parse_int=beyond_64_bits_is_a_float)
