"""Record what a link brought back. A GET never changes anything but the evidence; only a POST answers or leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from sqlalchemy import Connection

from drip.engine import leaving
from drip.engine.announce import Announcement, Event, announce, of_mail
from drip.engine.library import Library
from drip.engine.sending import facts_of
from drip.engine.touches import LINK, LONGEST_AGENT, Touch, Touches, waits
from drip.engine.visit import Visit as Visit
from drip.errors import DripError, ExpressionError, NotFound
from drip.people import Enrolment, Learner
from drip.plan.model import Mail, Plan, Question, Survey
from drip.schedule.advance import next_due
from drip.store import Store, awards, enrolments, evidence, former, learners, ledger, returns, suppression
from drip.store.ledger import Delivery
from drip.store.returns import UNSUBSCRIBED
from drip.store.troubles import tried_again
from drip.track.evidence import Evidence, Kind
from drip.track.token import read_answer_item

#: How sure a learner may say they are; the three submit buttons of the answer page.
SURE = ("guessed", "fairly", "certain")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The mail that a link came from. `mail` is None for a recap, which is no step of the plan."""

    delivery: Delivery
    enrolment: Enrolment
    learner: Learner
    plan: Plan
    mail: Mail | None

    def question(self, item: int) -> tuple[Question, int]:
        """(question, option) of an answer link's `item`, in this mail's language. Raises NotFound where it has none."""
        card, option = read_answer_item(item)
        found: Question | None = None
        if card == 0 and self.mail is not None:
            found = self.mail.question_in(self.delivery.language)
        elif 1 <= card <= len(self.delivery.riders):
            wanted = self.delivery.riders[card - 1]
            mails = (step for step in self.plan.steps if isinstance(step, Mail) and step.question is not None)
            teacher = next((mail for mail in mails if mail.question and mail.question.id == wanted), None)
            found = teacher.question_in(self.delivery.language) if teacher is not None else None
        if found is None or option >= len(found.options):
            raise NotFound("this mail has no such answer")
        return found, option

    def survey(self) -> Survey:
        """The survey that this mail asks. Raises NotFound where it asks none."""
        found = self.mail.survey_in(self.delivery.language) if self.mail is not None else None
        if found is None:
            raise NotFound("this mail asks for no rating")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Graded:
    """What an answer page says after the press. `repeated`: this question had been answered before (the first counts).

    `next_at` is when the next mail is planned, if that is known already.
    """

    question: Question
    option: int
    correct: bool
    repeated: bool
    next_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """What a survey's page says after the press. `repeated`: it had been rated before (the first counts)."""

    survey: Survey
    rating: int
    repeated: bool
    next_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """What was left, `everything` or the `course`; and whether by the learner's own page of the course."""

    scope: str
    on_own_page: bool


