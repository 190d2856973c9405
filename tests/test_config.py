"""The settings: their order, their errors, the example file."""

from __future__ import annotations

import os
import re
from math import inf
from pathlib import Path
from tempfile import TemporaryDirectory

from click.testing import CliRunner
from twisted.python import usage
from twisted.trial.unittest import SynchronousTestCase

from sockcrud import config, loading
from sockcrud.cli.main import main
from sockcrud.config import ConfigError, example, format_settings, load
from sockcrud.daemon import StartFailed
from sockcrud.settings import Settings
from sockcrud.tap import Options
from tests import ROOT

DEFAULTS = config.defaults(loading.apps())
EXAMPLE = example(loading.apps())
FILE = ROOT / "tap.cfg"


class ConfigTests(SynchronousTestCase):
    def setUp(self) -> None:
        # The checkout has a tap.cfg of its own.
        directory = TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.addCleanup(os.chdir, Path.cwd())
        os.chdir(directory.name)

    def file(self, text: str) -> str:
        path = Path(self.mktemp()).absolute()
        path.write_text(text, encoding="utf-8")
        return str(path)

    def test_without_anything_all_is_default(self) -> None:
        loaded = load({}, {})
        self.assertEqual(loaded.settings, DEFAULTS)
        self.assertEqual(loaded.settings.of("users"), "tcp:8080")
        self.assertEqual(loaded.settings.of("messages"), "tcp:5000")
        self.assertEqual(loaded.settings.max_request, 65536)
        self.assertIsNone(loaded.file)

    def test_a_flag_goes_before_the_environment_and_that_before_the_file(self) -> None:
        file = self.file("[sockcrud]\nusers = tcp:1\nmessages = tcp:1\nmax_depth = 1\n")
        loaded = load(
            {"users": "tcp:3"}, {"SOCKCRUD_USERS": "tcp:2", "SOCKCRUD_MESSAGES": "tcp:2"}, file
        )
        settings = loaded.settings
        self.assertEqual((settings.of("users"), settings.of("messages")), ("tcp:3", "tcp:2"))
        self.assertEqual((settings.max_depth, settings.max_in_flight), (1, 128))
        self.assertEqual(str(loaded.file), file)

    def test_the_file_of_the_working_directory_is_read_only_where_no_other_is_named(self) -> None:
        Path("tap.cfg").write_text("[sockcrud]\ndemo = yes\n")
        other = self.file("[sockcrud]\nmax_depth = 5\n")
        self.assertTrue(load({}, {}).settings.demo)
        self.assertFalse(load({}, {}, other).settings.demo)

    def assert_refused(self, says: str, *arguments: object) -> None:
        error = self.assertRaises(ConfigError, load, *arguments)
        self.assertNotIn("\n", str(error))
        self.assertRegex(str(error), says)

    def test_what_is_wrong_is_said_with_place_value_and_what_would_be_right(self) -> None:
        self.assert_refused(
            "the command line: max_request = '64 apples': expected a number of bytes",
            {"max_request": "64 apples"},
            {},
        )
        self.assert_refused(
            "the environment: demo = 'perhaps': expected yes or no",
            {},
            {"SOCKCRUD_DEMO": "perhaps"},
        )
        self.assert_refused(
            "the environment: unknown setting 'usrs'; there are users,",
            {},
            {"SOCKCRUD_USRS": "off"},
        )
        self.assert_refused(
            r"unknown setting 'portt'", {}, {}, self.file("[sockcrud]\nportt = 1\n")
        )
        self.assert_refused(
            r"unknown setting 'members_strickt'", {}, {}, self.file("[members]\nstrickt = 1\n")
        )
        self.assert_refused(
            "cors_origins = 'example.org': expected ", {"cors_origins": "example.org"}, {}
        )
        for hosts in ("http://example.org", "example.org:80", "::1", "[::1", "exämple.org", "a/b"):
            self.assert_refused(re.escape(f"hosts = {hosts!r}: expected "), {"hosts": hosts}, {})
        self.assert_refused(
            r"unknown section \[socket\]", {}, {}, self.file("[socket]\nusers = off\n")
        )
        self.assert_refused(
            "cannot read .*: line 1: expected a section such as", {}, {}, self.file("users = off\n")
        )
        self.assert_refused(
            "line 3: expected each setting once",
            {},
            {},
            self.file("[sockcrud]\nusers = off\nusers = off\n"),
        )
        self.assert_refused(
            "line 2: expected each section once", {}, {}, self.file("[sockcrud]\n[sockcrud]\n")
        )
        self.assert_refused(
            "line 2, 3: expected NAME = VALUE", {}, {}, self.file("[sockcrud]\nusers\noff\n")
        )
        self.assert_refused("cannot read nowhere.cfg: No such file", {}, {}, "nowhere.cfg")
        self.assert_refused(
            "the command line: store: expected memory: or sqlite:PATH or postgresql://USER@HOST/DATABASE",
            {"store": "redis:x"},
            {},
        )
        self.assert_refused("sign_up = 'ajar': expected open or closed", {"sign_up": "ajar"}, {})
        for value in ("0", "-1", "1.5", "ten", ""):
            self.assert_refused("max_depth = ", {"max_depth": value}, {})
        for value in ("0", "-1", "nan", "inf", "1e3"):
            self.assert_refused("header_timeout = ", {"header_timeout": value}, {})
        for value in ("-1", "nan", "inf", "1e3", "never"):
            self.assert_refused("users_idle = '.*or 0 for no end", {"users_idle": value}, {})
        for value in ("0", "101", "25%"):
            self.assert_refused("max_share = ", {"max_share": value}, {})

    def test_base_port_places_all_that_nobody_has_placed(self) -> None:
        loaded = load({"base_port": "22000"}, {"SOCKCRUD_MESSAGES": "tcp:1"})
        names = [dialect.setting for dialect in loaded.apps.dialects]
        places = [loaded.settings.of(name) for name in names]
        expected = [f"tcp:{22000 + number}" for number in range(len(names))]
        expected[names.index("messages")] = "tcp:1"
        self.assertEqual(places, expected)

    def test_only_some_listen(self) -> None:
        file = self.file("[sockcrud]\nway = tcp:1\n")
        loaded = load({"only": "users,messages"}, {}, file)
        listening = [
            dialect.name
            for dialect in loaded.apps.dialects
            if loaded.settings.of(dialect.setting) != "off"
        ]
        self.assertEqual(listening, ["users", "messages"])
        self.assertIn("# only, the command line\nway = off\n", format_settings(loaded))

    def test_only_and_base_port_say_what_they_take(self) -> None:
        self.assert_refused(
            "only = 'users, usres': expected some of users, .*, not 'usres'|not usres",
            {"only": "users usres"},
            {},
        )
        self.assert_refused("base_port = '70000': expected a port", {"base_port": "70000"}, {})
        self.assert_refused("base_port = 65530: expected at most", {"base_port": "65530"}, {})

    def test_idle_times_may_have_no_end(self) -> None:
        settings = load({"users_idle": "0", "idle_timeout": "0", "way_idle": ""}, {}).settings
        self.assertEqual(
            (settings.of("users_idle"), settings.idle_timeout, settings.of("way_idle")),
            (inf, inf, None),
        )
        self.assertIn(
            "[users]\n# the command line\nidle = 0\n",
            format_settings(load({"users_idle": "0"}, {})),
        )

    def test_sizes_have_units(self) -> None:
        for text, size in (("1", 1), ("64KiB", 65536), ("2 MiB", 2 * 2**20), ("1GiB", 2**30)):
            self.assertEqual(load({"max_request": text}, {}).settings.max_request, size)

    def test_a_dialect_has_a_section_of_its_own(self) -> None:
        self.assertTrue(
            load({}, {}, self.file("[members]\nstrict = yes\n")).settings.of("members_strict")
        )
        self.assertTrue(load({}, {"SOCKCRUD_MEMBERS_STRICT": "yes"}).settings.of("members_strict"))

    def test_origins_are_listed_with_blanks(self) -> None:
        settings = load(
            {"cors_origins": "https://a.example http://localhost:3000", "admin_cors_origins": ""},
            {},
        ).settings
        self.assertEqual(settings.cors_origins, ("https://a.example", "http://localhost:3000"))
        self.assertEqual(settings.admin_cors_origins, ())
        self.assertEqual(load({}, {}).settings.cors_origins, ())
        hosts = load({"hosts": "Shop.Example.org. 192.168.1.5 [2001:DB8::1] *"}, {}).settings.hosts
        self.assertEqual(hosts, ("shop.example.org", "192.168.1.5", "[2001:db8::1]", "*"))

    def test_the_test_suites_own_variables_are_no_settings(self) -> None:
        self.assertEqual(load({}, {"SOCKCRUD_TEST_ANYTHING": "x"}).settings, DEFAULTS)

    def test_the_example_file_states_every_default(self) -> None:
        self.assertEqual(
            FILE.read_text(encoding="utf-8"),
            EXAMPLE,
            "write it anew: python -m tests.docs.write_example",
        )
        uncommented = re.sub(r"^#(\w+ =)", r"\1", EXAMPLE, flags=re.MULTILINE)
        self.assertEqual(load({}, {}, self.file(uncommented)).settings, DEFAULTS)
        self.assertEqual(load({}, {}, self.file(EXAMPLE)).sources, {})

    def test_what_check_config_shows_can_be_read_back(self) -> None:
        loaded = load(
            {"demo": "yes", "max_unsent": "1MiB", "idle_timeout": "2.5"}, {"SOCKCRUD_USERS": "off"}
        )
        self.assertEqual(load({}, {}, self.file(format_settings(loaded))).settings, loaded.settings)
        self.assertIn("# the environment\nusers = off\n", format_settings(loaded))
        self.assertIn("# the command line\ndemo = yes\n", format_settings(loaded))
        self.assertIn("# default\nmessages = tcp:5000\n", format_settings(loaded))


