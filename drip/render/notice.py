"""A page that only tells something."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Its heading, and what to do."""

    title: str
    text: str
