"""One message of a course as one learner would get it: with questions that come back, and its size as sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from drip.engine.preview import seen_by
from drip.people import Learner
from drip.plan.choice import choose
from drip.plan.model import Mail, Plan, Question
from drip.render.cards import RECAP, card_step
from drip.render.message import NO_DELIVERY, Message, Template, build_message
from drip.render.mime import to_bytes
from drip.track.token import Ring

#: A delivery like any, to see how large a mail is with its links signed.
_SOME_DELIVERY = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message to look at. `mail` is None for a recap; `variant` "" where a mail has one only.

    `questions` are its own and those that come back, in the order in which the mail shows them (the first is None where
    it asks nothing itself). `html_bytes` and `bytes` are those of the mail as sent, with signed links.
    """

    step: str
    mail: Mail | None
    language: str
    variant: str
    message: Message
    questions: tuple[Question | None, ...]
    html_bytes: int
    bytes: int


def letter(
    plan: Plan,
    templates: Sequence[Template],
    *,
    step: str,
    learner: Learner,
    language: str,
    variant: str | None = None,
    with_riders: bool = False,
    now: datetime,
    ring: Ring,
    base_url: str,
) -> Letter:
    """The message of a step in a language of the course; in one variant, or in the learner's own.

    `with_riders`: as it looks on a day on which questions come back. Raises ExpressionError where this learner lacks a
    value that it needs, Refused for an address that cannot be mailed, LookupError for a step without a message.
    """
    found = plan.step(step)
    mail = found if isinstance(found, Mail) else None
    wanted = own_variant(plan, mail, learner) if mail is not None else "default"
    if mail is not None and variant in {one.name for one in mail.variants}:
        wanted = variant or wanted
    here = {(one.step, one.variant): one for one in templates if one.language == language}
    if (step, wanted) not in here:
        raise LookupError(f"no message {step}/{language}/{wanted}")
    template = here[step, wanted]
    back = coming_back(plan, mail) if with_riders or step == RECAP else ()
    build = partial(
        build_message,
        template,
        plan=plan,
        learner=learner,
        variables=seen_by(plan, learner, now),
        date=now,
        ring=ring,
        base_url=base_url,
        cards=[here[card_step(question), "default"] for question in back] if "{{ cards }}" in template.html else (),
    )
    message, sent = build(delivery_id=NO_DELIVERY), build(delivery_id=_SOME_DELIVERY)
    asked = {one.question.id: one for one in plan.steps if isinstance(one, Mail) and one.question}
    return Letter(
        step=step,
        mail=mail,
        language=language,
        variant=wanted if mail is not None and len(mail.variants) > 1 else "",
        message=message,
        questions=(
            mail.question_in(language) if mail is not None else None,
            *(asked[question].question_in(language) for question in back),
        ),
        html_bytes=len(sent.html.encode()),
        bytes=len(to_bytes(sent)),
    )


def own_variant(plan: Plan, mail: Mail, learner: Learner) -> str:
    """The variant that this learner gets."""
    return choose(mail.variants, course_id=plan.course_id, step=mail.id, ref=learner.ref).name


def coming_back(plan: Plan, mail: Mail | None) -> tuple[str, ...]:
    """Questions that may ride in this mail, or stand in a recap: those taught first, as many as go into one mail."""
    if plan.reviews is None:
        return ()
    earlier = [
        one.question.id
        for one in plan.steps
        if isinstance(one, Mail) and one.question and (mail is None or one.number < mail.number)
    ]
    return tuple(earlier[: plan.reviews.per_email])
