"""The workspace's cap over all courses (`[timing] limit`): it shifts, drops nothing, and keeps the order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from stage import Stage, send_group, set_up

from drip.course.timing import parse_limit
from drip.engine.claim import claim_due
from drip.engine.publish import publish
from drip.render.message import Message
from drip.transports import Outcome, Receipt, Result

STOCKHOLM = ZoneInfo("Europe/Stockholm")
COURSE = """\
title: {name}
priority: {priority}
sender: {{name: Acme Academy, email: learn@acme.example}}
timing: {{every: 1 day, at: "{at}", timezone: Europe/Stockholm}}
steps:
"""
TIP = "  - {{tip: {name}-{n}, subject: '{name} {n}', body: Body.}}\n"
ASA = "asa@customer.example"

Staged = Callable[..., Stage]


@pytest.fixture
def capped(tmp_path: Path, each_database: str) -> Staged:
    """A stage with a cap, and Åsa on it: `capped("1 per day")`."""

    def make(limit: str) -> Stage:
        stage = set_up(tmp_path, limit=parse_limit(limit))
        stage.add(ASA)
        return stage

    return make


def course(stage: Stage, name: str, *, at: str = "09:00", tips: int = 3, priority: int = 0, steps: str = "") -> None:
    """A course of daily tips, with Åsa in it."""
    text = COURSE.format(name=name, at=at, priority=priority) + steps
    text += "".join(TIP.format(name=name, n=n) for n in range(1, tips + 1))
    publish(stage.store, stage.compiled(text, name), now=stage.clock())
    stage.course_id = name
    stage.enrol(ASA)


def got(stage: Stage) -> list[str]:
    """What Åsa got, as `3 09:00 course-2`: the day of March, the local time, the step."""
    rows = sorted((row.sent_at, row.step) for row in stage.rows() if row.sent_at is not None)
    return [f"{at.astimezone(STOCKHOLM):%-d %H:%M} {step}" for at, step in rows]


def test_one_a_day_over_two_courses(capped: Staged) -> None:
    """Both are daily at nine: they take turns, and none of the six is lost."""
    stage = capped("1 per day")
    course(stage, "a")
    course(stage, "b")
    stage.live(days=7)
    days = [line.split()[0] for line in got(stage)]
    assert days == ["2", "3", "4", "5", "6", "7"]
    assert [line.split()[2][0] for line in got(stage)] == ["a", "b"] * 3


def test_what_was_shifted_goes_before_what_is_new(capped: Staged) -> None:
    """The earlier hour does not win each day: a mail that waits since yesterday goes first, at its own hour."""
    stage = capped("1 per day")
    course(stage, "morning", at="09:00")
    course(stage, "noon", at="12:00")
    stage.live(days=7)
    assert got(stage) == [
        "2 09:00 morning-1",
        "3 12:00 noon-1",
        "4 09:00 morning-2",
        "5 12:00 noon-2",
        "6 09:00 morning-3",
        "7 12:00 noon-3",
    ]


def test_a_higher_course_goes_first(capped: Staged) -> None:
    """Also where its hour is later that day; the lower one has what it leaves."""
    stage = capped("1 per day")
    course(stage, "low", at="09:00", tips=2)
    course(stage, "high", at="12:00", tips=2, priority=5)
    stage.live(days=5)
    assert got(stage) == ["2 12:00 high-1", "3 12:00 high-2", "4 09:00 low-1", "5 09:00 low-2"]


def test_a_course_that_only_waits_takes_nobodys_place(capped: Staged) -> None:
    """A higher course whose next step is a wait lets the lower one go."""
    stage = capped("1 per day")
    course(stage, "low", at="09:00", tips=2)
    course(stage, "high", at="12:00", tips=1, priority=5, steps='  - wait: {until: event("never"), at_most: 2 days}\n')
    stage.live(days=5)
    assert got(stage) == ["2 09:00 low-1", "3 09:00 low-2", "4 12:00 high-1"]


def test_whoever_yields_in_vain_goes_right_after(capped: Staged) -> None:
    """The higher course's tip is skipped at noon: the lower one's mail goes then, on the same day."""
    stage = capped("1 per day")
    course(stage, "low", at="09:00", tips=1)
    skipped = "  - {tip: never, subject: Never, body: Body., when: learner.first_name == 'Nobody'}\n"
    course(stage, "high", at="12:00", tips=0, priority=5, steps=skipped)
    stage.live(days=1)
    assert got(stage) in (["2 12:00 low-1"], ["2 13:00 low-1"])


def test_two_a_week(capped: Staged) -> None:
    """A week is Monday to Sunday, in the learner's zone."""
    stage = capped("2 per week")
    course(stage, "a", tips=3)
    course(stage, "b", at="10:00", tips=2)
    stage.live(days=20)
    weeks = [datetime(2026, 3, int(line.split()[0])).isocalendar().week for line in got(stage)]
    assert weeks == [10, 10, 11, 11, 12]


