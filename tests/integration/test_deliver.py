"""The ledger keeps its promises: what is due goes once, nothing is lost, and every outcome is written down."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from stage import PLAIN_COURSE, START, Stage, send_group, set_up, steps_of

from drip.engine.claim import claim_due
from drip.engine.deliver import Tally, deliver_due, until_idle
from drip.errors import SenderTrouble
from drip.people import State
from drip.schedule.backoff import ATTEMPTS, CEILING, FIRST, retry_after
from drip.store import breaker, enrolments, learners, ledger, suppression
from drip.store.ledger import Phase
from drip.transports.outbox import Outbox
from drip.transports.smtp import Smtp

pytestmark = pytest.mark.usefixtures("each_database")

MINUTE = timedelta(minutes=1)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = set_up(tmp_path)
    stage.publish(PLAIN_COURSE)
    return stage


def over_smtp(stage: Stage, server: Any, **options: object) -> None:
    stage.sending = stage.other_worker(
        "worker-1",
        transport=Smtp(host="127.0.0.1", port=server.port, timeout=2, **options),  # type: ignore[arg-type]
    )


def test_every_learner_gets_every_tip_in_order(stage: Stage) -> None:
    """Three people, six tips, eighteen mails and as many rows; everybody finishes."""
    emails = stage.people(3)
    assert stage.live(days=1).sent == 18
    assert len(stage.mails()) == 18
    for email in emails:
        assert stage.standing(email).enrolment.state is State.FINISHED
    assert steps_of(stage.rows())[:6] == [f"tip-{n}" for n in range(1, 7)]


def test_running_the_tick_twice_sends_nothing_twice(stage: Stage) -> None:
    """The second look at the same instant finds nothing to do."""
    stage.people(5)
    assert stage.deliver().sent == 5
    assert stage.deliver() == Tally()
    assert len(stage.mails()) == 5


def test_twenty_threads_claiming_at_once_send_once(stage: Stage) -> None:
    """Every thread is a worker of its own with its own way out; each of 60 mails goes once."""
    stage.people(60)
    sent: list[int] = []
    barrier = threading.Barrier(20)

    def work(number: int) -> None:
        own = stage.other_worker(f"thread-{number}", transport=Outbox(stage.folder / f"out-{number}"))
        barrier.wait()
        sent.append(deliver_due(own).sent)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(sent) == 60
    assert len(list(stage.folder.glob("out-*/*.eml"))) == 60
    assert {row.attempts for row in stage.rows()} == {1}


def test_an_expired_claim_is_claimed_again(stage: Stage) -> None:
    """A worker that dies after claiming has handed nothing: the next one takes over, and the mail goes once."""
    stage.people(2)
    dead = stage.other_worker("dead", lease_for=timedelta(seconds=-1))
    assert len(claim_due(dead, now=stage.clock()).parcels) == 2
    assert stage.deliver().sent == 2
    assert [row.attempts for row in stage.rows()] == [1, 1]


def test_a_lease_from_before_a_reboot_has_expired(stage: Stage) -> None:
    """The boot clock starts again at 0: a lease further ahead than any could be is an old one."""
    stage.people(1)
    claim_due(stage.other_worker("before", lease_for=timedelta(days=40)), now=stage.clock())
    assert stage.deliver().sent == 1


def test_a_living_lease_is_respected(stage: Stage) -> None:
    """What another worker holds is left alone, and `until_idle` waits for it."""
    stage.people(1)
    claim_due(stage.other_worker("alive"), now=stage.clock())
    assert stage.deliver() == Tally()
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        with stage.store.write() as conn:
            conn.exec_driver_sql("UPDATE delivery SET lease_until = 0")

    assert until_idle(stage.sending, pause=wait).sent == 1
    assert len(waited) == 1


def test_only_the_holder_of_an_unexpired_lease_hands(stage: Stage) -> None:
    """A worker that slept past its lease hands nothing over, even if nobody has taken its rows yet."""
    stage.people(1)
    slow = stage.other_worker("slow", lease_for=timedelta(seconds=-1))
    parcel = claim_due(slow, now=stage.clock()).parcels[0]
    with stage.store.write() as conn:
        assert ledger.hand(conn, slow.lease(conn), [parcel.delivery_id], now=stage.clock()) == set()
        assert ledger.hand(conn, stage.sending.lease(conn), [parcel.delivery_id], now=stage.clock()) == set()


def handed_and_dead(stage: Stage) -> int:
    """A delivery whose worker died between handing and the answer."""
    stage.people(1)
    dead = stage.other_worker("dead")
    parcel = claim_due(dead, now=stage.clock()).parcels[0]
    with stage.store.write() as conn:
        assert ledger.hand(conn, dead.lease(conn), [parcel.delivery_id], now=stage.clock())
        conn.exec_driver_sql("UPDATE delivery SET lease_until = 0")
    return parcel.delivery_id


def test_in_doubt_is_sent_again_after_a_while(stage: Stage) -> None:
    """`resend`: a quarter of an hour in doubt, then the same message again."""
    handed_and_dead(stage)
    assert stage.deliver() == Tally()
    assert stage.rows()[0].state is Phase.IN_DOUBT
    stage.clock.turn(minutes=14)
    assert stage.deliver() == Tally()
    stage.clock.turn(minutes=1)
    assert stage.deliver().sent == 1
    assert stage.rows()[0].attempts == 2


def test_in_doubt_is_held_where_so_set(stage: Stage) -> None:
    """`hold`: a person decides; nothing goes twice."""
    handed_and_dead(stage)
    stage.sending = stage.other_worker("worker-1", in_doubt="hold", in_doubt_after=timedelta(0))
    stage.deliver()
    assert stage.deliver() == Tally()
    assert stage.rows()[0].state is Phase.HELD
    assert stage.mails() == []


def test_a_late_answer_still_counts_as_sent(stage: Stage) -> None:
    """The other side has the mail, even if this worker's lease ran out meanwhile: it is not sent again."""
    delivery = handed_and_dead(stage)
    stage.deliver()
    with stage.store.write() as conn:
        assert ledger.mark_sent(conn, {delivery: ""}, now=stage.clock()) == {delivery}
    stage.clock.turn(hours=1)
    assert stage.deliver() == Tally()


