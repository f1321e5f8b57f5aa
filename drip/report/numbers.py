"""Evidence → numbers: what a course did, step by step, with people and machines apart.

Opens and clicks are counted as *mails*: a mail that a person opened five times is one. A mail with evidence by a person
counts as theirs; one with none of that, but some that is unsure, as unsure; one that only machines touched, as theirs.
Learning is judged by first answers alone, since by the second the learner has been told.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby

from drip.report.model import (
    CONFIDENCES,
    GONE,
    WAITING,
    Answers,
    Counts,
    CourseReport,
    Info,
    Mails,
    Ratings,
    Seen,
    Share,
    StepReport,
)
from drip.track.classify import Verdict, classify
from drip.track.evidence import Evidence, Kind, Origin


def course_report(info: Info, counts: Counts, seen: Iterable[Seen]) -> CourseReport:
    """The report of a course. `seen` is read once and may be long; the mails of one enrolment stand together in it.

    Opens and clicks count for mails known to be sent, so that they never outnumber them; answers count in any case.
    """
    tallies: dict[tuple[str, str], _Tally] = defaultdict(_Tally)
    asked = _Asked(teaches=info.teaches)
    for _, mails in groupby(seen, key=lambda one: one.enrolment_id):
        _count_enrolment(tallies, asked, list(mails))
    mailed = dict.fromkeys((*counts.mails, *tallies))
    current = dict(info.steps)
    steps = []
    for step in dict.fromkeys((*current, *(step for step, _ in mailed))):
        had = [variant for one, variant in mailed if one == step]
        now = current.get(step, ())
        parts = [
            _part(step, variant, variant not in now, counts.mails.get((step, variant), {}), tallies[step, variant])
            for variant in dict.fromkeys((*now, *had))
        ]
        steps.append(_whole(step, step not in current, parts))
    states: Counter[str] = Counter()
    finished_by: Counter[str] = Counter()
    for (state, ended_by), count in counts.states.items():
        states[state] += count
        if state == "finished":
            finished_by[ended_by or "last step"] += count
    return CourseReport(
        course=info.course,
        title=info.title,
        revision=info.revision,
        published_at=info.published_at,
        paused_at=info.paused_at,
        enrolled=states.total(),
        active=states["active"],
        paused=states["paused"],
        finished=states["finished"],
        finished_by=dict(finished_by),
        left=states["left"],
        failed=states["failed"],
        held=counts.held,
        in_doubt=sum(step.in_doubt for step in steps),
        sent=sum(step.sent for step in steps),
        answers=sum((step.answers for step in steps), Answers()),
        steps=tuple(steps),
        held_out=counts.held_out,
        opens=info.opens,
        reviewed=Share(count=asked.reviewed[True], n=asked.reviewed.total()),
        ratings={
            survey: Ratings(counts=dict(sorted(given.items())), kind=info.surveys.get(survey, "scale"))
            for survey, given in asked.ratings.items()
        },
    )


@dataclass(slots=True, kw_only=True)
class _Asked:
    """Running counts over the whole course. `reviewed` is right or wrong → answers to questions that came back."""

    teaches: Mapping[str, str]
    reviewed: Counter[bool] = field(default_factory=Counter)
    ratings: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))


class _Tally:
    """Running counts of one variant of one step."""

    def __init__(self) -> None:
        self.opened: Counter[Origin] = Counter()
        self.clicked: Counter[Origin] = Counter()
        self.left = self.later = 0
        #: how sure → [wrong, right]
        self.first: dict[str, list[int]] = defaultdict(lambda: [0, 0])


def _count_enrolment(tallies: dict[tuple[str, str], _Tally], asked: _Asked, mails: Sequence[Seen]) -> None:
    answers: list[tuple[datetime, _Tally, Evidence]] = []
    rated: dict[str, tuple[datetime, int]] = {}
    variants = {mail.step: mail.variant for mail in mails}
    for mail in mails:
        tally = tallies[mail.step, mail.variant]
        for event in mail.events:
            if event.kind is Kind.ANSWER:
                owner = asked.teaches.get(event.item, mail.step)
                taught = tallies[owner, variants[owner]] if owner in variants else tally
                answers.append((event.at, taught, event))
                asked.reviewed[event.data.get("correct") is True] += owner != mail.step
            elif event.kind is Kind.RATING and isinstance(rating := event.data.get("rating"), int):
                rated[event.item] = min(rated.get(event.item, (event.at, rating)), (event.at, rating))
        if mail.sent:
            judged = list(zip(mail.events, classify(mail.events, mail.sent_at), strict=True))
            _count_mail(tally.opened, judged, Kind.OPEN)
            _count_mail(tally.clicked, judged, Kind.CLICK)
            tally.left += any(event.kind is Kind.UNSUBSCRIBE for event in mail.events)
    for survey, (_, rating) in rated.items():
        asked.ratings[survey][rating] += 1
    answered: set[str] = set()
    for _, tally, event in sorted(answers, key=lambda one: one[0]):
        if event.item in answered:
            tally.later += 1
            continue
        answered.add(event.item)
        tally.first[str(event.data.get("sure") or "")][event.data.get("correct") is True] += 1


def _count_mail(counts: Counter[Origin], judged: Sequence[tuple[Evidence, Verdict]], kind: Kind) -> None:
    """Count this mail once, for the most human of those who did it."""
    by = {verdict.origin for event, verdict in judged if event.kind is kind}
    for origin in (Origin.HUMAN, Origin.UNSURE, Origin.MACHINE):
        if origin in by:
            counts[origin] += 1
            return


def _part(step: str, variant: str, dropped: bool, states: Mapping[str, int], tally: _Tally) -> StepReport:
    shares = {sure: Share(count=right, n=wrong + right) for sure, (wrong, right) in tally.first.items()}
    return StepReport(
        step=step,
        variant=variant,
        dropped=dropped,
        sent=sum(states.get(state, 0) for state in GONE),
        waiting=sum(states.get(state, 0) for state in WAITING),
        in_doubt=states.get("in_doubt", 0),
        held=states.get("held", 0),
        failed=states.get("failed", 0),
        cancelled=states.get("cancelled", 0),
        delivered=states.get("delivered", 0),
        bounced=states.get("bounced", 0),
        complained=states.get("complained", 0),
        opened=_mails(tally.opened),
        clicked=_mails(tally.clicked),
        left=tally.left,
        answers=Answers(
            correct=sum(shares.values(), Share()),
            later=tally.later,
            by_confidence={sure: shares.get(sure, Share()) for sure in CONFIDENCES},
        ),
    )


def _mails(by: Counter[Origin]) -> Mails:
    return Mails(people=by[Origin.HUMAN], unsure=by[Origin.UNSURE], machines=by[Origin.MACHINE])


def _whole(step: str, dropped: bool, parts: Sequence[StepReport]) -> StepReport:
    """A step from its variants, which stay apart only where there are several."""
    return StepReport(
        step=step,
        dropped=dropped,
        sent=sum(part.sent for part in parts),
        waiting=sum(part.waiting for part in parts),
        in_doubt=sum(part.in_doubt for part in parts),
        held=sum(part.held for part in parts),
        failed=sum(part.failed for part in parts),
        cancelled=sum(part.cancelled for part in parts),
        delivered=sum(part.delivered for part in parts),
        bounced=sum(part.bounced for part in parts),
        complained=sum(part.complained for part in parts),
        opened=sum((part.opened for part in parts), Mails()),
        clicked=sum((part.clicked for part in parts), Mails()),
        left=sum(part.left for part in parts),
        answers=sum((part.answers for part in parts), Answers()),
        variants=tuple(parts) if len(parts) > 1 else (),
    )
