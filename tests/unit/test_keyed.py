"""HMAC-SHA-256 as it is kept for one key: the standard's, to the bit."""

from __future__ import annotations

import hmac

from hypothesis import given
from hypothesis import strategies as st

from drip.track.keyed import keyed, keyed_hash


@given(st.binary(max_size=200), st.binary(max_size=300))
def test_it_is_hmac_of_the_standard_library(key: bytes, text: bytes) -> None:
    """Keys shorter and longer than a block, and empty ones, give what `hmac` gives."""
    assert keyed_hash(key, text) == hmac.digest(key, text, "sha256")


def test_what_is_kept_for_a_key_is_not_used_up() -> None:
    """Many texts in a row are each hashed alone."""
    hashed = keyed(b"k")
    assert [hashed(text) for text in (b"a", b"b", b"a")] == [
        hmac.digest(b"k", text, "sha256") for text in (b"a", b"b", b"a")
    ]
