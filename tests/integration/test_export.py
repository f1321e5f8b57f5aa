"""Exporting a person: everything that erasing would take, in words that can be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from erased import ADDRESS, AGENT, ATTRIBUTE, FAMILY, FREE_TEXT, NAME, forget, lived
from stage import KEY

from drip.cli.output import plain
from drip.engine.export import ABOUT, export_learner
from drip.errors import NotFound


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
