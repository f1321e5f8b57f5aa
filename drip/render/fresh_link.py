"""The mail that takes a learner back to their own page: one sentence, one button, and what to do if it was not them."""

from __future__ import annotations

from datetime import datetime

from drip.people import Learner
from drip.plan.model import Plan
from drip.render.brand import Brand
from drip.render.languages import words_for
from drip.render.message import COURSE_FOR, Message, one_line
from drip.render.note import Note, note_mail
from drip.render.parts import title_in
from drip.track.token import Purpose, Ring, sign


def fresh_link_mail(
    plan: Plan,
    learner: Learner,
    *,
    number: int,
    delivery_id: int,
    asked_at: datetime,
    ring: Ring,
    base_url: str,
    brand: Brand,
) -> Message:
    """The mail for one press: the same arguments give the same mail. Raises ValueError for an address that is none."""
    language = plan.language_for(learner.language)
    words, course = words_for(language), title_in(plan, language)
    my = words.pages.my
    link = f"{base_url.rstrip('/')}/my/{sign(ring, Purpose.COURSE, delivery_id, expires_at=asked_at + COURSE_FOR)}"
    subject, text = one_line(my.fresh_subject.format(course=course)), my.fresh_text.format(course=course)
    note = Note(title=course, text=text, button=my.fresh_open, link=link, not_you=my.fresh_not_you, told_title=False)
    return note_mail(
        plan,
        note,
        kind="fresh-link",
        name=f"fresh link {number}",
        email=learner.email,
        subject=subject,
        words=words,
        asked_at=asked_at,
        ring=ring,
        brand=brand,
    )
