"""The fold from evidence to a report: mails and not hits, people and machines apart, first answers alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from drip.report.model import Counts, CourseReport, Info, Mails, Seen, Share
from drip.report.numbers import course_report
from drip.report.rows import to_object, to_rows
from drip.track.evidence import Evidence, Kind

SENT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
STEPS = (("welcome", ("default",)), ("export", ("short", "long")))


def happened(kind: Kind, hours: float = 1, *, item: str = "0", agent: str = FIREFOX, **data: object) -> Evidence:
    at = SENT + timedelta(hours=hours)
    return Evidence(
        kind=kind, at=at, source="link", source_id=f"{at}", learner_id=1, item=item, user_agent=agent, data=data
    )


def answer(hours: float, correct: bool, sure: str = "fairly", question: str = "welcome") -> Evidence:
    return happened(Kind.ANSWER, hours, item=question, option=0, correct=correct, sure=sure)


def mail(enrolment: int, *events: Evidence, step: str = "welcome", variant: str = "default", sent: bool = True) -> Seen:
    return Seen(
        enrolment_id=enrolment, step=step, variant=variant, sent=sent, sent_at=SENT if sent else None, events=events
    )


def made(
    *seen: Seen,
    mails: Mapping[tuple[str, str], Mapping[str, int]] | None = None,
    states: Mapping[tuple[str, str | None], int] | None = None,
    held: int = 0,
    steps: Sequence[tuple[str, Sequence[str]]] = STEPS,
) -> CourseReport:
    info = Info(course="course", title="Course", revision="r1", published_at=SENT, paused_at=None, steps=steps)
    return course_report(info, Counts(mails=mails or {}, states=states or {}, held=held), iter(seen))


def test_empty_course_has_zeros_and_no_shares() -> None:
    """Nothing sent and nobody enrolled: every step has its line, every count is 0, no share is invented."""
    report = made()
    assert [step.step for step in report.steps] == ["welcome", "export"]
    assert (report.enrolled, report.sent, report.in_doubt) == (0, 0, 0)
    assert report.answers.correct == Share()
    rows = to_rows(report)
    assert all(row["correct_share"] is row["correct_low"] is row["correct_high"] is None for row in rows)


def test_five_opens_of_one_mail_are_one() -> None:
    """Opens and clicks are counted as mails, not as hits."""
    report = made(mail(1, *(happened(Kind.OPEN, n) for n in range(1, 6)), *(happened(Kind.CLICK, n) for n in (7, 8))))
    assert report.steps[0].opened == Mails(people=1)
    assert report.steps[0].clicked == Mails(people=1)


def test_mail_stands_with_the_most_human_of_those_who_did_it() -> None:
    """A machine's open beside a person's is a person's mail; beside an unsure one, unsure; alone, a machine's."""
    person, unsure, machine = happened(Kind.OPEN), happened(Kind.OPEN, 0.001), happened(Kind.OPEN, agent="Mozilla/5.0")
    report = made(
        mail(1, machine, unsure, person), mail(2, machine, unsure), mail(3, machine), mail(4, happened(Kind.VISIT))
    )
    assert report.steps[0].opened == Mails(people=1, unsure=1, machines=1)


def test_burst_over_links_and_pages_is_a_machine() -> None:
    """The pages that a scanner follows give its clicks away."""
    links = [happened(Kind.CLICK, 1), happened(Kind.VISIT, 1.0002, item="a"), happened(Kind.VISIT, 1.0004, item="b")]
    assert made(mail(1, *links)).steps[0].clicked == Mails(machines=1)


def test_opens_never_outnumber_the_sent() -> None:
    """A mail that is not known to be sent counts neither as sent nor as opened, but its answer counts."""
    report = made(
        mail(1, happened(Kind.OPEN), happened(Kind.CLICK), answer(2, True), sent=False),
        mails={("welcome", "default"): {"in_doubt": 1}},
    )
    (welcome, _) = report.steps
    assert (welcome.sent, welcome.in_doubt, welcome.opened, welcome.clicked) == (0, 1, Mails(), Mails())
    assert welcome.answers.correct == Share(count=1, n=1)


def test_first_answers_alone_are_judged() -> None:
    """Of one learner's answers to a question the first counts, in whatever order they come; the rest stand apart."""
    report = made(
        mail(1, answer(3, True), answer(2, False), answer(4, True)),
        mail(2, answer(1, True)),
        mail(3, answer(1, True), answer(2, False)),
    )
    assert report.steps[0].answers.correct == Share(count=2, n=3)
    assert report.steps[0].answers.later == 3


def test_same_question_in_a_later_mail_is_a_later_answer() -> None:
    """A question asked again in another mail of the same run was answered before; in another run it was not."""
    first, again = answer(1, False), answer(30, True)
    report = made(mail(1, first), mail(1, again, step="export", variant="long"), mail(2, again))
    welcome, export = report.steps
    assert (welcome.answers.correct, welcome.answers.later) == (Share(count=1, n=2), 0)
    assert (export.answers.correct, export.answers.later) == (Share(), 1)


