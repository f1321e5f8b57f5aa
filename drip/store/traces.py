"""The trace: what each enrolment passed on its way from mail to mail, with the reasons."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, insert, select

from drip.schedule.advance import Note
from drip.store.tables import trace


def add(conn: Connection, notes: Iterable[tuple[int, Note]]) -> None:
    """Write down what enrolments passed: (enrolment, note) pairs."""
    rows = [
        {"enrolment_id": id_, "at": note.at, "kind": str(note.kind), "step": note.step, "reason": note.reason}
        for id_, note in notes
    ]
    if rows:
        conn.execute(insert(trace), rows)


def of(conn: Connection, enrolment_id: int) -> list[tuple[datetime, str, str, str]]:
    """(at, kind, step, reason) in the order in which they were written."""
    rows = conn.execute(select(trace).where(trace.c.enrolment_id == enrolment_id).order_by(trace.c.id))
    return [(row.at, row.kind, row.step, row.reason) for row in rows]
