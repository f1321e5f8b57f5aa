"""What leaves the house: any text survives a header, a link is never broken, a retry has the same bytes."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import UTC, datetime, timedelta, timezone
from email.header import decode_header
from email.utils import getaddresses, parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drip.render.message import Message
from drip.render.mime import address, ascii_address, date, header, phrase, to_bytes

AWKWARD_NAMES = [
    "Åsa",
    "Åsa, of Acme",
    'Åsa "the view" Öberg',
    "Acme, Inc.",
    'Acme "Academy" \\ Co',
    "محمد عبد الله",
    "👩‍🏫 Lesson 🎓",
    "å" * 200,
    "A" * 200,
    "Ada Lovelace " * 16,
    "=?utf-8?q?not_encoded?=",
    "two  spaces",
    " edges ",
    "learn@acme.example",
    "<b>",
    "(comment)",
    "a:b;c",
]
TEXT = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=300)


def message(**changes: object) -> Message:
    values: dict[str, object] = {
        "delivery_id": 7,
        "mail_from": "bounces@acme.example",
        "rcpt_to": "ada@lovelace.example",
        "message_id": "<7.first-report@acme.example>",
        "date": datetime(2026, 11, 5, 9, 0, tzinfo=timezone(timedelta(hours=1))),
        "subject": "Start from a saved view",
        "headers": (("From", address("Acme Academy", "learn@acme.example")), ("To", "ada@lovelace.example")),
        "text": "A chart starts from a saved view.\n",
        "html": "<p>A chart starts from a <em>saved view</em>.</p>\n",
        **changes,
    }
    return Message(**values)  # type: ignore[arg-type] # one dict for all fields


def unfolded(raw: bytes) -> str:
    """The value of one header, its folds undone as RFC 5322 says."""
    assert raw.endswith(b"\r\n")
    return re.sub(r"\r\n(?=[ \t])", "", raw.decode("ascii")[:-2]).split(": ", 1)[1]


def decoded(raw: bytes) -> str:
    return "".join(
        part.decode(charset or "ascii") if isinstance(part, bytes) else part
        for part, charset in decode_header(unfolded(raw))
    )


def columns(raw: bytes) -> int:
    return max(len(line) for line in raw.split(b"\r\n"))


@given(TEXT)
def test_any_text_survives_a_subject(text: str) -> None:
    """Not a letter or a space is lost, doubled or moved, and no line holds an encoded word past column 76."""
    raw = header("Subject", text)
    assert decoded(raw) == text
    assert columns(raw) <= 998
    assert all(len(line) <= 76 for line in raw.split(b"\r\n") if b"=?" in line)


@given(st.lists(st.sampled_from(["så", "började", "resan", "the", "view", "–", "🎓", "A/B"]), max_size=40))
def test_natural_words_survive_a_subject(words: list[str]) -> None:
    """Mixed Swedish and English words keep exactly one space between them."""
    assert decoded(header("Subject", " ".join(words))) == " ".join(words)


@given(TEXT)
def test_any_text_survives_a_display_name(name: str) -> None:
    """A name comes back whole beside its address, whatever it holds."""
    raw = header("From", address(name, "learn@acme.example"))
    [(found, email_address)] = getaddresses([unfolded(raw)])
    assert email_address == "learn@acme.example"
    assert columns(raw) <= 998
    if name.strip():
        plain = found if "=?" not in found else decoded(b"X: " + found.encode() + b"\r\n")
        assert plain == name


@pytest.mark.parametrize("name", AWKWARD_NAMES)
def test_awkward_name_is_one_mailbox(name: str) -> None:
    """The stdlib's parser sees one mailbox and the name, in From, To and Reply-To alike."""
    for field in ("From", "To", "Reply-To"):
        raw = to_bytes(message(headers=(("From", "a@acme.example"), (field, address(name, "learn@acme.example")))[-2:]
                               if field != "From" else ((field, address(name, "learn@acme.example")),)))  # fmt: skip
        parsed = email.message_from_bytes(raw, policy=email.policy.default)
        [mailbox] = parsed[field].addresses
        assert mailbox.addr_spec == "learn@acme.example"
        # The 3.11 parser puts a space between neighbouring encoded words (gh-92081): compare without spaces.
        assert mailbox.display_name.replace(" ", "") == name.replace(" ", "")
        assert not parsed[field].defects


