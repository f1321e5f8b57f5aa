"""What a link brings back is recorded once, judged by its delivery's revision, and wakes whoever waits for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from stage import COURSE, Stage, set_up

from drip.errors import NotFound
from drip.people import State
from drip.store import evidence
from drip.store.ledger import Phase

pytestmark = pytest.mark.usefixtures("each_database")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Two learners who have just got the first tip, at 09:30 their time."""
    stage = set_up(tmp_path)
    stage.publish()
    stage.people(2)
    stage.clock.turn(hours=2.5)
    stage.deliver()
    stage.clock.turn(minutes=5)
    stage.deliver()
    return stage


def events(stage: Stage, learner: int = 1) -> list[tuple[str, str]]:
    with stage.store.read() as conn:
        return [(str(event.kind), event.item) for event in evidence.of_learner(conn, learner)]


def test_an_answer_is_graded_and_the_wait_ends(stage: Stage) -> None:
    """Right: the next tip is the advanced one, on the next day at nine."""
    graded = stage.recorder.answered(1, 0, "certain", stage.visit("n1", method="POST"))
    assert (graded.correct, graded.repeated) == (True, False)
    assert str(graded.next_at) == "2026-03-03 08:00:00+00:00"
    stage.deliver()
    assert stage.standing("learner0@customer.example").enrolment.next_step == "advanced"
    assert stage.standing("learner1@customer.example").enrolment.next_step == "welcome/wait"


def test_a_replayed_answer_is_free(stage: Stage) -> None:
    """The same form twice is one answer, graded the same; another form is a second answer, and the first counts."""
    first = stage.recorder.answered(1, 1, "guessed", stage.visit("n1", method="POST"))
    again = stage.recorder.answered(1, 1, "guessed", stage.visit("n1", method="POST"))
    assert (first.repeated, again.repeated, again.correct) == (False, False, False)
    changed = stage.recorder.answered(1, 0, "certain", stage.visit("n1", method="POST"))
    assert (changed.option, changed.correct) == (1, False), "what was recorded is graded"
    second = stage.recorder.answered(1, 0, "certain", stage.visit("n2", method="POST"))
    assert (second.repeated, second.correct) == (True, True)
    assert events(stage) == [("answer", "welcome")] * 2
    stage.deliver()
    assert stage.standing("learner0@customer.example").enrolment.next_step == "basics"


def test_an_answer_is_graded_by_the_revision_that_was_sent(stage: Stage) -> None:
    """The course is published anew with the other option as the right one: the mail that is out keeps its own."""
    stage.publish(
        COURSE.replace(", correct: true", "").replace("From a blank page,", "From a blank page, correct: true,")
    )
    assert stage.recorder.answered(1, 0, "fairly", stage.visit("n1", method="POST")).correct


def test_a_click_goes_where_the_plan_says_and_values_are_quoted(stage: Stage) -> None:
    """The target is the mail's own, filled and quoted; a link that it never had is nowhere."""
    assert stage.recorder.clicked(1, 0, stage.visit("c1")).startswith(
        "https://app.acme.example/views?u=ref-learner0%40"
    )
    assert stage.recorder.clicked(1, 1, stage.visit("c2")) == "https://app.acme.example/views"
    with pytest.raises(NotFound):
        stage.recorder.clicked(1, 2, stage.visit("c3"))
    assert events(stage) == [("click", "0"), ("click", "1")]


def test_a_click_counts_after_it_has_settled(stage: Stage) -> None:
    """`when: not clicked(...)` sees the click of a person, and not the walk of a scanner."""
    stage.recorder.clicked(1, 0, stage.visit("c1"))
    for number in range(4):
        stage.recorder.visited(2, f"answer/{number}", stage.visit(f"v{number}"))
    stage.recorder.clicked(2, 0, stage.visit("c2"))
    stage.live(days=9)
    steps = {row.step for row in stage.rows() if row.learner_id == 1}
    assert "export" not in steps
    assert "export" in {row.step for row in stage.rows() if row.learner_id == 2}


def test_leaving_cancels_what_is_not_handed_and_is_for_everything(stage: Stage) -> None:
    """One press: all enrolments end, what was waiting is cancelled, and enrolling again is refused."""
    stage.publish(COURSE, name="second")
    stage.course_id = "second"
    stage.enrol("learner0@customer.example")
    assert stage.recorder.left(1, stage.visit("u1", method="POST"))
    assert not stage.recorder.left(1, stage.visit("u2", method="POST"))
    stage.live(days=9)
    assert stage.standing("learner0@customer.example").enrolment.state is State.LEFT
    mine = [row for row in stage.rows() if row.learner_id == 1]
    assert [row.state for row in mine] == [Phase.SENT]
    stage.publish(COURSE, name="third")
    stage.course_id = "third"
    assert "suppression" in stage.enrol("learner0@customer.example").refused["learner0@customer.example"]


def test_leaving_while_a_retry_waits(stage: Stage) -> None:
    """A mail that is to be tried again is cancelled when its learner leaves, and nothing wakes it."""
    with stage.store.write() as conn:
        conn.exec_driver_sql(
            "UPDATE delivery SET state = 'retry', sent_at = NULL, due_at = '2026-03-02 08:00:00.000000'"
        )
    stage.recorder.left(1, stage.visit("u1", method="POST"))
    stage.live(days=2)
    assert [row.state for row in stage.rows() if row.learner_id == 1] == [Phase.CANCELLED]


def test_a_mail_that_is_gone_is_nowhere(stage: Stage) -> None:
    """A token of another database names a delivery that is not here."""
    for press in (stage.recorder.origin, lambda id_: stage.recorder.opened(id_, stage.visit("x"))):
        with pytest.raises(NotFound):
            press(999)


def test_answers_from_out_of_range_are_refused(stage: Stage) -> None:
    """An option that the question does not have, or a word for how sure that is none, writes nothing."""
    with pytest.raises(NotFound):
        stage.recorder.answered(1, 2, "fairly", stage.visit("n1", method="POST"))
    with pytest.raises(NotFound):
        stage.recorder.answered(1, 0, "very", stage.visit("n2", method="POST"))
    assert events(stage) == []
