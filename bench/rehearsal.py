"""What `drip simulate` costs: a cohort through a 20-step course, in CPU time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from drip.course.parse import parse
from drip.engine.rehearse import read_crowd, rehearse
from drip.plan.compile import compile_plan
from drip.plan.model import Plan
from drip.schedule.script import read_script

_START = datetime(2026, 3, 2, 7, tzinfo=UTC)
_ZONES = ("Europe/Stockholm", "Europe/London", "America/New_York", "Asia/Tokyo")
_SCRIPT = b"""\
every:
  open: {after: 20 minutes, share: 70%}
  click: {after: 1 hour, share: 40%}
  answer: {option: {right: 50%, wrong: 20%}, after: 2 hours}
events: [{event: bought, after: 25 days, share: 20%}]
"""
_TIP = """\
  - tip: tip-{0}
    subject: Tip {0}
    body: "[See](https://app.acme.example/{0})."
    question: {{ask: Where?, options: [{{text: Here, correct: true}}, {{text: There}}]}}
"""
#: Twenty steps: tips with questions, a wait, and an `if` with two ways.
_COURSE = """\
title: Twenty steps
sender: {name: Acme Academy, email: learn@acme.example}
timing: {every: 1 day, at: "09:00", days: mon-fri, skip_holidays: SE, limit: 1 per day, timezone: Europe/Stockholm}
goal: event("bought")
silent: {after: 12 mails, then: pause}
REVIEWS
steps:
"""
_FORK = """\
  - wait: {until: answered("tip-8"), at_most: 3 days}
  - if: correct("tip-8")
    then: [{tip: good, subject: Good, body: On you go.}]
    else: [{tip: again, subject: Again, body: Once more.}]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """One cohort: how many learners and mails, and seconds of CPU."""

    learners: int
    mails: int
    cpu: float


def simulated(learners: int, *, reviews: bool) -> Rehearsed:
    """Simulate so many learners who open, click and answer; reading their file is part of it."""
    plan = _plan(reviews)
    script = read_script("answers.yaml", _SCRIPT, plan)
    rows = (f"learner{n}@company{n % 97}.example,{_ZONES[n % len(_ZONES)]}" for n in range(learners))
    data = "\n".join(["email,timezone", *rows]).encode()
    before = time.process_time()
    crowd = read_crowd(data, "people.csv")
    found = rehearse(plan, crowd, start=_START, over=timedelta(days=30), script=script, seed="7")
    return Rehearsed(learners=learners, mails=found.mails, cpu=time.process_time() - before)


def _plan(reviews: bool) -> Plan:
    tips = [_TIP.format(number) for number in range(1, 18)]
    text = _COURSE.replace("REVIEWS", "reviews: {after_days: [5, 20]}" if reviews else "") + "".join(
        [*tips[:8], _FORK, *tips[8:]]
    )
    return compile_plan(parse("twenty-steps.yaml", text.encode()), layout="")
