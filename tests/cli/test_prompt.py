"""`sockcrud send` on a terminal: what is typed is sent, what is answered is laid out."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("prompt_toolkit")

from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from sockcrud import loading
from sockcrud.app import resolve
from sockcrud.cli.outcomes import Failed
from sockcrud.cli.raw.prompt import Samples, converse

SAMPLES = resolve(loading.apps().dialect("users").samples)


def completions(text: str) -> list[str]:
    found = Samples(SAMPLES).get_completions(Document(text), CompleteEvent())
    return [text[: len(text) + each.start_position] + each.text for each in found]


def test_operations_and_fields_are_completed() -> None:
    assert completions("") == list(SAMPLES)
    assert completions('{"id_operation": "dele') == [
        '{"id_operation": "delete_user", "payload": {"user_id": 1}}',
        '{"id_operation": "delete_user"',
    ]
    assert completions('{ "payload": {"na') == ['{ "payload": {"name"']


def test_lines_are_sent_and_answers_laid_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    sent = []

    def send(line: str) -> str:
        sent.append(line)
        if "fail" in line:
            raise Failed("nobody is there")
        return '{"data":"maçã\\u001b[2J"}'

    with create_pipe_input() as typed, create_app_session(input=typed, output=DummyOutput()):
        typed.send_text('{"op": 1}\r\r{"fail": "my password"}\r{"a": 2}\rexit\r')
        converse("users", "127.0.0.1:8080", SAMPLES, send)
    assert sent == ['{"op": 1}', '{"fail": "my password"}', '{"a": 2}']
    shown = capsys.readouterr()
    assert '{\n  "data": "maçã\\u001b[2J"\n}\n' in shown.out
    assert shown.err == "Error: nobody is there\n"
    file = tmp_path / "sockcrud" / "history-users"
    kept = file.read_text()
    assert '{"op": 1}' in kept
    assert "password" not in kept
    assert file.stat().st_mode & 0o077 == 0
