"""The accounts of a company over the wire, every answer of every call: docs/protocols/way.md."""

from __future__ import annotations

from sockcrud.identity.records import USER, Account
from tests.apps.way.way_case import (
    BLANKS,
    LAST_ADMIN,
    NEW_HASH,
    NO_PERMISSION,
    NO_SUCH_USER,
    NOBODYS,
    PASSWORD_FORMAT,
    TAKEN,
    WayCase,
    shown,
)
from tests.support.people_case import ABSENT, SECRET

DOCUMENTS_HASH = "46070D4BF934FB0D4B06D9E2C46E346944E322444900A435D7D9A95E6D7435F5"


class ShowTests(WayCase):
    def test_the_accounts_of_the_company_as_three_strings_each(self) -> None:
        self.have(self.directory.deactivate(self.anna.id))
        answered = self.asks("GET", f"/api/Usuario/{self.logs_in('root')}")
        expected = b'[{"Id":"%d","UserName":"root","Ativo":"true"},{"Id":"%d","UserName":"anna","Ativo":"false"}]'  # noqa: E501
        self.assertEqual(answered.status, 200)
        self.assertEqual(answered.field("Content-Type"), "application/json")
        self.assertEqual(answered.body, expected % (self.root.id, self.anna.id))

    def test_a_user_sees_its_company_and_no_other(self) -> None:
        self.assertEqual(self.lists(self.logs_in("carl")), shown(self.chef, self.carl))
        self.assertEqual(self.lists(self.logs_in("carl"), f"?id={self.chef.id}"), shown(self.chef))

    def test_a_user_of_the_company_that_anyone_may_join_sees_itself_and_an_admin_sees_all_of_it(
        self,
    ) -> None:
        vera = self.have(self.logins.sign_up(self.nobody("auth"), "vera@example.org", SECRET))
        for login, seen in (
            ("vera@example.org", [vera]),
            ("anna", [self.anna]),
            ("root", [self.root, self.anna, vera]),
        ):
            session = self.logs_in(login)
            self.assertEqual(self.lists(session), shown(*seen))
            for one in (self.root, self.anna, vera, self.carl):
                self.assertEqual(
                    self.lists(session, f"?id={one.id}"), shown(one) if one in seen else []
                )

    def test_one_by_its_id_whatever_the_case_of_the_key(self) -> None:
        session = self.logs_in("root")
        for key in ("id", "ID", "Id"):
            self.assertEqual(self.lists(session, f"?{key}={self.root.id}"), shown(self.root))
        self.assertEqual(self.lists(session, f"?other=1&id={self.anna.id}"), shown(self.anna))

    def test_an_id_of_another_company_and_one_that_does_not_exist_are_an_empty_list(self) -> None:
        session = self.logs_in("root")
        for id in (self.carl.id, ABSENT, 0, -1, 2**63, "9" * 30, "x", "1.0", "true", "%2B1", "%20"):
            answered = self.asks("GET", f"/api/usuario/{session}?id={id}")
            self.assertEqual((answered.status, answered.body), (200, b"[]"))

    def test_an_empty_id_is_none(self) -> None:
        self.assertEqual(self.lists(self.logs_in("root"), "?id="), shown(self.root, self.anna))

    def test_a_query_that_does_not_decode_is_an_error(self) -> None:
        self.fails("Requisição inválida", "GET", self.logs_in("root"), "?id=%ff")

    def test_head_is_answered_without_the_list(self) -> None:
        answered = self.asks("HEAD", f"/api/usuario/{self.logs_in('root')}")
        self.assertEqual((answered.status, answered.body), (200, b""))

    def test_a_long_list_comes_whole_and_in_slices(self) -> None:
        async def insert() -> None:
            for number in range(6000):
                await self.store.insert(
                    Account,
                    login=f"colleague-{number}",
                    password_hash="none",
                    role=USER,
                    company_id=self.ours.id,
                    active=False,
                )

        session = self.logs_in("root")
        self.have(insert())
        answered = self.asks("GET", f"/api/usuario/{session}")
        self.assertEqual(answered.field("Transfer-Encoding"), "chunked")
        self.assertEqual(len(answered.json), 6002)
        self.assertEqual(answered.json[-1]["UserName"], "colleague-5999")


