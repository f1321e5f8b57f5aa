"""Forgetting what is old enough: at night, in small pieces, whoever is killed in between; reports say the same."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from erased import ADDRESS, AGENT, FREE_TEXT, files_of, found_in, lived, report
from sqlalchemy import insert, select
from stage import KEY, Stage, open_store

from drip.engine import retention
from drip.engine.erase import erase
from drip.engine.learners import show
from drip.engine.retention import Forgotten, Retention, forget_old, night_of, tonight, would_forget
from drip.errors import SettingsError
from drip.runners.nightly import forgetting
from drip.settings import load
from drip.store.tables import chore, evidence, idempotency, request
from drip.store.wiping import is_to_be_compacted

KEEP = Retention()
#: Longer than user agents are kept, and shorter than evidence is.
WEEKS = timedelta(days=40)
YEARS = timedelta(days=800)


@pytest.fixture
def stage(tmp_path: Path, each_database: str) -> Stage:
    """Åsa has done everything that there is."""
    stage = lived(tmp_path)
    with stage.store.write() as conn:
        conn.execute(request.delete())
        conn.execute(idempotency.delete())
    return stage


def rows(stage: Stage) -> list[dict[str, object]]:
    with stage.store.read() as conn:
        return [dict(row) for row in conn.execute(select(evidence).order_by(evidence.c.id)).mappings()]


def test_user_agents_go_and_reports_stay(stage: Stage) -> None:
    """After a month nobody's browser is known any more; who did what, and every number of the report, is as before."""
    before, shown = report(stage), show(stage.store, ADDRESS)["evidence"]
    assert AGENT in {row["user_agent"] for row in rows(stage)}
    now = stage.clock() + WEEKS
    told = would_forget(stage.store, KEEP, now=now)
    done = forget_old(stage.store, KEEP, now=now)
    assert done.user_agents == told.user_agents == 4
    assert {row["user_agent"] for row in rows(stage)} == {""} == {row["network"] for row in rows(stage)}
    assert FREE_TEXT in str(rows(stage))
    assert report(stage) == before
    assert show(stage.store, ADDRESS)["evidence"] == shown


def test_raw_data_goes_later(stage: Stage) -> None:
    """After the evidence's own time free text goes too; answers keep what is counted, and what a condition asks for."""
    before = report(stage)
    done = forget_old(stage.store, KEEP, now=stage.clock() + YEARS)
    assert done.evidence == 1
    assert FREE_TEXT not in str(rows(stage))
    (event,) = (row for row in rows(stage) if row["kind"] == "event")
    assert (event["item"], event["data"]) == ("called", {})
    (answer,) = (row for row in rows(stage) if row["kind"] == "answer")
    assert answer["data"] == {"option": 0, "correct": True, "sure": "certain"}
    assert report(stage) == before
    assert done.fresh_links == 1


def test_twice(stage: Stage) -> None:
    """The second time there is nothing to do, and nothing changes."""
    forget_old(stage.store, KEEP, now=stage.clock() + YEARS)
    once = rows(stage)
    assert forget_old(stage.store, KEEP, now=stage.clock() + YEARS) == Forgotten()
    assert rows(stage) == once


def test_what_is_young_stays(stage: Stage) -> None:
    """What is not old enough is left alone, and so is everything where it is kept for ever."""
    once = rows(stage)
    assert forget_old(stage.store, KEEP, now=stage.clock()) == Forgotten()
    for_ever = Retention(user_agents=None, evidence=None, webhooks=None, fresh_links=None)
    assert forget_old(stage.store, for_ever, now=stage.clock() + YEARS) == Forgotten()
    assert rows(stage) == once


def many(stage: Stage, number: int, *, at: datetime) -> None:
    """So many clicks on one mail, a minute apart."""
    with stage.store.write() as conn:
        click = next(row for row in rows(stage) if row["kind"] == "click")
        new = [
            {
                **click,
                "id": None,
                "source_id": f"click/{n}/{at}",
                "at": at + timedelta(minutes=n),
                "judged": "",
                "user_agent": AGENT,
            }
            for n in range(number)
        ]
        for one in new:
            one.pop("id")
        conn.execute(insert(evidence), new)


