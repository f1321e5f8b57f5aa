"""Record opens and clicks, many in one transaction: a constant number of queries, and one write to disk for all.

A pixel asks at that moment whether opens may be recorded: what a learner has taken back, or a course has given up since
its mail went out, is not written down.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from drip.course.expressions import parse_text
from drip.engine.announce import Announcement, Event, announce, click_key
from drip.engine.library import Library
from drip.engine.sending import facts_of
from drip.engine.visit import Visit
from drip.errors import DripError, MachineError, NotFound
from drip.people import Facts, State
from drip.plan.model import Plan, Wait
from drip.render.links import fill_link
from drip.render.utm import with_utm
from drip.schedule.acts import opens_recorded
from drip.schedule.advance import scope
from drip.store import Store, enrolments, touches
from drip.store.enrolments import Standing
from drip.store.touches import Place
from drip.store.troubles import tried_again
from drip.track.evidence import SETTLES_AFTER, Evidence, Kind

#: Where evidence of our own links comes from; with the visit's `source_id` it is unique.
LINK = "link"
#: So much of a user agent is kept.
LONGEST_AGENT = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """The pixel of a mail was fetched (`link` None), or a link of it was followed."""

    delivery_id: int
    visit: Visit
    link: int | None = None


#: What comes of a touch: where it leads ("" for a pixel), or why it alone was not recorded.
Outcome = str | DripError


class Touches:
    """Records touches. Threads may share it; `told` hears of each piece of evidence that is new."""

    def __init__(
        self,
        store: Store,
        library: Library,
        *,
        utm: Mapping[str, str],
        told: Callable[[Kind], None],
        no_pixels: bool = False,
    ) -> None:
        """`no_pixels`: no open is recorded, though mails that went out before ask for one."""
        self._store, self._library, self._utm, self._told = store, library, utm, told
        self._no_pixels = no_pixels

    def record(self, touched: Sequence[Touch]) -> list[Outcome]:
        """What came of each, in the order given; by then all of it is on disk. Raises MachineError where none is."""
        try:
            written = self._write(touched)
        except MachineError:
            raise  # the database's own trouble: it is everybody's
        except (DripError, IntegrityError, LookupError, ValueError) as error:
            if len(touched) > 1:  # one of them cannot be written, as its mail is being erased: the others can
                return [outcome for one in touched for outcome in self.record([one])]
            return [error if isinstance(error, DripError) else NotFound("this mail is not here any more")]
        return self._filled(touched, written)

    @tried_again
    def _write(self, touched: Sequence[Touch]) -> list[_Written | DripError]:
        with self._store.write() as conn:
            found = touches.places(conn, list({touch.delivery_id for touch in touched}))
            written: list[_Written | DripError] = []
            for touch in touched:
                try:
                    written.append(self._look(conn, touch, found[touch.delivery_id]))
                except KeyError:
                    written.append(NotFound("this mail is not here any more"))
                except DripError as error:  # also a plan that the database has lost: that is this mail's trouble alone
                    written.append(error)
            taken = [one for one in written if isinstance(one, _Written) and one.event is not None]
            events = [one.event for one in taken if one.event is not None]
            new = touches.add_all(conn, events)
            clicks = [one for one in taken if one.leads]
            if clicks:
                announce(conn, (_of_click(one) for one in clicks), now=events[-1].at)
            waiting = {one.place.enrolment_id for one in taken if one.waits}
            if waiting:
                touches.wake_all(conn, sorted(waiting), max(event.at for event in events) + SETTLES_AFTER)
        for event in events[:new]:
            self._told(event.kind)
        return written

    def _look(self, conn: Connection, touch: Touch, place: Place) -> _Written:
        """What is to be written of one touch, and where it leads. Raises NotFound for a link the mail never had."""
        leads = ""
        if touch.link is not None:
            template = self._library.template(conn, place.revision, place.step, place.language, place.variant)
            if touch.link >= len(template.links):
                raise NotFound("this mail has no such link")
            leads = template.links[touch.link]
        tracking = self._library.plan(conn, place.current).tracking
        if touch.link is None:
            recorded = not self._no_pixels and opens_recorded(tracking.opens, place.consents, place.imported)
        else:
            recorded = tracking.clicks == "always"
        if not recorded:
            return _Written(place=place, leads=leads)
        event = Evidence(
            kind=Kind.OPEN if touch.link is None else Kind.CLICK,
            at=touch.visit.at,
            source=LINK,
            source_id=touch.visit.source_id,
            learner_id=place.learner_id,
            enrolment_id=place.enrolment_id,
            delivery_id=place.delivery_id,
            step=place.step,
            item="" if touch.link is None else str(touch.link),
            method=touch.visit.method,
            user_agent=touch.visit.user_agent[:LONGEST_AGENT],
            network=touch.visit.network,
        )
        stands_in = self._library.plan(conn, place.stands_in)
        return _Written(
            place=place, leads=leads, event=event, waits=waits(stands_in, place.next_step, State(place.state))
        )

    def _filled(self, touched: Sequence[Touch], written: Sequence[_Written | DripError]) -> list[Outcome]:
        """Where each leads, once it is recorded: links that depend on the learner are filled for all at once."""
        depend = [one for one in written if isinstance(one, _Written) and "{" in one.leads]
        seen = self._seen(depend) if depend else {}
        outcomes: list[Outcome] = []
        for touch, one in zip(touched, written, strict=True):
            if isinstance(one, DripError):
                outcomes.append(one)
                continue
            leads, place = one.leads, one.place
            try:
                if "{" in leads:
                    plan, standing, facts = seen[place.delivery_id]
                    sees = scope(plan, standing.learner, standing.enrolment, facts, touch.visit.at)
                    leads = fill_link(leads, sees)
            except (DripError, KeyError):  # a value that was there when the mail was sent; the click counts
                outcomes.append(NotFound("this link leads nowhere any more"))
                continue
            names = {"course": place.course_id, "step": place.step, "variant": place.variant}
            outcomes.append(with_utm(leads, self._utm, names) if leads and self._utm else leads)
        return outcomes

    def _seen(self, depend: Sequence[_Written]) -> dict[int, tuple[Plan, Standing, Facts]]:
        """delivery → what its links are filled from. Facts are gathered where a link asks for them: few do."""
        with self._store.read() as conn:
            standings = enrolments.by_ids(conn, sorted({one.place.enrolment_id for one in depend}))
            asking = {one.place.enrolment_id for one in depend if parse_text(one.leads).calls}
            facts, _ = facts_of(conn, [standings[id_].enrolment for id_ in sorted(asking & standings.keys())])
            seen: dict[int, tuple[Plan, Standing, Facts]] = {}
            for one in depend:
                with suppress(DripError, KeyError):  # a plan that is lost, or a learner: the others' links lead on
                    plan, id_ = self._library.plan(conn, one.place.revision), one.place.enrolment_id
                    seen[one.place.delivery_id] = plan, standings[id_], facts.get(id_, Facts())
            return seen


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """What is written of a touch (None: nothing may be), whether anything waits for it, and where it leads."""

    place: Place
    leads: str
    event: Evidence | None = None
    waits: bool = False


def _of_click(one: _Written) -> Announcement:
    """A link was followed; whether by a person is judged when it is told (engine/clicks_told.py)."""
    place, event = one.place, one.event
    assert event is not None
    return Announcement(
        type=Event.CLICKED,
        key=click_key(place.enrolment_id, place.delivery_id, int(event.item)),
        learner_id=place.learner_id,
        data={
            "course": place.course_id,
            "step": place.step,
            "link": int(event.item),
            "url": one.leads.partition("{")[0].partition("?")[0],  # what is filled in, or follows, may say who it was
        },
        at=event.at,
    )


def waits(plan: Plan, next_step: str | None, state: State) -> bool:
    """Whether anything may hang on new evidence: a wait, a goal, a stop, a hold, or a pause by `silent`."""
    asks = plan.goal or plan.stop or plan.hold_while
    return bool(asks) or isinstance(plan.step(next_step or ""), Wait) or state is State.PAUSED
