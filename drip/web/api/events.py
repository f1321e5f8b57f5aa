"""What happened elsewhere, over the API: it may begin a course, be its goal, or end a wait."""

from __future__ import annotations

from starlette.responses import Response

from drip.engine.outcomes import Happened, Told, happened_all
from drip.store import Store
from drip.web.api import examples
from drip.web.api.calls import Call, Called, Done
from drip.web.api.models import AHEAD, EventIn, EventKept, EventRow, EventsIn, EventsKept, RowRefused
from drip.web.api.problems import Problem, Wrong, first_line
from drip.web.api.routes import route, router
from drip.web.api.rows import numbered

events = router("Events")


@route(events, "POST", "/events", scope="events:write", answers=EventKept, example=examples.POST_EVENT)
def tell_event(call: Called, said: EventIn) -> Response:
    """Tell of something that happened to a learner.

    A course that starts by this event enrols them in the same moment.
    """
    if late := _too_late(call, said):
        raise Problem(422, f"at: {late}", errors=[Wrong(field="at", message=late)])

    def work(store: Store) -> Done:
        (done,) = happened_all(store, [_told(call, said)], suppression_key=call.desk.suppression_key)
        if not isinstance(done, Happened):
            raise done
        return Done(value=EventKept(new=done.new, enrolled=list(done.enrolled)))

    return call.do(work)


@route(events, "POST", "/events/batch", scope="events:write", answers=EventsKept, example=examples.POST_EVENTS)
def tell_events(call: Called, said: EventsIn) -> Response:
    """Tell of up to 100 events.

    They are written down in their order and together; those about strangers are listed, and the others are taken.
    """

    def work(store: Store) -> Done:
        good, bad = numbered(said.events, EventIn)
        late = {number: words for number, event in good if (words := _too_late(call, event))}
        bad += [RowRefused(row=number, field="at", message=f"at: {words}") for number, words in late.items()]
        good = [(number, event) for number, event in good if number not in late]
        done = happened_all(store, [_told(call, event) for _, event in good], suppression_key=call.desk.suppression_key)
        kept: list[EventRow] = []
        for (number, _), one in zip(good, done, strict=True):
            if isinstance(one, Happened):
                kept.append(EventRow(row=number, new=one.new, enrolled=list(one.enrolled)))
            else:
                bad.append(RowRefused(row=number, field="email", message=first_line(one)))
        return Done(value=EventsKept(events=kept, refused=sorted(bad, key=lambda one: one.row)))

    return call.do(work)


def _told(call: Call, said: EventIn) -> Told:
    """The event as the engine takes it. An id is known under the name of its token, so that two systems that both count
    from 1 do not take each other's events for their own, and a new token of the same name knows the old ones.
    """
    name = call.caller.token.name
    return Told(
        who=said.email,
        name=said.name,
        at=said.at or call.now,
        data=said.data,
        source_id=None if said.id is None else f"{name}/{said.id}",
    )


def _too_late(call: Call, said: EventIn) -> str | None:
    if said.at is not None and said.at > call.now + AHEAD:
        return "it lies more than a day ahead: tell of what has happened"
    return None
