"""Leaving holds against what comes later: an older undo, a complaint, a return for whom a person had to look."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from doors import all_evidence, ask, door_app, link_in, mails_to, press, requests_of, suppressions
from sqlalchemy import update
from stage import KEY, PLAIN_COURSE, Stage, set_up

from drip.engine.changes import Leave
from drip.engine.claim import claim_due
from drip.engine.my_changes import MyCourse
from drip.people import State
from drip.store import learners, suppression
from drip.store.ledger import Phase
from drip.store.tables import delivery, enrolment
from drip.web.serve import running

NEW = "new@customer.example"


@pytest.fixture
def stage(tmp_path: Path, each_database: str) -> Stage:
    """Somebody has the first of six tips."""
    stage = set_up(tmp_path)
    stage.publish(PLAIN_COURSE)
    stage.add(NEW)
    stage.enrol(NEW)
    stage.deliver()
    return stage


@pytest.fixture
def client(stage: Stage) -> Iterator[httpx.Client]:
    with running(door_app(stage)) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield client


def leave(stage: Stage, press_id: str, scope: str) -> int:
    """Leave on the learner's page; the number by which that is taken back."""
    my = MyCourse(stage.store, suppression_key=KEY)
    undo = my.press(stage.rows()[0].id, Leave(scope=scope), stage.visit(press_id, method="POST")).undo
    assert undo is not None
    return undo


def take_back(stage: Stage, number: int) -> None:
    stage.recorder.came_back(stage.rows()[0].id, number, stage.visit("undo", method="POST"))


def come_back_by_mail(stage: Stage, client: httpx.Client) -> str:
    """Ask for the course again, and confirm it."""
    ask(stage, client)
    stage.deliver()
    return press(client, link_in(mails_to(stage, NEW)[-1])).text


def complain(stage: Stage) -> None:
    with stage.store.write() as conn:
        suppression.suppress(conn, learners.suppression_hash(KEY, NEW), reason="complained", now=stage.clock())


def test_an_older_undo_brings_back_nobody_who_has_left_once_more(stage: Stage, client: httpx.Client) -> None:
    """Left, back by double opt-in, left again: the page of the first leaving, still open, mails nobody."""
    first = leave(stage, "one", "course")
    assert "You are in" in come_back_by_mail(stage, client)
    second = leave(stage, "two", "course")
    take_back(stage, first)
    assert stage.standing(NEW).enrolment.state is State.LEFT
    came = len(mails_to(stage, NEW))
    stage.live(days=0.5)
    assert len(mails_to(stage, NEW)) == came
    take_back(stage, second)
    assert stage.standing(NEW).enrolment.state is State.ACTIVE, "the last leaving has its own undo"


def test_the_same_form_after_coming_back_is_a_leaving_of_its_own(stage: Stage) -> None:
    """A page kept open is pressed once more: the evidence has both, and the undo that is offered then works."""
    take_back(stage, leave(stage, "page", "course"))
    stage.clock.turn(minutes=5)
    second = leave(stage, "page", "course")
    assert [str(event.kind) for event in all_evidence(stage)] == ["unsubscribe", "return", "unsubscribe"]
    take_back(stage, second)
    assert stage.standing(NEW).enrolment.state is State.ACTIVE


@pytest.mark.parametrize("scope", ["everything", "course"])
def test_a_complaint_after_leaving_wins(stage: Stage, scope: str) -> None:
    """It takes the place of the weaker reason, and the undo lifts nothing of it, whatever had been left."""
    undo = leave(stage, "one", scope)
    complain(stage)
    assert suppressions(stage) == ["complained"]
    take_back(stage, undo)
    assert (suppressions(stage), stage.standing(NEW).enrolment.state) == (["complained"], State.LEFT)
    stage.live(days=1)
    assert len(mails_to(stage, NEW)) == 1


def test_a_leaving_after_a_complaint_takes_nothing_from_it(stage: Stage) -> None:
    """The stronger reason stays, and a second one does not take the place of the first."""
    complain(stage)
    assert stage.recorder.left(stage.rows()[0].id, stage.visit("one", method="POST"))
    with stage.store.write() as conn:
        suppression.suppress(conn, learners.suppression_hash(KEY, NEW), reason="bounced", now=stage.clock())
    assert suppressions(stage) == ["complained"]


def test_a_complaint_meanwhile_closes_the_way_back_by_mail(stage: Stage, client: httpx.Client) -> None:
    """Asked before the complaint, confirmed after it: nothing goes on, and the page does not say that it does."""
    leave(stage, "one", "everything")
    ask(stage, client)
    stage.deliver()
    complain(stage)
    assert "This course cannot begin for you" in press(client, link_in(mails_to(stage, NEW)[-1])).text
    assert (suppressions(stage), stage.standing(NEW).enrolment.state) == (["complained"], State.LEFT)


def test_a_complaint_stops_the_mail_that_asks_back(stage: Stage, client: httpx.Client) -> None:
    """It was written down before, and goes after: one who complained meanwhile is not asked."""
    ask(stage, client)
    complain(stage)
    stage.deliver()
    assert len(mails_to(stage, NEW)) == 1, "the tip from before alone"
    assert [(one.state, one.due_at) for one in requests_of(stage)] == [("quiet", None)]


def test_a_mail_that_waits_for_a_person_waits_after_coming_back(stage: Stage, client: httpx.Client) -> None:
    """It was refused for good, or nobody knows whether it came: double opt-in does not decide that."""
    stage.clock.turn(hours=1)
    (parcel,) = claim_due(stage.sending, now=stage.clock()).parcels
    with stage.store.write() as conn:
        held = {"state": "held", "attempts": 1, "leased_by": None, "lease_until": None}
        conn.execute(update(delivery).where(delivery.c.id == parcel.delivery_id).values(**held))
    leave(stage, "one", "everything")
    come_back_by_mail(stage, client)
    stage.live(days=1)
    assert [row.state for row in stage.rows()] == [Phase.SENT, Phase.HELD]


def test_a_pause_that_a_person_has_set_outlives_coming_back(stage: Stage, client: httpx.Client) -> None:
    """What the learner lifts by double opt-in is their own leaving."""
    with stage.store.write() as conn:
        paused = {"state": "paused", "paused_by": "marketer", "held_since": stage.clock(), "due_at": None}
        conn.execute(update(enrolment).values(**paused))
    leave(stage, "one", "everything")
    come_back_by_mail(stage, client)
    stands = stage.standing(NEW).enrolment
    assert (suppressions(stage), stands.state, stands.paused_by) == ([], State.PAUSED, "marketer")


def test_an_operator_sees_leaving_and_coming_back(stage: Stage, client: httpx.Client) -> None:
    """`drip why` has a row for each, also where the undo, or the form, brings somebody back."""
    stage.clock.turn(minutes=5)
    number = leave(stage, "first", "course")
    stage.clock.turn(minutes=5)
    take_back(stage, number)
    stage.clock.turn(minutes=5)
    leave(stage, "second", "everything")
    stage.clock.turn(minutes=5)
    come_back_by_mail(stage, client)
    assert [(row.kind, row.reason) for row in stage.why(NEW).rows if row.kind in ("leave", "return")] == [
        ("leave", "left this course"),
        ("return", "took it back"),
        ("leave", "left everything"),
        ("return", "confirmed the form"),
    ]
