"""What an enrolment does on its way besides getting mail: outgoing webhooks and certificates, once each."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from drip.engine.announce import Announcement, Event, announce, announce_kept, of_course
from drip.people import Enrolment, Learner
from drip.plan.model import Plan
from drip.schedule.advance import Did, Note
from drip.schedule.gates import GOAL, LAST_STEP, STOP
from drip.schedule.slots import zone_of
from drip.store import evidence
from drip.track.evidence import Evidence, Kind


def carry_out(
    conn: Connection, plan: Plan, enrolment: Enrolment, learner: Learner, notes: Iterable[Note], *, now: datetime
) -> None:
    """Write what these notes ask for, in the transaction that moves the enrolment. Twice writes it once.

    A certificate keeps the learner's day on which it was given: another zone later must not date it anew.
    """
    for note in notes:
        key = f"{enrolment.id}/{note.step}"
        if note.kind is Did.NOTIFY:
            about = {"course": plan.course_id, "step": note.step}
            named = Announcement(type=note.reason, key=key, learner_id=learner.id, data=about, at=note.at, kept=True)
            announce_kept(conn, [named], now=now)
        elif note.kind is Did.FINISH:
            by = note.reason.partition(":")[0] if note.reason.startswith((f"{GOAL}:", f"{STOP}:")) else LAST_STEP
            over = of_course(Event.FINISHED, f"{enrolment.id}/{note.at.isoformat()}", enrolment, by=by)
            announce(conn, [over], now=now)
        elif note.kind is Did.AWARD:
            given = Evidence(
                kind=Kind.AWARD,
                at=now,
                source="award",
                source_id=key,
                learner_id=learner.id,
                enrolment_id=enrolment.id,
                step=note.step,
                item=note.reason,
                data={"day": now.astimezone(zone_of(learner, plan)).date().isoformat()},
            )
            evidence.add(conn, given)
