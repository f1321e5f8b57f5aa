"""Fresh links to a learner's page while the way out is in trouble, or the worker is told to stop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from stage import KEY, PLAIN_COURSE, Stage, set_up

from drip.engine.fresh_links import FreshLinks, send_fresh_links
from drip.render.message import Message
from drip.store import fresh_links
from drip.transports import Outcome, Receipt, Result
from drip.transports.outbox import Outbox


@dataclass
class Refusing:
    """A way out that is refused, as one whose password is wrong is."""

    name: str = "refusing"
    connections: int = 1
    tried: int = 0

    def allow(self, connections: int) -> None:
        self.connections = connections

    def send(self, messages: Sequence[Message]) -> Result:
        self.tried += 1
        untried = (Receipt(delivery_id=one.delivery_id, outcome=Outcome.UNTRIED, answer="535 no") for one in messages)
        return Result(receipts=tuple(untried), trouble="535 no")

    def close(self) -> None:
        pass


@pytest.fixture
def stage(tmp_path: Path, each_database: str) -> Stage:
    """Twelve have had a mail, and ask for a fresh link."""
    stage = set_up(tmp_path)
    stage.publish(PLAIN_COURSE)
    stage.people(12)
    stage.deliver()
    fresh = FreshLinks(stage.store, suppression_key=KEY)
    assert all(fresh.ask(row.id, now=stage.clock()) for row in stage.rows())
    return stage


def test_trouble_is_met_once_and_the_others_go_later(stage: Stage) -> None:
    """A server that refuses us is not asked once for each of them; nobody's link is lost by that."""
    refusing = Refusing()
    assert send_fresh_links(replace(stage.sending, transport=refusing)) == 0
    assert refusing.tried == 1
    stage.clock.turn(minutes=10)
    assert send_fresh_links(stage.sending) == 12
    assert send_fresh_links(stage.sending) == 0


def test_a_worker_that_is_to_stop_stops_between_two(stage: Stage, tmp_path: Path) -> None:
    """SIGTERM waits for the mail that is under way, and for no other."""
    gone = tmp_path / "gone"
    sending = replace(stage.sending, transport=Outbox(gone))
    assert send_fresh_links(sending, stop=lambda: any(gone.glob("*.eml"))) == 1
    assert send_fresh_links(replace(sending, clock=lambda: stage.clock() + timedelta(minutes=10))) == 11


def test_what_was_asked_for_long_ago_is_forgotten(stage: Stage) -> None:
    """What has gone is removed once it is old, but nothing that is to go or counts for today."""
    gone_at = stage.clock()
    assert send_fresh_links(stage.sending) == 12
    stage.clock.turn(days=40)
    fresh = FreshLinks(stage.store, suppression_key=KEY)
    assert fresh.ask(stage.rows()[0].id, now=stage.clock())
    with stage.store.write() as conn:
        assert fresh_links.forget(conn, gone_at) == 0
        assert [fresh_links.forget(conn, stage.clock() + timedelta(days=1)) for _ in range(2)] == [12, 0]
        assert fresh_links.to_go(conn) == 1
    assert not fresh.ask(stage.rows()[0].id, now=stage.clock())
