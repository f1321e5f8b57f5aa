"""A message becomes the body of a request: the mail as it is, within SendGrid's published rules."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sendgrid_rules import errors_in

from drip.render.message import Message
from drip.render.mime import address
from drip.transports.sendgrid_json import body_of, mailbox

HEADERS = (
    ("From", address("Acme Academy", "learn@acme.example")),
    ("To", address("Åsa Öberg", "asa@kund.example")),
    ("Reply-To", "help@acme.example"),
    ("Subject", "Hej"),
    ("Date", "Thu, 05 Nov 2026 09:00:00 +0100"),
    ("Message-ID", "<0123abcd@acme.example>"),
    ("List-ID", "First report <first-report.acme.example>"),
    ("List-Unsubscribe", "<https://learn.acme.example/u/token>"),
    ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ("Content-Language", "sv"),
    ("Auto-Submitted", "auto-generated"),
)


def message(**changes: Any) -> Message:
    fields: dict[str, Any] = {
        "delivery_id": 17,
        "mail_from": "learn@acme.example",
        "rcpt_to": "asa@kund.example",
        "message_id": "<0123abcd@acme.example>",
        "date": datetime(2026, 11, 5, 8, 0, tzinfo=UTC),
        "subject": "Börja från en sparad vy",
        "headers": HEADERS,
        "text": "En graf börjar.\n",
        "html": "<p>En graf börjar.</p>\n",
        "labels": ("first-report", "welcome"),
        **changes,
    }
    return Message(**fields)


def body(**changes: Any) -> Any:
    """The body of such a message, which keeps to the rules."""
    read = json.loads(body_of(message(**changes)))
    assert errors_in(read) == []
    return read


def with_header(name: str, value: str) -> tuple[tuple[str, str], ...]:
    return (*(pair for pair in HEADERS if pair[0] != name), (name, value))


def test_everything_has_its_place() -> None:
    """Sender, reader, subject, text before HTML, headers, ids, categories, and everything of SendGrid's own off."""
    assert body() == {
        "from": {"email": "learn@acme.example", "name": "Acme Academy"},
        "reply_to": {"email": "help@acme.example"},
        "personalizations": [{"to": [{"email": "asa@kund.example", "name": "Åsa Öberg"}]}],
        "subject": "Börja från en sparad vy",
        "content": [
            {"type": "text/plain", "value": "En graf börjar.\n"},
            {"type": "text/html", "value": "<p>En graf börjar.</p>\n"},
        ],
        "headers": {
            "List-ID": "First report <first-report.acme.example>",
            "List-Unsubscribe": "<https://learn.acme.example/u/token>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Content-Language": "sv",
            "Auto-Submitted": "auto-generated",
            "Message-ID": "<0123abcd@acme.example>",
        },
        "custom_args": {"drip_delivery": "17", "drip_digest": "0123abcd"},
        "categories": ["first-report", "first-report/welcome"],
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
            "subscription_tracking": {"enable": False},
            "ganalytics": {"enable": False},
        },
        "mail_settings": {"footer": {"enable": False}},
    }


def test_a_retry_is_the_same_request() -> None:
    """The same message gives the same bytes."""
    assert body_of(message()) == body_of(message())


def test_sandbox_is_asked_for_only_where_it_was_set() -> None:
    """`sandbox_mode` is on in sandbox mode, and not mentioned otherwise."""
    assert "sandbox_mode" not in body()["mail_settings"]
    read = json.loads(body_of(message(), sandbox=True))
    assert errors_in(read) == []
    assert read["mail_settings"]["sandbox_mode"] == {"enable": True}


@pytest.mark.parametrize(
    "text",
    ["-name- {{ name }} %name% [unsubscribe] <%asm_group_unsubscribe_raw_url%> {{{insert x}}}", "SG.a.b is no key"],
)
def test_what_looks_like_a_substitution_arrives_as_it_is(text: str) -> None:
    """No tag, no template, no section and no substitution is asked for; texts go as they are."""
    read = body(subject=text, text=text, html=text)
    assert [part["value"] for part in read["content"]] == [text, text]
    assert read["subject"] == text
    asked = {"template_id", "sections", "substitutions", "dynamic_template_data", "asm", "batch_id", "send_at"}
    assert not asked & {*read, *read["personalizations"][0]}


