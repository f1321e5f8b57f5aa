"""A domain that wants mail slowly: it keeps nobody else waiting, and its own mails wait in a line that moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from mail_server import MailServer
from stage import START, Stage, open_store, set_up

from drip.engine.claim import claim_due
from drip.engine.deliver import deliver_due, until_idle
from drip.engine.pace import begin, pace_now, respread, sentences
from drip.engine.sending import Sending
from drip.schedule.pace import Pace, Rate
from drip.transports.smtp import Smtp, parse_smtp_url

pytestmark = pytest.mark.usefixtures("each_database")

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SLOW = "slow.example"
ONE_TIP = """\
title: One tip
sender: {name: Acme Academy, email: learn@acme.example}
timing: {every: 0 minutes}
steps:
  - {tip: first, subject: The first tip, body: Press *Save*.}
"""


def rate(most: int, span: timedelta) -> tuple[Rate, ...]:
    return (Rate(most=most, span=span),)


def paced(folder: Path, **rules: Any) -> Stage:
    stage = set_up(folder, pace=Pace(**rules))
    stage.publish(ONE_TIP)
    return stage


def enrolled(stage: Stage, number: int, domain: str, name: str = "learner") -> list[str]:
    emails = [f"{name}{n:03}@{domain}" for n in range(number)]
    stage.add(*emails)
    stage.enrol(*emails)
    return emails


def turning(stage: Stage) -> Callable[[float], object]:
    def pause(seconds: float) -> None:
        stage.clock.turn(seconds=seconds)

    return pause


def sent_at(stage: Stage, domain: str) -> list[datetime]:
    """When mails to this domain went, in order."""
    return [at for at, address in went(stage) if address.endswith(f"@{domain}")]


def went(stage: Stage) -> list[tuple[datetime, str]]:
    with stage.store.read() as conn:
        query = "SELECT delivery.id, email FROM delivery JOIN learner ON learner.id = delivery.learner_id"
        whose = {row[0]: row[1] for row in conn.exec_driver_sql(query)}
    return sorted((row.sent_at, whose[row.id]) for row in stage.rows() if row.sent_at is not None)


def most_in_any(times: list[datetime], span: timedelta) -> int:
    return max((sum(first <= at < first + span for at in times) for first in times), default=0)


def looks(sending: Sending) -> int:
    """How many rows are looked at until nothing is due any more at this instant; what is claimed is left."""
    looked_at = 0
    while (claimed := claim_due(sending, now=sending.clock())).looked_at:
        looked_at += claimed.looked_at
        for domain in claimed.stalled:
            respread(sending, domain)
    return looked_at


def test_a_full_domain_keeps_nobody_else_waiting(tmp_path: Path) -> None:
    """300 to a slow domain fell due first; 100 to others go at once all the same."""
    stage = paced(tmp_path, domains={SLOW: rate(10, SECOND)})
    enrolled(stage, 300, SLOW)
    enrolled(stage, 100, "quick.example")
    tally = stage.deliver()
    assert tally.sent == 101
    assert len(sent_at(stage, "quick.example")) == 100


def test_the_line_moves_at_the_domain_s_pace(tmp_path: Path) -> None:
    """200 at 10 a second take about 22 seconds: never more than ten in one of them, and all go."""
    stage = paced(tmp_path, domains={SLOW: rate(10, SECOND)})
    enrolled(stage, 200, SLOW)
    assert until_idle(stage.sending, pause=turning(stage)).sent == 200
    times = sent_at(stage, SLOW)
    assert most_in_any(times, SECOND) <= 10
    assert times[-1] - START < timedelta(seconds=24)


def test_each_is_looked_at_about_once_more(tmp_path: Path) -> None:
    """All 400 are looked at once when they fall due; afterwards only who is let through is."""
    stage = paced(tmp_path, domains={SLOW: rate(10, SECOND)})
    enrolled(stage, 400, SLOW)
    assert looks(stage.sending) == 400
    later = 0
    for _ in range(100):
        stage.clock.turn(seconds=0.1)
        later += looks(stage.sending)
    assert 80 <= later <= 100


def test_who_has_waited_goes_before_newcomers(tmp_path: Path) -> None:
    """Those who come while others wait stand behind them, whatever their names and whenever they come."""
    stage = paced(tmp_path, domains={SLOW: rate(10, SECOND)})
    first = enrolled(stage, 40, SLOW, "z")
    stage.deliver()
    stage.clock.turn(seconds=1)
    second = enrolled(stage, 40, SLOW, "a")
    until_idle(stage.sending, pause=turning(stage))
    order = [address for _, address in went(stage)]
    assert set(order[:40]) == set(first)
    assert set(order[40:]) == set(second)


def test_a_worker_that_was_down_bursts_nothing(tmp_path: Path) -> None:
    """500 in line, an hour without a worker: afterwards the line moves as before, and all of it was moved once."""
    stage = paced(tmp_path, domains={SLOW: rate(10, SECOND)})
    stage.sending = replace(stage.sending, lease_for=timedelta(seconds=0.5))  # what `looks` claims is soon free again
    enrolled(stage, 500, SLOW)
    stage.deliver()
    stage.clock.turn(hours=1)
    back_at = stage.clock()
    looked_at = looks(stage.sending)
    assert looked_at < 250, "the whole line was looked at row by row"
    until_idle(stage.sending, pause=turning(stage))
    times = sent_at(stage, SLOW)
    assert len(times) == 500
    assert most_in_any(times, SECOND) <= 10
    assert times[-1] - back_at < timedelta(seconds=60)


def test_a_line_longer_than_what_all_mail_may_do(tmp_path: Path) -> None:
    """Where all mail is limited too, who waits for a domain gets the domain's share of it, not what others leave."""
    stage = paced(tmp_path, rate=rate(40, SECOND), domains={SLOW: rate(10, SECOND)})
    enrolled(stage, 100, SLOW)
    enrolled(stage, 300, "quick.example")
    until_idle(stage.sending, pause=turning(stage))
    everybody = [at for at, _ in went(stage)]
    assert len(everybody) == 400
    assert most_in_any(everybody, SECOND) <= 40
    assert most_in_any(sent_at(stage, SLOW), SECOND) <= 10
    assert everybody[-1] - START < timedelta(seconds=14), "they went one after the other, not side by side"


