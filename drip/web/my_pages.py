"""How a learner's own page of a course looks: what the engine has seen, in the learner's words, dates and hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import available_timezones

from babel import Locale
from markupsafe import Markup
from starlette.responses import Response

from drip.course.timing import Rule
from drip.engine.my_changes import LONGEST_PAUSE
from drip.engine.my_course import Ahead, Came, Seen, languages_of
from drip.people import State, Tempo
from drip.plan.model import Branch, Mail
from drip.render.dates import day_in_words, locale_of, time_in_words
from drip.render.languages import words_for
from drip.render.parts import title_in
from drip.render.words import MyWords, PageWords
from drip.schedule.gates import SILENT
from drip.schedule.wishes import can_be_faster, rule_of
from drip.store.wishes import LEARNER
from drip.track.token import Purpose, Ring, sign
from drip.web import nonce
from drip.web.dates import in_words
from drip.web.next_tip import say
from drip.web.pages import Pages, masked
from drip.web.words import fill, page_words

#: What may be changed, each on a page of its own: its name in addresses.
ROOMS = ("pause", "pace", "times", "language", "zone", "leave")
#: Pauses that take one press, in days.
PAUSES = (7, 14, 30)
#: Regions that are old names of zones that have a better one, or no place at all.
_NO_PLACES = ("Etc", "US", "Canada", "Brazil", "Chile", "Mexico", "posix", "right", "SystemV")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A button of a page: what it sends, what it says, what would come of it, and whether it holds now."""

    value: str
    label: str
    about: str = ""
    holds: bool = False


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
        )

    def room(self, name: str, seen: Seen, token: str, *, now: datetime, told: str = "") -> Response:
        """One thing to change. `told` says what was wrong with a press: a word of MyWords."""
        words, locale = _words(seen), _locale(seen)
        extra: Mapping[str, object]
        match name:
            case "pause":
                extra = _pause(seen, words, locale, now)
            case "pace":
                extra = {"choices": _paces(seen, words, locale, now), "slow": not can_be_faster(seen.plan)}
            case "times":
                extra = _times(seen, locale)
            case "language":
                choices = [
                    Choice(value=one, label=own_name(one), holds=one == seen.language)
                    for one in languages_of(seen.plan)
                ]
                extra = {"choices": choices}
            case "zone":
                extra = {"regions": regions(), "zone": str(seen.zone)}
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
        zone = str(seen.zone).replace("_", " ")
        values = {"zone_name": zone, **values}
        return self._pages.of_course(seen.plan, seen.learner, seen.language, template, nonce=mark, **values)

    def _line(self, seen: Seen, one: Came, mails: str, locale: Locale, now: datetime) -> Line:
        return Line(
            title=one.title or words_for(seen.language).recap_subject,
            day=_day(one.at, seen, locale, now),
            url=mails + sign(self._ring, Purpose.VIEW, one.delivery_id),
        )


def _words(seen: Seen) -> PageWords:
    return page_words(seen.language)


def _locale(seen: Seen) -> Locale:
    """How dates are written: they stand in sentences of ours."""
    return locale_of(words_for(seen.language).language, seen.learner.language)


