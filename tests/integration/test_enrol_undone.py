"""Enrolling that the database undoes for another transaction's sake is tried again, and counted once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Event as Flag

import pytest
from sqlalchemy import select
from stage import KEY, Stage, set_up
from webhook_receiver import webhook_receiver
from webhook_stage import endpoint, log_of

from drip.engine.announce import Announcement, announce
from drip.engine.enrol import enrol
from drip.store.tables import learner
from drip.store.troubles import Undone

pytestmark = pytest.mark.usefixtures("each_database")
ADA = "ada@customer.example"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = set_up(tmp_path)
    stage.publish()
    stage.add(ADA)
    return stage


def test_what_was_undone_counts_for_nothing(stage: Stage) -> None:
    """The other transaction holds what is told of the enrolment, and then wants its learner."""
    with webhook_receiver() as receiver, ThreadPoolExecutor(1) as pool:
        endpoint(stage, receiver)
        with suppress(Undone), stage.store.write() as conn:  # PostgreSQL undoes one of the two, mostly the other
            told = Announcement(type="enrolled", key="enrolled/1", learner_id=None)
            announce(conn, [told], now=stage.clock())
            done = pool.submit(enrol, stage.store, "course", emails=[ADA], at=stage.clock(), suppression_key=KEY)
            Flag().wait(0.4)
            conn.execute(select(learner.c.id).with_for_update())
            conn.rollback()
        assert done.result().enrolled == 1
        assert len(log_of(stage)) == 1
