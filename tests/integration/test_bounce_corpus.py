"""Mails as they come to a bounce address, 100 and more of them, each with what it must be read as (verdicts.csv).

They are written after what Postfix, Exim, qmail, Sendmail, Exchange, Gmail, Yahoo and others send, in several languages
and encodings; their return addresses and links are signed with `SECRET`.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from drip.inbound.bounces import read_bounce
from drip.inbound.rows import kind_of
from drip.track.heard import News, Verdict
from drip.track.token import Ring

FOLDER = Path(__file__).parents[1] / "data" / "bounces"
SECRET = "a secret for the tests of bounces"
RING = Ring.of([SECRET])
NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
NOTHING = ("none", "", "", "", "")


def expected() -> dict[str, list[tuple[str, ...]]]:
    """file → (kind, recipient, verdict, delivery, status) of each recipient; an empty status is not looked at."""
    found: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    with (FOLDER / "verdicts.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            found[row["file"]].append(tuple(row[key] for key in ("kind", "recipient", "verdict", "delivery", "status")))
    return found


def read_as(content: bytes) -> list[tuple[str, ...]]:
    return [
        (kind_of(one.news), one.recipient, one.verdict or "", str(one.delivery_id or ""), one.status)
        for one in read_bounce(content, RING, now=NOW).heard
    ] or [NOTHING]


@pytest.mark.parametrize(
    ("file", "rows"), expected().items(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_each_mail_is_read_as_what_it_is(file: str, rows: list[tuple[str, ...]]) -> None:
    """Kind, recipient, verdict, whose mail it was, and the code."""
    read = read_as((FOLDER / file).read_bytes())
    assert len(read) == len(rows)
    assert [(*got[:4], got[4] if row[4] else "") for got, row in zip(read, rows, strict=True)] == rows


def test_the_table_and_the_folder_agree() -> None:
    """No file is without a row, and none of 60 wanted is missing."""
    assert {file.name for file in FOLDER.glob("*.eml")} == set(expected())
    assert len(expected()) >= 60


def test_a_foreign_secret_proves_nothing() -> None:
    """Read with another secret, no mail has a delivery: addresses are still listed, as guesses."""
    other = Ring.of(["somebody else's secret"])
    heard = [one for file in FOLDER.glob("*.eml") for one in read_bounce(file.read_bytes(), other, now=NOW).heard]
    assert len(heard) > 60
    assert {one.delivery_id for one in heard} == {None}
    assert not any("proof" in one.data for one in heard)


def test_the_same_mail_has_the_same_ids_however_it_comes() -> None:
    """With other line ends, behind an mbox's line, with headers that the last servers write: the ids stay the same."""
    for file in FOLDER.glob("*.eml"):
        content = file.read_bytes()
        if b"\n" not in content or b"\0" in content:
            continue
        ids = [one.source_id for one in read_bounce(content, RING, now=NOW).heard]
        assert len(set(ids)) == len(ids)
        unix = content.replace(b"\r\n", b"\n")
        crlf = unix.replace(b"\n", b"\r\n")
        arrived = b"X-Original-To: x@acme.example\nDelivered-To: bounces@acme.example\n" + unix
        for other in (unix, crlf, unix + b"\n", *([] if unix.startswith((b"From ", b"\n")) else [arrived])):
            again = [one.source_id for one in read_bounce(other, RING, now=NOW).heard]
            assert again == ids, file.name


def test_different_mails_have_different_ids() -> None:
    """No two mails of the corpus are taken for one another."""
    ids = [
        one.source_id for file in FOLDER.glob("*.eml") for one in read_bounce(file.read_bytes(), RING, now=NOW).heard
    ]
    assert len(set(ids)) == len(ids)


def test_the_date_is_the_mails_own_if_it_can_be() -> None:
    """A bounce that waited in a mailbox happened when it says; one from next year, or from 1970, happens now."""
    content = (FOLDER / "postfix-unknown-user.eml").read_bytes()
    (one,) = read_bounce(content, RING, now=NOW).heard
    assert one.at == datetime(2026, 11, 24, 8, 0, 5, tzinfo=UTC)
    for odd in (b"Tue, 24 Nov 2037 09:00:05 +0100", b"Thu, 1 Jan 1970 00:00:00 +0000", b"yesterday", b"", b"9" * 500):
        (one,) = read_bounce(content.replace(b"Tue, 24 Nov 2026 09:00:05 +0100", odd), RING, now=NOW).heard
        assert one.at == NOW
    later = NOW + timedelta(days=300)
    (one,) = read_bounce(content, RING, now=later).heard
    assert one.at == later


def test_a_delay_is_never_a_failure() -> None:
    """Whatever code stands beside it, `Action: delayed` says nothing of the address."""
    content = (FOLDER / "postfix-unknown-user.eml").read_bytes().replace(b"Action: failed", b"Action: delayed")
    (one,) = read_bounce(content, RING, now=NOW).heard
    assert (one.news, one.verdict) == (News.DELAYED, Verdict.DELAYED)


def test_what_an_automatic_answer_says_is_not_kept() -> None:
    """Why somebody is away is their own business, and whom they pass their mail on to."""
    (away,) = read_bounce((FOLDER / "vacation-exchange.eml").read_bytes(), RING, now=NOW).heard
    assert away.said == ""
    for file in ("postfix-alias-passed-on.eml", "postfix-passed-on-unsaid.eml"):
        (one,) = read_bounce((FOLDER / file).read_bytes(), RING, now=NOW).heard
        assert one.data["passed_on"] is True
        assert "private.example" not in f"{one.recipient} {one.said} {dict(one.data)}"
