"""The mark of a shown form that belongs to no mail: signed, with its time, so that forms of machines are known.

A person takes seconds to fill a form in, and does so on the day on which it was shown.
"""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from drip.track.token import MAC_BYTES, Ring
from drip.web.nonce import RANDOM_BYTES

#: Nobody fills a form in faster than this, and no form is good for longer.
LEAST, MOST = timedelta(seconds=2), timedelta(hours=12)
_STAMP = re.compile(r"([\w-]{20})\.([0-9]{10,16})\.([\w-]{22})\Z", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """Which showing of a form it was, and how long ago."""

    page: str
    age: timedelta

    @property
    def of_a_person(self) -> bool:
        """Whether a person may have taken that long."""
        return LEAST <= self.age <= MOST


def make(ring: Ring, form: str, now: datetime) -> str:
    """A new stamp for the form of that name."""
    page, at = secrets.token_urlsafe(RANDOM_BYTES), str(int(now.timestamp() * 1000))
    return f"{page}.{at}.{_mac(ring.keys[0], form, page, at)}"


def read(ring: Ring, form: str, stamp: str, now: datetime) -> Stamp | None:
    """What a stamp says, if we made it for this very form; None otherwise."""
    found = _STAMP.match(stamp)
    if found is None:
        return None
    page, at, mac = found.groups()
    if not any(hmac.compare_digest(_mac(key, form, page, at), mac) for key in ring.keys):
        return None
    return Stamp(page=page, age=now - datetime.fromtimestamp(int(at) / 1000, UTC))


def _mac(key: bytes, form: str, page: str, at: str) -> str:
    mac = hmac.digest(key, b"form\0" + "\0".join((form, page, at)).encode(), "sha256")
    return urlsafe_b64encode(mac[:MAC_BYTES]).rstrip(b"=").decode("ascii")
