"""Queries over what the staging guard (DRIP_ONLY_TO) keeps back: mails of courses, of the form, and fresh links."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, func, select, update

from drip.store.tables import delivery, fresh_link, learner, request

#: What stands on a mail that was kept back, and nothing else does.
ANSWER = "DRIP_ONLY_TO does not name this address"


def kept_back(conn: Connection) -> int:
    """How many mails are kept back, by the index of what is due some day."""
    return sum(
        conn.execute(select(func.count()).where(table.c.due_at.is_not(None), table.c.answer == ANSWER)).scalar_one()
        for table in (delivery, request, fresh_link)
    )


def let_go(conn: Connection, *, only_to: Collection[str], now: datetime) -> None:
    """What is kept back is due at once, where no guard is set (`only_to` is empty) or this one lets it pass."""
    named = select(learner.c.id).where(learner.c.address.in_(sorted(only_to)))
    for table in (delivery, request, fresh_link):
        mine = [table.c.due_at > now, table.c.answer == ANSWER]
        if only_to and table is request:
            mine.append(func.lower(request.c.email).in_(sorted(only_to)))
        elif only_to:
            mine.append(table.c.learner_id.in_(named))
        conn.execute(update(table).where(*mine).values(due_at=now))
