"""Course → Plan: nested steps become one flat row, every rule is worked out, and the whole gets its hash."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from drip.course import model as course_model
from drip.course.model import Course, If, Tip
from drip.course.timing import Gap, Rule
from drip.plan.model import AT_ONCE, Branch, Button, Mail, Option, Plan, Question, Sender, Step, Texts, Variant, Wait
from drip.plan.stored import to_json

#: Part of every revision: raise it when the same course compiles to a plan that means something else.
COMPILER_VERSION = 1
#: Hexadecimal digits of SHA-256 that a revision keeps: 64 bits, against accidents (nobody gains by a collision).
REVISION_DIGITS = 16


def compile_plan(course: Course, *, layout: str) -> Plan:
    """The plan of a course. `layout` is the MJML source of its layout: its text shapes the mails, so it is hashed too.

    The same course, layout and compiler give the same plan and revision on every machine.
    """
    steps = _Compiler(course).steps()
    sender = course.sender
    plan = Plan(
        course_id=course.id,
        title=course.title,
        revision="",
        language=course.language,
        sender=Sender(name=sender.name, email=sender.email, reply_to=sender.reply_to),
        layout=course.layout,
        timezone=course.timezone,
        limit=course.limit,
        start_when=course.start_when,
        steps=steps,
    )
    return replace(plan, revision=_revision(plan, layout))


def skills(plan: Plan) -> Mapping[str, str]:
    """Question id → the skill that it trains, for `mastered(…)`; questions of tips without a skill are left out."""
    mails = (step for step in plan.steps if isinstance(step, Mail))
    return {mail.question.id: mail.skill for mail in mails if mail.question and mail.skill}


def _revision(plan: Plan, layout: str) -> str:
    digest = hashlib.sha256()
    for part in (str(COMPILER_VERSION), layout, to_json(plan)):
        data = part.encode("utf-8", errors="surrogatepass")
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:REVISION_DIGITS]


@dataclass(slots=True)
class _Compiler:
    """Walks the nested steps twice: forwards for names and numbers, then each list backwards for what comes next."""

    course: Course
    names: Counter[str] = field(default_factory=Counter)

    def steps(self) -> tuple[Step, ...]:
        flat, most = self._list(self.course.steps, after=None, base="start", mails=0)
        return tuple(replace(step, of=most) if isinstance(step, Mail) else step for step in flat)

    def _list(
        self, steps: tuple[Tip | course_model.Wait | If, ...], *, after: str | None, base: str, mails: int
    ) -> tuple[list[Step], int]:
        """One list of steps, flat and linked; `after` follows its last. `mails` is the most mails before it.

        A wait or an `if` has no id of its own: it is named for the tip before it (`base`), which edits elsewhere leave
        alone. No tip's id holds a slash.
        """
        ids: list[str] = []
        for step in steps:
            if isinstance(step, Tip):
                base = step.tip
                ids.append(step.tip)
            else:
                ids.append(self._named(f"{base}/{'if' if isinstance(step, If) else 'wait'}"))
        flat: list[Step] = []
        for step, id_, then in zip(steps, ids, [*ids[1:], after][: len(ids)], strict=True):
            if isinstance(step, Tip):
                mails += 1
                flat.append(self._mail(step, then, mails))
            elif isinstance(step, course_model.Wait):
                until, at_most = step.wait.until, step.wait.at_most
                holidays = self.course.rule.holidays
                flat.append(Wait(id=id_, until=until, at_most=at_most, holidays=holidays, then=then))
            else:
                yes, most_yes = self._list(step.then, after=then, base=f"{id_}/then", mails=mails)
                no, most_no = self._list(step.otherwise, after=then, base=f"{id_}/else", mails=mails)
                branch = Branch(
                    id=id_,
                    condition=step.condition,
                    gap=self._gap(None, mails),
                    rule=self.course.rule,
                    then=yes[0].id,
                    otherwise=no[0].id if no else then,
                )
                flat += [branch, *yes, *no]
                mails = max(most_yes, most_no)
        return flat, mails

    def _named(self, name: str) -> str:
        """`name`, with a number where there is one of that name already."""
        self.names[name] += 1
        return name if self.names[name] == 1 else f"{name}-{self.names[name]}"

    def _gap(self, written: Gap | None, mails_before: int) -> Gap:
        """The first mail goes at once unless its `after` is written, whatever stands before it."""
        return written or (self.course.every if mails_before else AT_ONCE)

    def _mail(self, tip: Tip, then: str | None, number: int) -> Mail:
        return Mail(
            id=tip.tip,
            gap=self._gap(tip.after, number - 1),
            first_gap=tip.after or AT_ONCE,
            rule=_rule(tip, self.course.rule),
            variants=_variants(tip),
            number=number,
            of=number,
            when=tip.when,
            objective=tip.objective or "",
            skill=tip.skill or "",
            question=_question(tip),
            then=then,
        )


def _rule(tip: Tip, rule: Rule) -> Rule:
    """The tip's own `at` or `between` replaces the course's."""
    if tip.at is not None or tip.between is not None:
        rule = replace(rule, at=tip.at, between=tip.between)
    return replace(rule, days=tip.days) if tip.days else rule


def _variants(tip: Tip) -> tuple[Variant, ...]:
    if not tip.variants:
        return (Variant(name="default", weight=1, texts=_texts(tip, None)),)
    return tuple(Variant(name=each.name, weight=each.weight, texts=_texts(tip, each)) for each in tip.variants)


def _texts(tip: Tip, variant: course_model.Variant | None) -> Texts:
    """The texts of a tip, each replaced where the variant has its own."""
    said = [variant, tip] if variant else [tip]
    button = next((one.button for one in said if one.button), None)
    return Texts(
        subject=next(one.subject for one in said if one.subject),
        preheader=next((one.preheader for one in said if one.preheader), ""),
        body=next(one.body for one in said if one.body),
        button=Button(text=button.text, url=button.url) if button else None,
    )


def _question(tip: Tip) -> Question | None:
    asked = tip.question
    if asked is None:
        return None
    options = tuple(Option(text=o.text, correct=o.correct, because=o.because or "") for o in asked.options)
    return Question(id=asked.id or tip.tip, ask=asked.ask, options=options)
