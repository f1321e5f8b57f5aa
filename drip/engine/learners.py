"""Learners: take them in, list them, and show one with everything that is known of them."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import cast

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from drip.course.timing import clock_text, days_text
from drip.engine.columns import OWN, BadCell, column_name, undeclared
from drip.engine.entries import plan_these
from drip.engine.roster import Declared, Entry, Roster, RowProblem, check_entry, read_csv, read_json, read_rows
from drip.engine.sending import sent_times
from drip.errors import NotFound, Refused
from drip.people import Learner
from drip.store import Store, consents, enrolments, evidence, learners, ledger, suppression
from drip.store.enrolments import Standing
from drip.store.ledger import Delivery
from drip.store.troubles import tried_again
from drip.track.classify import classify
from drip.track.evidence import Evidence

#: So many rows stand in one transaction: short enough that nobody waits long for the database.
ROWS_A_TRANSACTION = 5_000
#: Bytes of a learner's public id: 72 bits, so that nobody guesses one.
REF_BYTES = 9


#: Whatever ends some day has not ended then.
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import did, in learners; `refused` has every row that was left out, and why.

    `suppressed` counts those who have left and get no mail (None where that was not asked).
    """

    added: int
    updated: int
    unchanged: int
    refused: tuple[RowProblem, ...] = ()
    notes: tuple[str, ...] = ()
    suppressed: int | None = None


#: Told after each transaction: how many learners are done, of how many.
Progress = Callable[[int, int], None]


def import_csv(
    store: Store,
    data: bytes,
    *,
    now: datetime,
    suppression_key: bytes | None = None,
    declared: Declared = None,
    on_progress: Progress | None = None,
) -> Imported:
    """Take in the learners of a CSV file. Again is an update; an empty cell leaves alone what is known.

    Enrols nobody. Interrupted half-way, it has taken in a part; importing the same file again does the rest. Raises
    ImportRefused where the file as a whole cannot be read. `declared` is what `[learner]` says of the attributes: a
    value that does not fit refuses its row.
    """
    return _take_in(store, read_csv(data, declared), now, suppression_key, on_progress)


def import_json(
    store: Store,
    data: bytes,
    *,
    now: datetime,
    suppression_key: bytes | None = None,
    declared: Declared = None,
    on_progress: Progress | None = None,
) -> Imported:
    """Take in the learners of a JSON list of objects, in the same way; `null` is an empty cell."""
    return _take_in(store, read_json(data, declared), now, suppression_key, on_progress)


def import_rows(
    store: Store,
    rows: Sequence[tuple[int, Sequence[tuple[str, object]]]],
    *,
    now: datetime,
    declared: Declared = None,
) -> Imported:
    """Take in learners that a program names, in the same way: (a row's number, columns with what they say)."""
    return _take_in(store, read_rows(rows, declared), now, None, None)


def add(
    store: Store,
    email: str,
    *,
    now: datetime,
    first_name: str = "",
    last_name: str = "",
    language: str = "",
    timezone: str = "",
    attributes: Mapping[str, str] | None = None,
    declared: Declared = None,
) -> Learner:
    """Add one learner, or update them as an import does. Raises Refused where something is wrong with what is said.

    What `[learner]` does not declare is refused too: by hand it is a slip.
    """
    own = {"email": email, "first_name": first_name, "last_name": last_name, "language": language, "timezone": timezone}
    try:
        said = {column_name(name): text for name, text in (attributes or {}).items()}
        if unknown := next(undeclared(said, declared), None):
            raise Refused(unknown.replace("column", "attribute"))
        cells = {**said, **{name: text for name, text in own.items() if text or name not in said}}
        entry = check_entry(cells, declared=declared)
    except BadCell as bad:
        raise Refused(str(bad)) from None
    _take_in(store, Roster(entries=(entry,), problems=(), notes=()), now, None, None)
    with store.read() as conn:
        return find(conn, entry.email)


def normal_email(text: str) -> str:
    """The address in its normal form. Raises Refused where it is none."""
    try:
        return check_entry({"email": text}).email
    except BadCell as bad:
        raise Refused(str(bad)) from None


def listed(store: Store, *, limit: int | None = None) -> list[Learner]:
    """Learners in the order in which they came."""
    with store.read() as conn:
        return learners.everyone(conn, limit=limit)


def show(
    store: Store, email: str, *, suppression_key: bytes | None = None, now: datetime | None = None
) -> dict[str, object]:
    """All that is known of one learner, as plain values; times are ISO 8601. Raises NotFound, naming like addresses.

    `suppressed` is why they get no mail at `now`, or None (also where no key is given to look with). Without `now`,
    also one that has ended.
    """
    with store.read() as conn:
        learner = find(conn, email)
        standings = enrolments.of_learner(conn, learner.id)
        mails = ledger.of_enrolments(conn, [standing.enrolment.id for standing in standings])
        events = evidence.of_learner(conn, learner.id)
        said = consents.of_learner(conn, learner.id)
        suppressed = None
        if suppression_key is not None:
            key = learners.suppression_hash(suppression_key, learner.email)
            suppressed = suppression.suppressed(conn, [key], now=now or _LONG_AGO).get(key)
    return {
        **plain(learner),
        "suppressed": suppressed,
        "enrolments": [_enrolment(standing, mails[standing.enrolment.id]) for standing in standings],
        "evidence": _judged(events, standings, mails),
        "consents": [{**asdict(one), "at": _time(one.at)} for one in said],
    }


