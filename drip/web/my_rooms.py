"""What the pages of single settings offer: paces, pauses, hours and days, languages, zones; in the learner's words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import available_timezones

from babel import Locale

from drip.course.timing import Rule
from drip.engine.my_changes import LONGEST_PAUSE
from drip.engine.my_course import Ahead, Seen, languages_of
from drip.people import Tempo
from drip.plan.model import Branch, Mail
from drip.render.dates import day_in_words, locale_of, time_in_words
from drip.render.words import MyWords, PageWords
from drip.schedule.wishes import can_be_faster, rule_of
from drip.web.dates import in_words
from drip.web.words import fill

#: Pauses that take one press, in days.
PAUSES = (7, 14, 30)
#: Regions that are old names of zones that have a better one, or no place at all.
_NO_PLACES = ("Etc", "US", "Canada", "Brazil", "Chile", "Mexico", "posix", "right", "SystemV")


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


def times(seen: Seen, locale: Locale) -> dict[str, object]:
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


def city(zone: str) -> str:
    """`New York` for `America/New_York`."""
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
