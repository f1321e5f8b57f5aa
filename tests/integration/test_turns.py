"""Several courses share a claim: equals alike, a higher one first; what was refused leaves room for the rest."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from stage import Stage, set_up

from drip.engine.claim import claim_due
from drip.engine.publish import publish
from drip.store import enrolments, turns

COURSE = """\
title: {name}
priority: {priority}
sender: {{name: Acme Academy, email: learn@acme.example}}
timing: {{every: 1 hour}}
steps:
  - {{tip: one, subject: One, body: First.}}
  - {{tip: two, subject: Two, body: Second.}}
"""


@pytest.fixture
def stage(tmp_path: Path, each_database: str) -> Stage:
    return set_up(tmp_path)


def course(stage: Stage, name: str, people: int, priority: int = 0) -> None:
    """A course with so many people, all of them due."""
    publish(stage.store, stage.compiled(COURSE.format(name=name, priority=priority), name), now=stage.clock())
    stage.course_id = name
    emails = [f"{name}-{n}@customer.example" for n in range(people)]
    stage.add(*emails)
    stage.enrol(*emails)


def taken(stage: Stage, limit: int) -> Counter[str]:
    """course → how many of its mails one claim takes."""
    claimed = claim_due(stage.sending, now=stage.clock(), limit=limit)
    return Counter(parcel.enrolment.course_id for parcel in claimed.parcels)


def test_a_small_course_does_not_wait_for_a_big_one(stage: Stage) -> None:
    """Sixty were due before; the five of another course go in the first claim all the same."""
    course(stage, "big", 60)
    stage.clock.turn(minutes=1)
    course(stage, "small", 5)
    assert taken(stage, 20) == {"big": 15, "small": 5}


def test_equals_take_turns_when_one_mail_goes_at_a_time(stage: Stage) -> None:
    """Also where a pace lets only one through: whoever has waited longer is next."""
    course(stage, "early", 3)
    stage.clock.turn(minutes=1)
    course(stage, "late", 1)
    assert [taken(stage, 1) for _ in range(4)] == [{"early": 1}, {"early": 1}, {"early": 1}, {"late": 1}]


def test_a_higher_course_goes_first(stage: Stage) -> None:
    """Whatever fell due before in a lower one."""
    course(stage, "low", 30)
    stage.clock.turn(hours=1)
    course(stage, "high", 12, priority=5)
    assert taken(stage, 10) == {"high": 10}
    assert taken(stage, 10) == {"high": 2, "low": 8}


def test_a_paused_course_takes_no_share(stage: Stage) -> None:
    """Its places go to the others."""
    from drip.engine.switch import switch

    course(stage, "paused", 30)
    course(stage, "running", 12)
    switch(stage.store, "paused", paused_at=stage.clock(), now=stage.clock())
    assert taken(stage, 10) == {"running": 10}
    with stage.store.read() as conn:
        assert enrolments.next_due_at(conn) == stage.clock()
    assert taken(stage, 10) == {"running": 2}
    assert taken(stage, 10) == {}
    with stage.store.read() as conn:
        assert enrolments.next_due_at(conn) is None


def test_more_courses_than_one_claim_looks_at(stage: Stage) -> None:
    """All of them get there, in the order in which they fell due."""
    for n in range(turns.MOST_COURSES + 5):
        course(stage, f"course-{n:02}", 1)
        stage.clock.turn(seconds=1)
    first = taken(stage, 200)
    assert sorted(first) == [f"course-{n:02}" for n in range(turns.MOST_COURSES)]
    assert len(taken(stage, 200)) == 5


def test_what_is_tried_again_leaves_room(stage: Stage) -> None:
    """A hundred mails that were put off, and are due again, take half of a claim at most."""
    course(stage, "refused", 30)
    claimed = claim_due(stage.sending, now=stage.clock())
    with stage.store.write() as conn:
        from drip.store import ledger

        for parcel in claimed.parcels:
            ledger.unclaim(conn, stage.sending.worker, parcel.delivery_id, due_at=stage.clock())
    stage.clock.turn(minutes=1)
    course(stage, "fresh", 30)
    assert taken(stage, 20) == {"refused": 10, "fresh": 10}


def test_a_pause_inside_a_courses_pause_counts_once(stage: Stage) -> None:
    """Whoever was paused by themselves meanwhile has that time counted when they are looked at, and not twice."""
    course(stage, "paused", 2)
    paused_at = stage.clock()
    with stage.store.write() as conn:
        conn.exec_driver_sql("UPDATE enrolment SET held_since = due_at WHERE id = 1")
        stage.clock.turn(days=3)
        enrolments.lengthen_holds(conn, "paused", paused_at=paused_at, now=stage.clock())
        held = conn.exec_driver_sql("SELECT held_for FROM enrolment ORDER BY id").scalars().all()
    assert held == [0.0, 3 * 86_400.0]
