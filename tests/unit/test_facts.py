"""What conditions see of one enrolment: who is counted, from when, and which answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drip.course.expressions import holds
from drip.course.scope import MASTERED_APART, variables
from drip.people import Facts, Learner, summarise
from drip.track.evidence import SETTLES_AFTER, Evidence, Kind

SENT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
MAILS = {"welcome": (1, SENT), "export": (2, SENT + timedelta(days=1))}
SKILLS = {"welcome": "reporting", "export": "reporting", "other": "something-else"}
TICK = timedelta(microseconds=1)


def happened(
    kind: Kind, at: datetime, *, mail: int | None = 1, item: str = "0", agent: str = FIREFOX, **data: object
) -> Evidence:
    return Evidence(
        kind=kind,
        at=at,
        source="link",
        source_id=f"{kind}{at}{mail}{item}",
        learner_id=1,
        enrolment_id=1,
        delivery_id=mail,
        step={1: "welcome", 2: "export", None: ""}[mail],
        item=item,
        method="GET",
        user_agent=agent,
        data=data,
    )


def answer(at: datetime, correct: object, *, question: str = "welcome", **data: object) -> Evidence:
    return happened(Kind.ANSWER, at, item=question, option=0 if correct is True else 1, correct=correct, **data)


def is_true(condition: str, facts: Facts, now: datetime) -> bool:
    sees = variables(
        learner=Learner(id=1, ref="r", email="ada@acme.example"),
        course={"id": "course", "title": "Course", "language": "en"},
        run=1,
        facts=facts,
        now=now,
        skills=SKILLS,
    )
    return holds(condition, sees)


@pytest.mark.parametrize(("kind", "condition"), [(Kind.CLICK, 'clicked("welcome")'), (Kind.OPEN, 'opened("welcome")')])
def test_click_or_open_counts_from_the_sixtieth_second(kind: Kind, condition: str) -> None:
    """A click or an open is false until 60 seconds after it arrived, and true from then on."""
    at = SENT + timedelta(hours=1)
    facts = summarise(MAILS, [happened(kind, at)])
    assert not is_true(condition, facts, at)
    assert not is_true(condition, facts, at + SETTLES_AFTER - TICK)
    assert is_true(condition, facts, at + SETTLES_AFTER)
    assert timedelta(seconds=60) == SETTLES_AFTER


def test_first_press_of_a_burst_never_counts() -> None:
    """A scanner's first link looks like a person's for a moment: it is judged again with its next ones."""
    at = SENT + timedelta(minutes=5)
    clicks = [happened(Kind.CLICK, at + timedelta(seconds=n), item=str(n)) for n in range(3)]
    later = at + timedelta(hours=1)
    assert is_true('clicked("welcome")', summarise(MAILS, clicks[:1]), later)
    assert not is_true('clicked("welcome")', summarise(MAILS, clicks), later)


def test_machines_and_the_unsure_do_not_count() -> None:
    """Neither a prefetch, nor a click at once, nor one without an agent makes a condition true."""
    facts = summarise(
        MAILS,
        [
            happened(Kind.OPEN, SENT + timedelta(hours=1), agent="Mozilla/5.0"),
            happened(Kind.CLICK, SENT + timedelta(seconds=3)),
            happened(Kind.CLICK, SENT + timedelta(hours=2), agent=""),
        ],
    )
    assert facts.opened == facts.clicked == {}


def test_earliest_person_counts() -> None:
    """Of several clicks by people the first counts; a machine's before it does not."""
    first = SENT + timedelta(hours=1)
    clicks = [
        happened(Kind.CLICK, first + timedelta(hours=1)),
        happened(Kind.CLICK, first),
        happened(Kind.CLICK, SENT + timedelta(seconds=1)),
    ]
    assert summarise(MAILS, clicks).clicked == {"welcome": first + SETTLES_AFTER}


def test_bursts_do_not_reach_across_mails() -> None:
    """Two mails opened side by side are two judgements: a link of each is no burst."""
    at = SENT + timedelta(days=2)
    clicks = [
        happened(Kind.CLICK, at, mail=1, item="0"),
        happened(Kind.CLICK, at + timedelta(seconds=1), mail=2, item="1"),
        happened(Kind.CLICK, at + timedelta(seconds=2), mail=2, item="2"),
    ]
    assert set(summarise(MAILS, clicks).clicked) == {"welcome", "export"}


def test_visits_are_no_clicks() -> None:
    """Looking at an answer page is no click and no answer."""
    facts = summarise(MAILS, [happened(Kind.VISIT, SENT + timedelta(hours=1), item="answer/0")])
    assert facts == summarise(MAILS, [])
    assert not is_true('answered("welcome")', facts, SENT + timedelta(days=1))


