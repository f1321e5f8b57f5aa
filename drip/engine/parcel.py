"""What a claim takes: mails with all that rendering needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from drip.people import Enrolment, Facts, Learner
from drip.plan.model import Mail, Plan

#: Why an enrolment ends when its address is on the suppression list.
SUPPRESSED = "the address is on the suppression list"
#: How long a mail to be tried again waits when its enrolment is held, before that is looked at again.
LOOK_AGAIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A claimed delivery with all that rendering needs. `date` is the same on every retry.

    `mail` is None for a recap. `riders` are the questions that come back with it.
    """

    delivery_id: int
    step: str
    enrolment: Enrolment
    learner: Learner
    plan: Plan
    mail: Mail | None
    variant: str
    language: str
    facts: Facts
    attempts: int
    date: datetime
    riders: tuple[str, ...] = ()

    def numbered(self, delivery_id: int) -> Parcel:
        """The same, once its ledger row is written."""
        return Parcel(
            delivery_id=delivery_id,
            step=self.step,
            enrolment=self.enrolment,
            learner=self.learner,
            plan=self.plan,
            mail=self.mail,
            variant=self.variant,
            language=self.language,
            facts=self.facts,
            attempts=self.attempts,
            date=self.date,
            riders=self.riders,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What one claim did: the parcels that it took, and how many due rows it looked at (0: nothing is due).

    `oldest_at` is since when the longest of those had been due. What the pace says: `again_at` is when to claim again
    though nothing was looked at, `connections` how many there may be from now on, `stalled` the domains whose queues
    are to be spread anew. `in_trouble`: the way out is left alone for now.
    """

    parcels: tuple[Parcel, ...]
    looked_at: int
    oldest_at: datetime | None = None
    at: datetime | None = None
    again_at: datetime | None = None
    connections: int | None = None
    stalled: frozenset[str] = frozenset()
    in_trouble: bool = False
