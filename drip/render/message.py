"""A template and a learner become a Message: frozen parts, ready to be written as bytes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """What `render/layout.py` makes once per (revision, step, language, variant), as Jinja source, and a worker fills.

    `links` are the targets of the tracked links, in the order of their numbers (from 0): Jinja source whose scheme and
    host are literal. `subject` and `text` are plain text, `html` is HTML.
    """

    revision: str
    step: str
    language: str
    variant: str
    subject: str
    html: str
    text: str
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One mail to one person. Everything that a transport needs, and nothing that it must look up.

    `delivery_id` is the ledger row (0: a test or a preview). `mail_from` and `rcpt_to` are the envelope, ASCII.
    `headers` are (name, value) in their order, values as Unicode text without line breaks; `mime.to_bytes` encodes
    them and adds MIME-Version and the Content-* of the parts. `message_id` is what the Message-ID header holds.
    """

    delivery_id: int
    mail_from: str
    rcpt_to: str
    message_id: str
    date: datetime
    subject: str
    headers: tuple[tuple[str, str], ...]
    text: str
    html: str
