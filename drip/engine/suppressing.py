"""What becomes of people whose address is dead, whose mailbox takes nothing, or who call a mail spam."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection

from drip.people import State
from drip.store import enrolments, ledger, suppression
from drip.store.suppression import BOUNCED, COMPLAINED, SOFT_BOUNCES

#: A mailbox that has taken nothing for long is left alone for so long, and may then be tried by a new enrolment.
SOFT_FOR = timedelta(days=90)


def bury(conn: Connection, learner_id: int, address_hash: str, *, words: str, source: str, now: datetime) -> None:
    """The address is dead: all of the learner's enrolments end, with the reason, and it gets no mail any more."""
    suppression.suppress(conn, address_hash, reason=BOUNCED, now=now, source=source)
    _end(conn, learner_id, State.FAILED, f"the address is dead: {words}", "the address is dead")


def give_up_on(conn: Connection, learner_id: int, address_hash: str, *, words: str, source: str, now: datetime) -> None:
    """The mailbox has taken nothing for long: all of the learner's enrolments end, and it rests for a while."""
    expires_at = now + SOFT_FOR
    suppression.suppress(conn, address_hash, reason=SOFT_BOUNCES, now=now, source=source, expires_at=expires_at)
    _end(conn, learner_id, State.FAILED, f"the mailbox takes nothing: {words}", "the mailbox takes nothing")


def complained(conn: Connection, learner_id: int, address_hash: str, *, source: str, now: datetime) -> None:
    """They have called a mail spam: they have left everything, and neither they nor we bring them back by a link."""
    suppression.suppress(conn, address_hash, reason=COMPLAINED, now=now, source=source)
    _end(conn, learner_id, State.LEFT, COMPLAINED, COMPLAINED)


def _end(conn: Connection, learner_id: int, state: State, ended_by: str, answer: str) -> None:
    ids = [standing.enrolment.id for standing in enrolments.of_learner(conn, learner_id)]
    enrolments.end(conn, ids, state=state, ended_by=ended_by)
    ledger.cancel(conn, ids, answer=answer)
