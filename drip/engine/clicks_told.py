"""Judge a click before it is told: was it a person, and has it settled? A scanner's walk shows itself within a minute.

A row of the outbox stands for the first click of a person on one link of one mail. It is written with the first click
of anybody, and looked at when that has settled: a person's is told, a machine's is forgotten, and where another click
has come meanwhile it is looked at again when that one has settled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from drip.engine.announce import Event, read_click_key
from drip.engine.sending import gone_at
from drip.store import evidence, ledger, webhooks
from drip.store.webhooks import Post
from drip.track.classify import classify
from drip.track.evidence import SETTLES_AFTER, Kind, Origin


def judged(conn: Connection, worker: str, posts: Sequence[Post], *, now: datetime) -> list[Post]:
    """These posts without the clicks that are not told now; in the transaction that has leased them.

    Costs nothing where there is no click among them, else two queries.
    """
    clicks = [post for post in posts if post.name == Event.CLICKED and post.tried_at is None]
    if not clicks:
        return list(posts)
    told: dict[int, Post] = {post.id: post for post in posts}
    of_enrolments = sorted({read_click_key(post.key)[0] for post in clicks})
    events = evidence.of_enrolments(conn, of_enrolments)
    rows = {row.id: row for rows in ledger.of_enrolments(conn, of_enrolments).values() for row in rows}
    dropped = []
    for post in clicks:
        enrolment_id, delivery_id, link = read_click_key(post.key)
        own = [event for event in events.get(enrolment_id, ()) if event.delivery_id == delivery_id]
        row = rows.get(delivery_id)
        verdicts = classify(own, gone_at(row) if row is not None else None)
        here = [
            (event.at, verdict.origin)
            for event, verdict in zip(own, verdicts, strict=True)
            if event.kind is Kind.CLICK and event.item == link
        ]
        by_people = [at for at, origin in here if origin is Origin.HUMAN and at + SETTLES_AFTER <= now]
        unsettled = [at for at, _ in here if at + SETTLES_AFTER > now]
        if by_people:
            told[post.id] = replace(post, happened_at=min(by_people))
            if told[post.id].happened_at != post.happened_at:  # so that every attempt says the same
                webhooks.happened(conn, post.id, told[post.id].happened_at)
            continue
        del told[post.id]
        if unsettled:
            webhooks.put_back(conn, worker, post.id, due_at=min(unsettled) + SETTLES_AFTER)
        else:
            dropped.append(post.id)
    webhooks.drop(conn, dropped)
    return list(told.values())
