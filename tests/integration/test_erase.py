"""Erasing a person: proven by searching the whole database for what was erased, and by what stays."""

from __future__ import annotations

import random
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from doors import door_app
from erased import (
    ADDRESS,
    ASA,
    COURSE,
    NAME,
    SECRETS,
    dump,
    files_of,
    forget,
    found_in,
    lived,
    mails_of,
    number_of,
    report,
    spelled,
)
from postgres import Server
from sqlalchemy import func, select
from sqlalchemy.engine import make_url
from stage import KEY, open_store, set_up

from drip.engine.erase import Erased, erase
from drip.engine.learners import add as add_learner
from drip.errors import NotFound, Refused, StoreError
from drip.store import Store, learners, ledger, requests, wiping
from drip.store.moving import copy_all
from drip.store.tables import delivery, enrolment, former, learner, request
from drip.store.wiping import compact, is_to_be_compacted, wipe
from drip.track.token import Purpose, sign
from drip.web.serve import running


def test_nothing_is_left_in_the_file(tmp_path: Path) -> None:
    """After erasing, the database file, its write-ahead log and its index hold nothing of her, however spelled."""
    stage = lived(tmp_path)
    before = found_in(files_of(stage))
    for words in SECRETS:
        assert set(spelled(words)) & set(before), words
    forget(stage)
    assert compact(stage.store)
    assert found_in(files_of(stage)) == []