def test_first_answer_is_the_one_that_counts() -> None:
    """`correct` and `score` go by the first answer, also where evidence arrives out of order."""
    wrong, right = answer(SENT + timedelta(hours=1), False), answer(SENT + timedelta(hours=2), True)
    now = SENT + timedelta(days=1)
    for evidence in ([wrong, right], [right, wrong]):
        facts = summarise(MAILS, evidence)
        assert [given.correct for given in facts.answers["welcome"]] == [False, True]
        assert is_true('answered("welcome")', facts, now)
        assert not is_true('correct("welcome")', facts, now)
        assert is_true("score() == 0", facts, now)


def test_score_is_correct_over_answered() -> None:
    """Two first answers, one of them right, are a half; the unanswered are not in it; without any there is none."""
    facts = summarise(MAILS, [answer(SENT, True), answer(SENT, False, question="export")])
    assert is_true("score() == 0.5", facts, SENT)
    assert not is_true("score() >= 0", summarise(MAILS, []), SENT)
    assert not is_true("score() < 1", summarise(MAILS, []), SENT)


@pytest.mark.parametrize("said", ["true", 1, None, "yes"])
def test_only_true_is_correct(said: object) -> None:
    """What is not exactly true in the evidence is not a right answer."""
    assert not summarise(MAILS, [answer(SENT, said)]).answers["welcome"][0].correct


def test_answer_without_data_is_still_an_answer() -> None:
    """Evidence that lacks its data does not break the facts: the answer is there, and is not right."""
    (given_,) = summarise(MAILS, [happened(Kind.ANSWER, SENT, item="welcome")]).answers["welcome"]
    assert (given_.option, given_.correct, given_.sure) == (-1, False, "")


def test_event_is_true_from_its_time() -> None:
    """An event from elsewhere needs no settling, belongs to no mail, and is not true before it happened."""
    at = SENT + timedelta(days=3)
    facts = summarise(MAILS, [happened(Kind.EVENT, at, mail=None, item="trial.ended")])
    assert not is_true('event("trial.ended")', facts, at - TICK)
    assert is_true('event("trial.ended")', facts, at)


def test_sent_is_what_was_sent() -> None:
    """`sent` knows the mails that really went."""
    facts = summarise(MAILS, [])
    assert facts.sent == {"welcome": SENT, "export": SENT + timedelta(days=1)}
    assert is_true('sent("welcome")', facts, SENT)
    assert not is_true('sent("goodbye")', facts, SENT)


WEEK = MASTERED_APART
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("answers", "mastered"),
    [
        ([], False),
        ([(0 * DAY, True)], False),
        ([(0 * DAY, True), (WEEK, True)], True),
        ([(0 * DAY, True), (WEEK - TICK, True)], False),
        ([(0 * DAY, True), (3 * DAY, False), (WEEK, True)], False),
        ([(0 * DAY, False), (WEEK, True)], False),
        ([(0 * DAY, True), (WEEK, False)], False),
        ([(0 * DAY, False), (DAY, True), (DAY + WEEK, True)], True),
        ([(0 * DAY, True), (WEEK, True), (2 * WEEK, False)], True),
    ],
)
def test_mastered(answers: list[tuple[timedelta, bool]], mastered: bool) -> None:
    """A skill is mastered by two consecutive right answers at least seven days apart, and not a moment less."""
    facts = summarise(MAILS, [answer(SENT + gap, correct) for gap, correct in answers])
    assert is_true('mastered("reporting")', facts, SENT + 30 * DAY) is mastered


def test_mastery_is_by_skill_and_not_by_question() -> None:
    """Two questions of one skill count together; a question of another skill neither helps nor breaks the row."""
    facts = summarise(
        MAILS,
        [
            answer(SENT, True, question="welcome"),
            answer(SENT + 2 * DAY, False, question="other"),
            answer(SENT + WEEK, True, question="export"),
        ],
    )
    assert is_true('mastered("reporting")', facts, SENT + 30 * DAY)
    assert not is_true('mastered("something-else")', facts, SENT + 30 * DAY)


pieces = st.builds(
    happened,
    st.sampled_from([Kind.OPEN, Kind.CLICK, Kind.VISIT, Kind.EVENT]),
    st.integers(0, 40).map(lambda seconds: SENT + timedelta(seconds=seconds)),
    mail=st.sampled_from([1, 2]),
    item=st.sampled_from("0123"),
    agent=st.sampled_from(["", FIREFOX, "Mozilla/5.0"]),
)


@given(st.lists(pieces, max_size=10), st.randoms())
def test_facts_do_not_depend_on_the_order_of_arrival(events: list[Evidence], shuffler: object) -> None:
    """Whatever way evidence comes in, the facts are the same."""
    shuffled = list(events)
    shuffler.shuffle(shuffled)  # type: ignore[attr-defined]
    assert summarise(MAILS, shuffled) == summarise(MAILS, events)
