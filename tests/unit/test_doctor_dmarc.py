"""What the doctor says of DMARC: the record, the walk to the organisation, and whether From agrees with anything."""

from __future__ import annotations

import pytest
from dns_facts import found, one, says

from drip.engine.doctor import alignment
from drip.engine.doctor.dmarc import Found, Policy, find, judge, parents
from drip.engine.doctor.row import Row

ACME = "acme.example"
RUA = "rua=mailto:dmarc@acme.example"


def judged(domain: str, zone: dict[str, dict[str, list[str]]]) -> list[Row]:
    lookup = says(zone)
    return judge(domain, find(domain, lookup), lookup)


def alone(record: str) -> list[Row]:
    return judged(ACME, {"_dmarc.acme.example": {"TXT": [record]}})


@pytest.mark.parametrize(
    ("record", "checks"),
    [
        (f"v=DMARC1; p=reject; {RUA}", [("dmarc-policy", "ok")]),
        (f"v=DMARC1;p=quarantine;{RUA};", [("dmarc-policy", "ok")]),
        (f"v=DMARC1; p=Reject; aspf=s; adkim=s; pct=50; fo=1; {RUA}", [("dmarc-policy", "ok")]),
        (f"v=DMARC1; p=none; {RUA}", [("dmarc-none", "hint"), ("dmarc-policy", "ok")]),
        ("v=DMARC1; p=reject", [("dmarc-reports", "hint"), ("dmarc-policy", "ok")]),
        (f"v=DMARC1; p=block; {RUA}", [("dmarc-syntax", "error")]),
        (f"v=DMARC1; {RUA}", [("dmarc-syntax", "error")]),
        (f"p=reject; v=DMARC1; {RUA}", [("dmarc-syntax", "error")]),
        (f"v=dmarc1; p=reject; {RUA}", [("dmarc-syntax", "error")]),
        (f"v=DMARC1; p=reject; nonsense; {RUA}", [("dmarc-syntax", "warning"), ("dmarc-policy", "ok")]),
        (f"v=DMARC1; p=reject; aspf=x; {RUA}", [("dmarc-syntax", "warning"), ("dmarc-policy", "ok")]),
        ("v=DMARC1; p=reject; rua=dmarc@acme.example", [("dmarc-syntax", "warning"), ("dmarc-policy", "ok")]),
        ("v=spf1 -all", [("dmarc-syntax", "error")]),
        ("something else", [("dmarc-missing", "warning")]),
    ],
)
def test_each_fault_of_a_record(record: str, checks: list[tuple[str, str]]) -> None:
    """One record at _dmarc.acme.example, and what is said of it."""
    assert found(alone(record)) == checks


def test_none_and_two() -> None:
    """No record comes with one to begin with; two count as none."""
    [row] = judged(ACME, {})
    assert (row.check, row.severity.value) == ("dmarc-missing", "warning")
    assert row.type == '_dmarc.acme.example. IN TXT "v=DMARC1; p=none; rua=mailto:dmarc@acme.example"'
    assert found(judged(ACME, {"_dmarc.acme.example": {"TXT": ["v=DMARC1; p=none", "v=DMARC1; p=reject"]}})) == [
        ("dmarc-two", "error")
    ]


def test_a_name_server_that_fails_is_no_missing_policy() -> None:
    """What cannot be read is said to be unknown."""
    lookup = says({}, fails=["_dmarc.acme.example"])
    assert found(judge(ACME, find(ACME, lookup), lookup)) == [("dmarc-unknown", "warning")]


def test_the_walk_up() -> None:
    """A domain without a record has that of the one above it, whose sp= counts; psd=n and psd=y end the walk."""
    assert parents("a.b.acme.example") == ["a.b.acme.example", "b.acme.example", "acme.example", "example"]
    assert len(parents(".".join("abcdefghijkl"))) == 8
    record = f"v=DMARC1; p=reject; sp=none; {RUA}"
    zone = {"_dmarc.acme.example": {"TXT": [record]}}
    rows = judged("learn.acme.example", zone)
    assert found(rows) == [("dmarc-none", "hint"), ("dmarc-policy", "ok")]
    assert "none, from acme.example" in one(rows, "dmarc-policy").finding
    assert find("learn.acme.example", says(zone)).organisation == ACME
    own = {**zone, "_dmarc.learn.acme.example": {"TXT": ["v=DMARC1; p=quarantine; psd=n"]}}
    assert find("learn.acme.example", says(own)).organisation == "learn.acme.example"
    suffix = {"_dmarc.example": {"TXT": ["v=DMARC1; p=reject; psd=y"]}}
    assert find("learn.acme.example", says(suffix)).organisation == ACME


