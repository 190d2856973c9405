"""Where the monitor looks: one configuration for it and for the daemon."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

from sockcrud.monitor import places
from sockcrud.monitor.places import places_of
from sockcrud.monitor.settings import DIALECTS, PORTS


@pytest.fixture(autouse=True)
def _nothing_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def found(**given: Any) -> dict[str, str]:
    nothing: dict[str, Any] = dict.fromkeys(("only", "base_port", "host", "url", "file"))
    return places_of(**{"said": {}, "at": (), **nothing, **given})


def test_by_default_each_is_on_its_own_port() -> None:
    assert found() == {name: f"127.0.0.1:{PORTS[name]}" for name in DIALECTS}
    assert found(host="::1", only="way") == {"way": f"[::1]:{PORTS['way']}"}


def test_the_settings_of_the_daemon_are_the_monitors() -> None:
    Path("tap.cfg").write_text(
        "[sockcrud]\nusers = tcp:1:interface=0.0.0.0\nway = off\nshop = ssl:2:privateKey=k\n"
    )
    places = found()
    assert (places["users"], places["shop"]) == ("127.0.0.1:1", "tls://127.0.0.1:2")
    assert "way" not in places
    assert found(host="example.org")["users"] == "example.org:1"
    assert list(found(base_port="22000", only="messages,admin").values()) == [
        f"127.0.0.1:{22000 + DIALECTS.index(name)}" for name in ("messages", "admin")
    ]


def test_the_admin_port_tells_where_the_others_are(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"users": "example.org:1", "way": None, "admin": "example.org:8000"}
    monkeypatch.setattr(places, "places_by", lambda source, url: there)
    assert found(url="example.org:8000") == {"users": "example.org:1", "admin": "example.org:8000"}
    assert found(url="example.org:8000", only="users", at=("way=other:5",)) == {
        "users": "example.org:1",
        "way": "other:5",
    }


@pytest.mark.parametrize("at", ["users", "nobody=127.0.0.1:1", "users="])
def test_what_is_no_place_is_told(at: str) -> None:
    with pytest.raises(click.UsageError, match="expected DIALECT=PLACE"):
        found(at=(at,))
