"""Signatures, judged by two verifiers that are not ours: what they cover, and that they hold for any mail."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from verifiers import by_dkimpy, by_opendkim, ed25519, rsa

from drip.course.model import Defaults
from drip.course.model import Sender as CourseSender
from drip.engine.letter import letter
from drip.engine.workspace import compile_course
from drip.people import Learner
from drip.plan.model import Mail as Tip
from drip.render.layout import Brand
from drip.render.message import Message
from drip.render.mime import address, phrase, to_bytes
from drip.track.token import Ring
from drip.transports import dkim
from drip.transports.dkim_keys import public_record, read_key
from drip.transports.smtp_letter import Letter

Mail = Callable[..., Message]
ROOT = Path(__file__).parents[2]
AT = datetime(2026, 11, 5, 8, 0, tzinfo=UTC)
KEYS = (rsa(), ed25519())
BOTH = [True, True]

#: A header that every mail of drip has, and one value it may get.
LEAVE = (
    ("List-Unsubscribe", "<https://learn.acme.example/u/abc123>"),
    ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
)


def judged(content: bytes) -> tuple[list[bool], list[bool]]:
    """The verdicts of dkimpy and of opendkim."""
    return by_dkimpy(content, KEYS), by_opendkim([content], KEYS)[0]


@pytest.fixture
def signed(mail: Mail) -> bytes:
    """A mail with all that a mail of ours has, signed by both keys."""
    headers = (
        ("From", address("Acme Academy", "learn@acme.example")),
        ("To", address("Åsa Ek", "asa@kund.example")),
        ("Reply-To", "help@acme.example"),
        ("List-ID", "A course <course.acme.example>"),
        *LEAVE,
        ("Auto-Submitted", "auto-generated"),
    )
    return dkim.written(mail(1, "asa@kund.example", headers=headers), KEYS)


def test_both_verifiers_find_both_signatures_good(signed: bytes) -> None:
    """RSA and Ed25519 on one mail, dkimpy and opendkim: four times yes."""
    assert judged(signed) == (BOTH, BOTH)


def test_signature_says_what_it_is_and_covers(signed: bytes) -> None:
    """Relaxed on both sides, SHA-256, everything that a reader sees named once more than it stands there; no length, no
    time and no end."""
    heads = re.findall(rb"^DKIM-Signature: (.*?)\r\n(?=[^ ])", signed, re.DOTALL | re.MULTILINE)
    for head, algorithm, selector in zip(heads, (b"rsa-sha256", b"ed25519-sha256"), (b"s1", b"e1"), strict=True):
        tags = dict(part.split(b"=", 1) for part in re.sub(rb"\s", b"", head).split(b";"))
        assert list(tags) == [b"v", b"a", b"c", b"d", b"s", b"h", b"bh", b"b"]
        assert tags[b"a"] == algorithm
        assert tags[b"c"] == b"relaxed/relaxed"
        assert (tags[b"d"], tags[b"s"]) == (b"acme.example", selector)
        named = tags[b"h"].split(b":")
        for name in (b"from", b"to", b"reply-to", b"subject", b"date", b"message-id", b"list-unsubscribe"):
            assert named.count(name) == 2, name
        for name in (b"list-unsubscribe-post", b"mime-version", b"content-type"):
            assert named.count(name) == 2, name
        assert (named.count(b"cc"), named.count(b"list-id"), named.count(b"sender")) == (1, 1, 0)
        assert max(map(len, head.split(b"\r\n"))) <= 78


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        (rb"From: Acme Academy", b"From: Acme Bank"),
        (rb"learn@acme.example>", b"boss@acme.example>"),
        (rb"^To: .*?\r\n(?! )", b"To: eve@evil.example\r\n"),
        (rb"^Subject: .*?\r\n(?! )", b"Subject: Pay now\r\n"),
        (rb"^Date: .*?\r\n", b"Date: Thu, 05 Nov 2026 08:00:01 +0000\r\n"),
        (rb"^Message-ID: <1", b"Message-ID: <2"),
        (rb"^Reply-To: help", b"Reply-To: eve"),
        (rb"^Reply-To: .*?\r\n", b""),
        (rb"^List-Unsubscribe-Post: .*?\r\n", b""),
        (rb"^List-Unsubscribe: .*?\r\n", b"List-Unsubscribe: <https://evil.example/>\r\n"),
        (rb"^List-ID: .*?\r\n", b""),
        (rb'boundary="=_', b'boundary="=_x'),
        (rb"^MIME-Version: 1.0\r\n", b""),
        (rb"\r\n\r\n", b"\r\n\r\nAn advertisement.\r\n"),
        (rb"--\r\n\Z", b"--\r\nAnd more.\r\n"),
        # a second one of what stands there once, where a reader may show it in place of ours
        *(
            (rb"\A", name + b": eve@evil.example\r\n")
            for name in (b"From", b"To", b"Reply-To", b"Subject", b"Date", b"Message-ID", b"List-Unsubscribe", b"Cc")
        ),
        (rb"\A", b"Content-Type: text/html\r\n"),
        (rb"\A", b"List-Unsubscribe-Post: nothing\r\n"),
        (rb"\r\n\r\n", b"\r\nSubject: Pay now\r\n\r\n"),
    ],
)
def test_altered_mail_is_found_out(signed: bytes, pattern: bytes, replacement: bytes) -> None:
    """Whatever a reader sees or presses: altered, taken away, or added, both verifiers say no to both signatures."""
    altered, times = re.subn(
        pattern, replacement.replace(b"\\", b"\\\\"), signed, count=1, flags=re.MULTILINE | re.DOTALL
    )
    assert times == 1
    assert altered != signed
    verdicts = by_dkimpy(altered, KEYS), by_opendkim([altered], KEYS)[0]
    assert True not in verdicts[0] + verdicts[1]


@pytest.mark.parametrize(
    ("pattern", "replacement"),
    [
        (rb"\A", b"Received: from mx.kund.example by mail.kund.example; Thu, 05 Nov 2026 08:00:02 +0000\r\n"),
        (rb"\A", b"X-Spam-Status: No\r\n"),
        (rb"\A", b"Sender: list@kund.example\r\n"),
        (rb"^Reply-To: help", b"REPLY-TO:\r\n\t help"),  # folded anew, blanks and letters changed
        (rb"--\r\n\Z", b"-- \t\r\n\r\n\r\n"),
        (rb"^Auto-Submitted: .*?\r\n", b""),
    ],
)
def test_what_happens_on_the_way_does_no_harm(signed: bytes, pattern: bytes, replacement: bytes) -> None:
    """Trace headers, another fold, blanks at a line's end, empty lines behind: the signatures stay good."""
    altered, times = re.subn(pattern, replacement, signed, count=1, flags=re.MULTILINE | re.DOTALL)
    assert times == 1
    assert altered != signed
    assert judged(altered) == (BOTH, BOTH)


