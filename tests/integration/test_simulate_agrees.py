"""What simulate foretells of a scripted learner is what the engine then does, mail by mail and to the second."""

from __future__ import annotations

import heapq
from collections import Counter
from datetime import datetime
from itertools import count
from pathlib import Path

import pytest
from stage import KEY, START, Stage, set_up
from timelines import workspace

from drip.engine.learners import find
from drip.engine.outcomes import happened
from drip.engine.publish import publish
from drip.engine.workspace import compile_course
from drip.people import Learner
from drip.plan.model import Mail, Plan
from drip.schedule.acts import Act, acts_after_mail, acts_from_start
from drip.schedule.script import read_script
from drip.schedule.simulate import simulate
from drip.schedule.slots import zone_of
from drip.settings import load
from drip.store import courses, enrolments
from drip.store.ledger import Delivery, Phase
from drip.track.evidence import Kind
from drip.track.token import answer_item

ADA = "ada@customer.example"
MOST_TICKS = 2_000
HEAD = """\
title: A course
sender: {name: Acme Academy, email: learn@acme.example}
"""
NINE = 'timing: {every: 1 day, at: "09:00", days: mon-fri, timezone: Europe/Stockholm}\n'
QUESTION = "question: {ask: Q?, options: [{text: 'Y', correct: true, because: b}, {text: 'N', because: b}]}"


def tips(*names: str, more: str = "") -> str:
    return "".join(
        f"  - {{tip: {name}, subject: S, body: 'See [this](https://a.example/x).', {QUESTION}{more}}}\n"
        for name in names
    )


WAITS = """\
  - wait: {until: clicked("a"), at_most: 3 days}
  - if: correct("a")
    then: [{tip: good, subject: S, body: B}]
    else: [{tip: bad, subject: S, body: B}]
"""
SURVEY = "  - {survey: nps, id: rate, ask: Q?, subject: S, body: B}\n"
ONCE = "{every: {answer: right}}"

#: name → (top of the course, its steps, what the learner does).
LIVES: dict[str, tuple[str, str, str]] = {
    "nothing": (NINE, tips("a", "b") + WAITS, "steps: {}"),
    "a click ends a wait once it has settled": (NINE, tips("a") + WAITS, "every: {click: 6 hours, answer: right}"),
    "a click just before the wait is over": (
        NINE,
        tips("a") + WAITS,
        "steps: {a: {click: {after: 4320 minutes}, answer: {option: 2, after: 1 day}}}",
    ),
    "a wrong answer on a weekend": (
        NINE,
        tips("a", "b", "c", "d") + WAITS.replace("clicked", "answered"),
        "every: {answer: {option: wrong, after: 3 days}}",
    ),
    "the goal is reached between two mails": (
        NINE + 'goal: event("bought")\n',
        tips("a", "b", "c"),
        "events: [{event: bought, after: 36 hours}]",
    ),
    "the goal is an answer": (NINE + "goal: score() > 0.5\n", tips("a", "b", "c"), "steps: {b: {answer: right}}"),
    "silence, and then a click in the last mail": (
        NINE + "silent: {after: 2 mails, then: pause}\n",
        tips("a", "b", "c", "d"),
        "steps: {b: {click: 9 days, open: 3 days}}",
    ),
    "silence that an open does not end": (
        NINE + "silent: {after: 2 mails, then: pause}\n",
        tips("a", "b", "c"),
        "every: {open: 2 days}",
    ),
    "held from one event to another": (
        NINE + 'hold_while: event("ticket") and not event("solved")\n',
        tips("a", "b", "c"),
        "events: [{event: ticket, after: 20 hours}, {event: solved, after: 7 days}]",
    ),
    "held for ever, with questions that would come back": (
        NINE + 'hold_while: event("ticket")\nreviews: {after_days: [1, 3]}\n',
        tips("a", "b", "c"),
        "events: [{event: ticket, after: 2 days}]",
    ),
    "questions come back and are answered": (
        NINE + "reviews: {after_days: [2, 5, 10], per_email: 2}\n",
        tips("a", "b", "c") + SURVEY,
        "{every: {answer: [wrong, right, never]}, steps: {rate: {rating: {rating: 9, after: 2 hours}}}}",
    ),
    "held while questions come back, until a click": (
        NINE + 'reviews: {after_days: [1, 4]}\nhold_while: answered("a") and not clicked("b")\n',
        tips("a", "b"),
        "steps: {a: {answer: {option: right, after: 1500 minutes}}, b: {click: {after: 5 days}}}",
    ),
    "leaving ends everything": (
        NINE + "reviews: {after_days: [2, 5]}\n",
        tips("a", "b", "c", "d"),
        "steps: {b: {unsubscribe: 30 hours}}",
    ),
    "leaving after the end, the course only": (
        NINE + "reviews: {after_days: [2, 5]}\nunsubscribe: course\n",
        tips("a", "b"),
        "steps: {b: {unsubscribe: 3 days}}",
    ),
    "limits, windows over midnight and stale tips": (
        "timing: {every: 20 hours, between: 22:00-06:00, days: mon-fri, limit: 2 per week, stale_after: 2 days}\n"
        'hold_while: event("ticket") and not event("solved")\n',
        tips("a", "b", "c", "d", "e"),
        "{every: {answer: right}, events: [{event: ticket, after: 2 days}, {event: solved, after: 40 days}]}",
    ),
    "reviews of tips with hours of their own": (
        NINE + "reviews: {after_days: [1, 2, 3], per_email: 1}\n",
        tips("a") + tips("b", "c", more=', at: "17:00", days: [tue, sat]'),
        ONCE,
    ),
    "opens of those who agreed only": (
        NINE + "tracking: {opens: consented, clicks: never}\n",
        tips("a") + WAITS.replace("clicked", "opened"),
        "every: {open: 1 hour, click: 1 hour}",
    ),
}


@pytest.mark.parametrize("name", LIVES)
def test_the_engine_does_what_was_foretold(name: str, tmp_path: Path) -> None:
    """The same mails at the same instants, until nothing comes any more."""
    top, steps, script = LIVES[name]
    stage = set_up(tmp_path)
    stage.publish(f"{HEAD}{top}steps:\n{steps}")
    stage.add(ADA, imported_timezone="Europe/Stockholm")
    engine = Engine(stage, script)
    rows = simulate(engine.plan, engine.learner, start=START, script=engine.script)
    foretold = [(row.at, row.step) for row in rows if row.kind == "mail"]
    stage.enrol(ADA)
    engine.live()
    assert engine.mails() == foretold
    assert foretold


@pytest.mark.parametrize(
    ("sample", "values"),
    [
        ("first-report", {"plan": "trial"}),
        ("trygg-start", {"plan": "trial", "country": "SE"}),
        ("safe-inbox", {"team": "finance", "started_on": "2026-03-02"}),
    ],
)
def test_the_samples_are_foretold_too(sample: str, values: dict[str, str], tmp_path: Path) -> None:
    """Each sample campaign, with the answers of its recorded timeline."""
    stage = set_up(tmp_path)
    folder = workspace(tmp_path / "academy")
    settings = load(folder, {})
    stage.course_id = sample
    file = folder / "campaigns" / f"{sample}.yaml"
    publish(stage.store, compile_course(file, folder, settings.defaults, settings.brand), now=START)
    stage.add(ADA, imported_timezone="Europe/Stockholm", attributes=values)
    engine = Engine(stage, (folder / "timelines" / f"{sample}-answers.yaml").read_text("utf-8"))
    rows = list(simulate(engine.plan, engine.learner, start=START, script=engine.script))
    assert stage.enrol(ADA).enrolled == 1
    engine.live()
    assert engine.mails() == [(row.at, row.step) for row in rows if row.kind == "mail"]
    assert len(engine.mails()) > 12


class Engine:
    """The real thing: a store, its queue, and a learner who acts through the recorder."""

    def __init__(self, stage: Stage, script: str) -> None:
        self.stage = stage
        with stage.store.read() as conn:
            published = courses.get(conn, stage.course_id)
            assert published is not None
            plan = courses.plan_of(conn, published.revision)
        assert plan is not None
        self.plan: Plan = plan
        self.script = read_script("answers.yaml", script.encode(), plan)
        self.learner: Learner = stage_learner(stage)
        self.zone = zone_of(self.learner, plan)
        self.ahead: list[tuple[datetime, int, Act, Delivery | None]] = []
        self.asked: Counter[str] = Counter()
        self.seen: set[int] = set()
        self.numbers = count()

    def live(self) -> None:
        """Turn the clock from one thing to the next until nothing comes any more."""
        for act in acts_from_start(self.script, self.learner, START, self.zone, ""):
            heapq.heappush(self.ahead, (act.at, next(self.numbers), act, None))
        for _ in range(MOST_TICKS):
            self.stage.deliver()
            self.look_at_mails()
            with self.stage.store.read() as conn:
                due_at = enrolments.next_due_at(conn)
            times = [at for at in (due_at, self.ahead[0][0] if self.ahead else None) if at is not None]
            if not times or (not self.ahead and self.is_held()):
                return
            self.stage.clock.now = max(self.stage.clock.now, min(times))
            while self.ahead and self.ahead[0][0] <= self.stage.clock.now:
                _, _, act, mail = heapq.heappop(self.ahead)
                self.do(act, mail)
        raise AssertionError("the course did not end")

    def is_held(self) -> bool:
        """Held with nothing left to change that: the engine looks at it every hour, for ever."""
        standing = self.stage.standing(ADA)
        return standing.enrolment.held_since is not None and standing.due_at is None

    def look_at_mails(self) -> None:
        """What the learner will do with what has just come."""
        teachers = {s.question.id: s for s in self.plan.steps if isinstance(s, Mail) and s.question is not None}
        for row in self.stage.rows():
            if row.id in self.seen or row.state is not Phase.SENT:
                continue
            self.seen.add(row.id)
            step = self.plan.step(row.step)
            mail = step if isinstance(step, Mail) else None
            own = [mail.question.id] if mail is not None and mail.question is not None else []
            asked = [(teachers[question], self.asked[question]) for question in (*own, *row.riders)]
            self.asked.update((*own, *row.riders))
            assert row.sent_at is not None
            acts = acts_after_mail(self.script, self.plan, self.learner, mail, asked, row.sent_at, self.zone, "")
            for act in acts:
                heapq.heappush(self.ahead, (act.at, next(self.numbers), act, row))

    def do(self, act: Act, mail: Delivery | None) -> None:
        """One act, through the same use case that a link or `drip event` calls."""
        recorder = self.stage.recorder
        visit = self.stage.visit(
            f"n{next(self.numbers)}", method="GET" if act.kind in (Kind.OPEN, Kind.CLICK) else "POST"
        )
        if mail is None or act.kind is Kind.EVENT:
            happened(self.stage.store, ADA, act.item, at=act.at, suppression_key=KEY)
            return
        match act.kind:
            case Kind.OPEN:
                recorder.opened(mail.id, visit)
            case Kind.CLICK:
                recorder.clicked(mail.id, 0, visit)
            case Kind.ANSWER:
                card = mail.riders.index(act.item) + 1 if act.item in mail.riders else 0
                assert recorder.answered(mail.id, answer_item(card, act.option), act.sure, visit).correct == act.correct
            case Kind.RATING:
                recorder.rated(mail.id, recorder.origin(mail.id).survey().high, visit)
            case Kind.UNSUBSCRIBE:
                recorder.left(mail.id, visit)

    def mails(self) -> list[tuple[datetime, str]]:
        """(at, step) of every mail that went."""
        return sorted((row.sent_at, row.step) for row in self.stage.rows() if row.sent_at is not None)


def stage_learner(stage: Stage) -> Learner:
    """Ada, as the store knows her."""
    with stage.store.read() as conn:
        return find(conn, ADA)
