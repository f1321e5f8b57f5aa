"""Facts about each construct of the whole grammar: what it means when it is right, what is said when it is not."""

from __future__ import annotations

import pytest

from drip.course.amounts import Reentry
from drip.course.model import Award, Course, Defaults, Notify, Survey, Tip
from drip.course.parse import parse
from drip.course.timing import Gap, Unit
from drip.errors import CourseError, Mistake

TIP = "  - {tip: one, subject: Hello, body: Hello.}\n"


def read(head: str = "", steps: str = "", defaults: Defaults = Defaults()) -> Course:  # noqa: B008
    return parse("campaigns/course.yaml", f"title: T\n{head}\nsteps:\n{TIP}{steps}".encode(), defaults)


def mistakes(head: str = "", steps: str = "") -> tuple[Mistake, ...]:
    with pytest.raises(CourseError) as caught:
        read(head, steps)
    return caught.value.mistakes


def test_people_come_in_by_an_event() -> None:
    """`start.event` names it; `reentry` says when again, `when` for whom."""
    start = read('start: {event: trial.started, when: learner.plan == "trial", reentry: after 90 days}').start
    assert start is not None
    assert (start.event, start.date, start.offset) == ("trial.started", None, None)
    assert (start.when, start.reentry) == ('learner.plan == "trial"', Reentry(kind="days", days=90))


@pytest.mark.parametrize(
    ("written", "reentry"),
    [
        ("never", Reentry(kind="never")),
        ("after completion", Reentry(kind="completion")),
        ("After  1 day", Reentry(kind="days", days=1)),
        ("after 2 weeks", Reentry(kind="days", days=14)),
    ],
)
def test_reentry_is_never_or_after_something(written: str, reentry: Reentry) -> None:
    """Days and weeks are counted; small and capital letters are the same."""
    start = read(f"start: {{event: x, reentry: {written}}}").start
    assert start is not None
    assert start.reentry == reentry


@pytest.mark.parametrize(
    ("written", "days"), [("-14 days", -14), ("−2 weeks", -14), ("0 days", 0), ("+1 day", 1), ("3 days", 3)]
)
def test_people_come_in_by_a_date(written: str, days: int) -> None:
    """`start.date` is an attribute of the learner, and the offset is counted in days from it, before or after."""
    start = read(f'start: {{date: learner.renewal_date, offset: "{written}"}}').start
    assert start is not None
    assert (start.date, start.offset) == ("renewal_date", days)


def test_a_course_ends_and_waits_by_conditions() -> None:
    """`goal`, `stop` and `hold_while` are conditions like any other."""
    course = read("goal: event('bought')\nstop: learner.status == 'churned'\nhold_while: not answered('easy')", """\
  - {survey: csat, id: easy, ask: How easy?}
""")  # fmt: skip
    assert (course.goal, course.stop) == ("event('bought')", "learner.status == 'churned'")
    assert course.hold_while == "not answered('easy')"


def test_the_parts_of_a_course_arrive_as_values() -> None:
    """Silence, priority, tracking, leaving, holdout, staleness, bounces and old ids."""
    course = read(
        "silent: {after: 1 mail}\npriority: -5\ntracking: {opens: consented}\nunsubscribe: course\n"
        "experiment: {holdout: 12.5%}\ntiming: {stale_after: 7 days}\nremoved: [old, older]\n"
        "sender: {name: A, email: a@acme.example, bounces: Bounces.Acme.Example}"
    )
    assert course.silent is not None
    assert (course.silent.after, course.silent.then, course.priority) == (1, "pause", -5)
    assert course.tracking is not None
    assert (course.tracking.opens, course.tracking.clicks) == ("consented", "always")
    assert course.experiment is not None
    assert (course.unsubscribe, course.experiment.holdout) == ("course", 0.125)
    assert course.stale_after == Gap(count=7, unit=Unit.DAYS)
    assert (course.removed, course.sender.bounces) == (("old", "older"), "bounces.acme.example")


def test_a_course_without_these_words_has_the_plain_ones() -> None:
    """Nothing is paused, held out, reviewed or skipped unless it is written; leaving leaves everything."""
    course = read()
    assert (course.start, course.goal, course.stop, course.hold_while, course.silent) == (None,) * 5
    assert (course.reviews, course.tracking, course.experiment, course.stale_after) == (None,) * 4
    assert (course.priority, course.unsubscribe, course.removed) == (0, "everything", ())


