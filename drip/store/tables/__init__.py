"""The tables (DESIGN: What is stored). Rows never leave this room: they become the core's values at its border."""

from __future__ import annotations

from sqlmodel import SQLModel

from drip.store.tables.courses import (
    course,
    entry,
    media,
    plan,
    template,
)
from drip.store.tables.evidence import CAME_BACK, evidence
from drip.store.tables.keeping import chore, pin
from drip.store.tables.outgoing import (
    api_token,
    idempotency,
    outbox,
    webhook,
)
from drip.store.tables.people import (
    consent,
    former,
    fresh_link,
    learner,
    request,
    suppression,
)
from drip.store.tables.sending import (
    breaker,
    delivery,
    enrolment,
    pace,
    trace,
    worker,
)

__all__ = [
    "CAME_BACK",
    "SQLModel",
    "api_token",
    "breaker",
    "chore",
    "consent",
    "course",
    "delivery",
    "enrolment",
    "entry",
    "evidence",
    "former",
    "fresh_link",
    "idempotency",
    "learner",
    "media",
    "outbox",
    "pace",
    "pin",
    "plan",
    "request",
    "suppression",
    "template",
    "trace",
    "webhook",
    "worker",
]