def test_a_retry_waits_in_the_line_too(tmp_path: Path, start_smtp_server: Callable[..., MailServer]) -> None:
    """Put off by the server, and due again when the domain is full: it waits, and its row says for what."""
    server = start_smtp_server(script={"RCPT": ["450 4.2.0 busy", "450 4.2.0 busy", "ok"]})
    stage = paced(tmp_path, domains={SLOW: rate(2, HOUR)})
    over = stage.other_worker("worker-1", transport=Smtp(**parse_smtp_url(f"{server.url}?tls=none&connections=1")))
    enrolled(stage, 2, SLOW)
    assert deliver_due(over).retried == 2
    stage.clock.turn(minutes=10)
    assert deliver_due(over).sent == 0
    reasons = {row.answer for row in stage.rows()}
    assert reasons == {f"waits for the pace of {SLOW}: 2/hour"}
    stage.clock.turn(hours=1)
    assert deliver_due(over).sent == 2


def test_the_reason_is_told(tmp_path: Path) -> None:
    """`drip why` says what a mail waits for, and until when; so does whoever asks how the pace stands."""
    stage = paced(tmp_path, domains={SLOW: rate(1, HOUR)})
    one, two = enrolled(stage, 2, SLOW)
    stage.deliver()
    waits = next(stage.why(email) for email in (one, two) if stage.why(email).next_step)
    assert waits.next_at == START + timedelta(minutes=66)
    assert f"waits for the pace of {SLOW}: 1/hour" in waits.next_reason
    assert stage.sending.pace is not None
    with stage.store.read() as conn:
        now = pace_now(conn, stage.sending.pace, stage.sending.transport.name, now=stage.clock())
    assert now.waiting == {SLOW: 1}
    assert [(limit.domain, limit.used, limit.most) for limit in now.limits] == [(SLOW, 1, 1)]
    assert sentences(now) == [f"1 waits for the pace of {SLOW}: 1/hour"]


@pytest.mark.parametrize(
    ("rules", "sent"),
    [(None, 30), (Pace(), 30), (Pace(domains={SLOW: rate(100, HOUR)}), 30), (Pace(domains={SLOW: rate(12, HOUR)}), 2)],
    ids=["no pace", "no limit", "a higher limit", "a slightly higher limit"],
)
def test_a_limit_that_is_changed_brings_them_forward(tmp_path: Path, rules: Pace | None, sent: int) -> None:
    """40 at ten an hour, 30 of whom wait; under the next worker's settings those go who may, the rest in its pace."""
    stage = paced(tmp_path, domains={SLOW: rate(10, HOUR)})
    enrolled(stage, 40, SLOW)
    assert stage.deliver().sent == 10
    stage.clock.turn(minutes=1)
    changed = replace(stage.sending, pace=rules, worker="worker-2", store=open_store(tmp_path))
    begin(changed)
    assert deliver_due(changed).sent == sent
    begin(changed)
    assert deliver_due(changed).sent == 0
    order = [address for _, address in went(stage)]
    assert order == sorted(order)


