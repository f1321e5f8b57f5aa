"""Whether a request comes from SendGrid: its signature over the timestamp and the body, byte for byte.

SendGrid signs with ECDSA over P-256 and SHA-256 (Signed Event Webhook). Its own package wants the body as text, which
may not be the same bytes any more, and takes any base64; both are done here instead.
"""

from __future__ import annotations

from base64 import b64decode
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # whoever has no such webhook does not wait for it
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

#: A request may be so old, and so much ahead of our clock. What is taken twice changes nothing (engine/feedback.py).
#: SendGrid tries for a day: should its retries keep the first try's timestamp, an outage of ours loses nothing.
MOST_AGE = timedelta(hours=25)
MOST_AHEAD = timedelta(minutes=1)
#: A signature of this kind has up to 72 bytes.
LONGEST_SIGNATURE = 200


@lru_cache(maxsize=8)
def public_key(text: str) -> EllipticCurvePublicKey:
    """The key that SendGrid shows as its verification key: one line of base64. Raises ValueError."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        key = load_der_public_key(b64decode("".join(text.split()), validate=True))
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("that is no key; copy SendGrid's verification key, which begins with MFkw") from None
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise ValueError("that is a key of another kind; copy SendGrid's verification key, which begins with MFkw")
    return key


def is_fresh(timestamp: str, now: datetime) -> bool:
    """Whether a request that says that it was made then (in seconds since 1970) is recent enough."""
    if not timestamp.isascii() or not timestamp.isdecimal() or len(timestamp) > len("99999999999"):
        return False
    age = timedelta(seconds=now.timestamp() - int(timestamp))
    return -MOST_AHEAD <= age <= MOST_AGE


def is_signed(key: EllipticCurvePublicKey, signature: str, timestamp: str, body: bytes) -> bool:
    """Whether the owner of the key has signed this timestamp with these bytes."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.hashes import SHA256

    if not signature or len(signature) > LONGEST_SIGNATURE:
        return False
    try:
        key.verify(b64decode(signature, validate=True), timestamp.encode("ascii") + body, ECDSA(SHA256()))
    except (InvalidSignature, ValueError):  # not signed; no base64, or no ASCII
        return False
    return True
