"""What conditions and placeholders see of a learner while they are evaluated, and the sandbox that they run in."""

# mypy: disable-error-code="override, assignment"
# (Missing overrides what jinja2's StrictUndefined types as "never returns".)

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, NoReturn

from jinja2.runtime import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from drip.course.attributes import Attribute
from drip.people import Facts, Learner

FILTERS = ("default", "d", "upper", "lower", "title", "capitalize", "trim", "round", "int", "length", "replace")
TESTS = ("defined", "undefined", "none")
#: A skill is mastered by two consecutive correct answers at least this far apart (DESIGN: Conditions).
MASTERED_APART = timedelta(days=7)


_NONE: Mapping[str, Attribute] = {}


class Missing(StrictUndefined):
    """A value that this learner does not have: false, equal to nothing, in no order, and an error when printed."""

    __slots__ = ()
    __hash__ = object.__hash__

    def _no(self, _other: object = None) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return False

    def __ne__(self, other: object) -> bool:
        return True

    __bool__ = __lt__ = __le__ = __gt__ = __ge__ = __contains__ = _no

    def __len__(self) -> int:
        return 0

    def __iter__(self) -> Iterator[NoReturn]:
        return iter(())


class Record:
    """A read-only bag of values that an expression reaches with a dot; what is not in it is Missing."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, object]) -> None:
        self._values = {name: value for name, value in values.items() if value is not None and value != ""}

    def __getattr__(self, name: str) -> object:
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(name) from None


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, with a short way to what is asked for most: a value of a Record."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        """What stands behind a dot. A Record holds data only, and nothing of Python's own is among its names."""
        if type(obj) is not Record or attribute.startswith("_"):
            return super().getattr(obj, attribute)
        found = obj._values.get(attribute)
        return self.undefined(obj=obj, name=attribute) if found is None else found


def environment(*, autoescape: bool) -> Sandbox:
    """A fresh sandbox that knows the filters and tests of the course file and nothing else."""
    env = Sandbox(undefined=Missing, autoescape=autoescape, keep_trailing_newline=True)
    env.globals.clear()
    env.filters = {name: env.filters[name] for name in FILTERS}
    tests = {name: env.tests[name] for name in TESTS}
    env.tests = tests
    return env


def variables(
    *,
    learner: Learner,
    course: Mapping[str, object],
    run: int,
    facts: Facts,
    now: datetime,
    skills: Mapping[str, str],
    declared: Mapping[str, Attribute] = _NONE,
) -> dict[str, object]:
    """What expressions see. `course` has id, title and language; `skills` is question → skill; opens and clicks that
    have not settled at `now` do not count yet. `declared` gives attributes their types and defaults.
    """
    first = {question: answers[0] for question, answers in facts.answers.items() if answers}

    def settled(times: Mapping[str, datetime]) -> Callable[[str], bool]:
        return lambda name: name in times and times[name] <= now

    def score() -> object:
        return sum(a.correct for a in first.values()) / len(first) if first else Missing(name="score()")

    def mastered(skill: str) -> bool:
        answers = sorted(
            (a for q, all_ in facts.answers.items() if skills.get(q) == skill for a in all_), key=lambda a: a.at
        )
        return any(a.correct and b.correct and b.at - a.at >= MASTERED_APART for a, b in pairwise(answers))

    return {
        "learner": Record(
            {
                **learner.attributes,
                **{name: attribute.of(learner.attributes.get(name)) for name, attribute in declared.items()},
                "ref": learner.ref,
                "email": learner.email,
                "first_name": learner.first_name,
                "last_name": learner.last_name,
                "language": learner.language,
                "timezone": learner.timezone or learner.imported_timezone,
            }
        ),
        "course": Record(course),
        "enrolment": Record({"run": run}),
        "sent": lambda step: step in facts.sent,
        "opened": settled(facts.opened),
        "clicked": settled(facts.clicked),
        "answered": lambda question: question in first or question in facts.rated,
        "correct": lambda question: question in first and first[question].correct,
        "score": score,
        "event": lambda name: name in facts.events and facts.events[name] <= now,
        "mastered": mastered,
    }