class CommandTests(SynchronousTestCase):
    """The same settings as flags of both commands."""

    def options(self, *flags: str) -> Settings:
        options = Options()
        options.parseOptions(list(flags))
        return options.loaded.settings

    def test_every_setting_is_a_flag_of_twistd(self) -> None:
        for setting in config.declared(loading.apps()):
            given = (
                [f"--{setting.flag}"] if setting.is_switch else [f"--{setting.flag}", setting.text]
            )
            if setting.name != "app":
                expected = True if setting.is_switch else DEFAULTS.of(setting.name)
                self.assertEqual(self.options(*given).of(setting.name), expected)
        self.assertFalse(self.options("--no-demo").demo)
        self.assertRaises(usage.UsageError, self.options, "--nonsense")

    def test_every_setting_is_a_flag_of_serve(self) -> None:
        settings = [setting for setting in config.declared(loading.apps()) if setting.name != "app"]
        ports = {
            dialect.setting for dialect in loading.apps().dialects
        }  # which may be taken by somebody
        texts = {each: "off" if each.name in ports else each.text for each in settings}
        given = [
            f"--{each.flag}" if each.is_switch else f"--{each.flag}={text}"
            for each, text in texts.items()
        ]
        result = CliRunner().invoke(main, ["serve", "--check-config", *given])
        self.assertEqual(
            (result.exit_code, result.output.count("# the command line")), (0, len(given))
        )

    def test_a_setting_that_cannot_be_is_one_line_and_status_1(self) -> None:
        result = CliRunner().invoke(main, ["serve", "--users", "carrier-pigeon"])
        self.assertIsInstance(result.exception, StartFailed)
        self.assertIn(
            "'carrier-pigeon' is no endpoint description such as tcp:8080", str(result.exception)
        )
        self.assertRaises(StartFailed, self.options, "--max-depth", "0")

    def test_help_teaches_by_example(self) -> None:
        result = CliRunner().invoke(main, ["serve", "--help"])
        help = " ".join(result.output.split())
        self.assertIn("sockcrud serve --users tcp:8080:interface=0.0.0.0", help)
        self.assertIn("[default: tcp:5000]", help)
