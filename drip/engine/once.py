"""A request that is sent again does nothing again: its effect and what it is answered are one transaction.

A crash in between leaves neither, and the same request does it then. What is refused has changed nothing and is not
kept: the same request may go well once what was wrong with it has been put right.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from drip.errors import Refused
from drip.store import Store, idempotency
from drip.store.idempotency import Answered
from drip.store.joined import Joined
from drip.store.troubles import tried_again

#: A key is remembered for so long.
KEPT_FOR = timedelta(hours=24)


class OtherRequest(Refused):
    """The same key has come with another request before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a request is answered. `body` is JSON; None: it named somebody who has been erased since."""

    status: int
    body: str | None
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """Whose key it is, and what stands for the request that it came with (see `fingerprint`)."""

    token_id: int
    key: str
    fingerprint: str


@tried_again
def once(store: Store, key: Key, work: Callable[[Store], Reply], *, now: datetime) -> Reply:
    """Do `work` with a store, unless this key has been here; then give what was answered, and do nothing.

    Whoever brings the same key at the same moment waits for the first. Raises OtherRequest, and whatever `work` raises.
    """
    with store.write() as conn:
        before = idempotency.find(conn, key.token_id, key.key)
        if before is not None and before.made_at <= now - KEPT_FOR:
            idempotency.let_go(conn, key.token_id, key.key)
            before = None
        if before is None and not idempotency.take(conn, key.token_id, key.key, fingerprint=key.fingerprint, now=now):
            before = idempotency.find(conn, key.token_id, key.key)
        if before is not None:
            return _again(before, key)
        done = work(Joined(store, conn))
        idempotency.answer(conn, key.token_id, key.key, status=done.status, body=done.body or "")
        return done


def fingerprint(secret: bytes, method: str, target: bytes, body: bytes) -> str:
    """What stands for a request: keyed, since paths and bodies name people, and a plain hash could be tried."""
    said = b"\0".join((b"drip idempotency", method.encode("ascii"), target, body))
    return hmac.digest(secret, said, "sha256").hex()


def _again(before: Answered, key: Key) -> Reply:
    if before.body is None:
        return Reply(status=410, body=None, again=True)
    if not hmac.compare_digest(before.fingerprint, key.fingerprint):
        raise OtherRequest("this Idempotency-Key has come with another request before: make a new key for each request")
    return Reply(status=before.status, body=before.body, again=True)
