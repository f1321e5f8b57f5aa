"""How a learner's own page of a course looks: what the engine has seen, in the learner's words, dates and hours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from babel import Locale
from markupsafe import Markup
from starlette.responses import Response

from drip.engine.my_course import Ahead, Came, Seen, languages_of
from drip.people import State, Tempo
from drip.render.certificates import certificate_token
from drip.render.dates import day_in_words, locale_of
from drip.render.languages import words_for
from drip.render.parts import title_in
from drip.render.words import PageWords
from drip.schedule.gates import SILENT
from drip.schedule.wishes import can_be_faster
from drip.store.wishes import LEARNER
from drip.track.token import Purpose, Ring, sign
from drip.web import nonce
from drip.web.dates import in_words
from drip.web.my_rooms import (
    city,
    days_in_words,
    hour_in_words,
    languages,
    listed,
    own_name,
    paces,
    pauses,
    regions,
    tempos,
    times,
)
from drip.web.next_tip import say
from drip.web.pages import Pages, masked
from drip.web.words import page_words

#: What may be changed, each on a page of its own: its name in addresses.
ROOMS = ("pause", "pace", "times", "language", "zone", "leave")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A mail that has come, as the page lists it."""

    title: str
    day: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Something that may be changed: what it is called, how it stands, and where."""

    name: str
    label: str
    value: str


class MyPages:
    """Every page of *my course*. `ring` signs the forms' nonces and the links to mails that have come."""

    def __init__(self, pages: Pages, ring: Ring) -> None:
        self._pages, self._ring = pages, ring

    def home(
        self, seen: Seen, token: str, *, now: datetime, room: str = "", told: str = "", undo: str = ""
    ) -> Response:
        """How it stands, what has come, and what may be changed. `told` is what came of a press: a word of MyWords.

        `room` is where the press was; `undo` the address at which a leaving is taken back.
        """
        words, locale = _words(seen), _locale(seen)
        links = _links(token, room)
        gone = seen.left_all or seen.enrolment.state in (State.LEFT, State.FAILED)
        return self._show(
            seen,
            token,
            "my.html",
            links=links,
            told=getattr(words.my, told) if told else "",
            stands=_stands(seen, words, locale, now, self._pages.brand),
            progress=_progress(seen),
            percent=round(100 * seen.number / seen.of) if seen.of else 0,
            may_hurry=seen.ahead is Ahead.PLANNED,
            may_resume=seen.ahead is Ahead.PAUSED and seen.enrolment.paused_by in (LEARNER, SILENT),
            mark=seen.mark,
            came=[self._line(seen, one, links["mails"], locale, now) for one in reversed(seen.came)],
            rows=() if gone else _rows(seen, words, locale, now),
            undo=undo,
            certificate=self._certificate(seen, links["certificates"]),
        )

    def room(self, name: str, seen: Seen, token: str, *, now: datetime, told: str = "") -> Response:
        """One thing to change. `told` says what was wrong with a press: a word of MyWords."""
        words, locale = _words(seen), _locale(seen)
        extra: Mapping[str, object]
        match name:
            case "pause":
                sender = self._pages.brand or seen.plan.sender.name or words.nameless_sender
                how = _paused(seen, words, locale, now, sender) if seen.enrolment.state is State.PAUSED else ""
                extra = pauses(seen, words, locale, now) | {"how": how}
            case "pace":
                extra = {"choices": paces(seen, words, locale, now), "slow": _as_fast_as_can_be(seen)}
            case "times":
                extra = times(seen, locale)
            case "language":
                extra = {"choices": languages(seen)}
            case "zone":
                extra = {"regions": regions(words.my, locale), "zone": listed(str(seen.zone))}
                extra["other"] = city(str(seen.zone), locale) if _unlisted(seen) else ""
            case _:
                extra = {}
        told = getattr(words.my, told) if told else ""
        return self._show(seen, token, f"my_{name}.html", links=_links(token, name), told=told, **extra)

    def expired(self, token: str, language: str) -> Response:
        """Says that the link is too old, and offers a fresh one by mail."""
        return self._pages.show("my_expired.html", language, status=410, nonce=nonce.make(self._ring, token))

    def asked(self, language: str) -> Response:
        """What everybody is told who has asked for a fresh link."""
        return self._pages.show("notice.html", language, notice=page_words(language).my.fresh_sent)

    def _show(self, seen: Seen, token: str, template: str, **values: object) -> Response:
        mark = nonce.make(self._ring, token)
        zone = city(str(seen.zone), _locale(seen))
        values = {"zone_name": zone, **values}
        return self._pages.of_course(seen.plan, seen.learner, seen.language, template, nonce=mark, **values)

    def _certificate(self, seen: Seen, folder: str) -> str:
        return "" if seen.awarded is None else folder + certificate_token(self._ring, seen.awarded)

    def _line(self, seen: Seen, one: Came, mails: str, locale: Locale, now: datetime) -> Line:
        day = _day(one.at, seen, locale, now)
        return Line(
            title=one.title or words_for(seen.language).recap_subject,
            day=day[:1].upper() + day[1:],
            url=mails + sign(self._ring, Purpose.VIEW, one.delivery_id),
        )


