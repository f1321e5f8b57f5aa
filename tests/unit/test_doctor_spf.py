"""What the doctor says of SPF records: each fault of a record, each way to send, and what to publish."""

from __future__ import annotations

import pytest
from dns_facts import found, one, says

from drip.engine.doctor.origin import SENDGRID, Origin, provider_of
from drip.engine.doctor.spf import judge
from drip.engine.doctor.spf_check import check_host, visit
from drip.engine.doctor.spf_record import Wrong, expand, is_spf, parse

ACME = "acme.example"
RELAY = "192.0.2.7"
OWN = Origin(kind="smtp", host="mail.acme.example", addresses=(RELAY,))
BOTH = Origin(kind="smtp", host="mail.acme.example", addresses=(RELAY, "2001:db8::7"))


@pytest.mark.parametrize(
    ("record", "checks"),
    [
        ("v=spf1 ip4:192.0.2.7 -all", [("spf-permits", "ok")]),
        ("v=spf1 ip4:192.0.2.0/24 ~all", [("spf-permits", "ok")]),
        ("V=SPF1 IP4:192.0.2.7 -ALL", [("spf-permits", "ok")]),
        ("v=spf1 -all", [("spf-permits", "error")]),
        ("v=spf1 ~all", [("spf-permits", "warning")]),
        ("v=spf1 ip4:192.0.2.8 ?all", [("spf-all", "warning"), ("spf-permits", "warning")]),
        ("v=spf1 +all", [("spf-all", "error"), ("spf-permits", "ok")]),
        ("v=spf1 all", [("spf-all", "error"), ("spf-permits", "ok")]),
        ("v=spf1 ip4:192.0.2.7", [("spf-all", "warning"), ("spf-permits", "ok")]),
        ("v=spf1 ip4:192.0.2.7 -all include:late.example", [("spf-after", "hint"), ("spf-permits", "ok")]),
        ("v=spf1 ptr ip4:192.0.2.7 -all", [("spf-ptr", "hint"), ("spf-permits", "ok")]),
        ("v=spf1 ipv4:192.0.2.7 -all", [("spf-syntax", "error")]),
        ("v=spf1 ip4:mail.acme.example -all", [("spf-syntax", "error")]),
        ("v=spf1 include: acme.example -all", [("spf-syntax", "error")]),
        ("v=spf1 redirect=a.example redirect=b.example", [("spf-syntax", "error")]),
        ("v=spf1;ip4:192.0.2.7 -all", [("spf-syntax", "error")]),
        ("spf1 ip4:192.0.2.7 -all", [("spf-syntax", "error")]),
        ("v=spf10 -all", [("spf-syntax", "error")]),
        ("google-site-verification=abc", [("spf-missing", "error")]),
    ],
)
def test_each_fault_of_a_record(record: str, checks: list[tuple[str, str]]) -> None:
    """One record, and what is said of it, for mail from 192.0.2.7."""
    assert found(judge(ACME, says({ACME: {"TXT": [record]}}), OWN)) == checks


def test_the_fix_can_be_copied() -> None:
    """A missing record, a missing address, a missing end, and two records: the line of the zone file that mends it."""
    none = one(judge(ACME, says({ACME: {}}), BOTH), "spf-missing")
    assert none.type == 'acme.example. IN TXT "v=spf1 ip4:192.0.2.7 ip6:2001:db8::7 ~all"'
    other = judge(ACME, says({ACME: {"TXT": ["v=spf1 mx -all"], "MX": []}}), OWN)
    assert one(other, "spf-permits").type == 'acme.example. IN TXT "v=spf1 ip4:192.0.2.7 mx -all"'
    endless = judge(ACME, says({ACME: {"TXT": ["v=spf1 ip4:192.0.2.7"]}}), OWN)
    assert one(endless, "spf-all").type == 'acme.example. IN TXT "v=spf1 ip4:192.0.2.7 ~all"'
    two = judge(ACME, says({ACME: {"TXT": ["v=spf1 a ~all", "v=spf1 mx -all"]}}), OWN)
    assert found(two) == [("spf-two", "error")]
    assert two[0].type == 'acme.example. IN TXT "v=spf1 a mx -all"'


