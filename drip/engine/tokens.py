"""Tokens of the HTTP API: made, recognised, listed and revoked.

    drip_ + 32 characters of chance (190 bits) + 6 that are their CRC-32

The beginning and the checksum let scanners of repositories find a leaked one, and let us refuse what is none without a
look at the database. What is kept is the SHA-256: a slow hash is for words that people choose, and 190 bits of chance
are not found by trying (decision 024).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime, timedelta
from difflib import get_close_matches
from hashlib import sha256
from string import ascii_letters, digits
from zlib import crc32

from drip.errors import NotFound, Refused, StoreError
from drip.store import Store, tokens
from drip.store.tokens import ApiToken

PREFIX = "drip_"
ALPHABET = digits + ascii_letters
#: Characters of chance: 62 ** 32 is 190 bits.
RANDOM_LENGTH, CHECK_LENGTH = 32, 6
#: What a token may be good for.
SCOPES = (
    "learners:read",
    "learners:write",
    "learners:erase",
    "enrolments:read",
    "enrolments:write",
    "events:write",
    "reports:read",
)
#: What it is good for where nobody says: all that can be put right again.
USUAL = tuple(scope for scope in SCOPES if scope != "learners:erase")
LONGEST_LIFE = timedelta(days=3660)

_TOKEN = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{RANDOM_LENGTH + CHECK_LENGTH}}}\Z", re.ASCII)
_NAME = re.compile(r"[^\W_](?:[\w.-]| (?! )){0,59}(?<! )\Z")


def make(
    store: Store, name: str, *, scopes: Collection[str] = USUAL, lasts: timedelta | None = None, now: datetime
) -> tuple[str, ApiToken]:
    """(the token, what is kept of it). It can be read nowhere afterwards. Raises Refused for an odd name or scope."""
    if not _NAME.match(name):
        raise Refused("a name begins with a letter or a digit, has 1 to 60 of them, and . - _ or single spaces between")
    for scope in scopes:
        if scope not in SCOPES:
            close = get_close_matches(scope, SCOPES, n=1)
            raise Refused(
                f'there is no scope "{scope}"; '
                + (f"did you mean {close[0]}?" if close else f"write some of {', '.join(SCOPES)}")
            )
    if not scopes:
        raise Refused("a token without a scope opens nothing: leave --scopes out, or name some")
    if lasts is not None and not timedelta() < lasts <= LONGEST_LIFE:
        raise Refused("a token lasts at least a moment and at most ten years, such as 90d")
    token = fresh()
    expires_at = None if lasts is None else now + lasts
    with store.write() as conn:
        chosen = frozenset(scopes)
        number = tokens.add(conn, name=name, token_hash=hashed(token), scopes=chosen, expires_at=expires_at, now=now)
        kept = tokens.get(conn, number)
    assert kept is not None
    return token, kept


def listed(store: Store) -> list[ApiToken]:
    """All that were ever made, the oldest first."""
    with store.read() as conn:
        return tokens.listed(conn)


def revoke(store: Store, named: str, *, now: datetime) -> ApiToken:
    """Let a token open nothing any more, in all processes with their next request. `named` is its number or its name.

    Raises NotFound, and Refused where several are called so.
    """
    with store.write() as conn:
        mine = [one for one in tokens.listed(conn) if named in (str(one.id), one.name)]
        there = [one for one in mine if one.revoked_at is None] or mine
        by_number = [one for one in there if str(one.id) == named]
        if not there:
            raise NotFound(f'there is no token "{named}": `drip token list` has them all')
        if len(there) > 1 and not by_number:
            numbers = " or ".join(str(one.id) for one in there)
            raise Refused(f'{len(there)} tokens are called "{named}": say which by its number, {numbers}')
        chosen = (by_number or there)[0]
        tokens.revoke(conn, chosen.id, now=now)
        found = tokens.get(conn, chosen.id)
    assert found is not None
    return found


def fresh() -> str:
    """A new token, of chance alone."""
    said = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_LENGTH))
    return f"{PREFIX}{said}{checksum(said)}"


def checksum(said: str) -> str:
    """CRC-32 of the characters of chance, in base 62."""
    number, found = crc32(said.encode("ascii")), ""
    for _ in range(CHECK_LENGTH):
        number, digit = divmod(number, len(ALPHABET))
        found = ALPHABET[digit] + found
    return found


def is_whole(token: str) -> bool:
    """Whether this may be a token at all: nothing is looked up for what is cut, or mistyped."""
    if not _TOKEN.match(token):
        return False
    said = token.removeprefix(PREFIX)
    return checksum(said[:RANDOM_LENGTH]) == said[RANDOM_LENGTH:]


def hashed(token: str) -> str:
    """What is kept of a token."""
    return sha256(b"drip api token\0" + token.encode("ascii")).hexdigest()


def usable(store: Store, *, now: datetime) -> dict[str, int]:
    """hash → number of each token that holds."""
    with store.read() as conn:
        return tokens.usable(conn, now)


def used(store: Store, number: int, *, now: datetime) -> ApiToken | None:
    """The token of that number, which is just being used; that is written down once an hour."""
    with store.read() as conn:
        found = tokens.get(conn, number)
    if found is None or not found.is_good(now):
        return found
    if found.last_used_at is None or found.last_used_at < now - tokens.USED_EVERY:
        with suppress(StoreError), store.write() as conn:  # a full disk keeps nobody from reading
            tokens.used(conn, number, now=now)
    return found
