"""What outgoing webhooks cost the mails: nothing where nobody listens, one statement a mark where `sent` is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import event
from stage import PLAIN_COURSE, Stage, send_group, set_up
from webhook_receiver import webhook_receiver
from webhook_stage import endpoint, log_of

from drip.engine.claim import claim_due
from drip.engine.touches import Touch
from drip.store import endpoints

pytestmark = pytest.mark.usefixtures("each_database")
PEOPLE = 40


@contextmanager
def statements(stage: Stage) -> Iterator[list[str]]:
    """What is asked of the database meanwhile, as far as it concerns webhooks."""
    said: list[str] = []

    def hear(_conn: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "outbox" in statement or "webhook" in statement:
            said.append(statement)

    event.listen(stage.store.engine, "before_cursor_execute", hear)
    try:
        yield said
    finally:
        event.remove(stage.store.engine, "before_cursor_execute", hear)


def sent(stage: Stage) -> None:
    """Mail everybody in groups of ten, and let each follow a link."""
    stage.clock.turn(hours=2)
    parcels = claim_due(stage.sending, now=stage.clock()).parcels
    assert len(parcels) == PEOPLE
    for first in range(0, PEOPLE, 10):
        assert send_group(stage.sending, parcels[first : first + 10]).sent == 10
    touches = [Touch(delivery_id=one.delivery_id, visit=stage.visit(f"o{one.delivery_id}")) for one in parcels]
    stage.recorder.touches.record(touches)


def stage_of(folder: Path) -> Stage:
    stage = set_up(folder)
    stage.publish(PLAIN_COURSE)
    stage.people(PEOPLE)
    with stage.store.read() as conn:
        endpoints.look_again(conn)
    return stage


def test_without_an_endpoint_mails_ask_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Claim, hand, mark, opens: not one statement more."""
    monkeypatch.setattr(endpoints, "KNOWN_FOR_SECONDS", 3600)
    stage = stage_of(tmp_path)
    with statements(stage) as said:
        sent(stage)
    assert said == []


def test_where_sent_is_wanted_a_mark_costs_one_statement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four groups of ten mails: four statements, also for two endpoints."""
    monkeypatch.setattr(endpoints, "KNOWN_FOR_SECONDS", 3600)
    stage = stage_of(tmp_path)
    with webhook_receiver() as receiver:
        for name in ("crm", "board"):
            endpoint(stage, receiver, name, ["sent"])
        with stage.store.read() as conn:
            endpoints.look_again(conn)
        with statements(stage) as said:
            sent(stage)
    assert len(said) == 4
    assert len(log_of(stage)) == 2 * PEOPLE


def test_what_is_known_of_endpoints_is_asked_seldom(tmp_path: Path) -> None:
    """However often something is announced, one look lasts for seconds."""
    stage = stage_of(tmp_path)
    with statements(stage) as said, stage.store.write() as conn:
        for _ in range(1000):
            endpoints.known(conn)
    assert len(said) <= 1 + 1000 // 100
