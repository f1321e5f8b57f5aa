"""Tell every endpoint what waits for it. Calling it twice tells nothing twice; a kill may, under the same webhook-id.

An endpoint's rows are leased (one commit), posted, and their outcomes written (another). Each endpoint is on its own:
one that is down or slow delays neither another nor the mails. What a learner did is told in its order, as long as
nothing of it has to be tried again and one worker alone is at it.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from threading import Lock
from time import monotonic

from sqlalchemy import Connection

from drip.engine.announce import addressed
from drip.engine.clicks_told import judged
from drip.engine.renewing import renewing
from drip.engine.sending import Clock
from drip.outbound.poster import Answer, Poster
from drip.outbound.signing import signed
from drip.schedule.patience import (
    ALONE_AFTER,
    GIVES_UP_AFTER,
    LONGEST_WAIT,
    OUTAGE_AFTER,
    again_after,
    leave_alone_for,
)
from drip.store import Store, endpoints, webhooks
from drip.store.endpoints import Endpoint
from drip.store.ledger import Lease
from drip.store.troubles import tried_again
from drip.store.webhooks import Post

log = logging.getLogger("drip.webhooks")

#: So many rows of an endpoint are leased at a time, and posted over so many connections.
BATCH, CONNECTIONS = 40, 4
#: A batch takes on nothing more after so many seconds: what is left goes back.
_BATCH_SECONDS = 30.0
#: Whoever tries an endpoint in trouble has it for itself for so long; a post takes 20 s at most.
_TURN = timedelta(seconds=60)
#: No row's number has more digits.
_DIGITS = 18
#: So much of what nobody has wanted is given out at a time.
_NOBODYS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """What posting needs. `secrets` are the workspace's, the newest first; `worker` names this process in leases.

    `clock` says what is due, `real_clock` what the signatures say (receivers refuse what is five minutes off).
    """

    store: Store
    poster: Poster
    secrets: tuple[str, ...]
    worker: str
    clock: Clock
    real_clock: Clock
    lease_for: timedelta = timedelta(seconds=60)

    def lease(self, conn: Connection) -> Lease:
        """This worker's lease, from now on."""
        return Lease(worker=self.worker, now=self.store.lease_clock(conn), lasts_for=self.lease_for.total_seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What was done, in posts: taken, to be tried again, failed for good."""

    sent: int = 0
    retried: int = 0
    failed: int = 0

    def __add__(self, other: Posted) -> Posted:
        return Posted(
            sent=self.sent + other.sent, retried=self.retried + other.retried, failed=self.failed + other.failed
        )


Stop = Callable[[], bool]


def send_due(posting: Posting, *, stop: Stop = lambda: False) -> Posted:
    """Post everything due now, every endpoint at the same time. Calling it twice tells nothing twice."""
    due = due_now(posting)
    if not due:
        return Posted()
    with ThreadPoolExecutor(len(due), thread_name_prefix="drip-webhook") as pool:
        return sum((done.result() for done in [pool.submit(send_to, posting, id_, stop=stop) for id_ in due]), Posted())


def due_now(posting: Posting) -> list[str]:
    """The endpoints to which something is to be posted now. Where there is no endpoint, one look-up."""
    with posting.store.read() as conn:
        known = endpoints.look_again(conn)
        if not known:
            return []
    _give_out(posting, known)
    with posting.store.read() as conn:
        return webhooks.due_endpoints(conn, now=posting.clock(), clock=posting.store.lease_clock(conn))


def send_to(posting: Posting, endpoint_id: str, *, stop: Stop = lambda: False) -> Posted:
    """Post what is due to one endpoint, until nothing is, or it is in trouble."""
    total, name = Posted(), ""
    while not stop():
        with posting.store.write() as conn:
            lot = _take(posting, conn, endpoint_id)
        if lot is None:
            break
        if not lot.posts:
            continue  # only machines' clicks: the mails have the database to themselves before we look on
        batch, name = _Batch(posting, lot), lot.endpoint.name
        ids = [post.id for post in lot.posts]
        with renewing(posting.lease_for, partial(_renew, posting, ids), what="webhooks"):
            batch.run(stop)
        done = _written_down(posting, batch)
        total += done
        if not done.sent and (done.retried or done.failed):
            break  # it is left alone for a while, or tried again at the next look
    if total.sent:
        fields = {"endpoint": name, "sent": total.sent, "retried": total.retried, "failed": total.failed}
        log.info("webhooks", extra={"fields": fields})
    return total


def message_id(id: int, key: str) -> str:
    """What a receiver knows it by (`webhook-id`): the same at every attempt, and in no other database."""
    return f"msg_{id}_{sha256(key.encode()).hexdigest()[:16]}"


def number_of(message: str) -> int | None:
    """The row that such an id names."""
    parts = message.split("_")
    ours = len(parts) == 3 and parts[0] == "msg" and parts[1].isdecimal() and len(parts[1]) <= _DIGITS
    return int(parts[1]) if ours else None


def body_of(name: str, at: datetime, data: dict[str, object], *, ref: str | None, email: str | None) -> str:
    """The JSON that is posted (docs/webhooks.md has its table)."""
    learner = {"learner": {"ref": ref, "email": email}} if ref is not None else {}
    told = {"type": name, "timestamp": at.isoformat(), "data": {**learner, **data}}
    return json.dumps(told, separators=(",", ":"))


# One lot -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lot:
    """What was leased for one endpoint. Without posts: what was due was not to be told, and more may be due."""

    endpoint: Endpoint
    posts: Sequence[Post]


def _take(posting: Posting, conn: Connection, endpoint_id: str) -> _Lot | None:
    """Lease what is due to this endpoint; None where nothing is, or where it is not our turn.

    An endpoint in trouble gets one post at a time, from one worker.
    """
    now, held = posting.clock(), posting.lease(conn)
    there = endpoints.by_id(conn, endpoint_id)
    if there is not None and there.failures >= ALONE_AFTER:
        there = endpoints.take_turn(conn, endpoint_id, now=now, until=now + _TURN)
    if there is None or there.paused_at is not None or (there.failures < ALONE_AFTER and _is_quiet(there, now)):
        return None
    alone = there.failures >= ALONE_AFTER
    posts = webhooks.lease(conn, there.id, held, now=now, limit=1 if alone else BATCH)
    told = judged(conn, posting.worker, posts, now=now)
    if alone and not told:  # nothing to try it with: whoever finds something next may
        endpoints.leave_alone(conn, there.id, until=now)
    return _Lot(endpoint=there, posts=told) if posts else None


def _is_quiet(one: Endpoint, now: datetime) -> bool:
    return one.quiet_until is not None and one.quiet_until > now


@dataclass(slots=True)
class _Batch:
    """A lot while it is posted: what a learner did in its order, over a few connections."""

    posting: Posting
    lot: _Lot
    answers: dict[int, Answer] = field(default_factory=dict)
    in_a_row: int = 0
    door: Lock = field(default_factory=Lock)

    def run(self, stop: Stop) -> None:
        """Post all of it, or until time is up, `stop()` says so, or the endpoint is in trouble."""
        until = monotonic() + _BATCH_SECONDS
        queues: dict[int | None, list[Post]] = defaultdict(list)
        for post in self.lot.posts:
            queues[post.learner_id].append(post)

        def work(queue: Sequence[Post]) -> None:
            for post in queue:
                if stop() or monotonic() > until or self.in_a_row >= ALONE_AFTER:
                    return
                answer = self._post(post)
                with self.door:
                    self.answers[post.id] = answer
                    self.in_a_row = 0 if answer.taken else self.in_a_row + 1
                if not answer.taken:
                    return  # the rest of this learner's comes after it

        with ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="drip-webhook-post") as pool:
            for done in [pool.submit(work, queue) for queue in queues.values()]:
                done.result()

    def _post(self, post: Post) -> Answer:
        return post_now(
            self.posting,
            self.lot.endpoint,
            message=message_id(post.id, post.key),
            body=body_of(post.name, post.happened_at, dict(post.payload), ref=post.ref, email=post.email),
        )


def post_now(posting: Posting, endpoint: Endpoint, *, message: str, body: str) -> Answer:
    """Post one body at once, signed, and say what came of it."""
    headers = signed(posting.secrets, endpoint.id, id=message, at=posting.real_clock(), body=body)
    return posting.poster.post(endpoint.url, headers, body.encode())


@tried_again
def _written_down(posting: Posting, batch: _Batch) -> Posted:
    """Write every outcome in one transaction: what was taken, and is not marked, would be posted again."""
    with posting.store.write() as conn:
        return _write_down(posting, conn, batch)


def _write_down(posting: Posting, conn: Connection, batch: _Batch) -> Posted:
    """Write every outcome, and how the endpoint fares."""
    now, worker, endpoint, answers = posting.clock(), posting.worker, batch.lot.endpoint, batch.answers
    sent = {id_: answers[id_].words for id_ in sorted(answers) if answers[id_].taken}
    webhooks.mark_sent(conn, sent, now=now)
    again: dict[int | None, datetime] = {}
    retried = failed = 0
    for post in batch.lot.posts:
        answer = answers.get(post.id)
        if answer is None:
            webhooks.put_back(conn, worker, post.id, due_at=again.get(post.learner_id, now))
        elif answer.gone:  # it waits for a person, and no attempt is counted against it
            webhooks.put_back(conn, worker, post.id, due_at=now)
            retried += 1
        elif not answer.taken:
            wait = again_after(post.key, post.attempts + 1)
            if wait is not None:
                again[post.learner_id] = now + max(wait, _asked(answer))
            due_at = None if wait is None else again[post.learner_id]
            webhooks.try_again(conn, worker, post.id, due_at=due_at, answer=answer.words, now=now)
            retried, failed = retried + (due_at is not None), failed + (due_at is None)
    _write_health(conn, endpoint, answers, now=now)
    for post in batch.lot.posts:
        if post.id in answers and not answers[post.id].taken:
            fields = {"endpoint": endpoint.name, "id": message_id(post.id, post.key), "attempts": post.attempts + 1}
            log.warning("a webhook was not taken: %s", answers[post.id].words, extra={"fields": fields})
    return Posted(sent=len(sent), retried=retried, failed=failed)


def _write_health(conn: Connection, endpoint: Endpoint, answers: dict[int, Answer], *, now: datetime) -> None:
    """Write how the endpoint fares: well where it took anything, otherwise left alone for a while, or paused."""
    bad = [answer for answer in answers.values() if not answer.taken]
    gone = next((answer for answer in bad if answer.gone), None)
    if gone is not None:
        endpoints.pause(conn, endpoint.id, why=f"it says that it is gone: {gone.words}", now=now)
        log.error("nothing more is sent to the endpoint %s: %s", endpoint.name, gone.words)
        return
    wait = max((_asked(answer) for answer in bad), default=timedelta(0))
    if len(bad) < len(answers):
        endpoints.went_well(conn, endpoint.id)
        if endpoint.failures >= ALONE_AFTER:
            log.warning("the endpoint %s takes webhooks again", endpoint.name)
        since = endpoint.trouble_since
        if endpoint.failures >= ALONE_AFTER and since is not None and now - since >= OUTAGE_AFTER:
            webhooks.hurry(conn, endpoint.id, now=now)
        if wait:
            endpoints.leave_alone(conn, endpoint.id, until=now + wait)
        return
    if not bad:
        if endpoint.failures >= ALONE_AFTER:
            endpoints.leave_alone(conn, endpoint.id, until=now)
        return
    failures = endpoints.went_wrong(conn, endpoint.id, len(bad), words=bad[-1].words, now=now)
    endpoints.leave_alone(conn, endpoint.id, until=now + max(wait, leave_alone_for(failures)))
    if endpoint.failures < ALONE_AFTER <= failures:
        log.error("the endpoint %s is in trouble, and tried again by and by: %s", endpoint.name, bad[-1].words)
    if endpoint.trouble_since is not None and now - endpoint.trouble_since >= GIVES_UP_AFTER:
        why = f"it has taken nothing since {endpoint.trouble_since:%Y-%m-%d %H:%M} UTC: {bad[-1].words}"
        endpoints.pause(conn, endpoint.id, why=why, now=now)
        log.error("nothing more is sent to the endpoint %s: %s", endpoint.name, why)


def _asked(answer: Answer) -> timedelta:
    return min(answer.wait or timedelta(0), LONGEST_WAIT)


def _give_out(posting: Posting, known: Sequence[Endpoint]) -> None:
    """Address what no endpoint had wanted when it was written to those that want it now."""
    everything = any(not one.events for one in known)
    names = None if everything else sorted({name for one in known for name in one.events})
    with posting.store.read() as conn:
        if not webhooks.nobodys_are_there(conn, names):
            return
    with posting.store.write() as conn:
        rows = webhooks.nobodys(conn, names, limit=_NOBODYS)
        now = posting.clock()
        given = [
            {**{name: row[name] for name in row if name != "id"}, "webhook": one.id, "due_at": now}
            | {"key": addressed(row["key"], one.id)}
            for row in rows
            for one in known
            if one.wants(row["name"])
        ]
        webhooks.write(conn, given)
        webhooks.drop(conn, [row["id"] for row in rows])


def _renew(posting: Posting, ids: Sequence[int]) -> None:
    """Hold on to these rows."""
    with posting.store.write() as conn:
        webhooks.renew(conn, posting.lease(conn), ids)