@pytest.mark.parametrize(
    ("written", "days", "per_email"),
    [
        ("fixed", (2, 5, 10, 20, 40), 2),
        ("{strategy: fixed}", (2, 5, 10, 20, 40), 2),
        ("{after_days: [1, 3]}", (1, 3), 2),
        ("{strategy: fixed, after_days: [7], per_email: 1}", (7,), 1),
    ],
)
def test_reviews_have_days_and_a_number_a_mail(written: str, days: tuple[int, ...], per_email: int) -> None:
    """The name of the strategy alone takes the usual days."""
    reviews = read(f"reviews: {written}").reviews
    assert reviews is not None
    assert (reviews.strategy, reviews.after_days, reviews.per_email) == ("fixed", days, per_email)


def test_a_survey_is_a_step() -> None:
    """The three kinds, with an id and a timing of their own, and a condition."""
    steps = read(steps="""\
  - {survey: nps, ask: How likely?}
  - {survey: csat, id: happy, ask: How happy?, subject: One question, preheader: One press, body: You are half way.}
  - {survey: scale, scale: [1, 7], ask: Q, after: 2 days, at: 10:00, days: mon, when: sent("one"), stale_after: 1 day}
""").steps  # fmt: skip
    nps, csat, scale = steps[1:]
    assert isinstance(nps, Survey)
    assert isinstance(csat, Survey)
    assert isinstance(scale, Survey)
    assert (nps.survey, nps.id, nps.scale) == ("nps", None, None)
    assert (csat.id, csat.subject, csat.preheader, csat.body) == (
        "happy",
        "One question",
        "One press",
        "You are half way.",
    )
    assert (scale.scale, scale.at, scale.when) == ((1, 7), 600, 'sent("one")')
    assert scale.stale_after == Gap(count=1, unit=Unit.DAYS)


def test_other_programs_are_told_and_certificates_given() -> None:
    """`notify` and `award` are steps, with an id of their own or without."""
    _, tell, give = read(steps="  - {notify: crm.done, id: tell}\n  - award: certificate\n").steps
    assert isinstance(tell, Notify)
    assert isinstance(give, Award)
    assert (tell.notify, tell.id, give.award, give.id) == ("crm.done", "tell", "certificate", None)


def test_a_tip_may_have_been_called_something_else() -> None:
    """`renamed_from` is kept beside the id."""
    step = read(steps="  - {tip: two, renamed_from: second, subject: S, body: B, source: A study}\n").steps[1]
    assert isinstance(step, Tip)
    assert (step.renamed_from, step.source) == ("second", "A study")


def test_conditions_may_ask_about_surveys() -> None:
    """A survey with an id is sent, opened and answered; it has no right answer, and a link only if its body has one."""
    survey = "  - {survey: nps, id: likely, ask: How likely?}\n"
    for condition in ("sent('likely')", "opened('likely')", "answered('likely')"):
        assert read(f'stop: "{condition}"', survey)
    for condition, rule in (("correct('likely')", "no-question"), ("clicked('likely')", "no-link")):
        assert [m.rule for m in mistakes(f'stop: "{condition}"', survey)] == [rule]
    linked = survey.replace("ask:", "body: '[Why?](https://a.example)', ask:")
    assert read("stop: \"clicked('likely')\"", linked)


def test_a_clip_can_be_clicked() -> None:
    """A tip whose only link is its film has something to click."""
    film = '{url: "https://a.example/f", poster: "https://a.example/f.png", alt: A film}'
    assert read("stop: clicked('two')", f"  - {{tip: two, subject: S, body: B, clip: {film}}}\n")


