"""Two processes do the same thing at the same moment, on either database: it is done once, and neither falls over."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, text
from stage import COURSE, KEY, PLAIN_COURSE, START, Stage, open_store, set_up

from drip.engine.enrol import come_in, enrol
from drip.engine.entries import plan_everyone
from drip.engine.learners import import_csv
from drip.engine.outcomes import happened
from drip.engine.publish import publish
from drip.engine.record import Recorder
from drip.engine.switch import switch
from drip.store import Store, breaker, entries, evidence, media, pins, suppression, webhooks
from drip.track.evidence import Evidence, Kind

pytestmark = pytest.mark.usefixtures("each_database")

T = TypeVar("T")
#: So often a race is run that has no one moment to be held at.
ROUNDS = 10
#: More than the processor has cores, so that they interrupt each other.
SIDE_BY_SIDE = 4
ADA = "ada@customer.example"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = set_up(tmp_path)
    stage.publish(PLAIN_COURSE)
    stage.add(ADA)
    return stage


def in_turn(stage: Stage, work: Callable[[Connection], T]) -> tuple[T, T]:
    """What two transactions get, of which the second begins when the first has done its work, but not committed."""
    second = open_store(stage.folder)

    def again() -> T:
        with second.write() as conn:
            return work(conn)

    with ThreadPoolExecutor(1) as pool:
        with stage.store.write() as conn:
            first = work(conn)
            waiting = pool.submit(again)
            for _ in range(5 if stage.store.sqlite else 500):  # SQLite does not tell that somebody waits
                if waiting.done() or held_up(stage.store):
                    break
                threading.Event().wait(0.01)
        return first, waiting.result()


def held_up(store: Store) -> bool:
    """Whether somebody waits for another's lock, as far as the database tells."""
    if store.sqlite:
        return False
    with store.read() as conn:
        query = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return conn.execute(text(query)).first() is not None


def side_by_side(stage: Stage, *works: Callable[[Store], T]) -> list[T]:
    """What each gets, each in a thread and with a store of its own, let go at once."""
    stores = [open_store(stage.folder) for _ in works]
    for store in stores:
        store.version()  # connected: the race is about the work
    gate = threading.Barrier(len(works))

    def run(work: Callable[[Store], T], store: Store) -> T:
        gate.wait()
        return work(store)

    with ThreadPoolExecutor(len(works)) as pool:
        running = [pool.submit(run, work, store) for work, store in zip(works, stores, strict=True)]
        results = [one.result() for one in running]
    for store in stores:
        store.close()
    return results


def shuffled(people: Sequence[str], *seeds: int) -> list[str]:
    return random.Random(str(seeds)).sample(people, len(people))


def rows(stage: Stage, query: str) -> list[Any]:
    with stage.store.read() as conn:
        return [tuple(row) for row in conn.exec_driver_sql(query)]


def test_an_address_is_suppressed_once(stage: Stage) -> None:
    """Who leaves by two presses at once has left, for the first reason."""
    reasons = iter(("first", "second"))
    in_turn(stage, lambda conn: suppression.suppress(conn, "hash", reason=next(reasons), now=START))
    assert rows(stage, "SELECT address_hash, reason FROM suppression") == [("hash", "first")]


def test_a_webhook_is_written_once(stage: Stage) -> None:
    """Two who tell the same at once tell it once; the second waits for the first."""
    row = {"key": "1/x", "name": "crm", "payload": {}, "webhook": None, "learner_id": None}
    row |= {"happened_at": START, "created_at": START, "due_at": None}
    in_turn(stage, lambda conn: webhooks.write(conn, [row]))
    assert rows(stage, "SELECT key FROM outbox") == [("1/x",)]


def test_evidence_is_stored_once(stage: Stage) -> None:
    """A replay that comes before the first is stored is free as well."""
    event = Evidence(kind=Kind.EVENT, at=START, source="x", source_id="1", learner_id=1, item="paid")
    assert in_turn(stage, lambda conn: evidence.add(conn, event)) == (True, False)


