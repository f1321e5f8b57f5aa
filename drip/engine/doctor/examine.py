"""The whole examination: what is looked at, side by side, and what comes of it. It always ends, and soon."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from drip.engine.doctor import asking, clocks, database, dkim, events, links, secrecy, sending, server
from drip.engine.doctor.names import Names, Patience
from drip.engine.doctor.premises import Premises
from drip.engine.doctor.row import TOPICS, Row
from drip.engine.doctor.tasks import Looks, T, Task
from drip.errors import DripError
from drip.plan.model import Sender
from drip.store import courses

#: Seconds for all of it.
TOTAL_SECONDS = 18.0
#: Seconds that the database gets to say who the published courses come from, before DNS is asked without it.
_SENDERS_SECONDS = 6.0


def examine(
    premises: Premises,
    *,
    clock: Callable[[], datetime],
    only: Collection[str] = (),
    nameserver: tuple[str, int] | None = None,
    patience: Patience | None = None,
) -> list[Row]:
    """Every finding about these topics (none named: all), topic by topic. Takes at most so long as `patience` has.

    Raises nothing for what is wrong with the world: that is a finding.
    """
    topics = frozenset(only) or frozenset(TOPICS)
    stop = clocks.pace(clock)
    patience = patience or Patience(TOTAL_SECONDS)
    names, looks = Names(patience, nameserver), Looks(patience)

    def begin(for_topics: Collection[str], look: Callable[[], T]) -> Task[T] | None:
        return Task(look) if topics.intersection(for_topics) else None

    data = begin({"database", "clock"}, lambda: database.look(premises.open_store, premises.folder, clock))
    web = begin({"links", "clock"}, lambda: links.look(premises.base_url, names, patience, clock))
    post = begin({"server"}, lambda: server.greet(premises.server, patience) if premises.server is not None else None)
    told = begin({"sending"}, lambda: events.look(premises.open_store, clock()))
    files = begin({"secrets"}, lambda: secrecy.look(premises.folder, premises.secret_files, premises.key_files))
    published = begin({"sending", "links", *asking.TOPICS_OF_DNS}, lambda: _published(premises))

    nobody: list[Sender] = []
    senders = asking.each([*premises.senders, *looks.wait("database", published, nobody, _SENDERS_SECONDS)])
    rows = looks.judged("sending", lambda: _sending(premises, senders, examples=nameserver is None))
    heard = looks.wait("sending", told, events.Told())
    rows += events.judge(premises.kind, premises.base_url, key=premises.events_key, told=heard)
    rows += dkim.judge_files(premises.signing_trouble)
    rows += looks.judged("dns", lambda: asking.ask(premises, senders, names, looks, topics))
    met = looks.wait("server", post, None)
    rows += looks.judged("server", lambda: _server(premises, met, clock()))
    seen = looks.wait("links", web, None)
    rows += looks.judged("links", lambda: _links(premises, senders, seen, clock()))
    opened = looks.wait("database", data, None)
    rows += looks.judged("database", lambda: database.judge(opened) if opened is not None else [])
    rows += looks.judged("clock", lambda: _clocks(premises, opened, seen, stop(), clock()))
    rows += looks.judged("secrets", lambda: secrecy.judge_keys(premises.secret_keys))
    holders = looks.wait("secrets", files, None)
    rows += secrecy.judge_files(holders or [])
    rows += looks.given_up
    order = list(TOPICS)
    return sorted((row for row in rows if row.topic in topics), key=lambda row: order.index(row.topic))


def _published(premises: Premises) -> list[Sender]:
    """Who the published courses come from; nobody where there is no database, or one that is told of elsewhere."""
    store = None
    try:
        store = premises.open_store()
        if store.file is not None and not store.file.exists():
            return []
        store.require_current()
        with store.read() as conn:
            plans = [courses.plan_of(conn, one.revision) for one in courses.listed(conn)]
        return [plan.sender for plan in plans if plan is not None]
    except DripError:
        return []
    finally:
        if store is not None:
            store.close()


def _sending(premises: Premises, senders: list[Sender], *, examples: bool) -> list[Row]:
    return sending.judge(
        senders,
        premises.kind,
        premises.way_out,
        premises.trouble,
        only_to=premises.only_to,
        postal_address=premises.postal_address,
        examples=examples,
    )


def _server(premises: Premises, met: server.Greeted | None, now: datetime) -> list[Row]:
    return server.judge(premises.server, met, now=now) if premises.server is not None and met is not None else []


def _links(premises: Premises, senders: list[Sender], seen: links.Seen | None, now: datetime) -> list[Row]:
    if seen is None:
        return []
    domains = [domain for sender in senders if (domain := sending.domain_of(sender.email))]
    leave = premises.kind != "outbox" and not premises.only_to
    return links.judge(premises.base_url, seen, domains, now=now, mails_leave=leave)


def _clocks(
    premises: Premises, opened: database.Opened | None, seen: links.Seen | None, gone: clocks.Pace, now: datetime
) -> list[Row]:
    readings = []
    found = opened.condition if opened is not None else None
    if opened is not None and found is not None and found.clock is not None and opened.asked_at is not None:
        readings.append(clocks.Reading(of=opened.shown, theirs=found.clock, ours=opened.asked_at))
    if seen is not None and seen.said_at is not None and seen.asked_at is not None:
        middle = seen.said_at + timedelta(seconds=0.5)  # a Date header names the second that has begun
        readings.append(clocks.Reading(of=premises.base_url, theirs=middle, ours=seen.asked_at))
    missing = clocks.missing_zones([*premises.zones, *clocks.ZONES])
    last = found.last_claim_at if found is not None else None
    return clocks.judge(readings, gone, missing, now=now, last_claim_at=last)