def test_a_retry_is_the_same_message(stage: Stage) -> None:
    """Message-ID, Date and every byte are the same on every attempt, a day and another way out later."""
    handed_and_dead(stage)
    stage.deliver()
    stage.clock.turn(minutes=20)
    stage.deliver()
    first = stage.mails()[0].read_bytes()
    with stage.store.write() as conn:
        conn.exec_driver_sql("UPDATE delivery SET state = 'retry', due_at = '2026-03-02 05:00:00.000000'")
        conn.exec_driver_sql("UPDATE enrolment SET next_step = 'tip-1', due_at = NULL")
    stage.clock.turn(hours=20)
    assert stage.deliver().sent == 1
    assert [mail.read_bytes() for mail in stage.mails()] == [first]


def test_a_temporary_refusal_is_tried_again_later(stage: Stage, start_smtp_server: Callable[..., Any]) -> None:
    """450 at RCPT: backs off, keeps the server's words, and gets through when the server is in a better mood."""
    server = start_smtp_server(script={"RCPT": {"learner1@customer.example": "450 4.2.1 mailbox busy"}})
    over_smtp(stage, server)
    stage.people(3)
    assert stage.deliver() == Tally(sent=2, retried=1)
    row = stage.rows()[1]
    assert row.state is Phase.RETRY
    assert "mailbox busy" in row.answer
    assert row.due_at is not None
    assert timedelta(minutes=4) <= row.due_at - stage.clock() <= timedelta(minutes=6)
    over_smtp(stage, start_smtp_server())
    stage.clock.turn(minutes=7)
    assert stage.deliver().sent == 1


def test_a_dead_address_ends_its_enrolments(stage: Stage, start_smtp_server: Callable[..., Any]) -> None:
    """550 5.1.1 at RCPT: that person's courses end with the reason, and nothing goes there again; the others go on."""
    server = start_smtp_server(script={"RCPT": {"learner1@customer.example": "550 5.1.1 no such user"}})
    over_smtp(stage, server)
    emails = stage.people(3)
    assert stage.deliver() == Tally(sent=2, failed=1)
    gone = stage.standing(emails[1])
    assert gone.enrolment.state is State.FAILED
    assert "no such user" in (gone.enrolment.ended_by or "")
    assert gone.due_at is None
    assert stage.standing(emails[0]).enrolment.state is State.ACTIVE
    with stage.store.read() as conn:
        key = learners.suppression_hash(stage.sending.suppression_key, emails[1])
        assert suppression.suppressed(conn, [key], now=stage.clock()) == {key: "bounced"}


def test_a_refused_message_is_held_for_a_person(stage: Stage, start_smtp_server: Callable[..., Any]) -> None:
    """554 after DATA is about the message: that enrolment waits for a person, and `problems` lists it."""
    server = start_smtp_server(script={"dot": ["554 5.6.0 we do not like this"]})
    over_smtp(stage, server)
    emails = stage.people(1)
    assert stage.deliver() == Tally(held=1)
    assert stage.rows()[0].state is Phase.HELD
    assert stage.standing(emails[0]).enrolment.state is State.ACTIVE
    assert stage.live(days=2) == Tally()


