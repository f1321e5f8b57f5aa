"""The suppression list as a person keeps it, and what weighs more on it."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta
from itertools import permutations
from pathlib import Path

import pytest
from stage import KEY, PLAIN_COURSE, START, Stage, send_group, set_up

from drip.engine import suppression_list
from drip.engine.claim import claim_due
from drip.errors import ImportRefused, NotFound, Refused
from drip.people import State
from drip.store import learners, returns, suppression
from drip.store.ledger import Phase
from drip.store.suppression import Entry

ADA, BO = "ada@customer.example", "bo@customer.example"
#: An address that a spreadsheet takes for a formula.
FORMULA = "=cmd|calc@customer.example"
LATER = START + timedelta(days=90)
NEVER: datetime | None = None
pytestmark = pytest.mark.usefixtures("each_database")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = set_up(tmp_path)
    stage.publish(PLAIN_COURSE)
    stage.add(ADA, BO)
    return stage


def put(stage: Stage, reason: str, expires_at: datetime | None = NEVER, email: str = ADA) -> None:
    with stage.store.write() as conn:
        key = learners.suppression_hash(KEY, email)
        suppression.suppress(conn, key, reason=reason, now=stage.clock(), expires_at=expires_at)


def entry(stage: Stage, email: str = ADA) -> Entry | None:
    with stage.store.read() as conn:
        key = learners.suppression_hash(KEY, email)
        return suppression.entries_of(conn, [key], now=stage.clock()).get(key)


def standing(stage: Stage) -> tuple[str, datetime | None]:
    found = entry(stage)
    assert found is not None
    return found.reason, found.expires_at


def lift(stage: Stage, since: datetime | None = None) -> bool:
    with stage.store.write() as conn:
        return returns.lift(conn, learners.suppression_hash(KEY, ADA), reason="unsubscribed", since=since)


@pytest.mark.parametrize(
    ("first", "then", "stands"),
    [
        (("unsubscribed", NEVER), ("bounced", NEVER), ("bounced", NEVER)),
        (("bounced", NEVER), ("unsubscribed", NEVER), ("bounced", NEVER)),
        (("bounced", NEVER), ("by hand", NEVER), ("bounced", NEVER)),
        (("bounced", NEVER), ("complained", NEVER), ("complained", NEVER)),
        (("complained", NEVER), ("bounced", NEVER), ("complained", NEVER)),
        (("unsubscribed", NEVER), ("complained", NEVER), ("complained", NEVER)),
        (("unsubscribed", NEVER), ("soft-bounces", LATER), ("unsubscribed", NEVER)),
        (("bounced", NEVER), ("soft-bounces", LATER), ("bounced", NEVER)),
        (("soft-bounces", LATER), ("unsubscribed", NEVER), ("unsubscribed", NEVER)),
        (("soft-bounces", LATER), ("bounced", NEVER), ("bounced", NEVER)),
        (("soft-bounces", LATER), ("by hand", LATER + timedelta(days=1)), ("by hand", LATER + timedelta(days=1))),
        (("soft-bounces", LATER), ("by hand", LATER - timedelta(days=1)), ("soft-bounces", LATER)),
    ],
)
def test_what_weighs_more_goes_over_what_weighs_less(
    stage: Stage,
    first: tuple[str, datetime | None],
    then: tuple[str, datetime | None],
    stands: tuple[str, datetime | None],
) -> None:
    """A complaint over anything, anything for ever over a leaving, and a leaving over what ends some day."""
    put(stage, *first)
    put(stage, *then)
    assert standing(stage) == stands


@pytest.mark.parametrize("order", list(permutations(("unsubscribed", "bounced", "complained"))))
def test_that_somebody_has_left_is_kept_through_everything(stage: Stage, order: tuple[str, ...]) -> None:
    """In whatever order: once the others are taken off, the leaving stands there again, and nobody's mail goes."""
    for reason in order:
        put(stage, reason)
    assert standing(stage) == ("complained", NEVER)
    suppression_list.remove(stage.store, [ADA], suppression_key=KEY, now=stage.clock(), yes=True)
    assert standing(stage) == ("unsubscribed", NEVER)
    with pytest.raises(Refused, match="only they take that back"):
        suppression_list.remove(stage.store, [ADA], suppression_key=KEY, now=stage.clock(), yes=True)


def test_who_comes_back_has_not_left_any_more(stage: Stage) -> None:
    """Double opt-in forgets the leaving under another reason too, and lifts nothing else."""
    put(stage, "unsubscribed")
    put(stage, "bounced")
    assert lift(stage) is False
    assert standing(stage) == ("bounced", NEVER)
    suppression_list.remove(stage.store, [ADA], suppression_key=KEY, now=stage.clock())
    assert entry(stage) is None


def test_what_ends_some_day_ends_by_itself(stage: Stage) -> None:
    """Until then nobody is enrolled and nothing goes; from that instant on it is as if nothing had been."""
    put(stage, "soft-bounces", LATER)
    assert stage.enrol(ADA).refused == {ADA: "on the suppression list: soft-bounces"}
    stage.clock.now = LATER - timedelta(seconds=1)
    assert entry(stage) is not None
    stage.clock.now = LATER
    assert entry(stage) is None
    stage.enrol(ADA)
    assert stage.deliver().sent == 1