def test_same_mail_has_the_same_bytes(mail: Mail) -> None:
    """Signed again, also by keys that were read again, and with nothing remembered: not a byte differs."""
    first = dkim.written(mail(7), KEYS)
    for remembers in (dkim._opening, dkim._order, dkim._relaxed_field, dkim._signers):
        remembers.cache_clear()
    assert dkim.written(mail(7), (rsa(), ed25519())) == first
    assert dkim.written(mail(8), KEYS) != first


def test_only_keys_that_cover_the_sender_sign(mail: Mail) -> None:
    """d= is From's domain or above it: each such key signs, in their order; a mail that none covers stays as it is."""
    below, other = rsa("n1", "news.acme.example"), ed25519("o1", "other.example")

    def selectors(sender: str) -> list[bytes]:
        content = dkim.written(mail(1, headers=(("From", sender), ("To", "a@kund.example"))), [*KEYS, below, other])
        return re.findall(rb"\bs=(\w+);", content.partition(b"\r\n\r\n")[0])

    assert selectors("learn@acme.example") == [b"s1", b"e1"]
    assert selectors("Acme <learn@News.Acme.Example>") == [b"s1", b"e1", b"n1"]
    assert selectors('"eve@other.example, x" <learn@acme.example>') == [b"s1", b"e1"]
    assert selectors("Åsa <learn@other.example>") == [b"o1"]
    plain = mail(1, headers=(("From", "x@notacme.example"), ("To", "a@kund.example")))
    assert dkim.written(plain, KEYS) == to_bytes(plain)
    assert dkim.written(plain, ()) == to_bytes(plain)


def test_mail_without_one_sender_is_not_signed() -> None:
    """None or two: a signature would vouch for what a reader may not see."""
    for head in (b"To: a@b.example", b"From: a@acme.example\r\nFrom: b@acme.example", b"", b"\r\n"):
        with pytest.raises(ValueError, match="this one has none or several"):
            dkim.sign(head + b"\r\n\r\nHej\r\n", KEYS)


