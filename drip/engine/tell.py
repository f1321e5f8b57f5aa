"""Endpoints of outgoing webhooks: add one, take one away, pause it, try it, send things again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from urllib.parse import urlsplit

from sqlalchemy.exc import IntegrityError

from drip.engine.announce import Event
from drip.engine.told import BY_A_PERSON
from drip.engine.webhooks import Posting, body_of, message_id, number_of, post_now
from drip.errors import NotFound, Refused
from drip.outbound.poster import Answer
from drip.outbound.signing import secret_of
from drip.store import Store, endpoints, webhooks
from drip.store.endpoints import Endpoint
from drip.store.webhooks import Line, Waiting
from drip.transports.sendgrid_url import is_loopback

#: So many endpoints at the most: each has a thread of its own in every worker.
MOST_ENDPOINTS = 20
#: The event of `drip webhook test`, which only that sends.
TEST = "webhook.test"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_EVENT = re.compile(r"[A-Za-z0-9][\w.-]{0,99}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An endpoint, and what waits for it."""

    endpoint: Endpoint
    standing: Waiting


def add(
    store: Store, name: str, url: str, *, events: Iterable[str], id: str, now: datetime, in_the_clear: bool = False
) -> Endpoint:
    """A new endpoint that wants these events (none named: all); it is told what happens from now on.

    `id` is random. Raises Refused for an address in the clear (unless that is meant), and for names that cannot be.
    """
    if not _NAME.fullmatch(name):
        raise Refused(f'"{name}" is no name for an endpoint: write small letters, digits, dots and dashes, such as crm')
    one = Endpoint(id=id, name=name, url=_url(url, in_the_clear), events=frozenset(map(_event, events)), created_at=now)
    try:
        with store.write() as conn:
            if len(endpoints.listed(conn)) >= MOST_ENDPOINTS:
                raise Refused(f"there are {MOST_ENDPOINTS} endpoints, and no more can be told: remove one")
            endpoints.add(conn, one)
    except IntegrityError:
        raise Refused(f'there is an endpoint "{name}": remove it first, or take another name') from None
    return one


def _url(url: str, in_the_clear: bool) -> str:
    wanted = "write the whole address, such as https://crm.acme.example/hooks/drip"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise Refused(f"that is no address of the web; {wanted}") from None
    if parts.scheme not in ("http", "https") or not host or port == 0 or re.search(r"[\s\x00-\x1f\x7f]", url):
        raise Refused(f"that is no address of the web; {wanted}")
    if parts.username is not None or parts.password is not None:
        raise Refused("no name and password in the address: the receiver knows us by the signature")
    if parts.scheme == "http" and not is_loopback(host) and not in_the_clear:
        raise Refused(
            "http:// would carry addresses of people in the clear: write https://, or add --in-the-clear to mean it"
        )
    return url


def _event(name: str) -> str:
    if name in (*Event, TEST) or ("." in name and _EVENT.fullmatch(name)):
        return name
    close = get_close_matches(name, list(Event), n=1)
    hint = f'did you mean "{close[0]}"?' if close else f"there are {', '.join(Event)}, and all"
    raise Refused(f'there is no event "{name}": {hint}\n  (what a notify step of a course names has a dot in it)')


def find(store: Store, name: str) -> Endpoint:
    """The endpoint of that name. Raises NotFound, with a close match or what to type."""
    with store.read() as conn:
        found = endpoints.by_name(conn, name)
        known = [one.name for one in endpoints.listed(conn)]
    if found is None:
        close = get_close_matches(name, known, n=1)
        there = f"there are {', '.join(known)}" if known else "there is none yet: drip webhook add NAME URL"
        raise NotFound(f'there is no endpoint "{name}"; ' + (f'did you mean "{close[0]}"?' if close else there))
    return found


def listed(store: Store) -> list[Seen]:
    """Every endpoint, and what waits for it."""
    with store.read() as conn:
        standing = webhooks.standing(conn)
        return [Seen(endpoint=one, standing=standing.get(one.id, Waiting())) for one in endpoints.listed(conn)]


def remove(store: Store, name: str) -> int:
    """Take an endpoint away. Returns how much waited for it, and is told to nobody now."""
    found = find(store, name)
    with store.write() as conn:
        return endpoints.remove(conn, found.id)


def pause(store: Store, name: str, *, now: datetime) -> None:
    """Send nothing more to it: what happens meanwhile waits, for 30 days."""
    found = find(store, name)
    with store.write() as conn:
        endpoints.pause(conn, found.id, why=BY_A_PERSON, now=now)


def resume(store: Store, name: str, *, now: datetime) -> None:
    """Send to it again, what has waited first."""
    found = find(store, name)
    with store.write() as conn:
        endpoints.resume(conn, found.id)
        webhooks.hurry(conn, found.id, now=now)


def secrets_of(store: Store, name: str, workspace_secrets: Sequence[str]) -> list[str]:
    """What its receiver verifies with, the newest first: one for each secret of the workspace."""
    found = find(store, name)
    return [secret_of(one, found.id) for one in workspace_secrets]


def try_out(posting: Posting, name: str, *, number: int) -> tuple[str, Answer]:
    """Post a test at once: (its webhook-id, what came of it). `number` tells it from other tests."""
    found = find(posting.store, name)
    message = message_id(number, f"{TEST}@{found.id}")
    body = body_of(TEST, posting.real_clock(), {"endpoint": name}, ref=None, email=None)
    return message, post_now(posting, found, message=message, body=body)


def replay(
    store: Store,
    name: str,
    *,
    now: datetime,
    since: datetime | None = None,
    ids: Sequence[str] | None = None,
    failed: bool = False,
) -> int:
    """Send again what was told since then, what has these webhook-ids, or what has failed. Returns how many wait now.

    They keep their webhook-id: whoever remembers it can tell that it has seen them.
    """
    found = find(store, name)
    numbers = None
    if ids is not None:
        named = {one: number_of(one) for one in ids}
        if wrong := [one for one, number in named.items() if number is None]:
            raise Refused(f'"{wrong[0]}" is no webhook-id: drip webhook log {name} lists them (msg_…)')
        numbers = [number for number in named.values() if number is not None]
    with store.write() as conn:
        return webhooks.replay(conn, found.id, now=now, since=since, ids=numbers, failed=failed)


def log_of(store: Store, name: str | None, *, limit: int) -> list[Line]:
    """The last of what was told, what waits and what failed, the newest first."""
    found = find(store, name) if name is not None else None
    with store.read() as conn:
        return webhooks.lines(conn, None if found is None else found.id, limit=limit)
