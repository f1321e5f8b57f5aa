"""Every column of every table, and what erasing a learner does to it: a new one fails here until somebody decides."""

from __future__ import annotations

from pathlib import Path

import pytest
from erased import ADDRESS, forget, lived, number_of, spelled
from sqlalchemy import select
from sqlmodel import SQLModel
from stage import KEY

from drip.store import learners
from drip.store.tables import former

#: Rows about a learner are removed with all that is in them.
GONE = ("learner", "consent", "entry", "trace", "request", "outbox")
#: Rows that know nobody: what the operator, the marketer or the machine has written.
NOT_THEIRS = {
    "course": "id title revision published_at paused_at priority starts_by_event starts_by_date catching_up repeats",
    "plan": "revision course_id body created_at renames",
    "template": "revision step language variant subject html text links",
    "media": "name content added_at",
    "worker": "name host process transport started_at seen_at stopped_at",
    "pace": "way domain body",  # a recipient's domain, and how much has gone there
    "pin": "name value",
    "api_token": "id name token_hash scopes created_at expires_at revoked_at last_used_at",
    "chore": "name night worker seen_at done_up_to",
}
#: Rows that stay. `kept`: counted, or needed so that a number is nobody else's; it says nothing of a person.
#: `blank`: what it said of a person is blanked. `hashed`: stands for the address, under our key.
STAY = {
    "enrolment": {
        "kept": "id course_id run revision state enrolled_at reached_at last_mail_at ended_by held_out",
        "blank": "learner_id next_step target due_at due_reason floor_at waited problem held_since held_for paused_by "
        "review_due_at paused_until wish hurried_at",
    },
    "delivery": {
        "kept": "id enrolment_id step occurrence state revision language variant attempts riders claimed_at handed_at "
        "sent_at",
        "blank": "learner_id due_at not_before leased_by lease_until answer",
    },
    "evidence": {
        "kept": "id kind at enrolment_id delivery_id step item judged data source source_id",  # see the tests below
        "blank": "learner_id method user_agent network",
    },
    "fresh_link": {"kept": "id delivery_id asked_at attempts", "blank": "learner_id due_at answer"},
    "former": {"kept": "delivery_id", "hashed": "address_hash"},
    "suppression": {"kept": "reason at source expires_at left_at", "hashed": "address_hash"},
    "idempotency": {"kept": "token_id key fingerprint status made_at", "blank": "body"},  # of answers that name her
    "webhook": {
        "kept": "id name url events created_at paused_at failures trouble_since quiet_until",
        "blank": "trouble paused_why",
    },
    "breaker": {"kept": "transport since until trips", "blank": "trouble"},
}


def test_every_column_is_decided() -> None:
    """Whoever adds a table or a column says here what erasing does to it."""
    decided = {name: set(columns.split()) for name, columns in NOT_THEIRS.items()}
    decided |= {name: {one for said in how.values() for one in said.split()} for name, how in STAY.items()}
    tables = SQLModel.metadata.tables
    assert set(tables) == {*decided, *GONE}
    for name, columns in decided.items():
        assert {column.name for column in tables[name].columns} == columns, name


@pytest.mark.parametrize("name", [*GONE, *STAY])
def test_it_is_so(name: str, tmp_path: Path) -> None:
    """Rows that are to go have gone, what is to be blank is blank, and only her rows have changed."""
    stage = lived(tmp_path)
    table = SQLModel.metadata.tables[name]
    with stage.store.read() as conn:
        before = conn.execute(select(table)).mappings().all()
    id_ = number_of(stage, ADDRESS)
    forget(stage)
    with stage.store.read() as conn:
        after = conn.execute(select(table)).mappings().all()
    if name in GONE:
        assert not any(spelling.decode("utf-8", "replace") in str(after) for spelling in spelled(ADDRESS))
        assert name == "entry" or name == "outbox" or len(after) < len(before)
    elif name == "idempotency":
        assert [row["body"] for row in after] == [None, before[1]["body"]]
    elif "learner_id" in table.columns:
        assert all(row["learner_id"] != id_ for row in after)
        hers = [row for row in after if row["learner_id"] is None]
        assert hers
        for column in STAY[name]["blank"].split():
            assert {row[column] or None for row in hers} == {None}, column
        others = [dict(row) for row in before if row["learner_id"] != id_]
        assert [dict(row) for row in after if row["learner_id"] is not None] == others


def test_evidence_says_nothing_of_her(tmp_path: Path) -> None:
    """Of her evidence stays what happened, when, to which mail, who did it, and the numbers of an answer."""
    stage = lived(tmp_path)
    forget(stage)
    evidence = SQLModel.metadata.tables["evidence"]
    with stage.store.read() as conn:
        rows = conn.execute(select(evidence).where(evidence.c.learner_id.is_(None))).mappings().all()
    assert {row["source"] for row in rows} == {"erased"}
    assert {row["source_id"] for row in rows} == {f"erased/{row['id']}" for row in rows}
    by = {row["kind"]: row["judged"] for row in rows}
    assert (by["answer"], by["click"]) == ("human form", "human")
    data = {row["kind"]: row["data"] for row in rows if row["data"]}
    assert data == {"answer": {"option": 0, "correct": True, "sure": "certain"}}


def test_what_her_links_still_need(tmp_path: Path) -> None:
    """`former` knows each of her mails, by a hash that tells nobody's address without the key."""
    stage = lived(tmp_path)
    forget(stage)
    with stage.store.read() as conn:
        rows = conn.execute(select(former)).all()
    assert {row.address_hash for row in rows} == {learners.suppression_hash(KEY, ADDRESS)}
