r"""drip: an email microlearning engine.

The way through the house, from a text in an editor to a number that can be believed:

    campaigns/x.yaml ─ course.parse ─→ Course ─ plan.compile ─→ Plan ─┐
                                                                      ├─ schedule.advance ─→ the next due step
    learners.csv ─ engine.learners ─→ Learner ─ engine.enrol ─────────┘             │
                                                                                    ▼
    report ←─ evidence ←─ web (links) ←─ the learner's inbox ←─ transports ←─ engine.deliver ─ render → Message

The core (track, people, course, plan, schedule, render, check, report) takes values and gives values: no clock, no
chance, no files, no network. The shell (store, transports, inbound, settings, wiring, runners, web, cli) has one effect
a module. The engine is where they meet: one use case a file.

    >>> import drip
    >>> course = drip.parse("hello.yaml", b"title: Hello\nsteps:\n  - {tip: hi, subject: Hi, body: Hello there.}\n")
    >>> course.title
    'Hello'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from drip.course.parse import parse as parse
    from drip.errors import DripError as DripError
    from drip.people import Enrolment as Enrolment
    from drip.people import Facts as Facts
    from drip.people import Learner as Learner
    from drip.plan.compile import compile_plan as compile_plan
    from drip.schedule.advance import next_due as next_due
    from drip.schedule.simulate import simulate as simulate

__version__ = "0.1.0"

#: Public name → the room that it lives in; loaded when it is first asked for (PEP 562).
_ROOMS = {
    "DripError": "drip.errors",
    "Enrolment": "drip.people",
    "Facts": "drip.people",
    "Learner": "drip.people",
    "compile_plan": "drip.plan.compile",
    "next_due": "drip.schedule.advance",
    "parse": "drip.course.parse",
    "simulate": "drip.schedule.simulate",
}
__all__ = ["DripError", "Enrolment", "Facts", "Learner", "compile_plan", "next_due", "parse", "simulate"]


def __getattr__(name: str) -> object:
    if name in _ROOMS:
        return getattr(import_module(_ROOMS[name]), name)
    raise AttributeError(f"drip has no {name}")
