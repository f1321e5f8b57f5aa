"""What `[pace]` and `[pace.domains]` may say → Pace. They raise SettingsError naming the key, and what to write."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from difflib import get_close_matches
from itertools import pairwise
from typing import Any

import idna

from drip.errors import SettingsError
from drip.schedule.pace import Pace, Rate
from drip.settings.files import Said
from drip.settings.values import read

SECTION = "pace"
KEYS = ("rate", "connections", "warm_up", "domains")
#: More rules than these are a list of something else.
MOST_RATES, MOST_DOMAINS, MOST_DAYS = 8, 1_000, 366
#: No sender has more mails to send, nor more connections than this open.
MOST_MAILS, MOST_CONNECTIONS = 1_000_000_000, 1_000

_SPANS = {
    **dict.fromkeys(("s", "sec", "second"), timedelta(seconds=1)),
    **dict.fromkeys(("m", "min", "minute"), timedelta(minutes=1)),
    **dict.fromkeys(("h", "hour"), timedelta(hours=1)),
    **dict.fromkeys(("d", "day"), timedelta(days=1)),
}
_RATE = re.compile(r"(-?[\d.,_']+)\s*(?:/|\s+per\s+|\s+a\s+)\s*([a-z]+)", re.IGNORECASE)
_WANTED = 'write a number and a span, such as "20/s", "600/minute", "5000/hour" or "50000/day"'


def pace(said: Said, *, zone: str) -> Pace | None:
    """The pace that the settings ask for, None where they say nothing; `zone` is where a day of the warm-up begins."""
    given = {key: said[name] for key in KEYS if (name := f"{SECTION}.{key}") in said}
    if not given:
        return None

    def get(key: str, reader: Callable[[Any], Any], default: Any) -> Any:
        return read(reader, *given[key]) if key in given else default

    return Pace(
        rate=get("rate", rates, ()),
        connections=get("connections", _connections, None),
        warm_up=get("warm_up", _warm_up, ()),
        domains=_domains(*given["domains"]) if "domains" in given else {},
        zone=zone,
    )


def rates(value: Any) -> tuple[Rate, ...]:
    """One rate, or a list of them, each for another span."""
    written = value if isinstance(value, list) else [value]
    if not written:
        raise ValueError(f"the list is empty: {_WANTED}, or take the setting away")
    if len(written) > MOST_RATES:
        raise ValueError(f"{len(written)} limits are too many: at most {MOST_RATES}, each for another span")
    found = [_rate(one) for one in written]
    for number, one in enumerate(found):
        for other in found[:number]:
            if one.span == other.span:
                raise ValueError(f"{other} and {one} are two limits for one span: keep one of them")
    return tuple(sorted(found, key=lambda one: one.span))


def _rate(value: Any) -> Rate:
    match = _RATE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{_shown(value)} is not a rate: {_WANTED}")
    digits, unit = match[1], match[2].lower()
    span = _SPANS.get(unit) or _SPANS.get(unit.removesuffix("s"))
    if span is None:
        close = get_close_matches(unit, [name for name in _SPANS if len(name) > 1], n=1)
        hint = f'did you mean "{digits}/{close[0]}"?' if close else _WANTED
        raise ValueError(f'"{unit}" is not a span: {hint}')
    if not digits.isascii() or not digits.isdigit() or len(digits) > len(str(MOST_MAILS)):
        raise ValueError(f'{_shown(digits)} is not a number of mails: write a whole number, such as "20/{unit}"')
    if not 1 <= int(digits) <= MOST_MAILS:
        pause = "; to stop all mail, `drip pause --all`" if int(digits) == 0 else ""
        raise ValueError(f"{digits} in {span_word(span)} is not between 1 and {MOST_MAILS:,}{pause}")
    return Rate(most=int(digits), span=span)


def span_word(span: timedelta) -> str:
    """`a minute`."""
    words = {timedelta(seconds=1): "a second", timedelta(minutes=1): "a minute", timedelta(hours=1): "an hour"}
    return words.get(span, "a day")


def _connections(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_CONNECTIONS:
        raise ValueError(f"a number of connections from 1 to {MOST_CONNECTIONS} is wanted, not {_shown(value)}")
    return value


def _warm_up(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError(
            "the numbers of mails on the first day, the second and so on are wanted, such as [200, 500, 1000]"
        )
    if len(value) > MOST_DAYS:
        raise ValueError(f"{len(value)} days are too many: a warm-up takes at most {MOST_DAYS}")
    for number in value:
        if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= MOST_MAILS:
            raise ValueError(f"{_shown(number)} is not a day's number of mails: write whole numbers from 1 on")
    for day, (before, number) in enumerate(pairwise(value), start=2):
        if number < before:
            raise ValueError(
                f"{number:,} on day {day} is fewer than {before:,} the day before: a warm-up rises day by day,"
                f" such as {sorted(value)[:4]}; to go slower for good, write rate"
            )
    return tuple(value)


def _domains(value: Any, where: str) -> Mapping[str, tuple[Rate, ...]]:
    """Domain, in ASCII → its limits."""
    where = where.replace("[pace] domains", "[pace.domains]")
    if not isinstance(value, dict):
        raise SettingsError(f'{where}: a section is wanted, [pace.domains] with lines such as "gmail.com" = "20/s"')
    if len(value) > MOST_DOMAINS:
        raise SettingsError(f"{where}: {len(value):,} domains are too many: at most {MOST_DOMAINS:,}")
    found: dict[str, tuple[Rate, ...]] = {}
    for name, said in value.items():
        here = f'{where}: "{name}"' if len(name) <= 100 else where
        if isinstance(said, dict):  # gmail.com = … without quotes is a table in TOML
            whole = ".".join([name, *list(said)[:1]])
            raise SettingsError(f'{here}: write the domain in quotes: "{whole}" = "20/s"')
        domain = read(domain_named, name, here)
        if domain in found:
            raise SettingsError(f"{here}: {domain} stands here twice: keep one of them")
        found[domain] = read(rates, said, here)
    return found


def domain_named(value: Any) -> str:
    """A domain in the one spelling that compares: ASCII (IDNA), in small letters."""
    written = value.strip() if isinstance(value, str) else ""
    if "@" in written:
        raise ValueError(f"not a domain: write what stands behind the @, {written.rpartition('@')[2] or 'gmail.com'}")
    try:
        domain = idna.encode(written.rstrip("."), uts46=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        raise ValueError(f"{_shown(value)} is not a domain: write one such as gmail.com") from None
    if "." not in domain or domain.rpartition(".")[2].isdigit():
        raise ValueError(f"{_shown(value)} is not a domain of addresses: write it whole, such as gmail.com")
    return domain


def _shown(value: Any) -> str:
    text = f'"{value}"' if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else f"{text[:56]} …"