def test_every_address_of_the_relay_has_to_be_permitted() -> None:
    """The IPv6 address that was forgotten is named, and only that one."""
    rows = judge(ACME, says({ACME: {"TXT": ["v=spf1 ip4:192.0.2.7 -all"]}}), BOTH)
    assert found(rows) == [("spf-permits", "error")]
    assert "2001:db8::7" in rows[0].finding
    assert "gets fail" in rows[0].finding


def test_includes_redirects_names_and_macros_are_followed() -> None:
    """a, mx, include, redirect and exists with macros lead to the address; a fail inside an include is none."""
    zone = {
        ACME: {"A": [RELAY], "MX": ["mx.acme.example"], "TXT": []},
        "mx.acme.example": {"A": ["192.0.2.25"], "AAAA": ["2001:db8::25"]},
        "spf.acme.example": {"TXT": ["v=spf1 ip4:192.0.2.99 -all"]},
        "good.acme.example": {"TXT": ["v=spf1 ip4:192.0.2.7 -all"]},
        "7.2.0.192._spf.acme.example": {"A": ["127.0.0.2"]},
    }
    for record, ip, verdict in [
        ("v=spf1 a -all", RELAY, "pass"),
        ("v=spf1 a/24 -all", "192.0.2.200", "pass"),
        ("v=spf1 a:acme.example//64 -all", RELAY, "pass"),
        ("v=spf1 mx -all", "192.0.2.25", "pass"),
        ("v=spf1 mx -all", "2001:db8::25", "pass"),
        ("v=spf1 mx//32 -all", "2001:db8:ffff::1", "pass"),
        ("v=spf1 mx -all", RELAY, "fail"),
        ("v=spf1 include:spf.acme.example ~all", RELAY, "softfail"),
        ("v=spf1 include:good.acme.example -all", RELAY, "pass"),
        ("v=spf1 redirect=good.acme.example", RELAY, "pass"),
        ("v=spf1 redirect=spf.acme.example", RELAY, "fail"),
        ("v=spf1 ?include:good.acme.example -all", RELAY, "neutral"),
        ("v=spf1 exists:%{ir}._spf.%{d} -all", RELAY, "pass"),
        ("v=spf1 exists:%{ir}._spf.%{d} -all", "192.0.2.8", "fail"),
        ("v=spf1 include:nobody.example -all", RELAY, "permerror"),
    ]:
        assert check_host(says(zone), ip, ACME, parse(record))[0] == verdict, record


def test_macros() -> None:
    """The examples of RFC 7208, section 7.4."""
    for text, filled in [
        ("%{s}", "strong-bad@email.example.com"),
        ("%{d}", "email.example.com"),
        ("%{d4}", "email.example.com"),
        ("%{d2}", "example.com"),
        ("%{d1}", "com"),
        ("%{dr}", "com.example.email"),
        ("%{d2r}", "example.email"),
        ("%{l-}", "strong.bad"),
        ("%{lr}", "strong-bad"),
        ("%{lr-}", "bad.strong"),
        ("%{l1r-}", "strong"),
        ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
        ("%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"),
        ("a%%b%_c%-d", "a%b c%20d"),
    ]:
        sender = "strong-bad@email.example.com"
        assert expand(text, ip="192.0.2.3", domain="email.example.com", sender=sender) == filled, text
    six = expand("%{ir}.%{v}", ip="2001:db8::cb01", domain="a.example", sender="b@a.example")
    assert six == "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6"


def test_more_than_ten_lookups() -> None:
    """Eleven includes are an error, nine a hint; include, a, mx, exists and redirect count, wherever they stand."""

    def zone(includes: int) -> dict[str, dict[str, list[str]]]:
        names = [f"s{number}.example" for number in range(includes)]
        record = " ".join(["v=spf1 ip4:192.0.2.7", *(f"include:{name}" for name in names), "-all"])
        return {ACME: {"TXT": [record]}, **{name: {"TXT": ["v=spf1 ip4:192.0.2.99 -all"]} for name in names}}

    assert found(judge(ACME, says(zone(8)), OWN)) == [("spf-permits", "ok")]
    assert found(judge(ACME, says(zone(9)), OWN)) == [("spf-lookups", "hint"), ("spf-permits", "ok")]
    many = judge(ACME, says(zone(11)), OWN)
    assert found(many) == [("spf-lookups", "error"), ("spf-permits", "ok")]
    assert "11 lookups" in many[0].finding
    nested = {
        ACME: {"TXT": ["v=spf1 include:a.example mx exists:%{i}.x.example redirect=b.example"], "MX": [], "A": []},
        "a.example": {"TXT": ["v=spf1 a -all"], "A": [RELAY]},
        "b.example": {"TXT": ["v=spf1 -all"]},
    }
    assert visit(says(nested), ACME, parse(nested[ACME]["TXT"][0])).lookups == 5


