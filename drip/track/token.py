"""Signed links: a delivery and what the link is for ↔ a short token that needs no database to verify.

A token is URL-safe base64 (RFC 4648 §5, no padding) of

    purpose (1 byte) · key id (2 bytes) · delivery · item · day of expiry (varints) · HMAC-SHA-256, first 16 bytes

which comes to 22 to 27 bytes, 30 to 36 characters. Twelve bytes of the HMAC would be five characters less, and could
not be guessed either; RFC 2104 §5 advises no less than half of the hash, and five characters are not worth more words.

Purpose, key and expiry stand under the signature: a click token unsubscribes nobody. The key id is the start of
the key's own hash, so that a retired key is found again without numbering (rotation keeps old keys in the ring).
"""

from __future__ import annotations

import hmac
from base64 import b32decode, b32encode, urlsafe_b64decode, urlsafe_b64encode
from binascii import b2a_base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from functools import lru_cache
from hashlib import sha256

from drip.errors import TokenError
from drip.track.keyed import keyed, keyed_hash

#: Bytes of the HMAC that a token carries: 128 bits, beyond any guessing over HTTP (RFC 2104 §5 asks for at least 80).
MAC_BYTES = 16
#: Those that the envelope's sender carries, which nobody presses: 64 bits keep bounces from being made up.
RETURN_MAC_BYTES = 8
#: No token of ours is longer; anything longer is refused before it is decoded.
LONGEST = 100
#: An ANSWER's `item` says which question card of the mail it belongs to, and which of at most so many options it is.
OPTIONS_A_CARD = 64
#: The alphabet of base64 in addresses (RFC 4648, section 5).
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
#: Long before the first token of ours: by this clock none has expired, and what expires then has.
BEFORE_ALL = _EPOCH


class Purpose(IntEnum):
    """What a link may be used for, and nothing else."""

    #: The pixel. `item` is 0.
    OPEN = 1
    #: A tracked link; `item` is its number in the template.
    CLICK = 2
    #: An option of a question, or a rating; `item` is packed by `answer_item`.
    ANSWER = 3
    #: Leaving; `item` is 0.
    UNSUBSCRIBE = 4
    #: The learner's own page of the course that the mail belongs to; `item` is 0. Good for 30 days.
    COURSE = 5
    #: The mail itself, in a browser; `item` is 0.
    VIEW = 6
    #: A certificate. The number is the enrolment's; `item` 1 is the learner's own, 0 is for whoever checks it. Good for
    #: ever.
    CERTIFICATE = 7
    #: Taking back that one left; `item` is the number of that leaving. Good for a day.
    UNDO = 8
    #: Confirming a subscription. The number is the request's, `item` its check.
    SUBSCRIBE = 9
    #: Where what cannot be delivered comes back: no link, but the envelope's sender (`return_to`).
    BOUNCE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a verified token says. `delivery_id` 0 is a test message, which has no ledger row.

    For some purposes it is the number of something else (see there).
    """

    purpose: Purpose
    delivery_id: int
    item: int


@dataclass(frozen=True, slots=True)
class Ring:
    """The signing keys: the first signs, all of them verify. Those of `retired` verify leaving alone, which must be
    possible for ever, also from a mail whose other links nobody should be able to use any more.
    """

    keys: tuple[bytes, ...]
    retired: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, secrets: Sequence[str], retired: Sequence[str] = ()) -> Ring:
        """A ring from texts (`DRIP_SECRET_KEY`, newest first). Each is stretched to 32 bytes for this use alone."""
        return cls(tuple(map(_stretched, secrets)), tuple(map(_stretched, retired)))

    def verifying(self, purpose: Purpose) -> tuple[bytes, ...]:
        """The keys that a link of that purpose may be signed with."""
        return self.keys + self.retired if purpose is Purpose.UNSUBSCRIBE else self.keys


def _stretched(secret: str) -> bytes:
    return sha256(b"drip link\0" + secret.encode()).digest()


def key_name(secret: str) -> str:
    """What names a key without giving it away: the key id that its links carry, as four hexadecimal digits."""
    return _key_id(_stretched(secret)).hex()


def answer_item(card: int, option: int) -> int:
    """The `item` of an answer's token: an option (or a rating less the lowest one), from 0, of a question card.

    Card 0 is the mail's own question or survey; those that came back with it count from 1.
    """
    if card < 0 or not 0 <= option < OPTIONS_A_CARD:
        raise ValueError(f"option {option} of card {card} does not fit in a token")
    return card * OPTIONS_A_CARD + option


def read_answer_item(item: int) -> tuple[int, int]:
    """(card, option) of an answer's token."""
    return divmod(item, OPTIONS_A_CARD)


def sign(ring: Ring, purpose: Purpose, delivery_id: int, item: int = 0, *, expires_at: datetime | None = None) -> str:
    """A token for one link. It is good through the UTC day of `expires_at`, or for ever."""
    return Signer(ring, delivery_id).sign(purpose, item, expires_at=expires_at)


