"""The users that docs/postgresql.md shows: one owns the tables, the other cannot change them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from academy import Academy
from postgres import QUICK, Server, cluster

PAGE = Path(__file__).parents[2] / "docs" / "postgresql.md"


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of our own: users belong to all databases."""
    with cluster(*QUICK) as server, server.running():
        yield server


def test_each_user_has_the_rights_that_it_needs_and_no_more(server: Server, tmp_path: Path) -> None:
    """What the page says is typed as it stands: the owner makes the tables, the other lives a course."""
    making, granting = re.findall(r"^```sql\n(.*?)^```", PAGE.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    with server.connect() as conn:
        for statement in making.strip().split(";\n"):
            conn.execute(statement)
        conn.execute(granting.partition(";\n")[0])
    owner, other = (server.url("drip").replace("drip@", f"{user}@") for user in ("drip_owner", "drip_app"))
    academy = Academy(folder=tmp_path, variables={"DRIP_DATABASE_URL": owner})
    academy.drip("init")
    academy.drip("db", "upgrade")
    with psycopg.connect(owner, autocommit=True) as conn:
        for statement in granting.partition(";\n")[2].strip().split(";\n"):
            conn.execute(statement)
    academy = Academy(folder=tmp_path, variables={"DRIP_DATABASE_URL": other})
    academy.drip("publish", "first-report")
    academy.drip("learners", "import", "people.csv")
    academy.drip("enrol", "first-report", "--all", "--at", "2026-03-02T06:00Z")
    academy.drip("run", "--until-idle", "--now", "2026-03-02T09:00Z")
    assert academy.told("status")["deliveries"] == {"sent": 2}
    academy.drip("pause", "--all")
    with psycopg.connect(other, autocommit=True) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("ALTER TABLE learner DROP COLUMN email")
    with psycopg.connect(owner, autocommit=True) as conn:
        conn.execute("DROP SCHEMA public CASCADE")
        conn.execute("CREATE SCHEMA public")
        conn.execute("GRANT USAGE ON SCHEMA public TO drip_app")
    assert "permission denied" in academy.drip("db", "upgrade", exit_code=3)
