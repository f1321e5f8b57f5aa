"""An academy moves to another database: everything is there afterwards, people go on where they were, ids go on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlmodel import SQLModel
from stage import COURSE, KEY, OPENED, Stage, set_up

from drip.engine.claim import claim_due
from drip.engine.record import Recorder
from drip.errors import Refused, StoreError
from drip.store import Store
from drip.store.moving import copy_all


@pytest.fixture
def lived(tmp_path: Path) -> Stage:
    """On SQLite: two who have had mail, answered and left, and one who is still to begin."""
    stage = set_up(tmp_path)
    stage.publish(COURSE)
    stage.people(2, attributes={"plan": "pro", "seats": 3})
    stage.live(days=1)
    stage.recorder.answered(1, 0, "certain", stage.visit("a1", method="POST"))
    stage.recorder.left(2, stage.visit("u1", method="POST"))
    stage.add("late@customer.example")
    return stage


@pytest.fixture
def there(postgres_database: str) -> Iterator[Store]:
    store = Store(postgres_database)
    yield store
    store.close()


def everything(store: Store) -> dict[str, list[tuple[object, ...]]]:
    with store.read() as conn:
        tables = SQLModel.metadata.sorted_tables
        return {
            table.name: sorted((tuple(row) for row in conn.execute(select(table))), key=repr)  # no database's order
            for table in tables
        }


def test_everything_is_there_afterwards(lived: Stage, there: Store) -> None:
    """Each row of each table, value for value; and what there was is as it was."""
    before = everything(lived.store)
    copied = copy_all(lived.store, there)
    assert everything(there) == before == everything(lived.store)
    assert copied == {name: len(rows) for name, rows in before.items()}
    assert {name for name, number in copied.items() if number} >= {
        *("learner", "course", "plan", "template", "enrolment", "delivery", "evidence", "suppression")
    }


def test_people_go_on_where_they_were(lived: Stage, there: Store) -> None:
    """Nobody gets a mail again, who has left gets none, and new rows get new numbers."""
    copy_all(lived.store, there)
    moved = Stage(folder=lived.folder, store=there, sending=replace(lived.sending, store=there), clock=lived.clock)
    moved.recorder = Recorder(there, suppression_key=KEY)
    already = len(lived.mails())
    assert moved.live(days=5).sent == 3
    assert len(lived.mails()) == already + 3
    assert [row.learner_id for row in moved.rows()].count(2) == 1
    moved.add("new@customer.example")
    moved.enrol("new@customer.example", "late@customer.example")
    assert moved.live(days=2).sent >= 2


def test_nobody_may_be_sending(lived: Stage, there: Store) -> None:
    """While a worker has mails in hand nothing is copied, for they might go twice."""
    lived.enrol("late@customer.example")
    lived.clock.turn(hours=3)
    assert claim_due(lived.sending, now=lived.clock()).parcels
    with pytest.raises(Refused, match="under way"):
        copy_all(lived.store, there)
    assert not any(everything(there).values())


def test_what_is_there_is_not_mixed_with_what_comes(lived: Stage, there: Store) -> None:
    """A database that is in use is left alone; so is one without tables."""
    copy_all(lived.store, there)
    with pytest.raises(Refused, match="not empty"):
        copy_all(lived.store, there)
    OPENED.append(empty := Store(f"sqlite:///{lived.folder / 'empty.db'}"))
    with pytest.raises(StoreError, match="drip db upgrade"):
        copy_all(lived.store, empty)


def test_it_goes_back_as_well(lived: Stage, there: Store) -> None:
    """From PostgreSQL to SQLite, should somebody want that."""
    copy_all(lived.store, there)
    OPENED.append(back := Store(f"sqlite:///{lived.folder / 'back.db'}"))
    back.upgrade()
    copy_all(there, back)
    assert everything(back) == everything(lived.store)
