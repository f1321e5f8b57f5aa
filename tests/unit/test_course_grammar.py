"""Facts about what a course file may say: each construct as it is read, and the defaults behind it."""

from __future__ import annotations

import resource

import pytest

from drip.course.model import PLACEHOLDER_SENDER, Course, Defaults, If, Sender, Tip, Wait
from drip.course.parse import parse
from drip.course.timing import ALL_DAYS, Gap, Limit, Rule, Unit, Window
from drip.errors import CourseError

DAYS = Unit.DAYS
TIP = "  - {tip: one, subject: Hello, body: Hello.}\n"
SENDER = Sender(name="Acme", email="learn@acme.example", reply_to=None)


def read(text: str, defaults: Defaults = Defaults(), name: str = "campaigns/course.yaml") -> Course:  # noqa: B008
    return parse(name, text.encode(), defaults)


def first_tip(text: str) -> Tip:
    step = read(f"title: T\nsteps:\n{text}").steps[0]
    assert isinstance(step, Tip)
    return step


def messages(text: str, defaults: Defaults = Defaults(), name: str = "campaigns/course.yaml") -> list[str]:  # noqa: B008
    with pytest.raises(CourseError) as caught:
        read(text, defaults, name)
    return [mistake.message for mistake in caught.value.mistakes]


def test_the_shortest_course_stands_alone() -> None:
    """Five lines are a course outside a workspace: id from the file, a day apart, at any time, in UTC."""
    course = read("title: T\nsteps:\n" + TIP, name="campaigns/first-report.yaml")
    assert (course.id, course.language, course.layout, course.timezone) == ("first-report", "en", "tip", "UTC")
    assert (course.every, course.rule, course.limit) == (Gap(count=1, unit=DAYS), Rule(), None)
    assert course.sender == PLACEHOLDER_SENDER


@pytest.mark.parametrize(
    ("name", "course_id"),
    [
        ("a/b/first-report.yaml", "first-report"),
        ("a\\b\\first.yml", "first"),
        ("first.YAML", "first"),
        ("first", "first"),
    ],
)
def test_the_id_is_the_name_of_the_file(name: str, course_id: str) -> None:
    """Whatever the folder, the system's slashes, and the end of the name."""
    assert read("title: T\nsteps:\n" + TIP, name=name).id == course_id


def test_a_file_name_that_is_no_id_needs_one_written() -> None:
    """`My course.yaml` is told what to write; with an `id` of its own it is fine."""
    text = "title: T\nsteps:\n" + TIP
    assert messages(text, name="My course.yaml") == ["the file's name, \"My course\", cannot be the course's id"]
    assert read("id: mine\n" + text, name="My course.yaml").id == "mine"


def test_a_translation_is_refused_by_name() -> None:
    """`first-report.sv.yaml` is not taken for a course of its own; the course that it belongs to is named."""
    (message,) = messages("title: T\nsteps:\n" + TIP, name="first-report.sv.yaml")
    assert "first-report.yaml" in message


def test_a_workspace_without_a_sender_wants_one() -> None:
    """Real mails never come from the placeholder: a workspace without a sender gives none."""
    text = "title: T\nsteps:\n" + TIP
    assert messages(text, Defaults(sender=None)) == ['"sender" is missing']
    assert read(text, Defaults(sender=SENDER)).sender == SENDER
    own = "sender: {name: Me, email: me@acme.example}\n" + text
    assert read(own, Defaults(sender=SENDER)).sender.name == "Me"


def test_what_a_course_does_not_say_comes_from_the_defaults() -> None:
    """Every timing word, the language and the layout, each on its own."""
    defaults = Defaults(
        sender=SENDER,
        language="sv",
        layout="brand",
        every=Gap(count=2, unit=DAYS),
        at=9 * 60,
        days=frozenset(range(5)),
        skip_holidays="SE",
        timezone="Europe/Stockholm",
        limit=Limit(count=1, per="day"),
    )
    course = read("title: T\nsteps:\n" + TIP, defaults)
    assert (course.language, course.layout, course.timezone) == ("sv", "brand", "Europe/Stockholm")
    assert course.rule == Rule(at=9 * 60, days=frozenset(range(5)), holidays="SE")
    assert (course.every.count, course.limit) == (2, Limit(count=1, per="day"))
    other = read("title: T\nlanguage: en\ntiming: {days: sat, limit: 3 per week}\nsteps:\n" + TIP, defaults)
    assert (other.language, other.rule.days, other.limit) == ("en", frozenset({5}), Limit(count=3, per="week"))
    assert other.rule.at == 9 * 60


