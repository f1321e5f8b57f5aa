"""Every row that names or points at one person, table by table, as it stands: what an export tells."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import ColumnElement, Connection, String, Table, cast, func, or_, select

from drip.store.tables import (
    consent,
    delivery,
    enrolment,
    entry,
    evidence,
    fresh_link,
    idempotency,
    learner,
    outbox,
    request,
    suppression,
    trace,
)

Rows = list[dict[str, Any]]
#: What parts an address from the words around it: `bo@…` does not stand in `jum.bo@…`, nor in `bo@….org`.
_BEGINS, _ENDS = r"(?<!\w)(?<!\w[.+'-])", r"(?![\w-]|\.\w)"
_JSON_ESCAPE = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)")


def of_learner(conn: Connection, learner_id: int) -> dict[str, Rows]:
    """table → rows, of what points at a learner."""
    runs = select(enrolment.c.id).where(enrolment.c.learner_id == learner_id)
    return {
        "learner": _rows(conn, learner, learner.c.id == learner_id),
        "enrolments": _rows(conn, enrolment, enrolment.c.learner_id == learner_id),
        "mails": _rows(conn, delivery, delivery.c.learner_id == learner_id),
        "evidence": _rows(conn, evidence, evidence.c.learner_id == learner_id),
        "consents": _rows(conn, consent, consent.c.learner_id == learner_id),
        "way": _rows(conn, trace, trace.c.enrolment_id.in_(runs)),
        "dates": _rows(conn, entry, entry.c.learner_id == learner_id),
        "fresh_links": _rows(conn, fresh_link, fresh_link.c.learner_id == learner_id),
    }


def of_address(
    conn: Connection, address_hash: str, words: Sequence[str], *, learner_id: int | None = None
) -> dict[str, Rows]:
    """table → rows, of what knows the address by its hash, or names it (`words`); webhooks also by the learner."""
    hooks = _naming(_rows(conn, outbox, naming(cast(outbox.c.payload, String), words)), "payload", words)
    if learner_id is not None:
        hooks += [row for row in _rows(conn, outbox, outbox.c.learner_id == learner_id) if row not in hooks]
    return {
        "requests": _rows(conn, request, request.c.address_hash == address_hash),
        "suppression": _rows(conn, suppression, suppression.c.address_hash == address_hash),
        "api_answers": _naming(_rows(conn, idempotency, naming(idempotency.c.body, words)), "body", words),
        "webhooks": sorted(hooks, key=lambda row: int(row["id"])),
    }


def naming(column: ColumnElement[Any], words: Sequence[str]) -> ColumnElement[bool]:
    """Whether a text holds one of these words, in capitals or not: it may be a part of somebody else's address."""
    return or_(*(func.lower(column).contains(word.lower(), autoescape=True) for word in words if word))


def names(said: object, words: Sequence[str]) -> bool:
    """Whether one of these words stands by itself in a JSON value, or in the text of one."""
    if isinstance(said, str):
        with suppress(ValueError):
            said = json.loads(said)
    text = _JSON_ESCAPE.sub(" ", json.dumps(said, ensure_ascii=False).lower())
    return any(re.search(f"{_BEGINS}{re.escape(word.lower())}{_ENDS}", text) for word in words if word)


def _naming(rows: Rows, column: str, words: Sequence[str]) -> Rows:
    return [row for row in rows if names(row[column], words)]


def _rows(conn: Connection, table: Table, where: ColumnElement[bool]) -> Rows:
    found: Sequence[Mapping[Any, Any]] = conn.execute(select(table).where(where)).mappings().all()
    rows = [{str(key): value for key, value in row.items()} for row in found]
    return sorted(rows, key=lambda row: row.get("id") or 0)
