"""What waits for a person can be seen, and decided."""

from __future__ import annotations

from pathlib import Path

import pytest
from stage import PLAIN_COURSE, Stage, set_up

from drip.engine.learners import import_csv
from drip.engine.settle import Decision, settle, waiting
from drip.people import State
from drip.store.ledger import Phase

pytestmark = pytest.mark.usefixtures("each_database")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Ada's first tip wants a company that nobody has told; Eva's condition compares a text with a number."""
    stage = set_up(tmp_path)
    text = PLAIN_COURSE.replace("learner.first_name", "learner.company")
    stage.publish(text.replace("tip: tip-1,", "tip: tip-1, when: learner.seats > 3,"))
    stage.add("ada@customer.example", attributes={"seats": 5})
    stage.add("eva@customer.example", attributes={"seats": "many", "company": "Acme"})
    stage.enrol()
    stage.deliver()
    return stage


def problems(stage: Stage) -> list[tuple[str, str]]:
    return [(one.email, one.step) for one in waiting(stage.store)]


def test_both_are_listed_with_the_reason(stage: Stage) -> None:
    """A held mail and a stuck enrolment, in words."""
    assert problems(stage) == [("ada@customer.example", "tip-1"), ("eva@customer.example", "tip-1")]
    assert "company" in waiting(stage.store)[0].problem
    assert "seats" in waiting(stage.store, email="EVA@customer.example")[0].problem


def test_what_is_known_anew_releases_by_itself(stage: Stage) -> None:
    """The missing values are imported: both get their mail, and nobody had to be told."""
    people = b"email,company,seats\nada@customer.example,Bolag AB,\neva@customer.example,,2\n"
    import_csv(stage.store, people, now=stage.clock())
    assert stage.deliver().sent == 1
    assert problems(stage) == [("eva@customer.example", "tip-1")], "a text is still no number"
    assert [row.state for row in stage.rows()] == [Phase.SENT]


def test_retry_tries_again(stage: Stage) -> None:
    """As it is: held again with the same reason. Nothing is lost by trying."""
    assert len(settle(stage.store, Decision.RETRY, now=stage.clock())) == 2
    assert problems(stage) == []
    stage.deliver()
    assert len(problems(stage)) == 2


def test_cancel_leaves_this_mail_out_and_goes_on(stage: Stage) -> None:
    """The next tip comes after its gap; the ledger says what was decided."""
    settle(stage.store, Decision.CANCEL, now=stage.clock(), email="ada@customer.example")
    assert [row.state for row in stage.rows()] == [Phase.CANCELLED]
    standing = stage.standing("ada@customer.example")
    assert (standing.enrolment.next_step, standing.enrolment.state) == ("tip-2", State.ACTIVE)
    assert standing.due_at is not None


def test_sent_goes_on_as_if_it_had_been(stage: Stage) -> None:
    """The next gap counts from the decision."""
    settle(stage.store, Decision.SENT, now=stage.clock(), course_id="course")
    assert stage.rows()[0].sent_at == stage.clock()
    assert stage.standing("ada@customer.example").enrolment.last_mail_at == stage.clock()


def test_deciding_twice_decides_once(stage: Stage) -> None:
    """What is decided waits no more."""
    settle(stage.store, Decision.CANCEL, now=stage.clock(), email="ada@customer.example")
    assert settle(stage.store, Decision.SENT, now=stage.clock(), email="ada@customer.example") == []