def test_the_hours_of_a_course_replace_the_hour_of_the_defaults() -> None:
    """`between` in a course and `at` in drip.toml do not fight: one of them holds."""
    course = read("title: T\ntiming: {between: 08:00-10:00}\nsteps:\n" + TIP, Defaults(at=540))
    assert course.rule == Rule(between=Window(start=480, end=600), days=ALL_DAYS)


def test_everything_a_tip_may_say() -> None:
    """Each key of a tip arrives as the value that it means."""
    tip = first_tip("""\
  - tip: one
    subject: S
    preheader: P
    objective: O
    skill: reporting.charts
    body: B
    button: {text: Go, url: "https://a.example/{{ learner.ref }}"}
    question: {id: q, ask: Q, options: [{text: A, correct: true, because: x}, {text: B}]}
    after: 3 business days
    between: 22:00-06:00
    days: [tue, thu]
    when: not sent("one")
    variants: [{name: a, subject: X}, {name: b, weight: 3, body: Y, button: {text: b, url: https://b.example}}]
""")
    assert tip.after == Gap(count=3, unit=Unit.BUSINESS_DAYS)
    assert (tip.between, tip.days) == (Window(start=1320, end=360), frozenset({1, 3}))
    assert tip.question is not None
    assert [option.correct for option in tip.question.options] == [True, False]
    assert [(v.name, v.weight, v.subject) for v in tip.variants] == [("a", 1, "X"), ("b", 3, None)]
    assert tip.button is not None
    assert tip.button.url.endswith("{{ learner.ref }}")


def test_steps_nest_and_are_walked_in_reading_order() -> None:
    """`walk` gives every step with the path that it stands at."""
    course = read("""\
title: T
steps:
  - {tip: one, subject: S, body: B}
  - wait: {until: sent("one"), at_most: 2 weeks}
  - if: sent("one")
    then:
      - if: not sent("one")
        then: [{tip: two, subject: S, body: B}]
    else: [{tip: three, subject: S, body: B}]
""")
    paths = [path for path, _ in course.walk()]
    assert paths == [
        ("steps", 0),
        ("steps", 1),
        ("steps", 2),
        ("steps", 2, "then", 0),
        ("steps", 2, "then", 0, "then", 0),
        ("steps", 2, "else", 0),
    ]
    kinds = [type(step) for _, step in course.walk()]
    assert kinds == [Tip, Wait, If, If, Tip, Tip]


def test_subject_and_body_may_stand_in_every_variant_instead() -> None:
    """A tip whose variants all have a subject needs none of its own; one that lacks it in one variant does."""
    assert first_tip("  - {tip: a, variants: [{name: x, subject: S, body: B}, {name: y, subject: T, body: C}]}\n")
    lacking = "  - {tip: a, body: B, variants: [{name: x, subject: S}, {name: y}]}\n"
    assert messages("title: T\nsteps:\n" + lacking) == ['"subject" is missing in tip "a"']


def test_a_typo_hides_no_other_mistake() -> None:
    """Wrong keys, wrong values and dangling names of one file are told together."""
    found = messages("""\
title: T
steps:
  - {tip: one, subjekt: S, body: B, after: soon}
  - {tip: two, subject: S, body: B, when: clicked("too")}
""")
    assert len(found) == 4


def test_a_condition_may_look_ahead() -> None:
    """The order of steps does not matter for whether a name exists."""
    text = "  - {tip: one, subject: S, body: B, when: not sent('two')}\n  - {tip: two, subject: S, body: B}\n"
    assert len(read("title: T\nsteps:\n" + text).steps) == 2