def test_the_senders_own_trouble_fails_nobody(stage: Stage, start_smtp_server: Callable[..., Any]) -> None:
    """AUTH refused: everything stays in the queue, the breaker opens, and it all goes once the trouble is over."""
    server = start_smtp_server(script={"AUTH": ["535 5.7.8 wrong password"]}, extensions=["AUTH PLAIN LOGIN"])
    over_smtp(stage, server, username="u", password="p")
    stage.people(5)
    tally = stage.deliver()
    assert "535" in (tally.trouble or "")
    assert tally == Tally(trouble=tally.trouble)
    assert {row.state for row in stage.rows()} == {Phase.RETRY}
    assert {row.attempts for row in stage.rows()} == {0}
    assert stage.deliver() == Tally(), "the transport is left alone for a while"
    with pytest.raises(SenderTrouble, match="535"):
        stage.idle()
    over_smtp(stage, start_smtp_server())
    stage.clock.turn(minutes=1)
    assert stage.deliver().sent == 5
    with stage.store.read() as conn:
        assert breaker.read(conn, stage.sending.transport.name) is None


def test_a_server_that_is_down_loses_nothing(stage: Stage, start_smtp_server: Callable[..., Any]) -> None:
    """Connection refused for two hours: nothing is marked as failed, everything arrives afterwards, once, in order."""
    stage.sending = stage.other_worker("worker-1", transport=Smtp(host="127.0.0.1", port=1, timeout=2))
    emails = stage.people(3)
    for _ in range(12):
        assert stage.deliver().sent == 0
        stage.clock.turn(minutes=10)
    server = start_smtp_server()
    over_smtp(stage, server)
    stage.live(days=1)
    assert len(server.messages()) == 18
    assert {row.state for row in stage.rows()} == {Phase.SENT}
    assert all(stage.standing(email).enrolment.state is State.FINISHED for email in emails)


def test_a_retry_outside_the_window_shifts(tmp_path: Path) -> None:
    """A mail that could not go in its window goes in the next one, not at night."""
    stage = set_up(tmp_path)
    stage.publish(PLAIN_COURSE.replace("every: 1 hour", "every: 1 day, between: 08:00-10:00"))
    stage.people(1)
    stage.clock.now = START.replace(hour=9, minute=55)
    stage.sending = stage.other_worker("worker-1", transport=Smtp(host="127.0.0.1", port=1, timeout=2))
    stage.deliver()
    stage.clock.turn(minutes=30)
    stage.sending = stage.other_worker("worker-1", transport=Outbox(tmp_path / "outbox"))
    assert stage.deliver() == Tally()
    assert stage.rows()[0].due_at == START.replace(day=3, hour=8)
    stage.clock.now = START.replace(day=3, hour=8, minute=1)
    assert stage.deliver().sent == 1


def test_a_value_that_is_missing_holds_one_person_only(tmp_path: Path) -> None:
    """A text that needs a company, for somebody without one: held with the placeholder's name; others get theirs."""
    stage = set_up(tmp_path)
    stage.publish(PLAIN_COURSE.replace("learner.first_name", "learner.company"))
    stage.add("with@customer.example", attributes={"company": "Acme"})
    stage.add("without@customer.example")
    stage.enrol()
    assert stage.deliver() == Tally(sent=1, held=1)
    held = stage.rows()[1]
    assert held.state is Phase.HELD
    assert "company" in held.answer


def test_a_condition_that_cannot_be_decided_holds_one_person_only(tmp_path: Path) -> None:
    """Comparing a text with a number: that enrolment waits for a person with the condition in words."""
    stage = set_up(tmp_path)
    stage.publish(PLAIN_COURSE.replace("tip: tip-1,", "tip: tip-1, when: learner.seats > 3,"))
    stage.add("text@customer.example", attributes={"seats": "many"})
    stage.add("number@customer.example", attributes={"seats": 5})
    stage.enrol()
    stage.deliver()
    assert "learner.seats > 3" in (stage.standing("text@customer.example").problem or "")
    assert len(stage.mails()) == 1


