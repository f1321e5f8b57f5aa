"""Forget what has been kept for long enough: at night, in small pieces, or now. Reports say the same afterwards.

Evidence says less as it grows old, and stays: first who did it is written down and the user agent and the network's
mark go; later the raw data of what was told (by `drip event`, providers, mail servers) goes too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement

from drip.engine.judged import judged
from drip.schedule.civil import to_instant
from drip.store import Store, fresh_links, idempotency, requests, retention, webhooks, wiping
from drip.store.evidence import to_evidence
from drip.store.troubles import tried_again

#: So much evidence is looked at in one transaction.
AT_A_TIME = 500
#: A file up to this size is written anew at night; whoever writes waits for it (240 MB: 4 s).
LARGEST_AT_NIGHT = 1 << 30
#: What the API was answered under an Idempotency-Key is kept for so long.
API_ANSWERS_FOR = timedelta(days=1)
_MARKS, _DATA = "user agents", "evidence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """For how long what is kept (None: for ever), and the local hour at which the night's work begins."""

    user_agents: timedelta | None = timedelta(days=30)
    evidence: timedelta | None = timedelta(days=400)
    webhooks: timedelta | None = timedelta(days=30)
    fresh_links: timedelta | None = timedelta(days=30)
    at: time = time(3, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What was forgotten (or would be), in rows. `compacted`: the database file was written anew, after an erasing."""

    user_agents: int = 0
    evidence: int = 0
    webhooks: int = 0
    fresh_links: int = 0
    requests: int = 0
    api_answers: int = 0
    compacted: bool = False

    def __add__(self, other: Forgotten) -> Forgotten:
        both = {one.name: (getattr(self, one.name), getattr(other, one.name)) for one in fields(self)}
        return Forgotten(**{name: any(pair) if name == "compacted" else sum(pair) for name, pair in both.items()})


#: Asked between two pieces of work: whether to stop.
Stop = Callable[[], bool]


def forget_old(store: Store, keep: Retention, *, now: datetime, stop: Stop = lambda: False) -> Forgotten:
    """Forget what is older than it may be. Each piece is a transaction; who is killed in between goes on there."""
    done = _forget_marks(store, keep, now, stop) + _forget_data(store, keep, now, stop)
    if not stop():
        done += _forget_rows(store, keep, now)
    return done


def would_forget(store: Store, keep: Retention, *, now: datetime) -> Forgotten:
    """What `forget_old` would do to evidence; counts, and changes nothing."""
    with store.read() as conn:
        marks = (
            0 if keep.user_agents is None else retention.count(conn, retention.MARKED, before=now - keep.user_agents)
        )
        told = 0 if keep.evidence is None else retention.count(conn, retention.TOLD, before=now - keep.evidence)
    return Forgotten(user_agents=marks, evidence=told)


def tidy(store: Store, *, largest: int | None = None) -> bool:
    """Empty SQLite's write-ahead log, and write the file anew where somebody was erased since. True where it was."""
    if wiping.is_to_be_compacted(store) and (largest is None or wiping.size(store) <= largest):
        return wiping.compact(store)
    wiping.wipe(store)
    return False


def tonight(
    store: Store, keep: Retention, night: date, worker: str, *, clock: Callable[[], datetime], stop: Stop
) -> bool:
    """Do that night's work, unless it is done or another is at it. True where it is done by now."""
    with store.read() as conn:
        if retention.night_is_done(conn, night.isoformat()):
            return True
    with store.write() as conn:
        if not retention.take_night(conn, night.isoformat(), worker, now=clock()):
            return False

    def stops() -> bool:
        with store.write() as conn:
            return stop() or not retention.still_mine(conn, worker, now=clock())

    forget_old(store, keep, now=clock(), stop=stops)
    if stops():
        return False
    tidy(store, largest=LARGEST_AT_NIGHT)
    with store.write() as conn:
        retention.end_night(conn, worker, now=clock())
    return True


def night_of(now: datetime, keep: Retention, zone: ZoneInfo) -> date:
    """The day whose hour has come last: a night that was missed is made up for."""
    today = now.astimezone(zone).date()
    begun = now >= to_instant(datetime.combine(today, keep.at), zone)
    return today if begun else today - timedelta(days=1)


def _forget_marks(store: Store, keep: Retention, now: datetime, stop: Stop) -> Forgotten:
    if keep.user_agents is None:
        return Forgotten()

    def blank(old: list[retention.Old]) -> None:
        with store.write() as conn:
            ids, mails = [one.id for one in old], {one.delivery_id for one in old if one.delivery_id is not None}
            rows = retention.beside(conn, ids, mails)
            verdicts = judged({row.id: (to_evidence(row), row.mailed_at) for row in rows})
            retention.blank_marks(conn, {id_: verdicts[id_] for id_ in ids if id_ in verdicts})

    return Forgotten(user_agents=_walk(store, _MARKS, retention.MARKED, now - keep.user_agents, blank, stop))


def _forget_data(store: Store, keep: Retention, now: datetime, stop: Stop) -> Forgotten:
    if keep.evidence is None:
        return Forgotten()

    def blank(old: list[retention.Old]) -> None:
        with store.write() as conn:
            retention.blank_data(conn, [one.id for one in old])

    return Forgotten(evidence=_walk(store, _DATA, retention.TOLD, now - keep.evidence, blank, stop))


def _walk(
    store: Store,
    name: str,
    says: ColumnElement[bool],
    before: datetime,
    blank: Callable[[list[retention.Old]], None],
    stop: Stop,
) -> int:
    """Walk over the evidence in its order, from where nothing is left to do, until all that comes is young."""
    with store.read() as conn:
        after = retention.done_up_to(conn, name)
    done, all_before_done = 0, True
    while not stop():
        with store.read() as conn:
            found = retention.page(conn, says, after=after, limit=AT_A_TIME)
        old = [one for one in found if one.at < before and one.says]
        if old:
            tried_again(blank)(old)
            done += len(old)
        young = [one.id for one in found if one.at >= before]
        if found and all_before_done:
            up_to = min(young) - 1 if young else found[-1].id
            with store.write() as conn:
                retention.mark_done(conn, name, up_to)
            all_before_done = not young
        if len(young) == len(found):  # what is dated back among the young is met some night later
            break
        after = found[-1].id
    return done


@tried_again
def _forget_rows(store: Store, keep: Retention, now: datetime) -> Forgotten:
    """What nobody needs any more goes whole."""
    with store.write() as conn:
        return Forgotten(
            webhooks=0 if keep.webhooks is None else webhooks.forget_sent(conn, now - keep.webhooks),
            fresh_links=0 if keep.fresh_links is None else fresh_links.forget(conn, now - keep.fresh_links),
            requests=requests.forget(conn, now=now),
            api_answers=idempotency.forget(conn, now - API_ANSWERS_FOR),
        )