def _links(token: str, room: str) -> dict[str, str]:
    """Where things are, from the page itself: whatever stands before /my/ in the address."""
    up = "../" if room else ""
    return {"home": f"{up}{token}", "rooms": "" if room else f"{token}/", "mails": f"{up}../v/"}


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
    hours = ", ".join(filter(None, (_hour(wish.at, locale), _days(wish.days, locale))))
    rows = {
        "pause": Row(name="pause", label=my.pause, value=""),
        "pace": Row(name="pace", label=my.pace, value=_tempos(my)[wish.tempo]),
        "times": Row(name="times", label=my.times, value=hours or my.as_course),
        "language": Row(name="language", label=my.language, value=own_name(seen.language)),
        "zone": Row(name="zone", label=my.zone, value=_city(str(seen.zone))),
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


def _tempos(my: MyWords) -> dict[Tempo, str]:
    return {Tempo.HALF: my.half, Tempo.PLANNED: my.planned, Tempo.TWICE: my.twice}


def _paces(seen: Seen, words: PageWords, locale: Locale, now: datetime) -> list[Choice]:
    """How often, each with when the next tip would come."""
    now_is, faster, choices = seen.enrolment.wish.tempo, can_be_faster(seen.plan), []
    for tempo, label in _tempos(words.my).items():
        if tempo is Tempo.TWICE and not faster and now_is is not tempo:
            continue
        at = seen.next_at if tempo is now_is else seen.with_wish(replace(seen.enrolment.wish, tempo=tempo), now)
        if seen.ahead not in (Ahead.PLANNED, Ahead.FULL) or at is None or at <= now:
            about = ""
        else:
            template = words.next_at if tempo is now_is else words.my.would_come
            about = fill(template, when=in_words(at, seen.zone, words, locale, now=now)).rstrip(".")
        choices.append(Choice(value=str(tempo), label=label, about=about, holds=tempo is now_is))
    return choices


def _pause(seen: Seen, words: PageWords, locale: Locale, now: datetime) -> dict[str, object]:
    today = now.astimezone(seen.zone).date()
    days = [today + timedelta(days=number) for number in PAUSES]
    choices = [
        Choice(
            value=day.isoformat(),
            label=fill(words.my.pause_for, day=day_in_words(day, locale, with_year=day.year != today.year)),
        )
        for day in days
    ]
    return {
        "choices": choices,
        "first": (today + timedelta(days=1)).isoformat(),
        "last": (today + LONGEST_PAUSE).isoformat(),
    }


def _times(seen: Seen, locale: Locale) -> dict[str, object]:
    """The hour and the weekdays that hold now: the learner's own, or those of the next mail."""
    step = seen.plan.step(seen.enrolment.next_step or "")
    mails = (one for one in seen.plan.steps if isinstance(one, Mail))
    rule = step.rule if isinstance(step, Mail | Branch) else next((one.rule for one in mails), Rule())
    rule = rule_of(rule, seen.enrolment.wish)
    names = locale.days["stand-alone"]["wide"]
    first = locale.first_week_day
    return {
        "at": "" if rule.at is None else f"{rule.at // 60:02}:{rule.at % 60:02}",
        "days": [((first + n) % 7, names[(first + n) % 7], (first + n) % 7 in rule.days) for n in range(7)],
        "own": seen.enrolment.wish.at is not None or seen.enrolment.wish.days is not None,
    }


def _hour(at: int | None, locale: Locale) -> str:
    return "" if at is None else time_in_words(datetime.combine(date.min, time(*divmod(at, 60))), locale)


def _days(days: frozenset[int] | None, locale: Locale) -> str:
    """`Mon–Fri`, `Tue, Thu`, in the learner's words."""
    if days is None:
        return ""
    names, listed = locale.days["stand-alone"]["abbreviated"], sorted(days)
    in_a_row = len(listed) > 2 and all(after - before == 1 for before, after in pairwise(listed))
    return f"{names[listed[0]]}–{names[listed[-1]]}" if in_a_row else ", ".join(names[day] for day in listed)


@lru_cache(maxsize=64)
def own_name(language: str) -> str:
    """A language in its own words: `Svenska` for `sv`."""
    name = locale_of(language).get_display_name(locale_of(language))
    primary = Locale.parse(language.partition("-")[0], sep="-") if language else None
    name = (primary.get_display_name() if primary and "-" not in language else name) or language
    return name[:1].upper() + name[1:]


def _city(zone: str) -> str:
    return zone.rpartition("/")[2].replace("_", " ")


@lru_cache(maxsize=1)
def regions() -> Sequence[tuple[str, Sequence[tuple[str, str]]]]:
    """(region, its zones as (IANA name, place)), each in alphabetical order."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(available_timezones()):
        region, slash, place = name.partition("/")
        if slash and region not in _NO_PLACES:
            found.setdefault(region, []).append((name, place.replace("_", " ").replace("/", ", ")))
    found["UTC"] = [("UTC", "UTC")]
    return tuple((region, tuple(zones)) for region, zones in found.items())
