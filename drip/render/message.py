"""A template and a learner become a Message: frozen parts, ready to be written as bytes."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, partial
from hashlib import sha256

from jinja2 import TemplateError, UndefinedError
from markupsafe import Markup

from drip.course.scope import Record
from drip.errors import ExpressionError, Refused
from drip.people import Learner
from drip.plan.model import Plan, Sender
from drip.render import mime
from drip.render.dates import locale_of
from drip.render.links import fill_link
from drip.render.template import Compiled, Template, compiled_for
from drip.track.token import Purpose, Ring, answer_item, sign

__all__ = ["ANSWER_FOR", "NO_DELIVERY", "Message", "Template", "build_message", "one_line"]

#: An answer is taken for so long after the mail's date.
ANSWER_FOR = timedelta(days=30)
#: The place of a test or a preview in the ledger: nowhere.
NO_DELIVERY = 0

_CONTROLS = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]+")
_LACKING = re.compile(r"(?:no attribute )?'([^']+)'(?: is undefined)?\Z")


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


def build_message(
    template: Template,
    *,
    plan: Plan,
    learner: Learner,
    variables: Mapping[str, object],
    delivery_id: int,
    date: datetime,
    ring: Ring,
    base_url: str,
    cards: Sequence[Template] = (),
    track_opens: bool = True,
    track_clicks: bool = True,
) -> Message:
    """Fill a template for one learner. The same arguments give the same message, so that a retry is the same mail.

    `variables` is `expressions.variables(…)`; `date` is aware and stays the same at every retry; `base_url` is where
    the web side answers; `cards` are questions that come back with it, in their order. In a test or preview
    (`delivery_id` 0) links lead straight to their targets, without a pixel. Raises ExpressionError, naming step and
    placeholder, where a value is missing; Refused for an address that cannot be mailed; ValueError for cards where the
    template has no place for them.
    """
    locale = locale_of(template.language, learner.language)
    try:
        compiled, carried = compiled_for(template, locale), [compiled_for(card, locale) for card in cards]
    except TemplateError as error:
        raise _unfilled(template, error) from error
    if cards and "{{ cards }}" not in template.html:
        raise ValueError(f'step "{template.step}" has no place for questions that come back')
    base_url = base_url.rstrip("/")
    signed = partial(_signed, ring, base_url, delivery_id)
    real = delivery_id != NO_DELIVERY
    variables = _in_language(variables, plan, template.language)
    names = dict(variables)
    names["media_url"] = f"{base_url}/m"
    names["unsubscribe_url"] = signed(Purpose.UNSUBSCRIBE)
    names["pixel_url"] = signed(Purpose.OPEN) + ".gif" if real and track_opens else ""
    names |= _answers(compiled, 0, signed, date)
    tracked = real and track_clicks
    try:
        for number, source in enumerate(template.links):
            # a tracked link with placeholders is filled too: what is missing must be said now, not when it is pressed
            target = fill_link(source, variables) if "{" in source or not tracked else source
            names[f"link_{number}"] = signed(Purpose.CLICK, number) if tracked else target
        shown = [(one, _answers(one, number, signed, date)) for number, one in enumerate(carried, start=1)]
        subject = one_line(compiled.subject.render(names))
        text = compiled.text.render(names, cards="".join(one.text.render(links) for one, links in shown))
        html = compiled.html.render(names, cards=Markup("".join(one.html.render(links) for one, links in shown)))
    except (TemplateError, ExpressionError, TypeError, ValueError, ArithmeticError) as error:
        raise _unfilled(template, error) from error
    try:
        standing = _standing(plan.sender, plan.course_id, plan.title)
        rcpt_to = mime.ascii_address(learner.email)
        to = mime.address(one_line(" ".join(filter(None, (learner.first_name, learner.last_name)))), learner.email)
    except ValueError as error:
        raise Refused(str(error)) from None
    message_id = _message_id(ring, delivery_id, standing.domain, (rcpt_to, date.isoformat(), subject, text))
    headers = (
        ("From", standing.sender),
        ("To", to),
        ("Reply-To", standing.reply_to),
        ("Subject", subject),
        ("Date", mime.date(date)),
        ("Message-ID", message_id),
        ("List-ID", standing.list_id),
        ("List-Unsubscribe", f"<{names['unsubscribe_url']}>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("Content-Language", template.language),
        # nobody's "I am on holiday" comes back for a lesson (RFC 3834; the second is Exchange's, bounces still come)
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "OOF, AutoReply"),
    )
    return Message(
        delivery_id=delivery_id,
        mail_from=standing.mail_from,
        rcpt_to=rcpt_to,
        message_id=message_id,
        date=date,
        subject=subject,
        headers=headers,
        text=text,
        html=html,
    )


def one_line(value: str) -> str:
    """A value for a header: line breaks and control characters become single spaces."""
    return _CONTROLS.sub(" ", value).strip()


#: Where a link of each purpose leads on the web side.
_PLACES = {Purpose.UNSUBSCRIBE: "u", Purpose.OPEN: "o", Purpose.CLICK: "c", Purpose.ANSWER: "a"}


def _signed(
    ring: Ring, base: str, delivery_id: int, purpose: Purpose, item: int = 0, expires_at: datetime | None = None
) -> str:
    return f"{base}/{_PLACES[purpose]}/{sign(ring, purpose, delivery_id, item, expires_at=expires_at)}"


def _answers(
    compiled: Compiled, card: int, signed: Callable[[Purpose, int, datetime], str], date: datetime
) -> dict[str, object]:
    """The addresses of a question's options, or of a survey's ratings."""
    return {
        f"answer_{option}": signed(Purpose.ANSWER, answer_item(card, option), date + ANSWER_FOR)
        for option in range(compiled.answers)
    }


def _in_language(variables: Mapping[str, object], plan: Plan, language: str) -> Mapping[str, object]:
    """What texts see: `course.` is in the mail's own language."""
    if language == plan.language:
        return variables
    title = plan.titles.get(language, plan.title)
    return {**variables, "course": Record({"id": plan.course_id, "title": title, "language": language})}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    """What is the same in every mail of a course."""

    sender: str
    reply_to: str
    mail_from: str
    list_id: str
    domain: str


