"""Queries over the tokens of the HTTP API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select, update

from drip.store.tables import api_token

#: That a token was used is written down so often at the most, not with each request.
USED_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """Who may use the API, and for what. `token_hash` is all that is kept of the token itself."""

    id: int
    name: str
    token_hash: str
    scopes: frozenset[str]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None

    def is_good(self, now: datetime) -> bool:
        """Whether it opens anything at `now`."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def add(
    conn: Connection,
    *,
    name: str,
    token_hash: str,
    scopes: frozenset[str],
    expires_at: datetime | None,
    now: datetime,
) -> int:
    """Write a new token; its number."""
    values = {
        "name": name,
        "token_hash": token_hash,
        "scopes": sorted(scopes),
        "created_at": now,
        "expires_at": expires_at,
    }
    return int(conn.execute(insert(api_token).values(values).returning(api_token.c.id)).scalar_one())


def listed(conn: Connection) -> list[ApiToken]:
    """All that were ever made, the oldest first."""
    return [_to_token(row) for row in conn.execute(select(api_token).order_by(api_token.c.id))]


def usable(conn: Connection, now: datetime) -> dict[str, int]:
    """hash → number of each token that is neither revoked nor past its time."""
    may = (api_token.c.revoked_at.is_(None), or_(api_token.c.expires_at.is_(None), api_token.c.expires_at > now))
    return {row.token_hash: row.id for row in conn.execute(select(api_token.c.token_hash, api_token.c.id).where(*may))}


def get(conn: Connection, number: int) -> ApiToken | None:
    """The token of that number."""
    row = conn.execute(select(api_token).where(api_token.c.id == number)).one_or_none()
    return None if row is None else _to_token(row)


def revoke(conn: Connection, number: int, *, now: datetime) -> bool:
    """Let it open nothing any more. False where it did not before."""
    mine = (api_token.c.id == number, api_token.c.revoked_at.is_(None))
    return conn.execute(update(api_token).where(*mine).values(revoked_at=now)).rowcount > 0


def used(conn: Connection, number: int, *, now: datetime) -> None:
    """Write down that it was used, unless that stands there as of a while ago."""
    old = or_(api_token.c.last_used_at.is_(None), api_token.c.last_used_at < now - USED_EVERY)
    conn.execute(update(api_token).where(api_token.c.id == number, old).values(last_used_at=now))


def _to_token(row: Row[Any]) -> ApiToken:
    return ApiToken(**{**row._mapping, "scopes": frozenset(row.scopes)})
