"""What the pages of single settings offer: paces, pauses, hours and days, languages, zones; in the learner's words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise

from babel import Locale
from babel.core import get_global
from babel.dates import get_timezone_location

from drip.course.timing import Rule
from drip.engine.my_changes import LONGEST_PAUSE
from drip.engine.my_course import Ahead, Seen, languages_of
from drip.people import State, Tempo
from drip.plan.model import Branch, Mail
from drip.render.dates import day_in_words, locale_of, time_in_words
from drip.render.words import MyWords, PageWords
from drip.schedule.wishes import can_be_faster, rule_of
from drip.web.dates import in_words
from drip.web.words import fill

#: Pauses that take one press, in days.
PAUSES = (7, 14, 30)
#: Where the first part of a zone's name lies (CLDR territories). Oceans have names of ours.
_TERRITORIES = {"Africa": "002", "America": "019", "Antarctica": "AQ", "Arctic": "150", "Asia": "142", "Europe": "150"}
_TERRITORIES |= {"Australia": "009", "Pacific": "009"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A button of a page: what it sends, what it says, what would come of it, and whether it holds now."""

    value: str
    label: str
    about: str = ""
    holds: bool = False


def languages(seen: Seen) -> list[Choice]:
    """The languages that the course has."""
    return [Choice(value=one, label=own_name(one), holds=one == seen.language) for one in languages_of(seen.plan)]


def tempos(my: MyWords) -> dict[Tempo, str]:
    """What each pace is called."""
    return {Tempo.HALF: my.half, Tempo.PLANNED: my.planned, Tempo.TWICE: my.twice}


def paces(seen: Seen, words: PageWords, locale: Locale, now: datetime) -> list[Choice]:
    """How often, each with when the next tip would come."""
    now_is, faster, choices = seen.enrolment.wish.tempo, can_be_faster(seen.plan), []
    for tempo, label in tempos(words.my).items():
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


def pauses(seen: Seen, words: PageWords, locale: Locale, now: datetime) -> dict[str, object]:
    """Days until which a press pauses, and between which a day of one's own lies."""
    today = now.astimezone(seen.zone).date()
    days = [today + timedelta(days=number) for number in PAUSES]
    stands = seen.enrolment
    until = stands.paused_until.astimezone(seen.zone).date() if stands.paused_until is not None else None
    paused = stands.state is State.PAUSED
    choices = [
        Choice(
            value=day.isoformat(),
            label=fill(words.my.pause_for, day=day_in_words(day, locale, with_year=day.year != today.year)),
            holds=paused and day == until,
        )
        for day in days
    ]
    return {
        "choices": choices,
        "paused": paused,
        "open": paused and until is None,
        "first": (today + timedelta(days=1)).isoformat(),
        "last": (today + LONGEST_PAUSE).isoformat(),
    }


def times(seen: Seen, locale: Locale) -> dict[str, object]:
    """The hour and the weekdays that hold now: the learner's own, or those of the next mail."""
    step = seen.plan.step(seen.enrolment.next_step or "")
    mails = (one for one in seen.plan.steps if isinstance(one, Mail))
    rule = step.rule if isinstance(step, Mail | Branch) else next((one.rule for one in mails), Rule())
    rule = rule_of(rule, seen.enrolment.wish)
    names = {day: name[:1].upper() + name[1:] for day, name in locale.days["stand-alone"]["wide"].items()}
    first = locale.first_week_day
    return {
        "at": "" if rule.at is None else f"{rule.at // 60:02}:{rule.at % 60:02}",
        "days": [((first + n) % 7, names[(first + n) % 7], (first + n) % 7 in rule.days) for n in range(7)],
        "days_shown": "".join(str(day) for day in sorted(rule.days)),
        "own": seen.enrolment.wish.at is not None or seen.enrolment.wish.days is not None,
    }


def hour_in_words(at: int | None, locale: Locale) -> str:
    """`09:00`, or nothing."""
    return "" if at is None else time_in_words(datetime.combine(date.min, time(*divmod(at, 60))), locale)


def days_in_words(days: frozenset[int] | None, locale: Locale) -> str:
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


@lru_cache(maxsize=4096)
def city(zone: str, locale: Locale) -> str:
    """What a zone's place is called in a language: `Stockholm`, `Kalkutta` for `Asia/Kolkata` in German."""
    name = get_timezone_location(zone, locale=locale, return_city=True)
    return name.rpartition("/")[2].replace("_", " ") or zone


def listed(zone: str) -> str:
    """The zone that the list has for this one: itself, or the one of which it is another name, where there is any."""
    same = [name for name in _zones() if _one_name(name) == _one_name(zone)]
    return zone if zone in same or not same else same[0]


@lru_cache(maxsize=16)
def regions(words: MyWords, locale: Locale) -> Sequence[tuple[str, Sequence[tuple[str, str]]]]:
    """(region, its zones as (IANA name, place)), each by its name in this language. No zone stands there twice."""
    found: dict[str, list[tuple[str, str]]] = {}
    oceans = {"Atlantic": words.zone_atlantic, "Indian": words.zone_indian}
    for name in _zones():
        first = name.partition("/")[0]
        region = oceans.get(first) or locale.territories.get(_TERRITORIES.get(first, ""), first)
        found.setdefault(region, []).append((name, city(name, locale)))
    in_order = [(region, tuple(sorted(zones, key=lambda one: one[1].casefold()))) for region, zones in found.items()]
    return (*sorted(in_order), ("UTC", (("UTC", "UTC"),)))


@lru_cache(maxsize=1)
def _zones() -> tuple[str, ...]:
    """The zones that IANA lists for people to choose from (zone.tab): a place a name, and no old names."""
    table = files("tzdata").joinpath("zoneinfo", "zone.tab").read_text("utf-8")
    return tuple(sorted(line.split("\t")[2].strip() for line in table.splitlines() if line[:1] not in ("", "#")))


def _one_name(zone: str) -> str:
    """One name for all that a zone is called (CLDR)."""
    return str(get_global("zone_aliases").get(zone, zone))
