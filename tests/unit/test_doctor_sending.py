"""What the doctor says of the settings, and how a finding is written."""

from __future__ import annotations

from typing import Any

import pytest
from dns_facts import found, one

from drip.engine.doctor.row import Row, copyable, listed, safe, txt
from drip.engine.doctor.sending import domain_of, envelope_of, is_reserved, judge
from drip.plan.model import Sender

REAL = Sender(name="Acme", email="learn@acme.se")


def judged(*senders: Sender, kind: str = "smtp", **changes: Any) -> list[Row]:
    options = {"trouble": "", "only_to": frozenset(), "postal_address": "Storgatan 1", **changes}
    return judge(senders, kind, "smtp://mail.acme.se", options.pop("trouble"), **options)


def test_all_is_well() -> None:
    """Somebody sends, over SMTP, with a postal address."""
    assert found(judged(REAL)) == [("sending-transport", "ok")]


@pytest.mark.parametrize(
    ("changes", "row"),
    [
        ({"kind": "outbox"}, ("sending-outbox", "hint")),
        ({"only_to": frozenset({"boss@acme.se"})}, ("sending-only-to", "warning")),
        ({"only_to": frozenset({"boss@acme.se"}), "kind": "outbox"}, ("sending-only-to", "hint")),
        ({"postal_address": ""}, ("sending-postal", "warning")),
        ({"trouble": 'there is no way out "smpt:"'}, ("sending-transport", "error")),
    ],
)
def test_what_is_good_to_know(changes: dict[str, Any], row: tuple[str, str]) -> None:
    """The outbox, the staging guard, a missing postal address, a transport that cannot be read."""
    rows = judged(REAL, **changes)
    assert row in found(rows)
    assert one(rows, row[0]).type


def test_who_sends() -> None:
    """Nobody, a name for examples, and a domain that has no dot: errors where mail leaves, hints for a folder."""
    assert ("sending-sender", "warning") in found(judged())
    for email in ("learn@acme.example", "learn@example.com", "drip@localhost", "åsa@acme.se"):
        sender = Sender(name="Acme", email=email)
        assert ("sending-sender", "error") in found(judged(sender)), email
        assert ("sending-sender", "hint") in found(judged(sender, kind="outbox")), email
    assert [is_reserved(name) for name in ("acme.test", "example.org", "myexample.com", "acme.se")] == [
        True,
        True,
        False,
        False,
    ]


def test_domains_are_as_dns_writes_them() -> None:
    """IDNA, lower case, and the domain of bounces where there is one."""
    assert domain_of("learn@Räksmörgås.SE") == "xn--rksmrgs-5wao1o.se"
    assert envelope_of(REAL) == "acme.se"
    assert envelope_of(Sender(name="", email="a@acme.se", bounces="bounces.acme.se")) == "bounces.acme.se"


def test_words_of_strangers_are_harmless() -> None:
    """Escapes, line ends, reversed writing and endless texts come out printable, short, on one line."""
    assert safe("a\x1b[31mb\r\nc\u202ed\x00\u2028") == r"a\x1b[31mb\x0d\x0ac\x202ed\x00\x2028"
    assert len(safe("x" * 60_000)) == 161
    assert safe("åäö ok") == "åäö ok"
    assert not copyable('x"; rm')
    assert not copyable("x\n")
    assert copyable("v=spf1 -all")


def test_zone_lines_and_lists() -> None:
    """A text of 600 bytes stands in three strings; lists read as sentences."""
    assert txt("a.example", "x" * 600).count('"') == 6
    assert [listed(list("abcdef"[:n])) for n in (1, 2, 3, 6)] == ["a", "a and b", "a, b and c", "a, b, c and 3 more"]
