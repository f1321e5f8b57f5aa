"""Exporting a person: everything that erasing would take, in words that can be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from erased import ADDRESS, AGENT, ATTRIBUTE, COURSE, FAMILY, FREE_TEXT, NAME, forget, lived
from sqlalchemy import insert, select
from stage import KEY, set_up

from drip.cli.output import plain
from drip.engine.export import ABOUT, export_learner
from drip.errors import NotFound
from drip.store.tables import api_token, idempotency, outbox


def test_everything_is_told(tmp_path: Path, each_database: str) -> None:
    """All that is kept of her stands in it, every part with what it is, and nothing of anybody else."""
    stage = lived(tmp_path)
    told = export_learner(stage.store, f" {ADDRESS.upper()}", suppression_key=KEY)
    text = json.dumps(plain(told), ensure_ascii=False)
    for words in (ADDRESS, NAME, FAMILY, ATTRIBUTE, AGENT, FREE_TEXT, "250 <", "crm.under_way"):
        assert words in text, words
    for others in ("before@customer.example", "after@customer.example"):
        assert others not in text
    assert set(told) == {"address", "about", "words", *ABOUT}
    assert {part: len(told[part]) for part in ("learner", "enrolments", "mails", "consents", "requests")} == {
        "learner": 1, "enrolments": 1, "mails": 3, "consents": 1, "requests": 3,
    }  # fmt: skip
    assert told["consents"][0]["text_version"] == "v1"
    assert [row["by"] for row in told["evidence"] if row["kind"] == "answer"] == ["human"]


def test_every_word_is_plain(tmp_path: Path) -> None:
    """It is JSON, and times have their offset."""
    stage = lived(tmp_path)
    told = json.loads(json.dumps(plain(export_learner(stage.store, ADDRESS, suppression_key=KEY))))
    assert told["mails"][0]["sent_at"].endswith("+00:00")


def test_whom_nobody_knows(tmp_path: Path) -> None:
    """A stranger, or somebody since erased, has nothing to export; a slip is told."""
    stage = lived(tmp_path)
    forget(stage)
    with pytest.raises(NotFound, match="nobody has the address"):
        export_learner(stage.store, ADDRESS, suppression_key=KEY)
    with pytest.raises(NotFound, match="did you mean"):
        export_learner(stage.store, "befor@customer.example", suppression_key=KEY)


def test_the_same_as_erasing(tmp_path: Path) -> None:
    """What is exported is what is erased: row for row."""
    stage = lived(tmp_path)
    told = export_learner(stage.store, ADDRESS, suppression_key=KEY)
    gone = forget(stage)
    rows = {
        "learner": gone.learners, "enrolments": gone.enrolments, "mails": gone.mails, "consents": gone.consents,
        "way": gone.trace, "dates": gone.entries, "fresh_links": gone.fresh_links, "requests": gone.requests,
        "webhooks": gone.webhooks, "evidence": gone.evidence,
    }  # fmt: skip
    assert {part: len(told[part]) for part in rows} == rows


def test_neighbours_are_somebody_else(tmp_path: Path, each_database: str) -> None:
    """What names jum.bo@, or bo@ in a longer domain, is neither told to bo@ nor taken away with them."""
    stage = set_up(tmp_path)
    stage.publish(COURSE)
    stage.add("bo@customer.example", "jum.bo@customer.example")
    others = ("jumbo@customer.example", "jum.bo@customer.example", "bo@customer.example.org", "bo@customer.example2")
    mine = ("Bo@customer.example", "\nbo@customer.example.", "mail (bo@customer.example)", "…bo@customer.example")
    with stage.store.write() as conn:
        now = stage.clock()
        conn.execute(insert(api_token).values(id=1, name="crm", token_hash="x", scopes=[], created_at=now))
        for number, words in enumerate((*mine, *others)):
            said = {"key": str(number), "token_id": 1, "fingerprint": "f", "status": 200, "made_at": now}
            conn.execute(insert(idempotency).values(body=json.dumps({"note": words}, ensure_ascii=False), **said))
            told = {"key": str(number), "name": "x", "payload": {"note": words}, "created_at": now}
            conn.execute(insert(outbox).values(**told))
    told = export_learner(stage.store, "bo@customer.example", suppression_key=KEY)
    assert [json.loads(row["body"])["note"] for row in told["api_answers"]] == list(mine)
    assert [row["payload"]["note"] for row in told["webhooks"]] == list(mine)
    done = forget(stage, "bo@customer.example")
    assert (done.api_answers, done.webhooks) == (len(mine), len(mine))
    with stage.store.read() as conn:
        left = conn.execute(select(idempotency.c.body).where(idempotency.c.body.is_not(None))).scalars()
        assert [json.loads(body)["note"] for body in left] == list(others)
        assert [row["note"] for row in conn.execute(select(outbox.c.payload)).scalars()] == list(others)