WRONG_PARTS = [
    ("start: {event: x, date: learner.d}", "event-and-date", "date"),
    ("start: {event: x, offset: 1 day}", "missing-key", "offset"),
    ("start: {}", "empty", "{}"),
    ("start: {date: renewal_date}", "bad-attribute", "renewal_date"),
    ("start: {date: learner.Renewal}", "bad-attribute", "learner.Renewal"),
    ("start: {date: learner.d, offset: 3 hours}", "bad-time", "3 hours"),
    ("start: {date: learner.d, offset: 9999 days}", "bad-time", "9999 days"),
    ("start: {event: x, reentry: always}", "bad-time", "always"),
    ("start: {event: x, reentry: after 0 days}", "bad-time", "after 0 days"),
    ("start: {event: x, when: clicked('no')}", "unknown-step", "no"),
    ("goal: clicked('no')", "unknown-step", "no"),
    ("goal: clicked('one')", "no-link", "one"),
    ("stop: answered('no')", "unknown-question", "no"),
    ("hold_while: mastered('no')", "unknown-skill", "no"),
    ("hold_while: learner.busy = true", "bad-condition", "="),
    ("goal: true", "bad-condition", "true"),
    ("priority: high", "wrong-type", "high"),
    ("priority: 1.5", "wrong-type", "1.5"),
    ("priority: 1001", "wrong-type", "1001"),
    ("silent: {then: pause}", "missing-key", "then"),
    ("silent: {after: 5 days}", "bad-time", "5 days"),
    ("silent: {after: 0 mails}", "bad-time", "0 mails"),
    ("silent: {after: 5 mails, then: leave}", "unknown-word", "leave"),
    ("silent: 5 mails", "wrong-type", "5 mails"),
    ("reviews: fsrs", "not-yet", "fsrs"),
    ("reviews: {strategy: fsrs}", "not-yet", "fsrs"),
    ("reviews: sometimes", "unknown-word", "sometimes"),
    ("reviews: {after_days: [5, 2]}", "not-ascending", "2"),
    ("reviews: {after_days: [2, 2]}", "not-ascending", "2"),
    ("reviews: {after_days: []}", "too-few", "after_days"),
    ("reviews: {after_days: [0]}", "wrong-type", "0"),
    ("reviews: {after_days: 5}", "wrong-type", "5"),
    ("reviews: {after_days: [2, two]}", "wrong-type", "two"),
    ("reviews: {per_email: 0}", "wrong-type", "0"),
    ("reviews: {strategy: none, per_email: 2}", "no-reviews", "per_email"),
    ("tracking: {opens: sometimes}", "unknown-word", "sometimes"),
    ("tracking: {clicks: consented}", "unknown-word", "consented"),
    ("tracking: never", "wrong-type", "never"),
    ("unsubscribe: all", "unknown-word", "all"),
    ("experiment: {holdout: 51%}", "bad-time", "51%"),
    ("experiment: {holdout: 0.1}", "bad-time", "0.1"),
    ("experiment: {}", "missing-key", "{}"),
    ("removed: []", "too-few", "removed"),
    ("removed: [one]", "id-in-use", "one"),
    ("removed: [old, old]", "duplicate-id", "old"),
    ("removed: [Old One]", "bad-id", "Old One"),
    ("timing: {stale_after: soon}", "bad-time", "soon"),
    ("sender: {name: A, email: a@acme.example, bounces: b@acme.example}", "bad-domain", "b@acme.example"),
    ("sender: {name: A, email: a@acme.example, bounces: not a domain}", "bad-domain", "not a domain"),
]


@pytest.mark.parametrize(("head", "rule", "under"), WRONG_PARTS, ids=[head for head, *_ in WRONG_PARTS])
def test_what_is_wrong_in_the_parts_has_its_place(head: str, rule: str, under: str) -> None:
    """One mistake each, on its line, with the caret under the word that is wrong."""
    (found,) = mistakes(head)
    assert (found.rule, found.line) == (rule, 2)
    assert found.excerpt[found.column - 1 :][: found.width].strip("'\"") == under
    assert found.message


