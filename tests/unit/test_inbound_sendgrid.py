"""SendGrid's events read: each word of theirs becomes one of ours, and only the digest proves a delivery."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sendgrid_events import event

from drip.inbound import sendgrid
from drip.inbound.sendgrid import read_events
from drip.track.heard import Heard, News, Verdict
from drip.track.token import Ring
from drip.transports import sendgrid_json

NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
RING = Ring.of(["a secret that is long enough for tests"])
FULL = "552 5.2.2 mailbox full"


def one(name: str, ring: Ring = RING, **values: Any) -> Heard:
    return heard(event(name, NOW, 12, ring, **values))[0]


def heard(*events: object) -> tuple[Heard, ...]:
    return read_events(json.dumps(events).encode(), RING, now=NOW).heard


@pytest.mark.parametrize(
    ("name", "news"),
    [
        ("processed", News.ACCEPTED),
        ("deferred", News.DELAYED),
        ("delivered", News.DELIVERED),
        ("bounce", News.BOUNCED),
        ("dropped", News.DROPPED),
        ("spamreport", News.COMPLAINED),
        ("unsubscribe", News.LEFT),
        ("group_unsubscribe", News.LEFT),
        ("group_resubscribe", News.OTHER),
        ("open", News.OTHER),
        ("a word of next year", News.OTHER),
    ],
)
def test_every_word_of_theirs_is_one_of_ours(name: str, news: News) -> None:
    """An event that nobody knows is kept as it came, under its own word."""
    found = one(name)
    assert (found.news, found.at, found.delivery_id, found.recipient) == (news, NOW, 12, "ada@customer.example")
    assert found.data["event"] == name


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ({"type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 no such user"}, Verdict.HARD),
        ({"type": "bounce", "status": "5.0.0", "bounce_classification": "Invalid Address"}, Verdict.HARD),
        ({"type": "bounce", "status": "5.2.2", "reason": FULL}, Verdict.SOFT),
        ({"type": "bounce", "status": "5.2.2", "bounce_classification": "Mailbox Unavailable"}, Verdict.SOFT),
        (
            {"type": "bounce", "status": "5.1.1", "reason": "no such user", "bounce_classification": "Technical"},
            Verdict.HARD,
        ),
        ({"type": "bounce", "status": "5.4.1", "bounce_classification": "Technical"}, Verdict.SOFT),
        ({"type": "bounce", "status": "5.7.1", "bounce_classification": "Reputation"}, Verdict.OTHER),
        ({"type": "bounce", "status": "5.1.1", "bounce_classification": "Content"}, Verdict.OTHER),
        ({"type": "bounce", "status": "5.7.1", "reason": "550 5.7.1 blocked, see spamhaus"}, Verdict.OTHER),
        ({"type": "blocked", "status": "5.1.1", "reason": "550 5.1.1 no such user"}, Verdict.OTHER),
        ({"type": "blocked", "status": "5.7.1", "reason": "550 5.7.1 unsolicited mail"}, Verdict.OTHER),
        ({"type": "blocked", "status": "4.2.2", "reason": FULL}, Verdict.SOFT),
    ],
)
def test_whose_fault_a_bounce_is(values: dict[str, str], verdict: Verdict) -> None:
    """A block is never the address's fault; SendGrid's judgement goes over the code, unless nobody is there."""
    assert one("bounce", **values).verdict is verdict


@pytest.mark.parametrize(
    ("reason", "verdict", "listed"),
    [
        ("Bounced Address", Verdict.HARD, []),
        ("Invalid", Verdict.HARD, []),
        ("Spam Reporting Address", None, [News.COMPLAINED]),
        ("Unsubscribed Address", None, [News.LEFT]),
        ("Spam Content (if Spam Checker app enabled)", Verdict.OTHER, []),
        ("Recipient List over Package Quota", Verdict.OTHER, []),
        ("a reason of next year", Verdict.OTHER, []),
    ],
)
def test_what_sendgrid_did_not_even_try(reason: str, verdict: Verdict | None, listed: list[News]) -> None:
    """A list of SendGrid's own says what it says of the person; everything else is the sender's trouble."""
    found = heard(event("dropped", NOW, 12, RING, reason=reason))
    assert (found[0].news, found[0].verdict, found[0].said) == (News.DROPPED, verdict, reason)
    assert [other.news for other in found[1:]] == listed
    assert len({other.source_id for other in found}) == len(found)
    assert {other.delivery_id for other in found} == {12}


@pytest.mark.parametrize(
    "values",
    [
        {"drip_digest": "0" * 32},
        {"drip_digest": ""},
        {"drip_digest": None},
        {"drip_digest": ["x"]},
        {"drip_digest": "é"},
        {"drip_delivery": "13"},
        {"drip_delivery": "12 "},
        {"drip_delivery": "-12"},
        {"drip_delivery": "١٢"},
        {"drip_delivery": "9" * 400},
        {"drip_delivery": None},
        {"drip_delivery": {"a": 1}},
    ],
)
def test_only_the_digest_proves_a_delivery(values: dict[str, Any]) -> None:
    """Another system's mails, another drip's, and whatever somebody makes up are about no mail of ours."""
    if values.get("drip_delivery") == "12 ":  # a number is a number
        assert one("delivered", **values).delivery_id == 12
    else:
        assert one("delivered", **values).delivery_id is None


def test_a_digest_of_another_secret_proves_nothing() -> None:
    """A staging drip on the same account has the same numbers, and another secret."""
    assert one("delivered", ring=Ring.of(["the secret of another drip, of staging"])).delivery_id is None


@pytest.mark.parametrize("retired", [False, True])
def test_a_rotated_secret_still_proves(retired: bool) -> None:
    """Events of mails that were sent under an older secret are ours, retired or not."""
    new, old = "another secret that is long enough", "a secret that is long enough for tests"
    ring = Ring.of([new], [old]) if retired else Ring.of([new, old])
    body = json.dumps([event("delivered", NOW, 12, RING)]).encode()
    assert read_events(body, ring, now=NOW).heard[0].delivery_id == 12


def test_one_broken_event_spoils_no_other() -> None:
    """What is no event is counted and left out; odd values say nothing."""
    odd = {"event": "bounce", "timestamp": "soon", "email": 7, "reason": [1], "status": {}, "sg_event_id": None}
    events = [None, 1, "x", [], {}, {"event": 5}, odd, event("delivered", NOW, 12, RING)]
    read = read_events(json.dumps(events).encode(), RING, now=NOW)
    assert (read.broken, [found.news for found in read.heard]) == (6, [News.BOUNCED, News.DELIVERED])
    assert (read.heard[0].at, read.heard[0].recipient, read.heard[0].verdict) == (NOW, "7", Verdict.SOFT)


@pytest.mark.parametrize("odd", [b'"n": ' + b"9" * 5_000, b'"reason": "ok\xe4nd"', b'"n": NaN', b'"timestamp": 1e999'])
def test_odd_bytes_in_one_event_spoil_no_other(odd: bytes) -> None:
    """A number without end, Latin letters out of a mail server's words: the batch is read all the same."""
    whole = json.dumps(event("delivered", NOW, 12, RING)).encode()
    read = read_events(b'[{"event": "bounce", %b}, %b]' % (odd, whole), RING, now=NOW)
    assert [found.delivery_id for found in read.heard] == [None, 12]


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b"[", b"\xff", b"[" * 100_000, b'{"event": "delivered"}'])
def test_what_is_no_list_is_said(body: bytes) -> None:
    """Whatever the bytes are, it is a ValueError and nothing else."""
    with pytest.raises(ValueError, match=r"."):
        read_events(body, RING, now=NOW)


