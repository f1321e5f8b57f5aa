"""Plans and templates from the store, kept in memory: both never change once they are published."""

from __future__ import annotations

from sqlalchemy import Connection

from drip.errors import StoreError
from drip.plan.model import Plan
from drip.render.message import Template
from drip.store import courses

#: So many templates are kept; a course of a hundred tips in three languages fits.
KEEP = 1000


class Library:
    """Reads each plan and template once. Not shared between threads that write to it at the same time."""

    def __init__(self) -> None:
        self._plans: dict[str, Plan] = {}
        self._templates: dict[tuple[str, str, str, str], Template] = {}

    def plan(self, conn: Connection, revision: str) -> Plan:
        """The plan of that revision. Raises StoreError where the database lacks it."""
        if revision not in self._plans:
            found = courses.plan_of(conn, revision)
            if found is None:
                raise StoreError(f"the database has no plan {revision}, though an enrolment follows it")
            self._plans[revision] = found
        return self._plans[revision]

    def template(self, conn: Connection, revision: str, step: str, language: str, variant: str) -> Template:
        """A compiled template. Raises StoreError where the database lacks it."""
        key = (revision, step, language, variant)
        if key not in self._templates:
            found = courses.template_of(conn, *key)
            if found is None:
                raise StoreError(f"the database has no template {'/'.join(key)}, though a delivery needs it")
            while len(self._templates) >= KEEP:
                self._templates.pop(next(iter(self._templates)))
            self._templates[key] = found
        return self._templates[key]
