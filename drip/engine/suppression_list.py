"""The suppression list as a person keeps it: put on, take off, look, take in a file, give it out as one."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from drip.engine.columns import BadCell
from drip.engine.roster import RowProblem, check_entry
from drip.engine.sheet import Broken, read_sheet
from drip.errors import DripError, ImportRefused, NotFound, Refused
from drip.store import Store, learners, suppression
from drip.store.suppression import COMPLAINED, UNSUBSCRIBED, Entry
from drip.store.troubles import tried_again

#: What stands as reason and source of what a person puts on the list, unless they say.
BY_HAND, BY_FILE = "by hand", "a file"
COLUMNS = ("email", "address_hash", "reason", "source", "at", "expires_at", "left_at")
LONGEST_WORDS = 200
#: So many go into the database at a time, and so many learners are looked at.
AT_A_TIME = 2_000
_HASH = re.compile(r"[0-9a-f]{64}")
#: What a spreadsheet takes for a formula at the beginning of a cell (OWASP: CSV Injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """An address on the list. `email` is None where no learner on file has it: the list itself names nobody."""

    email: str | None
    address_hash: str
    reason: str
    source: str
    at: datetime
    expires_at: datetime | None
    left_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenIn:
    """What an import did: how many rows were taken, and why the others were not."""

    taken: int
    refused: tuple[RowProblem, ...]


@tried_again
def add(
    store: Store,
    emails: Sequence[str],
    *,
    suppression_key: bytes,
    now: datetime,
    reason: str = BY_HAND,
    lasts_for: timedelta | None = None,
) -> list[Listed]:
    """Put addresses on the list, for ever or for a span; returns how each stands there now.

    One that is there keeps its reason, unless this one weighs more. Raises Refused for what is no address.
    """
    expires_at = None if lasts_for is None else now + lasts_for
    said = _words(reason) or BY_HAND
    hashes = {learners.suppression_hash(suppression_key, _address(email)): _address(email) for email in emails}
    with store.write() as conn:
        suppression.suppress_all(
            conn,
            [Entry(address_hash=key, reason=said, at=now, source=BY_HAND, expires_at=expires_at) for key in hashes],
        )
        found = suppression.entries_of(conn, list(hashes), now=now)
    return [_listed(found[key], email) for key, email in hashes.items()]


@tried_again
def remove(
    store: Store, emails: Sequence[str], *, suppression_key: bytes, now: datetime, yes: bool = False
) -> list[Listed]:
    """Take addresses off the list; returns how each stood there. All of them, or none.

    Raises NotFound for one that is not there. Raises Refused for one whose learner has left, which only they take
    back, and, unless `yes`, for one that has called a mail spam.
    """
    hashes = {learners.suppression_hash(suppression_key, _address(email)): _address(email) for email in emails}
    with store.write() as conn:
        found = suppression.entries_of(conn, list(hashes), now=now)
        for key, email in hashes.items():
            _may_be_removed(found.get(key), email, yes)
            suppression.remove(conn, key)
    return [_listed(found[key], email) for key, email in hashes.items()]


def listed(store: Store, *, suppression_key: bytes, now: datetime, reason: str | None = None) -> list[Listed]:
    """Everything on the list (for this reason), the oldest first."""
    with store.read() as conn:
        entries = [one for one in suppression.listed(conn, now=now) if reason is None or one.reason == reason]
    names = _names(store, suppression_key, {entry.address_hash for entry in entries})
    return [_listed(entry, names.get(entry.address_hash)) for entry in entries]


def as_csv(rows: Sequence[Listed]) -> str:
    """The list as CSV, which a spreadsheet takes for no formula, and `take_in` for what it is."""
    out = io.StringIO(newline="")
    sheet = csv.writer(out, lineterminator="\n")
    sheet.writerow(COLUMNS)
    for row in rows:
        times = (None if at is None else at.isoformat() for at in (row.at, row.expires_at, row.left_at))
        sheet.writerow([_safe(cell or "") for cell in (row.email, row.address_hash, row.reason, row.source, *times)])
    return out.getvalue()


def take_in(
    store: Store,
    data: bytes,
    *,
    suppression_key: bytes,
    now: datetime,
    reason: str | None = None,
    lasts_for: timedelta | None = None,
) -> TakenIn:
    """Put what stands in a CSV file on the list: addresses (`email`), or our own hashes (`address_hash`).

    Other columns are reason, source, at, expires_at and left_at; `reason` and `lasts_for` go over what the file says.
    Of an address that stands there twice what weighs more counts. Taking in the same again changes nothing. Raises
    ImportRefused where the header names neither.
    """
    sheet = read_sheet(data, "email")
    names = [cell.strip().lower().removeprefix("\ufeff") for cell in sheet.header]
    if not {"email", "address_hash"} & set(names):
        raise ImportRefused("the first line must name the columns, `email` or `address_hash` among them")
    entries: list[Entry] = []
    refused: list[RowProblem] = []
    for line, row in sheet.rows:
        if isinstance(row, Broken):
            refused.append(RowProblem(line=line, column=None, message=row.message))
            continue
        cells = {name: _unsafe(cell.strip()) for name, cell in zip(names, row, strict=False)}
        if not any(cells.values()):
            continue
        try:
            entries.append(_entry(cells, suppression_key, now, reason, lasts_for))
        except (BadCell, DripError, ValueError) as error:
            refused.append(RowProblem(line=line, column=None, message=str(error)))
            continue
    _put(store, entries)
    return TakenIn(taken=len(entries), refused=tuple(refused))


def _put(store: Store, entries: Sequence[Entry]) -> None:
    for start in range(0, len(entries), AT_A_TIME):
        _put_some(store, entries[start : start + AT_A_TIME])


@tried_again
def _put_some(store: Store, entries: Sequence[Entry]) -> None:
    with store.write() as conn:
        suppression.suppress_all(conn, entries)


def _entry(
    cells: Mapping[str, str], key: bytes, now: datetime, reason: str | None, lasts_for: timedelta | None
) -> Entry:
    """What a row says. Raises ValueError, BadCell or Refused."""
    email, hash_ = cells.get("email", ""), cells.get("address_hash", "").lower()
    if hash_ and not _HASH.fullmatch(hash_):
        raise ValueError("the address_hash is none of ours: 64 hexadecimal digits")
    if email:
        own = learners.suppression_hash(key, _address(email))
        if hash_ and hash_ != own:
            raise ValueError("the address_hash is not that of the email: was it exported under another secret?")
        hash_ = own
    if not hash_:
        raise ValueError("there is neither an email nor an address_hash")
    at = _time(cells.get("at", ""), now)
    return Entry(
        address_hash=hash_,
        reason=_words(reason or cells.get("reason", "")) or BY_FILE,
        at=min(at or now, now),
        source=_words(cells["source"]) if "source" in cells else BY_FILE,
        expires_at=now + lasts_for if lasts_for is not None else _time(cells.get("expires_at", ""), now),
        left_at=_time(cells.get("left_at", ""), now),
    )


def _time(text: str, now: datetime) -> datetime | None:
    """An instant, ISO 8601; one without an offset is in UTC, as is ours."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is no time: write 2026-11-24T14:00:00+00:00, or leave it empty") from None
    return at if at.tzinfo is not None else at.replace(tzinfo=now.tzinfo)


