"""Courses, people and edits at random: what diff says comes true, and nobody is hurt by an edit.

Each scenario is a small course in which a few people are at different places. It is edited two to four times, at times
while a mail is on the wire, and then lived to its end, from due time to due time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest
from stage import Clock, Stage, set_up

from drip.course.parse import parse
from drip.engine.deliver import deliver_due
from drip.engine.diff import diff
from drip.engine.enrol import enrol
from drip.engine.publish import publish
from drip.engine.workspace import Compiled
from drip.people import State
from drip.plan.compile import compile_plan
from drip.plan.model import Mail, Plan
from drip.render.message import Message, Template
from drip.schedule.civil import first_allowed, land, local_date, resolve
from drip.schedule.edits import Kind
from drip.schedule.impact import Impact, Verdict, Where
from drip.schedule.slots import zone_of
from drip.store import courses, enrolments, ledger, traces
from drip.store.enrolments import Standing
from drip.store.ledger import Delivery, Phase
from drip.transports import Outcome, Receipt, Result

START = datetime.fromisoformat("2026-03-02T06:00:00+00:00")
PEOPLE = 4
#: Each is ten scenarios; among these are some that went wrong once.
SEEDS = range(300, 304)
#: Enough to live any of these courses to its end.
LONG = timedelta(days=400)
SUPPRESSION_KEY = b"suppression key for tests"
HOURS = ('at: "09:00"', "between: 08:00-11:00", "between: 22:00-02:00", "days: [tue, thu, sat]", "days: mon-fri", "")
LIMITS = ("limit: 1 per day", "limit: 2 per week", "", "")
ZONES = ("Europe/Stockholm", "America/New_York", "Asia/Kolkata", "UTC")
GAPS = ("1 day", "2 days", "30 hours", "4 hours", "1 week", "0 days", "2 business days")


@dataclass(frozen=True)
class Item:
    """A step as an author sees it. `kind` is tip, wait or if; `steps` and `others` are an `if`'s two ways."""

    kind: str
    id: str = ""
    said: int = 0
    after: str = ""
    was: str = ""
    steps: tuple[Item, ...] = ()
    others: tuple[Item, ...] = ()


@dataclass
class Author:
    """Writes a course, and edits it."""

    random: Random
    course_id: str
    branched: bool
    tips: int = 0
    head: dict[str, str] = field(default_factory=dict)
    steps: list[Item] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    taken_out: list[Item] = field(default_factory=list)
    drafts: list[list[Item]] = field(default_factory=list)

    def begin(self) -> None:
        for _ in range(9):
            self._timing()
        self.steps = [self._item() for _ in range(self.random.randint(3, 7))]
        if not any(item.kind == "tip" for item in self.steps):
            self.steps.append(self._tip())

    def edit(self) -> None:
        """Change something: each of these is what an author may do in one sitting."""
        self.removed = []
        self.steps = [replace(one, was="") for one in self.steps]
        self.drafts.append(list(self.steps))
        for _ in range(self.random.choice((1, 1, 1, 2, 3))):
            self.random.choice(
                (
                    self._words,
                    self._gap,
                    self._add,
                    self._add,
                    self._remove,
                    self._move,
                    self._rename,
                    self._timing,
                    self._timing,
                    self._put_back,
                    self._undo,
                )
            )()
        if not any(item.kind == "tip" for item in self.steps):
            self.steps.append(self._tip())

    def text(self) -> str:
        timing = ", ".join(["every: 1 day", *filter(None, self.head.values())])
        lines = [
            f"id: {self.course_id}",
            "title: At random",
            "sender: {name: Acme Academy, email: learn@acme.example}",
            f"timing: {{{timing}}}",
        ]
        if self.removed:
            lines.append(f"removed: [{', '.join(self.removed)}]")
        return "\n".join([*lines, "steps:", *_lines(self.steps, "  ")]) + "\n"

    def _item(self) -> Item:
        kind = self.random.choice(("tip", "tip", "tip", "wait", "if") if self.branched else ("tip",))
        if kind == "wait":
            return Item(kind, said=self.random.randint(1, 3))
        if kind == "if":
            ways = [tuple(self._tip() for _ in range(self.random.randint(n, 2))) for n in (1, 0)]
            return Item(kind, said=self.random.randint(0, PEOPLE), steps=ways[0], others=ways[1])
        return self._tip()

    def _tip(self) -> Item:
        self.tips += 1
        return Item("tip", id=f"t{self.tips}", after=self.random.choice(("", "", *GAPS)))

    def _at(self, kinds: Sequence[str] = ("tip", "wait", "if")) -> int | None:
        places = [n for n, item in enumerate(self.steps) if item.kind in kinds]
        return self.random.choice(places) if places else None

    def _words(self) -> None:
        if (n := self._at()) is not None:
            self.steps[n] = replace(self.steps[n], said=self.steps[n].said + 1)

    def _gap(self) -> None:
        if (n := self._at(["tip"])) is not None:
            self.steps[n] = replace(self.steps[n], after=self.random.choice(("", *GAPS)))

    def _add(self) -> None:
        self.steps.insert(self.random.randint(0, len(self.steps)), self._item())

    def _remove(self) -> None:
        if (n := self._at()) is not None and len(self.steps) > 1:
            item = self.steps.pop(n)
            self.taken_out.append(replace(item, was=""))
            self.removed += [one.was or one.id for one in _tips([item])]

    def _put_back(self) -> None:
        if self.taken_out:
            item = self.taken_out.pop(self.random.randrange(len(self.taken_out)))
            here = {one.id for one in _tips(self.steps)} | {one.was for one in self.steps}
            if not here & {one.id for one in _tips([item])}:
                self.steps.insert(self.random.randint(0, len(self.steps)), item)
                self.removed = [one for one in self.removed if one not in {tip.id for tip in _tips([item])}]

    def _undo(self) -> None:
        before = _tips(self.drafts[-1])
        self.steps = list(self.random.choice(self.drafts))
        here = {one.id for one in _tips(self.steps)}
        self.removed = sorted({one.id for one in before} - here)

    def _move(self) -> None:
        if (n := self._at()) is not None:
            item = self.steps.pop(n)
            self.steps.insert(self.random.randint(0, len(self.steps)), item)

    def _rename(self) -> None:
        if (n := self._at(["tip"])) is not None and not self.steps[n].was:
            self.tips += 1
            self.steps[n] = replace(self.steps[n], id=f"t{self.tips}", was=self.steps[n].id)

    def _timing(self) -> None:
        said = self.random.choice((HOURS, LIMITS, [f"timezone: {zone}" for zone in ZONES], ("", "stale_after: 1 day")))
        self.head[said[0].partition(":")[0]] = self.random.choice(said)


def _lines(steps: Sequence[Item], indent: str) -> list[str]:
    found = []
    for item in steps:
        if item.kind == "tip":
            keys = [f"tip: {item.id}", f"subject: Subject {item.id}", f"body: 'Body {item.said}.'"]
            keys += [f"after: {item.after}"] if item.after else []
            keys += [f"renamed_from: {item.was}"] if item.was else []
            found.append(f"{indent}- {{{', '.join(keys)}}}")
        elif item.kind == "wait":
            found.append(f"{indent}- wait: {{until: event('never'), at_most: {item.said} days}}")
        else:
            found += [f"{indent}- if: learner.number < {item.said}", f"{indent}  then:"]
            found += _lines(item.steps, indent + "  ")
            if item.others:
                found += [f"{indent}  else:", *_lines(item.others, indent + "  ")]
    return found


def _tips(steps: Sequence[Item]) -> list[Item]:
    return [tip for one in steps for tip in ([one] if one.kind == "tip" else _tips((*one.steps, *one.others)))]


def compiled(text: str, course_id: str) -> Compiled:
    """The course with the plainest of templates: how mails look is of no matter here."""
    course = parse(f"{course_id}.yaml", text.encode())
    plan = compile_plan(course, layout="")
    templates = [
        Template(
            revision=plan.revision,
            step=step.id,
            language=plan.language,
            variant=variant.name,
            subject="Subject",
            html="<p>Body</p>",
            text="Body",
            links=(),
        )
        for step in plan.steps
        if isinstance(step, Mail)
        for variant in step.variants
    ]
    return Compiled(course=course, plan=plan, templates=tuple(templates))


class Wire:
    """A way out that takes everything; the next group may meet something on its way."""

    name, connections = "wire", 1

    def __init__(self) -> None:
        self.meets: Callable[[], None] | None = None

    def send(self, messages: Sequence[Message]) -> Result:
        meets, self.meets = self.meets, None
        if meets is not None:
            meets()
        return Result(receipts=tuple(Receipt(delivery_id=m.delivery_id, outcome=Outcome.SENT) for m in messages))

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class Life:
    """One scenario on the stage. What is kept of each publish is checked against what was lived."""

    stage: Stage
    wire: Wire
    random: Random
    author: Author
    emails: list[str]
    allowed: set[str] = field(default_factory=set)
    story: list[str] = field(default_factory=list)
    last: tuple[Impact, int] | None = None
    extended: int = 0

    @property
    def course_id(self) -> str:
        return self.author.course_id

    def live(self, span: timedelta) -> None:
        """From due time to due time, so that every mail goes at its very instant."""
        sending, clock = self.stage.sending, self.stage.clock
        end = clock() + span
        deliver_due(sending)
        while (at := self._next()) is not None and at <= end:
            assert at >= clock()
            clock.now = at
            deliver_due(sending)
        if span is not LONG:
            clock.now = end

    def _next(self) -> datetime | None:
        with self.stage.store.read() as conn:
            found = [at for at in (enrolments.next_due_at(conn), ledger.next_due_at(conn)) if at is not None]
        return min(found, default=None)

    def publish(self, text: str) -> None:
        """Publish, saying what must be said; what diff told, and how long the ledger was, is kept."""
        made = compiled(text, self.course_id)
        extend = self.random.random() < 0.3
        found = diff(self.stage.store, made.plan, extend=extend)
        again: list[str] = []
        if found.impact.refusals:
            again = [e.edit.step for e in found.impact.effects if e.verdict is Verdict.TWICE]
            found = diff(self.stage.store, made.plan, extend=extend, allow_repeat=again)
        unsaid = [words for words in found.impact.refusals if "removed:" in words]
        assert found.impact.refusals == tuple(unsaid), found.impact.refusals
        if unsaid:  # steps without an id of their own: they are listed as the message says
            self.author.removed += [words.split("removed: [")[1].split("]")[0] for words in unsaid]
            made = compiled(self.author.text(), self.course_id)
            found = diff(self.stage.store, made.plan, extend=extend, allow_repeat=again)
        self.allowed.update(again)
        self.extended += extend
        self.last = found.impact, max((row.id for row in self.rows()), default=0)
        publish(self.stage.store, made, now=self.stage.clock(), extend=extend, allow_repeat=again)
        self.story.append(f"--- {self.stage.clock()} allowing {again}{', extended' * extend}\n{self.author.text()}")

    def rows(self) -> list[Delivery]:
        return [row for standing in self.standings() for row in self.rows_of(standing)]

    def rows_of(self, standing: Standing) -> list[Delivery]:
        with self.stage.store.read() as conn:
            return ledger.of_enrolments(conn, [standing.enrolment.id])[standing.enrolment.id]

    def standings(self) -> list[Standing]:
        with self.stage.store.read() as conn:
            ids = conn.exec_driver_sql(f"SELECT id FROM enrolment WHERE course_id = '{self.course_id}' ORDER BY id")
            return list(enrolments.by_ids(conn, [row.id for row in ids]).values())


def lived(stage: Stage, wire: Wire, seed: int, *, branched: bool) -> Life:
    """One scenario from beginning to end."""
    random = Random(f"{seed} {branched}")
    author = Author(random, f"course-{seed}", branched)
    author.begin()
    emails = [f"n{n}-{seed}@customer.example" for n in range(PEOPLE)]
    life = Life(stage, wire, random, author, emails)
    life.publish(author.text())
    for n, email in enumerate(emails):
        stage.add(email, attributes={"number": n})
        enrol(stage.store, author.course_id, emails=[email], at=stage.clock(), suppression_key=SUPPRESSION_KEY)
        life.live(timedelta(hours=random.choice((1, 5, 24, 30, 72))))
    for _ in range(random.randint(1, 3)):
        life.live(timedelta(hours=random.choice((0, 1, 7, 24, 50))))

        def edit() -> None:
            author.edit()
            life.publish(author.text())

        if random.random() < 0.3:
            wire.meets = edit
            life.live(timedelta(days=random.choice((1, 3))))
            wire.meets = None
        else:
            edit()
    life.live(LONG)
    return life


def check(life: Life) -> None:
    """Nobody is hurt: not stuck, nothing twice, nothing too soon, too often, at a strange hour, or for being late."""
    names: Mapping[str, str] = {}
    with life.stage.store.read() as conn:
        current = courses.current_revisions(conn, [life.course_id])[life.course_id]
        names = courses.names_of(conn, [current])[current].steps
        plans: dict[str, Plan | None] = {row.revision: courses.plan_of(conn, row.revision) for row in life.rows()}
    zones = [ZoneInfo(name) for name in ZONES]
    for standing in life.standings():
        stands = standing.enrolment
        assert (stands.state, standing.problem) == (State.FINISHED, None)
        rows = life.rows_of(standing)
        assert {row.state for row in rows} <= {Phase.SENT}
        had = Counter(names.get(row.step, row.step) for row in rows)
        assert {step for step, times in had.items() if times > 1} <= {names.get(one, one) for one in life.allowed}
        before: list[datetime] = []
        for row in rows:
            plan = plans[row.revision]
            assert plan is not None
            mail, zone = plan.step(row.step), zone_of(standing.learner, plan)
            assert isinstance(mail, Mail)
            assert row.sent_at is not None
            assert first_allowed(mail.rule, zone, row.sent_at).at == row.sent_at, f"{row.step}: a strange hour"
            gap = mail.gap if before else mail.first_gap
            anchor = before[-1] if before else stands.enrolled_at
            targets = [land(anchor, gap, mail.rule, one) for one in zones]  # a civil date outlives its zone
            assert row.sent_at >= min(resolve(one, mail.rule, zone).at for one in targets), f"{row.step}: too soon"
            if plan.limit is not None:
                day = local_date(row.sent_at, zone)
                first = day if plan.limit.per == "day" else day - timedelta(days=day.weekday())
                same = sum(first <= local_date(at, zone) <= day for at in before)
                assert same < plan.limit.count, f"{row.step}: over the limit"
            before.append(row.sent_at)
        with life.stage.store.read() as conn:
            trace = traces.of(conn, stands.id)
        assert not [reason for _, _, _, reason in trace if "stale" in reason]
        assert [kind for _, kind, _, _ in trace].count("finish") <= 1 + life.extended


def check_what_diff_said(life: Life) -> None:
    """The numbers of the last diff, of each tip that it names, against who got it afterwards.

    Where an `if` chooses, nobody gets what diff says that they do not.
    """
    assert life.last is not None
    impact, until = life.last
    got = Counter(row.step for row in life.rows() if row.id > until)
    for edit in impact.edits:
        if not edit.step or edit.kind is Kind.RENAMED:
            continue
        said = sum(e.people for e in impact.effects if e.edit == edit and _comes(e.where, e.verdict))
        assert got[edit.step] <= said if life.author.branched else got[edit.step] == said, (
            edit,
            [e for e in impact.effects if e.edit == edit],
            got,
        )


def _comes(where: Where, verdict: Verdict) -> bool:
    if verdict is Verdict.UNAFFECTED:
        return where in (Where.BEFORE, Where.WAITING)
    return verdict is not Verdict.MISSES


@pytest.fixture
def sending(tmp_path: Path) -> Callable[[], tuple[Stage, Wire]]:
    def begin() -> tuple[Stage, Wire]:
        wire = Wire()
        return set_up(tmp_path, clock=Clock(START), transport=wire), wire

    return begin


@pytest.mark.parametrize("seed", SEEDS)
def test_straight_courses(sending: Callable[[], tuple[Stage, Wire]], seed: int) -> None:
    """Tips one after the other: nobody is hurt, and diff's numbers come true to the last person."""
    stage, wire = sending()
    for number in range(10):
        life = lived(stage, wire, 1000 * seed + number, branched=False)
        try:
            check(life)
            check_what_diff_said(life)
        except AssertionError as error:
            error.add_note("\n".join(life.story))
            raise


@pytest.mark.parametrize("seed", SEEDS)
def test_courses_with_waits_and_branches(sending: Callable[[], tuple[Stage, Wire]], seed: int) -> None:
    """Waits come and go, tips move around `if`s: nobody is hurt, or gets what diff says they do not."""
    stage, wire = sending()
    for number in range(10):
        life = lived(stage, wire, 1000 * seed + number, branched=True)
        try:
            check(life)
            check_what_diff_said(life)
        except AssertionError as error:
            error.add_note("\n".join(life.story))
            raise
