"""The pace at work: limits on all mail hold over workers, restarts and retries, and cost what waits nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from mail_server import MailServer, reserved_port
from sqlalchemy import event
from stage import START, Clock, Stage, open_store, set_up

from drip.engine.claim import claim_due
from drip.engine.deliver import deliver_due, until_idle
from drip.engine.pace import pace_now, sentences
from drip.errors import SenderTrouble
from drip.schedule.pace import Pace, Rate
from drip.store import breaker
from drip.transports.smtp import Smtp, parse_smtp_url

pytestmark = pytest.mark.usefixtures("each_database")

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
ONE_TIP = """\
title: One tip
sender: {name: Acme Academy, email: learn@acme.example}
timing: {every: 0 minutes}
steps:
  - {tip: first, subject: The first tip, body: Press *Save*.}
"""


def rate(most: int, span: timedelta) -> tuple[Rate, ...]:
    return (Rate(most=most, span=span),)


def paced(folder: Path, people: int, **rules: Any) -> Stage:
    """So many are due, and mail goes at this pace."""
    stage = set_up(folder, pace=Pace(**rules))
    stage.publish(ONE_TIP)
    stage.people(people)
    return stage


def turning(clock: Clock) -> Callable[[float], object]:
    """To wait is to turn the clock."""

    def pause(seconds: float) -> None:
        clock.turn(seconds=seconds)

    return pause


def sent_at(stage: Stage) -> list[datetime]:
    return sorted(row.sent_at for row in stage.rows() if row.sent_at is not None)


def most_in_any(times: Sequence[datetime], span: timedelta) -> int:
    return max((sum(first <= at < first + span for at in times) for first in times), default=0)


def stands(stage: Stage) -> Any:
    assert stage.sending.pace is not None
    with stage.store.read() as conn:
        return pace_now(conn, stage.sending.pace, stage.sending.transport.name, now=stage.clock())


def test_no_second_has_more_than_the_limit(tmp_path: Path) -> None:
    """60 mails at 10 a second: all go, each tenth of a second lets one through, and none is lost to the waiting."""
    stage = paced(tmp_path, 60, rate=rate(10, SECOND))
    tally = until_idle(stage.sending, pause=turning(stage.clock))
    times = sent_at(stage)
    assert (tally.sent, len(times)) == (60, 60)
    assert most_in_any(times, SECOND) == 10
    assert most_in_any(times, SECOND / 10) == 1
    assert times[-1] - times[0] < timedelta(seconds=8)


def test_workers_share_the_limit(tmp_path: Path) -> None:
    """Three workers, each with a connection of its own to the database, send no more together than one may."""
    stage = paced(tmp_path, 120, rate=(*rate(30, MINUTE), *rate(100, HOUR)))
    crew = [stage.other_worker(f"worker-{n}", store=open_store(tmp_path)) for n in range(3)]
    for step in range(240):
        deliver_due(crew[step % 3])
        stage.clock.turn(seconds=(step * 7) % 13 / 4)
    times = sent_at(stage)
    assert most_in_any(times, MINUTE) == 30
    assert len(times) == 100


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    """Another process, a minute later, knows what went in this hour."""
    stage = paced(tmp_path, 30, rate=rate(20, HOUR))
    assert stage.deliver().sent == 20
    stage.clock.turn(minutes=1)
    again = stage.other_worker("after the restart", store=open_store(tmp_path))
    assert deliver_due(again).sent == 0
    stage.clock.turn(minutes=65)
    assert deliver_due(again).sent == 10


def test_those_that_wait_are_not_looked_at(tmp_path: Path) -> None:
    """With no room nothing is looked at, and with room for three, three are: whatever is due stays as it is."""
    stage = paced(tmp_path, 40, rate=rate(30, SECOND))
    claimed = claim_due(stage.sending, now=stage.clock())
    assert (len(claimed.parcels), claimed.looked_at) == (3, 3)
    claimed = claim_due(stage.sending, now=stage.clock())
    assert (claimed.parcels, claimed.looked_at) == ((), 0)
    assert claimed.again_at == stage.clock() + SECOND / 10


def test_a_clock_that_stands_ends_the_waiting(tmp_path: Path) -> None:
    """`run --until-idle --now T`: what may go at T goes, and nobody waits for a time that does not come."""
    stage = paced(tmp_path, 30, rate=rate(100, SECOND))
    assert stage.idle().sent == 10
    assert stage.idle().sent == 0
    assert sentences(stands(stage)) == ["20 wait for the pace: 100/s; the next go 2026-03-02 06:00 UTC"]


def test_a_day_s_quota_is_not_waited_for(tmp_path: Path) -> None:
    """What may go tomorrow is left until then, and a person is told."""
    stage = paced(tmp_path, 30, rate=rate(20, DAY))
    assert until_idle(stage.sending, pause=turning(stage.clock)).sent == 20
    assert stage.clock() < START + MINUTE
    assert sentences(stands(stage)) == ["10 wait for the pace: 20/day; the next go 2026-03-03 07:00 UTC"]


def test_a_mail_that_was_not_tried_takes_no_room(tmp_path: Path) -> None:
    """A server that is away is tried again and again, and the day's quota is still there when it is back."""
    with reserved_port() as port:
        stage = paced(tmp_path, 30, rate=rate(20, DAY), warm_up=(20,))
        away = stage.other_worker("worker-1", transport=Smtp("127.0.0.1", port, tls="none", connections=2))
        for _ in range(5):
            deliver_due(away)
            with stage.store.read() as conn:
                trouble = breaker.read(conn, away.transport.name)
            assert trouble is not None
            stage.clock.now = trouble.until
        assert trouble.trips == 5
        with stage.store.read() as conn:
            assert away.pace is not None
            now = pace_now(conn, away.pace, away.transport.name, now=stage.clock())
    assert [one.used for one in now.limits] == [0]
    assert now.warm_up is not None
    assert now.warm_up.used == 0