@pytest.mark.parametrize("name", AWKWARD_NAMES)
def test_phrase_decodes_to_the_name(name: str) -> None:
    """`phrase` is ASCII on one line and decodes to the very name."""
    written = phrase(name)
    assert "\n" not in written
    if written.startswith("=?"):
        assert decoded(b"X: " + written.encode("ascii") + b"\r\n") == name
    elif written.startswith('"'):
        assert re.sub(r"\\(.)", r"\1", written[1:-1]) == name
    else:
        assert written == name


@pytest.mark.parametrize("text", ["å" * 400, "é🎓" * 90, "مرحبا " * 50, "x" + "🎓" * 60])
def test_encoded_word_never_splits_a_character(text: str) -> None:
    """Each encoded word decodes by itself, as RFC 2047 demands."""
    parts = [part for part, charset in decode_header(unfolded(header("Subject", text)).split(" ")[0])]
    assert parts
    words = unfolded(header("Subject", text)).split(" ")
    assert "".join(decode_header(word)[0][0].decode("utf-8") for word in words) == text


def test_very_long_header_name_still_decodes() -> None:
    """A header whose name leaves no room on the first line keeps its characters whole."""
    assert decoded(header("X-" + "Long-" * 20, "🎓 på svenska")) == "🎓 på svenska"


def test_ascii_subject_stays_readable_and_is_folded() -> None:
    """A long English subject is folded at spaces and not encoded."""
    subject = "How a saved view becomes a chart that a colleague can read in the time that one coffee takes " * 2
    raw = header("Subject", subject.strip())
    assert b"=?" not in raw
    assert columns(raw) <= 76
    assert unfolded(raw) == subject.strip()


@pytest.mark.parametrize("text", ["=?utf-8?q?hej?=", " leading", "trailing ", "\ttab", "x" * 2000])
def test_ascii_that_would_change_on_the_way_is_encoded(text: str) -> None:
    """ASCII that a reader would decode, trim or find too long goes out as encoded words."""
    raw = header("Subject", text)
    assert b"=?utf-8?b?" in raw
    assert decoded(raw) == text


def test_unsubscribe_link_stays_whole() -> None:
    """A List-Unsubscribe of hundreds of characters is one line, letter by letter."""
    value = f"<mailto:u@acme.example?subject=u>, <https://acme.example/u/{'a-B_9' * 100}?x=%C3%A5>"
    raw = header("List-Unsubscribe", value)
    assert raw == b"List-Unsubscribe: " + value.encode("ascii") + b"\r\n"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("List-Unsubscribe", "<https://acme.example/å>"),
        ("List-Unsubscribe", f"<https://acme.example/{'a' * 1000}>"),
        ("Message-ID", "<å@acme.example>"),
        ("To", "Åsa <åsa@acme.example>"),
        ("To", "åsa@acme.example"),
        ("To", "Åsa <a@acme.example>, Örjan <b@acme.example>"),
        ("To", "Åsa, a@acme.example"),
        ("Bad name", "x"),
        ("Bäd", "x"),
        ("", "x"),
        ("Subject", "\ud800"),
    ],
)
def test_what_cannot_be_written_is_refused(name: str, value: str) -> None:
    """A link or an address that would come out broken is an error, never a guess."""
    with pytest.raises(ValueError):
        header(name, value)


@pytest.mark.parametrize("bad", ["\r", "\n", "\0", "\r\nBcc: everyone@acme.example"])
@pytest.mark.parametrize("name", ["Subject", "From", "List-Unsubscribe", "X-Any"])
def test_line_break_in_a_header_is_refused(name: str, bad: str) -> None:
    """Nobody adds a header through a value."""
    with pytest.raises(ValueError, match="line break"):
        header(name, f"a{bad}b")
    with pytest.raises(ValueError, match="line break"):
        address(f"a{bad}b", "a@acme.example")
    with pytest.raises(ValueError):
        address("a", f"a{bad}@acme.example")


