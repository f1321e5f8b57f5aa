"""What the doctor says of the address in every link."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dns_facts import found, one

from drip.engine.doctor.links import Seen, judge
from drip.engine.doctor.row import Row

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
GOOD = Seen(status=200, healthy=True, good_until=NOW + timedelta(days=60))


def judged(base_url: str = "https://learn.acme.example", seen: Seen = GOOD, **changes: Any) -> list[Row]:
    options: dict[str, Any] = {"senders": ["acme.example"], "now": NOW, "mails_leave": True, **changes}
    return judge(base_url, seen, options.pop("senders"), **options)


def test_a_good_address() -> None:
    """https, drip answers, and the certificate lasts."""
    assert found(judged()) == [("links-answer", "ok"), ("links-certificate", "ok")]


@pytest.mark.parametrize(
    ("base_url", "proposal"),
    [
        ("http://127.0.0.1:8000", 'base_url = "https://learn.acme.example"'),
        ("http://localhost:8000", 'base_url = "https://learn.acme.example"'),
        ("http://[::1]:8000", 'base_url = "https://learn.acme.example"'),
    ],
)
def test_loopback_is_loud(base_url: str, proposal: str) -> None:
    """Links to this machine are an error as soon as mail leaves, a warning before; that nothing answers is a hint."""
    away = Seen(trouble="connect", why="Connection refused")
    assert found(judged(base_url, away)) == [("links-loopback", "error"), ("links-answer", "hint")]
    row = one(judged(base_url, away, mails_leave=False), "links-loopback")
    assert (row.severity.value, row.type) == ("warning", proposal)


def test_http_breaks_one_click() -> None:
    """Without https there is no one-click unsubscribing, and the line to write has it."""
    row = one(judged("http://learn.acme.example", Seen(status=200, healthy=True)), "links-https")
    assert row.severity.value == "warning"
    assert "one-click" in row.finding
    assert row.type == 'base_url = "https://learn.acme.example"'


@pytest.mark.parametrize(
    ("seen", "checks"),
    [
        (Seen(trouble="resolve", why="it has no address"), [("links-resolve", "error")]),
        (Seen(trouble="address", why="it names no host"), [("links-address", "error")]),
        (Seen(trouble="lookup", why="no answer in time"), [("links-unknown", "warning")]),
        (Seen(trouble="connect", why="Connection refused"), [("links-answer", "error")]),
        (Seen(trouble="certificate", why="certificate has expired"), [("links-certificate", "error")]),
        (Seen(trouble="answer", why="timed out"), [("links-answer", "error")]),
        (Seen(status=404, good_until=GOOD.good_until), [("links-drip", "error"), ("links-certificate", "ok")]),
        (Seen(status=200, good_until=GOOD.good_until), [("links-drip", "error"), ("links-certificate", "ok")]),
        (Seen(status=503, healthy=False), [("links-drip", "error")]),
    ],
)
def test_each_way_to_fail(seen: Seen, checks: list[tuple[str, str]]) -> None:
    """No address, no connection, a bad certificate, no answer, and somebody else's answer: each with what to type."""
    rows = judged(seen=seen)
    assert found(rows) == checks
    assert rows[0].type


@pytest.mark.parametrize(("days", "severity"), [(2, "error"), (10, "warning"), (30, "ok")])
def test_how_long_the_certificate_lasts(days: int, severity: str) -> None:
    """A week is an error, three a warning."""
    seen = Seen(status=200, healthy=True, good_until=NOW + timedelta(days=days))
    row = one(judged(seen=seen), "links-certificate")
    assert row.severity.value == severity
    assert f"{days} days" in row.finding


@pytest.mark.parametrize(
    ("host", "sender", "related"),
    [
        ("learn.acme.example", "acme.example", True),
        ("acme.example", "mail.acme.example", True),
        ("learn.acme.example", "mail.acme.example", True),
        ("learn.other.example", "acme.example", False),
        ("learn.acme.co.uk", "mail.acme.co.uk", True),
        ("learn.other.co.uk", "acme.co.uk", False),
    ],
)
def test_the_same_organisation(host: str, sender: str, related: bool) -> None:
    """Links to another organisation than From are a hint."""
    rows = judged(f"https://{host}", senders=[sender])
    assert (("links-domain", "hint") in found(rows)) is not related