def test_networks_and_addresses_are_not_kept() -> None:
    """Of an event of a kind that nobody knows the rest is kept, in moderation; nothing that points at a person."""
    found = one("open", useragent="Firefox", url="https://x.example", long="x" * 9_000, deep={"a": [1]}, n=2**80)
    assert found.data == {
        "event": "open", "url": "https://x.example", "long": "x" * 300, "deep": '{"a": [1]}', "n": str(2**80),
    }  # fmt: skip


def test_an_event_without_an_id_has_a_name_of_its_own() -> None:
    """The same words are the same event, others are another."""
    first, same, other = heard(*[{"event": "delivered", "n": n} for n in (1, 1, 2)])
    assert first.source_id == same.source_id != other.source_id


def test_both_sides_call_it_the_same() -> None:
    """What goes with a mail is what is looked for in its events."""
    assert (sendgrid.DELIVERY, sendgrid.DIGEST) == (sendgrid_json.DELIVERY, sendgrid_json.DIGEST)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
KEYS = st.sampled_from(["event", "timestamp", "email", "reason", "status", "type", "drip_delivery", "sg_event_id"])


@given(st.lists(st.dictionaries(KEYS, JSON)))
def test_no_event_breaks_the_reader(events: list[dict[str, Any]]) -> None:
    """Whatever stands in an event, it is heard or counted, and its time is aware."""
    read = read_events(json.dumps(events).encode(), RING, now=NOW)
    assert read.broken + len(read.heard) >= len(events)
    assert all(found.at.tzinfo is not None for found in read.heard)
