"""What a learner changes on their page of a course: each press is one short transaction, and evidence with its time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from sqlalchemy import Connection

from drip.course.timing import Limit, clock_text, days_text
from drip.engine import leaving
from drip.engine.changes import (
    Change,
    Leave,
    Pause,
    Resume,
    SendNext,
    SetLanguage,
    SetTempo,
    SetTimes,
    SetZone,
)
from drip.engine.library import Library
from drip.engine.my_course import Ahead, Seen, languages_of, latest, see
from drip.engine.sending import PERSONAL, facts_of
from drip.engine.touches import LINK, LONGEST_AGENT
from drip.engine.visit import Visit
from drip.people import Enrolment, State, Wish
from drip.plan.model import Branch, Mail
from drip.schedule.advance import look_ahead
from drip.schedule.civil import to_instant
from drip.schedule.gates import SILENT
from drip.schedule.migrate import retimed
from drip.schedule.slots import zone_of
from drip.schedule.wishes import HURRIED
from drip.store import Store, enrolments, evidence, learners, wishes
from drip.store.enrolments import Standing
from drip.store.troubles import tried_again
from drip.store.wishes import LEARNER
from drip.track.evidence import Evidence, Kind

#: A pause until a day ends within so long: longer is "until I come back".
LONGEST_PAUSE = timedelta(days=366)


class Outcome(StrEnum):
    """What came of a press."""

    DONE = "done"
    #: The same form had come before: nothing was done again.
    BEFORE = "before"
    #: It cannot be, as the page says (the next mail waits, the enrolment has ended); nothing was done.
    CANNOT = "cannot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What came of a press, and how it stands now. `undo` is the number of a leaving that can be taken back."""

    outcome: Outcome
    seen: Seen
    undo: int | None = None


