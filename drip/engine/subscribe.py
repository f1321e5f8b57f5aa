"""People ask for a course themselves: nothing is kept of them but a request until they have confirmed it by mail.

    the form ─ ask → a request ─ engine/ask_back.py → one mail ─ a press on its page: confirm → learner, enrolment

What is said to whoever asks depends on what they wrote alone, never on whether the address is known here.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from drip.engine.columns import BadCell
from drip.engine.consent import MAIL, write_down
from drip.engine.enrol import enrol_one
from drip.engine.learners import REF_BYTES
from drip.engine.leaving import go_on
from drip.engine.roster import Entry, check_entry
from drip.engine.sending import gone_at
from drip.engine.visit import Visit
from drip.errors import NotFound, TokenError
from drip.people import Learner, State
from drip.plan.model import Plan
from drip.schedule.gates import SILENT
from drip.store import Store, courses, enrolments, evidence, learners, ledger, requests, returns, suppression
from drip.store.consents import Consent
from drip.store.ledger import Delivery
from drip.store.requests import Request
from drip.store.troubles import tried_again
from drip.store.wishes import LEARNER
from drip.track.evidence import Evidence, Kind

#: An address gets at most one mail in HOUR, and so many in DAY and in a week (KEPT_FOR), however often somebody asks:
#: it may be that of somebody who has left.
HOUR, DAY, MOST_A_DAY, MOST_A_WEEK = timedelta(hours=1), timedelta(days=1), 3, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """`[subscribe]` of drip.toml: which courses may be asked for, what people agree to (language → text), and how many
    may ask in an hour, all together.
    """

    courses: tuple[str, ...] = ()
    consent: Mapping[str, str] = field(default_factory=dict)
    most_per_hour: int = 600

    def text_in(self, language: str) -> tuple[str, str]:
        """(language, text) of what people agree to: in theirs, else in the first."""
        for tag in (language, language.partition("-")[0]):
            if tag in self.consent:
                return tag, self.consent[tag]
        return next(iter(self.consent.items()))


class Answer(StrEnum):
    """What became of asking."""

    #: Written down; or nothing was done, for a reason that is nobody's business.
    TAKEN = "taken"
    #: The form had been sent before, for another address.
    AGAIN = "again"
    #: Too many ask just now.
    BUSY = "busy"


class Outcome(StrEnum):
    """What became of confirming."""

    #: They are in the course, since now or since before.
    IN = "in"
    #: They have had it, and it does not come twice.
    HAD = "had"
    #: It cannot begin for them: the course is meant for others, or the address gets no mail.
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """What a confirmed request led to. `next_at` is when the next mail is planned, if that is known; `mail` is the last
    one that has come, by which their own page of the course is reached.
    """

    outcome: Outcome
    plan: Plan
    learner: Learner
    next_at: datetime | None = None
    mail: Delivery | None = None


def version_of(text: str) -> str:
    """What names a text that people have agreed to: it is another whenever a letter is."""
    return sha256(text.encode()).hexdigest()[:16]


def read_person(email: str, first_name: str, language: str) -> Entry:
    """What a form says of a person, as an import would take it. Raises BadCell, naming the field."""
    if "\n" in email or "\r" in email:
        raise BadCell("email", "an address stands on one line")
    return check_entry({"email": email, "first_name": first_name, "language": language})


class Subscriptions:
    """The use cases behind the form: each is one short transaction, and may be called from any thread."""

    def __init__(self, store: Store, *, suppression_key: bytes, offer: Offer) -> None:
        self.offer = offer
        self._store, self._key = store, suppression_key

    def plan(self, course_id: str) -> Plan:
        """The course that may be asked for. Raises NotFound for any other."""
        if course_id not in self.offer.courses:
            raise NotFound("this course is not offered")
        with self._store.read() as conn:
            return self._plan(conn, course_id)

    @tried_again
    def ask(self, course_id: str, person: Entry, *, page: str, text: str, source: str, now: datetime) -> Answer:
        """Write down that somebody asks for a course, from a form that is sent once (`page`), agreeing to `text`.

        One mail goes to the address, unless one has just gone there, or nothing may go there.
        """
        key = learners.suppression_hash(self._key, person.email)
        with self._store.write() as conn:
            courses.lock(conn)  # two that are asked at once are counted one after the other
            if requests.count(conn, since=now - HOUR) >= self.offer.most_per_hour:
                return Answer.BUSY
            barred = suppression.suppressed(conn, [key], now=now).get(key)
            quiet = (
                barred not in (None, returns.UNSUBSCRIBED)  # only whoever has left may come back by asking
                or requests.mails_to(conn, key, since=now - HOUR) > 0
                or requests.mails_to(conn, key, since=now - DAY) >= MOST_A_DAY
                or requests.mails_to(conn, key, since=now - requests.KEPT_FOR) >= MOST_A_WEEK
            )
            values: dict[str, object] = {
                "nonce": page,
                "asked_at": now,
                "course_id": course_id,
                "address_hash": key,
                "source": source,
                "state": requests.QUIET if quiet else requests.WAITING,
                "due_at": None if quiet else now,
                "email": "" if quiet else person.email,
                "first_name": "" if quiet else person.first_name or "",
                "language": "" if quiet else person.language or "",
                "text": "" if quiet else text,
                "text_version": version_of(text),
            }
            if requests.add(conn, values) or requests.asked_for(conn, page) == key:  # an impatient finger presses twice
                return Answer.TAKEN
            return Answer.AGAIN

    def request(self, request_id: int, check: int, *, now: datetime) -> tuple[Request, Plan]:
        """(the request, its course) behind a link to confirm. Raises TokenError where it is too old."""
        with self._store.read() as conn:
            found = _fresh(requests.by_id(conn, request_id), check, now)
            return found, self._plan(conn, found.course_id)

    def standing(self, asked: Request, plan: Plan) -> Joined:
        """What became of a request that was confirmed before. Reads, and changes nothing."""
        with self._store.read() as conn:
            address = learners.address_of(asked.email)
            known = learners.by_addresses(conn, [address]).get(address)
            if known is None:  # erased since
                raise TokenError("this request is not here any more", status=410)
            return _joined(conn, plan, known)

    def confirm(self, request_id: int, check: int, visit: Visit) -> Joined:
        """Take in whoever has confirmed: learner, consent, and the course begins. Twice does it once.

        It lifts a suppression that came of leaving, and nothing else does so but the undo of that leaving. Raises
        TokenError where the request is too old.
        """
        try:
            return self._confirm(request_id, check, visit)
        except IntegrityError:  # the same address confirmed something else in the same moment: look again
            return self._confirm(request_id, check, visit)

    @tried_again
    def _confirm(self, request_id: int, check: int, visit: Visit) -> Joined:
        now = visit.at
        with self._store.write() as conn:
            asked = _fresh(requests.by_id(conn, request_id, lock=True), check, now)
            plan = self._plan(conn, asked.course_id)
            if asked.state != requests.CONFIRMED:
                requests.confirm(conn, request_id)
                learner = _taken_in(conn, asked, now)
                learners.lock(conn, [learner.id])
                self._agree(conn, learner, asked, visit)
                key = learners.suppression_hash(self._key, learner.email)
                returns.lift(conn, key, reason=returns.UNSUBSCRIBED)
                barred = suppression.suppressed(conn, [key], now=now)  # by more than their own leaving
                if not barred and self._came_back(conn, plan, learner, visit, asked.id) is None:
                    enrol_one(conn, plan.course_id, learner, at=now, suppression_key=self._key)
            learner = learners.by_addresses(conn, [asked.email])[learners.address_of(asked.email)]
            return _joined(conn, plan, learner)

    def _agree(self, conn: Connection, learner: Learner, asked: Request, visit: Visit) -> None:
        """Keep what they agreed to, at which text, when and where, and that it was confirmed."""
        said = Consent(
            what=MAIL,
            given=True,
            text_version=asked.text_version,
            text=asked.text,
            source=f"{asked.source}, asked {asked.asked_at.isoformat()}, confirmed by mail",
            at=visit.at,
        )
        write_down(conn, learner.id, said)
        data = {"course": asked.course_id, "text_version": asked.text_version, "asked_at": asked.asked_at.isoformat()}
        _add(conn, Kind.CONSENT, learner, visit, source_id=f"subscribe/{asked.id}", item=MAIL, data=data)

    def _came_back(self, conn: Connection, plan: Plan, learner: Learner, visit: Visit, number: int) -> bool | None:
        """Put a run that they had left back where it stood; None where there is none.

        What waits for a person waits still: a mail that is held, and a pause that neither they nor `silent` had set.
        """
        run = enrolments.runs(conn, plan.course_id, [learner.id]).get(learner.id)
        if run is None or run.state is not State.LEFT:
            return None
        runs, mails = returns.stood_before(conn, learner.id)
        returns.revive(conn, returns.stopped_mails(conn, run.id, mails), now=visit.at)
        theirs = runs.get(run.id) != State.PAUSED or run.paused_by in (None, LEARNER, SILENT)
        state = State.ACTIVE if theirs else State.PAUSED
        before = {"id": run.id, "state": str(state), "ended_by": None, "reviews": plan.reviews is not None}
        go_on(conn, [before], left_at=returns.left_at(conn, learner.id) or visit.at, now=visit.at)
        _add(conn, Kind.RETURN, learner, visit, source_id=f"return/{number}", item="subscribe", enrolment_id=run.id)
        return True

    def _plan(self, conn: Connection, course_id: str) -> Plan:
        found = courses.get(conn, course_id)
        plan = courses.plan_of(conn, found.revision) if found is not None else None
        if plan is None:
            raise NotFound("this course is not published")
        return plan


def _fresh(found: Request | None, check: int, now: datetime) -> Request:
    if (
        found is None
        or found.check != check
        or found.state == requests.QUIET
        or now >= found.asked_at + requests.KEPT_FOR
    ):
        raise TokenError("this request has not been confirmed in time", status=410)
    return found


def _taken_in(conn: Connection, asked: Request, now: datetime) -> Learner:
    """The learner of a request: a new one, or the one who is there, with what they have said of themselves now."""
    address = learners.address_of(asked.email)
    known = learners.by_addresses(conn, [address]).get(address)
    said = {name: value for name, value in (("first_name", asked.first_name), ("language", asked.language)) if value}
    if known is None:
        new: dict[str, object] = {
            "ref": secrets.token_urlsafe(REF_BYTES),
            "email": asked.email,
            "first_name": None,
            "last_name": None,
            "language": None,
            "imported_timezone": None,
            "attributes": {},
            **said,
        }
        learners.add(conn, [new], now=now)
    elif any(getattr(known, name) != value for name, value in said.items()):
        learners.change(conn, known.id, said)
        enrolments.reconsider(conn, [known.id], now=now)
    return learners.by_addresses(conn, [address])[address]


def _joined(conn: Connection, plan: Plan, learner: Learner) -> Joined:
    """How they stand in the course now."""
    standing = next(reversed(enrolments.of_learner(conn, learner.id, plan.course_id)), None)
    match standing.enrolment.state if standing is not None else None:
        case State.ACTIVE | State.PAUSED:
            assert standing is not None
            rows = ledger.of_enrolments(conn, [standing.enrolment.id])[standing.enrolment.id]
            mail = next((row for row in reversed(rows) if gone_at(row) is not None), None)
            return Joined(outcome=Outcome.IN, plan=plan, learner=learner, next_at=standing.due_at, mail=mail)
        case State.FINISHED:
            return Joined(outcome=Outcome.HAD, plan=plan, learner=learner)
        case _:
            return Joined(outcome=Outcome.CLOSED, plan=plan, learner=learner)


def _add(
    conn: Connection,
    kind: Kind,
    learner: Learner,
    visit: Visit,
    *,
    source_id: str,
    item: str,
    enrolment_id: int | None = None,
    data: Mapping[str, object] | None = None,
) -> None:
    event = Evidence(
        kind=kind,
        at=visit.at,
        source="link",
        source_id=source_id,
        learner_id=learner.id,
        enrolment_id=enrolment_id,
        item=item,
        method=visit.method,
        user_agent=visit.user_agent[:300],
        data=data or {},
        network=visit.network,
    )
    evidence.add(conn, event)