def test_a_record_that_includes_itself_ends() -> None:
    """A loop of includes is more than ten lookups, and no recursion without end."""
    zone = {
        ACME: {"TXT": ["v=spf1 include:b.example -all"]},
        "b.example": {"TXT": ["v=spf1 include:acme.example -all"]},
    }
    rows = judge(ACME, says(zone), OWN)
    assert one(rows, "spf-lookups").severity.value == "error"
    assert "gets permerror" in one(rows, "spf-permits").finding


def test_what_leads_nowhere() -> None:
    """Two names without records are borne, three are not; an include without a record is an error at once."""
    record = "v=spf1 a:a.example a:b.example {} ip4:192.0.2.7 -all"
    assert found(judge(ACME, says({ACME: {"TXT": [record.format("")]}}), OWN)) == [("spf-permits", "ok")]
    rows = judge(ACME, says({ACME: {"TXT": [record.format("a:c.example")]}}), OWN)
    assert found(rows) == [("spf-void", "error"), ("spf-permits", "error")]
    lost = judge(ACME, says({ACME: {"TXT": ["v=spf1 include:gone.example ip4:192.0.2.7 -all"]}}), OWN)
    assert found(lost)[0] == ("spf-include", "error")
    assert lost[0].type == 'acme.example. IN TXT "v=spf1 ip4:192.0.2.7 -all"'


def test_relays_of_others() -> None:
    """Their addresses change: what counts is that their record is included, wherever it stands."""
    ses = provider_of("email-smtp.eu-north-1.amazonaws.com")
    assert ses is not None
    origin = Origin(kind="smtp", host="email-smtp.eu-north-1.amazonaws.com", provider=ses)
    amazon = {"amazonses.com": {"TXT": ["v=spf1 ip4:198.51.100.0/24 -all"]}}
    good = {ACME: {"TXT": ["v=spf1 include:amazonses.com -all"]}, **amazon}
    assert found(judge(ACME, says(good), origin)) == [("spf-permits", "ok")]
    deep = {ACME: {"TXT": ["v=spf1 redirect=x.example"]}, "x.example": {"TXT": good[ACME]["TXT"]}, **amazon}
    assert found(judge(ACME, says(deep), origin)) == [("spf-permits", "ok")]
    [row] = judge(
        ACME,
        says({ACME: {"TXT": ["v=spf1 mx -all"], "MX": ["10.example"]}, "10.example": {"A": ["192.0.2.1"]}}),
        origin,
    )
    assert (row.severity.value, row.type) == (
        "error",
        'acme.example. IN TXT "v=spf1 include:amazonses.com mx -all"',
    )
    assert one(judge(ACME, says({ACME: {}}), origin), "spf-missing").type.endswith(
        '"v=spf1 include:amazonses.com ~all"'
    )
    assert provider_of("mail.acme.example") is None
    assert provider_of("notamazonaws.com") is None


def test_sendgrid() -> None:
    """Over SendGrid, its include is good, and without it the CNAMEs of its sender authentication may be."""
    origin = Origin(kind="sendgrid", provider=SENDGRID)
    sendgrid = {"sendgrid.net": {"TXT": ["v=spf1 ip4:198.51.100.0/24 ~all"]}}
    good = {ACME: {"TXT": ["v=spf1 include:sendgrid.net ~all"]}, **sendgrid}
    assert found(judge(ACME, says(good), origin)) == [("spf-permits", "ok")]
    [row] = judge(ACME, says({ACME: {"TXT": ["v=spf1 -all"]}}), origin)
    assert row.severity.value == "hint"
    assert row.type == 'acme.example. IN TXT "v=spf1 include:sendgrid.net -all"'


