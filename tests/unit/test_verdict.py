"""The first line of `drip status`: what somebody is told who was woken up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from drip.engine.verdict import Kind, Seen, sentence, verdict_of
from drip.store.breaker import Trouble
from drip.store.workers import ALIVE_FOR, Worker

NOW = datetime(2026, 11, 24, 2, 14, tzinfo=UTC)
WORKER = Worker(
    name="mail-1-47-ab",
    host="mail-1",
    process=47,
    transport="smtp mail.example:587",
    started_at=NOW - timedelta(hours=5),
    seen_at=NOW,
)
TROUBLE = Trouble(transport="smtp mail.example:587", words="535 5.7.8 no\x1b[2J\nreally", since=NOW, until=NOW, trips=1)
QUIET = Seen(
    now=NOW,
    zone=ZoneInfo("Europe/Stockholm"),
    due=0,
    oldest_at=None,
    under_way=0,
    waiting=0,
    last_sent_at=NOW,
    troubles=(),
    workers=(WORKER,),
    published=1,
    paused=0,
)
LATELY, LONG_AGO = NOW - timedelta(minutes=4), NOW - timedelta(hours=3)
GONE = replace(WORKER, seen_at=NOW - ALIVE_FOR - timedelta(seconds=1))


@pytest.mark.parametrize(
    ("seen", "kind", "told", "alarm"),
    [
        ({}, Kind.WELL, "All is well: nothing is due.", False),
        (
            {"published": 0},
            Kind.NEW,
            "Nothing to send yet: no course is published; type: drip publish COURSE",
            False,
        ),
        ({"paused": 1}, Kind.PAUSED, "Nothing goes out: every course is paused; type: drip resume --all", False),
        ({"waiting": 1}, Kind.WAITING, "Nothing is due, but 1 waits for a person; type: drip settle", False),
        (
            {"under_way": 40, "workers": (GONE,)},
            Kind.NOBODY,
            "Nobody is sending: 40 are left under way, and the last worker was seen at 03:13; type: drip run",
            False,
        ),
        (
            {"guarded": 3},
            Kind.GUARDED,
            "Nothing is due, but 3 are held back by DRIP_ONLY_TO",
            False,
        ),
        ({"under_way": 40}, Kind.SENDING, "Sending: the last 40 are under way.", False),
        (
            {"due": 3_200, "oldest_at": LATELY},
            Kind.SENDING,
            "Sending: 3,200 due, the oldest for 4 minutes.",
            False,
        ),
        (
            {"due": 3_200, "oldest_at": LONG_AGO},
            Kind.LATE,
            "Sending, but late: 3,200 due, the oldest for 3 hours.",
            False,
        ),
        (
            {"due": 1, "oldest_at": LONG_AGO, "last_sent_at": LONG_AGO},
            Kind.STUCK,
            "STUCK: 1 is due since 00:14 and 1 worker is there, but nothing has gone out since 00:14; "
            "look at the log of drip run",
            True,
        ),
        (
            {"due": 412, "oldest_at": LONG_AGO, "workers": ()},
            Kind.NOBODY,
            "Nobody is sending: 412 are due since 00:14, and no worker has been seen; type: drip run",
            True,
        ),
        (
            {"due": 2, "oldest_at": LATELY, "workers": (GONE,)},
            Kind.NOBODY,
            "Nobody is sending: 2 are due since 03:10, and the last worker was seen at 03:13; type: drip run",
            False,
        ),
        (
            {"due": 2, "oldest_at": NOW - timedelta(days=1), "workers": (replace(GONE, stopped_at=GONE.seen_at),)},
            Kind.NOBODY,
            "Nobody is sending: 2 are due since Mon 23 Nov 03:14, and the last worker stopped at 03:13; type: drip run",
            True,
        ),
        (
            {"due": 9, "oldest_at": LATELY, "troubles": (TROUBLE,), "workers": ()},
            Kind.STOPPED,
            "NOTHING GOES OUT since 03:14: smtp mail.example:587 says 535 5.7.8 no [2J really; type: drip doctor",
            True,
        ),
        (
            {
                "due": 9,
                "oldest_at": LONG_AGO,
                "held_up_by": "the pace: 100/h",
                "goes_on_at": NOW + timedelta(minutes=5),
            },
            Kind.PACED,
            "Waiting until 03:19: 9 are due, and the pace: 100/h is used up.",
            False,
        ),
        (  # the way out was changed since: what the other met stops nobody
            {"troubles": (TROUBLE,), "workers": (replace(WORKER, transport="sendgrid"),)},
            Kind.WELL,
            "All is well: nothing is due.",
            False,
        ),
        ({"troubles": (TROUBLE,), "workers": (), "way": "sendgrid"}, Kind.WELL, "All is well: nothing is due.", False),
        (  # this shell has another setting than the worker that sends
            {"troubles": (TROUBLE,), "way": "outbox"},
            Kind.STOPPED,
            "NOTHING GOES OUT since 03:14: smtp mail.example:587 says 535 5.7.8 no [2J really; type: drip doctor",
            True,
        ),
    ],
)
def test_the_worst_that_is_true_is_told(seen: dict[str, Any], kind: Kind, told: str, alarm: bool) -> None:
    """Each state has one sentence, with what to type, and says whether somebody should get up."""
    found = verdict_of(replace(QUIET, **seen))
    assert (found.kind, sentence(found), found.alarm) == (kind, told, alarm)


def test_a_worker_that_has_just_begun_is_given_a_moment() -> None:
    """After a night without one, its first minutes are no alarm; a worker that begins again and again is one."""
    behind = replace(QUIET, due=3_200, oldest_at=LONG_AGO, last_sent_at=LONG_AGO)
    begun = replace(WORKER, started_at=NOW - timedelta(seconds=10))
    assert verdict_of(replace(behind, workers=(begun,))).kind is Kind.LATE
    dead = [replace(begun, name=f"mail-{n}", seen_at=NOW - timedelta(minutes=n)) for n in range(2, 8)]
    assert verdict_of(replace(behind, workers=(begun, *dead))).kind is Kind.STUCK


def test_a_trouble_is_over_when_nothing_has_been_due_for_a_while() -> None:
    """No mail has gone since that would have ended it; while anything waits for it, it is not over."""
    old = replace(TROUBLE, since=LONG_AGO, until=LONG_AGO)
    assert verdict_of(replace(QUIET, troubles=(old,))).kind is Kind.WELL
    assert verdict_of(replace(QUIET, troubles=(old,), due=1, oldest_at=LONG_AGO)).kind is Kind.STOPPED
    assert verdict_of(replace(QUIET, troubles=(TROUBLE,))).kind is Kind.STOPPED
