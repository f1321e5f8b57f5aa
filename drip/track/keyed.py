"""HMAC-SHA-256 with few keys and many short texts: what depends on the key alone is worked out once.

It is RFC 2104 to the letter, out of two hashes that have eaten their part of the key. `hmac.new(…).copy()` does the
same in twice the time, and a mail has a dozen and a half of them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256

_BLOCK_BYTES = 64
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))


@lru_cache(maxsize=64)
def keyed(key: bytes) -> Callable[[bytes], bytes]:
    """HMAC-SHA-256 with this key: a text → 32 bytes."""
    block = (sha256(key).digest() if len(key) > _BLOCK_BYTES else key).ljust(_BLOCK_BYTES, b"\0")
    inner, outer = sha256(block.translate(_INNER)), sha256(block.translate(_OUTER))

    def of(text: bytes) -> bytes:
        first = inner.copy()
        first.update(text)
        second = outer.copy()
        second.update(first.digest())
        return second.digest()

    return of


def keyed_hash(key: bytes, text: bytes) -> bytes:
    """HMAC-SHA-256 of the text, 32 bytes."""
    return keyed(key)(text)
