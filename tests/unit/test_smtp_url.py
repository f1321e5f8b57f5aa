"""The URL of a mail server: what it says, and that its mistakes are told without its password."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drip.errors import SettingsError
from drip.transports.smtp_url import parse_smtp_url


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("smtp://mail.example", {"host": "mail.example", "port": 25, "tls": "auto"}),
        ("smtp://mail.example:2525/", {"host": "mail.example", "port": 2525, "tls": "auto"}),
        ("smtp://mail.example?tls=starttls", {"host": "mail.example", "port": 587, "tls": "starttls"}),
        ("smtp://mail.example?tls=implicit", {"host": "mail.example", "port": 465, "tls": "implicit"}),
        ("smtps://mail.example", {"host": "mail.example", "port": 465, "tls": "implicit"}),
        ("smtp://[::1]:25?tls=none", {"host": "::1", "port": 25, "tls": "none"}),
        (
            "smtp://asa%40acme.example:p%40ss%2Fw%3Ard%C3%B6@mail.example:587?tls=auto&connections=20&timeout=7.5",
            {"host": "mail.example", "port": 587, "tls": "auto", "username": "asa@acme.example",
             "password": "p@ss/w:rdö", "connections": 20, "timeout": 7.5},
        ),
        (
            "smtp://m.example?ca_file=/etc/ssl/own%20ca.pem&local_hostname=drip.acme.example",
            {"host": "m.example", "port": 25, "tls": "auto", "ca_file": "/etc/ssl/own ca.pem",
             "local_hostname": "drip.acme.example"},
        ),
    ],
)  # fmt: skip
def test_url_becomes_arguments(url: str, options: dict[str, object]) -> None:
    """Every part of the URL is read, percent-decoded, with a port that fits how TLS begins."""
    assert parse_smtp_url(url) == options


@given(st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=30))
def test_any_user_and_password_can_be_written(user: str, password: str) -> None:
    """Percent-encoding carries every character."""
    read = parse_smtp_url(f"smtp://{quote(user, safe='')}:{quote(password, safe='')}@mail.example")
    assert (read["username"], read["password"]) == (user, password)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail.example",
        "http://mail.example",
        "smtp:",
        "smtp://",
        "smtp://:25",
        "smtp://mail.example:0",
        "smtp://mail.example:65536",
        "smtp://mail.example:smtp",
        "smtp://mail.example/path",
        "smtp://mail.example#x",
        "smtp://[::1",
        "smtp://user@mail.example",
        "smtp://user:@mail.example",
        "smtp://:secret@mail.example",
        "smtp://a:%ff@mail.example",
        "smtp://mail.example?tls=ssl",
        "smtp://mail.example?tls=",
        "smtp://mail.example?tls=none&tls=auto",
        "smtps://mail.example?tls=none",
        "smtp://mail.example?connections=0",
        "smtp://mail.example?connections=-1",
        "smtp://mail.example?connections=1.5",
        "smtp://mail.example?connections=many",
        "smtp://mail.example?connections=100000",
        "smtp://mail.example?timeout=0",
        "smtp://mail.example?timeout=nan",
        "smtp://mail.example?local_hostname=a%20b",
    ],
)
def test_nonsense_is_refused_in_words(url: str) -> None:
    """What cannot be meant is an error in settings that says what to write."""
    with pytest.raises(SettingsError, match=r"SMTP URL|smtps:"):
        parse_smtp_url(url)


def test_misspelt_option_is_guessed() -> None:
    """A typing error gets a suggestion."""
    with pytest.raises(SettingsError, match="did you mean connections"):
        parse_smtp_url("smtp://mail.example?conections=3")


@pytest.mark.parametrize("sign", list("@/?#%&:[]\\ \n"))
@pytest.mark.parametrize("before", ["", "12"])
def test_password_never_stands_in_an_error(sign: str, before: str) -> None:
    """A password that was not percent-encoded breaks the URL, and is not repeated in the message."""
    url = f"smtp://user:{before}{sign}hemligt{sign}x@mail.example?tls=nonsense"
    with pytest.raises(SettingsError) as caught:
        parse_smtp_url(url)
    assert "hemligt" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
