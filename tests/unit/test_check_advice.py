"""Facts about advice: what is warned of, where, and what is left in peace (the words: tests/data/courses/*.txt)."""

from __future__ import annotations

import pytest

from drip.check import advise
from drip.check.placeholders import unguarded
from drip.course.attributes import Attribute
from drip.course.model import Defaults
from drip.course.parse import parse
from drip.errors import Mistake
from drip.plan.compile import compile_plan


def advice(text: str) -> tuple[Mistake, ...]:
    course = parse("campaigns/course.yaml", text.encode())
    return advise(course, compile_plan(course, layout=""))


def rules(
    text: str, *, but: tuple[str, ...] = ("no-objective", "no-question", "too-short", "if-without-else")
) -> list[str]:
    """The rules that find something in a course, without those that these sketches of courses are not about."""
    return [mistake.rule for mistake in advice(text) if mistake.rule not in but]


QUESTION = "question: {ask: Q, options: [{text: A, correct: true, because: x}, {text: B, because: y}]}"
ONE = f"  - {{tip: one, subject: S, preheader: P, body: B, {QUESTION}}}\n"
HEAD = "title: T\nsteps:\n" + ONE


def test_a_good_course_is_left_in_peace() -> None:
    """No advice on a course that does everything as advised."""
    assert advice(HEAD) == ()


def test_advice_is_a_warning_with_a_place_and_a_hint() -> None:
    """Each has severity `warning`, its line, and what to do; they come in the order of the lines."""
    found = advice(
        "title: T\nsteps:\n  - {tip: one, subject: " + "s" * 61 + ", body: B}\n  - {tip: two, subject: S, body: B}\n"
    )
    assert [(m.severity, m.line, m.rule) for m in found] == [
        ("warning", 3, "no-preheader"),
        ("warning", 3, "long-subject"),
        ("warning", 4, "no-preheader"),
    ]
    assert all(m.hint and m.excerpt for m in found)


@pytest.mark.parametrize(
    "step",
    [
        '  - {tip: two, subject: S, preheader: P, body: B, when: opened("one")}\n',
        '  - wait: {until: opened("one"), at_most: 1 day}\n',
        '  - if: not opened("one")\n    then: [{tip: two, subject: S, preheader: P, body: B}]\n',
    ],
)
def test_opens_decide_nothing(step: str) -> None:
    """`opened` in a `when`, a wait or an `if` is warned of; `answered` is not."""
    assert rules(HEAD + step) == ["open-gates"]
    assert rules(HEAD + step.replace("opened", "answered")) == []


@pytest.mark.parametrize(
    ("when", "found"),
    [
        ('sent("one")', []),
        ('answered("one")', []),
        ('sent("two")', ["asked-too-early"]),
        ('sent("three")', ["asked-too-early"]),
        ('not answered("three")', ["asked-too-early"]),
        ('event("x") and score() > 0.5', []),
    ],
)
def test_nobody_has_answered_what_comes_later(when: str, found: list[str]) -> None:
    """A condition on the tip itself or on a later one is always the same."""
    three = ONE.replace("tip: one", "tip: three")
    assert rules(HEAD + f"  - {{tip: two, subject: S, preheader: P, body: B, when: '{when}'}}\n" + three) == found


def test_nobody_has_been_sent_anything_before_the_start() -> None:
    """A `start.when` that asks for evidence lets nobody in."""
    assert rules(HEAD.replace("steps:", 'start: {when: sent("one")}\nsteps:')) == ["asked-too-early"]


@pytest.mark.parametrize(
    ("timing", "after", "found"),
    [
        ("at: 09:00", "24 hours", ["hours-then-at"]),
        ("at: 09:00", "0 hours", []),
        ("at: 09:00", "1 day", []),
        ("between: 08:00-10:00", "24 hours", []),
        ("days: mon-fri", "24 hours", []),
        ("at: 09:00", "24 hours, between: 08:00-10:00", []),
        ("days: mon-fri", "90 minutes, at: 09:00", ["hours-then-at"]),
        ("at: 09:00, every: 24 hours", "1 day", ["hours-then-at"]),
    ],
)
def test_hours_that_end_in_a_time_of_day(timing: str, after: str, found: list[str]) -> None:
    """`24 hours` before `at: 09:00` mostly means a day more than its author thinks."""
    two = f"  - {{tip: two, subject: S, preheader: P, body: B, after: {after}}}\n"
    assert rules(f"title: T\ntiming: {{{timing}}}\nsteps:\n{ONE}{two}") == found


def test_subjects_are_measured_without_their_placeholders() -> None:
    """Sixty characters are shown; a long placeholder is not what the learner sees."""
    placeholder = "{{ learner.first_name | default('a long word that is not shown to most') }}"
    tip = '  - {tip: two, subject: "%s", preheader: P, body: B}\n'
    assert rules(HEAD + tip % ("s" * 60)) == []
    assert rules(HEAD + tip % (placeholder + "s" * 60)) == []
    assert rules(HEAD + tip % (placeholder + "s" * 61)) == ["long-subject"]


