"""Judges a run by what others wrote down: the mail server's own log, and the ledger.

    python judge.py SMTP_LOG DATABASE [REPEATS_ALLOWED]

DATABASE is SQLite's file, or the address of a PostgreSQL database; the log is that of tests/integration/smtp_server.py,
or what smtp-sink took down (tests/mail_sink.py).

Prints what it found as JSON; exits 0 where every promise was kept, else 1. It imports nothing of drip and knows no
secret: a mail names its ledger row in the clear part of the token in its List-Unsubscribe header (the number behind the
first three bytes, LEB128). SQLite's is read as a copy, so that what a killed process left is mended by drip alone.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import sys
from base64 import urlsafe_b64decode
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from email.parser import HeaderParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg

#: How smtp-sink begins what it takes down of a message.
_SINK = "X-Client-Addr: "
#: Ledger states in which a mail has no known outcome.
OPEN_STATES = ("claimed", "handed", "in_doubt", "retry")


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A message that the server took. `row` is the ledger row that it says it is."""

    row: int
    rcpt_to: str
    message_id: str
    subject: str
    data: str


@dataclass(frozen=True, kw_only=True)
class Row:
    """A ledger row, and whose it is."""

    id: int
    enrolment: int
    email: str
    step: str
    state: str
    leased_by: str | None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What was found; numbers in the lists are ledger rows. All but the first three say that a promise was broken.

    `mails` counts different ones, `messages` what the server took. `repeated` is row → how often too many.
    """

    messages: int
    mails: int
    repeated: dict[int, int]
    #: repeated, and not byte for byte the same message
    unequal: list[int]
    #: a Message-ID that stands for several rows, or a row that went out under several
    shared_ids: list[str]
    #: taken by the server for somebody else than the row's learner, or for a row that is not there
    astray: list[int]
    #: marked as sent, and never taken
    never_taken: list[int]
    #: taken, and not marked as sent
    unmarked: list[int]
    #: first taken before an earlier mail of the same enrolment
    out_of_order: list[int]
    #: ledger state → how many rows have no outcome yet
    unsettled: dict[str, int]
    #: how many ledger rows a worker holds
    leases: int
    #: how many enrolments are still active
    unfinished: int

    def broken(self, *, repeats: int = 0) -> dict[str, Any]:
        """The promises that were broken, where so many repeats are allowed; empty: none."""
        found = {name: value for name, value in asdict(self).items() if name not in ("messages", "mails", "repeated")}
        found["repeated"] = self.repeated if sum(self.repeated.values()) > repeats else {}
        return {name: value for name, value in found.items() if value}


def judge(log: Path, database: Path | str) -> Verdict:
    """Hold what the server took against what the ledger says."""
    messages = read_log(log)
    rows, unfinished = read_ledger(database)
    by_row: dict[int, list[Taken]] = defaultdict(list)
    for message in messages:
        by_row[message.row].append(message)
    known = {row.id: row for row in rows}
    names: dict[str, set[int]] = defaultdict(set)
    for message in messages:
        names[message.message_id].add(message.row)
    sent = {row.id for row in rows if row.state == "sent"}
    latest: dict[int, int] = {}
    out_of_order = []
    for id_ in by_row:  # in the order in which each was first taken
        if id_ in known:
            enrolment = known[id_].enrolment
            if id_ < latest.get(enrolment, 0):
                out_of_order.append(id_)
            latest[enrolment] = max(id_, latest.get(enrolment, 0))
    return Verdict(
        messages=len(messages),
        mails=len(by_row),
        repeated={id_: len(copies) - 1 for id_, copies in by_row.items() if len(copies) > 1},
        unequal=[id_ for id_, copies in by_row.items() if len({copy.data for copy in copies}) > 1],
        shared_ids=[name for name, ids in names.items() if len(ids) > 1]
        + [", ".join(found) for copies in by_row.values() if len(found := {copy.message_id for copy in copies}) > 1],
        astray=[m.row for m in messages if m.row not in known or known[m.row].email != m.rcpt_to],
        never_taken=sorted(sent - set(by_row)),
        unmarked=sorted(set(by_row) - sent),
        out_of_order=out_of_order,
        unsettled=dict(Counter(row.state for row in rows if row.state in OPEN_STATES)),
        leases=sum(row.leased_by is not None for row in rows),
        unfinished=unfinished,
    )


def read_log(log: Path) -> list[Taken]:
    """Every message that the server took, in its order."""
    return [_taken(rcpt_to, data) for rcpt_to, data in _messages(log)]


def _messages(log: Path) -> Iterator[tuple[str, str]]:
    """(recipient, message) of each."""
    text = log.read_text("ascii") if log.exists() else ""
    if text.startswith(_SINK):
        for block in text.removeprefix(_SINK).removesuffix("\n").split(f"\n{_SINK}"):  # the last ends as the others do
            envelope, _, data = block.partition("\nFrom: ")  # what it adds itself stands above, and differs each time
            yield re.findall(r"^X-Rcpt-Args: <(.*)>$", envelope, re.MULTILINE)[0], f"From: {data}"
    else:
        for event in map(json.loads, text.splitlines()):
            if event["event"] == "message":
                (rcpt_to,) = event["rcpt_to"]
                yield rcpt_to, event["data"]


def _taken(rcpt_to: str, data: str) -> Taken:
    mail = HeaderParser().parsestr(data.partition("\n\n")[0])
    token = mail["List-Unsubscribe"].strip("<>").rpartition("/")[2]
    return Taken(
        row=row_named_by(token),
        rcpt_to=rcpt_to,
        message_id=mail["Message-ID"],
        subject=mail["Subject"],
        data=data,
    )


def row_named_by(token: str) -> int:
    """The ledger row that a link's token names."""
    number = 0
    for place, byte in enumerate(urlsafe_b64decode(token + "=" * (-len(token) % 4))[3:]):
        number |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            break
    return number


def read_ledger(database: Path | str) -> tuple[list[Row], int]:
    """(every row, how many enrolments are still active)."""
    if isinstance(database, str) and database.startswith("postgresql:"):
        with psycopg.connect(database) as there:
            return _rows(there.execute)
    database = Path(database)
    with TemporaryDirectory() as folder:
        for file in (database, database.with_name(f"{database.name}-wal")):
            if file.exists():
                shutil.copy(file, folder)
        with closing(sqlite3.connect(Path(folder) / database.name)) as copy:
            return _rows(copy.execute)


def _rows(execute: Callable[[Any], Any]) -> tuple[list[Row], int]:
    rows = execute(
        "SELECT delivery.id, enrolment_id, email, step, state, leased_by FROM delivery"
        " JOIN learner ON learner.id = learner_id ORDER BY delivery.id"
    )
    names = ("id", "enrolment", "email", "step", "state", "leased_by")
    found = [Row(**dict(zip(names, row, strict=True))) for row in rows]
    (unfinished,) = execute("SELECT count(*) FROM enrolment WHERE state = 'active'").fetchone()
    return found, unfinished


if __name__ == "__main__":
    verdict = judge(Path(sys.argv[1]), sys.argv[2])
    failed = verdict.broken(repeats=int(sys.argv[3]) if len(sys.argv) > 3 else 0)
    print(json.dumps({**asdict(verdict), "broken": sorted(failed)}, indent=2))
    sys.exit(1 if failed else 0)
