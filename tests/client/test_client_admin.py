# mypy: allow-untyped-calls
"""Every operation of the admin port, through both faces, at the real daemon."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import orjson
import pytest

from sockcrud.apps.admin.client_records import Change
from sockcrud.client import errors
from tests.client.client_kit import (
    Face,
    Served,
    Watched,
    a_daemon,
    both_faces,
    have,
    listed,
    not_called,
)
from tests.support.awaiting import awaits

PASSWORD: Final = "correct horse battery"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with a_daemon(tmp_path_factory.mktemp("daemon")) as running:
        yield running


@both_faces
@awaits
async def test_the_admin(face: Face, served: Served) -> None:
    async with face.client("Admin", served.at("admin")) as client:
        admin = Watched(face, "Admin", client)
        with pytest.raises(errors.NotLoggedIn):
            await have(admin.accounts())
        with pytest.raises(errors.LoginFailed):
            await have(admin.log_in("admin", "wrong"))
        await have(admin.log_in("admin", served.password))
        await people(admin, face.name)
        await sessions(admin)
        await store(admin, face.name)
        health = await have(admin.health())
        assert (health.good, health.store_reachable, health.listening["users"]) == (
            True,
            True,
            True,
        )
        assert (await have(admin.dialects()))["admin"] == served.at("admin")
        for refused in (admin.faults, admin.add_fault, admin.remove_faults):
            with pytest.raises(errors.Conflict, match="allow_faults"):
                await have(refused())
        with pytest.raises(errors.Conflict, match="allow_faults"):
            await have(admin.remove_fault(1))
        with pytest.raises(errors.NotFound):
            await have(admin.translations(10**9))
        assert "# TYPE" in await have(admin.metrics())
        assert (await have(admin.description()))["openapi"] == "3.1.0"
        assert (await have(admin.fetch("GET", "/health"))).status == 200
        await have(admin.log_out())
        assert client.token is None


async def people(admin: Any, name: str) -> None:
    company = await have(admin.create_company(f"company of {name}"))
    assert await have(admin.company(company.id)) == company
    account = await have(admin.create_account(f"made-{name}", PASSWORD, company_id=company.id))
    assert (account.role, account.active, account.company_id) == ("user", True, company.id)
    assert await have(admin.account(account.id)) == account
    with pytest.raises(errors.AlreadyExists):
        await have(admin.create_account(f"made-{name}", PASSWORD))
    with pytest.raises(errors.InvalidRequest) as invalid:
        await have(admin.create_account("a b", PASSWORD))
    assert invalid.value.field == "login"
    changed = await have(admin.change_account(account.id, role="admin", rev=account.rev))
    assert changed.role == "admin"
    with pytest.raises(errors.Outdated):
        await have(admin.deactivate_account(account.id, rev=account.rev))
    assert not (await have(admin.deactivate_account(account.id))).active
    with pytest.raises(errors.Conflict):
        await have(admin.deactivate_account(1))
    page = await have(admin.accounts(limit=1))
    assert [each.login for each in page.items] == ["admin"]
    following = await have(admin.accounts(after=page.next, limit=1))
    assert following.items[0].id > page.next
    assert account.id in [each.id for each in await listed(admin.all_accounts(page=2))]
    renamed = await have(admin.change_company(company.id, name=f"firm of {name}"))
    assert renamed.name == f"firm of {name}"
    assert not (await have(admin.deactivate_company(company.id, rev=renamed.rev))).active
    assert company.id in [each.id for each in (await have(admin.companies())).items]
    assert company.id in [each.id for each in await listed(admin.all_companies(page=1))]
    with pytest.raises(errors.NotFound):
        await have(admin.company(4711))


async def sessions(admin: Any) -> None:
    found = await listed(admin.all_sessions(page=1))
    mine = next(each for each in found if each.dialect == "admin")
    assert (mine.account_id, mine.address) == (1, "127.0.0.1")
    assert {each.account_id for each in (await have(admin.sessions(account_id=1))).items} == {1}
    other = next((each for each in found if each.id != mine.id), None)
    if other is not None:
        await have(admin.end_session(other.id))
        with pytest.raises(errors.NotFound):
            await have(admin.end_session(other.id))
    with pytest.raises(errors.NotFound):
        await have(admin.end_session(4711))
    with pytest.raises(errors.NotFound):
        await have(admin.end_sessions(4711))


async def store(admin: Any, name: str) -> None:
    usage = await listed(admin.all_usage(dialect="users", page=2))
    assert [each.dialect for each in usage] == ["users"] * len(usage)
    changes = await listed(admin.all_changes(page=2))
    assert [each.rev for each in changes] == sorted(each.rev for each in changes)
    company = next(
        each
        for each in changes
        if each.record is not None and each.record.get("name") == f"firm of {name}"
    )
    assert (company, company.kind) == (
        Change(company.rev, "Company", company.id, company.record),
        "Company",
    )
    assert (await have(admin.changes(changes[-1].rev))).items == []
    with pytest.raises(errors.HistoryGone):
        await have(admin.changes(10**9))
    pieces: list[bytes] = []
    counted: list[tuple[int, int]] = []
    await have(
        admin.export(pieces.append, progress=lambda done, total: counted.append((done, total)))
    )
    lines = b"".join(pieces).splitlines()
    assert f"firm of {name}" in [orjson.loads(line).get("name") for line in lines]
    assert counted[-1] == (len(lines), len(lines))
    new = orjson.dumps({"kind": "Message", "id": 1000 + len(name), "rev": 1, "data": name}) + b"\n"
    assert await have(admin.import_lines(iter([new[:9], new[9:]]), len(new))) == {"Message": 1}
    with pytest.raises(errors.InvalidRequest) as faulty:
        await have(admin.import_lines([b'{"kind": 1}\n'], 12))
    assert [(fault.line, fault.field) for fault in faulty.value.faults] == [(1, "kind")]
    assert await have(admin.check()) == []
    copied: list[bytes] = []
    await have(admin.backup(copied.append))
    assert b"".join(copied).startswith(b"SQLite format 3\0")


@both_faces
@awaits
async def test_ending_all_sessions_of_an_account_ends_ones_own(face: Face, served: Served) -> None:
    async with face.client("Admin", served.at("admin")) as client:
        admin = Watched(face, "Admin", client)
        await have(admin.log_in("admin", served.password))
        assert await have(admin.end_sessions(1)) >= 1
        with pytest.raises(errors.NotLoggedIn):
            await have(admin.accounts())


@both_faces
def test_every_operation_was_called(face: Face) -> None:
    assert [each for kind in ("Admin",) for each in not_called(face, kind)] == []
