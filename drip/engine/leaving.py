"""Leave, and take that back: what a leaving has ended is written down with it, so that its undo lifts that alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from drip.engine.announce import Event, announce, of_course
from drip.engine.sending import PERSONAL, facts_of
from drip.errors import NotFound, TokenError
from drip.people import Enrolment, Facts, Learner, State
from drip.plan.model import Mail, Plan
from drip.schedule.advance import after_send, look_ahead
from drip.schedule.gates import released
from drip.store import courses, enrolments, learners, ledger, returns, suppression
from drip.store.ledger import UNDER_WAY
from drip.store.returns import UNSUBSCRIBED
from drip.track.evidence import Evidence

#: A leaving can be taken back for so long.
UNDO_FOR = timedelta(hours=24)
#: Why somebody is looked at who has just come back.
CAME_BACK = "came back after leaving"


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What a leaving did: what was left (`everything` or the `course`), whether it put the address on the list, how its
    enrolments stood, which mails it stopped.
    """

    scope: str
    suppressed: bool
    before: tuple[Mapping[str, Any], ...]
    mails: tuple[Mapping[str, Any], ...]

    @property
    def anything(self) -> bool:
        """Whether anything has changed: somebody who had left before leaves nothing more."""
        return self.suppressed or bool(self.before)

    @property
    def data(self) -> dict[str, object]:
        """What its evidence keeps."""
        return {
            "scope": self.scope,
            "suppressed": self.suppressed,
            "before": list(self.before),
            "mails": list(self.mails),
        }


def leave(
    conn: Connection,
    scope: str,
    enrolment: Enrolment,
    learner: Learner,
    suppression_key: bytes,
    *,
    now: datetime,
    source: str = "link",
) -> Left:
    """Leave everything from this workspace, or (`scope` is `course`) this one. Nothing that is not handed goes out."""
    learners.lock(conn, [learner.id])
    if scope == "course":
        ids, suppressed = [enrolment.id], False
    else:
        key = learners.suppression_hash(suppression_key, learner.email)
        there = suppression.entries_of(conn, [key], now=now).get(key)
        suppressed = there is None or there.expires_at is not None  # what ends some day gives way to a leaving
        suppression.suppress(conn, key, reason=UNSUBSCRIBED, now=now, source=source)
        ids = [standing.enrolment.id for standing in enrolments.of_learner(conn, learner.id)]
    finished_too = scope == "course"
    before = returns.standing_before(conn, ids, also_finished=finished_too)
    mails = returns.mails_before(conn, ids)
    enrolments.end(conn, ids, state=State.LEFT, ended_by=UNSUBSCRIBED, also_finished=finished_too)
    ledger.cancel(conn, ids, answer=UNSUBSCRIBED)
    left = Left(
        scope="course" if scope == "course" else "everything",
        suppressed=suppressed,
        before=tuple(before),
        mails=tuple(mails),
    )
    if left.anything:
        key = f"{enrolment.id}/{now.isoformat()}"
        announce(conn, [of_course(Event.LEFT, key, enrolment, scope=left.scope, why=UNSUBSCRIBED)], now=now)
    return left


def made_by(conn: Connection, delivery_id: int, press: str, *, now: datetime) -> tuple[int, datetime] | None:
    """(its number, until when it can be taken back) of the leaving that this press has made; None where there is none.

    `press` is the source id of the press. Who was gone before has nothing to take back.
    """
    for number, left in returns.leavings(conn, delivery_id).items():
        did = left.data.get("suppressed") or left.data.get("before")
        if did and left.source_id.partition("/")[0] == press and now < left.at + UNDO_FOR:
            return number, left.at + UNDO_FOR
    return None


def to_take_back(conn: Connection, delivery_id: int, number: int, *, now: datetime) -> Evidence:
    """The leaving that an undo lifts. Raises NotFound, and TokenError after UNDO_FOR."""
    left = returns.leavings(conn, delivery_id).get(number)
    if left is None or "before" not in left.data:
        raise NotFound("nobody has left by this mail")
    if now >= left.at + UNDO_FOR:
        raise TokenError("a leaving is taken back within a day", status=410)
    return left


def take_back(
    conn: Connection, number: int, leaving: Evidence, learner: Learner, suppression_key: bytes, *, now: datetime
) -> None:
    """Lift what this leaving did, and only that. People go on where they stood, as after a pause.

    What they have left once more since stays left. Where the address still gets no mail at all, nothing goes on.
    """
    data: Mapping[str, Any] = leaving.data
    key = learners.suppression_hash(suppression_key, learner.email)
    if data["suppressed"]:
        returns.lift(conn, key, reason=UNSUBSCRIBED, since=leaving.at)
    if suppression.suppressed(conn, [key], now=now):
        return
    runs, mails = returns.stood_before(conn, learner.id, since=number)
    returns.revive(conn, [one for one in data["mails"] if one["id"] not in mails], now=now)
    go_on(conn, [dict(one) for one in data["before"] if one["id"] not in runs], left_at=leaving.at, now=now)


def go_on(conn: Connection, before: list[dict[str, Any]], *, left_at: datetime, now: datetime) -> int:
    """Put these enrolments back where they stood, and give them a time. Returns how many went on."""
    back = [one["id"] for one in before if returns.put_back(conn, one, left_at=left_at, now=now)]
    standings = [one for one in enrolments.by_ids(conn, back).values() if one.enrolment.state is State.ACTIVE]
    facts, rows = facts_of(conn, [one.enrolment for one in standings])
    written: list[tuple[Enrolment, datetime | None, str]] = []
    for one in standings:
        stands, plan = one.enrolment, courses.plan_of(conn, one.enrolment.revision)
        if plan is None:
            continue
        # a mail that is under way, or waits in the ledger, moves them on itself
        under_way = any(row.step == stands.next_step and row.state in UNDER_WAY for row in rows[stands.id])
        if under_way or stands.held_out:
            written.append((stands, None, CAME_BACK))
            continue
        stands = _past_what_arrived(plan, stands, facts[stands.id])
        behind = stands.revision != one.current
        written.append((stands, now, CAME_BACK) if behind else _with_its_time(plan, stands, one.learner, facts, now))
    enrolments.save(conn, written)
    return len(back)


def _with_its_time(
    plan: Plan, stands: Enrolment, learner: Learner, facts: Mapping[int, Facts], now: datetime
) -> tuple[Enrolment, datetime, str]:
    """The enrolment, released, and when its next mail is due. What only a claim decides is looked at at once."""
    gated = plan.goal is not None or plan.stop is not None or plan.hold_while is not None
    if gated or not isinstance(plan.step(stands.next_step or ""), Mail):
        return stands, now, CAME_BACK
    try:
        then = look_ahead(plan, released(stands, now), learner, facts[stands.id], now)
    except PERSONAL:  # the claim holds it, and says why
        return stands, now, CAME_BACK
    if then.due_at is None or then.due_at <= now:
        return stands, now, CAME_BACK
    return then.enrolment, then.due_at, then.reason


def _past_what_arrived(plan: Plan, stands: Enrolment, facts: Facts) -> Enrolment:
    """A mail that was on its way when the learner left has arrived since, and moved nobody on: it counts now."""
    step, at = plan.step(stands.next_step or ""), facts.sent.get(stands.next_step or "")
    if not isinstance(step, Mail) or at is None:
        return stands
    # an edit may have put a mail that was sent long ago ahead of them again: that is passed over, and starts no gap
    if stands.last_mail_at is not None and at <= stands.last_mail_at:
        return stands
    return after_send(stands, step, at)
