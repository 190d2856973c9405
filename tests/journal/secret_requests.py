"""Requests to all dialects with a secret in them: right ones, wrong ones, and broken ones."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Final
from urllib.parse import quote

from hypothesis import strategies as st

from tests.journal.journal_kit import HTTP_PORTS

LINES: Final = ("users", "messages", "vault-lines")
CUT_AT: Final = 6
"""Characters of a secret that may not be seen anywhere."""

passwords: Final = st.text(
    st.sampled_from("abcdefghkmnpqrstuvwxyzABCDEFGHKMNPQR23456789!#$*+-._~^@ éß비밀번호"),
    min_size=10,
    max_size=30,
).filter(lambda text: any(map(str.isdigit, text[:CUT_AT])) and text.strip() == text)
tokens: Final = st.binary(min_size=32, max_size=32).map(lambda raw: raw.hex().upper())
secrets: Final = st.one_of(passwords, tokens)

Spelling = Callable[[str], str]


def _escaped(secret: str) -> str:
    return "".join(f"\\u{ord(letter):04x}" for letter in secret)


def _in_json(secret: str) -> str:
    return json.dumps(secret, ensure_ascii=False)[1:-1]


def _in_url(secret: str) -> str:
    return quote(secret, safe="")


def _all_in_url(secret: str) -> str:
    return "".join(f"%{byte:02x}" for byte in secret.encode())


def basic(secret: str) -> str:
    return b64encode(f"anna:{secret}".encode()).decode()


JSON_SPELLINGS: Final[tuple[Spelling, ...]] = (_in_json, _escaped, lambda s: _in_json(s) + "\\n")
URL_SPELLINGS: Final[tuple[Spelling, ...]] = (_in_url, _all_in_url)

OBJECTS: Final = (
    '{"login": "anna", "password": "SECRET"}',
    '{"login": "anna", "password": ["SECRET"]}',
    '{"login": "anna", "password": {"name": "SECRET"}}',
    '{"email": "anna", "password": "SECRET"}',
    '{"username": "dora", "password": "SECRET", "name": "x"}',
    '{"User": "anna", "Passwd": "SECRET"}',
    '{"UserName": "dora", "PassWord": "SECRET", "Ativo": "true"}',
    '{"USERNAME": "dora", "PASSWORD": "SECRET"}',
    '{"name": "x", "token": "SECRET", "IDSessao": "SECRET"}',
    '{"name": "x", "unheard_of": "SECRET", "other": {"name": "SECRET"}}',
    '{"name": "x", "SECRET": 1, "unheard_of": [1, "SECRET"]}',
    '{"id_operation": "create_user", "payload": {"name": "x", "password": "SECRET"}}',
    '{"id_operation": "create_user", "payload": {"x": {"email": "SECRET"}}, "auth": "SECRET"}',
    '{"op": "adicionar", "senha": "SECRET", "data": "abc"}',
    '{"jsonrpc": "2.0", "id": 1, "method": "session.login",'
    ' "params": {"login": "anna", "password": "SECRET"}}',
    '[{"jsonrpc": "2.0", "id": 1, "method": "lockers.list", "params": {"token": "SECRET"}}]',
    '{"jsonrpc": "2.0", "id": 1, "method": "lockers.create",'
    ' "params": {"name": "x", "pin": "SECRET"}}',
    '{"name": "x", "pin": "SECRET"}',
    '{"jsonrpc": "2.0", "id": 1, "method": "lockers.get", "params": ["SECRET"]}',
)
OTHER_BODIES: Final = (
    "user:anna,SECRET",
    "user:anna,SECRET,more",
    "email=anna&password=URL",
    "password=URL",
    "SECRET",
    '"SECRET"',
    "{'password': 'SECRET'}",
    '{"password": SECRET}',
    "<password>SECRET</password>",
    '{"kind": "Account", "id": 7, "login": "x", "password_hash": "SECRET"}\n{"kind": "SECRET"}\n',
)
TARGETS: Final = (
    "/",
    "/?",
    "/login",
    "/accounts",
    "/accounts/1",
    "/import",
    "/api/main",
    "/api/main/URL",
    "/api/usuario/URL?id=1",
    "/API/Usuario/URL",
    "/user/login",
    "/user/create",
    "/clients/create",
    "/clients/fetch/URL",
    "/clients/fetch?token=URL&URL=1&x=URL",
    "/journal?token=URL",
    "/URL/fetch",
    "/accounts?URL",
    "http://localhost/login?password=URL",
)
FIELDS: Final = (
    "Authorization: Bearer SECRET",
    "Authorization: Basic BASIC",
    "Authorization: SECRET",
    "authorization:basic BASIC",
    "Proxy-Authorization: Basic BASIC",
    "Cookie: sockcrud_members=SECRET; other=SECRET",
    "Cookie: SECRET",
    "X-Token: SECRET",
    "Referer: http://localhost/api/main/URL",
    "SECRET",
    "SECRET: 1",
    "X-Unheard-Of: a SECRET b",
)
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "get", "CONNECT")


def _spell(text: str, secret: str, in_json: Spelling, in_url: Spelling) -> str:
    return (
        text.replace("SECRET", in_json(secret))
        .replace("URL", in_url(secret))
        .replace("BASIC", basic(secret))
    )


def _as_it_is(secret: str) -> str:
    return secret


@st.composite
def http_requests(draw: st.DrawFn, secret: str) -> bytes:
    """Return a request of HTTP, right or wrong."""
    method, target = draw(st.sampled_from(METHODS)), draw(st.sampled_from(TARGETS))
    url = draw(st.sampled_from(URL_SPELLINGS))
    fields = draw(st.lists(st.sampled_from(FIELDS), max_size=2))
    if draw(st.booleans()):
        body = _spell(
            draw(st.sampled_from(OBJECTS)), secret, draw(st.sampled_from(JSON_SPELLINGS)), url
        )
        type = "application/json"
    else:
        body = _spell(draw(st.sampled_from(OTHER_BODIES)), secret, _as_it_is, url)
        type = draw(st.sampled_from(("text/plain", "application/json", "application/x-ndjson")))
    sent = body.encode() if draw(st.booleans()) else b""
    lines = [_spell(f"{method} {target} HTTP/1.1", secret, _as_it_is, url)]
    lines += ["Host: localhost"] * draw(st.sampled_from((1, 1, 1, 0)))
    lines += [_spell(field, secret, _as_it_is, url) for field in fields]
    if sent:
        lines.append(f"Content-Type: {type}")
        lines.append(f"Content-Length: {len(sent) + draw(st.sampled_from((0, 0, 0, 4, -3)))}")
    return "\r\n".join([*lines, "", ""]).encode() + sent


@st.composite
def line_requests(draw: st.DrawFn, secret: str) -> bytes:
    """Return a line of JSON, or of something else."""
    if draw(st.integers(0, 3)):
        text = _spell(
            draw(st.sampled_from(OBJECTS)), secret, draw(st.sampled_from(JSON_SPELLINGS)), _in_url
        )
    else:
        text = _spell(draw(st.sampled_from(OTHER_BODIES)), secret, _as_it_is, _in_url)
    return text.encode() + b"\n"


@st.composite
def broken(draw: st.DrawFn, whole: bytes) -> bytes:
    """Return a request as it is, or with a byte less or more, or cut off, or with a start of
    another.
    """
    how, at = draw(st.integers(0, 7)), draw(st.integers(0, len(whole) - 1))
    if how == 1:
        return whole[:at]
    if how == 2:
        return whole[:at] + whole[at + 1 :]
    if how == 3:
        return whole[:at] + draw(st.sampled_from([b'"', b"{", b"\\", b"\n", b"\xff"])) + whole[at:]
    if how == 4:
        return b'{"data": ' * draw(st.integers(1, 70)) + whole
    if how == 5:
        return whole[:at] + b" " * 5000 + whole[at:]
    return whole


@st.composite
def exchanges(draw: st.DrawFn) -> tuple[str, str, bytes]:
    """Return a secret, a dialect, and a request to it with the secret in it."""
    secret = draw(secrets)
    dialect = draw(st.sampled_from((*LINES, *HTTP_PORTS)))
    made = line_requests(secret) if dialect in LINES else http_requests(secret)
    return secret, dialect, draw(broken(draw(made)))


def spellings(secret: str) -> Iterator[str]:
    """Yield what would show a secret, or the beginning of it: as it is, escaped, in base64."""
    digest = sha256(secret.encode()).hexdigest()
    for text in (secret, digest, digest.upper()):
        start = text[:CUT_AT]
        yield start
        yield json.dumps(start)[1:-1]
        yield _in_json(start)
        yield _escaped(start)
        yield _escaped(start).upper().replace("\\U", "\\u")
        yield _in_url(start)
        yield _all_in_url(start)
        yield _all_in_url(start).upper()
        yield repr(start.encode())[2:-1]
        for before in range(3):
            # As it stands in base64 behind so many bytes, but for the letters that it shares.
            encoded = b64encode(b"x" * before + text.encode()[: max(9, CUT_AT)]).decode()
            inner = encoded[4 if before else 0 :].rstrip("=")[:-1]
            if len(inner) >= 8:
                yield inner


def found(secret: str, text: str) -> list[str]:
    """Return which spellings of a secret are in a text."""
    return [spelling for spelling in set(spellings(secret)) if spelling in text]


def self_check() -> None:
    """Raise AssertionError where the search would not see a secret that is there."""
    secret = "Xy3!kéß비2 words"
    for spelled in (
        secret,
        secret[:CUT_AT],
        _escaped(secret),
        _in_url(secret),
        _all_in_url(secret),
        basic(secret),
        b64encode(secret.encode()).decode(),
        json.dumps(secret),
        repr(secret.encode()),
    ):
        assert found(secret, f"before {spelled} behind"), spelled
    assert b64decode(basic(secret))
    assert not found(secret, "nothing of it")


def digest_of(password: str) -> str:
    """Return what the dialect takes that takes no passwords."""
    return sha256(password.encode()).hexdigest()
