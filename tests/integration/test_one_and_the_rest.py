"""One person's trouble stays theirs: no row, however odd, keeps the others from their mail or loses what is known."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from stage import COURSE, KEY, PLAIN_COURSE, START, Stage, open_store, send_group, set_up

from drip.engine import lane
from drip.engine.claim import claim_due
from drip.engine.deliver import deliver_due, until_idle
from drip.engine.learners import import_csv
from drip.engine.mark import Tally, came_back, write_down
from drip.errors import StoreError
from drip.people import State
from drip.store import database, learners, ledger, postgresql, suppression
from drip.store.ledger import Phase
from drip.transports import Outcome, Receipt, Result
from drip.transports.outbox import Outbox
from drip.transports.smtp import Smtp

pytestmark = pytest.mark.usefixtures("each_database")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = set_up(tmp_path)
    stage.publish(PLAIN_COURSE)
    return stage


def over_smtp(stage: Stage, server: Any, connections: int) -> None:
    smtp = Smtp(host="127.0.0.1", port=server.port, timeout=2, connections=connections)
    stage.sending = stage.other_worker("worker-1", transport=smtp)


@pytest.mark.parametrize("connections", [1, 4])
def test_a_recipient_who_refuses_us_does_not_stop_the_queue(
    tmp_path: Path, start_smtp_server: Callable[..., Any], connections: int
) -> None:
    """550 5.7.1 for one closed mailbox: it goes behind the others, who all get their mail, and in the end is held."""
    stage = set_up(tmp_path)
    stage.publish(PLAIN_COURSE)
    refused = {"learner0@customer.example": "550 5.7.1 you may not mail this group"}
    over_smtp(stage, start_smtp_server(script={"RCPT": refused}), connections)
    stage.people(30)
    assert stage.live(days=1, hours=0.2).sent == 29 * 6
    states = [row.state for row in stage.rows()]
    assert states[0] is Phase.HELD
    assert states.count(Phase.SENT) == 29 * 6


def test_a_list_of_dead_addresses_does_not_stop_the_queue(
    tmp_path: Path, start_smtp_server: Callable[..., Any]
) -> None:
    """Forty dead ones in a row among two hundred: the living get their mail, the dead end."""
    stage = set_up(tmp_path)
    stage.publish(PLAIN_COURSE.split("  - {tip: tip-2")[0])
    dead = {f"learner{n}@customer.example": "550 5.1.1 no such user" for n in range(20, 60)}
    over_smtp(stage, start_smtp_server(script={"RCPT": dead}), 4)
    stage.people(100)
    stage.live(days=2, hours=0.2)
    states = [row.state for row in stage.rows()]
    assert states.count(Phase.SENT) == 60
    assert states.count(Phase.FAILED) == 40


def test_a_sender_who_is_blocked_everywhere_fails_and_holds_nobody(
    stage: Stage, start_smtp_server: Callable[..., Any]
) -> None:
    """5.7.1 for everyone, for a day: nobody is failed or held for it, and all goes when it is over."""
    over_smtp(stage, start_smtp_server(script={"RCPT": ["550 5.7.1 blocked, see the list"]}), 4)
    stage.people(30)
    assert stage.live(days=1, hours=0.5).sent == 0
    assert {row.state for row in stage.rows()} == {Phase.RETRY}
    over_smtp(stage, start_smtp_server(), 4)
    stage.live(days=2, hours=1)
    assert {row.state for row in stage.rows()} == {Phase.SENT}


def test_what_became_of_mails_is_written_even_if_the_database_is_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody holds the database when a group has just gone: it is marked as soon as they let go, and sent once."""
    for module in (database, postgresql):
        monkeypatch.setattr(module, "BUSY_FOR_SECONDS", 0.1)
    monkeypatch.setattr(lane, "MARK_AGAIN_SECONDS", 0.05)
    stage = set_up(tmp_path)
    stage.publish(PLAIN_COURSE)
    stage.people(3)
    outbox = stage.sending.transport
    other = open_store(tmp_path).engine.connect().execution_options(drip_write=True)

    class BusyAfterwards:
        """The same outbox; when its answer is on the way, another program has the database, for a second."""

        name, connections = outbox.name, outbox.connections

        def send(self, messages: Any) -> Result:
            result = outbox.send(messages)
            other.begin()
            if not stage.store.sqlite:
                other.exec_driver_sql("LOCK TABLE delivery")
            threading.Timer(1, other.rollback).start()
            return result

        def close(self) -> None:
            outbox.close()

    stage.sending = replace(stage.sending, transport=BusyAfterwards())
    assert deliver_due(stage.sending).sent == 3
    assert {row.state for row in stage.rows()} == {Phase.SENT}
    assert len(stage.mails()) == 3
    other.close()


