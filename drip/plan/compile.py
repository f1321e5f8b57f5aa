"""Course → Plan: nested steps become one flat row, every rule is worked out, and the whole gets its hash."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from drip.course import model as course_model
from drip.course.amounts import Reentry
from drip.course.model import AnyStep, Course, If, Survey, Tip
from drip.course.timing import Rule
from drip.plan import texts
from drip.plan.model import (
    AT_ONCE,
    Award,
    Branch,
    Mail,
    Notify,
    Plan,
    Reviews,
    Sender,
    Start,
    Step,
    Tracking,
    Wait,
)
from drip.plan.stored import to_json

#: Part of every revision: raise it when the same course compiles to a plan that means something else.
COMPILER_VERSION = 4
#: What a step without an id is called, after the tip before it.
_KINDS = {
    Survey: "survey", course_model.Wait: "wait", If: "if", course_model.Notify: "notify", course_model.Award: "award",
}  # fmt: skip
#: Hexadecimal digits of SHA-256 that a revision keeps: 64 bits, against accidents (nobody gains by a collision).
REVISION_DIGITS = 16


def compile_plan(course: Course, *, layout: str) -> Plan:
    """The plan of a course. `layout` is the MJML source of its layout: its text shapes the mails, so it is hashed too.

    The same course, layout and compiler give the same plan and revision on every machine.
    """
    sender = course.sender
    plan = Plan(
        course_id=course.id,
        title=course.title,
        revision="",
        language=course.language,
        sender=Sender(name=sender.name, email=sender.email, reply_to=sender.reply_to, bounces=sender.bounces),
        layout=course.layout,
        timezone=course.timezone,
        limit=course.limit,
        start=_start(course),
        goal=course.goal,
        stop=course.stop,
        hold_while=course.hold_while,
        silent_after=course.silent.after if course.silent else None,
        stale_after=course.stale_after,
        priority=course.priority,
        reviews=_reviews(course),
        tracking=_tracking(course),
        unsubscribe=course.unsubscribe,
        holdout=course.experiment.holdout if course.experiment else 0.0,
        attributes=course.attributes,
        titles={language: said.title or course.title for language, said in course.translations.items()},
        languages=tuple(sorted(course.translations)),
        removed=course.removed,
        look=_hash(layout),
        steps=_Compiler(course).steps(),
    )
    return replace(plan, revision=_revision(plan, layout))


def skills(plan: Plan) -> Mapping[str, str]:
    """Question id → the skill that it trains, for `mastered(…)`; questions of tips without a skill are left out."""
    mails = (step for step in plan.steps if isinstance(step, Mail))
    return {mail.question.id: mail.skill for mail in mails if mail.question and mail.skill}


def _start(course: Course) -> Start:
    start = course.start
    if start is None:
        return Start()
    again = start.reentry or Reentry(kind="never")
    return Start(
        event=start.event,
        date=start.date,
        offset_days=start.offset or 0,
        when=start.when,
        reentry=again.kind,
        reentry_days=again.days,
    )


def _tracking(course: Course) -> Tracking:
    said = course.tracking
    return Tracking(opens=said.opens, clicks=said.clicks) if said else Tracking()


def _reviews(course: Course) -> Reviews | None:
    if course.reviews is None or course.reviews.strategy == "none":
        return None
    return Reviews(after_days=course.reviews.after_days, per_email=course.reviews.per_email)


def _revision(plan: Plan, layout: str) -> str:
    return _hash(str(COMPILER_VERSION), layout, to_json(plan))


def _hash(*parts: str) -> str:
    digest = hashlib.sha256()
    for part in parts:
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

    def _list(self, steps: tuple[AnyStep, ...], *, after: str | None, base: str, mails: int) -> tuple[list[Step], int]:
        """One list of steps, flat and linked; `after` follows its last. `mails` is the most mails before it.

        A step without an id of its own is named for the tip before it (`base`), which edits elsewhere leave alone. No
        written id holds a slash.
        """
        ids: list[str] = []
        for step in steps:
            if isinstance(step, Tip):
                base = step.tip
            ids.append(_written_id(step) or self._named(f"{base}/{_KINDS[type(step)]}"))
        flat: list[Step] = []
        for step, id_, then in zip(steps, ids, [*ids[1:], after][: len(ids)], strict=True):
            match step:
                case Tip():
                    mails += 1
                    flat.append(self._tip(step, then, mails))
                case Survey():
                    mails += 1
                    flat.append(self._survey(step, id_, then, mails))
                case course_model.Wait(wait=wait):
                    rule = self.course.rule
                    flat.append(Wait(id=id_, until=wait.until, at_most=wait.at_most, rule=rule, then=then))
                case course_model.Notify():
                    flat.append(Notify(id=id_, name=step.notify, then=then))
                case course_model.Award():
                    flat.append(Award(id=id_, name=step.award, then=then))
                case If():
                    yes, most_yes = self._list(step.then, after=then, base=f"{id_}/then", mails=mails)
                    no, most_no = self._list(step.otherwise, after=then, base=f"{id_}/else", mails=mails)
                    branch = Branch(
                        id=id_,
                        condition=step.condition,
                        gap=self.course.every,
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

    def _tip(self, tip: Tip, then: str | None, number: int) -> Mail:
        return Mail(
            id=tip.tip,
            gap=tip.after or self.course.every,
            first_gap=tip.after or AT_ONCE,
            rule=_rule(tip, self.course.rule),
            variants=texts.variants(self.course, tip),
            number=number,
            of=number,
            when=tip.when,
            objective=tip.objective or "",
            objectives=texts.objectives(self.course, tip),
            skill=tip.skill or "",
            question=texts.question(tip),
            questions=texts.questions(self.course, tip),
            stale_after=tip.stale_after,
            renamed_from=tip.renamed_from,
            then=then,
        )

    def _survey(self, survey: Survey, id_: str, then: str | None, number: int) -> Mail:
        return Mail(
            id=id_,
            gap=survey.after or self.course.every,
            first_gap=survey.after or AT_ONCE,
            rule=_rule(survey, self.course.rule),
            variants=(texts.survey_variant(self.course, survey),),
            number=number,
            of=number,
            when=survey.when,
            survey=texts.survey(self.course, survey, id_),
            surveys={code: texts.survey(self.course, survey, id_, code) for code in self.course.translations},
            stale_after=survey.stale_after,
            then=then,
        )


def _written_id(step: AnyStep) -> str | None:
    match step:
        case Tip():
            return step.tip
        case Survey() | course_model.Notify() | course_model.Award():
            return step.id
        case _:
            return None


def _rule(step: Tip | Survey, rule: Rule) -> Rule:
    """The step's own `at` or `between` replaces the course's."""
    if step.at is not None or step.between is not None:
        rule = replace(rule, at=step.at, between=step.between)
    return replace(rule, days=step.days) if step.days else rule
