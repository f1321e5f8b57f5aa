"""So many connections over all workers together: each has a share, nobody exceeds it, and the dead leave theirs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from mail_server import MailServer
from stage import Stage, open_store, set_up
from test_pace_claims import ONE_TIP

from drip.engine.claim import claim_due
from drip.engine.deliver import deliver_due
from drip.engine.pace import give_back_share, obey, pace_now, renew_share
from drip.engine.sending import Sending
from drip.render.message import Message
from drip.schedule.pace import Pace
from drip.transports.outbox import Outbox
from drip.transports.smtp import Smtp, parse_smtp_url


def shares(stage: Stage, way: str) -> dict[str, int]:
    assert stage.sending.pace is not None
    with stage.store.read() as conn:
        return dict(pace_now(conn, stage.sending.pace, way, now=stage.clock()).connections)


def worker(stage: Stage, name: str, url: str, **changes: Any) -> Sending:
    transport = Smtp(**parse_smtp_url(f"{url}?tls=none&connections=10"))
    return stage.other_worker(name, store=open_store(stage.folder), transport=transport, **changes)


def look(sending: Sending) -> int:
    """A claim and what follows from it; how many connections the worker may have."""
    claimed = claim_due(sending, now=sending.clock())
    obey(sending, claimed.connections)
    return sending.transport.connections


def stage_for(folder: Path, connections: int) -> Stage:
    stage = set_up(folder, pace=Pace(connections=connections))
    stage.publish(ONE_TIP)
    return stage


@pytest.mark.usefixtures("each_database")
def test_workers_share_them_fairly(tmp_path: Path) -> None:
    """One has all; a second gets half when the first has closed and given up its own; never more than ten together."""
    stage = stage_for(tmp_path, 10)
    url = "smtp://127.0.0.1:25"  # nothing is sent
    one, two, three = (worker(stage, name, url) for name in ("one", "two", "three"))
    way = one.transport.name
    assert look(one) == 10
    assert look(two) == 0
    assert look(one) == 5  # it has closed what is above; its share is still its own
    assert look(two) == 0
    assert look(one) == 5  # and now it has given it up
    assert look(two) == 5
    seen = []
    for _ in range(4):
        seen += [look(each) for each in (one, two, three)]
        assert sum(shares(stage, way).values()) <= 10
        assert one.transport.connections + two.transport.connections + three.transport.connections <= 10
    assert sorted(seen[-3:]) == [3, 3, 4]


@pytest.mark.usefixtures("each_database")
def test_whoever_leaves_gives_back(tmp_path: Path) -> None:
    """SIGTERM: the share is free at once. A worker that dies loses it with its lease."""
    stage = stage_for(tmp_path, 4)
    url = "smtp://127.0.0.1:25"
    one, two = worker(stage, "one", url), worker(stage, "two", url)
    for _ in range(3):
        look(one), look(two)
    assert shares(stage, one.transport.name) == {"one": 2, "two": 2}
    give_back_share(one)
    assert look(two) == 4
    renew_share(replace(two, lease_for=timedelta(seconds=0.1)))
    threading.Event().wait(0.2)  # two has died
    assert look(one) == 4


@pytest.mark.usefixtures("each_database")
def test_a_busy_worker_holds_on_to_its_share(tmp_path: Path) -> None:
    """While the network is busy for longer than a lease, it is renewed."""
    stage = stage_for(tmp_path, 4)
    url = "smtp://127.0.0.1:25"
    one, two = worker(stage, "one", url, lease_for=timedelta(seconds=0.2)), worker(stage, "two", url)
    assert look(one) == 4
    renew_share(replace(one, lease_for=stage.sending.lease_for))
    threading.Event().wait(0.3)
    assert look(two) == 0


def test_more_workers_than_connections(tmp_path: Path, smtp_server: MailServer) -> None:
    """Two connections, three workers: one of them claims nothing, and everything goes all the same."""
    stage = stage_for(tmp_path, 2)
    crew = [worker(stage, name, smtp_server.url) for name in "abc"]
    for each in crew * 3:
        look(each)
    assert [each.transport.connections for each in crew] == [1, 1, 0]
    stage.people(30)
    assert deliver_due(crew[2]).sent == 0
    assert deliver_due(crew[0]).sent == 30
    assert len(smtp_server.messages()) == 30


def test_the_outbox_counts_as_one(tmp_path: Path) -> None:
    """Its number says whether it may be used, and never goes above what it has."""
    outbox = Outbox(tmp_path / "outbox")
    outbox.allow(0)
    assert outbox.connections == 0
    outbox.allow(5)
    assert outbox.connections == Outbox.connections == 1


def test_connections_above_the_number_are_closed(tmp_path: Path, start_smtp_server: Callable[..., MailServer]) -> None:
    """`allow` returns when the idle ones above it are closed; with more allowed, more are opened again."""
    server = start_smtp_server(script={}, delay=0.02)
    stage = set_up(tmp_path, transport=Smtp(**parse_smtp_url(f"{server.url}?tls=none&connections=4")))
    stage.publish(ONE_TIP)
    way = stage.sending.transport

    def open_now() -> int:
        return len(server.events("open")) - len(server.events("close"))

    def written_down(closed: int) -> None:
        """The server is another process: it writes an end down a moment after it has met it."""
        for _ in range(1_000):
            if len(server.events("close")) >= closed:
                return
            threading.Event().wait(0.01)

    stage.people(40)
    assert stage.deliver().sent == 40
    assert open_now() == 4
    way.allow(1)
    written_down(closed=3)
    assert (way.connections, open_now()) == (1, 1)
    names = [f"more{n}@customer.example" for n in range(20)]
    stage.add(*names)
    stage.enrol(*names)
    assert stage.deliver().sent == 20
    assert (open_now(), len(server.events("open"))) == (1, 4)
    way.allow(9)
    assert way.connections == 4
    names = [f"again{n}@customer.example" for n in range(40)]
    stage.add(*names)
    stage.enrol(*names)
    assert stage.deliver().sent == 40
    assert open_now() == 4


def test_a_way_out_may_be_told_before_it_is_used(tmp_path: Path) -> None:
    """No thread is started for it."""
    before = threading.active_count()
    way = Smtp("127.0.0.1", 25, connections=4)
    way.allow(2)
    assert (way.connections, threading.active_count()) == (2, before)
    messages: list[Message] = []
    assert way.send(messages).receipts == ()
