"""A simulation as a text that lives in git beside the course: what it is of, and a line for each thing that happens.

# What `drip simulate` foretells; …
course: first-report
start: 2026-03-02T08:00+01:00
answers: answers.yaml

Mon 2026-03-02 09:00 +0100  mail    welcome: the first mail, enrolled before 09:00
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from difflib import unified_diff
from zoneinfo import ZoneInfo

from drip.schedule.cohort import Cohort
from drip.schedule.simulate import Row

#: The first line of every such file: no other file is ever written over.
MARK = "# What `drip simulate` foretells; it is compared by --golden, and written again by --golden … --update.\n"
#: What the head of a file may say: what was simulated, in words of the command line.
KEYS = ("course", "start", "timezone", "learner", "learners", "enrol_over", "seed", "answers")
#: More lines of a difference than this are counted.
MOST_LINES = 200

_SAID = re.compile(r"(\w+): (.*)")


def timeline_text(said: Mapping[str, str], rows: Iterable[Row], zone: ZoneInfo) -> str:
    """The text of one learner's timeline. `said` is what was simulated, by KEYS."""
    return _text(said, [f"Times in {zone}.", "", *(_line(row) for row in rows)])


def cohort_text(said: Mapping[str, str], cohort: Cohort, zone: ZoneInfo) -> str:
    """The text of a cohort."""
    return _text(said, [f"Times in {zone}.", "", *_counts(cohort, zone), "", *_days(cohort)])


def recorded(text: str) -> dict[str, str]:
    """What the head of such a text says, by KEYS; nothing where it is another kind of text."""
    if not text.startswith(MARK):
        return {}
    head, _, _ = text.removeprefix(MARK).partition("\n\n")
    found = (_SAID.fullmatch(line) for line in head.splitlines())
    return {one[1]: one[2] for one in found if one is not None and one[1] in KEYS}


def difference(before: str, now: str) -> str:
    """What has changed, as a unified diff; "" where nothing has."""
    if before == now:
        return ""
    lines = list(unified_diff(before.splitlines(), now.splitlines(), "as recorded", "as it is now", lineterm="", n=2))
    more = [f"… and {len(lines) - MOST_LINES:,} more lines"] if len(lines) > MOST_LINES else []
    return "\n".join([*lines[:MOST_LINES], *more])


def stamp(at: datetime) -> str:
    """A local time with its offset, and with seconds where it has any: `Mon 2026-03-02 09:00 +0100`."""
    return f"{at:%a %Y-%m-%d %H:%M}{f':{at:%S}' if at.second else ''} {at:%z}"


def _text(said: Mapping[str, str], lines: list[str]) -> str:
    head = [f"{key}: {said[key]}" for key in KEYS if key in said]
    return MARK + "\n".join([*head, "", *lines]).rstrip("\n") + "\n"


def _line(row: Row) -> str:
    reason = " ".join(row.reason.split())  # a condition may have been written over several lines
    return f"{stamp(row.local)}  {row.kind:<6}  {': '.join(filter(None, (row.step, reason)))}".rstrip()


def _counts(cohort: Cohort, zone: ZoneInfo) -> Iterator[str]:
    yield f"learners: {cohort.learners}"
    for name in ("not_enrolled", "held_out", "finished", "paused", "held", "left", "stuck"):
        if number := getattr(cohort, name):
            by = ", ".join(f"{count} by {reason}" for reason, count in cohort.finished_by.items())
            yield f"{name.replace('_', ' ')}: {number}" + (f" ({by})" if name == "finished" else "")
    yield f"mails: {cohort.mails}"
    if cohort.peak_at is not None:
        yield f"most in a minute: {cohort.peak_per_minute}, first {stamp(cohort.peak_at.astimezone(zone))}"
    if cohort.last_at is not None:
        yield f"over: {stamp(cohort.last_at.astimezone(zone))}"


def _days(cohort: Cohort) -> Iterator[str]:
    return (f"{day.date:%a %Y-%m-%d}  {day.mails}" for day in cohort.per_day)
