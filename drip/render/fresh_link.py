"""The mail that takes a learner back to their own page: one sentence, one button, and what to do if it was not them."""

from __future__ import annotations

import hmac
from datetime import datetime
from hashlib import sha256

from drip.people import Learner
from drip.plan.model import Plan
from drip.render import mime
from drip.render.brand import Brand, palette
from drip.render.confirmation import note_html
from drip.render.languages import words_for
from drip.render.message import COURSE_FOR, NO_DELIVERY, Message, one_line
from drip.render.parts import title_in
from drip.render.words import direction
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
    words, course, sender = words_for(language), title_in(plan, language), brand.name or plan.sender.name
    my = words.pages.my
    link = f"{base_url.rstrip('/')}/my/{sign(ring, Purpose.COURSE, delivery_id, expires_at=asked_at + COURSE_FOR)}"
    subject, text = one_line(my.fresh_subject.format(course=course)), my.fresh_text.format(course=course)
    mail_from, rcpt_to = mime.ascii_address(plan.sender.email), mime.ascii_address(learner.email)
    name = hmac.digest(ring.keys[-1], f"message-id fresh link {number}".encode(), sha256).hex()[:32]
    message_id = f"<{name}@{mail_from.rpartition('@')[2]}>"
    footer = "\n".join(filter(None, (sender, brand.address)))
    headers = (
        ("From", mime.address(one_line(plan.sender.name), plan.sender.email)),
        ("To", rcpt_to),
        ("Reply-To", mime.ascii_address(plan.sender.reply_to or plan.sender.email)),
        ("Subject", subject),
        ("Date", mime.date(asked_at)),
        ("Message-ID", message_id),
        ("Content-Language", words.language),
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "OOF, AutoReply"),
    )
    return Message(
        delivery_id=NO_DELIVERY,
        mail_from=mail_from,
        rcpt_to=rcpt_to,
        message_id=message_id,
        date=asked_at,
        subject=subject,
        headers=headers,
        text=f"{text}\n\n{my.fresh_open}:\n{link}\n\n{my.fresh_not_you}\n\n--\n{footer}\n",
        html=note_html(
            language=words.language,
            way=direction(words.language),
            subject=subject,
            title=course,
            text=text,
            button=my.fresh_open,
            link=link,
            not_you=my.fresh_not_you,
            footer=footer,
            colours=palette(brand),
        ),
        labels=(plan.course_id, "fresh-link"),
    )