class Recorder:
    """The use cases behind the tracking links: each is one short transaction, and may be called from any thread."""

    def __init__(
        self,
        store: Store,
        *,
        suppression_key: bytes,
        told: Callable[[Kind], None] = lambda _kind: None,
        utm: Mapping[str, str] = MappingProxyType({}),
        no_pixels: bool = False,
    ) -> None:
        """`told` hears of each piece of evidence that is new; `utm` goes onto where clicks lead (render/utm.py).
        `no_pixels`: no open is recorded, of no course.
        """
        self.store, self.suppression_key = store, suppression_key
        self._library, self._told = Library(), told
        #: Opens and clicks, many at a time.
        self.touches = Touches(store, self._library, utm=utm, told=told, no_pixels=no_pixels)

    def origin(self, delivery_id: int) -> Origin:
        """The mail that a verified token names. Raises NotFound where it is gone."""
        with self.store.read() as conn:
            return self._origin(conn, delivery_id)

    def opened(self, delivery_id: int, visit: Visit) -> None:
        """The pixel was fetched: records it, where it may be."""
        self._alone(Touch(delivery_id=delivery_id, visit=visit))

    def clicked(self, delivery_id: int, link: int, visit: Visit) -> str:
        """A link was followed: records it and returns where it leads. Raises NotFound for a link the mail never had."""
        return self._alone(Touch(delivery_id=delivery_id, link=link, visit=visit))

    def _alone(self, touch: Touch) -> str:
        (outcome,) = self.touches.record([touch])
        if isinstance(outcome, DripError):
            raise outcome
        return outcome

    @tried_again
    def visited(self, delivery_id: int, page: str, visit: Visit) -> None:
        """One of our pages was shown (`page` such as `answer/1`). Scanners do that too: it changes nothing else."""
        with self.store.write() as conn:
            self._add(conn, self._origin(conn, delivery_id), Kind.VISIT, visit, item=page)

    def question(self, delivery_id: int, item: int) -> tuple[Question, int]:
        """(question, option) that an answer link names, in the mail's language. Raises NotFound where it has none."""
        return self.origin(delivery_id).question(item)

    @tried_again
    def answered(self, delivery_id: int, item: int, sure: str, visit: Visit) -> Graded:
        """Somebody pressed an answer and said how sure they are (one of SURE). Graded by the delivery's own revision.

        `item` is the answer link's. The same form sent twice (the same `visit.source_id`) is recorded once, and what
        was recorded is graded, also where the second says something else.
        """
        if sure not in SURE:
            raise NotFound(f"how sure is one of {', '.join(SURE)}")
        with self.store.write() as conn:
            origin = self._origin(conn, delivery_id)
            question, option = origin.question(item)
            again = delivery_id if read_answer_item(item)[0] else None  # what came back is asked anew in each mail
            before = evidence.answers_to(conn, origin.enrolment.id, question.id, delivery_id=again)
            correct = question.options[option].correct
            data = {"option": option, "correct": correct, "sure": sure}
            added = self._add(conn, origin, Kind.ANSWER, visit, item=question.id, data=data)
            if not added:
                option = int(evidence.data_of(conn, LINK, visit.source_id)["option"])
                correct = question.options[option].correct
            elif not before:
                told = {"question": question.id, "option": option, "correct": correct, "sure": sure}
                place = question.id if again is None else f"{question.id}/{delivery_id}"
                announce(conn, [_of_form(Event.ANSWERED, origin, place, **told)], now=visit.at)
            return Graded(
                question=question,
                option=option,
                correct=correct,
                repeated=before > (0 if added else 1),
                next_at=self._next_at(conn, origin.enrolment.id, visit.at),
            )

    @tried_again
    def rated(self, delivery_id: int, rating: int, visit: Visit) -> Rated:
        """Somebody confirmed a rating. The same form sent twice is recorded once, and tells what was recorded."""
        with self.store.write() as conn:
            origin = self._origin(conn, delivery_id)
            survey = origin.survey()
            if not survey.low <= rating <= survey.high:
                raise NotFound("this survey has no such rating")
            before = evidence.answers_to(conn, origin.enrolment.id, survey.id)
            added = self._add(conn, origin, Kind.RATING, visit, item=survey.id, data={"rating": rating})
            if not added:
                rating = int(evidence.data_of(conn, LINK, visit.source_id)["rating"])
            elif not before:
                scale = {"survey": survey.id, "rating": rating, "low": survey.low, "high": survey.high}
                announce(conn, [_of_form(Event.RATED, origin, survey.id, **scale)], now=visit.at)
            return Rated(
                survey=survey,
                rating=rating,
                repeated=before > (0 if added else 1),
                next_at=self._next_at(conn, origin.enrolment.id, visit.at),
            )

    def _next_at(self, conn: Connection, enrolment_id: int, now: datetime) -> datetime | None:
        """When the next mail is planned, with all that is known by now; None where it hangs on something else."""
        standing = enrolments.by_id(conn, enrolment_id)
        if standing is None or standing.due_at is None:
            return standing.review_due_at if standing is not None else None
        facts, _ = facts_of(conn, [standing.enrolment])
        plan = self._library.plan(conn, standing.enrolment.revision)
        try:
            then = next_due(plan, standing.enrolment, standing.learner, facts[enrolment_id], now)
        except ExpressionError:
            return None
        stands_at = plan.step(then.enrolment.next_step or "")
        return then.due_at if isinstance(stands_at, Mail) else None

    @tried_again
    def left(self, delivery_id: int, visit: Visit) -> bool:
        """Leave everything from this workspace, or the course where it says so. False: had left before.

        No mail that is not yet handed goes out.
        """
        with self.store.write() as conn:
            origin = self._origin(conn, delivery_id)
            return self._leaves(conn, origin, visit, scope=origin.plan.unsubscribe)

    def _leaves(self, conn: Connection, origin: Origin, visit: Visit, *, scope: str) -> bool:
        done = leaving.leave(conn, scope, origin.enrolment, origin.learner, self.suppression_key, now=visit.at)
        added = self._add(conn, origin, Kind.UNSUBSCRIBE, visit, data=done.data)
        if not added and done.anything:  # the same press once more, by somebody who has come back in between
            anew = replace(visit, source_id=f"{visit.source_id}/{visit.at.isoformat()}")
            self._add(conn, origin, Kind.UNSUBSCRIBE, anew, data=done.data)
        return done.anything

    @tried_again
    def came_back(self, delivery_id: int, leaving_number: int, visit: Visit) -> bool:
        """Take back a leaving by this mail's links, and only that. False: it was taken back before.

        Raises NotFound where there is none of that number, and TokenError a day after it.
        """
        with self.store.write() as conn:
            origin = self._origin(conn, delivery_id)
            learners.lock(conn, [origin.learner.id])
            left = leaving.to_take_back(conn, delivery_id, leaving_number, now=visit.at)
            once = replace(visit, source_id=f"undo/{leaving_number}")
            if not self._add(conn, origin, Kind.RETURN, once, item="undo"):
                return False
            leaving.take_back(conn, leaving_number, left, origin.learner, self.suppression_key, now=visit.at)
            return True

    @tried_again
    def former_left(self, delivery_id: int, *, now: datetime) -> None:
        """Leave everything by the mail of somebody who has been erased. Raises NotFound for any other."""
        with self.store.write() as conn:
            key = former.address_hash_of(conn, delivery_id)
            if key is None:
                raise NotFound("this mail is not here any more")
            suppression.suppress(conn, key, reason=UNSUBSCRIBED, now=now, source=LINK)

    def is_former(self, delivery_id: int) -> bool:
        """Whether this mail went to somebody who has been erased since."""
        with self.store.read() as conn:
            return former.address_hash_of(conn, delivery_id) is not None

    def left_by(self, delivery_id: int, press: str, *, now: datetime) -> tuple[int, datetime] | None:
        """(number, until when it can be taken back) of the leaving that this very press has made, or None."""
        with self.store.read() as conn:
            return leaving.made_by(conn, delivery_id, press, now=now)

    def leaving_of(self, delivery_id: int, number: int) -> Leaving:
        """What the leaving of that number, by a link of this mail, has left. Raises NotFound where there is none."""
        with self.store.read() as conn:
            left, origin = returns.leavings(conn, delivery_id).get(number), self._origin(conn, delivery_id)
        if left is None:
            raise NotFound("nobody has left by this mail")
        # what was written down before scopes were
        scope = str(left.data.get("scope") or left.item or origin.plan.unsubscribe)
        return Leaving(scope=scope, on_own_page=bool(left.item))

    def awarded(self, origin: Origin) -> int | None:
        """The enrolment that has earned this learner a certificate of the mail's course, if one has."""
        with self.store.read() as conn:
            return awards.latest_run(conn, origin.learner.id, origin.plan.course_id)

    def has_left(self, learner: Learner, *, now: datetime) -> bool:
        """Whether this learner's address is on the suppression list."""
        key = learners.suppression_hash(self.suppression_key, learner.email)
        with self.store.read() as conn:
            return bool(suppression.suppressed(conn, [key], now=now))

    def _origin(self, conn: Connection, delivery_id: int) -> Origin:
        row = ledger.by_id(conn, delivery_id)
        standing = enrolments.by_id(conn, row.enrolment_id) if row is not None else None
        if row is None or standing is None:
            raise NotFound("this mail is not here any more")
        plan = self._library.plan(conn, row.revision)
        step = plan.step(row.step)
        mail = step if isinstance(step, Mail) else None
        return Origin(delivery=row, enrolment=standing.enrolment, learner=standing.learner, plan=plan, mail=mail)

    def _add(
        self,
        conn: Connection,
        origin: Origin,
        kind: Kind,
        visit: Visit,
        *,
        item: str = "",
        data: dict[str, object] | None = None,
    ) -> bool:
        """Store the evidence; where it is new, let the enrolment be looked at as soon as it can count."""
        added = evidence.add(
            conn,
            Evidence(
                kind=kind,
                at=visit.at,
                source=LINK,
                source_id=visit.source_id,
                learner_id=origin.learner.id,
                enrolment_id=origin.enrolment.id,
                delivery_id=origin.delivery.id,
                step=origin.delivery.step,
                item=item,
                method=visit.method,
                user_agent=visit.user_agent[:LONGEST_AGENT],
                data=data or {},
                network=visit.network,
            ),
        )
        if added and kind in _COUNTS and waits(origin.plan, origin.enrolment.next_step, origin.enrolment.state):
            enrolments.wake(conn, origin.enrolment.id, visit.at)
        if added:
            self._told(kind)
        return added


def _of_form(type: Event, origin: Origin, place: str, **told: object) -> Announcement:
    """What was answered first in this place. Two presses at once do not see each other: the key tells one."""
    return of_mail(type, f"{origin.enrolment.id}/{place}", origin.enrolment, origin.delivery.step, **told)


#: Kinds that count in conditions as soon as they arrive: whoever waits is looked at again then.
_COUNTS = (Kind.ANSWER, Kind.RATING)
