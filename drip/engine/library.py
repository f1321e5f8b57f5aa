"""Plans and templates from the store, kept in memory: both never change once they are published."""

from __future__ import annotations

from threading import Lock
from typing import TypeVar

from sqlalchemy import Connection

from drip.errors import StoreError
from drip.plan.model import Plan
from drip.render.message import Template
from drip.store import Store, courses

K = TypeVar("K")
V = TypeVar("V")

#: So many templates, and as many plans, are kept; a course of a hundred tips in three languages fits.
KEEP = 1000


class Lost(StoreError):
    """What an enrolment or a delivery needs is not in the database: its trouble alone, and not the database's."""


def card_of(question: str) -> str:
    """Under which step's name the card of a question that comes back is kept."""
    return f"?{question}"


class Library:
    """Reads each plan and template once. Threads may share it."""

    def __init__(self) -> None:
        self._door = Lock()
        self._plans: dict[str, Plan] = {}
        self._templates: dict[tuple[str, str, str, str], Template] = {}

    def plan(self, conn: Connection, revision: str) -> Plan:
        """The plan of that revision. Raises Lost where the database lacks it."""
        found = self._plans.get(revision) or courses.plan_of(conn, revision)
        if found is None:
            raise Lost(f"the database has no plan {revision}, though an enrolment follows it")
        self._keep(self._plans, revision, found)
        return found

    def template(self, conn: Connection, revision: str, step: str, language: str, variant: str) -> Template:
        """A compiled template. Raises Lost where the database lacks it."""
        key = (revision, step, language, variant)
        found = self._templates.get(key) or courses.template_of(conn, *key)
        if found is None:
            raise Lost(f"the database has no template {'/'.join(key)}, though a delivery needs it")
        self._keep(self._templates, key, found)
        return found

    def template_from(self, store: Store, revision: str, step: str, language: str, variant: str) -> Template:
        """The same, for whoever holds no connection: the database is asked only for what is not at hand yet."""
        if (kept := self._templates.get((revision, step, language, variant))) is not None:
            return kept
        with store.read() as conn:
            return self.template(conn, revision, step, language, variant)

    def card(self, conn: Connection, revision: str, question: str, language: str) -> Template:
        """The card of a question that comes back."""
        return self.template(conn, revision, card_of(question), language, "default")

    def _keep(self, kept: dict[K, V], key: K, value: V) -> None:
        """Keep a value, and let the oldest go when there are too many."""
        if key not in kept:
            with self._door:
                while len(kept) >= KEEP:
                    kept.pop(next(iter(kept)))
                kept[key] = value
