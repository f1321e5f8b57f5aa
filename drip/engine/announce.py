"""Say that something happened, in the very transaction in which it does: whoever wants to know is told later.

What is said here becomes a row of the outbox for each endpoint that wants it (`drip webhook add`), once for each key,
and goes out by engine/webhooks.py. Where no endpoint wants anything this asks the database nothing: the endpoints are
known for a few seconds at a time (store/endpoints.py), and `happened` is not even looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from drip.people import Enrolment
from drip.store import endpoints, webhooks
from drip.track.evidence import SETTLES_AFTER


class Event(StrEnum):
    """What endpoints can be told of, besides what `notify` steps name."""

    #: A learner came into a course.
    ENROLLED = "enrolled"
    #: A mail of a course went out, and the other side took it.
    SENT = "sent"
    #: A person followed a link of a mail: told once for each link of a mail, when it has settled.
    CLICKED = "clicked"
    #: A question was answered, for the first time in that mail.
    ANSWERED = "answered"
    #: A survey was rated, for the first time.
    RATED = "rated"
    #: A learner came to the end of a course, by its last step, its goal or its stop.
    FINISHED = "finished"
    #: A learner left a course, or everything.
    LEFT = "left"
    #: A mail came back, or the address is dead.
    BOUNCED = "bounced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """Something that happened to a learner. `type` is an Event, or the name of a `notify` step; `key` names this very
    one, so that saying it twice tells it once. `data` is what else is told: nothing that names a person.

    `at` is when it happened (None: now). `kept`: it waits also where no endpoint wants it yet.
    """

    type: str
    key: str
    learner_id: int | None
    data: Mapping[str, object] = field(default_factory=dict)
    at: datetime | None = None
    kept: bool = False


def announce(conn: Connection, happened: Iterable[Announcement], *, now: datetime) -> None:
    """Write down what happened for every endpoint that wants to know. One statement, however much it is."""
    known = endpoints.known(conn)
    if known:
        said = list(happened)
        clicks = [one for one in said if one.type == Event.CLICKED]
        others = [one for one in said if one.type != Event.CLICKED]
        webhooks.write(conn, _rows(known, others, now))
        webhooks.write(conn, _rows(known, clicks, now), looked_at_again=True)


def announce_kept(conn: Connection, happened: Iterable[Announcement], *, now: datetime) -> None:
    """The same for what a course says by itself (`notify`): it waits where no endpoint wants it yet."""
    webhooks.write(conn, _rows(endpoints.known(conn), list(happened), now))


def of_mail(type: Event, key: str, enrolment: Enrolment, step: str, **data: object) -> Announcement:
    """Something about a mail of this enrolment."""
    return of_course(type, key, enrolment, step=step, **data)


def of_course(type: Event, key: str, enrolment: Enrolment, **data: object) -> Announcement:
    """Something about this enrolment as a whole."""
    told = {"course": enrolment.course_id, **data}
    return Announcement(type=type, key=f"{type}/{key}", learner_id=enrolment.learner_id, data=told)


def click_key(enrolment_id: int, delivery_id: int, link: int) -> str:
    """What names the first click of a person on this link of this mail: read by engine/clicks_told.py."""
    return f"{Event.CLICKED}/{enrolment_id}/{delivery_id}/{link}"


def read_click_key(key: str) -> tuple[int, int, str]:
    """(enrolment, delivery, link) of a click's key."""
    _, enrolment_id, delivery_id, link = key.partition("@")[0].split("/")
    return int(enrolment_id), int(delivery_id), link


def _rows(
    known: Iterable[endpoints.Endpoint], happened: Iterable[Announcement], now: datetime
) -> list[Mapping[str, object]]:
    rows: list[Mapping[str, object]] = []
    for one in happened:
        at = one.at or now
        row = {
            "name": str(one.type),
            "payload": dict(one.data),
            "learner_id": one.learner_id,
            "happened_at": at,
            "created_at": now,
        }
        # a click may be a machine's: it is looked at once it has settled
        due_at = at + SETTLES_AFTER if one.type == Event.CLICKED else now
        wanting = [endpoint for endpoint in known if endpoint.wants(one.type)]
        rows += [row | {"key": addressed(one.key, e.id), "webhook": e.id, "due_at": due_at} for e in wanting]
        if one.kept and not wanting:
            rows.append(row | {"key": one.key, "webhook": None, "due_at": None})
    return list({str(row["key"]): row for row in reversed(rows)}.values())


def addressed(key: str, endpoint_id: str) -> str:
    """The key of what is told to one endpoint."""
    return f"{key}@{endpoint_id}"