class Signer:
    """Signs the links of one delivery, a dozen in a mail: what they share is worked out once."""

    __slots__ = ("_keyed", "_shared")

    def __init__(self, ring: Ring, delivery_id: int) -> None:
        key = ring.keys[0]
        self._keyed = keyed(key)
        self._shared = _key_id(key) + _varint(delivery_id)

    def sign(self, purpose: Purpose, item: int = 0, *, expires_at: datetime | None = None) -> str:
        """A token for one link. It is good through the UTC day of `expires_at`, or for ever."""
        days = 0 if expires_at is None else (expires_at - _EPOCH).days + 1
        head = b"%c%b%b%b" % (purpose, self._shared, _varint(item), _varint(days))
        raw = b2a_base64(head + self._keyed(head)[:MAC_BYTES], newline=False)
        return raw.translate(_URL_SAFE, b"=").decode("ascii")


def verify(ring: Ring, token: str, purpose: Purpose, *, now: datetime) -> Claim:
    """What the token says, if it was signed by us for this purpose and has not expired. Raises TokenError otherwise."""
    raw = _decode(token)
    head, mac = raw[:-MAC_BYTES], raw[-MAC_BYTES:]
    keys = [key for key in ring.verifying(purpose) if _key_id(key) == head[1:3]]
    if not any(hmac.compare_digest(_mac(key, head), mac) for key in keys):
        raise TokenError("this link was not made by us, or was altered on its way")
    delivery_id, rest = _read_varint(head[3:])
    item, rest = _read_varint(rest)
    days, rest = _read_varint(rest)
    if head[0] != purpose or rest:
        raise TokenError("this link is for something else")
    if days and now >= _EPOCH + timedelta(days=days):
        raise TokenError("this link has expired", status=410)
    return Claim(purpose=purpose, delivery_id=delivery_id, item=item)


def return_to(ring: Ring, delivery_id: int) -> str:
    """The local part of the envelope's sender, which says whose mail came back (VERP).

    In letters and digits that no mail server changes, also one that makes all of them small. Made with the oldest key,
    as the Message-ID is: a retry after a rotation is still the same mail.
    """
    key = ring.keys[-1]
    head = b"%c%b%b" % (Purpose.BOUNCE, _key_id(key), _varint(delivery_id))
    return "b" + b32encode(head + _mac(key, head)[:RETURN_MAC_BYTES]).rstrip(b"=").decode("ascii").lower()


def came_back(ring: Ring, local_part: str) -> int | None:
    """The delivery whose `return_to` this is; None for anything that we did not make."""
    text = local_part.lower()
    if len(text) > LONGEST or not text.isascii() or not text.startswith("b"):
        return None
    try:
        raw = b32decode(text[1:].upper() + "=" * (-len(text[1:]) % 8))
        head, mac = raw[:-RETURN_MAC_BYTES], raw[-RETURN_MAC_BYTES:]
        delivery_id, rest = _read_varint(head[3:])
    except (ValueError, TokenError):
        return None
    ours = any(
        _key_id(key) == head[1:3] and hmac.compare_digest(_mac(key, head)[:RETURN_MAC_BYTES], mac) for key in ring.keys
    )
    return delivery_id if ours and head[0] == Purpose.BOUNCE and not rest else None


def message_digest(key: bytes, named: str) -> str:
    """The part of a Message-ID before the @: what a mail is called, with a key, so that no stranger can make it."""
    return keyed_hash(key, b"message-id " + named.encode()).hex()[:32]


def is_digest_of(ring: Ring, delivery_id: int, digest: str) -> bool:
    """Whether this is that part of the Message-ID of a delivery of ours; told by any key that we have, or had."""
    given = digest.encode("utf-8", "replace")
    named = f"delivery {delivery_id}"
    return any(hmac.compare_digest(message_digest(key, named).encode(), given) for key in ring.keys + ring.retired)


def _decode(token: str) -> bytes:
    if len(token) > LONGEST or not token.isascii():
        raise TokenError("this is not a link of ours")
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError:
        raise TokenError("this is not a link of ours") from None
    # one spelling only: base64 decoders skip foreign characters and ignore spare bits
    if len(raw) < 6 + MAC_BYTES or urlsafe_b64encode(raw).rstrip(b"=").decode("ascii") != token:
        raise TokenError("this is not a link of ours")
    return raw


def _mac(key: bytes, head: bytes) -> bytes:
    return keyed_hash(key, head)[:MAC_BYTES]


@lru_cache(maxsize=64)
def _key_id(key: bytes) -> bytes:
    return sha256(key).digest()[:2]


@lru_cache(maxsize=1024)
def _varint(number: int) -> bytes:
    """Unsigned LEB128."""
    if number < 0:
        raise ValueError("only numbers from 0 fit in a token")
    out = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)


def _read_varint(raw: bytes) -> tuple[int, bytes]:
    number = 0
    for place, byte in enumerate(raw):
        number |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return number, raw[place + 1 :]
    raise TokenError("this is not a link of ours")
