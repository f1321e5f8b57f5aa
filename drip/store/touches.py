"""What opens and clicks ask of the database, for many at a time: two statements, however many there are.

Each statement takes its rows as one JSON text. Row by row, SQLite would be entered and left once for each, and each
time wait for its turn among the process's threads.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, String, bindparam, cast, column, func, select, text, update
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.sql import Select

from drip.schedule.acts import CONSENT
from drip.schedule.gates import SILENT
from drip.store.among import among
from drip.store.learners import CHUNK
from drip.store.once import insert_into
from drip.store.tables import course, delivery, enrolment, evidence, learner
from drip.track.evidence import Evidence


@dataclass(frozen=True, slots=True)
class Place:
    """The mail that a link came from, with what decides whether it is recorded, and who waits for it.

    `revision` is the mail's, `stands_in` the enrolment's, `current` the course's. `consents` is the learner's own word
    about opens, `imported` what an import said.
    """

    delivery_id: int
    enrolment_id: int
    learner_id: int
    step: str
    revision: str
    language: str
    variant: str
    stands_in: str
    state: str
    next_step: str | None
    course_id: str
    current: str
    consents: bool | None
    imported: str | None


_PLACES = (
    select(
        delivery.c.id,
        delivery.c.enrolment_id,
        delivery.c.learner_id,
        delivery.c.step,
        delivery.c.revision,
        delivery.c.language,
        delivery.c.variant,
        enrolment.c.revision,
        enrolment.c.state,
        enrolment.c.next_step,
        enrolment.c.course_id,
        course.c.revision,
        learner.c.consents_opens,
        learner.c.attributes[CONSENT].as_string(),
    )
    .join(enrolment, enrolment.c.id == delivery.c.enrolment_id)
    .join(course, course.c.id == enrolment.c.course_id)
    .join(learner, learner.c.id == delivery.c.learner_id)
    .where(among(delivery.c.id))
)


def places(conn: Connection, delivery_ids: Sequence[int]) -> dict[int, Place]:
    """delivery → where it belongs, for those that are there."""
    found: dict[int, Place] = {}
    for start in range(0, len(delivery_ids), CHUNK):
        for row in conn.execute(_PLACES, {"ids": list(delivery_ids[start : start + CHUNK])}):
            values: tuple[Any, ...] = tuple(row)
            found[row[0]] = Place(*values)
    return found


#: Every column of a piece of evidence; its number comes by itself.
_NAMES = tuple(one.name for one in evidence.c if one.name != "id")
_KEY = ("source", "source_id")


def _from_sqlite() -> Select[Any]:
    each = func.json_each(bindparam("rows", type_=String())).table_valued("value")
    return select(*(func.json_extract(each.c.value, f"$.{name}") for name in _NAMES)).where(text("true"))


def _from_postgresql() -> Select[Any]:
    rows = func.json_to_recordset(cast(bindparam("rows", type_=String()), JSON()))
    given = rows.table_valued(*(column(name, evidence.c[name].type) for name in _NAMES))
    return select(*given.render_derived(name="given", with_types=True).c)


_GIVEN: dict[str, Select[Any]] = {"sqlite": _from_sqlite(), "postgresql": _from_postgresql()}
_INSERTS: dict[str, Any] = {}


def add_all(conn: Connection, events: Sequence[Evidence]) -> int:
    """Store evidence, and return how much of it is new: what (source, source_id) names already is left alone."""
    if not events:
        return 0
    dialect = conn.dialect.name
    if dialect not in _INSERTS:
        query = insert_into(conn, evidence).from_select(_NAMES, _GIVEN[dialect])
        _INSERTS[dialect] = query.on_conflict_do_nothing(index_elements=list(_KEY))
    written: Callable[[datetime], str] = _as_sqlite_keeps_it if dialect == "sqlite" else datetime.isoformat
    rows = [
        {name: getattr(event, name) for name in _NAMES} | {"at": written(event.at), "data": dict(event.data)}
        for event in events
    ]
    rows.sort(key=itemgetter(*_KEY))  # two that bring the same wait for each other, and do not block
    return int(conn.execute(_INSERTS[dialect], {"rows": json.dumps(rows)}).rowcount)


def _as_sqlite_keeps_it(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


_THESE = among(enrolment.c.id)
_GOES_ON = (
    update(enrolment)
    .where(_THESE, enrolment.c.state == "paused", enrolment.c.paused_by == SILENT)
    .values(state="active", due_at=bindparam("at"))
)
_SOONER = (
    update(enrolment)
    .where(
        _THESE,
        enrolment.c.state == "active",
        (enrolment.c.due_at > bindparam("at")) | (enrolment.c.held_since.is_not(None) & enrolment.c.due_at.is_(None)),
    )
    .values(due_at=bindparam("at"))
)


def wake_all(conn: Connection, enrolment_ids: Sequence[int], at: datetime) -> None:
    """The same as `enrolments.wake`, for many."""
    for start in range(0, len(enrolment_ids), CHUNK):
        chosen = {"ids": list(enrolment_ids[start : start + CHUNK]), "at": at}
        conn.execute(_GOES_ON, chosen)
        conn.execute(_SOONER, chosen)
