"""Queries over consents: rows are only added, and the latest of each kind holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from drip.store.among import among
from drip.store.learners import CHUNK
from drip.store.tables import consent


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One word of a learner's about `what` (mail, opens): given or taken back, at which text, where and when.

    `text` is what they read, and `text_version` names it; `source` says where they said it (such as `my course`).
    """

    what: str
    given: bool
    text_version: str
    source: str
    at: datetime
    text: str = ""


def add(conn: Connection, learner_id: int, said: Consent) -> None:
    """Write down what a learner said. Nothing that was said before is changed."""
    values = {name: getattr(said, name) for name in ("what", "given", "text_version", "text", "source", "at")}
    conn.execute(insert(consent).values(learner_id=learner_id, **values))


def of_learner(conn: Connection, learner_id: int) -> list[Consent]:
    """All that a learner has said, oldest first."""
    query = select(consent).where(consent.c.learner_id == learner_id).order_by(consent.c.at, consent.c.id)
    return [_to_consent(row) for row in conn.execute(query)]


def latest(conn: Connection, learner_ids: Sequence[int], what: str) -> dict[int, Consent]:
    """learner → their last word on it, for those who have said anything."""
    found: dict[int, Consent] = {}
    chosen = select(consent).where(among(consent.c.learner_id), consent.c.what == what)
    for start in range(0, len(learner_ids), CHUNK):
        rows = conn.execute(chosen, {"ids": list(learner_ids[start : start + CHUNK])})
        found |= {row.learner_id: _to_consent(row) for row in sorted(rows, key=lambda row: (row.at, row.id))}
    return found


def _to_consent(row: Row[Any]) -> Consent:
    return Consent(
        what=row.what,
        given=row.given,
        text_version=row.text_version,
        text=row.text,
        source=row.source,
        at=row.at,
    )
