"""What is heard of a mail, in words for people."""

from __future__ import annotations

import pytest

from drip.track.heard import in_words


@pytest.mark.parametrize(
    ("status", "said", "words"),
    [
        ("5.1.1", "550 5.1.1 Användaren finns inte", "550 5.1.1 Användaren finns inte"),
        ("5.1.1", "Användaren finns inte", "5.1.1 Användaren finns inte"),
        ("5.1.1", "550 5.1.10 no such user", "5.1.1 550 5.1.10 no such user"),
        ("5.1.1", "", "5.1.1"),
        ("", "mailbox full", "mailbox full"),
        ("", "", ""),
    ],
)
def test_the_code_is_said_once(status: str, said: str, words: str) -> None:
    """Servers say the code among their words: it does not stand before them again."""
    assert in_words(status, said) == words
