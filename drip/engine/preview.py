"""The real message of a step, without a ledger row: for a look, or as a test to one address."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches

from drip.engine.columns import BadCell, column_name
from drip.engine.roster import Declared, check_entry
from drip.errors import NotFound, UserError
from drip.people import Enrolment, Facts, Learner
from drip.plan.model import Mail, Plan
from drip.render.message import NO_DELIVERY, Message, Template, build_message
from drip.schedule.advance import scope
from drip.track.token import Ring

#: Who a preview is for when nobody is named.
SOMEBODY = Learner(id=0, ref="preview", email="ada@customer.example", first_name="Ada", last_name="Byron")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """One message; `name` is the step, with the variant where there are several.

    `html` is the message's with the pictures that we host beside it, under `m/`.
    """

    name: str
    mail: Mail
    variant: str
    message: Message
    html: str


def learner_from(values: Mapping[str, object], declared: Declared = None) -> Learner:
    """A learner for a preview or a simulation, read as an import reads one: what is not said, they do not have.

    Keys beside the learner's own are attributes, as are those under `attributes`. Raises UserError for what an import
    would refuse too.
    """
    nested = values.get("attributes")
    said = {**values, **nested} if isinstance(nested, Mapping) else dict(values)
    if isinstance(nested, Mapping):
        del said["attributes"]
    ref = said.pop("ref", None)
    try:
        cells = {column_name(str(key)): _cell(str(key), value) for key, value in said.items()}
        texts = {"email": SOMEBODY.email, **{key: text for key, text in cells.items() if text}}
        entry = check_entry(texts, declared=declared)
    except BadCell as bad:
        raise UserError(str(bad)) from None
    return Learner(
        id=SOMEBODY.id,
        ref=str(ref or SOMEBODY.ref),
        email=entry.email,
        first_name=entry.first_name,
        last_name=entry.last_name,
        language=entry.language,
        timezone=entry.timezone,
        attributes=entry.attributes,
    )


def _cell(key: str, value: object) -> str:
    """The text that an import would read: `true`, `5`, nothing for null."""
    if value is None or isinstance(value, bool):
        return "" if value is None else str(value).lower()
    if isinstance(value, Mapping) or (isinstance(value, Sequence) and not isinstance(value, str)):
        raise BadCell(key, f"{key} is a list or an object: a text is wanted")
    return str(value)


def preview(
    plan: Plan,
    templates: tuple[Template, ...],
    *,
    learner: Learner,
    now: datetime,
    ring: Ring,
    base_url: str,
    step: str | None = None,
    language: str | None = None,
    variant: str | None = None,
) -> Iterator[Preview]:
    """The message of each step (or of one), in each variant (or in one), in a language or in that which the learner
    would get. Raises NotFound with what there is.
    """
    check_names(plan, step=step, language=language, variant=variant)
    mails = [one for one in plan.steps if isinstance(one, Mail)]
    spoken = _language(plan, language) if language is not None else plan.language_for(learner.language)
    sees = seen_by(plan, learner, now)
    for template in templates:
        mail = next((mail for mail in mails if mail.id == template.step), None)
        if mail is None or step not in (None, mail.id) or variant not in (None, template.variant):
            continue
        if template.language != spoken:
            continue
        message = build_message(
            template,
            plan=plan,
            learner=learner,
            variables=sees,
            delivery_id=NO_DELIVERY,
            date=now,
            ring=ring,
            base_url=base_url,
        )
        name = mail.id.replace("/", "_")  # the name of a file; a written id has neither
        name = name if len(mail.variants) == 1 else f"{name}.{template.variant}"
        html = message.html.replace(f'"{base_url.rstrip("/")}/m/', '"m/')
        yield Preview(name=name, mail=mail, variant=template.variant, message=message, html=html)


def check_names(plan: Plan, *, step: str | None, language: str | None, variant: str | None) -> None:
    """Raises NotFound, with what there is, for a step, a language or a variant that the course does not have."""
    mails = [one for one in plan.steps if isinstance(one, Mail)]
    if step is not None and step not in {mail.id for mail in mails}:
        raise NotFound(f'the course {plan.course_id} has no tip "{step}"; {_hint(step, [mail.id for mail in mails])}')
    if language is not None:
        _language(plan, language)
    named = {one.name: None for mail in mails if step in (None, mail.id) for one in mail.variants}
    if variant is not None and variant not in named:
        where = f"the tip {step}" if step is not None else f"the course {plan.course_id}"
        raise NotFound(f'{where} has no variant "{variant}"; {_hint(variant, list(named))}')


def seen_by(plan: Plan, learner: Learner, now: datetime) -> Mapping[str, object]:
    """What texts and conditions see for a learner who has just been enrolled."""
    fresh = Enrolment(
        id=0, learner_id=0, course_id=plan.course_id, revision=plan.revision, enrolled_at=now, reached_at=now
    )
    return scope(plan, learner, fresh, Facts(), now)


def _language(plan: Plan, wanted: str) -> str:
    """The course's own spelling of a language. Raises NotFound with those that it has."""
    known = {one.casefold(): one for one in (plan.language, *plan.languages)}
    if wanted.casefold() not in known:
        written = f'"{plan.language}" only' if len(known) == 1 else ", ".join(f'"{one}"' for one in known.values())
        raise NotFound(f'the course {plan.course_id} is written in {written}, not in "{wanted}"')
    return known[wanted.casefold()]


def _hint(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f'did you mean "{close[0]}"?' if close else f"there are: {', '.join(known) or 'none'}"