class AddTests(WayCase):
    def test_an_admin_creates_an_account_that_logs_in(self) -> None:
        body = {"UserName": "user3", "PassWord": NEW_HASH, "Ativo": "true"}
        self.succeeds("POST", self.logs_in("root"), body=body)
        made = self.have(self.store.find(Account, "login", "user3"))
        assert made is not None
        self.assertEqual((made.company_id, made.role, made.active), (self.ours.id, USER, True))
        self.assertEqual(self.lists(self.logs_in("user3", NEW_HASH), f"?id={made.id}"), shown(made))

    def test_it_is_made_in_the_company_of_the_session(self) -> None:
        self.succeeds(
            "POST",
            self.logs_in("chef"),
            body={"UserName": "user3", "PassWord": NEW_HASH, "Ativo": True},
        )
        self.assertEqual(
            [user["UserName"] for user in self.lists(self.logs_in("carl"))],
            ["chef", "carl", "user3"],
        )

    def test_no_field_is_written_that_is_not_named(self) -> None:
        extra = {
            "Role": "admin",
            "role": "admin",
            "company_id": self.theirs.id,
            "Id": "77",
            "rev": 1,
            "password_hash": "x",
        }
        self.succeeds(
            "POST",
            self.logs_in("root"),
            body={"username": "user3", "PASSWORD": NEW_HASH, "ATIVO": "true", **extra},
        )
        made = self.have(self.store.find(Account, "login", "user3"))
        assert made is not None
        self.assertEqual((made.company_id, made.role), (self.ours.id, USER))
        self.assertNotEqual(made.id, 77)

    def test_without_ativo_it_is_inactive(self) -> None:
        session = self.logs_in("root")
        self.succeeds("POST", session, body={"UserName": "user3", "PassWord": NEW_HASH})
        self.succeeds(
            "POST", session, body={"UserName": "user4", "PassWord": NEW_HASH, "Ativo": "false"}
        )
        self.succeeds(
            "POST", session, body={"UserName": "user5", "PassWord": NEW_HASH, "Ativo": False}
        )
        self.assertEqual([user["Ativo"] for user in self.lists(session)[2:]], ["false"] * 3)

    def test_what_is_wrong_is_told_in_the_documents_words(self) -> None:
        session = self.logs_in("root")
        right = {"UserName": "user3", "PassWord": NEW_HASH, "Ativo": "true"}
        for digest in ("secret", NEW_HASH[1:], "", None, 5):
            self.fails(PASSWORD_FORMAT, "POST", session, body={**right, "PassWord": digest})
        for name in ("user 3", " user3", "user\t3", "user\u00a03"):
            self.fails(BLANKS, "POST", session, body={**right, "UserName": name})
        for taken in ("anna", "ANNA", "carl"):
            self.fails(TAKEN, "POST", session, body={**right, "UserName": taken})
        wrong_names: tuple[object, ...] = (
            "",
            "u",
            "a:b",
            "a,b",
            "user\u0000",
            "u" * 255,
            None,
            5,
            ["user3"],
        )
        for wrong in wrong_names:
            self.fails(
                "O nome do usuário é inválido", "POST", session, body={**right, "UserName": wrong}
            )
        wrong_flags: tuple[object, ...] = ("yes", "True", "", 1, 0, None, [])
        for flag in wrong_flags:
            self.fails(
                'O campo Ativo deve ser "true" ou "false"',
                "POST",
                session,
                body={**right, "Ativo": flag},
            )
        self.fails(PASSWORD_FORMAT, "POST", session, body={"UserName": "user3"})
        self.fails("O nome do usuário é inválido", "POST", session, body={"PassWord": NEW_HASH})

    def test_a_user_may_not(self) -> None:
        body = {"UserName": "user3", "PassWord": NEW_HASH, "Ativo": "true"}
        self.fails(NO_PERMISSION, "POST", self.logs_in("anna"), body=body)


