"""One life on a virtual clock: what each act of the learner moves, holds, wakes and ends, told in rows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drip.course.attributes import declared
from drip.course.model import Defaults
from drip.course.parse import parse
from drip.errors import Refused
from drip.people import Facts, Learner, summarise
from drip.plan.compile import compile_plan
from drip.plan.model import Mail, Plan
from drip.schedule import simulate as module
from drip.schedule.acts import Act, Script, tracks_opens, with_act
from drip.schedule.script import read_script
from drip.schedule.simulate import Life, simulate, why_not_enrolled
from drip.track.evidence import Evidence, Kind

ADA = Learner(id=1, ref="r", email="ada@customer.example", timezone="Europe/Stockholm")
#: A Monday at seven, winter time.
START = datetime(2026, 3, 2, 6, tzinfo=UTC)
NINE = 'timing: {every: 1 day, at: "09:00"}\n'
QUESTION = "question: {ask: Q?, options: [{text: 'Y', correct: true}, {text: 'N'}]}"


def tips(*names: str, more: str = "") -> str:
    said = f"subject: S, body: 'See [this](https://a.example/x).', {QUESTION}{more}"
    return "".join(f"  - {{tip: {name}, {said}}}\n" for name in names)


def plan_of(steps: str, top: str = NINE, attributes: Mapping[str, object] | None = None) -> Plan:
    text = f"title: T\nsender: {{name: A, email: a@a.example}}\n{top}steps:\n{steps}"
    known = {name: declared(name, said) for name, said in attributes.items()} if attributes is not None else None
    return compile_plan(parse("t.yaml", text.encode(), Defaults(attributes=known)), layout="")


def lived(
    plan: Plan, script: str = "steps: {}", learner: Learner = ADA, start: datetime = START
) -> list[tuple[str, str, str, str]]:
    """(local time, kind, step, reason) of every row."""
    read = read_script("answers.yaml", script.encode(), plan)
    return [
        (f"{row.local:%a %d %H:%M}", row.kind, row.step, row.reason)
        for row in simulate(plan, learner, start=start, script=read)
    ]


def mails(plan: Plan, script: str = "steps: {}", **values: object) -> list[tuple[str, str]]:
    return [(at, step) for at, kind, step, _ in lived(plan, script, **values) if kind == "mail"]  # type: ignore[arg-type]


def test_an_answer_ends_a_wait_and_decides_a_branch() -> None:
    """The wait ends at the answer; right and wrong take their ways, with the reasons."""
    steps = tips("a") + (
        '  - wait: {until: answered("a"), at_most: 3 days}\n'
        '  - if: correct("a")\n'
        "    then: [{tip: good, subject: S, body: B}]\n"
        "    else: [{tip: bad, subject: S, body: B}]\n"
    )
    plan = plan_of(steps)
    assert lived(plan, "every: {answer: {option: wrong, after: 26 hours}}")[1:] == [
        ("Tue 03 11:00", "wait", "a/wait", 'answered("a") is true'),
        ("Wed 04 09:00", "mail", "bad", 'correct("a") is false; as soon as the wait is over, after 09:00'),
        ("Wed 04 09:00", "finish", "", "the last step is done"),
    ]
    assert mails(plan, "every: {answer: right}")[1] == ("Tue 03 09:00", "good")
    assert mails(plan)[1] == ("Thu 05 09:00", "bad")


def test_a_click_counts_once_it_has_settled() -> None:
    """A click ends a wait 60 seconds after it came, and leaves out the tip that it makes needless."""
    wait = '  - wait: {until: clicked("a"), at_most: 3 days}\n'
    plan = plan_of(tips("a") + wait + tips("b", more=', when: not clicked("a")'))
    rows = list(simulate(plan, ADA, start=START, script=_script(plan, "every: {click: 5 hours}")))
    assert [row.at for row in rows if row.kind == "wait"] == [START + timedelta(hours=7, minutes=1)]
    assert [(row.kind, row.reason) for row in rows if row.step == "b"] == [("skip", 'not clicked("a") is false')]


def _script(plan: Plan, text: str) -> Script:
    return read_script("answers.yaml", text.encode(), plan)


def test_a_pause_for_silence_is_told_and_a_click_lifts_it() -> None:
    """Two mails without a sign of life pause; an open does not help; a click days later does, and one mail goes."""
    plan = plan_of(tips("a", "b", "c", "d"), NINE + "silent: {after: 2 mails, then: pause}\n")
    assert lived(plan, "steps: {b: {open: 2 days}}")[2:] == [
        ("Wed 04 09:00", "wait", "c", "2 mails without a click or an answer")
    ]
    told = lived(plan, "steps: {b: {click: 8 days}}")
    assert [row[:3] for row in told[2:5]] == [
        ("Wed 04 09:00", "wait", "c"),
        ("Thu 12 09:00", "mail", "c"),
        ("Fri 13 09:00", "mail", "d"),
    ]
    assert told[3][3] == "the pause is over; 1 day after b, after 09:00"


def test_a_hold_is_told_and_ends_with_its_condition() -> None:
    """Held from one event to the next; what fell due meanwhile goes afterwards, one mail."""
    top = NINE + 'hold_while: event("ticket") and not event("solved")\n'
    plan = plan_of(tips("a", "b", "c"), top)
    told = lived(plan, "events: [{event: ticket, after: 20 hours}, {event: solved, after: 9 days}]")
    assert [row[:3] for row in told] == [
        ("Mon 02 09:00", "mail", "a"),
        ("Tue 03 03:00", "wait", "b"),
        ("Wed 11 09:00", "mail", "b"),
        ("Thu 12 09:00", "mail", "c"),
        ("Thu 12 09:00", "finish", ""),
    ]
    assert told[1][3] == 'held while event("ticket") and not event("solved")'


def test_held_for_ever_ends_the_timeline() -> None:
    """A hold that nothing lifts is one row, with and without questions that would come back."""
    for reviews in ("", "reviews: fixed\n"):
        plan = plan_of(tips("a"), NINE + "hold_while: learner.away\n" + reviews, {"away": "yes/no"})
        away = Learner(id=1, ref="r", email="a@a.example", attributes={"away": True})
        told = lived(plan, learner=away)
        assert [(row[1], row[3]) for row in told] == [("wait", "held while learner.away")]


def test_the_goal_ends_the_course_at_once() -> None:
    """An event between two mails ends it where it happens, and nothing comes back any more."""
    plan = plan_of(tips("a", "b", "c"), NINE + 'goal: event("bought")\nreviews: fixed\n')
    assert lived(plan, "events: [{event: bought, after: 30 hours}]")[2:] == [
        ("Tue 03 13:00", "finish", "", 'goal: event("bought") is true')
    ]


def test_leaving_ends_the_course_and_what_comes_back() -> None:
    """Whoever leaves gets nothing any more, before the end of the course and after it."""
    plan = plan_of(tips("a", "b"), NINE + "reviews: {after_days: [2, 5]}\n")
    assert lived(plan, "steps: {a: {unsubscribe: 3 hours}}") == [
        ("Mon 02 09:00", "mail", "a", "the first mail, enrolled before 09:00"),
        ("Mon 02 12:00", "finish", "a", "left: unsubscribed"),
    ]
    late = lived(plan, "steps: {b: {unsubscribe: 30 hours}}")
    assert [row[1:3] for row in late] == [
        ("mail", "a"), ("mail", "b"), ("finish", ""), ("mail", "review"), ("finish", "b"),
    ]  # fmt: skip


def test_questions_that_come_back_are_answered_again() -> None:
    """The list of answers goes on in recaps and riders; mastering needs two right ones a week apart."""
    steps = tips("a", more=", skill: s") + '  - {tip: b, subject: S, body: B, after: 12 days, when: mastered("s")}\n'
    plan = plan_of(steps, NINE + "reviews: {after_days: [2, 9]}\n")
    right = [("Mon 02 09:00", "a"), ("Wed 04 09:00", "review"), ("Wed 11 09:00", "review"), ("Sat 14 09:00", "b")]
    assert mails(plan, "every: {answer: [right, wrong, right]}") == right[:3]
    assert mails(plan, "every: {answer: [wrong, right, right]}") == right[:2] + right[2:]
    assert mails(plan, "every: {answer: [right, never]}") == right[:3]


def test_what_is_not_tracked_does_not_happen() -> None:
    """Opens without consent, and clicks where none are recorded, leave no trace in conditions."""
    steps = tips("a") + '  - wait: {until: opened("a"), at_most: 2 days}\n' + "  - {tip: b, subject: S, body: B}\n"
    agreed = Learner(
        id=1, ref="r", email="a@a.example", timezone="Europe/Stockholm", attributes={"consent_opens": True}
    )
    for opens, learner, seen in (
        ("always", ADA, True), ("never", agreed, False), ("consented", ADA, False), ("consented", agreed, True),
    ):  # fmt: skip
        plan = plan_of(steps, NINE + f"tracking: {{opens: {opens}}}\n", {"consent_opens": "yes/no"})
        told = lived(plan, "every: {open: 1 hour}", learner=learner)[1][3]
        assert (told == 'opened("a") is true') is seen is tracks_opens(plan, learner)
    unseen = plan_of(tips("a", "b", more=', when: not clicked("a")'), NINE + "tracking: {clicks: never}\n")
    assert len(mails(unseen, "every: {click: 1 hour}")) == 2


def test_shares_are_sticky_and_as_large_as_said() -> None:
    """Who falls into a share is decided by seed, learner and step alone: always the same ones, about so many."""
    plan = plan_of(tips("a", "b"), NINE + 'goal: clicked("a")\n')
    script = _script(plan, "every: {click: {after: 1 hour, share: 30%}}")

    def clicked(seed: str) -> list[bool]:
        people = (Learner(id=n, ref=f"ref-{n}", email="a@a.example") for n in range(400))
        lives = [list(simulate(plan, one, start=START, script=script, seed=seed)) for one in people]
        return [rows[-1].reason.startswith("goal") for rows in lives]

    first = clicked("1")
    assert clicked("1") == first
    assert clicked("2") != first
    assert 0.24 < sum(first) / len(first) < 0.36


def test_what_cannot_be_decided_waits_for_a_person() -> None:
    """A rule that opens no day, or a condition that makes no sense for this learner, is a row and not a crash."""
    never = plan_of(tips("a"), "timing: {every: 1 day, days: mon, skip_holidays: SE, limit: 1 per week}\n")
    assert mails(never)
    plan = plan_of(tips("a", more=", when: learner.age + 1 > 2"), NINE)
    life = Life(plan, Learner(id=1, ref="r", email="a@a.example", attributes={"age": "old"}), start=START)
    (row,) = life.rows()
    assert (row.kind, row.step) == ("wait", "a")
    assert row.reason.startswith("waits for a person: ")
    assert life.problem


def test_a_start_without_a_zone_is_an_error() -> None:
    """A naive start is no instant."""
    with pytest.raises(ValueError, match="no zone"):
        list(simulate(plan_of(tips("a")), ADA, start=datetime(2026, 3, 2)))


def test_a_start_in_any_zone_is_the_same_instant() -> None:
    """Rows are in UTC and in the learner's zone, whatever zone the start is written in."""
    elsewhere = datetime.fromisoformat("2026-03-02T15:00+09:00")
    plan = plan_of(tips("a", "b"))
    assert list(simulate(plan, ADA, start=elsewhere)) == list(simulate(plan, ADA, start=START))


