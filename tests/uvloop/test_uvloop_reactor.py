"""The reactor named `uvloop`: what it has of its own, and that people get it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from threading import Thread, get_ident

import pytest
from twisted.internet.defer import Deferred

from sockcrud.protocols.listen import endpoint
from sockcrud.uvloop.port import UvloopPort
from tests.support.running import environment
from tests.uvloop.uvloop_kit import UVLOOP, TransportCase, World

TWISTD = str(Path(sys.executable).parent / "twistd")


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, env=environment()
    )


class Reactor(TransportCase):
    """Threads and timers."""

    _reactors = [UVLOOP]  # noqa: RUF012  # as Twisted's builder has it

    def test_what_other_threads_have_called_is_called_here_in_their_order(self) -> None:
        async def scenario(world: World) -> None:
            calls: list[tuple[int, int]] = []
            done: Deferred[None] = Deferred()

            def call() -> None:
                for number in range(1000):
                    world.reactor.callFromThread(
                        lambda number: calls.append((get_ident(), number)), number=number
                    )
                world.reactor.callFromThread(done.callback, None)

            Thread(target=call).start()
            await done
            assert calls == [(get_ident(), number) for number in range(1000)]

        self.play(scenario)

    def test_a_fault_in_what_a_thread_has_called_is_logged_and_nothing_more(self) -> None:
        async def scenario(world: World) -> None:
            done: Deferred[None] = Deferred()
            world.reactor.callFromThread(lambda: 1 / 0)
            world.reactor.callFromThread(done.callback, None)
            await done

        self.play(scenario)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_a_call_is_never_early(self) -> None:
        async def scenario(world: World) -> None:
            began = world.reactor.seconds()
            late: list[float] = []
            done: Deferred[None] = Deferred()
            for number in range(40):
                wait = number * 0.0013
                world.reactor.callLater(
                    wait, lambda wait=wait: late.append(world.reactor.seconds() - began - wait)
                )
            world.reactor.callLater(0.06, done.callback, None)
            await done
            assert len(late) == 40
            assert min(late) >= 0, late

        self.play(scenario)

    def test_plain_tcp_listens_with_uvloops_transports_and_nothing_else_does(self) -> None:
        async def scenario(world: World) -> None:
            for description, bridged in (
                ("tcp:0", True),
                ("tcp6:0", True),
                ("unix:test_socket", False),
            ):
                factory: object = type(
                    "F", (), {"doStart": lambda self: None, "doStop": lambda self: None}
                )()
                port = await endpoint(description, world.reactor).listen(factory)  # type: ignore[arg-type]
                assert isinstance(port, UvloopPort) is bridged, description
                await port.stopListening()  # type: ignore[misc]

        self.play(scenario)


globals().update(Reactor.makeTestCaseClasses())


def test_twistd_knows_it() -> None:
    assert "uvloop" in run(TWISTD, "--help-reactors").stdout


def test_serve_tells_of_a_reactor_that_there_is_not() -> None:
    refused = run(sys.executable, "-m", "sockcrud", "serve", "--reactor", "quick")
    assert refused.returncode == 2
    assert "Invalid value for --reactor: 'quick' is none of " in refused.stderr
    assert "uvloop" in refused.stderr


@pytest.mark.parametrize(
    ("flags", "reactor"),
    [([], "UvloopReactor"), (["--reactor", "select"], "SelectReactor")],
    ids=["by itself", "by name"],
)
def test_serve_runs_in_it_unless_told_otherwise(flags: list[str], reactor: str) -> None:
    script = """
import sys
from sockcrud import tap
from sockcrud.cli.main import main

def tell(loaded, reactor, *more):
    print(type(reactor).__name__)
    raise SystemExit

tap.make_daemon = tell
main(["serve", *sys.argv[1:]], standalone_mode=False)
"""
    assert run(sys.executable, "-c", script, *flags).stdout.splitlines()[-1] == reactor
