"""`sendgrid:?…` becomes the transport's arguments, or a message that says what to write, and holds nothing secret."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sendgrid_events import Account

from drip import wiring
from drip.errors import SettingsError
from drip.settings import load, masked
from drip.transports.sendgrid import SendGrid
from drip.transports.sendgrid_url import parse_sendgrid_url

KEY = "SG.kept-to-itself.0123456789abcdef"


def test_bare_url_has_the_defaults() -> None:
    """`sendgrid:` alone is enough."""
    assert parse_sendgrid_url("sendgrid:") == parse_sendgrid_url("sendgrid://") == {}
    way = SendGrid(KEY)
    assert (way.name, way.connections) == ("sendgrid api.sendgrid.com", 20)


def test_options_are_read() -> None:
    """Each option reaches its argument; a host keeps its port and loses a trailing slash."""
    url = "sendgrid:?connections=7&sandbox=true&timeout=2.5&host=https://api.eu.sendgrid.com/"
    assert parse_sendgrid_url(url) == {
        "connections": 7,
        "sandbox": True,
        "timeout": 2.5,
        "host": "https://api.eu.sendgrid.com",
    }
    assert parse_sendgrid_url("sendgrid:?host=http://127.0.0.1:8025") == {"host": "http://127.0.0.1:8025"}
    assert parse_sendgrid_url("sendgrid:?host=http://[::1]:8025") == {"host": "http://[::1]:8025"}


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (f"sendgrid:{KEY}", "no host, no path and no password; write sendgrid:"),
        (f"sendgrid://{KEY}@api.sendgrid.com", "no host, no path and no password"),
        ("sendgrid:?conections=5", "did you mean connections?"),
        (f"sendgrid:?key={KEY}", "it knows host, connections, sandbox, timeout"),
        ("sendgrid:?connections=0", "connections in the SendGrid URL is a whole number from 1 to 200"),
        ("sendgrid:?connections=1.5", "connections in the SendGrid URL is a whole number"),
        ("sendgrid:?connections=5&connections=6", "connections in the SendGrid URL stands twice"),
        ("sendgrid:?sandbox=yes", "sandbox in the SendGrid URL is true or false"),
        ("sendgrid:?sandbox=", "sandbox in the SendGrid URL stands twice or is empty"),
        ("sendgrid:?timeout=forever", "timeout in the SendGrid URL is seconds"),
        ("sendgrid:?timeout=0", "timeout in the SendGrid URL is seconds"),
        ("sendgrid:?host=api.eu.sendgrid.com", "is an address such as https://api.sendgrid.com"),
        ("sendgrid:?host=http://api.sendgrid.com", "begins with https://: the key does not travel in the clear"),
        ("sendgrid:?host=http://127.0.0.1.evil.example", "begins with https://"),
        (f"sendgrid:?host=https://{KEY}@api.sendgrid.com", "and nothing else"),
        ("sendgrid:?host=https://api.sendgrid.com/v3", "and nothing else"),
        ("sendgrid:?host=https://api.sendgrid.com:99999", "is an address such as"),
    ],
)
def test_wrong_url_says_what_to_write(tmp_path: Path, url: str, words: str) -> None:
    """What is wrong is named, by the setting's name, and no value is repeated: it may be the key in the wrong place."""
    chosen = load(tmp_path, {"DRIP_TRANSPORT": url, "DRIP_SENDGRID_API_KEY": KEY})
    with pytest.raises(SettingsError) as caught:
        wiring.transport(chosen)
    assert str(caught.value).startswith("DRIP_TRANSPORT: ")
    assert words in str(caught.value)
    assert KEY not in str(caught.value)


def test_without_a_key_it_says_where_to_write_one(tmp_path: Path) -> None:
    """No key, or an empty variable: the message names both places."""
    for variables in ({}, {"DRIP_SENDGRID_API_KEY": ""}):
        with pytest.raises(SettingsError, match=r"set DRIP_SENDGRID_API_KEY, or write sendgrid_api_key in drip\.local"):
            wiring.transport(load(tmp_path, {"DRIP_TRANSPORT": "sendgrid:", **variables}))


