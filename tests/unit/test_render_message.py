"""A message is made from a template and a learner: its headers, its links, and nothing of anybody's making but ours."""

from __future__ import annotations

import re
from datetime import timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from render_samples import (
    BASE,
    NOW,
    QUESTION,
    RING,
    SENDER,
    Reader,
    learner_with,
    message,
    plan_of,
    tip,
)

from drip.errors import ExpressionError, Refused, TokenError
from drip.plan.model import Button, Sender
from drip.render.message import ANSWER_FOR
from drip.render.mime import to_bytes
from drip.track.token import Purpose, Ring, came_back, verify

PERSONAL = tip(
    "Hi {{ learner.first_name }}, *{{ learner.team }}*. [x](https://a.example/?t={{ learner.team }})",
    subject="For {{ learner.first_name }} in {{ learner.team }}",
    preheader="{{ learner.team }}",
    button=Button(text="Open {{ learner.team }}", url="https://a.example/"),
    question=QUESTION,
)


def headers_of(mail: object) -> dict[str, str]:
    return dict(mail.headers)  # type: ignore[attr-defined]


@settings(deadline=None)
@given(name=st.text(), team=st.text(min_size=1))
def test_any_text_of_a_learner_stays_text(name: str, team: str) -> None:
    """Whatever a field holds, it is shown as it is: never markup, never Jinja, never a header of its own."""
    learner = learner_with(first_name=name or None, team=team)
    plain = message(tip("{{ learner.team }}|{{ learner.first_name | default('-') }}"), learner)
    assert f"{team}|{name or '-'}" in plain.text
    made = message(PERSONAL, learner_with(first_name=name or "Ada", team=team))
    calm = message(PERSONAL, learner_with(first_name="Ada", team="Team"))
    assert Reader(made.html).opened == Reader(calm.html).opened
    assert unescape(made.html).count(team) >= 3
    assert [header for header, _ in made.headers] == [header for header, _ in calm.headers]
    assert not any(re.search(r"[\r\n\0]", value) for _, value in made.headers)
    assert to_bytes(made)


@pytest.mark.parametrize(
    "value",
    ["{{ 7 * 7 }}", "{% raw %}", "{{ unsubscribe_url }}", "{#", "<script>", '" onmouseover="x', "jqz0e", "</title>"],
)
def test_a_learners_text_is_never_evaluated(value: str) -> None:
    """What looks like a template or markup in a learner's data is shown letter by letter."""
    made = message(PERSONAL, learner_with(team=value, first_name=value))
    assert f"Hi {value}, {value}." in made.text
    assert f"Hi {value}, {value}." in Reader(made.html).text
    assert made.subject == f"For {value} in {value}"


@pytest.mark.parametrize(
    "value", ["a\r\nBcc: x@y.example", "a\nX: y", "a\rb", "a\0b", "a\u2028b\x85c", "\r\n\r\n<b>body"]
)
def test_line_breaks_in_a_name_add_no_header(value: str) -> None:
    """A name cannot write headers: it becomes one line in Subject and To."""
    made = message(PERSONAL, learner_with(first_name=value, team="t"))
    parsed = message_from_bytes(to_bytes(made))
    assert sorted(parsed.keys()).count("Bcc") == 0
    assert parsed["X"] is None
    assert len(parsed.get_all("To", [])) == 1
    assert str(make_header(decode_header(parsed["Subject"]))) == made.subject
    assert not re.search("[\\x00-\\x1f\\x85\u2028]", made.subject)


