"""What a script of answers may say, what each word of it means, and that all its mistakes are told at once."""

from __future__ import annotations

import pytest

from drip.course.parse import parse
from drip.course.timing import Gap, Unit
from drip.errors import CourseError
from drip.plan.compile import compile_plan
from drip.plan.model import Plan
from drip.schedule.acts import Acts, Press, Reply, Script
from drip.schedule.script import read_script

COURSE = """\
title: T
sender: {name: A, email: a@a.example}
goal: event("bought")
steps:
  - tip: one
    subject: S
    body: "{% if event('told') %}See{% endif %} [this](https://a.example/x)."
    question:
      ask: Where?
      options:
        - {text: From a blank page}
        - {text: From a saved view, correct: true}
        - {text: "3"}
  - {tip: two, subject: S, body: B}
  - tip: three
    subject: S
    body: B
    question: {id: last, ask: Q?, options: [{text: Y, correct: true}, {text: N}]}
  - wait: {until: answered("one"), at_most: 1 day}
  - {survey: nps, id: rate, ask: Q?, subject: S, body: B}
"""
SWEDISH = b"""\
steps:
  - tip: one
    question: {ask: Var?, options: [{text: En tom sida}, {text: En sparad vy}, {text: 3 stycken}]}
"""
TEN_MINUTES = Gap(count=10, unit=Unit.MINUTES)


@pytest.fixture(scope="module")
def plan() -> Plan:
    """A tip with a question in two languages, one without, one whose question has an id of its own, and a survey."""
    return compile_plan(parse("t.yaml", COURSE.encode(), translations={"sv": SWEDISH}), layout="")


def read(plan: Plan, text: str) -> Script:
    return read_script("answers.yaml", text.encode(), plan)


def wrong(plan: Plan, text: str) -> list[str]:
    """`line:column message | hint` of every mistake."""
    with pytest.raises(CourseError) as error:
        read(plan, text)
    assert all(one.file == "answers.yaml" and one.severity == "error" for one in error.value.mistakes)
    return [f"{one.line}:{one.column} {one.message} | {one.hint}" for one in error.value.mistakes]


def hours(count: int) -> Gap:
    return Gap(count=count, unit=Unit.HOURS)


@pytest.mark.parametrize(
    ("written", "option"),
    [
        ("right", 1),
        ("wrong", 0),
        ("2", 1),
        ("B", 1),
        ("b", 1),
        ("From a saved view", 1),
        ("from a SAVED view", 1),
        ("En sparad vy", 1),
        ("3", 2),
        ('"3"', 2),
        ("C", 2),
    ],
)
def test_an_option_is_named_as_people_name_it(plan: Plan, written: str, option: int) -> None:
    """Right or wrong, number, letter, or its text in any language of the course."""
    replies = read(plan, f"steps: {{one: {{answer: {written}}}}}").acts["one"].replies
    assert replies == (Reply(after=TEN_MINUTES, options=((option, 1.0),), sure="fairly"),)


def test_every_holds_for_what_a_mail_has_a_place_for(plan: Plan) -> None:
    """`every` clicks where there is a link, answers where there is a question, and rates where it is asked to."""
    acts = read(plan, "every: {open: 1 hour, click: 2 hours, answer: right, rating: highest}").acts
    opened, clicked = Press(after=hours(1)), Press(after=hours(2))
    assert acts["two"] == Acts(open=opened)
    assert acts["rate"] == Acts(open=opened, rating=Press(after=TEN_MINUTES))
    assert (acts["one"].click, acts["three"].click) == (clicked, None)
    assert acts["three"].replies == (Reply(after=TEN_MINUTES, options=((0, 1.0),), sure="fairly"),)


def test_a_step_goes_over_every_word_by_word(plan: Plan) -> None:
    """What a step does not say stays as `every` says it; `never` takes one word back, `nothing` all of them."""
    text = """\
every: {open: 1 hour, click: 2 hours, answer: right}
steps:
  one: {click: never, answer: {option: wrong, after: 3 hours, sure: guessed, share: 60%}}
  three: nothing
"""
    acts = read(plan, text).acts
    assert (acts["one"].open, acts["one"].click) == (Press(after=hours(1)), None)
    assert acts["one"].replies == (Reply(after=hours(3), options=((0, 0.6),), sure="guessed"),)
    assert acts["three"] == Acts()
    assert acts["two"].open == Press(after=hours(1))


def test_a_list_answers_once_a_time(plan: Plan) -> None:
    """The first time, then each time that the question comes back; `never` leaves one out."""
    first, second, third = read(plan, "steps: {one: {answer: [wrong, never, right]}}").acts["one"].replies
    assert first is not None
    assert third is not None
    assert (first.options, second, third.options) == (((0, 1.0),), None, ((1, 1.0),))


def test_shares_of_options_leave_the_rest_silent(plan: Plan) -> None:
    """`{right: 50%, wrong: 12,5%}` is a share for each; more than all of them is a mistake."""
    (reply,) = (
        read(plan, "every: {answer: {option: {right: 50%, wrong: '12,5%'}, after: 1 hour}}").acts["three"].replies
    )
    assert reply == Reply(after=hours(1), options=((0, 0.5), (1, 0.125)), sure="fairly")
    (told,) = wrong(plan, "every: {answer: {option: {right: 80%, wrong: 30%}}}")
    assert told == "1:26 these shares are more than 100% together | the rest answer nothing"


