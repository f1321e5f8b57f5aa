"""Each cell of the edit table, said by diff and then lived through the engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from edit_table import TABLE, Cell, Row
from stage import Clock, Stage, set_up

from drip.engine.diff import diff
from drip.errors import Refused
from drip.store import traces

ADA = "ada@customer.example"
STOCKHOLM = ZoneInfo("Europe/Stockholm")
EDITED_AT = datetime(2026, 3, 4, 12, tzinfo=UTC)
CELLS = [
    pytest.param(row, where, cell, id=f"{row.edit}-{where}")
    for row in TABLE
    for where, cell in (("before", row.before), ("waiting at", row.waiting), ("past", row.past))
]


@pytest.mark.parametrize(("row", "where", "cell"), CELLS)
def test_an_edit_does_what_the_table_says(row: Row, where: str, cell: Cell, tmp_path: Path) -> None:
    """One person who stands there: diff says the verdict, publish does it, and they get just these mails then."""
    stage = lived(tmp_path, row, cell)
    options = {"extend": False, "allow_repeat": (), **row.options}
    found = diff(stage.store, stage.compiled(row.after).plan, **options)
    told = {(str(e.where), str(e.verdict)) for e in found.impact.effects if e.edit.step == row.step}
    if row.step == "" and where != "past":
        where = "in it"
    assert (cell.where or where, cell.verdict) in told, found.impact.effects
    assert all(effect.people == 1 for effect in found.impact.effects)
    if cell.mails == "refused":
        with pytest.raises(Refused):
            stage.publish(row.after, **options)
        assert found.impact.refusals
        return
    stage.publish(row.after, **options)
    stage.live(days=9)
    assert happened(stage, since=EDITED_AT) == cell.mails
    assert [r.revision == found.before for r in stage.rows() if r.sent_at and r.sent_at < EDITED_AT] == [
        True for _ in cell.had.split()
    ]


def lived(folder: Path, row: Row, cell: Cell) -> Stage:
    """A stage on which Ada has lived to the time of the edit, and has had just what the cell says."""
    text = cell.enrolled if "-" in cell.enrolled else f"2026-03-{cell.enrolled}"
    begin = datetime.fromisoformat(f"{text}:00").replace(tzinfo=STOCKHOLM).astimezone(UTC)
    stage = set_up(folder, clock=Clock(begin))
    stage.publish(row.base)
    stage.add(ADA, attributes={"plan": "pro"})
    stage.enrol(ADA)
    stage.live(days=(EDITED_AT - begin) / timedelta(days=1))
    assert [row.step for row in stage.rows()] == cell.had.split()
    return stage


def happened(stage: Stage, *, since: datetime) -> str:
    """`b@5.09 c@6.09`: the mails since then, and webhooks, in order."""
    told = [
        (row.sent_at, f"{row.step}@{row.sent_at.astimezone(STOCKHOLM):%-d.%H}")
        for row in stage.rows()
        if row.sent_at is not None and row.sent_at > since
    ]
    with stage.store.read() as conn:
        trace = traces.of(conn, stage.standing(ADA).enrolment.id)
    told += [(at, kind) for at, kind, _, _ in trace if kind == "notify"]
    return " ".join(text for _, text in sorted(told))