def test_in_pieces(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever stops in the middle has done what they have done; the next goes on, and looks at no more than it must."""
    monkeypatch.setattr(retention, "AT_A_TIME", 10)
    many(stage, 35, at=stage.clock())
    many(stage, 5, at=stage.clock() + WEEKS)
    now, asked = stage.clock() + WEEKS, iter([False, False, True])
    first = forget_old(stage.store, KEEP, now=now, stop=lambda: next(asked, True))
    assert 0 < first.user_agents < 39
    second = forget_old(open_store(stage.folder), KEEP, now=now)
    assert first.user_agents + second.user_agents == 39
    assert [row["user_agent"] for row in rows(stage) if row["user_agent"]] == [AGENT] * 5
    many(stage, 3, at=stage.clock() - timedelta(days=1))  # dated back
    assert forget_old(stage.store, KEEP, now=now).user_agents == 3


def test_a_night_is_one_workers(stage: Stage) -> None:
    """One worker does the night; another finds it done, or goes on where the first is gone."""
    clock = lambda: stage.clock() + WEEKS  # noqa: E731  (a clock)
    night = night_of(clock(), KEEP, ZoneInfo("UTC"))
    assert not tonight(stage.store, KEEP, night, "first", clock=clock, stop=lambda: True)  # killed at once
    assert AGENT in str(rows(stage))
    assert not tonight(stage.store, KEEP, night, "second", clock=clock, stop=lambda: False)  # it may still be at it
    stage.clock.turn(minutes=11)
    assert tonight(stage.store, KEEP, night, "second", clock=clock, stop=lambda: False)
    assert AGENT not in str(rows(stage))
    with stage.store.read() as conn:
        once = conn.execute(select(chore)).all()
    assert tonight(stage.store, KEEP, night, "third", clock=clock, stop=lambda: False)
    with stage.store.read() as conn:
        assert conn.execute(select(chore)).all() == once


def test_it_runs_by_itself(stage: Stage) -> None:
    """Beside `run` a night that was missed is made up for; then nothing is asked of the database until the next."""
    with forgetting(stage.store, KEEP, "worker-1", "Europe/Stockholm", clock=lambda: stage.clock() + WEEKS, every=0.01):
        for _ in range(2000):
            if AGENT not in str(rows(stage)):
                break
        else:
            pytest.fail("the night's work was not done")


def test_a_mistake_ends_no_nights(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever went wrong is logged, and the next look tries again."""
    stage = lived(tmp_path)
    looked: list[datetime] = []

    def clock() -> datetime:
        looked.append(stage.clock())
        if len(looked) == 1:
            raise LookupError("a mistake of ours")
        return stage.clock() + WEEKS

    with forgetting(stage.store, KEEP, "worker-1", "Europe/Stockholm", clock=clock, every=0.01):
        for _ in range(2000):
            if AGENT not in str(rows(stage)):
                break
        else:
            pytest.fail("the night's work was not done")
    assert "a mistake of ours" in caplog.text


@pytest.mark.parametrize(
    ("now", "night"),
    [
        ("2026-03-02T01:59:00+00:00", "2026-03-01"),
        ("2026-03-02T02:00:00+00:00", "2026-03-02"),
        ("2026-03-02T22:59:00+00:00", "2026-03-02"),
        ("2026-03-02T23:30:00+00:00", "2026-03-02"),
        ("2026-03-29T00:59:59+00:00", "2026-03-28"),
        ("2026-03-29T01:00:00+00:00", "2026-03-29"),
    ],
)
def test_whose_night_it_is(now: str, night: str) -> None:
    """The night begins at its hour where the workspace is: at three in Stockholm, also when the clock changes."""
    found = night_of(datetime.fromisoformat(now).astimezone(UTC), KEEP, ZoneInfo("Europe/Stockholm"))
    assert found.isoformat() == night


def test_an_erased_one_is_gone_by_morning(tmp_path: Path) -> None:
    """Who was erased by the API today is not in the file tomorrow: the night writes it anew."""
    stage = lived(tmp_path)
    erase(stage.store, ADDRESS, suppression_key=KEY, now=stage.clock())
    assert is_to_be_compacted(stage.store)
    assert tonight(stage.store, KEEP, stage.clock().date(), "w", clock=stage.clock, stop=lambda: False)
    assert not is_to_be_compacted(stage.store)
    assert found_in(files_of(stage)) == []


def test_what_may_be_set(tmp_path: Path) -> None:
    """Spans are days, weeks, years or for ever; what would take an undo's day away is refused."""
    told = 'keep_user_agents = "8 weeks"\nkeep_evidence = "2 years"\nkeep_webhooks = "for ever"\nat = "02:30"\n'
    (tmp_path / "drip.toml").write_text(f"[privacy]\n{told}", "utf-8")
    assert load(tmp_path, {}).retention == replace(
        KEEP, user_agents=timedelta(weeks=8), evidence=timedelta(days=730), webhooks=None, at=time(2, 30)
    )
    for wrong in (
        'keep_evidence = "1 day"',
        "keep_evidence = 400",
        'keep_evidence = "soon"',
        'keep_all = "2 days"',
        'at = "25:00"',
    ):
        (tmp_path / "drip.toml").write_text(f"[privacy]\n{wrong}\n", "utf-8")
        with pytest.raises(SettingsError):
            load(tmp_path, {})