def test_a_file_that_cannot_be_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another program writes for too long it is the database's trouble, in words, and remains to be done."""
    stage = lived(tmp_path)
    forget(stage)
    monkeypatch.setattr(wiping, "BUSY_FOR_SECONDS", 0.1)
    other = sqlite3.connect(tmp_path / "drip.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="was busy"):
        compact(stage.store)
    other.close()
    assert is_to_be_compacted(stage.store)
    assert compact(stage.store)


def test_nothing_is_left_in_the_tables(tmp_path: Path, each_database: str) -> None:
    """On either database no row of any table holds anything of her."""
    stage = lived(tmp_path)
    assert ADDRESS in dump(stage)
    told = forget(stage)
    assert found_in(dump(stage).encode()) == []
    assert (told.learners, told.enrolments, told.ended, told.consents, told.requests) == (1, 1, 1, 1, 3)
    assert (told.fresh_links, told.webhooks) == (1, 1)
    assert told.evidence >= 4
    assert told.mails == 3


def test_a_report_says_the_same(tmp_path: Path, each_database: str) -> None:
    """Every number of a report stays: who was still on the way has left, and no other number moves."""
    stage = lived(tmp_path)
    stage.live(days=3)
    before = report(stage)
    assert before["finished"] == 3
    forget(stage)
    assert report(stage) == before


def test_who_was_on_the_way_has_left(tmp_path: Path) -> None:
    """Somebody who is erased before the last mail is counted as left, and what was sent and done stays."""
    stage = lived(tmp_path)
    before = report(stage)
    forget(stage)
    after = report(stage)
    assert (before["active"], before["left"]) == (3, 0)
    assert (after["active"], after["left"]) == (2, 1)
    same = set(before) - {"active", "left"}
    assert {key: after[key] for key in same} == {key: before[key] for key in same}


def test_twice(tmp_path: Path) -> None:
    """The second time there is nobody: it says so, and changes nothing."""
    stage = lived(tmp_path)
    forget(stage)
    once = dump(stage)
    with pytest.raises(NotFound, match="nobody has the address"):
        forget(stage)
    assert dump(stage) == once


def test_another_spelling(tmp_path: Path) -> None:
    """An address in other capitals, with spaces around, is the same; what is none is refused; a slip is told."""
    stage = lived(tmp_path)
    assert forget(stage, f"  {ADDRESS.upper()} ").learners == 1
    with pytest.raises(Refused):
        forget(stage, "no address")
    with pytest.raises(NotFound, match=r"did you mean before@customer\.example"):
        forget(stage, "befor@customer.example")


def test_what_was_only_asked_for(tmp_path: Path) -> None:
    """Somebody who has only asked for a course by the form is no learner, and is erased as well."""
    stage = lived(tmp_path)
    forget(stage)
    with stage.store.write() as conn:
        for state in ("waiting", "asking"):
            values = {
                "nonce": state, "asked_at": stage.clock(), "course_id": "course", "email": ASA, "text": "Ja",
                "address_hash": learners.suppression_hash(KEY, ADDRESS), "first_name": NAME, "language": "sv",
                "text_version": "v1", "source": "form", "state": state, "due_at": stage.clock(),
            }  # fmt: skip
            assert requests.add(conn, values)
    assert forget(stage) == Erased(email=ADDRESS, requests=2)
    with stage.store.read() as conn:
        (left,) = conn.execute(
            select(request).where(request.c.nonce.startswith("erased/"), request.c.email == "")
        ).all()[-1:]
    assert left.due_at is None
    with stage.store.write() as conn:  # what its worker writes afterwards
        requests.write(conn, left.id, state="asked", due_at=None, answer=f"250 <{ASA}> queued")
    assert found_in(dump(stage).encode()) == []


def test_claimed_and_handed(tmp_path: Path, each_database: str) -> None:
    """What is claimed is stopped; what is handed counts as sent, and what its worker says of it changes nothing."""
    stage = lived(tmp_path)
    rows = mails_of(stage, ADDRESS)
    with stage.store.write() as conn:
        held = {"leased_by": "worker-1", "lease_until": 9e12, "sent_at": None}
        conn.execute(delivery.update().where(delivery.c.id == rows[0]).values(state="claimed", **held))
        conn.execute(
            delivery.update().where(delivery.c.id == rows[1]).values(state="handed", handed_at=stage.clock(), **held)
        )
    told = forget(stage)
    assert (told.cancelled, told.on_their_way) == (1, 1)
    once = dump(stage)
    with stage.store.write() as conn:
        lease = ledger.Lease(worker="worker-1", now=0.0, lasts_for=60.0)
        assert ledger.hand(conn, lease, rows[:2], now=stage.clock()) == set()
        assert ledger.mark_sent(conn, dict.fromkeys(rows[:2], f"250 <{ASA}> queued"), now=stage.clock()) == set()
        ledger.put_back(conn, "worker-1", rows[1], due_at=stage.clock(), answer=f"450 <{ASA}>")
        ledger.fail(conn, "worker-1", rows[1], answer=f"550 <{ASA}>")
    assert dump(stage) == once
    stage.live(days=5)
    assert found_in(dump(stage).encode()) == []


def test_while_a_worker_has_the_mail(tmp_path: Path) -> None:
    """Erased while the mail server answers: the worker's words find nobody, and nobody else's mail is touched."""

    class Erasing:
        """The way out, during which she is erased."""

        def __init__(self, inner: Any) -> None:
            self.inner = inner

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

        def send(self, messages: Any) -> Any:
            if stage.store is not None and number:
                erase(open_store(stage.folder), ADDRESS, suppression_key=KEY, now=stage.clock())
                number.clear()
            return self.inner.send(messages)

    stage = set_up(tmp_path)
    number: list[int] = []
    stage.publish(COURSE)
    stage.add("before@customer.example", first_name="Bo")
    add_learner(stage.store, ASA, now=stage.clock(), first_name=NAME)
    stage.enrol("before@customer.example", ADDRESS)
    stage.live(days=0.5)
    stage.sending = replace(stage.sending, transport=Erasing(stage.sending.transport))
    number.append(1)
    stage.live(days=5)
    assert not number
    assert found_in(dump(stage).encode(), (ASA, ADDRESS, NAME)) == []
    assert [row.state for row in stage.rows() if row.learner_id is None] == ["sent", "sent"]
    assert stage.standing("before@customer.example").enrolment.state == "finished"


def test_a_number_is_nobody_elses(tmp_path: Path) -> None:
    """Who comes after her gets no number of hers: not the learner's, not the enrolment's, not a mail's."""
    stage = lived(tmp_path)
    hers = number_of(stage, ADDRESS), stage.standing(ADDRESS).enrolment.id, set(mails_of(stage, ADDRESS))
    forget(stage)
    stage.add("new@customer.example", "newer@customer.example")
    stage.enrol("new@customer.example", "newer@customer.example")
    stage.live(days=2)
    assert number_of(stage, "new@customer.example") > hers[0]
    assert number_of(stage, "newer@customer.example") == number_of(stage, "new@customer.example") + 1
    assert stage.standing("new@customer.example").enrolment.id > hers[1]
    assert not hers[2] & set(mails_of(stage, "new@customer.example"))


def test_a_number_is_nobody_elses_after_moving(tmp_path: Path, postgres_database: str) -> None:
    """The last learner of a SQLite database is erased, and all moves to PostgreSQL: the next gets another number."""
    stage = lived(tmp_path)
    hers = number_of(stage, ADDRESS)
    forget(stage)
    with stage.store.write() as conn:
        conn.execute(delivery.update().values(leased_by=None))
    moved = Store(postgres_database)
    copy_all(stage.store, moved)
    add_learner(moved, "new@customer.example", now=stage.clock())
    with moved.read() as conn:
        assert learners.by_addresses(conn, ["new@customer.example"])["new@customer.example"].id > hers
    moved.close()


def test_she_may_come_back(tmp_path: Path) -> None:
    """The same address imported again is a new learner, who is enrolled and mailed; a suppression of before holds."""
    stage = lived(tmp_path)
    mail = mails_of(stage, ADDRESS)[0]
    stage.recorder.left(mail, stage.visit("leave-1", method="POST"))
    forget(stage)
    add_learner(stage.store, ASA, now=stage.clock(), first_name=NAME)
    assert stage.enrol(ADDRESS).refused


LINKS = {
    "a": Purpose.ANSWER, "u": Purpose.UNSUBSCRIBE, "c": Purpose.CLICK, "my": Purpose.COURSE, "v": Purpose.VIEW,
}  # fmt: skip


def test_links_of_before(tmp_path: Path, each_database: str) -> None:
    """Every link of her mails says that it is gone, without a name; those for leaving go on working."""
    stage = lived(tmp_path)
    ring, mail = stage.sending.ring, mails_of(stage, ADDRESS)[0]
    forget(stage)
    with running(door_app(stage)) as url, httpx.Client(base_url=url, timeout=60) as client:
        for path, purpose in LINKS.items():
            answer = client.get(f"/{path}/{sign(ring, purpose, mail)}")
            assert answer.status_code == (200 if path == "u" else 404), path
            assert "<html" in answer.text
            assert found_in(answer.content) == []
            assert "before@customer.example" not in answer.text
        pixel = client.get(f"/o/{sign(ring, Purpose.OPEN, mail)}.gif")
        assert pixel.headers["content-type"] == "image/gif"
        assert dump(stage).count("erased/") == dump(stage).count("'erased'") > 0
        left = client.post(f"/u/{sign(ring, Purpose.UNSUBSCRIBE, mail)}", data={"List-Unsubscribe": "One-Click"})
        assert left.status_code == 200
    with stage.store.read() as conn:
        assert conn.execute(select(func.count()).select_from(former)).scalar_one() == 3


def test_many_in_any_order(tmp_path: Path) -> None:
    """A hundred people with long names, changed and erased in any order: nothing of any is left in the file."""
    stage = set_up(tmp_path)
    stage.publish(COURSE)
    lots = random.Random(8)
    people = [f"person-{n:04}@customer.example" for n in range(400)]
    for email in people:
        stage.add(email, first_name=f"Förnamn-{email}", attributes={"about": f"{email} " * lots.randint(1, 60)})
    stage.enrol(*people)
    stage.live(days=1)
    for email in lots.sample(people, 200):  # what an import does
        add_learner(stage.store, email, now=stage.clock(), attributes={"about": f"{email} " * lots.randint(1, 60)})
    stage.live(days=1)
    gone = lots.sample(people, 150)
    for email in gone:
        erase(stage.store, email, suppression_key=KEY, now=stage.clock())
    assert is_to_be_compacted(stage.store)
    assert compact(stage.store)
    assert not is_to_be_compacted(stage.store)
    data = files_of(stage)
    assert [email for email in gone if email.encode() in data] == []
    assert all(email.encode() in data for email in set(people) - set(gone))


def test_somebody_reads_meanwhile(tmp_path: Path) -> None:
    """Where another process holds an old picture, the log cannot be emptied: that is said, and done the next time."""
    stage = lived(tmp_path)
    reader = sqlite3.connect(tmp_path / "drip.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM learner").fetchone()
    forget(stage)
    assert not wipe(stage.store, patience=0.1)
    assert found_in(files_of(stage)) != []
    reader.execute("COMMIT")
    reader.close()
    assert wipe(stage.store)
    assert found_in(files_of(stage)) == []


@pytest.mark.usefixtures("each_database")
@pytest.mark.parametrize("each_database", ["postgresql"], indirect=True)
def test_nothing_is_left_on_disk_after_vacuum(tmp_path: Path, postgres_server: Server) -> None:
    """On PostgreSQL her bytes stay in old versions of rows until the tables are rewritten, as the docs say."""
    stage = lived(tmp_path)
    forget(stage)
    name = make_url(stage.store.engine.url).database
    with postgres_server.connect(str(name)) as conn:
        conn.execute("VACUUM FULL")
        conn.execute("CHECKPOINT")
        row = conn.execute("SELECT oid FROM pg_database WHERE datname = %s", [name]).fetchone()
    assert row is not None
    files = [path for path in postgres_server.folder.rglob(f"base/{row[0]}/*") if path.is_file()]
    assert len(files) > 100
    data = b"".join(path.read_bytes() for path in files)
    assert b"before@customer.example" in data
    assert found_in(data) == []


def test_all_or_nothing(tmp_path: Path) -> None:
    """Erasing is one transaction: one that fails in the middle has erased nothing."""
    stage = lived(tmp_path)
    before = dump(stage)
    with stage.store.write() as conn:
        conn.exec_driver_sql("CREATE TRIGGER fails BEFORE DELETE ON learner BEGIN SELECT RAISE(ABORT, 'no'); END")
    with pytest.raises(Exception, match="no"):
        forget(stage)
    assert dump(stage) == before


def test_nothing_points_anywhere(tmp_path: Path) -> None:
    """The file is sound afterwards: no reference leads to a row that is not there."""
    stage = lived(tmp_path)
    forget(stage)
    with stage.store.read() as conn:
        assert conn.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        assert conn.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
        assert conn.execute(select(func.count()).select_from(learner)).scalar_one() == 2
        assert conn.execute(select(func.count()).where(enrolment.c.learner_id.is_(None))).scalar_one() == 1