def test_pausing_a_course_takes_effect_at_the_next_claim(stage: Stage) -> None:
    """A paused course sends nothing; resumed after days it sends one mail each, and the rest count from it."""
    from drip.engine.switch import switch

    stage.people(2)
    assert switch(stage.store, "course", paused_at=stage.clock(), now=stage.clock()) == ["course"]
    assert stage.live(days=3) == Tally()
    assert switch(stage.store, None, paused_at=None, now=stage.clock()) == ["course"]
    assert switch(stage.store, None, paused_at=None, now=stage.clock()) == []
    assert stage.deliver().sent == 2
    assert stage.deliver().sent == 0


def test_leaving_between_claim_and_hand_is_respected(stage: Stage) -> None:
    """Promise 2: suppression is looked at once more in the transaction that marks `handed`."""
    emails = stage.people(2)
    parcels = claim_due(stage.sending, now=stage.clock()).parcels
    key = learners.suppression_hash(stage.sending.suppression_key, emails[0])
    with stage.store.write() as conn:
        suppression.suppress(conn, key, reason="asked by telephone", now=stage.clock())
    assert send_group(stage.sending, parcels).sent == 1
    assert [row.state for row in stage.rows()] == [Phase.CANCELLED, Phase.SENT]


def test_the_suppressed_end_quietly(stage: Stage) -> None:
    """An address that is on the list when its mail falls due gets none, and its enrolment ends with the reason."""
    emails = stage.people(1)
    with stage.store.write() as conn:
        key = learners.suppression_hash(stage.sending.suppression_key, emails[0].upper())
        suppression.suppress(conn, key, reason="asked by telephone", now=stage.clock())
    assert stage.deliver() == Tally()
    assert stage.standing(emails[0]).enrolment.state is State.LEFT
    assert stage.enrol(emails[0]).refused == {emails[0]: "on the suppression list: asked by telephone"}


def test_the_staging_guard_holds_every_other_address(stage: Stage) -> None:
    """DRIP_ONLY_TO: nobody outside is mailed by a test system; they wait until it is lifted."""
    emails = stage.people(2)
    stage.sending = stage.other_worker("worker-1", only_to=frozenset({emails[1]}))
    assert stage.deliver() == Tally(sent=1, retried=1)
    stage.sending = stage.other_worker("worker-1", only_to=frozenset())
    stage.clock.turn(hours=1)
    assert stage.deliver().sent == 2, "the guard is lifted: nobody was forgotten"


def test_stopping_finishes_the_group_and_gives_the_rest_back(stage: Stage) -> None:
    """SIGTERM's promise: what is under way is marked, nothing new is handed, the rest is there for the next worker."""
    stage.people(130)
    asked: list[bool] = []

    def stop() -> bool:
        asked.append(True)
        return len(asked) > 3  # after the first group has begun

    tally = deliver_due(stage.sending, stop=stop)
    assert tally.sent == 50
    states = [row.state for row in stage.rows()]
    assert states.count(Phase.SENT) == 50
    assert states.count(Phase.RETRY) == 80
    assert stage.deliver().sent == 80


def test_a_full_outbox_is_the_senders_trouble(stage: Stage) -> None:
    """A folder that cannot be written to fails nobody."""
    (stage.folder / "outbox").write_text("a file where the folder should be")
    stage.people(1)
    assert stage.deliver().trouble
    assert stage.rows()[0].state is Phase.RETRY


def test_backing_off_doubles_spreads_and_ends() -> None:
    """5 minutes, doubled, at most 4 hours, within 20 % by hash; after the last attempt a person decides."""
    for attempt in range(1, ATTEMPTS):
        waits = [retry_after(delivery, attempt) for delivery in range(200)]
        span = min(FIRST * 2 ** (attempt - 1), CEILING)
        assert all(wait is not None and 0.8 * span <= wait <= 1.2 * span for wait in waits)
        assert len(set(waits)) > 150
    assert retry_after(1, ATTEMPTS) is None


def test_enrolling_twice_changes_nothing(stage: Stage) -> None:
    """The same list again enrols nobody again, and says why."""
    emails = stage.people(2)
    again = stage.enrol(*emails, "stranger@customer.example")
    assert again.enrolled == 0
    assert again.refused[emails[0]] == "is in the course already"
    assert "no such learner" in again.refused["stranger@customer.example"]
    stage.live(days=1)
    assert stage.enrol(emails[0]).refused == {emails[0]: "was in the course before (finished)"}


def test_a_second_publish_is_for_those_in_flight_too(stage: Stage) -> None:
    """They follow the course: what is still to be sent comes in its new words, what was sent keeps its revision."""
    emails = stage.people(1)
    stage.deliver()
    done = stage.publish(PLAIN_COURSE.replace("subject: Tip 2", "subject: New tip 2"))
    assert (done.impact.in_it, done.changed) == (1, True)
    stage.clock.turn(hours=1)
    stage.deliver()
    assert any("Subject: New tip 2" in mail.read_text() for mail in stage.mails())
    assert stage.standing(emails[0]).enrolment.revision == done.revision
    assert [row.revision for row in stage.rows()] == [done.before, done.revision]


