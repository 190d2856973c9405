"""One directory of accounts, driven at random through all of its doors, against a plain model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

from attrs import Factory, define
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from sockcrud.identity.passwords import digest_of
from tests.support.doors_kit import Asks, basic
from tests.support.http_kit import Answered

LOGINS: Final = ("ana@example.org", "ANA@example.org", "bert@example.org", "한솔@example.org")
"""Two of them are one login."""
PASSWORDS: Final = ("a first secret", "a second secret")
ROOT_PASSWORD: Final = "the password of root"
DOORS: Final = ("auth", "way", "members", "admin")
FREE_FAILURES: Final = 8
"""Wrong passwords that an account has without being delayed."""

_OF_WAY: Final = {
    "Usuário ou senha estão inválidos": "login_failed",
    "A sessão informada é inválida": "not_logged_in",
    "Já Existe um usuário cadastrado com este nome.": "taken",
    "Usuário sem permissão": "forbidden",
    "Usuário não encontrado": "not_found",
    "Não é possível inativar o último administrador ativo": "last_admin",
}
_OF_OTHERS: Final = {409: "taken", 403: "forbidden", 401: "not_logged_in", 404: "not_found"}


class World(Protocol):
    """A daemon with one admin, `root`, of the default company."""

    @property
    def asks(self) -> Asks: ...

    def close(self) -> None:
        """End it."""


@define(eq=False)
class Person:
    """An account of the model."""

    id: int
    login: str
    password: str
    role: str = "user"
    active: bool = True

    @property
    def key(self) -> str:
        return self.login.casefold()


@define(eq=False)
class Token:
    """A session of the model, at one door."""

    door: str
    text: str
    person: Person
    lives: bool = True


@define
class Model:
    """What there is to be: people and sessions, and the rules that hold whatever the door."""

    people: dict[int, Person] = Factory(dict)
    tokens: list[Token] = Factory(list)
    failures: dict[str, int] = Factory(dict)

    def by_login(self, login: str) -> Person | None:
        return next((one for one in self.people.values() if one.key == login.casefold()), None)

    def create(self, login: str, password: str, role: str = "user", active: bool = True) -> str:
        if self.by_login(login) is not None:
            return "taken"
        id = max(self.people) + 1
        self.people[id] = Person(id, login, password, role, active)
        return "ok"

    def change(self, id: int, own: Token | None, **fields: Any) -> str:
        if id not in self.people:
            return "not_found"
        person = self.people[id]
        changed = {"role": person.role, "active": person.active, **fields}
        is_admin = changed["role"] == "admin" and changed["active"]
        if person.role == "admin" and person.active and not is_admin:
            others = [one for one in self.people.values() if one is not person]
            if not any(one.role == "admin" and one.active for one in others):
                return "last_admin"
        for name, value in fields.items():
            setattr(person, name, value)
        for token in self.tokens:
            if token.person is person and (token is not own or not person.active):
                token.lives = False
        return "ok"

    def log_in(self, login: str, password: str) -> Person | None:
        person = self.by_login(login)
        if person is None or person.password != password or not person.active:
            self.failures[login.casefold()] = self.failures.get(login.casefold(), 0) + 1
            return None
        self.failures.pop(login.casefold(), None)
        return person


def outcome(door: str, answered: Answered) -> str:
    """Return what a door has said, in words that are the same for all of them."""
    body = answered.json if answered.body else {}
    if door == "way":
        is_error = isinstance(body, dict) and body.get("Status") == "ERROR"
        return _OF_WAY.get(body["Message"], str(answered)) if is_error else "ok"
    if answered.status < 300:
        return "ok"
    if door == "admin":
        return str(body["error"]["code"])
    if door == "members" and answered.status == 403:
        return "not_logged_in"  # as its document has it: it knows no other refusal of a GET
    return _OF_OTHERS.get(answered.status, str(answered))


_BELOW: Final = st.integers(0, 10_000)
_LOGIN: Final = st.sampled_from(LOGINS)
_PASSWORD: Final = st.sampled_from(PASSWORDS)


class PeopleMachine(RuleBasedStateMachine):
    """Whatever is asked at whichever door, by whom: the model and the daemon say the same."""

    world: World

    def make_world(self) -> World:
        raise NotImplementedError

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.agree_on_everything()
            self.world.close()

    @initialize()
    def begin(self) -> None:
        self.world = self.make_world()
        self.model = Model()
        self.model.people[1] = Person(1, "root", ROOT_PASSWORD, "admin")
        for door in ("admin", "way"):
            self.log_in(door, "root", ROOT_PASSWORD)

    # Signing up, in and out

    @rule(door=st.sampled_from(("auth", "members")), login=_LOGIN, password=_PASSWORD)
    def sign_up(self, door: str, login: str, password: str) -> None:
        method, path = ("POST", "/user/create") if door == "auth" else ("PUT", "/")
        body = {"username": login, "email": login, "password": password}
        said = self.world.asks(door, method, path, body)
        assert outcome(door, said) == self.model.create(login, password)
        if door == "members" and said.status == 201:
            assert said.json["id"] == max(self.model.people)

    @rule(door=st.sampled_from(DOORS), login=st.sampled_from(("root", *LOGINS)), password=_PASSWORD)
    def log_in(self, door: str, login: str, password: str) -> None:
        if login == "root":
            password = ROOT_PASSWORD
        if self.model.failures.get(login.casefold(), 0) >= FREE_FAILURES:
            return
        said = self.tried(door, login, password)
        person = self.model.log_in(login, password)
        expected = "ok" if person is not None else "login_failed"
        was = outcome(door, said)
        assert (expected if was == "not_logged_in" and door != "way" else was) == expected, said
        if person is None:
            assert "token" not in said.json
            assert not said.json.get("IDSessao")
            return
        for token in self.model.tokens:
            if door == "way" and token.door == "way" and token.person is person:
                token.lives = False
        text = said.json.get("token") or said.json["IDSessao"]
        self.model.tokens.append(Token(door, text, person))

    @rule(door=st.sampled_from(DOORS), of=_BELOW)
    def come_back(self, door: str, of: int) -> None:
        """Log in as somebody there is, whose password is right: random ones seldom are."""
        people = list(self.model.people.values())
        person = people[of % len(people)]
        self.log_in(door, person.login, person.password)

    def tried(self, door: str, login: str, password: str) -> Answered:
        if door == "auth":
            return self.world.asks("auth", "POST", "/user/login", headers=basic(login, password))
        if door == "way":
            body = {"User": login, "Passwd": digest_of(password)}
            return self.world.asks("way", "POST", "/api/main", body)
        path, name = ("/", "email") if door == "members" else ("/login", "login")
        return self.world.asks(door, "POST", path, {name: login, "password": password})

    @precondition(lambda self: len(self.model.tokens) > 2)
    @rule(number=_BELOW)
    def log_out(self, number: int) -> None:
        token = self.model.tokens[number % len(self.model.tokens)]
        if token.door == "members":
            return  # which has no way to
        if token.door == "way":
            said = self.world.asks("way", "DELETE", f"/api/main/{token.text}")
        else:
            path = "/logout" if token.door == "admin" else "/user/logout"
            said = self.world.asks(token.door, "POST", path, token=token.text)
        assert outcome(token.door, said) == ("ok" if token.lives else "not_logged_in")
        token.lives = False

    # What admins do, and what is done by who is none

    def actor(self, door: str, number: int) -> Token:
        theirs = [token for token in self.model.tokens if token.door == door]
        return theirs[number % len(theirs)]

    def target(self, number: int) -> int:
        """Return the id of somebody, or of nobody."""
        return 1 + number % (len(self.model.people) + 1)

    def refusal(self, actor: Token) -> str | None:
        """Return why an admin's work is refused to whoever asks; None where it is not."""
        if not actor.lives:
            return "not_logged_in"
        return None if actor.person.role == "admin" else "forbidden"

    @rule(by=_BELOW, login=_LOGIN, password=_PASSWORD, role=st.sampled_from(("user", "admin")))
    def create_at_admin(self, by: int, login: str, password: str, role: str) -> None:
        actor = self.actor("admin", by)
        body = {"login": login, "password": password, "role": role}
        said = self.world.asks("admin", "POST", "/accounts", body, token=actor.text)
        expected = self.refusal(actor) or self.model.create(login, password, role)
        assert outcome("admin", said) == expected

    @rule(
        by=_BELOW,
        of=_BELOW,
        fields=st.fixed_dictionaries(
            {},
            optional={
                "role": st.sampled_from(("user", "admin")),
                "active": st.booleans(),
                "password": _PASSWORD,
            },
        ).filter(bool),
    )
    def change_at_admin(self, by: int, of: int, fields: Mapping[str, Any]) -> None:
        actor, id = self.actor("admin", by), self.target(of)
        if id == 1 and "password" in fields:
            return  # root's is known to who logs in again
        said = self.world.asks("admin", "PATCH", f"/accounts/{id}", fields, token=actor.text)
        expected = self.refusal(actor) or self.model.change(id, actor, **fields)
        assert outcome("admin", said) == expected

    @rule(by=_BELOW, of=_BELOW)
    def deactivate_at_admin(self, by: int, of: int) -> None:
        actor, id = self.actor("admin", by), self.target(of)
        said = self.world.asks("admin", "DELETE", f"/accounts/{id}", token=actor.text)
        expected = self.refusal(actor) or self.model.change(id, None, active=False)
        assert outcome("admin", said) == expected

    @rule(by=_BELOW, login=_LOGIN, password=_PASSWORD, active=st.sampled_from((None, "true")))
    def create_at_way(self, by: int, login: str, password: str, active: str | None) -> None:
        actor = self.actor("way", by)
        body = {"UserName": login, "PassWord": digest_of(password), "Ativo": active}
        body = {name: value for name, value in body.items() if value is not None}
        said = self.world.asks("way", "POST", f"/api/usuario/{actor.text}", body)
        is_active = active is not None
        expected = self.refusal(actor) or self.model.create(login, password, active=is_active)
        assert outcome("way", said) == expected

    @rule(by=_BELOW, of=_BELOW, password=st.none() | _PASSWORD, active=st.booleans())
    def change_at_way(self, by: int, of: int, password: str | None, active: bool) -> None:
        actor, id = self.actor("way", by), self.target(of)
        if id == 1:
            password = None
        body: dict[str, Any] = {"Ativo": "true" if active else "false"}
        if password is not None:
            body["PassWord"] = digest_of(password)
        said = self.world.asks("way", "PUT", f"/api/usuario/{actor.text}?id={id}", body)
        assert outcome("way", said) == self.changed_at_way(actor, id, password, active)

    def changed_at_way(self, actor: Token, id: int, password: str | None, active: bool) -> str:
        refusal, own = self.refusal(actor), actor.person
        fields: dict[str, Any] = {} if password is None else {"password": password}
        if refusal is None:
            return self.model.change(id, actor, active=active, **fields)
        if refusal == "forbidden" and id == own.id and active == own.active:
            # Its own password is everybody's to change, and naming what is so already no change.
            return self.model.change(id, actor, **fields) if fields else "ok"
        return refusal

    @rule(by=_BELOW, of=_BELOW)
    def deactivate_at_way(self, by: int, of: int) -> None:
        actor, id = self.actor("way", by), self.target(of)
        said = self.world.asks("way", "DELETE", f"/api/usuario/{actor.text}?id={id}")
        expected = self.refusal(actor) or self.model.change(id, None, active=False)
        assert outcome("way", said) == expected

    # What is seen

    @rule(number=_BELOW)
    def look(self, number: int) -> None:
        self.agree_on(self.model.tokens[number % len(self.model.tokens)])

    def agree_on_everything(self) -> None:
        for token in self.model.tokens:
            self.agree_on(token)

    def agree_on(self, token: Token) -> None:
        """Check what a token opens, and what is seen there."""
        own, everybody = token.person, list(self.model.people.values())
        is_admin = own.role == "admin"
        seen = everybody if is_admin else [own]
        if token.door == "auth":
            said = self.world.asks("shop", "GET", "/clients/fetch", token=token.text)
            assert outcome("auth", said) == ("ok" if token.lives else "not_logged_in")
        elif token.door == "admin":
            said = self.world.asks("admin", "GET", "/accounts?limit=1000", token=token.text)
            assert outcome("admin", said) == (self.refusal(token) or "ok")
            if token.lives and is_admin:
                items = [
                    (one["id"], one["login"], one["role"], one["active"])
                    for one in said.json["items"]
                ]
                assert items == [(one.id, one.login, one.role, one.active) for one in seen]
        elif token.door == "way":
            said = self.world.asks("way", "GET", f"/api/usuario/{token.text}")
            assert outcome("way", said) == ("ok" if token.lives else "not_logged_in")
            if token.lives:
                shown = [(one["Id"], one["UserName"], one["Ativo"]) for one in said.json]
                assert shown == [(str(one.id), one.login, str(one.active).lower()) for one in seen]
        else:
            said = self.world.asks("members", "GET", "/", token=token.text)
            assert outcome("members", said) == ("ok" if token.lives else "not_logged_in")
            if token.lives:
                listed = [
                    (one["id"], one["email"], one["role_name"], one["active"])
                    for one in said.json["users"]
                ]
                assert listed == [(one.id, one.login, one.role, one.active) for one in seen]