@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_text_arrives(text: str) -> None:
    """Any characters of a text and its HTML are in the request as they were."""
    assert [part["value"] for part in body(text=text, html=text)["content"]] == [text, text]


@given(name=st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"])))
def test_any_name_of_the_sender_arrives(name: str) -> None:
    """A display name comes out of its header as it was written, commas and quotes and alphabets."""
    sender = address(name, "learn@acme.example")
    assert mailbox(sender)[1] == "learn@acme.example"
    said = body(headers=with_header("From", sender))["from"].get("name", "")
    assert said.strip() == name.strip()


def test_a_readers_name_has_no_comma() -> None:
    """SendGrid takes neither , nor ; in a recipient's name."""
    read = body(headers=with_header("To", address("Öberg, Åsa; VD", "asa@kund.example")))
    assert read["personalizations"][0]["to"][0]["name"] == "Öberg Åsa VD"


def test_domains_outside_ascii_are_written_by_idna() -> None:
    """The API takes ASCII addresses: domains are written in IDNA, of sender, reader and reply."""
    headers = (("From", address("Akademin", "lar@bücher.example")), ("Reply-To", "svar@bücher.example"))
    read = body(rcpt_to="asa@smörgås.example", headers=headers)
    assert read["personalizations"][0]["to"] == [{"email": "asa@xn--smrgs-pra0j.example"}]
    assert read["from"]["email"] == "lar@xn--bcher-kva.example"
    assert read["reply_to"]["email"] == "svar@xn--bcher-kva.example"


def test_labels_that_are_no_categories_are_left_out() -> None:
    """A category is ASCII and at most 255 characters, and a mail has at most ten; without labels it has none."""
    assert body(labels=("x" * 200, "y" * 200))["categories"] == ["x" * 200]
    assert "categories" not in body(labels=("lär",))
    assert "categories" not in body(labels=())
    assert len(body(labels=tuple("abcdefghijklm"))["categories"]) == 10


def test_a_part_that_is_empty_is_left_out() -> None:
    """The API takes no empty part: a mail of one part has one."""
    assert [part["type"] for part in body(html="")["content"]] == ["text/plain"]
    assert [part["type"] for part in body(text="")["content"]] == ["text/html"]


def test_a_header_outside_ascii_is_encoded() -> None:
    """A header that SendGrid passes on is ASCII, as in any mail."""
    read = body(headers=(*HEADERS, ("X-Note", "Åsa är här")))
    assert read["headers"]["X-Note"] == "=?utf-8?b?w4VzYSDDpHIgaMOkcg==?="


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"subject": "Hej\r\nBcc: all@acme.example"}, "line break"),
        ({"headers": with_header("List-Unsubscribe", "<x>\r\nBcc: all@acme.example")}, "line break"),
        ({"headers": (*HEADERS, ("Bcc: all@acme.example\r\nX", "y"))}, "cannot be the name of a header"),
        ({"headers": with_header("From", "A\nB <learn@acme.example>")}, "line break"),
        ({"headers": (*HEADERS, ("X-SG-EID", "1"))}, "SendGrid takes no X-SG-EID header"),
        ({"headers": (*HEADERS, ("Cc", "all@acme.example"))}, "SendGrid takes no Cc header"),
        ({"headers": (*HEADERS, ("list-id", "again"))}, "more than one list-id header"),
        ({"headers": ()}, "no From header"),
        ({"rcpt_to": "åsa@kund.example"}, "cannot be mailed"),
        ({"rcpt_to": "a@b>\r\nX: <c@d"}, "cannot be mailed"),
        ({"subject": " "}, "no subject"),
        ({"text": "", "html": ""}, "is empty"),
        ({"text": "\ud800"}, "surrogates"),
    ],
)
def test_what_no_request_can_hold_is_refused(changes: dict[str, Any], words: str) -> None:
    """A value that could become a header of its own, or that the API refuses, raises with the reason."""
    with pytest.raises(ValueError, match=words):
        body_of(message(**changes))
