"""Queries over what has been awarded (`award: certificate`), which is evidence."""

from __future__ import annotations

from sqlalchemy import Connection, select

from drip.store.evidence import to_evidence
from drip.store.tables import enrolment, evidence
from drip.track.evidence import Evidence, Kind


def latest(conn: Connection, enrolment_id: int) -> Evidence | None:
    """What this enrolment was awarded last, if it was."""
    mine = (evidence.c.enrolment_id == enrolment_id, evidence.c.kind == str(Kind.AWARD))
    row = conn.execute(select(evidence).where(*mine).order_by(evidence.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else to_evidence(row)


def latest_run(conn: Connection, learner_id: int, course_id: str) -> int | None:
    """The enrolment by which a learner was awarded something in this course last, if they were."""
    theirs = (evidence.c.learner_id == learner_id, evidence.c.kind == str(Kind.AWARD))
    of_course = (evidence.c.enrolment_id == enrolment.c.id, enrolment.c.course_id == course_id)
    query = select(enrolment.c.id).where(*theirs, *of_course).order_by(evidence.c.id.desc()).limit(1)
    return conn.execute(query).scalar_one_or_none()