def test_a_clock_set_back_leaves_nobody_in_the_line(tmp_path: Path) -> None:
    """A line that was made by a clock hours ahead is made anew when somebody of that domain falls due."""
    stage = paced(tmp_path, domains={SLOW: rate(10, SECOND)})
    enrolled(stage, 40, SLOW)
    stage.clock.turn(hours=6)
    stage.deliver()
    stage.clock.turn(hours=-6)
    enrolled(stage, 10, SLOW, "new")
    until_idle(stage.sending, pause=turning(stage))
    assert len(went(stage)) == 50
    assert stage.clock() - START < MINUTE


def test_who_left_meanwhile_gets_nothing(tmp_path: Path) -> None:
    """Waiting in a line changes nothing about the rules: whoever leaves before their place comes is not mailed."""
    stage = paced(tmp_path, domains={SLOW: rate(10, SECOND)})
    enrolled(stage, 30, SLOW)
    stage.deliver()
    with stage.store.write() as conn:
        conn.exec_driver_sql("UPDATE enrolment SET state = 'left', due_at = NULL WHERE id > 20")
    until_idle(stage.sending, pause=turning(stage))
    assert len(sent_at(stage, SLOW)) == 20


def test_a_window_shuts_upon_the_line(tmp_path: Path) -> None:
    """Whose place comes after the window's end waits for the next day's window: the line bends no rule."""
    stage = set_up(tmp_path, pace=Pace(domains={SLOW: rate(60, MINUTE)}))
    stage.publish(ONE_TIP.replace("every: 0 minutes", 'every: 0 minutes, between: "06:00-06:02", timezone: UTC'))
    enrolled(stage, 300, SLOW)
    until_idle(stage.sending, pause=turning(stage))
    assert all(at < START + timedelta(minutes=2) for at in sent_at(stage, SLOW))
    went_first = len(sent_at(stage, SLOW))
    assert 90 <= went_first <= 125
    stage.clock.now = START + DAY
    until_idle(stage.sending, pause=turning(stage))
    assert went_first < len(sent_at(stage, SLOW)) <= 2 * 125


def test_questions_that_come_back_wait_too(tmp_path: Path) -> None:
    """Recaps to a full domain get places like everybody else, and all go."""
    stage = set_up(tmp_path, pace=Pace(domains={SLOW: rate(2, SECOND)}))
    stage.publish("""\
title: One tip
sender: {name: Acme Academy, email: learn@acme.example}
timing: {every: 0 minutes}
reviews: {strategy: fixed, after_days: [1], per_email: 1}
steps:
  - tip: first
    subject: The first tip
    body: Press *Save*.
    question: {ask: What?, options: [{text: Save, correct: true, because: Yes.}, {text: Not, because: No.}]}
""")
    enrolled(stage, 12, SLOW)
    until_idle(stage.sending, pause=turning(stage))
    assert len(sent_at(stage, SLOW)) == 12
    stage.clock.now = START + DAY + HOUR
    until_idle(stage.sending, pause=turning(stage))
    times = sent_at(stage, SLOW)
    assert len(times) == 24
    assert most_in_any(times, SECOND) <= 2


def test_a_domain_in_letters_of_its_own(tmp_path: Path) -> None:
    """bücher.example is limited under its ASCII name, in small letters or large."""
    stage = paced(tmp_path, domains={"xn--bcher-kva.example": rate(1, DAY)})
    enrolled(stage, 2, "bücher.example")
    enrolled(stage, 2, "XN--bcher-kva.example", "other")
    assert stage.deliver().sent == 1


@pytest.mark.parametrize("window", ['at: "09:00"', "between: 09:00-10:00", 'at: "23:30", days: mon-fri'])
def test_a_line_that_takes_days_moves(tmp_path: Path, window: str) -> None:
    """Two a day for eight people whose course has an hour: places come at any hour, also when its day is over or its
    window is shut. Nobody loses theirs, no tip gets stale, and nobody waits for ever.
    """
    stage = set_up(tmp_path, pace=Pace(domains={SLOW: rate(2, DAY)}))
    timing = f"{{every: 1 day, {window}, stale_after: 2 days}}"
    stage.publish(ONE_TIP.replace("{every: 0 minutes}", timing))
    enrolled(stage, 8, SLOW)
    stage.live(days=15, hours=0.5)
    sent = sent_at(stage, SLOW)
    assert len(sent) == 8
    assert sent[-1] - sent[0] < 11 * DAY
    assert all(sum(at <= one < at + DAY for one in sent) <= 2 for at in sent)