def test_what_cannot_be_judged_is_said_so() -> None:
    """A relay inside the house, the outbox, and a name server that fails: no guess."""
    inside = Origin(kind="smtp", host="127.0.0.1", trouble="127.0.0.1 is an address that the world does not see")
    zone = {ACME: {"TXT": ["v=spf1 ip4:192.0.2.7 -all"]}}
    assert found(judge(ACME, says(zone), inside)) == [("spf-permits", "hint")]
    assert found(judge(ACME, says(zone), Origin(kind="outbox"))) == [("spf-record", "ok")]
    assert found(judge(ACME, says({}, fails=[ACME]), OWN)) == [("spf-unknown", "warning")]
    broken = judge(ACME, says({ACME: {"TXT": ["v=spf1 a:slow.example -all"]}}, fails=["slow.example"]), OWN)
    assert "temperror" in one(broken, "spf-permits").finding


def test_a_hostile_record_is_not_copied() -> None:
    """Quotes, escapes and control characters of a stranger reach neither the finding nor what is to be typed."""
    rows = judge(ACME, says({ACME: {"TXT": ['v=spf1 \x1b[2J"; $(rm)\x07 ip4:192.0.2.9']}}), OWN)
    assert found(rows) == [("spf-syntax", "error")]
    for text in (rows[0].finding, rows[0].type):
        assert text.isprintable()
    assert "rm" not in rows[0].type


@pytest.mark.parametrize(
    "text",
    [
        "v=spf1 a:%{x}.example",
        "v=spf1 ip4:1.2.3",
        "v=spf1 a/33",
        "v=spf1 all:x",
        "v=spf1 exists",
        "v=spf1 ip6:192.0.2.1",
        "v=spf1 mxx",
    ],
)
def test_what_is_no_spf(text: str) -> None:
    """Terms that no receiver reads are told by their own words."""
    assert is_spf(text)
    with pytest.raises(Wrong):
        parse(text)


def test_nothing_to_type_takes_anybody_out_who_sends_for_the_domain() -> None:
    """A time-out is nobody's fault; a name that begins another's is another; what of a wrong record can be read stays;
    and behind a redirect it is the other record that is to be changed.
    """
    text = "v=spf1 include:_spf.google.com ip4:192.0.2.7 -all"
    rows = judge(ACME, says({ACME: {"TXT": [text]}}, fails=["_spf.google.com"]), OWN)
    assert found(rows)[0] == ("spf-unknown", "warning")
    assert "v=spf1" not in rows[0].type
    both = {ACME: {"TXT": ["v=spf1 include:a.example include:a.example.org ip4:192.0.2.7 -all"]}}
    rows = judge(ACME, says({**both, "a.example": {"TXT": ["v=spf1 -all"]}}), OWN)
    assert one(rows, "spf-include").type == 'acme.example. IN TXT "v=spf1 include:a.example ip4:192.0.2.7 -all"'
    for wrong in ("v=spf1 include:_spf.google.com ipv4:192.0.2.7 -all", "spf1 include:_spf.google.com -all"):
        row = one(judge(ACME, says({ACME: {"TXT": [wrong]}}), OWN), "spf-syntax")
        assert row.type == 'acme.example. IN TXT "v=spf1 ip4:192.0.2.7 include:_spf.google.com -all"'
    led = {ACME: {"TXT": ["v=spf1 redirect=_spf.acme.example"]}, "_spf.acme.example": {"TXT": ["v=spf1 mx +all"]}}
    row = one(judge(ACME, says(led), OWN), "spf-all")
    assert row.type == '_spf.acme.example. IN TXT "v=spf1 mx ~all"'
    two = {ACME: {"TXT": ["v=spf1 redirect=_spf.acme.example", "v=spf1 ip4:192.0.2.7 -all"]}}
    row = one(judge(ACME, says(two), OWN), "spf-two")
    assert row.type == 'acme.example. IN TXT "v=spf1 include:_spf.acme.example ip4:192.0.2.7 -all"'