def test_unicode_mailbox_is_encoded_here_too() -> None:
    """A raw `"Åsa, of Acme" <…>` comes out as an encoded name and an IDNA domain."""
    raw = header("Reply-To", '"Åsa, of \\"Acme\\"" <learn@exämple.example>')
    [(name, email_address)] = getaddresses([unfolded(raw)])
    assert email_address == "learn@xn--exmple-cua.example"
    assert decoded(b"X: " + name.encode() + b"\r\n") == 'Åsa, of "Acme"'


@pytest.mark.parametrize(
    ("written", "mailed"),
    [
        ("ada@lovelace.example", "ada@lovelace.example"),
        ("Ada.B+x@Lovelace.Example", "Ada.B+x@Lovelace.Example"),
        ("a@bücher.example", "a@xn--bcher-kva.example"),
        ("a@straße.example", "a@xn--strae-oqa.example"),  # IDNA 2003 would mail strasse.example, someone else
        ('"odd name"@acme.example', '"odd name"@acme.example'),
        ("a@[192.0.2.1]", "a@[192.0.2.1]"),
        ("a@localhost", "a@localhost"),
    ],
)
def test_address_in_ascii(written: str, mailed: str) -> None:
    """The domain goes through IDNA 2008; the local part is kept letter by letter."""
    assert ascii_address(written) == mailed


@pytest.mark.parametrize(
    "bad",
    ["", "ada", "@acme.example", "a@", "åsa@acme.example", "a b@acme.example", "a@b c", "a@b>\r\nRCPT TO:<c@d", "<a@b>",
     "a@-", "a@b..c", "a@" + "x" * 254, "a@é..é", "a@b,c@d"],
)  # fmt: skip
def test_address_that_cannot_be_mailed_is_refused(bad: str) -> None:
    """Neither a non-ASCII local part nor anything that could end the SMTP command passes."""
    with pytest.raises(ValueError, match="cannot be mailed"):
        ascii_address(bad)


@pytest.mark.parametrize(
    ("at", "written"),
    [
        (datetime(2026, 11, 5, 9, 0, tzinfo=timezone(timedelta(hours=1))), "Thu, 05 Nov 2026 09:00:00 +0100"),
        (datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC), "Sun, 01 Mar 2026 23:59:59 +0000"),
        (datetime(2026, 3, 1, tzinfo=timezone(-timedelta(hours=3, minutes=30))), "Sun, 01 Mar 2026 00:00:00 -0330"),
        (datetime(2026, 3, 1, 1, tzinfo=timezone(timedelta(seconds=3328))), "Sun, 01 Mar 2026 00:04:32 +0000"),
    ],
)
def test_date_has_a_numeric_zone(at: datetime, written: str) -> None:
    """The Date header says the same instant, with an offset of whole minutes."""
    assert date(at) == written
    assert parsedate_to_datetime(written) == at


def test_naive_date_is_refused() -> None:
    """A date without a zone is an error at the door."""
    with pytest.raises(ValueError, match="naive"):
        to_bytes(message(date=datetime(2026, 11, 5, 9, 0)))  # that is the point


def test_message_parses_into_two_alternatives() -> None:
    """The stdlib's parser finds the headers, the text and then the HTML, and no defect."""
    raw = to_bytes(
        message(subject="Börja från en sparad vy", text="Hej på dig 🎓\nrad två\n", html="<p>Hej på dig 🎓</p>")
    )
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    assert parsed.get_content_type() == "multipart/alternative"
    assert parsed["Subject"] == "Börja från en sparad vy"
    assert parsed["Message-ID"] == "<7.first-report@acme.example>"
    assert parsed["Date"].datetime == datetime(2026, 11, 5, 8, 0, tzinfo=UTC)
    text, html = parsed.iter_parts()
    assert text.get_content_type() == "text/plain"
    assert text.get_payload(decode=True).decode() == "Hej på dig 🎓\r\nrad två\r\n"
    assert html.get_content_type() == "text/html"
    assert html.get_payload(decode=True).decode() == "<p>Hej på dig 🎓</p>"
    assert not any(part.defects for part in parsed.walk())


