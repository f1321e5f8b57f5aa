"""What a certificate says: who has completed which course, when, and what was learned."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from drip.engine.sending import facts_of
from drip.people import Learner
from drip.plan.model import Mail, Plan
from drip.schedule.slots import zone_of
from drip.store import Store, awards, courses, enrolments
from drip.track.evidence import Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One certificate, in `language`. `day` is the learner's own, as it was then; `correct` of `answered` counts first
    answers.

    `objectives` and `skills` are those of the tips that came, in their order.
    """

    learner: Learner
    plan: Plan
    language: str
    day: date
    objectives: tuple[str, ...]
    skills: tuple[str, ...]
    answered: int
    correct: int


def certificate_of(store: Store, enrolment_id: int) -> Certificate | None:
    """The certificate of an enrolment; None where it was given none, or nothing is known of it any more."""
    with store.read() as conn:
        standing, award = enrolments.by_id(conn, enrolment_id), awards.latest(conn, enrolment_id)
        if standing is None or award is None:
            return None
        plan = courses.plan_of(conn, standing.enrolment.revision)
        facts = facts_of(conn, [standing.enrolment])[0][enrolment_id]
    if plan is None:
        return None
    came = [step for step in plan.steps if isinstance(step, Mail) and step.id in facts.sent]
    language = plan.language_for(standing.learner.language)
    first = [answers[0] for answers in facts.answers.values() if answers]
    return Certificate(
        learner=standing.learner,
        plan=plan,
        language=language,
        day=_day(award, standing.learner, plan),
        objectives=tuple(dict.fromkeys(mail.objective_in(language) for mail in came if mail.objective)),
        skills=tuple(dict.fromkeys(mail.skill for mail in came if mail.skill)),
        answered=len(first),
        correct=sum(answer.correct for answer in first),
    )


def _day(award: Evidence, learner: Learner, plan: Plan) -> date:
    """The learner's day on which it was given; where that was not written down yet, by the zone that they have now."""
    day = award.data.get("day")
    return date.fromisoformat(day) if isinstance(day, str) else award.at.astimezone(zone_of(learner, plan)).date()
