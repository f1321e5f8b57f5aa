"""Amounts other than gaps: how far from a date, how long away, how many mails, what share. Text → values.

Each `parse_…` raises `ValueError` that says what is wrong and what to write, as those of timing.py do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from drip.course.timing import LONGEST_GAP_DAYS
from drip.course.values import shown

#: More mails without a sign of life than this is no silence, but an address nobody reads.
MOST_MAILS = 1_000
#: Holding out more than half makes the course the exception, and its mails the smaller group.
LARGEST_HOLDOUT = 0.5

_OFFSET = re.compile(r"([-−–+]?)\s*([0-9]{1,9})\s*(day|week)s?")
_REENTRY = re.compile(r"after\s+([0-9]{1,9})\s*(day|week)s?")
_MAILS = re.compile(r"([0-9]{1,9})\s*mails?")
_PERCENT = re.compile(r"([0-9]{1,3}(?:[.,][0-9]{1,4})?)\s*%")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reentry:
    """When somebody who was in a course may come in again: never, after completion, or `days` after the last start."""

    kind: Literal["never", "completion", "days"]
    days: int = 0


def parse_offset(text: object) -> int:
    """The days that `-14 days`, `2 weeks` or `0 days` says; negative is before."""
    found = _OFFSET.fullmatch(_words(text))
    days = int(found[2]) * (7 if found[3] == "week" else 1) if found else 0
    if not found:
        raise ValueError(f'{shown(str(text))} is not an offset: write days or weeks, such as "-14 days" for before')
    if days > LONGEST_GAP_DAYS:
        raise ValueError(f'{shown(str(text))} is longer than ten years: write a shorter one, such as "-14 days"')
    return -days if found[1] in ("-", "−", "–") else days


def parse_reentry(text: object) -> Reentry:
    """When somebody may come in again: `never`, `after completion` or `after 90 days`."""
    words = _words(text)
    if words == "never":
        return Reentry(kind="never")
    if re.fullmatch(r"after\s+completion", words):
        return Reentry(kind="completion")
    found = _REENTRY.fullmatch(words)
    days = int(found[1]) * (7 if found[2] == "week" else 1) if found else 0
    if not 1 <= days <= LONGEST_GAP_DAYS:
        hint = 'write "never", "after completion" or "after 90 days"'
        raise ValueError(f"{shown(str(text))} is no way to come in again: {hint}")
    return Reentry(kind="days", days=days)


def parse_mails(text: object) -> int:
    """How many mails `5 mails` says."""
    found = _MAILS.fullmatch(_words(text))
    if not found or not 1 <= int(found[1]) <= MOST_MAILS:
        raise ValueError(f'{shown(str(text))} is not a number of mails: write such as "5 mails"')
    return int(found[1])


def parse_share(text: object) -> float:
    """The share of everybody, from 0 to 0.5, that `10%` says."""
    found = _PERCENT.fullmatch(_words(text))
    share = float(found[1].replace(",", ".")) / 100 if found else -1.0
    if not 0 <= share <= LARGEST_HOLDOUT:
        raise ValueError(f'{shown(str(text))} is not a share: write 0% to {LARGEST_HOLDOUT:.0%}, such as "10%"')
    return round(share, 6)


def _words(text: object) -> str:
    return text.strip().lower() if isinstance(text, str) else ""