def _as_fast_as_can_be(seen: Seen) -> bool:
    """Whether nothing would be faster than now: whoever has it half as often can have it more often."""
    return seen.enrolment.wish.tempo is not Tempo.HALF and not can_be_faster(seen.plan)


def _unlisted(seen: Seen) -> bool:
    """Whether the zone that holds is none that the list has, such as one without a place."""
    return not any(
        listed(str(seen.zone)) == name for _, zones in regions(_words(seen).my, _locale(seen)) for name, _ in zones
    )


def _words(seen: Seen) -> PageWords:
    return page_words(seen.language)


def _locale(seen: Seen) -> Locale:
    """How dates are written: they stand in sentences of ours."""
    return locale_of(words_for(seen.language).language, seen.learner.language)


def _links(token: str, room: str) -> dict[str, str]:
    """Where things are, from the page itself: whatever stands before /my/ in the address."""
    up = "../" if room else ""
    return {
        "home": f"{up}{token}",
        "rooms": "" if room else f"{token}/",
        "mails": f"{up}../v/",
        "certificates": f"{up}../certificate/",
    }


def _progress(seen: Seen) -> str:
    if seen.number < 1 or seen.of < 2:
        return ""
    return words_for(seen.language).progress.format(number=seen.number, of=seen.of)


def _day(at: datetime, seen: Seen, locale: Locale, now: datetime) -> str:
    day, today = at.astimezone(seen.zone).date(), now.astimezone(seen.zone).date()
    return day_in_words(day, locale, with_year=day.year != today.year)


def _stands(seen: Seen, words: PageWords, locale: Locale, now: datetime, brand: str) -> list[Markup]:
    """How it stands with the next tip, in sentences."""
    my, course = words.my, title_in(seen.plan, seen.language)
    sender = brand or seen.plan.sender.name or words.nameless_sender
    address = masked(seen.learner.email)
    when = in_words(seen.next_at, seen.zone, words, locale, now=now) if seen.next_at and seen.next_at > now else ""
    if seen.left_all:
        return [say(my.left_all, sender=sender, address=address)]
    match seen.ahead:
        case Ahead.PLANNED if when:
            return [say(words.next_at, when=when)]
        case Ahead.FULL if when:
            return [say(my.full, when=when)]
        case Ahead.PLANNED | Ahead.FULL | Ahead.COMING:
            return [say(my.coming, address=address)]
        case Ahead.WAITS:
            first = say(my.waits_answer, question=seen.asks.ask) if seen.asks else say(my.waits_other)
            return [first, say(my.goes_on, when=when)] if when else [first]
        case Ahead.HELD:
            return [say(my.held, sender=sender)]
        case Ahead.PAUSED:
            return [_paused(seen, words, locale, now, sender)]
        case Ahead.UNKNOWN:
            return [say(my.unknown)]
        case Ahead.OVER if seen.enrolment.state is State.LEFT:
            return [say(my.left_course, course=course)]
        case Ahead.OVER if seen.enrolment.state is State.FAILED:
            return [say(words.gone)]
        case _:
            done = [say(words.finished, course=course)]
            return [*done, say(words.next_questions_at, when=when)] if when else done


def _paused(seen: Seen, words: PageWords, locale: Locale, now: datetime, sender: str) -> Markup:
    stands = seen.enrolment
    if stands.paused_by == SILENT:
        return say(words.my.paused_silent)
    if stands.paused_by != LEARNER:
        return say(words.my.paused_by_sender, sender=sender)
    if stands.paused_until is None:
        return say(words.my.paused_open)
    return say(words.my.paused_until, day=_day(stands.paused_until, seen, locale, now))


def _rows(seen: Seen, words: PageWords, locale: Locale, now: datetime) -> list[Row]:
    """What may be changed, with how it stands now."""
    my, over = words.my, seen.enrolment.state is State.FINISHED
    wish = seen.enrolment.wish
    hours = ", ".join(filter(None, (hour_in_words(wish.at, locale), days_in_words(wish.days, locale))))
    rows = {
        "pause": Row(name="pause", label=my.pause, value=""),
        "pace": Row(name="pace", label=my.pace, value=tempos(my)[wish.tempo]),
        "times": Row(name="times", label=my.times, value=hours or my.as_course),
        "language": Row(name="language", label=my.language, value=own_name(seen.language)),
        "zone": Row(name="zone", label=my.zone, value=city(str(seen.zone), locale)),
        "leave": Row(name="leave", label=my.leave, value=""),
    }
    theirs = seen.enrolment.paused_by in (None, LEARNER, SILENT)
    hidden = {
        "pause": over or not theirs,
        "pace": over,
        "times": over and seen.next_at is None,
        "language": len(languages_of(seen.plan)) < 2,
    }
    return [row for name, row in rows.items() if not hidden.get(name)]