class ChangeTests(WayCase):
    def test_an_admin_changes_what_is_named(self) -> None:
        session = self.logs_in("root")
        self.succeeds("PUT", session, f"?id={self.anna.id}", {"UserName": "anne", "Ativo": "true"})
        self.logs_in("anne")
        self.succeeds(
            "PUT", session, f"?ID={self.anna.id}", {"password": NEW_HASH.lower(), "ativo": True}
        )
        self.logs_in("anne", NEW_HASH)
        self.assertEqual(self.account(self.anna.id).role, USER)

    def test_the_documents_own_example_changes_the_admin_itself(self) -> None:
        session = self.logs_in("root")
        body = {"UserName": "admin", "PassWord": NEW_HASH, "Ativo": "true"}
        self.succeeds("PUT", session, f"?id={self.root.id}", body)
        self.assertEqual(self.lists(session, f"?id={self.root.id}")[0]["UserName"], "admin")
        self.logs_in("admin", NEW_HASH)

    def test_without_ativo_the_account_becomes_inactive(self) -> None:
        session = self.logs_in("root")
        self.succeeds("PUT", session, f"?id={self.anna.id}", {"UserName": "anne"})
        self.assertEqual(
            self.lists(session)[1], {"Id": str(self.anna.id), "UserName": "anne", "Ativo": "false"}
        )
        self.succeeds("PUT", session, f"?id={self.anna.id}", {"Ativo": "true"})
        self.assertTrue(self.account(self.anna.id).active)

    def test_no_field_is_written_that_is_not_named(self) -> None:
        body = {
            "Ativo": "true",
            "role": "admin",
            "company_id": self.theirs.id,
            "Id": "77",
            "password_hash": "x",
        }
        before = self.account(self.anna.id)
        self.succeeds("PUT", self.logs_in("root"), f"?id={self.anna.id}", body)
        after = self.account(self.anna.id)
        self.assertEqual(
            (after.role, after.company_id, after.password_hash),
            (USER, before.company_id, before.password_hash),
        )

    def test_an_id_that_is_not_of_the_company_is_not_found(self) -> None:
        session = self.logs_in("root")
        for query in (f"?id={self.carl.id}", f"?id={ABSENT}", "?id=x", "?id=", "", f"?id={2**63}"):
            self.fails(NO_SUCH_USER, "PUT", session, query, {"Ativo": "true"})
            self.fails(NO_SUCH_USER, "PUT", session, query, {"PassWord": NEW_HASH})
            self.fails(NO_SUCH_USER, "DELETE", session, query)

    def test_what_is_wrong_is_told_in_the_documents_words(self) -> None:
        session, query = self.logs_in("root"), f"?id={self.anna.id}"
        for digest in ("secret", "", None):
            self.fails(
                PASSWORD_FORMAT, "PUT", session, query, {"PassWord": digest, "Ativo": "true"}
            )
        self.fails(BLANKS, "PUT", session, query, {"UserName": "anna a", "Ativo": "true"})
        for name in (None, "", "a:b", 5):
            self.fails(
                "O nome do usuário é inválido",
                "PUT",
                session,
                query,
                {"UserName": name, "Ativo": "true"},
            )
        for taken in ("Root", "carl"):
            self.fails(TAKEN, "PUT", session, query, {"UserName": taken, "Ativo": "true"})
        for active in ("no", None, 1):
            self.fails(
                'O campo Ativo deve ser "true" ou "false"', "PUT", session, query, {"Ativo": active}
            )

    def test_the_last_active_admin_stays(self) -> None:
        self.have(self.directory.deactivate(self.chef.id))
        session, query = self.logs_in("root"), f"?id={self.root.id}"
        self.fails(LAST_ADMIN, "DELETE", session, query)
        self.fails(LAST_ADMIN, "PUT", session, query, {"UserName": "root"})
        self.assertFalse(self.is_over(session))

    def test_a_user_changes_its_own_password_and_nothing_else(self) -> None:
        session, own = self.logs_in("anna"), f"?id={self.anna.id}"
        self.fails(NO_PERMISSION, "PUT", session, own, {"UserName": "anne", "Ativo": "true"})
        self.fails(
            NO_PERMISSION, "PUT", session, own, {"PassWord": NEW_HASH}
        )  # which would make it inactive
        for id in (self.root.id, self.carl.id, ABSENT):
            self.fails(
                NO_PERMISSION, "PUT", session, f"?id={id}", {"PassWord": NEW_HASH, "Ativo": "true"}
            )
        self.succeeds(
            "PUT", session, own, {"UserName": "anna", "PassWord": NEW_HASH, "Ativo": "true"}
        )
        self.logs_in("anna", NEW_HASH)

    def test_a_deletion_only_makes_inactive(self) -> None:
        session = self.logs_in("root")
        self.succeeds("DELETE", session, f"?id={self.anna.id}")
        self.assertEqual(
            self.lists(session), [*shown(self.root), *shown(self.account(self.anna.id))]
        )
        self.assertFalse(self.account(self.anna.id).active)
        self.succeeds("DELETE", session, f"?id={self.anna.id}")

    def test_a_user_deactivates_nobody(self) -> None:
        session = self.logs_in("anna")
        for id in (self.root.id, self.anna.id, self.carl.id, ABSENT):
            self.fails(NO_PERMISSION, "DELETE", session, f"?id={id}")


