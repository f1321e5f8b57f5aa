"""What a preview's page shows: the newest view of a course, at a place in it, for one learner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from drip.check.deliverability import SHOWN_OF_A_PREHEADER
from drip.course.attributes import Attribute
from drip.engine.letter import Letter, letter, own_variant
from drip.engine.live import Good, View
from drip.engine.preview import seen_by
from drip.engine.sample import overridden
from drip.engine.timeline import Stop, expected, filled, stops
from drip.errors import DripError, Mistake, UserError
from drip.people import Learner
from drip.plan.model import Mail, Plan
from drip.render.languages import words_for
from drip.schedule.simulate import Row
from drip.schedule.slots import zone_of
from drip.track.token import Ring
from drip.web.preview_place import Place

#: Rows of a timeline that have no time of their own.
_TIMELESS = ("begin", "if", "then", "otherwise")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A place in a course as it is now: what an address says and the course does not know (any more) is put right.

    `trouble` says what is wrong with what was said of the learner.
    """

    place: Place
    learner: Learner
    language: str
    rows: tuple[Stop, ...]
    stop: Stop
    trouble: str

    @property
    def mails(self) -> list[Stop]:
        """The rows with a message."""
        return [row for row in self.rows if row.is_mail]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of the timeline. `at` is when this learner would get it, "" where that is not known; `findings` are how
    many stand in its text; `number` counts the mails, from 1 (0: none).
    """

    stop: Stop
    number: int = 0
    at: str = ""
    findings: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Everything on the page of a course that could be read. Without a `letter`, `trouble` says why there is none."""

    seat: Seat
    plan: Plan
    lines: tuple[Line, ...]
    previous: Stop | None
    following: Stop | None
    letter: Letter | None
    trouble: str
    preheader: str
    findings: tuple[Mistake, ...]
    elsewhere: tuple[Mistake, ...]
    attributes: Mapping[str, Attribute]
    variants: tuple[str, ...]
    own_variant: str
    zone: str
    has_riders: bool


def seat(view: View, good: Good, place: Place, *, now: datetime) -> Seat:
    """Where an address leads."""
    plan = good.compiled.plan
    learner, said, trouble = view.people.named(place.learner), place.said, ""
    try:
        learner, said = overridden(learner, said, plan.attributes)
    except UserError as error:
        trouble = str(error)
    known = {one.casefold(): one for one in (plan.language, *plan.languages)}
    language = known.get((place.language or "").casefold()) or plan.language_for(learner.language)
    rows = stops(good.compiled.course, plan, learner, language, words_for(language), now)
    mails = [row for row in rows if row.is_mail]  # every course has one
    stop = _stop(mails, place, plan)
    return Seat(
        place=replace(
            place,
            step=stop.id,
            at=mails.index(stop) + 1,
            language=language if place.language else None,
            learner=learner.email if place.learner else None,
            said=said,
        ),
        learner=learner,
        language=language,
        rows=tuple(rows),
        stop=stop,
        trouble=trouble,
    )


def letter_at(seat: Seat, good: Good, *, now: datetime, ring: Ring) -> tuple[Letter | None, str]:
    """The message, or None and why there is none for this learner."""
    try:
        found = letter(
            good.compiled.plan,
            good.compiled.templates,
            step=seat.stop.id,
            learner=seat.learner,
            language=seat.language,
            variant=seat.place.variant,
            with_riders=seat.place.riders,
            now=now,
            ring=ring,
            base_url=good.base_url,
        )
    except DripError as error:
        return None, str(error)
    return found, ""


def scene(view: View, good: Good, place: Place, *, now: datetime, ring: Ring) -> Scene:
    """Everything on the page."""
    plan, sits = good.compiled.plan, seat(view, good, place, now=now)
    mails, number = sits.mails, sits.place.at
    found, trouble = letter_at(sits, good, now=now, ring=ring)
    step = plan.step(sits.stop.id)
    mail = step if isinstance(step, Mail) else None
    its, elsewhere = _findings(good, sits)
    return Scene(
        seat=sits,
        plan=plan,
        lines=tuple(_lines(sits, good, expected(plan, sits.learner, now))),
        previous=mails[number - 2] if number > 1 else None,
        following=mails[number] if number < len(mails) else None,
        letter=found,
        trouble=trouble,
        preheader=_preheader(found, plan, sits, now) if found else "",
        findings=its,
        elsewhere=elsewhere,
        attributes=plan.attributes,
        variants=tuple(one.name for one in mail.variants) if mail and len(mail.variants) > 1 else (),
        own_variant=own_variant(plan, mail, sits.learner) if mail else "",
        zone=str(zone_of(sits.learner, plan)),
        has_riders=mail is not None and number > 1 and any(row.kind == "recap" for row in mails),
    )


def _stop(mails: Sequence[Stop], place: Place, plan: Plan) -> Stop:
    """The step of the address; else what was renamed from it; else the mail that now stands where it stood."""
    renamed = {step.renamed_from: step.id for step in plan.steps if isinstance(step, Mail) and step.renamed_from}
    there = {stop.id: stop for stop in mails}
    found = there.get(place.step) or there.get(renamed.get(place.step, ""))
    return found or mails[min(max(place.at, 1), len(mails)) - 1]


def _lines(seat: Seat, good: Good, times: Mapping[str, Row]) -> list[Line]:
    mails = seat.mails
    return [
        Line(
            stop=row,
            number=mails.index(row) + 1 if row.is_mail else 0,
            at=_time(row, times),
            findings=len(good.findings.of_step.get(row.id, ())) if row.id else 0,
        )
        for row in seat.rows
    ]


def _time(stop: Stop, times: Mapping[str, Row]) -> str:
    """`Thu 26 Nov 09:00`, or `skipped`."""
    row = times.get(stop.id)
    if row is None or stop.kind in _TIMELESS:
        return ""
    return "skipped" if row.kind == "skip" else f"{row.local:%a} {row.local.day} {row.local:%b %H:%M}"


def _preheader(found: Letter, plan: Plan, seat: Seat, now: datetime) -> str:
    """What an inbox shows after the subject: the preheader as this learner reads it, or else the mail's first words."""
    if found.mail is None:
        return words_for(found.language).recap_text
    variants = found.mail.variants
    variant = next((one for one in variants if one.name == found.variant), variants[0])
    said = filled(variant.texts_in(found.language).preheader, seen_by(plan, seat.learner, now))
    return said or " ".join(found.message.text.split())[:SHOWN_OF_A_PREHEADER]


def _findings(good: Good, seat: Seat) -> tuple[tuple[Mistake, ...], tuple[Mistake, ...]]:
    """(those of the message in this language, those in its other translations)."""
    rows = good.findings.of_step.get(seat.stop.id, ())
    spoken = good.findings.languages
    own = tuple(row for row in rows if spoken.get(row.file, seat.language) == seat.language)
    return own, tuple(row for row in rows if row not in own)
