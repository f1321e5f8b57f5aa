"""A link leads where the author wrote, whatever a learner's data says."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from render_samples import BASE, NOW, RING, Reader, compiled, learner_with, message, tip

from drip.course.scope import Record
from drip.errors import ExpressionError, UserError
from drip.plan.model import Button
from drip.render.certificates import OWN, certificate_link
from drip.render.links import fill_link
from drip.track.token import Purpose, verify


def seen(**learner: object) -> dict[str, object]:
    return {"learner": Record(learner)}


@given(st.text(min_size=1))
def test_any_value_stays_inside_its_place(value: str) -> None:
    """Whatever a field holds, scheme, host and the rest of the address are as written, and the value comes back."""
    filled = fill_link("https://app.acme.example/a/{{ learner.x }}/b?u={{ learner.x }}&v=1", seen(x=value))
    parts = urlsplit(filled)
    assert (parts.scheme, parts.netloc, parts.fragment) == ("https", "app.acme.example", "")
    assert unquote(parts.path) == f"/a/{value}/b"
    assert unquote(parts.query) == f"u={value}&v=1"


def test_conditions_and_defaults_work_in_a_path() -> None:
    """What a text may use, an address may use after its host."""
    source = 'https://a.example/{% if learner.plan == "pro" %}pro{% endif %}?n={{ learner.n | default("å ä") }}'
    assert fill_link(source, seen(plan="pro")) == "https://a.example/pro?n=%C3%A5%20%C3%A4"


@pytest.mark.parametrize(
    "source",
    [
        "https://{{ learner.x }}/",
        "{{ learner.x }}",
        "https://a.example{{ learner.x }}",
        "javascript:alert({{ learner.x }})",
        "https://u:p@a.example/{{ learner.x }}",
        "//a.example/",
        "https://a.example\\@b.example/",
        "https://a.example/ b",
    ],
)
def test_a_source_with_an_open_host_leads_nowhere(source: str) -> None:
    """Even if such a source got into a stored plan, it is not followed."""
    with pytest.raises(UserError, match="leads nowhere"):
        fill_link(source, seen(x="evil.example/x"))


def test_the_certificate_is_a_link_of_our_own() -> None:
    """In the body, on the button and as words, in both parts: signed for this enrolment, and clicks on it not counted.
    A mail that does not say it knows nothing of it.
    """
    mail = tip(
        "See [yours]({{ certificate.url }}), or copy {{certificate.url}}.",
        button=Button(text="Your certificate", url="{{ certificate.url }}"),
    )
    template = compiled(mail)
    assert template.links == ()
    made = message(mail, enrolment_id=31)
    address = certificate_link(RING, BASE, 31)
    assert [one for one in Reader(made.html).addresses if "certificate" in one] == [address] * 2
    assert f"See yours ({address}), or copy {address}." in made.text
    assert f"Your certificate:\n{address}" in made.text
    claim = verify(RING, address.rpartition("/")[2], Purpose.CERTIFICATE, now=NOW)
    assert (claim.delivery_id, claim.item) == (31, OWN)
    assert "certificate" not in message(tip("Nothing."), enrolment_id=31).html


def test_a_missing_value_is_an_error() -> None:
    """Half an address is not an address."""
    with pytest.raises(ExpressionError, match="cannot be filled"):
        fill_link("https://a.example/{{ learner.x }}", seen())


def test_links_are_numbered_in_order_and_the_button_is_last() -> None:
    """Every place of a link has its own number, also where two lead to the same page; mailto: has none."""
    mail = tip(
        "[a](https://a.example/1) [m](mailto:help@acme.example) [b](https://a.example/2) [c](https://a.example/1)",
        button=Button(text="Go", url="https://a.example/3?u={{ learner.ref }}"),
    )
    assert compiled(mail).links == (
        "https://a.example/1",
        "https://a.example/2",
        "https://a.example/1",
        "https://a.example/3?u={{ learner.ref }}",
    )
    made = message(mail)
    tracked = [a for a in Reader(made.html).addresses if a.startswith(f"{BASE}/c/")]
    items = [verify(RING, a.rpartition("/")[2], Purpose.CLICK, now=NOW).item for a in tracked]
    assert items == [0, 1, 2, 3]
    assert all(address in made.text for address in tracked)
    assert "mailto:help@acme.example" in Reader(made.html).addresses


def test_a_link_may_ask_for_what_a_learner_has() -> None:
    """Quotes and filters in a link's placeholder survive Markdown, and international hosts become ASCII."""
    body = '[x](https://bücher.example/å?n={{ learner.first_name|default("x") }}&y="z")'
    assert compiled(tip(body)).links == (
        'https://xn--bcher-kva.example/%C3%A5?n={{ learner.first_name|default("x") }}&y=%22z%22',
    )


def test_a_test_mail_goes_straight_to_the_targets() -> None:
    """Without a ledger row there is nothing to track: links are filled, and there is no pixel."""
    mail = tip("[x](https://a.example/?u={{ learner.ref }}&v=1)", button=Button(text="Go", url="https://b.example/"))
    made = message(mail, learner_with(ref="a/1"), delivery_id=0)
    assert Reader(made.html).addresses[:2] == ["https://a.example/?u=a%2F1&v=1", "https://b.example/"]
    assert "x (https://a.example/?u=a%2F1&v=1)" in made.text
    assert "<img" not in made.html


def test_values_in_a_mailto_link_cannot_add_recipients() -> None:
    """A value in the subject of a mailto: link is quoted like any other."""
    body = "[x](mailto:help@acme.example?subject={{ learner.first_name }})"
    made = message(tip(body), learner_with(first_name="a&bcc=x@y.example"))
    assert "mailto:help@acme.example?subject=a%26bcc%3Dx%40y.example" in Reader(made.html).addresses
