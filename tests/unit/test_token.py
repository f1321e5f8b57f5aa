"""Signed links say what they were signed for, and nothing else passes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drip.errors import TokenError
from drip.track.token import Purpose, Ring, Signer, answer_item, came_back, return_to, sign, verify

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
RING = Ring.of(["a secret for tests"])


@given(st.sampled_from(Purpose), st.integers(0, 2**40), st.integers(0, 500))
def test_round_trip(purpose: Purpose, delivery: int, item: int) -> None:
    """Whatever is signed is read back."""
    claim = verify(RING, sign(RING, purpose, delivery, item), purpose, now=NOW)
    assert (claim.delivery_id, claim.item) == (delivery, item)


@given(st.integers(0, 2**30), st.data())
def test_no_altered_token_verifies(delivery: int, data: st.DataObject) -> None:
    """Any other character in any place is refused."""
    token = sign(RING, Purpose.CLICK, delivery, 3)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(max_codepoint=0x2FF).filter(lambda c: c != token[place]))
    with pytest.raises(TokenError):
        verify(RING, token[:place] + other + token[place + 1 :], Purpose.CLICK, now=NOW)


@given(st.text(max_size=120))
def test_rubbish_is_refused(text: str) -> None:
    """Any text at all ends in a TokenError, never in another exception."""
    with pytest.raises(TokenError):
        verify(RING, text, Purpose.OPEN, now=NOW)


@pytest.mark.parametrize("cut", range(1, 30))
def test_truncated_tokens_are_refused(cut: int) -> None:
    """A mail client that broke the link makes no other link."""
    with pytest.raises(TokenError):
        verify(RING, sign(RING, Purpose.ANSWER, 1234567, 2)[:-cut], Purpose.ANSWER, now=NOW)


def test_a_token_serves_one_purpose() -> None:
    """A click token unsubscribes nobody."""
    for made in Purpose:
        for wanted in Purpose:
            if made != wanted:
                with pytest.raises(TokenError):
                    verify(RING, sign(RING, made, 7), wanted, now=NOW)


def test_expiry_is_under_the_signature_and_says_gone() -> None:
    """An answer link is good through its last day and then answers 410."""
    token = sign(RING, Purpose.ANSWER, 7, 1, expires_at=NOW + timedelta(days=30))
    assert verify(RING, token, Purpose.ANSWER, now=NOW + timedelta(days=30)).item == 1
    with pytest.raises(TokenError) as gone:
        verify(RING, token, Purpose.ANSWER, now=NOW + timedelta(days=31))
    assert gone.value.status == 410


def test_a_retired_key_still_verifies_and_a_foreign_one_never_does() -> None:
    """Rotation keeps old links alive; somebody else's key makes none."""
    token = sign(RING, Purpose.UNSUBSCRIBE, 7)
    rotated = Ring.of(["a newer secret", "a secret for tests"])
    assert verify(rotated, token, Purpose.UNSUBSCRIBE, now=NOW).delivery_id == 7
    with pytest.raises(TokenError):
        verify(Ring.of(["a newer secret"]), token, Purpose.UNSUBSCRIBE, now=NOW)


def test_tokens_are_short() -> None:
    """A delivery in the millions costs under 40 characters in a link."""
    assert len(sign(RING, Purpose.ANSWER, 5_000_000, 3, expires_at=NOW)) < 40


@pytest.mark.parametrize(
    ("token", "purpose", "delivery", "item"),
    [
        ("Afd7BwAAN2zR53TcHaPKEkEC9o4_lw", Purpose.OPEN, 7, 0),
        ("Avd7AQAAUMhxkg9lO_Nl07JszNHScQ", Purpose.CLICK, 1, 0),
        ("Avd7wJaxAqwCAJuCnuFrnxJhgtLR-fGisSg", Purpose.CLICK, 5_000_000, 300),
        ("A_d7B78B2BN7nh2w5Ynqy4vcNXXHeVXs", Purpose.ANSWER, 7, answer_item(2, 63)),
        ("BPd7gICAgIAgAADzUFqpffjgoCinnWLG3ctZ", Purpose.UNSUBSCRIBE, 2**40, 0),
        ("BPd7AAAA01pWPaUHW85TVlvVjGXrkg", Purpose.UNSUBSCRIBE, 0, 0),
    ],
)
def test_links_that_were_sent_work_for_ever(token: str, purpose: Purpose, delivery: int, item: int) -> None:
    """Tokens written down on the first day are verified, and made again, letter by letter."""
    claim = verify(RING, token, purpose, now=NOW)
    assert (claim.delivery_id, claim.item) == (delivery, item)
    assert sign(RING, purpose, delivery, item, expires_at=NOW if purpose is Purpose.ANSWER else None) == token


@given(st.integers(0, 2**40), st.lists(st.tuples(st.sampled_from(Purpose), st.integers(0, 500)), max_size=12))
def test_one_signer_makes_the_links_of_a_delivery(delivery: int, links: list[tuple[Purpose, int]]) -> None:
    """What the links of a mail share is worked out once, and each is what it would be alone."""
    signer = Signer(RING, delivery)
    assert [signer.sign(*link) for link in links] == [sign(RING, kind, delivery, item) for kind, item in links]


@given(st.integers(min_value=0, max_value=2**62))
def test_what_comes_back_says_whose_it_is(delivery: int) -> None:
    """The envelope's sender fits a local part (64 octets), and is known again also in other letters and by old keys."""
    local = return_to(RING, delivery)
    assert len(local) <= 64
    assert local.isalnum()
    assert came_back(RING, local) == delivery
    assert came_back(RING, local.upper()) == delivery
    assert came_back(Ring.of(["a newer secret of ours", "a secret for tests"]), local) == delivery
    assert came_back(Ring.of(["a foreign secret"]), local) is None


@given(st.text(max_size=120))
def test_what_we_did_not_make_is_nobodys(text: str) -> None:
    """Whatever a mail server passes on as the address of a bounce."""
    assert came_back(RING, text) is None
    assert came_back(RING, return_to(RING, 7)[:-1] + text) in (None, 7)


def test_a_retry_after_a_rotation_comes_back_to_the_same_address() -> None:
    """Promise 4: the oldest key makes it, as the Message-ID."""
    assert return_to(Ring.of(["newer", "a secret for tests"]), 7) == return_to(RING, 7)
