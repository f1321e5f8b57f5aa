"""The queries behind a report: what adds up is added up in SQL, what must be judged is read mail by mail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, Select, exists, func, or_, select

from drip.plan.renames import Renames
from drip.report.model import Counts, Seen
from drip.store.evidence import to_evidence
from drip.store.ledger import GONE
from drip.store.tables import delivery, enrolment, evidence
from drip.track.evidence import Evidence, Kind

#: No step of the course has had another name.
AS_THEY_ARE = Renames()
#: Enrolments whose evidence is fetched at a time: it bounds the memory, whatever the size of a course.
ENROLMENTS_AT_A_TIME = 1_000
#: What a report reads; visits are read with them, since a scanner's burst goes over our own pages too.
KINDS = (Kind.OPEN, Kind.CLICK, Kind.VISIT, Kind.ANSWER, Kind.RATING, Kind.UNSUBSCRIBE)


def counts(conn: Connection, course_id: str, names: Renames = AS_THEY_ARE) -> Counts:
    """How many mails and enrolments of this course are in which state, the mails under today's names."""
    query = (
        select(delivery.c.step, delivery.c.variant, delivery.c.state, func.count(), func.min(delivery.c.id))
        .join(enrolment, enrolment.c.id == delivery.c.enrolment_id)
        .where(enrolment.c.course_id == course_id)
        .group_by(delivery.c.step, delivery.c.variant, delivery.c.state)
        .order_by(func.min(delivery.c.id))
    )
    mails: dict[tuple[str, str], dict[str, int]] = {}
    for step, variant, state, many, _ in conn.execute(query):
        of_step = mails.setdefault((names.step(step), variant), {})
        of_step[state] = of_step.get(state, 0) + many
    states = conn.execute(
        select(enrolment.c.state, enrolment.c.ended_by, func.count())
        .where(enrolment.c.course_id == course_id)
        .group_by(enrolment.c.state, enrolment.c.ended_by)
    )
    return Counts(
        mails=mails,
        states={(state, ended_by): many for state, ended_by, many in states},
        held=conn.execute(_held(course_id)).scalar_one(),
        held_out=conn.execute(_held_out(course_id)).scalar_one(),
    )


def seen(
    conn: Connection, course_id: str, names: Renames = AS_THEY_ARE, *, at_a_time: int = ENROLMENTS_AT_A_TIME
) -> Iterator[Seen]:
    """Each mail of this course with all its evidence, under today's names; those of one enrolment stand together."""
    after_id = 0
    while True:
        first = select(enrolment.c.id).where(enrolment.c.course_id == course_id, enrolment.c.id > after_id)
        ids = list(conn.execute(first.order_by(enrolment.c.id).limit(at_a_time)).scalars())
        if not ids:
            return
        after_id = ids[-1]
        rows = conn.execute(_evidence(course_id, ids[0], ids[-1]))
        for _, group in groupby(rows, key=lambda row: row.delivery_id):
            yield _to_seen(list(group), names)


def _held(course_id: str) -> Select[int]:
    """How many enrolments a person must look at: held back themselves, or a mail of theirs is."""
    mail_is_held = exists().where(delivery.c.enrolment_id == enrolment.c.id, delivery.c.state == "held")
    return (
        select(func.count())
        .select_from(enrolment)
        .where(
            enrolment.c.course_id == course_id,
            enrolment.c.state == "active",
            or_(enrolment.c.problem.is_not(None), mail_is_held),
        )
    )


def _held_out(course_id: str) -> Select[int]:
    mine = (enrolment.c.course_id == course_id, enrolment.c.held_out.is_(True))
    return select(func.count()).select_from(enrolment).where(*mine)


def _evidence(course_id: str, first_id: int, last_id: int) -> Select[Any]:
    return (
        select(
            evidence,
            delivery.c.step.label("mailed_step"),
            delivery.c.variant,
            delivery.c.state,
            delivery.c.sent_at,
        )
        .join(delivery, delivery.c.id == evidence.c.delivery_id)
        .join(enrolment, enrolment.c.id == evidence.c.enrolment_id)
        .where(
            evidence.c.enrolment_id.between(first_id, last_id),
            evidence.c.kind.in_([str(kind) for kind in KINDS]),
            enrolment.c.course_id == course_id,
        )
        .order_by(evidence.c.enrolment_id, evidence.c.delivery_id, evidence.c.id)
    )


def _to_seen(rows: list[Row[Any]], names: Renames) -> Seen:
    mail = rows[0]
    return Seen(
        enrolment_id=mail.enrolment_id,
        step=names.step(mail.mailed_step),
        variant=mail.variant,
        sent=mail.state in GONE,
        sent_at=mail.sent_at,
        events=[_called_now(to_evidence(row), names) for row in rows],
    )


def _called_now(event: Evidence, names: Renames) -> Evidence:
    """An answer under its question's name today."""
    now = names.questions.get(event.item, event.item) if event.kind is Kind.ANSWER else event.item
    return event if now == event.item else replace(event, item=now)