def test_what_is_pinned_stays_pinned(stage: Stage) -> None:
    """Two first starts with two secrets: both hear the same answer."""
    prints = iter(("first", "second"))
    assert in_turn(stage, lambda conn: pins.put(conn, "key", next(prints))) == ("first", "first")


def test_a_breaker_may_be_tripped_by_two(stage: Stage) -> None:
    """Both meet the same trouble; it stands there once."""
    trouble = breaker.Trouble(transport="smtp", words="421", since=START, until=START, trips=1)
    in_turn(stage, lambda conn: breaker.trip(conn, trouble))
    with stage.store.read() as conn:
        assert breaker.listed(conn) == [trouble]


def test_a_picture_is_stored_once(stage: Stage) -> None:
    """Two courses with the same picture are published at once."""
    in_turn(stage, lambda conn: media.put(conn, {"a.png": b"a", "b.png": b"b"}, now=START))
    assert len(rows(stage, "SELECT name FROM media")) == 2


def test_a_day_to_come_in_is_planned_once(stage: Stage) -> None:
    """An import and a publish work out the same day at once."""
    in_turn(stage, lambda conn: entries.put(conn, "course", {1: START}, now=START))
    assert len(rows(stage, "SELECT due_at FROM entry")) == 1


def test_a_day_that_was_moved_meanwhile_is_kept(stage: Stage) -> None:
    """Who has been enrolled for one day is not forgotten for another, which an import has just brought."""
    later = START + timedelta(days=30)
    with stage.store.write() as conn:
        entries.put(conn, "course", {1: START}, now=START)
        entries.put(conn, "course", {1: later}, now=START)
        entries.remove(conn, "course", ADA, START)
    with stage.store.read() as conn:
        assert entries.due(conn, now=later, limit=1) == [("course", ADA, later)]


def test_the_same_course_may_be_published_by_two(tmp_path: Path) -> None:
    """Both deploy the same files at once: one plan, its templates once, and one of them was the first."""
    stage = set_up(tmp_path)
    compiled = stage.compiled(COURSE)
    told = side_by_side(stage, *[lambda store: publish(store, compiled, now=START).before] * SIDE_BY_SIDE)
    assert sorted(before is None for before in told) == [False, False, False, True]
    assert len(rows(stage, "SELECT revision FROM plan")) == 1
    assert len(rows(stage, "SELECT DISTINCT step FROM template")) == len(rows(stage, "SELECT step FROM template"))


def test_two_versions_may_be_published_at_once(tmp_path: Path) -> None:
    """One of them is the course's in the end, whole; both are kept."""
    stage = set_up(tmp_path)
    versions = [stage.compiled(COURSE), stage.compiled(PLAIN_COURSE)]
    side_by_side(stage, *(lambda store, one=one: publish(store, one, now=START) for one in versions))
    assert len(rows(stage, "SELECT revision FROM plan")) == 2
    ((current,),) = rows(stage, "SELECT revision FROM course")
    assert current in [one.plan.revision for one in versions]


def test_the_last_version_says_who_comes_in_when(tmp_path: Path) -> None:
    """One who publishes slowly does not write over the days that a later publish has worked out."""
    stage = set_up(tmp_path)
    import_csv(stage.store, b"email,first,second\nada@customer.example,2026-03-10,2026-03-20\n", now=START)
    slow, quick = (
        stage.compiled(PLAIN_COURSE.replace("steps:", f"start: {{date: learner.{day}}}\nsteps:"))
        for day in ("first", "second")
    )
    publish(stage.store, slow, now=START)
    publish(stage.store, quick, now=START)
    plan_everyone(stage.store, slow.plan, now=START)
    ((at,),) = rows(stage, "SELECT due_at FROM entry")
    assert str(at).startswith("2026-03-20")


