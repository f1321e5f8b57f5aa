"""`drip status`: one verdict for each way in which it may be, on every database, and on one that is not well."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from stage import PLAIN_COURSE, Stage, set_up

from drip.engine.deliver import until_idle
from drip.engine.status import Status, queue_now, status
from drip.engine.switch import switch
from drip.engine.verdict import Kind, sentence
from drip.runners.heartbeat import beating
from drip.store import breaker, workers
from drip.transports import Outcome, Receipt, Result

#: The keys that programs have read since there was a `drip status`, and those that came later.
FIRST_KEYS = {"now", "due", "lag", "next_at", "deliveries", "problems", "troubles", "courses", "learners"}
LATER_KEYS = {"verdict", "sent", "in_doubt", "waiting", "workers"}
STOCKHOLM = ZoneInfo("Europe/Stockholm")
pytestmark = pytest.mark.usefixtures("each_database")


@pytest.fixture
def stage(tmp_path: Path, each_database: str) -> Stage:
    return set_up(tmp_path)


def now(stage: Stage, **options: Any) -> Status:
    return status(stage.store, now=stage.clock(), zone=STOCKHOLM, **options)


def seen(stage: Stage, name: str = "worker-1", *, ago: float = 5, stopped: bool = False) -> None:
    """A worker that began an hour before left a sign of life so many seconds ago."""
    at = stage.clock() - timedelta(seconds=ago)
    one = workers.Worker(
        name=name, host="mail-1", process=47, transport="outbox", started_at=at - timedelta(hours=1), seen_at=at,
        stopped_at=at if stopped else None,
    )  # fmt: skip
    with stage.store.write() as conn:
        workers.sign(conn, one)


class Answering:
    """A way out that answers everything alike."""

    name = "outbox"
    connections = 1

    def __init__(self, outcome: Outcome, trouble: str | None = None) -> None:
        self.outcome, self.trouble = outcome, trouble

    def send(self, messages: Any) -> Result:
        receipts = (Receipt(delivery_id=one.delivery_id, outcome=self.outcome, answer="no") for one in messages)
        return Result(receipts=tuple(receipts), trouble=self.trouble)

    def close(self) -> None:
        pass


class Elsewhere(Answering):
    """Another way out."""

    name = "smtp mail.acme.example:587"


def test_from_nothing_to_all_is_well(stage: Stage) -> None:
    """No course, a course and nothing due, mails due and a worker, all sent: each has its verdict."""
    assert now(stage).verdict.kind is Kind.NEW
    stage.publish(PLAIN_COURSE)
    seen(stage)
    assert now(stage).verdict.kind is Kind.WELL
    stage.people(3)
    stage.clock.turn(seconds=30)
    found = now(stage)
    assert found.verdict.kind is Kind.SENDING
    assert found.verdict.words == "Sending: 3 due, the oldest for 30 seconds."
    stage.deliver()
    found = now(stage)
    assert (found.verdict.kind, found.due, found.lag) == (Kind.WELL, 0, 0.0)
    assert (found.sent.last_hour, found.sent.last_day, found.sent.last_at) == (3, 3, stage.clock())
    stage.clock.turn(hours=2)
    later = now(stage)
    assert (later.sent.last_hour, later.sent.last_day) == (0, 3)


def test_nobody_is_sending(stage: Stage) -> None:
    """What is due while no worker lives is told with when the last was seen; it wakes somebody up once it is late."""
    stage.publish(PLAIN_COURSE)
    stage.people(2)
    stage.clock.turn(minutes=1)
    found = now(stage)
    assert (found.verdict.kind, found.verdict.type, found.verdict.alarm) == (Kind.NOBODY, "drip run", False)
    assert found.verdict.words == "Nobody is sending: 2 are due since 07:00, and no worker has been seen"
    seen(stage, ago=50)
    stage.clock.turn(hours=1)
    found = now(stage)
    assert found.verdict.words == "Nobody is sending: 2 are due since 07:00, and the last worker was seen at 07:00"
    assert found.verdict.alarm


def test_late_and_stuck(stage: Stage) -> None:
    """Due for long with a worker there: late while mails go out, stuck once none has for a while."""
    stage.publish(PLAIN_COURSE)
    stage.people(2)
    stage.deliver()
    stage.clock.turn(hours=2)
    seen(stage)
    found = now(stage)
    assert (found.verdict.kind, found.verdict.alarm) == (Kind.STUCK, True)
    stage.add("new@kund.example")
    stage.enrol("new@kund.example")
    with stage.store.write() as conn:
        conn.exec_driver_sql("UPDATE enrolment SET due_at = NULL WHERE id <= 2")
    stage.deliver()
    with stage.store.write() as conn:
        at = stage.clock() - timedelta(hours=1)
        conn.exec_driver_sql(f"UPDATE enrolment SET due_at = '{at:%Y-%m-%d %H:%M:%S.%f}' WHERE id <= 2")
    found = now(stage)
    assert (found.verdict.kind, found.verdict.alarm) == (Kind.LATE, False)


def test_nothing_goes_out(stage: Stage) -> None:
    """The sender's own trouble comes first, in the server's words, with what to type; a worker makes it no better."""
    stage.publish(PLAIN_COURSE)
    stage.people(2)
    stage.sending = stage.other_worker("w", transport=Answering(Outcome.UNTRIED, trouble="535 5.7.8 wrong\x1b[31m"))
    stage.deliver()
    seen(stage)
    found = now(stage)
    assert (found.verdict.kind, found.verdict.type, found.verdict.alarm) == (Kind.STOPPED, "drip doctor", True)
    assert sentence(found.verdict) == (
        "NOTHING GOES OUT since 07:00: outbox says 535 5.7.8 wrong [31m; type: drip doctor"
    )
    assert queue_now(stage.store, now=stage.clock(), seen_now=stage.clock()).breaker_open


def test_what_another_way_out_has_met_is_over(stage: Stage) -> None:
    """Once the setting names another way out, the alarm is off, for machines too, also while nobody sends; and a worker
    takes the row away when it starts and its pause is over, but not that of a way out which somebody uses."""
    stage.publish(PLAIN_COURSE)
    stage.people(2)
    stage.sending = stage.other_worker("w", transport=Answering(Outcome.UNTRIED, trouble="535 no"))
    stage.deliver()

    def stopped(way: str) -> tuple[bool, bool, bool]:
        found = now(stage, way=way)
        machine = queue_now(stage.store, now=stage.clock(), seen_now=stage.clock(), way=way)
        return found.verdict.kind is Kind.STOPPED, bool(found.troubles), machine.breaker_open

    assert stopped("outbox") == (True, True, True)
    assert stopped("smtp mail.acme.example:587") == (False, False, False)
    after = stage.other_worker("after", transport=Elsewhere(Outcome.SENT))
    with beating(after, clock=stage.clock):
        assert stopped("outbox") == (True, True, True), "its pause is not over"
    stage.clock.turn(hours=1)
    seen(stage)
    with beating(after, clock=stage.clock):
        assert stopped("outbox")[0], "somebody uses it"
    stage.clock.turn(hours=1)
    with beating(after, clock=stage.clock), stage.store.read() as conn:
        assert breaker.listed(conn) == []


def test_what_the_guard_keeps_back_is_told_and_goes_at_once_when_it_is_lifted(stage: Stage) -> None:
    """DRIP_ONLY_TO left on is no "all is well"; a worker that starts without it, or with another, does not wait."""
    stage.publish(PLAIN_COURSE)
    ada, bo, _ = stage.people(3)
    until_idle(stage.other_worker("guarded", only_to=frozenset({"me@acme.example"})))
    seen(stage)
    found = now(stage)
    assert (found.guarded, found.verdict.kind) == (3, Kind.GUARDED)
    assert until_idle(stage.other_worker("other", only_to=frozenset({ada, bo}))).sent == 2
    assert now(stage).guarded == 1
    assert until_idle(stage.other_worker("free")).sent == 1
    assert (now(stage).guarded, now(stage).verdict.kind) == (0, Kind.WELL)


def test_paused_held_and_in_doubt(stage: Stage) -> None:
    """Paused courses, what waits for a person, and until when doubts are decided."""
    stage.publish(PLAIN_COURSE)
    stage.people(2)
    stage.sending = stage.other_worker("w", transport=Answering(Outcome.IN_DOUBT))
    stage.deliver()
    seen(stage)
    found = now(stage, then="hold")
    assert (found.in_doubt.mails, found.in_doubt.then, found.verdict.kind) == (2, "hold", Kind.WELL)
    assert found.in_doubt.first_at is not None
    assert found.in_doubt.last_at is not None
    assert stage.clock() < found.in_doubt.first_at <= found.in_doubt.last_at
    stage.sending = stage.other_worker("w2", transport=Answering(Outcome.REFUSED), in_doubt="resend")
    stage.clock.turn(hours=2)
    stage.deliver()
    seen(stage)
    found = now(stage)
    assert (found.waiting, found.verdict.kind, found.verdict.type) == (2, Kind.WAITING, "drip settle")
    switch(stage.store, None, paused_at=stage.clock(), now=stage.clock())
    assert now(stage).verdict.kind is Kind.PAUSED


def test_the_queue_for_a_machine_is_that_of_a_person(stage: Stage) -> None:
    """The gauges count what the ledger holds, each open state by index, in every state that a mail may be in."""
    stage.publish(PLAIN_COURSE)
    stage.people(4)
    stage.sending = stage.other_worker("w", transport=Answering(Outcome.RETRY))
    stage.deliver()
    found = queue_now(stage.store, now=stage.clock(), seen_now=stage.clock())
    assert found.open == {"claimed": 0, "handed": 0, "retry": 4, "in_doubt": 0}
    assert (found.due, found.lag, found.oldest_handed, found.workers_alive) == (0, 0.0, 0.0, 0)
    stage.clock.turn(hours=1)
    found = queue_now(stage.store, now=stage.clock(), seen_now=stage.clock())
    assert found.due == 4
    assert found.lag > 0
    with stage.store.write() as conn:
        at = stage.clock() - timedelta(minutes=5)
        conn.exec_driver_sql(
            "UPDATE delivery SET state = 'handed', leased_by = 'w', lease_until = 1, due_at = NULL, "
            f"handed_at = '{at:%Y-%m-%d %H:%M:%S.%f}' WHERE id = 1"
        )
    found = queue_now(stage.store, now=stage.clock(), seen_now=stage.clock())
    assert found.open == {"claimed": 0, "handed": 1, "retry": 3, "in_doubt": 0}
    assert found.oldest_handed == 300


def test_a_worker_leaves_signs_and_says_goodbye(stage: Stage) -> None:
    """A worker is alive from its start, gone when it says so, and the next one clears it away."""
    real = [datetime(2026, 3, 2, 6, tzinfo=UTC)]
    with beating(stage.sending, clock=lambda: real[0]):
        [one] = now(stage).workers
        assert (one.name, one.is_alive(real[0])) == (stage.sending.worker, True)
        assert not one.is_alive(real[0] + workers.ALIVE_FOR + timedelta(seconds=1))
        real[0] += timedelta(minutes=3)
    [one] = now(stage).workers
    assert (one.stopped_at, one.is_alive(real[0])) == (real[0], False)
    other = stage.other_worker("worker-2")
    with beating(other, clock=lambda: real[0]):
        assert [one.name for one in now(stage).workers] == ["worker-2"]


def test_a_worker_that_cannot_sign_goes_on(stage: Stage) -> None:
    """Where no sign of life can be written, mails go all the same."""
    with stage.store.write() as conn:
        conn.exec_driver_sql("DROP TABLE worker")
    with beating(stage.sending):
        stage.publish(PLAIN_COURSE)
        stage.people(1)
        assert stage.deliver().sent == 1
