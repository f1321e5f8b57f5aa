"""Queries over the pictures that mails show."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, select

from drip.store.once import add_all_new
from drip.store.tables import media

#: ending of a name → what the web calls such a file.
CONTENT_TYPES = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"}


def put(conn: Connection, contents: Mapping[str, bytes], *, now: datetime) -> None:
    """Store pictures; the name is made of the content, so one that is there stays."""
    there = set(conn.execute(select(media.c.name).where(media.c.name.in_(list(contents)))).scalars())
    rows = [{"name": name, "content": content, "added_at": now} for name, content in contents.items()]
    add_all_new(conn, media, [row for row in rows if row["name"] not in there], key=("name",))


def get(conn: Connection, name: str) -> tuple[str, bytes] | None:
    """(content type, content) of a picture."""
    content = conn.execute(select(media.c.content).where(media.c.name == name)).scalar_one_or_none()
    return (
        None if content is None else (CONTENT_TYPES.get(name.rpartition(".")[2], "application/octet-stream"), content)
    )