@lru_cache(maxsize=256)
def _standing(sender: Sender, course_id: str, title: str) -> _Standing:
    mail_from = mime.ascii_address(sender.email)
    domain = mail_from.rpartition("@")[2]
    return _Standing(
        sender=mime.address(one_line(sender.name), sender.email),
        reply_to=mime.ascii_address(sender.reply_to or sender.email),
        mail_from=mail_from,
        list_id=f"{mime.phrase(one_line(title))} <{course_id}.{domain}>",
        domain=domain,
    )


def _message_id(ring: Ring, delivery_id: int, domain: str, content: tuple[str, ...]) -> str:
    """The same for every retry of a delivery, and nothing that anybody could count or read a person from.

    It is made with the oldest key: new ones are put before it, and a retry after a rotation is still the same mail.
    """
    named = f"delivery {delivery_id}" if delivery_id != NO_DELIVERY else "\0".join(("test", *content))
    return f"<{hmac.digest(ring.keys[-1], b'message-id ' + named.encode(), sha256).hex()[:32]}@{domain}>"


def _unfilled(template: Template, error: Exception) -> ExpressionError:
    """The error for a placeholder that this learner has no value for, under the name that the author wrote."""
    cause = error.__cause__ if isinstance(error, ExpressionError) else error
    found = _LACKING.search(str(cause)) if isinstance(cause, UndefinedError) else None
    if not found:
        return ExpressionError(f'step "{template.step}" cannot be filled: {error}')
    sources = "\n".join((template.html, template.subject, *template.links))
    written = re.search(rf"\b(?:learner|course|enrolment)\.{re.escape(found[1])}\b", sources)
    name = written[0] if written else found[1]
    return ExpressionError(
        f'step "{template.step}" needs {{{{ {name} }}}}, which this learner has no value for',
        hint=f"write {{{{ {name} | default('…') }}}}, or give the learner a value",
    )
