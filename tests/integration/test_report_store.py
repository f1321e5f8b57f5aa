"""A report over a real store: a course lived by known people and machines, and the numbers that must come of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from stage import COURSE, PLAIN_COURSE, Stage, set_up

from drip.engine import measure
from drip.errors import NotFound
from drip.report.model import Mails, Share
from drip.report.rows import to_object
from drip.store import courses, enrolments, numbers
from drip.store.ledger import Delivery
from drip.track import classify

pytestmark = pytest.mark.usefixtures("each_database")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = set_up(tmp_path)
    stage.publish()
    return stage


def welcome_mails(stage: Stage, people: int) -> list[Delivery]:
    """So many people have got the first tip an hour ago."""
    stage.people(people)
    stage.live(days=0.25)
    return [row for row in stage.rows() if row.step == "welcome"]


def test_known_events_make_known_numbers(stage: Stage) -> None:
    """Two readers, a scanner, a prefetch, a leaver and a silent one: each shows up where it belongs."""
    mails = welcome_mails(stage, 6)
    reader, other, scanned, apple, leaver, _ = mails
    record, visit = stage.recorder, stage.visit
    for n in range(3):
        record.opened(reader.id, visit(f"open-{n}"))
    record.clicked(reader.id, 0, visit("click"))
    record.answered(reader.id, 0, "certain", visit("a1", method="POST"))
    record.answered(other.id, 1, "guessed", visit("a2", method="POST"))
    stage.clock.turn(minutes=1)
    record.answered(other.id, 0, "fairly", visit("a3", method="POST"))
    record.clicked(scanned.id, 0, visit("s0"))
    record.clicked(scanned.id, 1, visit("s1"))
    record.visited(scanned.id, "answer/0", visit("s2"))
    record.opened(apple.id, visit("p", user_agent="Mozilla/5.0"))
    record.opened(leaver.id, visit("g", user_agent="Mozilla/5.0 (via ggpht.com GoogleImageProxy)"))
    record.left(leaver.id, visit("u", method="POST"))

    report = measure.report(stage.store, "course")
    welcome = report.steps[0]
    assert [step.step for step in report.steps] == ["welcome", "advanced", "basics", "export", "goodbye"]
    assert (report.enrolled, report.active, report.left, report.held) == (6, 5, 1, 0)
    assert (welcome.sent, welcome.left) == (6, 1)
    assert welcome.opened == Mails(people=2, machines=1)
    assert welcome.clicked == Mails(people=1, machines=1)
    assert welcome.answers.correct == Share(count=1, n=2)
    assert welcome.answers.later == 1
    assert welcome.answers.by_confidence["certain"] == Share(count=1, n=1)


def test_replayed_form_changes_no_number(stage: Stage) -> None:
    """The same form sent twice is one answer."""
    (mail,) = welcome_mails(stage, 1)
    for _ in range(2):
        stage.recorder.answered(mail.id, 0, "fairly", stage.visit("same", method="POST"))
    answers = measure.report(stage.store, "course").steps[0].answers
    assert (answers.correct, answers.later) == (Share(count=1, n=1), 0)


def test_courses_do_not_mix(stage: Stage) -> None:
    """What happens in one course is in no other course's report, also where their enrolments came in turns."""
    stage.publish(PLAIN_COURSE, "plain")
    for number, course in enumerate(("plain", "course", "plain")):
        stage.course_id = course
        stage.add(f"learner{number}@customer.example")
        stage.enrol(f"learner{number}@customer.example")
    stage.live(days=0.25)
    for mail in stage.rows():
        stage.recorder.opened(mail.id, stage.visit(f"open-{mail.id}", at=stage.clock() + timedelta(minutes=1)))
    plain, course = measure.report(stage.store, "plain"), measure.report(stage.store, "course")
    assert [step.step for step in plain.steps] == [f"tip-{n}" for n in range(1, 7)]
    assert (plain.enrolled, plain.steps[0].opened) == (2, Mails(people=2))
    assert (course.enrolled, course.sent, course.steps[0].opened) == (1, 1, Mails(people=1))


