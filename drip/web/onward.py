"""Where an answer's page leads on to: the learner's own page of the course, their certificate, the form for strangers.

Only an answer's links and *my course* itself lead there. A link for leaving works for ever and goes along where a mail
is passed on, so that it opens nothing of the learner's.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from drip.engine.record import Origin, Recorder
from drip.render.certificates import certificate_token
from drip.render.message import COURSE_FOR
from drip.track.token import Purpose, Ring, sign


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """Addresses, from a page one level below the root; "" where there is no such way."""

    course: str = ""
    certificate: str = ""
    subscribe: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Onward:
    """`offered` are the courses that anybody may ask for by the form."""

    recorder: Recorder
    ring: Ring
    offered: Collection[str] = ()

    def from_answer(self, origin: Origin, now: datetime) -> Ways:
        """The ways on from a page that an answer's link has led to."""
        until, number = course_until(origin), self.recorder.awarded(origin)
        open_still = now < until
        mine = sign(self.ring, Purpose.COURSE, origin.delivery.id, expires_at=until) if open_still else ""
        return Ways(
            course=f"../my/{mine}" if mine else "",
            certificate="" if number is None else f"../certificate/{certificate_token(self.ring, number)}",
            subscribe=self.to_form(origin),
        )

    def to_form(self, origin: Origin) -> str:
        """Where whoever got a mail passed on may ask for the course themselves."""
        course = origin.plan.course_id
        return f"../subscribe/{course}" if course in self.offered else ""


def course_until(origin: Origin) -> datetime:
    """When the mail's own link to the learner's page ends: no page lengthens that."""
    return origin.delivery.claimed_at + COURSE_FOR
