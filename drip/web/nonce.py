"""The mark of one shown page: random, signed, and bound to its link, so that a form sent twice is known as one."""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64encode

from drip.track.token import MAC_BYTES, Ring

#: Randomness of a nonce: no two pages ever share one.
RANDOM_BYTES = 15


def make(ring: Ring, token: str) -> str:
    """A new nonce for a page that the link `token` shows."""
    mark = secrets.token_urlsafe(RANDOM_BYTES)
    return f"{mark}.{_mac(ring.keys[0], mark, token)}"


def read(ring: Ring, token: str, nonce: str) -> str | None:
    """What makes the page unique, if we made this nonce for this very link; None otherwise."""
    mark, _, mac = nonce.partition(".")
    if not nonce.isascii():
        return None
    return mark if any(hmac.compare_digest(_mac(key, mark, token), mac) for key in ring.keys) else None


def _mac(key: bytes, mark: str, token: str) -> str:
    mac = hmac.digest(key, b"page\0" + mark.encode() + b"\0" + token.encode(), "sha256")
    return urlsafe_b64encode(mac[:MAC_BYTES]).rstrip(b"=").decode("ascii")