def test_key_comes_from_the_environment_or_the_secret_file(tmp_path: Path) -> None:
    """The environment goes over drip.local.toml; a line break behind a pasted key is no part of it."""
    (tmp_path / "drip.local.toml").write_text('sendgrid_api_key = "SG.local"\n')
    assert load(tmp_path, {}).sendgrid_api_key == "SG.local"
    assert load(tmp_path, {"DRIP_SENDGRID_API_KEY": f" {KEY}\n"}).sendgrid_api_key == KEY


def test_shared_file_is_no_place_for_a_key(tmp_path: Path) -> None:
    """drip.toml goes to git: a key there is refused, and not shown."""
    (tmp_path / "drip.toml").write_text(f'sendgrid_api_key = "{KEY}"\n')
    with pytest.raises(SettingsError, match=r"drip\.toml: sendgrid_api_key: .*drip\.local\.toml") as caught:
        load(tmp_path, {})
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("key", [f"{KEY} {KEY}", f"{KEY}\r\nBcc: x", "nyckel-åäö", f"{KEY}\x00"])
def test_key_that_is_none_is_refused_unseen(tmp_path: Path, key: str) -> None:
    """A key with a space, a line break or another alphabet is refused before any HTTP client sees it."""
    with pytest.raises(SettingsError, match="DRIP_SENDGRID_API_KEY: a key of one word") as caught:
        load(tmp_path, {"DRIP_SENDGRID_API_KEY": key})
    assert KEY not in str(caught.value)
    with pytest.raises(SettingsError) as caught:
        SendGrid(key)
    assert KEY not in str(caught.value)


def test_doubt_is_held_with_sendgrid_unless_somebody_decides(tmp_path: Path) -> None:
    """A mail in doubt is held by default with SendGrid and sent again with SMTP; the setting goes over both."""
    for url, default in (("sendgrid:?sandbox=true", "hold"), ("smtp://127.0.0.1", "resend"), ("outbox:x", "resend")):
        assert load(tmp_path, {"DRIP_TRANSPORT": url}).in_doubt == default
        assert load(tmp_path, {"DRIP_TRANSPORT": url, "DRIP_IN_DOUBT": "resend"}).in_doubt == "resend"
        assert load(tmp_path, {"DRIP_TRANSPORT": url, "DRIP_IN_DOUBT": "hold"}).in_doubt == "hold"


def test_events_settle_what_is_in_doubt_so_that_nothing_is_held(tmp_path: Path) -> None:
    """With the key of its events set, a mail that SendGrid says nothing of is sent again (decision 022)."""
    way = {"DRIP_TRANSPORT": "sendgrid:", "DRIP_SENDGRID_WEBHOOK_KEY": Account().verification_key}
    assert load(tmp_path, way).in_doubt == "resend"
    assert load(tmp_path, {**way, "DRIP_IN_DOUBT": "hold"}).in_doubt == "hold"
    assert load(tmp_path, {**way, "DRIP_SENDGRID_WEBHOOK_KEY": ""}).in_doubt == "hold"


def test_how_many_soft_bounces_are_enough_is_a_number(tmp_path: Path) -> None:
    """0 or more; anything else is refused in words."""
    assert [load(tmp_path, {"DRIP_SOFT_BOUNCES": n}).soft_bounces for n in ("0", "3")] == [0, 3]
    for odd in ("-1", "many", "1.5", "٣", "9999999"):
        with pytest.raises(SettingsError, match="DRIP_SOFT_BOUNCES: a whole number"):
            load(tmp_path, {"DRIP_SOFT_BOUNCES": odd})


def test_who_sends_over_something_else_does_not_wait_for_it() -> None:
    """The `sendgrid` package and httpx are imported when the first mail goes, by this transport alone."""
    code = "import sys, drip.wiring; print({'sendgrid', 'httpx'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_nothing_that_is_printed_holds_the_key(tmp_path: Path) -> None:
    """The settings, the transport and its address, as they are shown."""
    chosen = load(tmp_path, {"DRIP_TRANSPORT": "sendgrid:?sandbox=true", "DRIP_SENDGRID_API_KEY": KEY})
    way = wiring.transport(chosen)
    for shown in (repr(chosen), str(chosen), repr(way), str(way), way.name, masked(chosen.transport)):
        assert KEY not in shown
    assert masked(chosen.transport) == "sendgrid:"