def test_the_headers_of_a_lesson() -> None:
    """Everything that a big provider asks of list mail, in an order that people read."""
    made = message(tip(question=QUESTION), learner_with(first_name="Åsa", last_name="Öberg"))
    assert [name for name, _ in made.headers] == [
        "From",
        "To",
        "Reply-To",
        "Subject",
        "Date",
        "Message-ID",
        "List-ID",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "Content-Language",
        "Auto-Submitted",
        "X-Auto-Response-Suppress",
    ]
    headers = headers_of(made)
    assert headers["From"] == "Acme Academy <learn@acme.example>"
    assert headers["Reply-To"] == "help@acme.example"
    assert headers["Date"] == "Tue, 24 Nov 2026 09:00:00 +0000"
    assert headers["List-ID"] == "Your first report <first-report.acme.example>"
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert headers["Content-Language"] == "en"
    assert (made.mail_from, made.rcpt_to) == ("learn@acme.example", "ada@example.com")
    parsed = message_from_bytes(to_bytes(made))
    assert str(make_header(decode_header(parsed["To"]))) == "Åsa Öberg <ada@example.com>"
    assert parsed["List-Unsubscribe"].startswith(f"<{BASE}/u/")


def test_every_link_is_signed_for_its_purpose() -> None:
    """Answers expire after thirty days, leaving never does, and both parts of a mail carry the same links."""
    made = message(tip("[x](https://a.example/)", question=QUESTION), delivery_id=7)
    for place, purpose, items in (("c", Purpose.CLICK, 1), ("a", Purpose.ANSWER, 2), ("u", Purpose.UNSUBSCRIBE, 1)):
        tokens = re.findall(rf'"{BASE}/{place}/([\w-]+)"', made.html)
        assert tokens == re.findall(rf"{BASE}/{place}/([\w-]+)", made.text)
        claims = [verify(RING, token, purpose, now=NOW) for token in tokens]
        assert [(claim.delivery_id, claim.item) for claim in claims] == [(7, item) for item in range(items)]
        later = NOW + ANSWER_FOR + timedelta(days=2)
        if purpose is Purpose.ANSWER:
            with pytest.raises(TokenError, match="expired"):
                verify(RING, tokens[0], purpose, now=later)
        else:
            verify(RING, tokens[0], purpose, now=later + timedelta(days=9999))
    (pixel,) = re.findall(rf'src="{BASE}/o/([\w-]+)\.gif"', made.html)
    assert verify(RING, pixel, Purpose.OPEN, now=NOW).delivery_id == 7
    assert f"<{BASE}/u/" in headers_of(made)["List-Unsubscribe"]


def test_tracking_can_be_left_out() -> None:
    """Where a course does not track, there is no pixel and links lead straight on."""
    made = message(tip("[x](https://a.example/)"), track_opens=False, track_clicks=False)
    assert "<img" not in made.html
    assert "https://a.example/" in Reader(made.html).addresses


def test_addresses_stand_in_html_as_html() -> None:
    """An ampersand of a target is escaped there once, and stands as it is in the text."""
    address = "https://a.example/?a=1&b=2"
    made = message(tip(f"[x]({address})", question=QUESTION), track_clicks=False)
    assert f'"{address.replace("&", "&amp;")}"' in made.html
    assert f'"{address}"' not in made.html
    assert address in made.text
    assert address in Reader(made.html).addresses


def test_a_retry_is_the_same_mail_also_with_a_new_key() -> None:
    """Message-ID comes from the delivery's id alone, in the sender's domain, and ids cannot be counted from it."""
    first, again, other = message(tip()), message(tip()), message(tip(), delivery_id=8)
    assert first == again
    rotated = message(tip(), ring=Ring((*Ring.of(["newer"]).keys, *RING.keys)))
    assert rotated.message_id == first.message_id
    assert re.fullmatch(r"<[0-9a-f]{32}@acme\.example>", first.message_id)
    assert other.message_id != first.message_id
    assert message(tip(), ring=Ring.of(["another"])).message_id != first.message_id


def test_test_messages_have_ids_of_their_own() -> None:
    """Two different test messages do not thread as one, and the same one twice does."""
    first = message(tip(), delivery_id=0)
    assert message(tip(), delivery_id=0).message_id == first.message_id
    assert message(tip(), delivery_id=0, date=NOW + timedelta(seconds=1)).message_id != first.message_id
    assert message(tip("Other."), delivery_id=0).message_id != first.message_id


