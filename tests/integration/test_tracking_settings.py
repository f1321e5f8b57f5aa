"""What settings say of proxies, UTM parameters and retired keys reaches `drip serve`; a mistake in them is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from terminal import Terminal

from drip import wiring
from drip.errors import SettingsError
from drip.settings import load
from drip.store import evidence
from drip.track.network import mark
from drip.track.token import Purpose, Ring, sign

ADA, ASKER = "ada@customer.example", "81.2.69.142"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """A workspace in which Ada has got her first mail: delivery 1."""
    terminal = Terminal(folder=tmp_path, monkeypatch=monkeypatch, capsys=capsys).found()
    terminal.drip("publish", "hello")
    terminal.drip("learners", "add", ADA)
    terminal.drip("enrol", "hello", "--email", ADA)
    terminal.drip("run", "--until-idle")
    return terminal


@contextmanager
def served(here: Terminal, **variables: str) -> Iterator[httpx.Client]:
    with here.start("serve", "--port", "0", "--format", "json", **variables) as process:
        try:
            assert process.stdout
            said = ""
            while not said.endswith("}\n"):
                said += process.stdout.readline()
            with httpx.Client(base_url=json.loads(said)["url"]) as client:
                yield client
        finally:
            process.terminate()
            process.wait(60)


def test_what_settings_say_reaches_the_web_side(here: Terminal) -> None:
    """A proxy's word is believed, a click carries the parameters, a retired key shows Ada the page for leaving."""
    with (here.folder / "drip.toml").open("a") as file:
        file.write('\n[tracking]\nutm = {source = "drip", campaign = "{course}"}\n')
    settings = load(here.folder, {})
    ring = wiring.ring(settings)
    variables = {"DRIP_TRUSTED_PROXIES": "127.0.0.1", "DRIP_RETIRED_KEYS": "a secret of years ago"}
    old = Ring.of(["a secret of years ago"])
    with served(here, **variables) as client:
        client.headers["X-Forwarded-For"] = ASKER
        assert client.get(f"/o/{sign(ring, Purpose.OPEN, 1)}.gif").status_code == 200
        clicked = client.get(f"/c/{sign(ring, Purpose.CLICK, 1)}")
        assert client.get(f"/u/{sign(old, Purpose.UNSUBSCRIBE, 1)}").status_code == 200
        assert client.get(f"/c/{sign(old, Purpose.CLICK, 1)}").status_code == 404
    assert clicked.headers["location"] == "https://app.acme.example/views?utm_source=drip&utm_campaign=hello"
    store = wiring.store(settings)
    with store.read() as conn:
        seen = [event for event in evidence.of_learner(conn, 1) if event.source == "link"]
    store.close()
    assert [str(event.kind) for event in seen] == ["open", "click", "visit"]
    assert {event.network for event in seen} == {mark(wiring.network_key(settings), ASKER, seen[0].at)}


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ('trusted_proxies = "10.0.0.0/33"', "addresses or networks are wanted"),
        ('trusted_proxies = ["10.0.0.1/8"]', "has host bits set"),
        ('[tracking]\nutm = "drip"', "a table of texts is wanted"),
        ('[tracking]\nutm = {sauce = "drip"}', "there is no utm_sauce: write one of source, medium"),
        ('[tracking]\nutm = {campaign = "{cuorse}"}', "there is no {cuorse}: write one of {course}, {step}"),
        ('[tracking]\nutn = {source = "drip"}', "did you mean tracking.utm?"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, toml: str, said: str) -> None:
    """Each names the setting and what to write."""
    (tmp_path / "drip.toml").write_text(toml, "utf-8")
    with pytest.raises(SettingsError) as raised:
        load(tmp_path, {})
    assert said in str(raised.value)