def test_it_is_looked_at_when_claiming_and_when_handing(stage: Stage) -> None:
    """Promise 2, with an end: what is barred at the claim ends there, what is barred after it is not handed."""
    stage.enrol(ADA, BO)
    put(stage, "by hand", LATER)
    parcels = claim_due(stage.sending, now=stage.clock()).parcels
    assert [parcel.learner.email for parcel in parcels] == [BO]
    assert stage.standing(ADA).enrolment.state is State.LEFT
    put(stage, "by hand", LATER, BO)
    assert send_group(stage.sending, parcels).sent == 0
    assert [row.state for row in stage.rows()] == [Phase.CANCELLED]


def test_taking_off(stage: Stage) -> None:
    """A dead address that lives again is taken off at once, a complaint where one means it; all of them or none."""
    put(stage, "bounced")
    put(stage, "complained", email=BO)
    with pytest.raises(Refused, match="--yes"):
        suppression_list.remove(stage.store, [ADA, BO], suppression_key=KEY, now=stage.clock())
    assert standing(stage) == ("bounced", NEVER)
    gone = suppression_list.remove(stage.store, [ADA, BO], suppression_key=KEY, now=stage.clock(), yes=True)
    assert [one.reason for one in gone] == ["bounced", "complained"]
    assert (entry(stage), entry(stage, BO)) == (None, None)
    with pytest.raises(NotFound, match="is not on the suppression list"):
        suppression_list.remove(stage.store, [ADA], suppression_key=KEY, now=stage.clock())


def everything(stage: Stage) -> list[suppression_list.Listed]:
    return suppression_list.listed(stage.store, suppression_key=KEY, now=stage.clock())


def test_the_list_survives_its_own_export(stage: Stage) -> None:
    """What is exported and taken in elsewhere stands there as it stood here, also of people who are not on file."""
    stage.add(FORMULA)
    put(stage, "unsubscribed")
    put(stage, "=HYPERLINK(x)", LATER, BO)
    put(stage, "bounced", email="nobody@on.file")
    put(stage, "complained", email=FORMULA)
    before = everything(stage)
    written = suppression_list.as_csv(before)
    rows = list(csv.reader(io.StringIO(written)))
    assert not [cell for row in rows for cell in row if cell[:1] in tuple("=+-@\t\r")]
    with stage.store.write() as conn:
        conn.exec_driver_sql("DELETE FROM suppression")
    for _ in range(2):
        done = suppression_list.take_in(stage.store, written.encode(), suppression_key=KEY, now=stage.clock())
        assert (done.taken, done.refused) == (4, ())
        assert everything(stage) == before
    assert {one.email for one in before} == {ADA, BO, None, FORMULA}


def test_a_file_of_addresses(stage: Stage) -> None:
    """Addresses alone are enough; bad rows are named and the others taken; what the caller says goes over the file."""
    data = f"email;reason\n{ADA};550 no such user\n\nnot an address;x\n{BO.upper()};\n,;\n".encode("utf-16")
    done = suppression_list.take_in(stage.store, data, suppression_key=KEY, now=stage.clock())
    assert (done.taken, [problem.line for problem in done.refused]) == (2, [4, 6])
    assert {(one.email, one.reason, one.source) for one in everything(stage)} == {
        (ADA, "550 no such user", "a file"),
        (BO, "a file", "a file"),
    }
    again = b"email,expires_at,at\nnew@customer.example,2026-01-01,2099-01-01T00:00:00Z\n"
    suppression_list.take_in(
        stage.store, again, suppression_key=KEY, now=stage.clock(), reason="imported", lasts_for=timedelta(days=1)
    )
    assert [(one.reason, one.at, one.expires_at) for one in everything(stage) if one.email is None] == [
        ("imported", START, START + timedelta(days=1))
    ]


@pytest.mark.parametrize("turned", [False, True])
def test_an_address_that_stands_there_twice(stage: Stage, turned: bool) -> None:
    """Two services' lists in one file: what weighs more counts, wherever it stands."""
    rows = [f"{BO},full,2026-12-24", f"{BO},complained,"]
    data = "\n".join(["email,reason,expires_at", *(reversed(rows) if turned else rows)]).encode()
    done = suppression_list.take_in(stage.store, data, suppression_key=KEY, now=stage.clock())
    assert (done.taken, [(one.reason, one.expires_at) for one in everything(stage)]) == (2, [("complained", None)])


@pytest.mark.parametrize(
    "data",
    [b"", b"name,address\na,b\n", b"PK\x03\x04", b"\xff\xfe\x00", b"\0\0"],
)
def test_what_is_no_such_file_is_said(stage: Stage, data: bytes) -> None:
    """Whatever the bytes are: words, or a list of nothing; and nothing is on the list."""
    with pytest.raises(ImportRefused, match=r"."):
        suppression_list.take_in(stage.store, data, suppression_key=KEY, now=stage.clock())
    assert everything(stage) == []


@pytest.mark.parametrize(
    "row",
    ["x,zz,,,,,", f"{ADA},{'0' * 64},,,,,", ",,,,,,a", f"{ADA},,,,yesterday,,", f"{ADA},,,,,soon,"],
)
def test_odd_rows_are_refused(stage: Stage, row: str) -> None:
    """A hash that is none, or another address's; no address at all; a time that is none."""
    data = f"{','.join(suppression_list.COLUMNS)}\n{row}\n".encode()
    done = suppression_list.take_in(stage.store, data, suppression_key=KEY, now=stage.clock())
    assert (done.taken, len(done.refused), everything(stage)) == (0, 1, [])