def test_the_tick_costs_what_is_due(stage: Stage) -> None:
    """A claim reads both queues by index: nothing scans the enrolments or the ledger."""
    stage.people(3)
    if not stage.store.sqlite:
        _grow(stage)
    explain = "EXPLAIN QUERY PLAN" if stage.store.sqlite else "EXPLAIN"
    for number, (statement, values) in enumerate(_queries(stage)):
        with stage.store.write() as conn:
            plan = " ".join(str(row) for row in conn.exec_driver_sql(f"{explain} {statement}", values))
        assert "SCAN enrolment" not in plan.replace("SCAN enrolment USING INDEX ix_enrolment_due", ""), number
        assert "SCAN delivery" not in plan.replace("SCAN delivery USING INDEX ix_delivery_due", ""), number
        assert not re.search(r"Seq Scan on (enrolment|delivery|learner|evidence)", plan), f"{statement}\n{plan}"


def _grow(stage: Stage) -> None:
    """PostgreSQL scans a small table, and is right: let there be many who are not due, and everything sent long ago."""
    with stage.store.write() as conn:
        for rows in (
            "INSERT INTO learner (ref, email, address, attributes, created_at)"
            " SELECT 'r' || n, 'p' || n, 'p' || n, '{}', now() FROM generate_series(1, 20000) AS n",
            "INSERT INTO enrolment (learner_id, course_id, run, revision, state, due_at, due_reason, enrolled_at,"
            " reached_at, waited, held_for, held_out)"
            " SELECT l.id, e.course_id, 2, e.revision, 'active', '2030-01-01', '', e.enrolled_at, e.reached_at, false,"
            " 0, false FROM learner AS l, enrolment AS e WHERE e.id = 1",
            "INSERT INTO delivery (enrolment_id, learner_id, step, occurrence, state, revision, language, variant,"
            " attempts, riders, claimed_at, answer)"
            " SELECT id, learner_id, 'x', 1, 'sent', '', '', '', 1, '[]', now(), '' FROM enrolment",
            "INSERT INTO evidence (kind, at, source, source_id, learner_id, enrolment_id, step, item, method,"
            " user_agent, data)"
            " SELECT 'open', now(), '', 'e' || id, learner_id, id, '', '', '', '', '{}' FROM enrolment",
        ):
            conn.exec_driver_sql(rows)
        conn.exec_driver_sql("ANALYZE")


def _queries(stage: Stage) -> list[tuple[str, Any]]:
    """What one claim really asks, with its values, taken down from the database driver."""
    from sqlalchemy import event

    taken: list[tuple[str, Any]] = []

    def take(_conn: object, _cursor: object, statement: str, values: Any, _context: object, many: bool) -> None:
        if statement.startswith(("SELECT", "UPDATE")) and values and not many:
            taken.append((statement, values))

    event.listen(stage.store.engine, "before_cursor_execute", take)
    claim_due(stage.sending, now=stage.clock())
    event.remove(stage.store.engine, "before_cursor_execute", take)
    assert len(taken) > 5
    return taken


def test_wake_only_ever_brings_forward(stage: Stage) -> None:
    """Evidence never delays a mail, and never touches an enrolment whose mail is under way."""
    emails = stage.people(1)
    standing = stage.standing(emails[0])
    with stage.store.write() as conn:
        enrolments.wake(conn, standing.enrolment.id, stage.clock() + 5 * MINUTE)
    assert stage.standing(emails[0]).due_at == standing.due_at
    with stage.store.write() as conn:
        enrolments.wake(conn, standing.enrolment.id, stage.clock() - 5 * MINUTE)
    assert stage.standing(emails[0]).due_at == stage.clock() - 5 * MINUTE


def test_a_next_time_that_cannot_be_found_holds_one_person_only(tmp_path: Path) -> None:
    """The mail that has gone is marked as sent; the enrolment whose next time cannot be found waits for a person."""
    stage = set_up(tmp_path)
    stage.publish(PLAIN_COURSE.replace("tip: tip-2,", "tip: tip-2, after: 500 weeks,"))
    stage.clock.now = START.replace(year=9995)
    emails = stage.people(2)
    assert stage.deliver().sent == 2
    stage.deliver()
    assert {row.state for row in stage.rows()} == {Phase.SENT}
    assert all(stage.standing(email).problem for email in emails)
