"""What the doctor says of DKIM keys: each way in which the published half is not the one that we sign with."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from dns_facts import found, one, says

from drip.engine.doctor.dkim import SigningKey, judge_cover, judge_files, judge_key, judge_sendgrid
from drip.engine.doctor.names import Answer
from drip.engine.doctor.origin import SENDGRID, Origin, Provider

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
SPKI = base64.b64encode(RSA.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
PKCS1 = base64.b64encode(RSA.public_bytes(Encoding.DER, PublicFormat.PKCS1)).decode()
OTHER = base64.b64encode(
    rsa.generate_private_key(public_exponent=65537, key_size=1024)
    .public_key()
    .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()
ED = base64.b64encode(
    ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
).decode()
KEY = SigningKey(selector="s1", domain="acme.example", algorithm="rsa", bits=2048, record=f"v=DKIM1; k=rsa; p={SPKI}")
SMTP = Origin(kind="smtp", host="mail.acme.example", addresses=("192.0.2.7",))


@pytest.mark.parametrize(
    ("published", "checks"),
    [
        ([f"v=DKIM1; k=rsa; p={SPKI}"], [("dkim-key", "ok")]),
        ([f"p={SPKI}"], [("dkim-key", "ok")]),
        ([f"v=DKIM1;p={SPKI[:100]} {SPKI[100:]}"], [("dkim-key", "ok")]),
        ([f"v=DKIM1; p={PKCS1}"], [("dkim-key", "ok")]),
        ([f"v=DKIM1; h=sha1:sha256; s=email; t=s; p={SPKI}"], [("dkim-key", "ok")]),
        ([f"v=DKIM1; t=y; p={SPKI}"], [("dkim-testing", "warning"), ("dkim-key", "ok")]),
        ([], [("dkim-missing", "error")]),
        (["hello"], [("dkim-missing", "error")]),
        (["v=DKIM1; p="], [("dkim-revoked", "error")]),
        ([f"v=DKIM1; p={OTHER}"], [("dkim-differs", "error")]),
        ([f"v=DKIM1; p={SPKI[:200]}"], [("dkim-differs", "error")]),
        (["v=DKIM1; p=!!!"], [("dkim-differs", "error")]),
        ([f"v=DKIM1; k=ed25519; p={SPKI}"], [("dkim-type", "error")]),
        ([f"v=DKIM2; p={SPKI}"], [("dkim-syntax", "error")]),
        ([f"k=rsa; v=DKIM1; p={SPKI}"], [("dkim-syntax", "error")]),
        ([f"v=DKIM1; h=sha1; p={SPKI}"], [("dkim-hash", "error")]),
        ([f"v=DKIM1; s=tlsrpt; p={SPKI}"], [("dkim-service", "error")]),
        ([f"v=DKIM1; p={SPKI}", "v=spf1 -all"], [("dkim-two", "error")]),
        ([f"v=DKIM1; p={SPKI[:200]}", SPKI[200:]], [("dkim-two", "error")]),
    ],
)
def test_each_fault_of_a_published_key(published: list[str], checks: list[tuple[str, str]]) -> None:
    """One answer of DNS, and what is said of it."""
    assert found(judge_key(KEY, Answer(values=tuple(published)))) == checks


def test_what_to_publish_stands_in_strings_of_255_bytes() -> None:
    """The line of the zone file is cut as DNS wants it, and joins to our record."""
    [row] = judge_key(KEY, Answer())
    head, *strings = row.type.split(' "')
    assert head == "s1._domainkey.acme.example. IN TXT"
    assert [len(string.rstrip('"')) for string in strings] == [255, len(KEY.record) - 255]
    assert "".join(string.rstrip('"') for string in strings) == KEY.record


def test_a_key_that_was_cut_is_told_so() -> None:
    """One cut off says after how much; one in two records says that it is one."""
    assert "cut off after 200" in judge_key(KEY, Answer(values=(f"v=DKIM1; p={SPKI[:200]}",)))[0].finding
    halves = Answer(values=(f"v=DKIM1; p={SPKI[:200]}", SPKI[200:]))
    assert "cut in two" in judge_key(KEY, halves)[0].finding


def test_ed25519() -> None:
    """Raw 32 bytes (RFC 8463) that match are good."""
    key = SigningKey(
        selector="e1", domain="acme.example", algorithm="ed25519", bits=256, record=f"v=DKIM1; k=ed25519; p={ED}"
    )
    assert found(judge_key(key, Answer(values=(key.record,)))) == [("dkim-key", "ok")]
    assert found(judge_key(key, Answer(values=(f"v=DKIM1; p={ED}",)))) == [("dkim-type", "error")]


@pytest.mark.parametrize(("bits", "severity"), [(512, "error"), (1024, "warning"), (2047, "warning")])
def test_short_rsa_keys(bits: int, severity: str) -> None:
    """Under 1024 bits receivers refuse, under 2048 it is weak."""
    key = SigningKey(selector="s1", domain="acme.example", algorithm="rsa", bits=bits, record=KEY.record)
    assert found(judge_key(key, Answer(values=(KEY.record,))))[0] == ("dkim-weak", severity)


def test_a_name_server_that_fails_is_no_missing_key() -> None:
    """What cannot be read is said to be unknown."""
    assert found(judge_key(KEY, Answer(trouble="no answer in time"))) == [("dkim-unknown", "warning")]


def test_domains_that_no_key_signs_for() -> None:
    """A key signs for its domain and those below it, and for none above."""
    assert judge_cover(["acme.example", "learn.acme.example"], [KEY], SMTP) == []
    assert found(judge_cover(["other.example"], [KEY], SMTP)) == [("dkim-cover", "error")]
    below = SigningKey(selector="s1", domain="learn.acme.example", algorithm="rsa", bits=2048, record="")
    assert found(judge_cover(["acme.example"], [below], SMTP)) == [("dkim-cover", "error")]
    [row] = judge_cover(["acme.example"], [], SMTP)
    assert row.severity.value == "warning"
    assert row.type.startswith('[dkim.d1]\ndomain = "acme.example"\n')
    assert found(judge_cover(["acme.example"], [], Origin(kind="outbox"))) == [("dkim-cover", "hint")]
    relay = Origin(kind="smtp", host="smtp.x.example", provider=Provider(name="X", include="x.example"))
    assert found(judge_cover(["acme.example"], [], relay)) == [("dkim-cover", "hint")]


def test_sendgrid_signs_by_two_cnames() -> None:
    """s1 and s2 lead to SendGrid's keys; missing, leading elsewhere, and leading to nothing are errors."""
    assert SENDGRID.include == "sendgrid.net"
    good = {
        f"s{n}._domainkey.acme.example": {
            "CNAME": [f"s{n}.domainkey.u1.wl2.sendgrid.net"],
            "TXT": [f"k=rsa; t=s; p={SPKI}"],
        }
        for n in (1, 2)
    }
    assert found(judge_sendgrid("acme.example", says(good))) == [("dkim-key", "ok")] * 2
    missing = judge_sendgrid("acme.example", says({}))
    assert found(missing) == [("dkim-missing", "error")] * 2
    assert missing[0].type.startswith("s1._domainkey.acme.example. IN CNAME s1.domainkey.")
    elsewhere = {**good, "s2._domainkey.acme.example": {"CNAME": ["x.example"], "TXT": [f"p={SPKI}"]}}
    assert found(judge_sendgrid("acme.example", says(elsewhere)))[1] == ("dkim-sendgrid", "error")
    empty = {**good, "s1._domainkey.acme.example": {"CNAME": ["s1.domainkey.u1.wl2.sendgrid.net"]}}
    assert found(judge_sendgrid("acme.example", says(empty)))[0] == ("dkim-sendgrid", "error")
    itself = {**good, "s1._domainkey.acme.example": {"TXT": [f"p={SPKI}"]}}
    assert found(judge_sendgrid("acme.example", says(itself)))[0] == ("dkim-sendgrid", "hint")
    fails = judge_sendgrid("acme.example", says({}, fails=["s1._domainkey.acme.example"]))
    assert one(fails, "dkim-unknown").severity.value == "warning"


def test_a_key_that_cannot_be_read() -> None:
    """The settings' own words, and the command in them apart."""
    assert judge_files("") == []
    [row] = judge_files(
        "drip.toml: [dkim.s1] key_file: s1.pem is not there;\n  make a key: openssl genpkey -out s1.pem"
    )
    assert (row.check, row.severity.value) == ("dkim-file", "error")
    assert (row.finding[-17:], row.type) == ("s1.pem is not there"[-17:], "openssl genpkey -out s1.pem")