def test_a_stop_does_not_wait_for_ever_for_a_database(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked to stop while nothing can be written, it gives up after a few attempts, and the rows are in doubt."""
    monkeypatch.setattr(lane, "MARK_AGAIN_SECONDS", 0.0)
    attempts: list[int] = []

    def refuse(*_args: object, **_kwargs: object) -> Tally:
        attempts.append(1)
        raise StoreError("the disk is full")

    monkeypatch.setattr(lane, "write_down", refuse)
    stage.people(1)
    asked = iter([False, False, False])
    with pytest.raises(StoreError):
        deliver_due(stage.sending, stop=lambda: next(asked, True))
    assert len(attempts) == lane.MARK_AGAIN_TIMES
    assert stage.rows()[0].state is Phase.HANDED


def test_what_a_worker_has_forgotten_expires(stage: Stage) -> None:
    """Rows of a batch that died with an error are not kept alive by the worker's later work, nor ignored by itself."""
    stage.people(2)
    claim_due(stage.other_worker("worker-1", lease_for=timedelta(seconds=0.2)), now=stage.clock())
    assert until_idle(stage.sending).sent == 2


def test_suppression_between_claim_and_hand_holds_for_every_course(tmp_path: Path) -> None:
    """Promise 2, for somebody who is in two courses."""
    stage = set_up(tmp_path)
    for name in ("one", "two"):
        stage.publish(PLAIN_COURSE, name=name)
    stage.add("ada@customer.example")
    for name in ("one", "two"):
        stage.course_id = name
        stage.enrol("ada@customer.example")
    parcels = claim_due(stage.sending, now=stage.clock()).parcels
    with stage.store.write() as conn:
        suppression.suppress(
            conn, learners.suppression_hash(KEY, "ada@customer.example"), reason="x", now=stage.clock()
        )
    assert send_group(stage.sending, parcels).sent == 0
    assert {row.state for row in stage.rows()} == {Phase.CANCELLED}


def test_a_zone_that_this_machine_lacks_holds_one_person_only(stage: Stage) -> None:
    """Among new mails and among those to be tried again."""
    emails = stage.people(4)
    stage.sending = stage.other_worker("worker-1", transport=Smtp(host="127.0.0.1", port=1, timeout=1))
    stage.deliver()
    with stage.store.write() as conn:
        conn.exec_driver_sql("UPDATE learner SET timezone = 'Mars/Olympus' WHERE id = 1")
    stage.clock.turn(hours=1)
    stage.sending = stage.other_worker("worker-1", transport=Outbox(stage.folder / "outbox"))
    assert stage.deliver().sent == 3
    assert stage.rows()[0].state is Phase.HELD
    with stage.store.write() as conn:
        conn.exec_driver_sql("UPDATE learner SET timezone = 'Mars/Olympus' WHERE id = 2")
    stage.clock.turn(hours=1)
    assert stage.deliver().sent == 2
    assert "Mars" in (stage.standing(emails[1]).problem or "")


def test_an_import_wakes_whoever_waits_for_what_it_says(tmp_path: Path) -> None:
    """A wait for a learner's attribute ends when the attribute is imported, and not at its deadline."""
    stage = set_up(tmp_path)
    wait = '  - wait: {until: learner.plan == "pro", at_most: 30 days}\n'
    stage.publish(PLAIN_COURSE.replace("  - {tip: tip-2", wait + "  - {tip: tip-2"))
    emails = stage.people(1)
    stage.deliver()
    stage.clock.turn(hours=2)
    assert stage.deliver() == Tally()
    import_csv(stage.store, f"email,plan\n{emails[0]},pro\n".encode(), now=stage.clock())
    assert stage.deliver().sent == 1


def test_a_changed_zone_moves_a_mail_that_is_to_be_tried_again(tmp_path: Path) -> None:
    """A retry that waits for its window waits for the window of the new zone."""
    stage = set_up(tmp_path)
    stage.publish(COURSE)
    stage.add("ada@customer.example", imported_timezone="Europe/Stockholm")
    stage.enrol("ada@customer.example")
    stage.clock.now = START.replace(hour=22)  # 23:00 in Stockholm: too late for today
    stage.sending = stage.other_worker("worker-1", transport=Smtp(host="127.0.0.1", port=1, timeout=1))
    stage.clock.now = START.replace(hour=21)
    stage.deliver()
    stage.clock.now = START.replace(day=3, hour=1)
    stage.sending = stage.other_worker("worker-1", transport=Outbox(tmp_path / "outbox"))
    assert stage.deliver() == Tally()
    import_csv(stage.store, b"email,timezone\nada@customer.example,Asia/Kolkata\n", now=stage.clock())
    stage.clock.turn(minutes=1)
    assert stage.deliver() == Tally()
    stage.clock.now = START.replace(day=3, hour=3, minute=30)  # 09:00 in Kolkata
    assert stage.deliver().sent == 1


def test_a_mail_that_was_taken_is_sent_even_if_it_was_cancelled_meanwhile(stage: Stage) -> None:
    """The ledger tells what the other side has, whatever was decided while nobody knew."""
    stage.people(1)
    parcel = claim_due(stage.sending, now=stage.clock()).parcels[0]
    with stage.store.write() as conn:
        conn.exec_driver_sql("UPDATE delivery SET state = 'cancelled', leased_by = NULL, lease_until = NULL")
        conn.exec_driver_sql("UPDATE enrolment SET state = 'left', ended_by = 'unsubscribed'")
    taken = Result(receipts=(Receipt(delivery_id=parcel.delivery_id, outcome=Outcome.SENT),))
    gone = came_back({parcel.delivery_id: parcel}, taken, now=stage.clock())
    with stage.store.write() as conn:
        assert write_down(stage.sending, conn, gone).sent == 1
    assert stage.rows()[0].state is Phase.SENT
    assert stage.standing("learner0@customer.example").enrolment.state is State.LEFT


def test_a_mail_over_which_workers_die_is_held(stage: Stage) -> None:
    """Five workers die after they have handed it: it may have arrived five times, and a person decides, not a sixth."""
    stage.people(1)
    for attempt in range(1, 6):
        [parcel] = claim_due(stage.sending, now=stage.clock()).parcels
        with stage.store.write() as conn:
            assert ledger.hand(conn, stage.sending.lease(conn), [parcel.delivery_id], now=stage.clock())
            conn.exec_driver_sql("UPDATE delivery SET lease_until = 0")
        assert claim_due(stage.sending, now=stage.clock()).parcels == ()
        assert [(row.state, row.attempts) for row in stage.rows()] == [(Phase.IN_DOUBT, attempt)]
        stage.clock.turn(minutes=15)
    assert stage.deliver() == Tally()
    assert [row.state for row in stage.rows()] == [Phase.HELD]