def test_a_missing_value_names_the_step_and_the_placeholder() -> None:
    """Nobody gets "Hi ,": the error says what to write."""
    with pytest.raises(ExpressionError, match=r'step "welcome" needs \{\{ learner\.team \}\}') as caught:
        message(PERSONAL)
    assert "default(" in caught.value.hint
    with pytest.raises(ExpressionError, match=r'step "welcome" needs \{\{ learner\.team \}\}'):
        message(tip("[tracked](https://a.example/?t={{ learner.team }})"))
    with pytest.raises(ExpressionError, match=r'step "welcome" needs \{\{ score\(\) \}\}'):
        message(tip("{{ score() }}"))


def test_values_that_do_not_fit_together_name_the_step() -> None:
    """A sum of a text and a number is an error of the tip, not a crash."""
    with pytest.raises(ExpressionError, match='step "welcome" cannot be filled'):
        message(tip("{{ learner.first_name + 1 }}"))


@pytest.mark.parametrize(
    "email", ["åsa@example.com", "a b@example.com", "ada@exa\r\nmple.com", "ada", "a@b@c.example", ""]
)
def test_an_address_that_cannot_be_mailed_is_refused(email: str) -> None:
    """It is refused here, before a transport sees it."""
    with pytest.raises(Refused):
        message(tip(), learner_with(email=email))


def test_bounces_come_back_to_the_domain_that_the_sender_names() -> None:
    """The envelope's sender is in it, and says whose mail it was; From and the Message-ID stay the sender's."""
    plan = plan_of(tip(), sender=Sender(name="Acme", email="learn@acme.example", bounces="bücher.example"))
    made = message(tip(), plan=plan)
    local, _, domain = made.mail_from.partition("@")
    assert domain == "xn--bcher-kva.example"
    assert came_back(RING, local) == made.delivery_id
    assert headers_of(made)["From"] == "Acme <learn@acme.example>"
    assert made.message_id.endswith("@acme.example>")


def test_names_of_every_kind_survive_the_headers() -> None:
    """Commas, quotes and other alphabets in sender, learner and course; domains in ASCII."""
    sender = Sender(name='Åke "Ö", AB', email="learn@bücher.example")
    plan = plan_of(tip(), sender=sender, title="Kurs: “ö”, del 1")
    made = message(tip(), learner_with(first_name="Жанна, д'Арк"), plan=plan)
    parsed = message_from_bytes(to_bytes(made))
    assert str(make_header(decode_header(parsed["From"]))).startswith('Åke "Ö", AB <learn@xn--bcher-kva.example>')
    assert made.mail_from == "learn@xn--bcher-kva.example"
    assert made.message_id.endswith("@xn--bcher-kva.example>")
    assert parsed["List-ID"].endswith("<first-report.xn--bcher-kva.example>")


@pytest.mark.parametrize("subject", ["ä" * 200, "Ord " * 50, "x" * 200, "😀" * 100])
def test_a_long_subject_survives(subject: str) -> None:
    """Two hundred characters come through header, title and heading."""
    made = message(tip(subject=subject))
    unfolded = to_bytes(made).replace(b"\r\n ", b" ")
    assert str(make_header(decode_header(message_from_bytes(unfolded)["Subject"]))) == subject.strip()
    assert subject.strip() in Reader(made.html).text
    assert max(len(line) for line in to_bytes(made).split(b"\r\n")) <= 998


def test_the_reply_goes_to_the_sender_where_nothing_else_is_said() -> None:
    """`reply_to` falls back to the sender's address."""
    sender = Sender(name=SENDER.name, email=SENDER.email)
    assert headers_of(message(tip(), plan=plan_of(tip(), sender=sender)))["Reply-To"] == "learn@acme.example"