def _may_be_removed(entry: Entry | None, email: str, yes: bool) -> None:
    if entry is None:
        raise NotFound(f"{email} is not on the suppression list")
    if entry.reason == UNSUBSCRIBED:
        raise Refused(
            f"{email} has left ({entry.at.date().isoformat()}), and only they take that back:\n"
            "  by the undo on the page that they left by, or by asking for a course and confirming that by mail"
        )
    if entry.reason == COMPLAINED and not yes:
        raise Refused(
            f"{email} has called a mail spam; whoever writes to them again is soon turned away by everybody.\n"
            "  If they have asked you for it themselves: --yes"
        )


def _names(store: Store, key: bytes, wanted: set[str]) -> dict[str, str]:
    """hash → address, of the learners on file."""
    found: dict[str, str] = {}
    for email in _everyone(store) if wanted else ():
        hash_ = learners.suppression_hash(key, email)
        if hash_ in wanted:
            found[hash_] = email
    return found


def _everyone(store: Store) -> Iterator[str]:
    after_id = 0
    while True:
        with store.read() as conn:
            some = learners.everyone(conn, after_id=after_id, limit=AT_A_TIME)
        if not some:
            return
        yield from (learner.email for learner in some)
        after_id = some[-1].id


def _listed(entry: Entry, email: str | None) -> Listed:
    return Listed(
        email=email,
        address_hash=entry.address_hash,
        reason=entry.reason,
        source=entry.source,
        at=entry.at,
        expires_at=entry.expires_at,
        left_at=entry.left_at,
    )


def _address(email: str) -> str:
    """The address as it would be imported. Raises Refused."""
    try:
        return check_entry({"email": email}).email
    except BadCell as error:
        raise Refused(str(error)) from None


def _words(text: str) -> str:
    """A text of one line, of a length that a table bears."""
    return "".join(sign if sign.isprintable() else " " for sign in " ".join(text.split()))[:LONGEST_WORDS]


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _unsafe(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell
