"""Fixtures for tests that meet a disk, a network or a database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from drip.render.message import Message
from drip.render.mime import address


@pytest.fixture
def mail() -> Callable[..., Message]:
    """Make a message: `mail(7)`, `mail(7, "ada@lovelace.example")`, and any field of it by name."""

    def make(delivery_id: int, rcpt_to: str = "", **changes: Any) -> Message:
        rcpt_to = rcpt_to or f"learner{delivery_id}@lovelace.example"
        fields: dict[str, Any] = {
            "delivery_id": delivery_id,
            "mail_from": "bounces@acme.example",
            "rcpt_to": rcpt_to,
            "message_id": f"<{delivery_id}.first-report@acme.example>",
            "date": datetime(2026, 11, 5, 8, 0, tzinfo=UTC),
            "subject": f"Börja från en sparad vy, {delivery_id}",
            "headers": (("From", address("Acme Academy", "learn@acme.example")), ("To", rcpt_to)),
            "text": "En graf börjar från en sparad vy.\n",
            "html": "<p>En graf börjar från en <em>sparad vy</em>.</p>\n",
            **changes,
        }
        return Message(**fields)

    return make
