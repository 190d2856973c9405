# mypy: allow-untyped-calls
"""The file with the first admin's password: on disk before the admin is, and gone when the password
is another.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from tempfile import TemporaryDirectory

from click.testing import CliRunner
from twisted.internet.defer import Deferred

from sockcrud.cli.main import main
from sockcrud.errors import Invalid
from sockcrud.identity import first_password
from sockcrud.identity.accounts import Directory
from sockcrud.identity.first_start import FirstAdmin, ensure_admin
from sockcrud.identity.passwords import Passwords, digest_of
from sockcrud.identity.records import Account
from tests.support.directory_kit import CHEAP, RIGHT, DirectoryCase
from tests.support.model import STANDARD


class FirstPasswordTests(DirectoryCase):
    def setUp(self) -> None:
        super().setUp()
        directory = TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.store_file = Path(directory.name) / "shop.db"
        passwords = Passwords(self.pool, CHEAP)
        self.directory = Directory(self.store, passwords, self.clock)
        self.directory.password_replaced = lambda hash: first_password.remove_outdated(
            passwords, hash, self.store_file
        )

    def first(self) -> FirstAdmin:
        made = self.have(ensure_admin(self.directory, "admin", "", self.store_file))
        assert made is not None
        return made

    def files(self) -> list[str]:
        return sorted(os.listdir(self.store_file.parent))

    def test_it_goes_at_the_first_change_of_the_password_also_of_a_later_process(self) -> None:
        made = self.first()
        assert made.file is not None
        self.assertEqual(stat.S_IMODE(made.file.stat().st_mode), 0o600)
        admin = self.have(
            self.directory.authenticate("admin", digest_of(made.password or ""), "192.0.2.1")
        )
        self.have(self.directory.change(admin.id, login="boss"))
        self.assertTrue(made.file.exists())
        self.have(self.directory.change(admin.id, digest=RIGHT))
        self.assertFalse(made.file.exists())

    def test_a_change_of_another_password_leaves_it(self) -> None:
        made = self.first()
        ann = self.have(self.directory.create("ann", RIGHT))
        self.have(self.directory.change(ann.id, digest=digest_of("another")))
        self.assertEqual([self.store_file.with_name(name) for name in self.files()], [made.file])

    def test_a_change_that_is_refused_leaves_it(self) -> None:
        made = self.first()
        admin = self.have(self.store.page(Account, 1))[0]
        self.refused(self.directory.change(admin.id, login="a b", digest=RIGHT), Invalid)
        assert made.file is not None
        self.assertTrue(made.file.exists())

    def test_what_others_put_beside_it_does_no_harm(self) -> None:
        made = self.first()
        other = self.store_file.with_name("precious")
        other.write_text(made.password or "")
        os.mkfifo(f"{self.store_file}-admin-password-fifo")
        os.symlink(other, f"{self.store_file}-admin-password-link")
        Path(f"{self.store_file}-admin-password-large").write_bytes(b"x" * 100_000)
        Path(f"{self.store_file}-admin-password-bytes").write_bytes(b"\xff\xfe")
        assert made.file is not None
        os.utime(made.file, (1, 1))  # looked at last
        admin = self.have(self.store.page(Account, 1))[0]
        self.have(self.directory.change(admin.id, digest=RIGHT))
        self.assertFalse(made.file.exists())
        self.assertEqual(len(self.files()), 5)

    def test_a_full_pool_fails_no_change(self) -> None:
        self.first()
        admin = self.have(self.store.page(Account, 1))[0]
        self.pool.room = 1
        self.have(self.directory.change(admin.id, digest=RIGHT))
        self.assertEqual(len(self.files()), 1)

    def test_the_file_and_its_name_are_on_disk_before_there_is_an_admin(self) -> None:
        synced: list[str] = []
        real = os.fsync

        def sync(descriptor: int) -> None:
            self.assertEqual(self.have(self.store.count(Account)), 0)
            synced.append(
                "directory"
                if stat.S_ISDIR(os.fstat(descriptor).st_mode)
                else f"{os.fstat(descriptor).st_size}"
            )
            real(descriptor)

        self.patch(os, "fsync", sync)
        made = self.first()
        self.assertEqual(synced, [str(len(made.password or "") + 1), "directory"])

    def test_the_command_for_who_has_lost_the_password_takes_it_away_too(self) -> None:
        from sockcrud.identity.passwords import InThisThread
        from sockcrud.storage.sqlite.store import SqliteStore
        from sockcrud.storage.waiting import Turns

        turns = Turns()
        store = SqliteStore.open(self.store_file, STANDARD, turns, lambda _: None)
        passwords = Passwords(InThisThread())
        turns.finish(ensure_admin(Directory(store, passwords, turns), "admin", "", self.store_file))
        turns.finish(store.close())
        self.assertEqual(len([name for name in self.files() if "password" in name]), 1)
        words = [
            "accounts",
            "passwd",
            "admin",
            "--store",
            f"sqlite:{self.store_file}",
            "--password-file",
            "-",
        ]
        result = CliRunner().invoke(main, words, input="a new one\n")
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertEqual([name for name in self.files() if "password" in name], [])


class Nothing(DirectoryCase):
    def test_without_files_no_hash_is_spent(self) -> None:
        self.pool.works = 0
        passwords = Passwords(self.pool, CHEAP)
        with TemporaryDirectory() as directory:
            self.successResultOf(
                Deferred.fromCoroutine(
                    first_password.remove_outdated(
                        passwords, "$argon2", Path(directory) / "shop.db"
                    )
                )
            )
        self.assertEqual(self.pool.works, 0)