def test_mail_of_several_with_one_name_is_covered_whole() -> None:
    """Two References, say: both are signed, the last first, and a third is found out where it is oversigned."""
    lines = [b"From: a@acme.example", b"List-Unsubscribe: <one>", b"References: <1@a>", b"List-Unsubscribe: <two>"]
    content = dkim.sign(b"\r\n".join([*lines, b"References: <2@a>", b"", b"Hej", b""]), KEYS)
    assert judged(content) == (BOTH, BOTH)
    for old, new in ((b"<one>", b"<eno>"), (b"<two>", b"<owt>"), (b"<1@a>", b"<3@a>"), (b"<2@a>", b"<4@a>")):
        assert True not in by_opendkim([content.replace(old, new)], KEYS)[0]
    assert True not in by_opendkim([b"List-Unsubscribe: <three>\r\n" + content], KEYS)[0]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\r\n",
        b"\r\n\r\n\r\n",
        b"one",
        b"one \t",
        b"one\r\n\r\n\r\n",
        b"\r\n\r\none\r\n",
        b"trailing   \r\n\t\r\n  \r\n",
        b"\ttabs\tand  spaces \r\n",
        b".\r\n..\r\n.dots\r\n",
        b"a line of 998 columns: " + b"x" * 975 + b"\r\n",
        b"spaces " * 100 + b"\r\n",
    ],
)
def test_any_shape_of_body(body: bytes) -> None:
    """Empty, blank at the end, without an end, with dots at a line's start: good as signed, and good as it arrives
    through the dots of SMTP."""
    content = dkim.sign(b"From: a@acme.example\r\nSubject: x\r\n\r\n" + body, KEYS)
    assert judged(content) == (BOTH, BOTH)
    wire = Letter(None, 0, b"", b"", content).dotted()  # type: ignore[arg-type] # of no batch
    assert wire.endswith(b"\r\n.\r\n")
    assert not re.search(rb"\r\n\.(?!\.)", wire[:-3])
    assert judged(wire[:-3].replace(b"\r\n..", b"\r\n.")) == (BOTH, BOTH)


@pytest.mark.parametrize(
    "headers",
    [
        (("List-Unsubscribe", "<https://learn.acme.example/u/" + "a" * 940 + ">"),),
        (("List-Unsubscribe", "<mailto:leave@acme.example>, <https://learn.acme.example/u/abc>"), LEAVE[1]),
        (("Subject", "Räksmörgås " * 30),),
        (("Subject", "a  b   c " * 40),),
        (("Subject", "tab\there"),),
        (("Subject", ""),),
        (("Subject", " "),),
        (("Subject", "x" * 980),),
        (("Subject", "a;b=c: d \\ \" ' <e>"),),
        (("Reply-To", address('Åsa, Ek (hej); \\ "x"', "help@räksmörgås.example")),),
        (("List-ID", phrase("En kurs om: saker; och “ting”") + " <kurs.acme.example>"),),
        (("Feedback-ID", "1:2:3:drip"), ("References", " ".join(f"<{n}@acme.example>" for n in range(30)))),
    ],
)
def test_odd_headers(mail: Mail, headers: tuple[tuple[str, str], ...]) -> None:
    """998 columns, folds, encoded words, tabs, blanks in a row, signs that tags use: good for both."""
    first = (("From", address("Åsa “Acme” Ek", "learn@acme.example")), ("To", "a@kund.example"))
    assert judged(dkim.written(mail(1, headers=(*first, *headers)), KEYS)) == (BOTH, BOTH)


ANY = st.text(st.characters(exclude_characters="\r\n\0", codec="utf-8"), max_size=120)


@st.composite
def mails(draw: st.DrawFn) -> bytes:
    """A mail of ours with any texts."""
    message = Message(
        delivery_id=draw(st.integers(1, 10**9)),
        mail_from="learn@acme.example",
        rcpt_to="ada@kund.example",
        message_id="<1@acme.example>",
        date=AT,
        subject=draw(ANY),
        headers=(
            ("From", address(draw(ANY), "learn@acme.example")),
            ("To", address(draw(ANY), "ada@kund.example")),
            *LEAVE,
            ("List-ID", phrase(draw(ANY)) + " <kurs.acme.example>"),
        ),
        text=draw(st.text(max_size=400)),
        html=draw(st.text(max_size=400)),
    )
    return dkim.written(message, KEYS)