def _take_in(
    store: Store, roster: Roster, now: datetime, suppression_key: bytes | None, on_progress: Progress | None
) -> Imported:
    added = updated = suppressed = 0
    for start in range(0, len(roster.entries), ROWS_A_TRANSACTION):
        batch = roster.entries[start : start + ROWS_A_TRANSACTION]
        try:
            new, changed = _write(store, batch, now)
        except IntegrityError:  # another import added one of them between our look and our write: look again
            new, changed = _write(store, batch, now)
        added, updated = added + new, updated + changed
        if suppression_key is not None:
            hashes = [learners.suppression_hash(suppression_key, entry.email) for entry in batch]
            with store.read() as conn:
                suppressed += len(suppression.suppressed(conn, hashes, now=now))
        if on_progress is not None:
            on_progress(start + len(batch), len(roster.entries))
    return Imported(
        added=added,
        updated=updated,
        unchanged=len(roster.entries) - added - updated,
        refused=roster.problems,
        notes=roster.notes,
        suppressed=suppressed if suppression_key is not None else None,
    )


@tried_again
def _write(store: Store, batch: Sequence[Entry], now: datetime) -> tuple[int, int]:
    """Write one batch in one transaction; how many were new, and how many changed."""
    with store.write() as conn:
        known = learners.by_addresses(conn, [entry.email for entry in batch])
        new: list[dict[str, object]] = []
        changed: list[dict[str, object]] = []
        for entry in batch:
            learner = known.get(learners.address_of(entry.email))
            if learner is None:
                new.append({"ref": secrets.token_urlsafe(REF_BYTES), "email": entry.email, **_columns(entry, None)})
            elif (columns := _columns(entry, learner)) != _columns(None, learner):
                changed.append({"id": learner.id, **columns})
        learners.add(conn, new, now=now)
        learners.change_all(conn, changed)
        known_anew = [cast(int, row["id"]) for row in changed]
        enrolments.reconsider(conn, known_anew, now=now)  # a zone, or what a condition asks about, is another now
        added = learners.by_addresses(conn, [str(row["email"]) for row in new]) if new else {}
        plan_these(conn, [*known_anew, *(learner.id for learner in added.values())], now=now)
    return len(new), len(changed)


def _columns(entry: Entry | None, learner: Learner | None) -> dict[str, object]:
    """The learner's columns after the entry: what it does not speak of stays, and so does the address as first said."""
    return {
        "first_name": (entry and entry.first_name) or (learner and learner.first_name),
        "last_name": (entry and entry.last_name) or (learner and learner.last_name),
        "language": (entry and entry.language) or (learner and learner.language),
        "imported_timezone": (entry and entry.timezone) or (learner and learner.imported_timezone),
        "attributes": {**(learner.attributes if learner else {}), **(entry.attributes if entry else {})},
    }


def find(conn: Connection, email: str) -> Learner:
    """The learner of that address. Raises NotFound, naming like addresses, or Refused for what is no address."""
    address = learners.address_of(normal_email(email))
    learner = learners.by_addresses(conn, [address]).get(address)
    if learner is None:
        raise NotFound(f"no learner has the address {address}{near_misses(conn, address)}")
    return learner


def near_misses(conn: Connection, email: str) -> str:
    """`: did you mean ada@customer.example?`, or nothing where no address is like this one."""
    address = learners.address_of(email)
    near = get_close_matches(address, learners.like(conn, address), n=3, cutoff=0.8)
    return f": did you mean {' or '.join(near)}?" if near else ""


def plain(learner: Learner) -> dict[str, object]:
    """A learner as plain values, for a person or a program to read."""
    said = {name: getattr(learner, name) for name in OWN}
    return {
        **said,
        "timezone": learner.timezone or learner.imported_timezone,
        "ref": learner.ref,
        "attributes": dict(learner.attributes),
    }


def _enrolment(standing: Standing, mails: Sequence[Delivery]) -> dict[str, object]:
    one = standing.enrolment
    return {
        "course": one.course_id,
        "run": one.run,
        "state": str(one.state),
        "ended_by": one.ended_by,
        "enrolled_at": _time(one.enrolled_at),
        "next_step": one.next_step,
        "due_at": _time(standing.due_at),
        "due_reason": standing.due_reason,
        "problem": standing.problem,
        "paused_by": one.paused_by,
        "paused_until": _time(one.paused_until),
        "pace": str(one.wish.tempo),
        "hour": None if one.wish.at is None else clock_text(one.wish.at),
        "days": None if one.wish.days is None else days_text(one.wish.days),
        "deliveries": [
            {
                "step": mail.step,
                "state": str(mail.state),
                "variant": mail.variant,
                "sent_at": _time(mail.sent_at),
                "due_at": _time(mail.due_at),
                "answer": mail.answer,
            }
            for mail in mails
        ],
    }


def _judged(
    events: Sequence[Evidence], standings: Sequence[Standing], mails: Mapping[int, Sequence[Delivery]]
) -> list[dict[str, object]]:
    """Evidence with who did it: judged mail by mail, told in the order in which it happened."""
    course_of = {standing.enrolment.id: standing.enrolment.course_id for standing in standings}
    sent_at: dict[int | None, datetime] = {}
    for rows in mails.values():
        last, earlier = sent_times(rows)
        sent_at.update([*earlier, *last.values()])
    by_mail: dict[int | None, list[Evidence]] = defaultdict(list)
    for event in events:
        by_mail[event.delivery_id].append(event)
    judged = [
        (event, verdict)
        for mail, its in by_mail.items()
        for event, verdict in zip(its, classify(its, sent_at.get(mail or 0)), strict=True)
    ]
    return [
        {
            "at": _time(event.at),
            "kind": str(event.kind),
            "origin": str(verdict.origin),
            "reason": verdict.reason,
            "course": course_of.get(event.enrolment_id or 0),
            "step": event.step,
            "item": event.item,
            "data": dict(event.data),
        }
        for event, verdict in sorted(judged, key=lambda one: one[0].at)
    ]


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
