"""A template and a learner become a Message: frozen parts, ready to be written as bytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from jinja2 import TemplateError, UndefinedError
from markupsafe import Markup, escape

from drip.course.scope import Record
from drip.errors import ExpressionError, Refused
from drip.people import Learner
from drip.plan.model import Plan, Sender
from drip.render import mime
from drip.render.certificates import certificate_link
from drip.render.dates import locale_of
from drip.render.links import fill_link
from drip.render.template import Compiled, Template, compiled_for
from drip.track.token import Purpose, Ring, Signer, answer_item, message_digest, return_to

__all__ = ["ANSWER_FOR", "NO_DELIVERY", "Message", "Template", "build_message", "one_line"]

#: An answer is taken for so long after the mail's date.
ANSWER_FOR = timedelta(days=30)
#: The learner's page of the course is open to a mail's link for as long.
COURSE_FOR = ANSWER_FOR
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
    `labels` are the course and the step, by which a provider may count.
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
    labels: tuple[str, ...] = ()


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
    enrolment_id: int = 0,
    cards: Sequence[Template] = (),
    track_opens: bool = True,
    track_clicks: bool = True,
) -> Message:
    """Fill a template for one learner. The same arguments give the same message, so that a retry is the same mail.

    `variables` is `expressions.variables(…)`; `date` is aware and stays the same at every retry; `base_url` is where
    the web side answers; `enrolment_id` is whose certificate `{{ certificate.url }}` leads to; `cards` are questions
    that come back with it, in their order. In a test or preview (`delivery_id` 0) links lead straight to their targets,
    without a pixel. Raises ExpressionError, naming step and placeholder, where a value is missing; Refused for an
    address that cannot be mailed; ValueError for cards where the template has no place for them.
    """
    locale = locale_of(template.language, learner.language)
    try:
        compiled, carried = compiled_for(template, locale), [compiled_for(card, locale) for card in cards]
    except TemplateError as error:
        raise _unfilled(template, error) from error
    if cards and "{{ cards }}" not in template.html:
        raise ValueError(f'step "{template.step}" has no place for questions that come back')
    variables = _in_language(variables, plan, template.language)
    if compiled.certifies:
        where = certificate_link(ring, base_url, enrolment_id)
        variables = {**variables, "certificate": Record({"url": where})}
    links = _Links(base_url.rstrip("/"), Signer(ring, delivery_id), date)
    real = delivery_id != NO_DELIVERY
    try:
        own = {
            "media_url": f"{links.base}/m",
            "unsubscribe_url": links.unsubscribe(),
            "course_url": links.course(),
            "view_url": links.view(),
            "pixel_url": links.pixel() if real and track_opens else "",
            **links.answers(compiled, 0),
            **dict(_targets(template, variables, links.click if real and track_clicks else None)),
        }
        shown = [(one, links.answers(one, number)) for number, one in enumerate(carried, start=1)]
        as_html = {**variables, **_escaped(own)}
        as_html["cards"] = Markup("".join(one.html.fill(_escaped(answers)) for one, answers in shown))
        as_text = {**variables, **own, "cards": "".join(one.text.fill(answers) for one, answers in shown)}
        subject = one_line(compiled.subject.fill(as_text))
        text = compiled.text.fill(as_text)
        html = compiled.html.fill(as_html)
    except (TemplateError, ExpressionError, TypeError, ValueError, ArithmeticError) as error:
        raise _unfilled(template, error) from error
    try:
        standing = _standing(plan.sender, plan.course_id, plan.title)
        rcpt_to = mime.ascii_address(learner.email)
        to = mime.address(one_line(" ".join(filter(None, (learner.first_name, learner.last_name)))), learner.email)
    except ValueError as error:
        raise Refused(str(error)) from None
    message_id = _message_id(ring, delivery_id, standing.domain, rcpt_to, date, subject, text)
    headers = (
        ("From", standing.sender),
        ("To", to),
        ("Reply-To", standing.reply_to),
        ("Subject", subject),
        ("Date", mime.date(date)),
        ("Message-ID", message_id),
        ("List-ID", standing.list_id),
        ("List-Unsubscribe", f"<{own['unsubscribe_url']}>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
        ("Content-Language", template.language),
        # nobody's "I am on holiday" comes back for a lesson (RFC 3834; the second is Exchange's, bounces still come)
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "OOF, AutoReply"),
    )
    return Message(
        delivery_id=delivery_id,
        mail_from=_mail_from(ring, delivery_id, standing),
        rcpt_to=rcpt_to,
        message_id=message_id,
        date=date,
        subject=subject,
        headers=headers,
        text=text,
        html=html,
        labels=(plan.course_id, template.step),
    )


def one_line(value: str) -> str:
    """A value for a header: line breaks and control characters become single spaces."""
    return _CONTROLS.sub(" ", value).strip()


class _Links:
    """The addresses on the web side that stand in one mail."""

    __slots__ = ("_answered_by", "_sign", "base")

    def __init__(self, base: str, signer: Signer, date: datetime) -> None:
        self.base, self._sign, self._answered_by = base, signer.sign, date + ANSWER_FOR

    def unsubscribe(self) -> str:
        return f"{self.base}/u/{self._sign(Purpose.UNSUBSCRIBE)}"

    def course(self) -> str:
        return f"{self.base}/my/{self._sign(Purpose.COURSE, expires_at=self._answered_by)}"

    def view(self) -> str:
        return f"{self.base}/v/{self._sign(Purpose.VIEW)}"

    def pixel(self) -> str:
        return f"{self.base}/o/{self._sign(Purpose.OPEN)}.gif"

    def click(self, number: int) -> str:
        return f"{self.base}/c/{self._sign(Purpose.CLICK, number)}"

    def answers(self, compiled: Compiled, card: int) -> dict[str, str]:
        """The addresses of a question's options, or of a survey's ratings."""
        base, sign, until = f"{self.base}/a/", self._sign, self._answered_by
        return {
            f"answer_{option}": base + sign(Purpose.ANSWER, answer_item(card, option), expires_at=until)
            for option in range(compiled.answers)
        }


def _targets(
    template: Template, variables: Mapping[str, object], click: Callable[[int], str] | None
) -> Iterator[tuple[str, str]]:
    """Where the links of the tip lead: through us (`click`), or straight on."""
    for number, source in enumerate(template.links):
        # a tracked link with placeholders is filled too: what is missing must be said now, not when it is pressed
        target = fill_link(source, variables) if "{" in source or click is None else source
        yield f"link_{number}", target if click is None else click(number)


def _escaped(addresses: Mapping[str, str]) -> Mapping[str, str]:
    """Addresses as they stand in HTML. Hardly any holds what must be escaped: one look at all of them tells."""
    together = "".join(addresses.values())
    if escape(together) == together:
        return addresses
    return {name: escape(address) for name, address in addresses.items()}


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
    bounces: str
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
        bounces=mime.ascii_address(f"x@{sender.bounces}").rpartition("@")[2] if sender.bounces else "",
        list_id=f"{mime.phrase(one_line(title))} <{course_id}.{domain}>",
        domain=domain,
    )


def _mail_from(ring: Ring, delivery_id: int, standing: _Standing) -> str:
    """The envelope's sender: in the domain that bounces are to come to, with an address that says whose they are."""
    return f"{return_to(ring, delivery_id)}@{standing.bounces}" if standing.bounces else standing.mail_from


def _message_id(
    ring: Ring, delivery_id: int, domain: str, rcpt_to: str, date: datetime, subject: str, text: str
) -> str:
    """The same for every retry of a delivery, and nothing that anybody could count or read a person from. A test or a
    preview is named by what it holds.

    It is made with the oldest key: new ones are put before it, and a retry after a rotation is still the same mail.
    """
    real = delivery_id != NO_DELIVERY
    named = f"delivery {delivery_id}" if real else "\0".join(("test", rcpt_to, date.isoformat(), subject, text))
    return f"<{message_digest(ring.keys[-1], named)}@{domain}>"


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
