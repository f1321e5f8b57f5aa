"""May anything be sent to this enrolment at all? Goal, stop, hold and silence, looked at again at every claim."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from drip.course.expressions import holds
from drip.people import Enrolment, Facts, State
from drip.plan.model import Plan

#: What `ended_by` says of an enrolment that reached its goal, that was stopped, or that had everything.
GOAL, STOP, LAST_STEP = "goal", "stop", "last step"
#: What `paused_by` says of an enrolment that `silent` paused.
SILENT = "silent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shut:
    """Why nothing is sent, and how the enrolment stands for it: ended, held or paused."""

    enrolment: Enrolment
    reason: str

    @property
    def ends(self) -> bool:
        """Whether it is over for good: the goal was reached, or it was stopped."""
        return self.enrolment.ended_by in (GOAL, STOP)


def shut(plan: Plan, enrolment: Enrolment, sees: Mapping[str, object], now: datetime) -> Shut | None:
    """Whether goal, stop or hold stand in the way. `sees` is what conditions see. Raises ExpressionError."""
    for condition, by in ((plan.goal, GOAL), (plan.stop, STOP)):
        if condition is not None and holds(condition, sees):
            ended = replace(enrolment, state=State.FINISHED, ended_by=by, target=None, held_since=None)
            return Shut(enrolment=ended, reason=f"{by}: {condition} is true")
    if plan.hold_while is not None and holds(plan.hold_while, sees):
        held = replace(enrolment, held_since=enrolment.held_since or now)
        return Shut(enrolment=held, reason=f"held while {plan.hold_while}")
    return None


def released(enrolment: Enrolment, now: datetime) -> Enrolment:
    """The enrolment after a hold or a pause, if there was one: how long it lasted is remembered."""
    if enrolment.held_since is None:
        return enrolment
    lasted = max(timedelta(0), now - enrolment.held_since)
    return replace(enrolment, held_since=None, held_for=enrolment.held_for + lasted, paused_by=None)


def silenced(plan: Plan, enrolment: Enrolment, facts: Facts, now: datetime) -> Shut | None:
    """Whether so many mails have brought no sign of life that `silent` pauses the enrolment."""
    if plan.silent_after is None:
        return None
    unanswered = sum(facts.alive_at is None or at > facts.alive_at for at in facts.sends)
    if unanswered < plan.silent_after:
        return None
    paused = replace(enrolment, state=State.PAUSED, paused_by=SILENT, held_since=now)
    return Shut(enrolment=paused, reason=f"{unanswered} mails without a click or an answer")
