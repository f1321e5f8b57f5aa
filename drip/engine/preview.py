"""The real message of a step, without a ledger row: for a look, or as a test to one address."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from difflib import get_close_matches

from drip.errors import NotFound
from drip.people import Enrolment, Facts, Learner
from drip.plan.model import Mail, Plan
from drip.render.message import NO_DELIVERY, Message, Template, build_message
from drip.schedule.advance import scope
from drip.track.token import Ring

#: Who a preview is for when nobody is named.
SOMEBODY = Learner(id=0, ref="preview", email="ada@customer.example", first_name="Ada", last_name="Byron")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """One message; `name` is the step, with the variant where there are several."""

    name: str
    mail: Mail
    variant: str
    message: Message


def learner_from(values: Mapping[str, object]) -> Learner:
    """A learner for a preview or a simulation: what is not said stays as SOMEBODY has it; other keys are attributes."""
    own = ("email", "first_name", "last_name", "language", "timezone")
    said = {key: str(values[key]) for key in own if values.get(key) not in (None, "")}
    rest = {key: value for key, value in values.items() if key not in own}
    return replace(SOMEBODY, **said, attributes=rest)  # type: ignore[arg-type]  # all of these are texts


def preview(
    plan: Plan,
    templates: tuple[Template, ...],
    *,
    learner: Learner,
    now: datetime,
    ring: Ring,
    base_url: str,
    step: str | None = None,
    variant: str | None = None,
) -> Iterator[Preview]:
    """The message of each step (or of one), in each variant (or in one). Raises NotFound with what there is."""
    mails = [one for one in plan.steps if isinstance(one, Mail)]
    if step is not None and step not in {mail.id for mail in mails}:
        close = get_close_matches(step, [mail.id for mail in mails], n=1)
        hint = f'did you mean "{close[0]}"?' if close else f"there are: {', '.join(mail.id for mail in mails)}"
        raise NotFound(f'the course {plan.course_id} has no tip "{step}"; {hint}')
    fresh = Enrolment(
        id=0, learner_id=0, course_id=plan.course_id, revision=plan.revision, enrolled_at=now, reached_at=now
    )
    sees = scope(plan, learner, fresh, Facts(), now)
    found = False
    for template in templates:
        mail = next((mail for mail in mails if mail.id == template.step), None)
        if mail is None or step not in (None, mail.id) or variant not in (None, template.variant):
            continue
        found = True
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
        name = mail.id if len(mail.variants) == 1 else f"{mail.id}.{template.variant}"
        yield Preview(name=name, mail=mail, variant=template.variant, message=message)
    if not found:
        raise NotFound(f'there is no variant "{variant}" here')