@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=400), st.text(st.characters(exclude_categories=["Cs"]))
)
def test_any_body_survives(text: str, html: str) -> None:
    """Bodies come back letter by letter (line ends as CRLF), in ASCII lines of at most 76 columns, none bare."""
    raw = to_bytes(message(text=text, html=html))
    assert re.search(rb"(?<!\r)\n|\r(?!\n)", raw) is None
    raw.decode("ascii")
    assert columns(raw.split(b"\r\n\r\n", 1)[1]) <= 76
    parts = [p for p in email.message_from_bytes(raw, policy=email.policy.default).walk() if not p.is_multipart()]
    wanted = [body for body in (text, html) if body] or [""]
    assert [p.get_payload(decode=True).decode() for p in parts] == [
        re.sub(r"\r\n|\r|\n", "\r\n", body) for body in wanted
    ]


def test_mail_without_html_shows_its_text() -> None:
    """An empty HTML part is left out, since a mail program would show it in place of the text."""
    parsed = email.message_from_bytes(to_bytes(message(html="")), policy=email.policy.default)
    assert [part.get_content_type() for part in parsed.iter_parts()] == ["text/plain"]


def test_boundary_cannot_occur_in_a_part() -> None:
    """A body that holds the boundary itself is still one part."""
    [boundary] = re.findall(rb'boundary="([^"]+)"', to_bytes(message()))
    hostile = f"\n--{boundary.decode()}--\nnot the end\n"
    raw = to_bytes(message(text=hostile))
    assert raw.count(b"--" + boundary) == 3
    first, _ = email.message_from_bytes(raw, policy=email.policy.default).iter_parts()
    assert first.get_payload(decode=True).decode() == hostile.replace("\n", "\r\n")


def test_every_retry_has_the_same_bytes() -> None:
    """The bytes depend on the message alone; another delivery has another boundary."""
    assert to_bytes(message()) == to_bytes(message())
    boundaries = {re.search(rb"=_\w+", to_bytes(message(message_id=f"<{n}@acme.example>"))).group() for n in range(50)}  # type: ignore[union-attr] # it is always found
    assert len(boundaries) == 50


def test_headers_of_the_message_win_over_its_fields() -> None:
    """Subject, Date and Message-ID are written once, whether they stand in the headers or not."""
    headers = (("From", "a@acme.example"), ("SUBJECT", "Mine"), ("Message-Id", "<mine@acme.example>"))
    parsed = email.message_from_bytes(to_bytes(message(headers=headers)), policy=email.policy.default)
    assert parsed.get_all("Subject") == ["Mine"]
    assert parsed.get_all("Message-ID") == ["<mine@acme.example>"]
    assert len(parsed.get_all("Date")) == 1


def test_message_id_gets_its_angle_brackets() -> None:
    """A Message-ID given bare goes out in brackets."""
    assert b"\r\nMessage-ID: <7@acme.example>\r\n" in to_bytes(message(message_id="7@acme.example"))


@pytest.mark.parametrize(
    ("headers", "word"),
    [
        ((), "From"),
        ((("From", "a@b"), ("from", "c@d")), "more than one from"),
        ((("From", "a@b"), ("Subject", "x"), ("subject", "y")), "more than one subject"),
        ((("From", "a@b"), ("Content-Type", "text/html")), "content-type"),
        ((("From", "a@b"), ("MIME-Version", "1.0")), "mime-version"),
    ],
)
def test_header_that_would_break_the_mail_is_refused(headers: tuple[tuple[str, str], ...], word: str) -> None:
    """No From, a second From or a Content-Type of someone else's is an error that names it."""
    with pytest.raises(ValueError, match=word):
        to_bytes(message(headers=headers))


def test_one_instant_is_written_in_each_zone_as_there() -> None:
    """Two times that count as equal are two dates, whichever was written first."""
    there = datetime(2026, 11, 5, 9, tzinfo=timezone(timedelta(hours=1)))
    here = there.astimezone(UTC)
    assert here == there
    for _ in range(2):
        assert (date(there), date(here)) == ("Thu, 05 Nov 2026 09:00:00 +0100", "Thu, 05 Nov 2026 08:00:00 +0000")