def test_outcomes_are_counted_from_the_enrolment_or_a_mail(plan: Plan) -> None:
    """Events stand at the top or at a mail; one that only a text asks about is known too."""
    text = """\
events: [{event: bought, after: 30 days, share: 10%}]
steps: {two: {events: [{event: told, after: 0 days}], unsubscribe: {after: 1 hour, share: 1%}}}
"""
    script = read(plan, text)
    assert [(one.name, one.press) for one in script.events] == [
        ("bought", Press(after=Gap(count=30, unit=Unit.DAYS), share=0.1))
    ]
    assert [one.name for one in script.acts["two"].events] == ["told"]
    assert script.acts["two"].leave == Press(after=hours(1), share=0.01)


def test_every_mistake_is_told_at_once(plan: Plan) -> None:
    """What is unknown to YAML, to the script and to the plan, each at its place, with what to write instead."""
    text = """\
every: {opn: 5 minutes, click: 10 minuts}
steps:
  onne: {open: 1 hour}
  last: {answer: right}
  three/wait: nothing
  one: {rating: 9, answer: {option: "From a saved vieew", sure: certan, when: now}}
  two: {click: 1 hour, answer: right}
  rate: {rating: 11, open: {share: 60%}}
events:
  - {event: bougth, after: 9 days}
  - {after: 9 days}
later: yes
"""
    assert wrong(plan, text) == [
        '1:9 unknown key "opn" in "every" | did you mean "open"?',
        '1:32 "click" in "every": "10 minuts" is not a gap | write a whole number and minutes, hours, days, weeks or '
        'business days, such as "3 days"',
        '3:3 no mail is called "onne" | did you mean "one"?',
        '4:3 no mail is called "last" | its tip is called "three"',
        '5:3 no mail is called "three/wait" | only tips and surveys are mailed',
        '6:9 the mail "one" asks for no rating | ',
        '6:37 "answer" in "one": the question "one" has no option "From a saved vieew" | '
        'did you mean "From a saved view"?',
        '6:65 "answer" in "one": "certan" is not known here | did you mean "certain"?',
        '6:73 unknown key "when" in "answer" in "one" | known are: option, after, sure, share',
        '7:9 the mail "two" has no link and no button to click | take it out',
        '7:24 the mail "two" has no question | take it out',
        '8:18 "rating" in "rate": the survey rate takes 0 to 10, and this is "11" | or write highest, or lowest',
        '8:28 "after" is missing in "open" in "rate" | write after: 5 minutes, say',
        '10:13 nothing in this course asks for the event "bougth" | did you mean "bought"?',
        '11:5 "event" is missing in an event | write event: NAME',
        '12:1 unknown key "later" in answers | known are: every, steps, events',
    ]


def test_nobody_is_quicker_than_a_minute(plan: Plan) -> None:
    """A click in the first seconds would be a machine's, so a script that says so is refused, with the reason."""
    (told,) = wrong(plan, "every: {click: 0 minutes}")
    assert told == (
        '1:16 "click" in "every": nobody is that quick: it would count as a machine | write "1 minute" or more'
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the file is empty"),
        ("# nothing\n", "the file is empty"),
        ("just words", "answers has keys of its own, and this is a text"),
        ("- a\n- b", "answers has keys of its own, and this is a list"),
        ("every: [a]", '"every" has keys of its own, and this is a list'),
        ("steps:", '"steps" has keys of its own, and this is nothing'),
        ("events: soon", '"events" is a list'),
        ("steps: {one: {answer: []}}", '"answer" in "one" needs at least 1 item'),
        ("steps: {one: {answer: {after: 1 hour}}}", '"option" is missing in "answer" in "one"'),
        ("steps: {one: {open: {after: 1 hour, share: 120%}}}", '"share": "120%" is not a share'),
        ("every: &a {open: 1 hour}", "anchors (&name) are not used in a course"),
        ("every: {open: !!python/object 1 hour}", "tags (!name) are not used in a course"),
        ("every: {open: 1 hour, open: 2 hours}", '"open" stands here twice'),
        ("every: {open: '1 hour", "this quoted text does not end"),
        ("every: " + "[" * 200, "nested more than 50 levels deep"),
        ("#" * 1_000_001, "answers of 1,000,001 bytes; 1,000,000 is the most"),
        ("every: {open: " + "9" * 40 + " days}", '"open" in "every": "' + "9" * 40 + '…" is not a gap'),
        ("steps: {" + "x" * 1_000 + ": nothing}", 'no mail is called "' + "x" * 40 + '…"'),
    ],
)
def test_hostile_and_empty_files_are_refused_in_words(plan: Plan, text: str, told: str) -> None:
    """Whatever a file holds, the first mistake says what is wrong with it, and nothing breaks."""
    assert wrong(plan, text)[0].split(" ", 1)[1].split(" | ")[0] == told


def test_bytes_that_are_no_text_are_refused(plan: Plan) -> None:
    """Neither UTF-16 nor a lone byte is taken for YAML."""
    for data in ("every: {open: 1 hour}".encode("utf-16"), b"every: \xff"):
        with pytest.raises(CourseError, match="UTF"):
            read_script("answers.yaml", data, plan)


def test_of_very_many_mistakes_the_first_are_told(plan: Plan) -> None:
    """A file in which everything is wrong is answered with a list that a person can read."""
    text = "steps:\n" + "".join(f"  no-{n}: nothing\n" for n in range(5_000))
    assert len(wrong(plan, text)) == 200