def test_held_enrolments_and_mails_wait_for_a_person(stage: Stage) -> None:
    """An enrolment that is held, and one whose mail is held, are counted once each, among the active."""
    stage.publish(PLAIN_COURSE.replace("subject: Tip 1", "subject: '{{ learner.first_name }}'"))
    stage.people(3)
    with stage.store.write() as conn:
        conn.exec_driver_sql("UPDATE learner SET first_name = NULL WHERE id > 1")  # their subject cannot be filled
    stage.live(days=0.1)
    with stage.store.write() as conn:
        enrolments.hold(conn, stage.standing("learner0@customer.example").enrolment.id, "look at this")
        enrolments.hold(conn, stage.standing("learner1@customer.example").enrolment.id, "and at this")
    report = measure.report(stage.store, "course")
    assert (report.active, report.held) == (3, 3)
    first = next(step for step in report.steps if step.step == "tip-1")
    assert (first.sent, first.held) == (1, 2)


def test_steps_of_an_older_revision_keep_their_line(stage: Stage) -> None:
    """After a publish without a step, what it mailed stands last and is marked."""
    welcome_mails(stage, 2)
    stage.publish(PLAIN_COURSE.replace("steps:", "removed: [welcome/wait]\nsteps:"))
    steps = measure.report(stage.store, "course").steps
    assert [(step.step, step.dropped, step.sent) for step in steps[-2:]] == [("tip-6", False, 0), ("welcome", True, 2)]


def test_many_enrolments_are_read_in_parts(stage: Stage) -> None:
    """Reading evidence a few enrolments at a time neither loses nor doubles a mail, and keeps each one's together."""
    for mail in welcome_mails(stage, 7):
        stage.recorder.opened(mail.id, stage.visit(f"o{mail.id}"))
        stage.recorder.opened(mail.id, stage.visit(f"p{mail.id}"))
    with stage.store.read() as conn:
        whole = list(numbers.seen(conn, "course"))
        assert [len(mail.events) for mail in whole] == [2] * 7
        for size in (1, 2, 3, 7, 8):
            assert list(numbers.seen(conn, "course", at_a_time=size)) == whole


def test_paused_course_says_so(stage: Stage) -> None:
    """A paused course's report carries since when."""
    with stage.store.write() as conn:
        courses.set_paused(conn, "course", stage.clock())
    found = to_object(measure.report(stage.store, "course"))
    assert found["paused_at"] == stage.clock().isoformat()


def test_unknown_course_is_named_with_its_neighbours(stage: Stage) -> None:
    """A slip in the course's name brings up the one that was meant."""
    with pytest.raises(NotFound, match='did you mean "course"'):
        measure.report(stage.store, "cuorse")


def test_report_writes_nothing(stage: Stage) -> None:
    """Looking at a report twice gives the same, and moves nobody."""
    welcome_mails(stage, 2)
    before = stage.rows()
    assert measure.report(stage.store, "course") == measure.report(stage.store, "course")
    assert stage.rows() == before


def test_a_better_rule_judges_the_past_anew(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Evidence is judged when it is read: a scanner that becomes known later was one all along, in report and facts."""
    (mail,) = welcome_mails(stage, 1)
    stage.recorder.clicked(mail.id, 0, stage.visit("c1", user_agent="Mozilla/5.0 LinkPatrol/7"))
    assert measure.report(stage.store, "course").steps[0].clicked == Mails(people=1)
    monkeypatch.setattr(classify, "SCANNERS", (*classify.SCANNERS, "linkpatrol"))
    assert measure.report(stage.store, "course").steps[0].clicked == Mails(machines=1)


def test_a_course_without_pixels_is_reported_as_any_other(stage: Stage) -> None:
    """`opens: never`: no mail carries a pixel, nobody has opened anything, and every other number is there."""
    stage.publish(COURSE.replace("sender:", "tracking: {opens: never}\nsender:"))
    (mail,) = welcome_mails(stage, 1)
    assert not any("/o/" in mail_.read_text("utf-8") for mail_ in stage.mails())
    stage.recorder.opened(mail.id, stage.visit("o"))  # a pixel of a revision before this one
    stage.recorder.clicked(mail.id, 0, stage.visit("c"))
    stage.recorder.answered(mail.id, 0, "certain", stage.visit("a", method="POST"))
    found = measure.report(stage.store, "course")
    assert (found.steps[0].sent, found.steps[0].opened, found.steps[0].clicked) == (1, Mails(), Mails(people=1))
    assert found.answers.correct == Share(count=1, n=1)
    assert to_object(found)["steps"][0]["opened"] is None  # type: ignore[index]
