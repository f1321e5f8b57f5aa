"""A rule of the check: what it is called, how much it weighs, why it is one, and the function that looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from drip.check.draft import Draft
from drip.check.finding import Finding

Family = Literal["structure", "learning", "accessibility", "deliverability", "layout", "ignoring"]


Find = Callable[[Draft], Iterator[Finding]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. `id` is stable: people write it after `ignore=`. `why` and `instead` are each one line.

    Only errors make `drip check` fail by themselves.
    """

    id: str
    family: Family
    severity: Literal["error", "warning"] = "warning"
    why: str
    instead: str
    find: Find
