"""The one mail that asks whether it was really them who asked for a course: a button, and nothing of theirs in it.

Whatever somebody wrote into the form stands nowhere in it, but for the address that it goes to: so a form cannot be
made to send strangers' words to strangers.
"""

from __future__ import annotations

from datetime import datetime

from drip.plan.model import Plan
from drip.render.brand import Brand
from drip.render.languages import words_for
from drip.render.message import Message, one_line
from drip.render.note import Note, note_mail
from drip.render.parts import title_in
from drip.track.token import Purpose, Ring, sign


def confirmation(
    plan: Plan,
    *,
    number: int,
    check: int,
    email: str,
    language: str,
    asked_at: datetime,
    until: datetime,
    ring: Ring,
    base_url: str,
    brand: Brand,
) -> Message:
    """The mail for one request: the same arguments give the same mail, so that a second try is no second mail.

    `check` tells it from an earlier request of the same `number`. Raises ValueError for an address that cannot be
    mailed.
    """
    words = words_for(language)
    said, course, sender = words.subscribe, title_in(plan, language), brand.name or plan.sender.name
    link = f"{base_url.rstrip('/')}/s/{sign(ring, Purpose.SUBSCRIBE, number, check, expires_at=until)}"
    values = {"course": course, "sender": sender}
    subject = one_line(said.mail_subject.format_map(values))
    text = said.mail_text.format_map(values)
    note = Note(title=said.mail_title, text=text, button=said.mail_button, link=link, not_you=said.mail_not_you)
    return note_mail(
        plan,
        note,
        kind="subscribe",
        name=f"request {number}",
        email=email,
        subject=subject,
        words=words,
        asked_at=asked_at,
        ring=ring,
        brand=brand,
    )
