"""`drip webhook` on the command line: what it takes, what it refuses in words, and what `drip status` shows of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text
from stage import Stage, set_up
from webhook_receiver import webhook_receiver
from webhook_stage import endpoint, posting_of

from drip.engine import tell
from drip.engine.announce import Announcement, announce
from drip.engine.status import queue_now, status
from drip.engine.verdict import Kind
from drip.engine.webhooks import send_due
from drip.errors import NotFound, Refused
from drip.runners.metrics import Metrics
from drip.store import Store, webhooks
from drip.store.database import MIGRATIONS
from drip.store.moving import copy_all

STOCKHOLM = ZoneInfo("Europe/Stockholm")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = set_up(tmp_path)
    stage.publish()
    stage.add("ada@customer.example")
    return stage


@pytest.mark.parametrize(
    ("name", "url", "events", "says"),
    [
        ("crm", "http://crm.example/x", [], "--in-the-clear"),
        ("crm", "ftp://crm.example/x", [], "https://"),
        ("crm", "crm.example/x", [], "https://"),
        ("crm", "https://user:secret@crm.example/x", [], "signature"),
        ("crm", "https://crm.example/x y", [], "https://"),
        ("crm", "https://[::1/x", [], "https://"),
        ("CRM!", "https://crm.example/x", [], "no name"),
        ("crm", "https://crm.example/x", ["finshed"], 'did you mean "finished"'),
        ("crm", "https://crm.example/x", ["all"], "there is no event"),
    ],
)
def test_an_endpoint_that_cannot_be_is_refused_in_words(
    stage: Stage, name: str, url: str, events: list[str], says: str
) -> None:
    """Each mistake says what to write; nothing of a password stands in the answer."""
    with pytest.raises(Refused, match=says) as refused:
        tell.add(stage.store, name, url, events=events, id="x", now=stage.clock())
    assert "secret" not in str(refused.value)
    assert tell.listed(stage.store) == []


def test_names_are_taken_once_and_there_are_so_many_at_most(stage: Stage) -> None:
    """A name twice is refused, and so is the twenty-first."""
    for n in range(tell.MOST_ENDPOINTS):
        tell.add(stage.store, f"crm-{n}", "https://crm.example/x", events=[], id=f"{n}", now=stage.clock())
    with pytest.raises(Refused, match="no more"):
        tell.add(stage.store, "crm", "https://crm.example/x", events=[], id="x", now=stage.clock())
    tell.remove(stage.store, "crm-3")
    with pytest.raises(Refused, match="another name"):
        tell.add(stage.store, "crm-1", "https://crm.example/x", events=[], id="x", now=stage.clock())
    with pytest.raises(NotFound, match="there is no endpoint"):
        tell.remove(stage.store, "crm-3")


def test_the_status_shows_what_waits_and_wakes_somebody_where_an_endpoint_takes_nothing(stage: Stage) -> None:
    """Not at the first failure; after a quarter of an hour the verdict is the endpoint's, and metrics say it too."""
    with webhook_receiver(503) as receiver:
        endpoint(stage, receiver)
        with stage.store.write() as conn:
            these = [Announcement(type="crm.x", key=f"{n}", learner_id=1) for n in range(5)]
            announce(conn, these, now=stage.clock())
        posting = posting_of(stage)

        def seen() -> Kind:
            send_due(posting)
            stage.clock.turn(minutes=6)
            return status(stage.store, now=stage.clock(), zone=STOCKHOLM).verdict.kind

        kinds = [seen() for _ in range(6)]
        assert kinds[0] is Kind.WELL
        assert kinds[-1] is Kind.UNHEARD
        found = status(stage.store, now=stage.clock(), zone=STOCKHOLM)
        assert found.verdict.alarm
        assert found.verdict.type == "drip webhook log crm"
        assert "503" in found.verdict.words
        (told,) = found.webhooks
        assert (told.waiting, told.failed, told.paused, told.alarm) == (5, 0, False, True)
        now = stage.clock()
        metrics = Metrics(lambda: queue_now(stage.store, now=now, seen_now=now), dict, version="test")
        said = metrics.told("")[0].decode()
        assert 'drip_webhooks_waiting{endpoint="crm"} 5.0' in said
        assert 'drip_webhooks_in_trouble{endpoint="crm"} 1.0' in said
        tell.pause(stage.store, "crm", now=stage.clock())
        assert not status(stage.store, now=stage.clock(), zone=STOCKHOLM).verdict.alarm
        receiver.script = [200]
        tell.resume(stage.store, "crm", now=stage.clock())
        send_due(posting)
        assert status(stage.store, now=stage.clock(), zone=STOCKHOLM).verdict.kind is Kind.WELL
        posting.poster.close()


def test_what_an_earlier_drip_has_written_is_told_too(tmp_path: Path) -> None:
    """`notify` steps wrote into the outbox before there were endpoints: the migration takes what names people out of
    it, and the first endpoint gets it."""
    store = Store(f"sqlite:///{tmp_path / 'drip.db'}")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with store.write() as conn:
        config.attributes["connection"] = conn
        command.upgrade(config, "0010")
        conn.execute(
            text(
                "INSERT INTO learner (ref, email, address, attributes, created_at)"
                " VALUES ('ref-ada', 'ada@customer.example', 'ada@customer.example', '{}', '2026-01-01 00:00:00')"
            )
        )
        conn.execute(
            text(
                "INSERT INTO outbox (key, name, payload, created_at) VALUES ('1/x', 'crm.begun',"
                ' \'{"course": "c", "step": "x", "email": "ada@customer.example", "ref": "ref-ada", "at": "…"}\','
                " '2026-03-01 00:00:00.000000')"
            )
        )
    store.close()
    stage = set_up(tmp_path)
    with stage.store.read() as conn:
        (row,) = conn.execute(text("SELECT payload, learner_id FROM outbox")).all()
        assert row == ('{"course": "c", "step": "x"}', 1)
        assert webhooks.waiting(conn) == 1
    with webhook_receiver() as receiver:
        endpoint(stage, receiver)
        posting = posting_of(stage)
        assert send_due(posting).sent == 1
        posting.poster.close()
        (got,) = receiver.got
        assert got.email == "ada@customer.example"
        assert got.told["data"]["step"] == "x"
    with stage.store.write() as conn:
        assert webhooks.forget_sent(conn, stage.clock() + timedelta(seconds=1)) == 1


def test_what_was_under_way_when_a_database_was_copied_is_told_from_the_copy(stage: Stage, tmp_path: Path) -> None:
    """A lease runs on its own database's clock, and is left behind."""
    target = Store(f"sqlite:///{tmp_path / 'other.db'}")
    target.upgrade()
    with webhook_receiver() as receiver:
        endpoint(stage, receiver)
        with stage.store.write() as conn:
            announce(conn, [Announcement(type="crm.x", key="1", learner_id=1)], now=stage.clock())
        posting = posting_of(stage)
        with stage.store.write() as conn:
            held = replace(posting.lease(conn), lasts_for=10**9)
            assert webhooks.lease(conn, "endpoint-crm", held, now=stage.clock(), limit=9)
        assert copy_all(stage.store, target)["outbox"] == 1
        moved = replace(posting, store=target)
        assert send_due(moved).sent == 1
        posting.poster.close()
    target.close()
