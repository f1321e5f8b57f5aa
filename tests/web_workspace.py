"""A workspace with one small course and one learner, filled through the store's own functions.

Tests of the web side import it, those over HTTP and those in a browser.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import stage
from fastapi import FastAPI
from sqlalchemy import func, select

from drip.course.timing import Gap, Rule, Unit
from drip.engine.record import Recorder
from drip.people import Enrolment, State
from drip.plan.model import Mail, Option, Plan, Question, Sender, Survey, Texts, Variant
from drip.plan.renames import Renames
from drip.render.message import Template
from drip.store import Store, courses, enrolments, evidence, learners, ledger
from drip.store.tables import evidence as evidence_table
from drip.store.tables import suppression
from drip.track.evidence import Evidence
from drip.track.token import Purpose, Ring, sign
from drip.web.app import build_app

#: A Tuesday. The tip was sent an hour before; the next one is planned for the next morning in Stockholm.
NOW = datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
SENT_AT = NOW - timedelta(hours=1)
NEXT_AT = datetime(2026, 11, 25, 8, 0, tzinfo=UTC)
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"

QUESTION = Question(
    id="welcome",
    ask="Where does a chart start?",
    options=(
        Option(text="From a saved view", correct=True, because="The view holds the filters."),
        Option(text="From a blank page", because="There is no blank chart; pick a view first."),
        Option(text="From a colleague", because="They would start from a view, too."),
    ),
)
LINKS = ("https://app.acme.example/views?u={{ learner.ref }}&from=mail", "https://help.acme.example/start")


@dataclass
class Workspace:
    """Everything that a test looks at. `now` is what the app's clock says; `delivery` is the mail that was sent."""

    store: Store
    recorder: Recorder
    ring: Ring
    learner_id: int
    enrolment_id: int
    delivery: int
    language: str
    now: datetime = NOW

    def app(self, **options: object) -> FastAPI:
        """The web side over this workspace."""
        return build_app(recorder=self.recorder, ring=self.ring, clock=lambda: self.now, **options)  # type: ignore[arg-type]

    def token(self, purpose: Purpose, item: int = 0, *, delivery: int | None = None, days: int | None = None) -> str:
        """A good token, for the mail that was sent unless another delivery is named."""
        until = None if days is None else self.now + timedelta(days=days)
        return sign(self.ring, purpose, self.delivery if delivery is None else delivery, item, expires_at=until)

    def path(self, purpose: Purpose, item: int = 0, *, delivery: int | None = None, days: int | None = None) -> str:
        """The path of a link of that purpose."""
        return path_of(purpose, self.token(purpose, item, delivery=delivery, days=days))

    def evidence(self) -> list[Evidence]:
        """All that was recorded, oldest first."""
        with self.store.read() as conn:
            rows = conn.execute(select(evidence_table).order_by(evidence_table.c.id)).all()
            return [evidence.to_evidence(row) for row in rows]

    def kinds(self) -> list[str]:
        """The kinds of all that was recorded."""
        return [str(event.kind) for event in self.evidence()]

    def state(self) -> State:
        """How the learner's enrolment stands."""
        with self.store.read() as conn:
            standing = enrolments.by_id(conn, self.enrolment_id)
            assert standing is not None
            return standing.enrolment.state

    def suppressions(self) -> int:
        """How many addresses get nothing."""
        with self.store.read() as conn:
            return conn.execute(select(func.count()).select_from(suppression)).scalar_one()

    def untouched(self) -> bool:
        """Whether the learner stands just as after the tip: nothing recorded, nothing ended."""
        return (self.evidence(), self.state(), self.suppressions()) == ([], State.ACTIVE, 0)


def path_of(purpose: Purpose, token: str) -> str:
    """Where a token of that purpose leads."""
    return {
        Purpose.OPEN: f"/o/{token}.gif",
        Purpose.CLICK: f"/c/{token}",
        Purpose.ANSWER: f"/a/{token}",
        Purpose.UNSUBSCRIBE: f"/u/{token}",
    }[purpose]


