"""What a learner does with the mails of a simulation: dated acts, and the facts that they leave behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from drip.course.timing import Gap
from drip.people import Answer, Facts, Learner
from drip.plan.choice import fraction
from drip.plan.model import Mail, Plan
from drip.schedule.civil import add
from drip.track.evidence import SETTLES_AFTER, Kind

#: The learner's attribute by which an import says whether opens may be recorded (`tracking: {opens: consented}`). The
#: learner's own word, where there is one, goes over it: an old list must not bring back what they took away.
CONSENT = "consent_opens"
_YES, _NO = ("yes", "true", "1"), ("no", "false", "0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """Something that `share` of all learners (0 to 1) do, so long after the mail, or after the enrolment."""

    after: Gap
    share: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer: which option, counted from 0, what share of all learners press, and how sure they say they are."""

    after: Gap
    options: tuple[tuple[int, float], ...]
    sure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Something that happens elsewhere, by the name of its event."""

    name: str
    press: Press


@dataclass(frozen=True, slots=True, kw_only=True)
class Acts:
    """What learners do with one mail. `replies` has an answer for each time that its question comes (None: none then);
    the last one holds for all times after it.
    """

    open: Press | None = None
    click: Press | None = None
    replies: tuple[Reply | None, ...] = ()
    rating: Press | None = None
    leave: Press | None = None
    events: tuple[Outcome, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What learners do: `acts` by step, `events` counted from the enrolment. Empty: nothing."""

    acts: Mapping[str, Acts] = field(default_factory=dict)
    events: tuple[Outcome, ...] = ()


NOTHING = Script()


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """One thing that one learner does. `item` names the question, the survey or the event."""

    at: datetime
    kind: Kind
    step: str = ""
    item: str = ""
    option: int = -1
    correct: bool = False
    sure: str = ""


def tracks_opens(plan: Plan, learner: Learner) -> bool:
    """Whether a mail to this learner carries a pixel."""
    return opens_recorded(plan.tracking.opens, learner.consents_opens, learner.attributes.get(CONSENT))


def opens_recorded(course: str, own: bool | None, imported: object) -> bool:
    """Whether a learner's opens are recorded: the course says `always` and they have not refused, or it says
    `consented` and they have agreed. `own` is their own last word, `imported` what an import said (CONSENT).
    """
    agrees = own if own is not None else _said(imported)
    return agrees is not False if course == "always" else agrees is True if course == "consented" else False


def consents_opens(learner: Learner) -> bool | None:
    """Whether this learner agrees to having their opens recorded; None where nobody has said anything."""
    own = learner.consents_opens
    return own if own is not None else _said(learner.attributes.get(CONSENT))


def _said(imported: object) -> bool | None:
    word = "" if imported is None else str(imported).strip().lower()
    return True if word in _YES else False if word in _NO else None


def acts_from_start(script: Script, learner: Learner, start: datetime, zone: ZoneInfo, seed: str) -> list[Act]:
    """What happens elsewhere, whatever is mailed."""
    return list(_outcomes(script.events, (seed, learner.ref), start, zone))


def acts_after_mail(
    script: Script,
    plan: Plan,
    learner: Learner,
    mail: Mail | None,
    asked: Sequence[tuple[Mail, int]],
    at: datetime,
    zone: ZoneInfo,
    seed: str,
) -> Iterator[Act]:
    """What this learner does with the mail that came at `at` (None: a recap).

    `asked` are the tips whose questions stand in it, its own too, each with how often it was asked before. Days are
    counted in the learner's zone. Whatever this course does not record does not happen.
    """
    who = (seed, learner.ref)
    for teacher, before in asked:
        acts = script.acts.get(teacher.id)
        if acts is not None and acts.replies and teacher.question is not None:
            reply = acts.replies[min(before, len(acts.replies) - 1)]
            point = fraction(*who, teacher.id, f"answer {before}")
            option = _drawn(reply.options, point) if reply is not None else None
            if reply is not None and option is not None:
                yield Act(
                    at=add(at, reply.after, zone),
                    kind=Kind.ANSWER,
                    step=teacher.id if mail is None else mail.id,
                    item=teacher.question.id,
                    option=option,
                    correct=teacher.question.options[option].correct,
                    sure=reply.sure,
                )
    acts = script.acts.get(mail.id) if mail is not None else None
    if mail is None or acts is None:
        return
    if acts.open is not None and tracks_opens(plan, learner) and _does(acts.open, *who, mail.id, "open"):
        yield Act(at=add(at, acts.open.after, zone), kind=Kind.OPEN, step=mail.id)
    if acts.click is not None and plan.tracking.clicks == "always" and _does(acts.click, *who, mail.id, "click"):
        yield Act(at=add(at, acts.click.after, zone), kind=Kind.CLICK, step=mail.id)
    if acts.rating is not None and mail.survey is not None and _does(acts.rating, *who, mail.id, "rating"):
        yield Act(at=add(at, acts.rating.after, zone), kind=Kind.RATING, step=mail.id, item=mail.survey.id)
    if acts.leave is not None and _does(acts.leave, *who, mail.id, "leave"):
        yield Act(at=add(at, acts.leave.after, zone), kind=Kind.UNSUBSCRIBE, step=mail.id)
    yield from _outcomes(acts.events, (*who, mail.id), at, zone)


def with_act(facts: Facts, act: Act) -> Facts:
    """The facts once this has arrived: the same that `people.summarise` makes of such evidence by a person."""
    counts_at = act.at + SETTLES_AFTER
    alive_at = facts.alive_at
    match act.kind:
        case Kind.OPEN:
            return replace(facts, opened=_first(facts.opened, act.step, counts_at))
        case Kind.CLICK:
            return replace(
                facts,
                clicked=_first(facts.clicked, act.step, counts_at),
                alive_at=max(alive_at or counts_at, counts_at),
            )
        case Kind.ANSWER:
            given = Answer(at=act.at, option=act.option, correct=act.correct, sure=act.sure)
            answers = {**facts.answers, act.item: (*facts.answers.get(act.item, ()), given)}
            return replace(facts, answers=answers, alive_at=max(alive_at or act.at, act.at))
        case Kind.RATING:
            rated = _first(facts.rated, act.item, act.at)
            return replace(facts, rated=rated, alive_at=max(alive_at or rated[act.item], rated[act.item]))
        case Kind.EVENT:
            return replace(facts, events=_first(facts.events, act.item, act.at))
        case _:
            return facts


def _first(times: Mapping[str, datetime], name: str, at: datetime) -> dict[str, datetime]:
    return {**times, name: min(times.get(name, at), at)}


def _outcomes(outcomes: Sequence[Outcome], who: Sequence[str], at: datetime, zone: ZoneInfo) -> Iterator[Act]:
    for number, outcome in enumerate(outcomes):
        if _does(outcome.press, *who, f"event {number} {outcome.name}"):
            yield Act(at=add(at, outcome.press.after, zone), kind=Kind.EVENT, item=outcome.name)


def _does(press: Press, *parts: str) -> bool:
    """Whether this learner is one of the share who do it: the same ones each time."""
    return press.share >= 1 or fraction(*parts) < press.share


def _drawn(options: Sequence[tuple[int, float]], point: float) -> int | None:
    """The option that lies at this point of all learners, None for whoever answers nothing."""
    for option, share in options:
        point -= share
        if point < 0 or share >= 1:
            return option
    return None
