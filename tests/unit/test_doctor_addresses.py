"""What the doctor says of reverse DNS, and of where replies and bounces arrive."""

from __future__ import annotations

import pytest
from dns_facts import found, says

from drip.engine.doctor.addresses import judge_replies, judge_reverse, reverse_name
from drip.engine.doctor.names import is_public
from drip.engine.doctor.origin import Origin, Provider

ACME = "acme.example"
MAIL = "mail.acme.example"
FOUR, SIX = "7.2.0.192.in-addr.arpa", reverse_name("2001:db8::7")
BOTH = Origin(kind="smtp", host=MAIL, addresses=("192.0.2.7", "2001:db8::7"))
ONE = Origin(kind="smtp", host=MAIL, addresses=("192.0.2.7",))


def test_names_that_lead_back() -> None:
    """Each address has a name that leads back to it: good, also where another name does so."""
    zone = {
        FOUR: {"PTR": [MAIL]},
        SIX: {"PTR": ["old.example", MAIL]},
        MAIL: {"A": ["192.0.2.7"], "AAAA": ["2001:db8::7"]},
    }
    assert found(judge_reverse(BOTH, says(zone))) == [("reverse-names", "ok")] * 2


def test_no_name_a_name_that_lies_and_one_that_nobody_tells() -> None:
    """Missing and unconfirmed are errors with the record to publish; unknown is a warning."""
    [missing] = judge_reverse(ONE, says({}))
    assert (missing.check, missing.severity.value) == ("reverse-missing", "error")
    assert missing.type == "7.2.0.192.in-addr.arpa. IN PTR mail.acme.example."
    zone = {FOUR: {"PTR": ["dsl-7.isp.example"]}, "dsl-7.isp.example": {"A": ["198.51.100.1"]}}
    [lies] = judge_reverse(ONE, says(zone))
    assert (lies.check, lies.severity.value) == ("reverse-unconfirmed", "error")
    assert lies.type == "7.2.0.192.in-addr.arpa. IN PTR mail.acme.example."
    ours = {FOUR: {"PTR": ["out.acme.example"]}}
    assert judge_reverse(ONE, says(ours))[0].type == "out.acme.example. IN A 192.0.2.7"
    assert found(judge_reverse(ONE, says({}, fails=[FOUR]))) == [("reverse-unknown", "warning")]


def test_what_is_not_ours_to_judge() -> None:
    """A provider's addresses are the provider's; a relay of this machine cannot be judged; a folder has none."""
    relay = Origin(kind="smtp", host="smtp.x.example", provider=Provider(name="X", include="x.example"))
    assert found(judge_reverse(relay, says({}))) == [("reverse-names", "ok")]
    inside = Origin(kind="smtp", host="127.0.0.1", trouble="not seen by the world")
    assert found(judge_reverse(inside, says({}))) == [("reverse-names", "hint")]
    assert judge_reverse(Origin(kind="outbox"), says({})) == []


@pytest.mark.parametrize(
    ("zone", "checks"),
    [
        ({ACME: {"MX": [MAIL]}, MAIL: {"A": ["192.0.2.7"]}}, [("replies-arrive", "ok")]),
        ({ACME: {"MX": [MAIL]}, MAIL: {"AAAA": ["2001:db8::7"]}}, [("replies-arrive", "ok")]),
        (
            {ACME: {"MX": [MAIL, "gone.example"]}, MAIL: {"A": ["192.0.2.7"]}},
            [("replies-arrive", "ok"), ("replies-lost", "warning")],
        ),
        ({ACME: {"MX": [MAIL]}}, [("replies-lost", "error")]),
        ({ACME: {"MX": ["."]}}, [("replies-none", "error")]),
        ({ACME: {"A": ["192.0.2.80"]}}, [("replies-address", "hint")]),
        ({ACME: {"TXT": ["x"]}}, [("replies-none", "error")]),
        ({}, [("replies-none", "error")]),
    ],
)  # fmt: skip
def test_where_mail_to_a_domain_goes(zone: dict[str, dict[str, list[str]]], checks: list[tuple[str, str]]) -> None:
    """MX, a null MX (RFC 7505), only an address, servers without one, and nothing at all."""
    assert found(judge_replies(ACME, says(zone), what="replies")) == checks


def test_bounces_go_where_the_mail_of_the_domain_above_goes() -> None:
    """The record to publish names a server that is there; only where none is known, one that has to be made."""
    zone = {ACME: {"MX": [MAIL]}, MAIL: {"A": ["192.0.2.7"]}}
    [lost] = judge_replies(f"bounces.{ACME}", says(zone), what="bounces")
    assert lost.type == f"bounces.{ACME}. IN MX 10 {MAIL}."
    for none in ({}, {ACME: {"MX": ["."]}}, {ACME: {"MX": ["`touch x`.example"]}}):
        [lost] = judge_replies(f"bounces.{ACME}", says(none), what="bounces")
        assert lost.type == f"bounces.{ACME}. IN MX 10 mail.bounces.{ACME}."


def test_where_mail_goes_may_be_unknown() -> None:
    """A name server that fails is no domain without mail; what is lost is named."""
    assert found(judge_replies(ACME, says({}, fails=[ACME]), what="bounces")) == [("replies-unknown", "warning")]
    [row] = judge_replies(ACME, says({}), what="bounces")
    assert "there is no such domain" in row.finding
    assert "bounces are lost" in row.finding


def test_addresses_that_the_world_sees() -> None:
    """Private, loopback and documentation networks are not public."""
    public = [
        one for one in ("8.8.8.8", "10.0.0.1", "127.0.0.1", "192.168.1.1", "::1", "fd00::1", "x") if is_public(one)
    ]
    assert public == ["8.8.8.8"]
