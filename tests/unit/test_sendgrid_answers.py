"""What each answer of SendGrid's API means: for the mail, for its sender, or for the account."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from drip.transports.sendgrid_answers import Answer, Verdict, judge, read_answer, trouble_in_words

KEY = "SG.kept-to-itself.0123456789abcdef"
NOW = 1_800_000_000.0
DATE = format_datetime(datetime.fromtimestamp(NOW, UTC), usegmt=True)


def answer(status: int, *errors: dict[str, object], **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    content = json.dumps({"errors": errors}).encode() if errors else b""
    return read_answer(status, named, content, key=KEY, now=NOW)


UNVERIFIED = {"message": "The from address does not match a verified Sender Identity.", "field": "from", "help": None}


@pytest.mark.parametrize(
    ("status", "field", "verdict"),
    [
        (202, None, Verdict.TAKEN),
        (200, None, Verdict.TROUBLE),  # nobody has queued anything: not SendGrid, or not what was asked for
        (204, None, Verdict.UNKNOWN),
        (301, None, Verdict.TROUBLE),
        (400, "personalizations.0.to.0.email", Verdict.REFUSED),
        (400, None, Verdict.REFUSED),
        (400, "from.email", Verdict.SENDER),
        (400, "reply_to.email", Verdict.SENDER),
        (400, "from_the_moon", Verdict.REFUSED),
        (401, None, Verdict.TROUBLE),
        (403, None, Verdict.TROUBLE),
        (403, "from", Verdict.SENDER),
        (404, None, Verdict.TROUBLE),
        (405, None, Verdict.TROUBLE),
        (406, None, Verdict.TROUBLE),
        (408, None, Verdict.LATER),
        (413, None, Verdict.REFUSED),
        (415, None, Verdict.TROUBLE),
        (429, None, Verdict.SLOW_DOWN),
        (500, None, Verdict.LATER),
        (502, None, Verdict.LATER),
        (503, None, Verdict.LATER),
        (504, None, Verdict.UNKNOWN),  # a gateway that has passed it on, and heard nothing
    ],
)
def test_status_and_field_decide(status: int, field: str | None, verdict: Verdict) -> None:
    """Each status has a meaning, and where it is 400 or 403 the field tells whose trouble it is."""
    said = answer(status, *([] if status < 400 else [{"message": "no", "field": field}]))
    assert judge(said, sandbox=False) is verdict


def test_sandbox_says_yes_with_200() -> None:
    """In sandbox mode 200 is the yes."""
    assert judge(answer(200), sandbox=True) is Verdict.TAKEN


def test_sender_and_more_is_the_mails_own() -> None:
    """One error about the sender and one about the mail: the mail is wrong whatever the sender does."""
    both = answer(400, UNVERIFIED, {"message": "bad", "field": "subject"})
    assert judge(both, sandbox=False) is Verdict.REFUSED


def test_words_are_sendgrids_own() -> None:
    """Fields and messages of the published shape are told; three of them."""
    assert answer(403, UNVERIFIED).words == f"403 from: {UNVERIFIED['message']}"
    many = answer(400, *({"message": f"no {n}", "field": None} for n in range(5)))
    assert many.words == "400 no 0; no 1; no 2"
    assert answer(202, x_message_id="abc").words == "202 X-Message-Id abc"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"errors": 5}',
        b'{"errors": ["no"]}',
        b"[" * 50_000,
        b"\xff\x00<h1>Bad Gateway</h1>",
        b"x" * 9999,
    ],
)
def test_any_content_is_survived(content: bytes) -> None:
    """A gateway's page, half of an answer or bytes of any kind become words of one line, or none."""
    said = read_answer(502, {}, content, key=KEY, now=NOW)
    assert said.words.startswith("502")
    assert len(said.words) <= 400
    assert not set(said.words) & set("\x00\r\n<>")
    assert judge(said, sandbox=False) is Verdict.LATER


def test_words_hold_neither_the_key_nor_what_a_screen_chokes_on() -> None:
    """The key that an answer repeats is left out; control characters and lone surrogates become spaces."""
    said = answer(401, {"message": f"the key {KEY}\r\nis\x00wrong \ud800.", "field": None})
    assert said.words == "401 the key … is wrong ."
    assert "DRIP_SENDGRID_API_KEY" in trouble_in_words(said)
    assert "host= in DRIP_TRANSPORT" in trouble_in_words(answer(404))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"x_ratelimit_reset": str(int(NOW) + 30)}, 30),
        ({"x_ratelimit_reset": str(int(NOW) + 530), "date": DATE}, 530),
        ({"x_ratelimit_reset": "7"}, 7),
        ({"x_ratelimit_reset": str(int(NOW) - 30)}, 0),
        ({"x_ratelimit_reset": "99999999999"}, 3600),
        ({"x_ratelimit_reset": "soon"}, None),
        ({"retry_after": "12"}, 12),
        ({"retry_after": "12", "x_ratelimit_reset": str(int(NOW) + 30)}, 12),
        ({"retry_after": format_datetime(datetime.fromtimestamp(NOW + 45, UTC), usegmt=True)}, 45),
        ({"retry_after": "-5"}, None),
    ],
)
def test_reset_becomes_seconds(headers: dict[str, str], seconds: float | None) -> None:
    """A reset as an instant or a span, a Retry-After as a span or a date; never negative, never beyond an hour."""
    assert answer(429, **headers).again_in == seconds


def test_reset_is_measured_by_the_answers_own_clock() -> None:
    """Where the answer tells the time, a machine whose clock is an hour wrong waits no longer for that."""
    said = read_answer(429, {"x-ratelimit-reset": str(int(NOW) + 30), "date": DATE}, b"", key=KEY, now=NOW - 3600)
    assert said.again_in == 30