def test_why_somebody_does_not_come_in() -> None:
    """`start.when` is decided for the learner at the enrolment."""
    plan = plan_of(tips("a"), NINE + 'start: {when: learner.plan == "trial"}\n', {"plan": "text"})
    trial = Learner(id=1, ref="r", email="a@a.example", attributes={"plan": "trial"})
    assert why_not_enrolled(plan, trial, START) == ""
    assert why_not_enrolled(plan, ADA, START) == 'not enrolled: learner.plan == "trial" is false'


def test_a_course_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock does not turn for ever: beyond a number of steps it is said in words."""
    monkeypatch.setattr(module, "MOST_TICKS", 5)
    with pytest.raises(Refused, match="more than 5 things happen to one learner in t"):
        list(simulate(plan_of(tips(*"abcdefgh")), ADA, start=START))


ACTS = st.lists(
    st.builds(
        Act,
        at=st.integers(60, 5_000).map(lambda seconds: START + timedelta(seconds=seconds)),
        kind=st.sampled_from([Kind.OPEN, Kind.CLICK, Kind.ANSWER, Kind.RATING, Kind.EVENT]),
        step=st.sampled_from(["a", "b"]),
        item=st.sampled_from(["x", "y"]),
        option=st.integers(0, 1),
        correct=st.booleans(),
        sure=st.sampled_from(["guessed", "certain"]),
    ),
    max_size=12,
    unique_by=lambda act: act.at,
)


@given(acts=ACTS)
def test_facts_are_those_of_the_same_evidence(acts: list[Act]) -> None:
    """What acts leave behind is what `summarise` makes of the same, one after another, by a person in a browser."""
    sent = {"a": (1, START), "b": (2, START)}
    facts = Facts(sent={"a": START, "b": START})
    evidence = []
    for number, act in enumerate(sorted(acts, key=lambda one: one.at)):
        facts = with_act(facts, act)
        evidence.append(
            Evidence(
                kind=act.kind,
                at=act.at,
                source="link",
                source_id=str(number),
                learner_id=1,
                delivery_id=None if act.kind is Kind.EVENT else sent[act.step][0],
                step=act.step,
                item="0" if act.kind is Kind.CLICK else act.item,
                method="GET",
                user_agent="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                data={"option": act.option, "correct": act.correct, "sure": act.sure},
            )
        )
        known = summarise(sent, evidence)
        assert (facts.opened, facts.clicked, facts.answers) == (known.opened, known.clicked, known.answers)
        assert (facts.rated, facts.events, facts.alive_at) == (known.rated, known.events, known.alive_at)


@given(hour=st.integers(0, 24 * 400), answered=st.booleans())
def test_a_timeline_is_the_same_every_time_and_never_goes_back(hour: int, answered: bool) -> None:
    """From any hour of a year on: in order, in the days that are open, each tip once at most."""
    plan = plan_of(
        tips("a", "b") + '  - wait: {until: answered("b"), at_most: 2 days}\n' + tips("c"),
        "timing: {every: 1 day, between: 22:00-02:00, days: mon-fri, skip_holidays: SE, limit: 2 per week}\n"
        "reviews: fixed\n",
    )
    script = _script(plan, "every: {answer: {option: right, after: 5 hours}}" if answered else "steps: {}")
    start = START + timedelta(hours=hour)
    rows = list(simulate(plan, ADA, start=start, script=script))
    assert rows == list(simulate(plan, ADA, start=start, script=script))
    sent = [row for row in rows if row.kind == "mail"]
    assert [row.at for row in sent] == sorted(row.at for row in sent)
    tips_sent = [row.step for row in sent if row.step != "review"]
    assert tips_sent == [step.id for step in plan.steps if isinstance(step, Mail)]
    assert all(row.local.hour >= 22 or row.local.hour < 2 for row in sent)


def test_every_shift_and_skip_says_why() -> None:
    """A weekend, a full week and a `when` that is false are told in the row of the mail that they move or take."""

    def told(timing: str, steps: str) -> list[tuple[str, str, str]]:
        rows = simulate(plan_of(steps, f"timing: {{every: 1 day, {timing}}}\n"), ADA, start=START)
        return [(row.kind, row.step, row.reason) for row in rows]

    assert told("days: sat", tips("a"))[0] == ("mail", "a", "the first mail; Monday to Friday are not sending days")
    assert told("limit: 1 per week", tips("a", "b"))[1] == (
        "mail", "b", "1 day after a; limit: Tuesday to Sunday are full",
    )  # fmt: skip
    skipped = tips("a") + "  - {tip: b, subject: S, body: B, when: clicked('a')}\n"
    assert told("stale_after: 9 days", skipped)[1] == ("skip", "b", "clicked('a') is false")