def test_two_due_in_one_claim_are_two(capped: Staged) -> None:
    """A cap of two lets both through at once, and not a third."""
    stage = capped("2 per day")
    for name in ("a", "b", "c"):
        course(stage, name, tips=1)
    stage.live(days=2)
    assert [line.split()[0] for line in got(stage)] == ["2", "2", "3"]


def test_a_mail_in_doubt_counts_and_one_given_back_does_not(capped: Staged) -> None:
    """What may have left takes its place; what certainly has not leaves it."""
    from drip.engine.claim import claim_due
    from drip.store import ledger

    stage = capped("1 per day")
    course(stage, "a", tips=1)
    course(stage, "b", at="10:00", tips=1)
    stage.clock.now = datetime.fromisoformat("2026-03-02T08:00:00+00:00")
    (parcel,) = claim_due(stage.sending, now=stage.clock()).parcels
    with stage.store.write() as conn:
        ledger.unclaim(conn, stage.sending.worker, parcel.delivery_id, due_at=stage.clock())
    (parcel,) = claim_due(stage.sending, now=stage.clock()).parcels
    with stage.store.write() as conn:
        ledger.hand(conn, stage.sending.lease(conn), [parcel.delivery_id], now=stage.clock())
        later = stage.clock() + (stage.sending.in_doubt_after)
        ledger.doubt(conn, stage.sending.worker, parcel.delivery_id, due_at=later, answer="cut")
    stage.clock.turn(minutes=5)
    stage.deliver()
    assert got(stage) == []
    assert stage.standing(ASA).due_at is not None


def test_why_says_so(capped: Staged) -> None:
    """A person who asks is told that another course goes first."""
    stage = capped("1 per day")
    course(stage, "low", at="09:00", tips=1)
    course(stage, "high", at="12:00", tips=1, priority=5)
    stage.clock.now = datetime.fromisoformat("2026-03-02T08:00:00+00:00")
    stage.deliver()
    stage.course_id = "low"
    with stage.store.read() as conn:
        reasons = conn.exec_driver_sql("SELECT due_reason FROM enrolment WHERE course_id = 'low'").scalars().all()
    assert reasons == ["1 per day over all courses: high goes first"]


def test_whoever_yields_does_not_get_stale(capped: Staged) -> None:
    """A cap drops nothing: the lower course waits from Monday to Thursday for the higher one in vain, and goes then."""
    stage = capped("1 per week")
    course(stage, "low", tips=0, steps="  - {tip: low-1, subject: Low, body: Body., stale_after: 1 day}\n")
    skipped = "  - {tip: never, subject: Never, body: Body., after: 3 days, when: learner.first_name == 'Nobody'}\n"
    course(stage, "high", at="12:00", tips=0, priority=5, steps=skipped)
    stage.live(days=14)
    assert got(stage) in (["5 12:00 low-1"], ["5 13:00 low-1"], ["6 09:00 low-1"])


class _Later:
    """A way out that puts every mail off."""

    name, connections = "later", 1

    def send(self, messages: Sequence[Message]) -> Result:
        put_off = [Receipt(delivery_id=one.delivery_id, outcome=Outcome.RETRY, answer="450") for one in messages]
        return Result(receipts=tuple(put_off))

    def allow(self, connections: int) -> None:
        pass

    def close(self) -> None:
        pass


def test_a_mail_that_is_tried_again_takes_the_place_of_the_day_on_which_it_goes(capped: Staged) -> None:
    """It was handed over in vain yesterday: from its claim on it counts today, whichever worker looks."""
    stage = capped("1 per day")
    course(stage, "a", tips=1)
    course(stage, "b", tips=1)
    stage.clock.turn(hours=2)
    in_vain = stage.other_worker("worker-1", transport=_Later())
    send_group(in_vain, claim_due(in_vain, now=stage.clock()).parcels)
    stage.clock.turn(days=1)
    again = claim_due(stage.sending, now=stage.clock(), limit=1).parcels
    others = claim_due(stage.other_worker("worker-2"), now=stage.clock()).parcels
    assert ([one.step for one in again], [one.step for one in others]) == (["a-1"], [])