@pytest.mark.parametrize("number", range(ROUNDS))
def test_two_imports_of_the_same_people(stage: Stage, number: int) -> None:
    """Four files with the same new people, and some known ones to change, in different orders: each is there once."""
    known = [f"known{n}@customer.example" for n in range(20)]
    stage.add(*known)
    people = [*known, *(f"learner{n}@customer.example" for n in range(50))]

    def work(seed: int) -> Callable[[Store], int]:
        text = "email,plan\n" + "".join(f"{email},{seed}\n" for email in shuffled(people, seed, number))
        return lambda store: import_csv(store, text.encode(), now=START).added

    added = side_by_side(stage, *(work(seed) for seed in range(SIDE_BY_SIDE)))
    assert sum(added) == 50
    assert len(rows(stage, "SELECT id FROM learner")) == 1 + len(people)


@pytest.mark.parametrize("number", range(ROUNDS))
def test_two_who_enrol_the_same_people(stage: Stage, number: int) -> None:
    """Four at once, in different orders: everybody is in once, and is counted once."""
    people = [f"learner{n}@customer.example" for n in range(20)]
    stage.add(*people)

    def work(seed: int) -> Callable[[Store], int]:
        emails = shuffled(people, seed, number)
        return lambda store: enrol(store, "course", emails=emails, at=START, suppression_key=KEY).enrolled

    assert sum(side_by_side(stage, *(work(seed) for seed in range(SIDE_BY_SIDE)))) == len(people)
    assert len(rows(stage, "SELECT id FROM enrolment")) == len(people)


def test_two_workers_let_the_same_people_in(tmp_path: Path) -> None:
    """Their day has come, and two workers tick at once: everybody is in once."""
    stage = set_up(tmp_path)
    stage.publish(PLAIN_COURSE.replace("steps:", "start: {date: learner.renewal}\nsteps:"))
    people = "".join(f"learner{n}@customer.example,2026-03-02\n" for n in range(20))
    import_csv(stage.store, f"email,renewal\n{people}".encode(), now=START)
    side_by_side(stage, *[lambda store: come_in(store, now=START, suppression_key=KEY)] * SIDE_BY_SIDE)
    assert len(rows(stage, "SELECT id FROM enrolment")) == 20
    assert rows(stage, "SELECT due_at FROM entry") == []


def test_an_event_told_twice_at_once_is_one(tmp_path: Path) -> None:
    """A provider that tells it again before it was answered: one event, one enrolment."""
    stage = set_up(tmp_path)
    stage.publish(PLAIN_COURSE.replace("steps:", "start: {event: trial}\nsteps:"))
    stage.add(ADA)
    told = side_by_side(
        stage, *[lambda s: happened(s, ADA, "trial", at=START, source_id="1", suppression_key=KEY)] * SIDE_BY_SIDE
    )
    assert sum(one.new for one in told) == 1
    assert [one.enrolled for one in told if one.new] == [("course",)]
    assert len(rows(stage, "SELECT id FROM enrolment")) == 1


def test_leaving_twice_at_once_is_leaving_once(stage: Stage) -> None:
    """A mail program and its person press at the same moment: one of them was first, and nothing goes any more."""
    stage.enrol(ADA)
    stage.deliver()

    def work(nonce: str) -> Callable[[Store], bool]:
        return lambda store: Recorder(store, suppression_key=KEY).left(1, stage.visit(nonce, method="POST"))

    side_by_side(stage, *(work(f"n{n}") for n in range(SIDE_BY_SIDE)))
    assert len(rows(stage, "SELECT address_hash FROM suppression")) == 1
    assert stage.live(days=1).sent == 0


def test_two_who_resume_a_course_lengthen_its_holds_once(stage: Stage) -> None:
    """What fell due in the pause is not stale for it, and does not get the time twice."""
    stage.enrol(ADA)
    switch(stage.store, "course", paused_at=START, now=START)
    back = START + timedelta(hours=5)
    told = side_by_side(stage, *[lambda s: switch(s, "course", paused_at=None, now=back)] * SIDE_BY_SIDE)
    assert sorted(told) == [[], [], [], ["course"]]
    assert rows(stage, "SELECT held_for FROM enrolment") == [(5 * 3600.0,)]