def test_reports_to_another_organisation() -> None:
    """They are sent only where that organisation says so (RFC 7489, 7.1)."""
    zone = {"_dmarc.acme.example": {"TXT": ["v=DMARC1; p=reject; rua=mailto:x@reports.example!10m"]}}
    [row, _] = judged(ACME, zone)
    assert (row.check, row.severity.value) == ("dmarc-reports", "warning")
    assert row.type == 'acme.example._report._dmarc.reports.example. IN TXT "v=DMARC1"'
    zone["acme.example._report._dmarc.reports.example"] = {"TXT": ["v=DMARC1"]}
    assert found(judged(ACME, zone)) == [("dmarc-policy", "ok")]


def test_what_is_to_be_typed_keeps_the_rest_of_the_record() -> None:
    """One tag changes: nobody's sp=reject, adkim=s or second address is lost, and no organisation's p=reject."""
    own = "v=DMARC1; p=none; sp=reject; adkim=s; rua=mailto:a@acme.example,mailto:b@acme.example"
    row = one(alone(own), "dmarc-none")
    assert row.type == f'_dmarc.acme.example. IN TXT "{own.replace("none", "quarantine")}"'
    above = {"_dmarc.acme.example": {"TXT": [f"v=DMARC1;p=reject;sp=none;{RUA}"]}}
    row = one(judged("learn.acme.example", above), "dmarc-none")
    assert row.type == f'_dmarc.acme.example. IN TXT "v=DMARC1; p=reject; sp=quarantine; {RUA}"'
    row = one(alone("v=DMARC1; p=reject; adkim=s; rua="), "dmarc-reports")
    assert row.type == f'_dmarc.acme.example. IN TXT "v=DMARC1; p=reject; adkim=s; {RUA}"'
    assert one(alone('v=DMARC1; p=none; ruf="`reboot`"'), "dmarc-none").type == ""


def aligned(envelope: str, *signed: str, policy: Policy | None = None, **organisations: str) -> list[Row]:
    who = alignment.Identities(header_from=ACME, envelope=envelope, signed=signed)
    known = {ACME: ACME, **{name.replace("_", "."): of for name, of in organisations.items()}}
    return alignment.judge(who, Found(policy=policy, organisation=ACME), known)


def test_from_agrees_with_the_envelope_or_a_signature() -> None:
    """Either is enough; a hint where only the signature does, a warning where the signature does not."""
    assert found(aligned(ACME, ACME)) == [("dmarc-alignment", "ok")]
    assert found(aligned("bounces.acme.example", ACME)) == [("dmarc-alignment", "ok")]
    assert found(aligned(ACME)) == [("dmarc-alignment", "ok")]
    assert found(aligned("mailer.example", ACME)) == [("dmarc-alignment", "ok"), ("dmarc-envelope", "hint")]
    assert found(aligned(ACME, "mailer.example")) == [("dmarc-alignment", "ok"), ("dmarc-signature", "warning")]


def test_nothing_agrees() -> None:
    """A warning as long as nothing is asked for; an error under quarantine or reject, with the setting to write."""
    assert found(aligned("mailer.example")) == [("dmarc-alignment", "warning")]
    reject = Policy(found_at=ACME, p="reject", sp="reject")
    [row] = aligned("mailer.example", "mailer.example", policy=reject)
    assert (row.severity.value, row.type) == ("error", '[sender]\nbounces = "bounces.acme.example"')


def test_strict_alignment() -> None:
    """aspf=s and adkim=s want the very same domain; relaxed, the same organisation is enough."""
    spf = Policy(found_at=ACME, p="reject", sp="reject", aspf="s")
    dkim = Policy(found_at=ACME, p="reject", sp="reject", adkim="s")
    assert found(aligned("bounces.acme.example", policy=spf)) == [("dmarc-alignment", "error")]
    assert found(aligned("bounces.acme.example", ACME, policy=spf))[0] == ("dmarc-alignment", "ok")
    assert found(aligned("mailer.example", "mail.acme.example", policy=dkim)) == [("dmarc-alignment", "error")]
    assert found(aligned(ACME, ACME, policy=dkim)) == [("dmarc-alignment", "ok")]
    sibling = alignment.judge(
        alignment.Identities(header_from="learn.acme.example", envelope="b.acme.example", signed=()),
        Found(policy=None, organisation=ACME),
        {"learn.acme.example": ACME, "b.acme.example": ACME},
    )
    assert found(sibling) == [("dmarc-alignment", "ok")]