class MyCourse:
    """The use cases behind a learner's page of a course. May be called from any thread."""

    def __init__(
        self,
        store: Store,
        *,
        suppression_key: bytes,
        limit: Limit | None = None,
        told: Callable[[Kind], None] = lambda _kind: None,
    ) -> None:
        """`limit` is the workspace's cap on mails to one learner; `told` hears of each new piece of evidence."""
        self.store, self._key, self._limit, self._told = store, suppression_key, limit, told
        self.library = Library()

    def seen(self, delivery_id: int, *, now: datetime) -> Seen:
        """How it stands with the course that a mail belongs to. Raises NotFound where the mail is gone."""
        with self.store.read() as conn:
            return self._see(conn, latest(conn, delivery_id), now)

    @tried_again
    def press(self, delivery_id: int, change: Change, visit: Visit) -> Changed:
        """Do what a page's form asks, once for each `visit.source_id`. Raises NotFound where the mail is gone.

        It takes effect at once on when the next mail is due; one that is handed to the transport is gone.
        """
        told: list[Kind] = []
        with self.store.write() as conn:
            learner_id = latest(conn, delivery_id).learner.id
            learners.lock(conn, [learner_id])
            wishes.lock(conn, learner_id)
            standing = latest(conn, delivery_id)
            seen = self._see(conn, standing, visit.at)
            press = _Press(conn=conn, seen=seen, standing=standing, delivery_id=delivery_id, visit=visit, told=told)
            outcome, undo = self._do(press, change)
            changed = Changed(outcome=outcome, seen=self._see(conn, latest(conn, delivery_id), visit.at), undo=undo)
        for kind in told:
            self._told(kind)
        return changed

    def _see(self, conn: Connection, standing: Standing, now: datetime) -> Seen:
        return see(conn, self.library, standing, limit=self._limit, suppression_key=self._key, now=now)

    def _do(self, press: _Press, change: Change) -> tuple[Outcome, int | None]:
        """(what came of it, the number of the leaving that this is)."""
        seen = press.seen
        goes_on = seen.enrolment.state in (State.ACTIVE, State.PAUSED) and not seen.left_all
        if isinstance(change, Leave):
            return self._leave(press, change.scope)
        if not goes_on and isinstance(change, Pause | Resume | SendNext):
            return Outcome.CANNOT, None
        match change:
            case Pause():
                return self._pause(press, change.until), None
            case Resume():
                return self._resume(press), None
            case SendNext():
                return self._send_next(press, change.mark), None
            case SetTempo():
                return self._wish(press, replace(seen.enrolment.wish, tempo=change.tempo)), None
            case SetTimes():
                return self._wish(press, replace(seen.enrolment.wish, at=change.at, days=change.days)), None
            case SetLanguage():
                return self._language(press, change.language), None
            case SetZone():
                return self._zone(press, change.zone), None

    def _pause(self, press: _Press, until: date | None) -> Outcome:
        now, stands = press.visit.at, press.seen.enrolment
        if until is not None and not timedelta() < until - now.astimezone(press.seen.zone).date() <= LONGEST_PAUSE:
            return Outcome.CANNOT
        until_at = None if until is None else to_instant(datetime.combine(until, time.min), press.seen.zone)
        if stands.state is State.PAUSED and stands.paused_by not in (LEARNER, SILENT):
            return Outcome.CANNOT
        said = None if until is None else until.isoformat()
        if not press.note("pause", _paused(stands), {"until": said}):
            return Outcome.BEFORE
        wishes.pause(press.conn, stands.id, until=until_at, now=now)
        return Outcome.DONE

    def _resume(self, press: _Press) -> Outcome:
        stands = press.seen.enrolment
        if stands.state is not State.PAUSED or stands.paused_by not in (LEARNER, SILENT):
            return Outcome.CANNOT
        if not press.note("resume", _paused(stands), None):
            return Outcome.BEFORE
        wishes.resume(press.conn, stands.id, now=press.visit.at)
        wishes.look_again(press.conn, [stands.id], now=press.visit.at)
        return Outcome.DONE

    def _send_next(self, press: _Press, mark: int) -> Outcome:
        seen, now = press.seen, press.visit.at
        if seen.ahead is Ahead.COMING or seen.mark != mark:
            return Outcome.BEFORE  # it is on its way, or has come since that page was shown
        if seen.ahead is not Ahead.PLANNED:
            return Outcome.CANNOT
        if not press.note("next", None if seen.next_at is None else seen.next_at.isoformat(), now.isoformat()):
            return Outcome.BEFORE
        wishes.hurry(press.conn, seen.enrolment.id, now=now, reason=HURRIED)
        wishes.look_again(press.conn, [seen.enrolment.id], now=now)
        return Outcome.DONE

    def _wish(self, press: _Press, wish: Wish) -> Outcome:
        before = press.seen.enrolment.wish
        new = [
            press.note(item, was, to)
            for item, was, to in (
                ("pace", str(before.tempo), str(wish.tempo)),
                ("hour", _hour(before.at), _hour(wish.at)),
                ("days", _days(before.days), _days(wish.days)),
            )
            if was != to
        ]
        if not any(new):
            return Outcome.BEFORE if new else Outcome.DONE
        stands = replace(press.standing.enrolment, wish=wish)
        self._retime(press, replace(press.standing, enrolment=stands), anew=wish.tempo is not before.tempo)
        return Outcome.DONE

    def _language(self, press: _Press, language: str) -> Outcome:
        if language not in languages_of(press.seen.plan):
            return Outcome.CANNOT
        if not press.note("language", press.seen.learner.language, language):
            return Outcome.BEFORE
        learners.change(press.conn, press.seen.learner.id, {"own_language": language})
        return Outcome.DONE

    def _zone(self, press: _Press, zone: str) -> Outcome:
        learner = press.seen.learner
        if not press.note("timezone", str(press.seen.zone), zone):
            return Outcome.BEFORE
        learners.change(press.conn, learner.id, {"timezone": zone})
        enrolments.know_anew(press.conn, [learner.id])
        for standing in enrolments.of_learner(press.conn, learner.id):
            if standing.enrolment.state in (State.ACTIVE, State.PAUSED):
                self._retime(press, standing, anew=False)
                self._same_day(press, standing)
        return Outcome.DONE

    def _same_day(self, press: _Press, standing: Standing) -> None:
        """A pause until a day ends with that day's midnight where the learner is now."""
        stands, plan = standing.enrolment, self.library.plan(press.conn, standing.enrolment.revision)
        if stands.state is State.PAUSED and stands.paused_until is not None:
            day = stands.paused_until.astimezone(zone_of(press.seen.learner, plan)).date()
            until = to_instant(datetime.combine(day, time.min), zone_of(standing.learner, plan))
            wishes.pause(press.conn, stands.id, until=until, now=press.visit.at)

    def _retime(self, press: _Press, standing: Standing, *, anew: bool) -> None:
        """Write this enrolment's wish, and work out anew when its next mail is due."""
        conn, now, stands = press.conn, press.visit.at, standing.enrolment
        plan = self.library.plan(conn, stands.revision)
        due_at, reason, position = standing.due_at, standing.due_reason, plan.step(stands.next_step or "")
        try:
            if isinstance(position, Mail | Branch):
                facts = facts_of(conn, [stands])[0][stands.id]
                stands = retimed(plan, stands, standing.learner, facts, now, anew=anew)
                then = look_ahead(plan, stands, standing.learner, facts, now)
                stands, due_at, reason = then.enrolment, then.due_at, then.reason
        except PERSONAL:
            stands = replace(stands, target=None)  # the next claim holds it, and says why
        wishes.wish(conn, stands)
        # as is: what is paused, held or under way has no time, and what is behind its course is moved by a claim
        if standing.due_at is not None and stands.state is State.ACTIVE:
            behind = stands.revision != standing.current
            enrolments.save(conn, [(stands, now if behind else due_at, reason)])
        wishes.look_again(conn, [stands.id], now=now)

    def _leave(self, press: _Press, scope: str) -> tuple[Outcome, int | None]:
        seen, now = press.seen, press.visit.at
        gone = seen.left_all if scope == "everything" else seen.left_all or seen.enrolment.state is State.LEFT
        if gone:
            return Outcome.BEFORE, None
        done = leaving.leave(press.conn, scope, seen.enrolment, seen.learner, self._key, now=now)
        if not press.add(Kind.UNSUBSCRIBE, scope, done.data):  # the same form, who came back in between
            anew = replace(press.visit, source_id=f"{press.visit.source_id}/{now.isoformat()}")
            replace(press, visit=anew).add(Kind.UNSUBSCRIBE, scope, done.data)
        made = leaving.made_by(press.conn, press.delivery_id, press.visit.source_id, now=now)
        return Outcome.DONE, None if made is None else made[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Press:
    """One press at work."""

    conn: Connection
    seen: Seen
    standing: Standing
    delivery_id: int
    visit: Visit
    told: list[Kind]

    def note(self, item: str, was: object, to: object) -> bool:
        """Write down that this has changed. False where this very form has been here before."""
        return self.add(Kind.CHANGE, item, {"from": was, "to": to})

    def add(self, kind: Kind, item: str, data: Mapping[str, object]) -> bool:
        added = evidence.add(
            self.conn,
            Evidence(
                kind=kind,
                at=self.visit.at,
                source=LINK,
                source_id=f"{self.visit.source_id}/{item}",
                learner_id=self.seen.learner.id,
                enrolment_id=self.seen.enrolment.id,
                delivery_id=self.delivery_id,
                item=item,
                method=self.visit.method,
                user_agent=self.visit.user_agent[:LONGEST_AGENT],
                data=data,
                network=self.visit.network,
            ),
        )
        if added:
            self.told.append(kind)
            if kind is Kind.CHANGE and item != "pause":
                _sign_of_life(self.conn, self.seen.enrolment, self.visit.at)
        return added


def _sign_of_life(conn: Connection, enrolment: Enrolment, now: datetime) -> None:
    """Whoever presses something is there: a pause for silence is over."""
    if enrolment.state is State.PAUSED and enrolment.paused_by == SILENT:
        enrolments.wake(conn, enrolment.id, now)


def _paused(stands: Enrolment) -> dict[str, object] | None:
    if stands.state is not State.PAUSED:
        return None
    until = stands.paused_until
    return {"by": stands.paused_by, "until": None if until is None else until.isoformat()}


def _hour(at: int | None) -> str | None:
    return None if at is None else clock_text(at)


def _days(days: frozenset[int] | None) -> str | None:
    return None if days is None else days_text(days)