def make_workspace(
    folder: Path,
    *,
    question: Question | None = QUESTION,
    title: str = "Your first report in a week",
    sender: str = "Acme Academy",
    language: str = "en",
    email: str = "anna.berg@acme.example",
    first_name: str = "Anna",
    ref: str = "an-1",
    timezone: str | None = "Europe/Stockholm",
    links: Sequence[str] = LINKS,
    next_at: datetime | None = NEXT_AT,
    state: State = State.ACTIVE,
    survey: Survey | None = None,
    riders: Sequence[str] = (),
    sent: str = "welcome",
    database: str = "",
    **course: object,
) -> Workspace:
    """A course of two tips; the learner has got the first, whose question is `question`, and waits for the second.

    `sent` is the step of the mail that was sent (`review`: a recap) and `riders` the questions that came back with it;
    `course` replaces fields of the plan. `database` is where it stands ("": what `each_database` says, or SQLite).
    """
    store = Store(database or stage.database_of(folder))
    store.upgrade()
    if not (store.sqlite or database):  # its test's own: closed before its database is dropped
        stage.OPENED.append(store)
    plan = replace(_plan(question, title, sender, language, next_at, timezone, survey), **course)  # type: ignore[arg-type]
    templates = [
        Template(
            revision=plan.revision,
            step=step.id,
            language=language,
            variant="default",
            subject="Start from a saved view",
            html="<p>A chart starts from a saved view.</p>",
            text="A chart starts from a saved view.",
            links=tuple(links),
        )
        for step in plan.steps
    ]
    person = {
        "ref": ref,
        "email": email,
        "first_name": first_name,
        "last_name": None,
        "language": language,
        "imported_timezone": timezone,
        "attributes": {},
    }
    with store.write() as conn:
        courses.put(conn, plan, templates, names=Renames(), now=SENT_AT)
        learners.add(conn, [person], now=SENT_AT)
        learner = learners.by_addresses(conn, [email])[learners.address_of(email)]
        enrolment = Enrolment(
            id=0,
            learner_id=learner.id,
            course_id=plan.course_id,
            revision=plan.revision,
            enrolled_at=SENT_AT,
            reached_at=SENT_AT,
            last_mail_at=SENT_AT,
            next_step="export",
            state=state,
        )
        (enrolment_id,) = enrolments.add(conn, [(enrolment, next_at, "a day after the last mail")])
        lease = ledger.Lease(worker="test", now=store.lease_clock(conn), lasts_for=60.0)
        row = {
            "enrolment_id": enrolment_id,
            "learner_id": learner.id,
            "step": sent,
            "revision": plan.revision,
            "language": language,
            "variant": "default",
            "occurrence": 1,
            "riders": list(riders),
        }
        (delivery,) = ledger.claim_new(conn, lease, [row], now=SENT_AT)
        ledger.hand(conn, lease, [delivery], now=SENT_AT)
        ledger.mark_sent(conn, {delivery: ""}, now=SENT_AT)
    return Workspace(
        store=store,
        recorder=Recorder(store, suppression_key=b"a key of the tests"),
        ring=Ring.of(["a secret of the tests"]),
        learner_id=learner.id,
        enrolment_id=enrolment_id,
        delivery=delivery,
        language=language,
    )


def _plan(
    question: Question | None,
    title: str,
    sender: str,
    language: str,
    next_at: datetime | None,
    timezone: str | None,
    survey: Survey | None,
) -> Plan:
    """The second tip's gap and rule are such that it falls due at `next_at`."""
    zone = ZoneInfo(timezone or "UTC")
    due, sent = (next_at or NEXT_AT).astimezone(zone), SENT_AT.astimezone(zone)
    gap = Gap(count=(due.date() - sent.date()).days, unit=Unit.DAYS)
    rule = Rule(at=due.hour * 60 + due.minute)
    texts = Texts(subject="Start from a saved view", body="A chart starts from a *saved view*.")
    variants = (Variant(name="default", weight=1, texts=texts),)
    first = Mail(id="welcome", gap=gap, rule=rule, variants=variants, number=1, of=2, question=question, then="export")
    return Plan(
        course_id="first-report",
        title=title,
        revision="r1",
        language=language,
        sender=Sender(name=sender, email="learn@acme.example"),
        layout="tip",
        timezone="UTC",
        steps=(
            replace(first, survey=survey),
            Mail(id="export", gap=gap, rule=rule, variants=variants, number=2, of=2),
        ),
    )