@pytest.mark.parametrize(
    ("said", "clickable"),
    [
        ("body: '[a](https://a.example)'", True),
        ("body: '<https://a.example>'", True),
        ("{body: B, button: {text: Go, url: 'http://a.example'}}", True),
        ("{body: B, variants: [{name: x, body: '[a](https://a.example)'}]}", True),
        ("body: B", False),
        ("body: 'https://a.example'", False),
        ("body: '[a](mailto:a@b.example)'", False),
        ("body: '![a](https://a.example/a.png)'", False),
        ("body: '`[a](https://a.example)`'", False),
        ("{body: B, button: {text: Go, url: 'mailto:a@b.example'}}", False),
    ],
)
def test_clicked_wants_something_to_click(said: str, clickable: bool) -> None:
    """`clicked` holds for a web link of the body or for the button; code, pictures and mail addresses are none."""
    keys = said[1:-1] if said.startswith("{") else said
    text = f"title: T\nsteps:\n  - {{tip: one, subject: S, {keys}}}\n" + (
        "  - {tip: two, subject: S, body: B, when: clicked('one')}\n"
    )
    if clickable:
        assert read(text)
    else:
        assert messages(text) == ['tip "one" has no link and no button to click']


@pytest.mark.parametrize(
    ("condition", "good"),
    [
        ('answered("q")', True),
        ('correct("q") and score() > 0.5', True),
        ('mastered("reporting.charts")', True),
        ('event("anything")', True),
        ('learner.whatever == "x" or course.id == "y" or enrolment.run > 1', True),
        ('answered("one")', False),
        ('mastered("reporting")', False),
        ('sent("q")', False),
        ('sent("one/wait")', False),
        ("course.author", False),
        ("learners.plan", False),
    ],
)
def test_names_in_conditions_exist(condition: str, good: bool) -> None:
    """Questions by their own id, skills that a question trains, tips by theirs; waits and ifs have no names."""
    text = f"""\
title: T
steps:
  - tip: one
    subject: S
    body: B
    skill: reporting.charts
    question: {{id: q, ask: Q, options: [{{text: A, correct: true}}, {{text: B}}]}}
  - wait: {{until: sent("one"), at_most: 1 day}}
  - if: '{condition}'
    then: [{{tip: two, subject: S, body: B}}]
"""
    if good:
        assert read(text)
    else:
        assert len(messages(text)) == 1


@pytest.mark.parametrize(
    ("written", "tag"),
    [
        ("sv", "sv"),
        ("EN-gb", "en-GB"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("es-419", "es-419"),
        ("de-1996", None),
        ("e", None),
    ],
)
def test_languages_are_written_as_usual(written: str, tag: str | None) -> None:
    """A BCP 47 tag in any case is understood, and kept in its usual spelling."""
    text = f"title: T\nlanguage: {written}\nsteps:\n{TIP}"
    if tag:
        assert read(text).language == tag
    else:
        assert len(messages(text)) == 1


@pytest.mark.parametrize(
    "email", ["a@b", "a b@c.example", "a@b.example\\nBcc: x@y.example", "@b.example", "å@b.example"]
)
def test_bad_senders_are_refused(email: str) -> None:
    """An address that a mail server would not take, or that would add a header, is a mistake."""
    assert len(messages(f'title: T\nsender: {{name: A, email: "{email}"}}\nsteps:\n{TIP}')) == 1


def test_key_order_means_nothing() -> None:
    """A course is the same whichever key stands first, at the top and in a tip."""
    one = read("title: T\nlanguage: sv\nsteps:\n  - {tip: one, subject: S, body: B, after: 1 day}\n")
    other = read("steps:\n  - {after: 1 day, body: B, subject: S, tip: one}\nlanguage: sv\ntitle: T\n")
    assert one == other


def test_a_large_course_is_read_quickly() -> None:
    """500 tips with questions, conditions and links take under two seconds of processor time (0.7 measured)."""
    tip = """\
  - tip: tip-%d
    subject: "Hello {{ learner.first_name | default('there') }}, number %d"
    preheader: Two minutes
    skill: reporting.charts
    when: not clicked("tip-0")
    body: |
      A chart starts from a *saved view* %d. {%% if learner.plan == "pro" %%}See [it](https://a.example/x).{%% endif %%}

      And so on, for as long as two minutes of reading may take, which is longer than one would think at first.
    button: {text: Go, url: "https://a.example/{{ learner.ref }}"}
    question:
      ask: Where?
      options: [{text: Here, correct: true, because: x}, {text: There, because: y}, {text: Nowhere, because: z}]
"""
    data = ("title: T\nsteps:\n" + "".join(tip % (n, n, n) for n in range(500))).encode()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    course = parse("campaigns/large.yaml", data)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - before < 2
    assert len(course.steps) == 500