class DocumentTests(WayCase):
    """The protocol's examples, in its own words."""

    def setUp(self) -> None:
        super().setUp()
        self.have(self.directory.change(self.root.id, login="admin", digest=DOCUMENTS_HASH))
        self.have(self.directory.change(self.anna.id, login="user2"))
        body = b'{\n    "User":"admin",\n    "Passwd":"%b"\n  }' % DOCUMENTS_HASH.encode()
        answered = self.asks("POST", "/api/main", body)
        self.session = answered.json["IDSessao"]
        said = (
            b'{"Status":"OK","IDSessao":"%b","Message":"Login Realizado com sucesso"}'
            % self.session.encode()
        )
        self.assertEqual(answered.body, said)

    def answered(self, status: str, message: str = "") -> bytes:
        said = b'{"Status":"%b","IDSessao":"%b","Message":"%b","StackTrace":""}'
        return said % (status.encode(), self.session.encode(), message.encode())

    def test_get_without_an_id(self) -> None:
        answered = self.asks("GET", f"/api/Usuario/{self.session}")
        both = b'[{"Id":"1","UserName":"admin","Ativo":"true"},{"Id":"2","UserName":"user2","Ativo":"true"}]'  # noqa: E501
        self.assertEqual(answered.body, both)

    def test_get_with_an_id(self) -> None:
        answered = self.asks("GET", f"/api/Usuario/{self.session}?id=1")
        self.assertEqual(answered.body, b'[{"Id":"1","UserName":"admin","Ativo":"true"}]')

    def test_post(self) -> None:
        body = (
            b'{\n    "UserName":"user3",\n    "PassWord":"%b",\n    "Ativo":"true"\n }'
            % NOBODYS.encode()
        )
        self.assertEqual(
            self.asks("POST", f"/api/Usuario/{self.session}", body).body, self.answered("OK")
        )
        refused = self.answered("ERROR", TAKEN)
        self.assertEqual(self.asks("POST", f"/api/Usuario/{self.session}", body).body, refused)

    def test_put(self) -> None:
        body = (
            b'{\n    "UserName":"admin",\n    "PassWord":"%b",\n    "Ativo":"true"\n }'
            % NOBODYS.encode()
        )
        self.assertEqual(
            self.asks("PUT", f"/api/Usuario/{self.session}?id=1", body).body, self.answered("OK")
        )

    def test_delete(self) -> None:
        self.assertEqual(
            self.asks("DELETE", f"/api/Usuario/{self.session}?id=2").body, self.answered("OK")
        )
        self.assertFalse(self.account(2).active)