def test_each_option_says_why() -> None:
    """An option without `because` leaves its chooser without a reason: one warning for each."""
    assert rules(HEAD.replace(", because: y", "")) == ["no-because"]
    assert rules(HEAD.replace(", because: x", "").replace(", because: y", "")) == ["no-because"] * 2


def test_a_course_of_three_tips_asks_something() -> None:
    """One warning for the course, none for its tips; an announcement of two tips may go without."""
    tips = [f"  - {{tip: t{n}, subject: S, preheader: P, body: B}}\n" for n in range(3)]
    assert rules("title: T\nsteps:\n" + "".join(tips)) == ["no-questions"]
    assert rules("title: T\nsteps:\n" + "".join(tips[:2])) == []
    assert rules(HEAD + "".join(tips)) == []


def test_placeholders_in_other_places_stay_braces() -> None:
    """In the title, the objective and the question nothing is filled in: that is warned of."""
    name = "{{ learner.first_name }}"
    assert rules(HEAD.replace("title: T", f'title: "{name}"')) == ["unfilled-placeholder"]
    assert rules(HEAD.replace("ask: Q", f'ask: "{name}"')) == ["unfilled-placeholder"]
    assert rules(HEAD.replace("preheader: P", f'preheader: P, objective: "{name}"')) == ["unfilled-placeholder"]
    assert rules(HEAD.replace("body: B", 'body: "{{ course.title }}"')) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{{ learner.first_name }}", ["first_name"]),
        ("{{ learner.first_name | upper }} {{ learner.plan ~ learner.first_name }}", ["first_name", "plan"]),
        ("{{ learner.first_name | default('you') }}", []),
        ("{{ learner.first_name | default(learner.last_name) }}", []),
        ("{{ learner.email }} {{ learner.ref }} {{ course.title }}", []),
        ("{% if learner.plan %}{{ learner.plan }}{% endif %}", []),
        (
            "{% if learner.plan is defined and sent('one') %}{{ learner.plan }}{% else %}{{ learner.x }}{% endif %}",
            ["x"],
        ),
        ("{{ learner.plan if learner.plan else 'none' }}", []),
        ("{% if learner.plan == 'pro' %}Hello{% endif %}", []),
    ],
)
def test_a_value_that_some_lack_needs_a_default(text: str, found: list[str]) -> None:
    """Printing what a learner may not have holds the mail: `default`, or an `if` on it, says what instead."""
    assert list(unguarded(text)) == found
    tip = f'  - tip: two\n    subject: S\n    preheader: P\n    body: "{text}"\n'
    assert rules(HEAD + tip) == ["no-default"] * len(found)


def test_a_button_needs_its_values_too() -> None:
    """The place is the field in the address."""
    button = 'button: {text: Go, url: "https://a.example/{{ learner.plan }}"}'
    tip = f"  - {{tip: two, subject: S, preheader: P, body: B, {button}}}"
    (found,) = advice(HEAD + tip + "\n")
    assert (found.rule, found.excerpt[found.column - 1 :][: found.width]) == ("no-default", "learner.plan")


def test_a_declared_default_is_a_value() -> None:
    """What `[learner]` declares with a default nobody lacks; what it declares without one, some may."""
    said = {"plan": Attribute(type="text", default="trial"), "city": Attribute(type="text")}
    tip = "  - {tip: two, subject: S, preheader: P, body: 'In {{ learner.city }} on {{ learner.plan }}'}\n"
    course = parse("campaigns/course.yaml", (HEAD + tip).encode(), Defaults(attributes=said))
    found = advise(course, compile_plan(course, layout=""))
    assert [one.message for one in found if one.rule == "no-default"] == [
        "a learner without city does not get this mail"
    ]


def test_a_survey_needs_its_values_too() -> None:
    """It is a mail as a tip is."""
    assert rules(HEAD + "  - {survey: nps, ask: Q, subject: 'For {{ learner.company }}'}\n") == ["no-default"]


@pytest.mark.parametrize(
    ("subject", "found"),
    [
        ("Tip #1 for you", ["lost-after-hash"]),
        ("Tip  #1", ["lost-after-hash"]),
        ('"Tip #1 for you"', []),
        ("Tip#1", []),
        ("Tip  # the first one", []),
        ("Tip\n    # a note", []),
        ("Tip\n    #a note", []),
    ],
)
def test_a_hash_does_not_cut_a_subject_silently(subject: str, found: list[str]) -> None:
    """`subject: Tip #1` would be mailed as `Tip`; a comment with a space after its # is one."""
    assert rules(HEAD + f"  - tip: two\n    preheader: P\n    subject: {subject}\n    body: B\n") == found