WRONG_STEPS = [
    ("survey: nps", "missing-key", "survey"),
    ("{survey: scale, ask: Q}", "missing-key", "survey"),
    ("{survey: nps, scale: [0, 5], ask: Q}", "unknown-key", "scale"),
    ("{survey: stars, ask: Q}", "unknown-word", "stars"),
    ("{survey: scale, scale: [7, 1], ask: Q}", "wrong-type", "[7, 1]"),
    ("{survey: scale, scale: [1, 11], ask: Q}", "wrong-type", "[1, 11]"),
    ("{survey: scale, scale: [1, 3, 5], ask: Q}", "wrong-type", "[1, 3, 5]"),
    ("{survey: scale, scale: [true, 5], ask: Q}", "wrong-type", "[true, 5]"),
    ("{survey: scale, scale: 5, ask: Q}", "wrong-type", "5"),
    ("{survey: nps, id: one, ask: Q}", "duplicate-id", "one"),
    ("{survey: nps, id: a/b, ask: Q}", "bad-id", "a/b"),
    ("{survey: nps, id: review, ask: Q}", "bad-id", "review"),
    ("{survey: nps, ask: Q, at: 09:00, between: 08:00-10:00}", "at-and-between", "between"),
    ("{survey: nps, ask: Q, body: B, body_file: b.md}", "body-and-file", "body_file"),
    ("{survey: nps, ask: Q, question: {ask: Q}}", "unknown-key", "question"),
    ("{survey: nps, ask: Q, when: sent('no')}", "unknown-step", "no"),
    ("{survey: nps, ask: Q, body: '{{ nme }}'}", "bad-placeholder", "nme"),
    ("notify:", "empty", "notify"),
    ("{notify: x, after: 1 day}", "unknown-key", "after"),
    ("{notify: x, id: one}", "duplicate-id", "one"),
    ("{award: A Certificate}", "bad-id", "A Certificate"),
    ("{award: x, award_to: y}", "unknown-key", "award_to"),
    ("{tip: two, subject: S, body: B, renamed_from: one}", "id-in-use", "one"),
    ("{tip: two, subject: S, body: B, renamed_from: two}", "id-in-use", "two"),
    ("{tip: two, subject: S, body: B, stale_after: later}", "bad-time", "later"),
    ("{tip: two, subject: S, body: B, image: {src: a.png}}", "missing-key", "src"),
    ("{tip: two, subject: S, body: B, image: {alt: A}}", "missing-key", "alt"),
    ("{tip: two, subject: S, body: B, image: 'a.png'}", "wrong-type", "a.png"),
    ("{tip: two, subject: S, body: B, image: {src: 'http://a.example/a.png', alt: A}}", "bad-link",
     "http://a.example/a.png"),
    ("{tip: two, subject: S, body: B, image: {src: 'https://a.example/{{ learner.x }}', alt: A}}", "bad-link",
     "https://a.example/{{ learner.x }}"),
    ("{tip: two, subject: S, body: B, clip: {url: 'https://a.example', alt: A}}", "missing-key", "url"),
    ("{tip: two, subject: S, body: B, clip: {url: a.mp4, poster: 'https://a.example/a.png', alt: A}}",
     "bad-link", "a.mp4"),
    ("{tip: two, subject: S, body: B, clip: {url: 'https://a.example', poster: 'https://a.example/p.png', alt: A,"
     " minutes: 0}}", "wrong-type", "0"),
    ("{tip: two, subject: S, body: B, clip: {url: 'https://a.example', poster: 'https://a.example/p.png', alt: A,"
     " captions: soon}}", "wrong-type", "soon"),
    ("{tip: two, subject: S, body: B, source: ''}", "empty", "source"),
    ("{tip: two, subject: S, variants: [{name: a, body: B, body_file: b.md}]}", "body-and-file", "body_file"),
]  # fmt: skip


@pytest.mark.parametrize(("step", "rule", "under"), WRONG_STEPS, ids=[step for step, *_ in WRONG_STEPS])
def test_what_is_wrong_in_a_step_has_its_place(step: str, rule: str, under: str) -> None:
    """One mistake each (besides files that are not there), with the caret under the word that is wrong."""
    (found,) = (one for one in mistakes("", f"  - {step}\n") if one.rule != "missing-file")
    assert (found.rule, found.line) == (rule, 5)
    assert found.excerpt[found.column - 1 :][: found.width].strip("'\"") == under


def test_two_tips_have_not_been_the_same_one() -> None:
    """An old id went one way: into one tip, or out."""
    two = "  - {tip: two, renamed_from: old, subject: S, body: B}\n"
    three = "  - {tip: three, renamed_from: old, subject: S, body: B}\n"
    assert [(m.rule, m.line) for m in mistakes("", two + three)] == [("duplicate-id", 6)]
    assert [(m.rule, m.line) for m in mistakes("removed: [old]", two)] == [("duplicate-id", 5)]


def test_an_item_that_is_no_step_is_told_what_there_is() -> None:
    """Every kind of step is named."""
    (found,) = mistakes("", "  - {subject: S}\n")
    assert found.message == "this step is none of tip, survey, wait, if, notify, award"
