"""A database that does not answer while mails are rendered is nobody's own trouble: no mail is held for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import delete, text
from stage import PLAIN_COURSE, Stage, set_up

from drip.engine.claim import claim_due
from drip.engine.lane import run_lane
from drip.engine.mark import Tally
from drip.engine.parcel import Parcel
from drip.errors import StoreError
from drip.store.ledger import Phase
from drip.store.tables import template

pytestmark = pytest.mark.usefixtures("each_database")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """One mail is due, and this worker has met no template yet."""
    stage = set_up(tmp_path)
    stage.publish(PLAIN_COURSE)
    stage.add("ada@customer.example")
    stage.enrol("ada@customer.example")
    stage.clock.turn(hours=2)
    return stage


def sent(stage: Stage) -> Tally:
    groups: list[Sequence[Parcel]] = [claim_due(stage.sending, now=stage.clock()).parcels]
    return run_lane(stage.sending, lambda: groups.pop() if groups else (), lambda: False)


def change(stage: Stage, statement: str) -> None:
    with stage.store.write() as conn:
        conn.execute(text(statement))


def test_a_database_that_does_not_answer_holds_no_mail(stage: Stage) -> None:
    """The mail stays claimed, and goes when its lease has ended, as after a kill."""
    change(stage, "ALTER TABLE template RENAME TO elsewhere")
    with pytest.raises(StoreError, match=r"no tables|does not work"):
        sent(stage)
    change(stage, "ALTER TABLE elsewhere RENAME TO template")
    (row,) = stage.rows()
    assert row.state is Phase.CLAIMED


def test_a_template_that_is_lost_holds_its_own_mail(stage: Stage) -> None:
    """A person sees which."""
    with stage.store.write() as conn:
        conn.execute(delete(template))
    assert sent(stage) == Tally(held=1)
    (row,) = stage.rows()
    assert row.state is Phase.HELD
    assert "the database has no template" in row.answer