def test_a_retry_that_was_tried_counts(tmp_path: Path, start_smtp_server: Callable[..., MailServer]) -> None:
    """A recipient that is put off was tried: the server saw us, and the limit counts it."""
    server = start_smtp_server(script={"RCPT": ["450 4.2.0 busy", "450 4.2.0 busy", "ok"]})
    stage = paced(tmp_path, 5, rate=rate(4, HOUR))
    over = stage.other_worker("worker-1", transport=Smtp(**parse_smtp_url(f"{server.url}?tls=none&connections=1")))
    tally = deliver_due(over)
    assert (tally.sent, tally.retried) == (2, 2)
    assert deliver_due(over).sent == 0


def test_the_guard_holds_over_smtp_and_takes_no_room(tmp_path: Path, smtp_server: MailServer) -> None:
    """DRIP_ONLY_TO: only the named address reaches the server, and the others use nothing of the pace."""
    stage = paced(tmp_path, 20, rate=rate(5, DAY))
    over = stage.other_worker(
        "worker-1",
        transport=Smtp(**parse_smtp_url(f"{smtp_server.url}?tls=none")),
        only_to=frozenset({"learner13@customer.example"}),
    )
    assert until_idle(over, pause=turning(stage.clock)).sent == 1
    assert [message["rcpt_to"] for message in smtp_server.messages()] == [["learner13@customer.example"]]
    assert over.pace is not None
    with stage.store.read() as conn:
        now = pace_now(conn, over.pace, over.transport.name, now=stage.clock())
    assert [one.used for one in now.limits] == [1]


def test_a_warm_up_over_days(tmp_path: Path) -> None:
    """4 on the first day, 8 on the second; a weekend changes nothing; a day on which few went is repeated."""
    stage = paced(tmp_path, 0, warm_up=(4, 8, 16, 32), zone="Europe/Stockholm")
    people = iter(range(1000))
    went = []
    for new in (0, 6, 0, 0, 20, 0, 2, 40, 99, 99):  # from a Monday on
        names = [f"day{next(people)}@customer.example" for _ in range(new)]
        if names:
            stage.add(*names)
            stage.enrol(*names)
        again = stage.other_worker("each day another process", store=open_store(tmp_path))
        went.append(deliver_due(again).sent)
        stage.clock.turn(days=1)
    # 4 of 4; 2 of 8, too few; none; so 8 again: 8; 12 of 16; 2 of 32, too few; so 32 again: 32; and it is over
    assert went == [0, 4, 2, 0, 8, 12, 2, 32, 107, 99]


def test_a_warm_up_that_is_set_later_begins_then(tmp_path: Path) -> None:
    """What went before is no part of its first day."""
    stage = paced(tmp_path, 30, rate=rate(20, HOUR))
    assert stage.deliver().sent == 20
    stage.clock.turn(hours=2)
    later = stage.other_worker("worker-2", pace=Pace(rate=rate(20, HOUR), warm_up=(4, 8)))
    assert deliver_due(later).sent == 4


def test_trouble_is_not_waited_for(tmp_path: Path) -> None:
    """While the way out is left alone, nobody waits for places; `until_idle` says at once what it is."""
    with reserved_port() as port:
        stage = paced(tmp_path, 30, rate=rate(100, SECOND), domains={"customer.example": rate(10, SECOND)})
        away = stage.other_worker("worker-1", transport=Smtp("127.0.0.1", port, tls="none", connections=2))
        began = stage.clock()
        with pytest.raises(SenderTrouble):
            until_idle(away, pause=turning(stage.clock))
        assert stage.clock() - began < SECOND


def test_a_warm_up_s_day_begins_in_the_workspace_s_zone(tmp_path: Path) -> None:
    """At midnight in Stockholm, not in Greenwich, the next day's number may go."""
    stage = paced(tmp_path, 20, warm_up=(4, 8), zone="Europe/Stockholm")
    assert stage.deliver().sent == 4
    assert sentences(stands(stage)) == ["16 wait for the warm-up: 4 on day 1; the next go 2026-03-02 23:00 UTC"]
    stage.clock.now = datetime.fromisoformat("2026-03-02T22:59:00+00:00")
    assert stage.deliver().sent == 0
    stage.clock.turn(minutes=1)
    assert stage.deliver().sent == 8


def test_a_clock_set_back_neither_stops_nor_bursts(tmp_path: Path) -> None:
    """A year back: the hour's quota is full for at most an hour more, and then it is as large as ever."""
    stage = paced(tmp_path, 100, rate=rate(20, HOUR))
    assert stage.deliver().sent == 20
    stage.clock.turn(hours=2)
    assert stage.deliver().sent == 20
    people = [f"later{n}@customer.example" for n in range(50)]
    stage.clock.turn(days=-365)
    stage.add(*people)
    stage.enrol(*people)
    assert stage.deliver().sent == 0
    stage.clock.turn(minutes=66)
    assert stage.deliver().sent == 20


def test_without_a_pace_nothing_is_asked(tmp_path: Path) -> None:
    """No [pace], no row in its table, and not one statement that names it."""
    stage = set_up(tmp_path)
    stage.publish(ONE_TIP)
    stage.people(3)
    said: list[str] = []
    event.listen(stage.store.engine, "before_cursor_execute", lambda *args: said.append(args[2]))
    assert stage.deliver().sent == 3
    assert not [statement for statement in said if "pace" in statement]