def test_answers_by_how_sure() -> None:
    """First answers are split by how sure the learner was; an answer without that is in the whole, and in no part."""
    report = made(
        mail(1, answer(1, False, "certain")), mail(2, answer(1, True, "certain")),
        mail(3, answer(1, False, "guessed")), mail(4, answer(1, True, "")),
    )  # fmt: skip
    answers = report.steps[0].answers
    assert answers.correct == Share(count=2, n=4)
    assert dict(answers.by_confidence) == {
        "guessed": Share(count=0, n=1), "fairly": Share(), "certain": Share(count=1, n=2),
    }  # fmt: skip


def test_variants_stand_apart_and_add_up() -> None:
    """A step with several variants has a line for each, and the step's own line is their sum."""
    report = made(
        mail(1, happened(Kind.CLICK), answer(1, True, question="export"), step="export", variant="long"),
        mail(2, happened(Kind.UNSUBSCRIBE), step="export", variant="short"),
        mails={
            ("export", "long"): {"sent": 3},
            ("export", "short"): {"sent": 2, "failed": 1, "retry": 1, "claimed": 1},
        },
    )
    welcome, export = report.steps
    short, long = export.variants
    assert welcome.variants == ()
    assert [(one.variant, one.sent) for one in (export, short, long)] == [(None, 5), ("short", 2), ("long", 3)]
    assert (export.failed, export.waiting, export.left) == (1, 2, 1)
    assert (long.clicked, short.clicked, export.clicked) == (Mails(people=1), Mails(), Mails(people=1))
    assert (long.answers.correct.n, short.answers.correct.n, export.answers.correct.n) == (1, 0, 1)
    assert [(row["step"], row["variant"]) for row in to_rows(report)] == [
        ("welcome", None), ("export", None), ("export", "short"), ("export", "long"),
    ]  # fmt: skip


def test_steps_of_older_revisions_come_last() -> None:
    """What only an older plan mailed keeps its numbers, below the current steps, and says so; old variants too."""
    report = made(
        mails={("old", "default"): {"sent": 4}, ("welcome", "default"): {"sent": 2}, ("export", "tiny"): {"sent": 1}},
    )
    assert [(step.step, step.dropped, step.sent) for step in report.steps] == [
        ("welcome", False, 2), ("export", False, 1), ("old", True, 4),
    ]  # fmt: skip
    assert [(part.variant, part.dropped) for part in report.steps[1].variants] == [
        ("short", False), ("long", False), ("tiny", True),
    ]  # fmt: skip
    assert report.sent == 7


def test_every_enrolment_is_in_one_state() -> None:
    """The states add up to everyone who ever came in; the finished are split by what ended them."""
    report = made(
        states={
            ("active", None): 5, ("paused", None): 1, ("finished", "last step"): 3, ("finished", "goal"): 2,
            ("left", "unsubscribed"): 1, ("left", "the address is on the suppression list"): 1, ("failed", "dead"): 1,
        },
        held=2,
    )  # fmt: skip
    assert (report.active, report.paused, report.finished, report.left, report.failed) == (5, 1, 5, 2, 1)
    assert report.enrolled == 14
    assert report.finished_by == {"last step": 3, "goal": 2}
    assert report.held == 2


@pytest.mark.parametrize("state", ["sent", "delivered", "bounced", "complained"])
def test_what_is_told_of_a_mail_leaves_it_sent(state: str) -> None:
    """A mail that has gone counts as sent, whatever was said of it; what was said is counted beside that."""
    report = made(mails={("export", "short"): {state: 2}, ("export", "long"): {"sent": 1}})
    rows = [row for row in to_rows(report) if row["step"] == "export"]
    told = {"delivered": 0, "bounced": 0, "complained": 0} | ({state: 2} if state != "sent" else {})
    assert {name: rows[0][name] for name in told} == told
    assert {name: to_object(report)[name] for name in told} == told
    assert (rows[0]["sent"], report.sent) == (3, 3)


@pytest.mark.parametrize("state", ["sent", "failed", "held", "cancelled", "in_doubt", "claimed", "handed", "retry"])
def test_every_state_of_the_ledger_has_a_column(state: str) -> None:
    """No mail is lost on the way from the ledger to the report: each state shows up in exactly one column."""
    row = to_rows(made(mails={("welcome", "default"): {state: 1}}))[0]
    columns = ("sent", "waiting", "in_doubt", "held", "failed", "cancelled")
    assert sum(int(str(row[column])) for column in columns) == 1


def test_the_object_is_json_with_offsets() -> None:
    """`to_object` is plain JSON; times carry their offset, shares are rounded to four places."""
    report = made(mail(1, answer(1, True)), mail(2, answer(1, False)), mail(3, answer(1, True)))
    found = json.loads(json.dumps(to_object(report)))
    assert found["published_at"] == "2026-03-02T08:00:00+00:00"
    assert found["paused_at"] is None
    assert (found["answers"], found["correct"], found["correct_share"]) == (3, 2, 0.6667)
    assert (found["correct_low"], found["correct_high"]) == (0.2077, 0.9385)
    assert found["steps"][0]["by_confidence"]["fairly"]["answers"] == 3


def test_a_net_promoter_score_is_promoters_less_detractors() -> None:
    """Reichheld's: nines and tens less nought to six, in points; other surveys have none."""
    from drip.report.model import Ratings

    assert Ratings(counts={10: 5, 8: 3, 6: 2}, kind="nps").nps == 30
    assert Ratings(counts={0: 1}, kind="nps").nps == -100
    assert Ratings(counts={5: 4}, kind="csat").nps is None
    assert Ratings(counts={}, kind="nps").nps is None