@settings(max_examples=60)
@given(mails())
def test_any_mail_is_good_for_dkimpy(content: bytes) -> None:
    """Any subject, names and bodies."""
    assert by_dkimpy(content, KEYS) == BOTH


@settings(max_examples=5)
@given(st.lists(mails(), min_size=10, max_size=20))
def test_any_mail_is_good_for_opendkim(contents: list[bytes]) -> None:
    """Any subject, names and bodies."""
    assert by_opendkim(contents, KEYS) == [BOTH] * len(contents)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.sampled_from(["Subject", "to", "X-Odd", "REFERENCES", "List-Id"]), ANY), max_size=6),
    st.lists(st.sampled_from([b"word", b" ", b"\t", b"\r\n", b".", b"=20", b"\xc3\xa5"]), max_size=30),
)
def test_any_bytes_are_signed_as_dkimpy_reads_them(headers: list[tuple[str, str]], pieces: list[bytes]) -> None:
    """Not only what we write: raw headers with blanks anywhere and raw bodies."""
    lines = [f"{name}:{value}".encode() for name, value in headers]
    head = b"\r\n".join(
        [b"From:  Acme <learn@acme.example> ", *(re.sub(rb"[\x0b\x0c\x1c-\x1f\x85]", b"", one) for one in lines)]
    )
    content = dkim.sign(head + b"\r\n\r\n" + b"".join(pieces), KEYS)
    assert by_dkimpy(content, KEYS) == BOTH


def letters_of(file: Path) -> dict[str, Message]:
    """Every mail of a course, in every language and variant."""
    ada = Learner(id=1, ref="L1", email="ada@kund.example", first_name="Åsa")
    sender = CourseSender.model_construct(name="Acme Ågren Academy", email="learn@acme.example")
    compiled = compile_course(file, ROOT, Defaults(sender=sender), Brand())
    return {
        f"{one.step} {one.language} {one.variant}": letter(
            compiled.plan,
            compiled.templates,
            step=one.step,
            learner=ada,
            language=one.language,
            variant=one.variant,
            now=AT,
            ring=Ring.of(["a secret that is long enough"]),
            base_url="https://learn.acme.example",
        ).message
        for one in compiled.templates
        if isinstance(compiled.plan.step(one.step), Tip)
    }


@pytest.mark.parametrize("course", ["first-report", "safe-inbox", "trygg-start"])
def test_every_mail_of_the_sample_courses(course: str) -> None:
    """In English and in Swedish: four times yes for each, and the quick look at the body is all that they need."""
    letters = letters_of(ROOT / "campaigns" / f"{course}.yaml")
    assert {name.split()[1] for name in letters} == {"en", "sv"}
    contents = [dkim.written(message, KEYS) for message in letters.values()]
    assert [by_dkimpy(content, KEYS) for content in contents] == [BOTH] * len(contents)
    assert by_opendkim(contents, KEYS) == [BOTH] * len(contents)
    assert all(dkim._is_relaxed(content.partition(b"\r\n\r\n")[2]) for content in contents)


def test_key_of_opendkims_own_tool(tmp_path: Path) -> None:
    """A key and a record made by opendkim-genkey: the key signs, and the record is the one that we would publish."""
    program = shutil.which("opendkim-genkey") or shutil.which("opendkim-genkey", path="/usr/sbin")
    assert program is not None, "it makes the key: `make test` installs it, or apt-get install opendkim-tools"
    subprocess.run([program, "-b", "2048", "-s", "s1", "-d", "acme.example", "-D", tmp_path], check=True)
    pem = (tmp_path / "s1.private").read_bytes()
    key = read_key(pem, selector="s1", domain="acme.example", source="s1.private")
    strings = re.findall(r'"([^"]*)"', (tmp_path / "s1.txt").read_text())
    published = dict(part.strip().split("=", 1) for part in "".join(strings).split(";"))
    ours = dict(part.strip().split("=", 1) for part in public_record(key).split(";"))
    assert published["p"] == ours["p"]
    content = dkim.sign(b"From: a@acme.example\r\nSubject: x\r\n\r\nHej\r\n", [key])
    assert (by_dkimpy(content, [key]), by_opendkim([content], [key])) == ([True], [[True]])
