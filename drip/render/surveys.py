"""The scale of a survey: its ratings in rows that fit a phone, and what its ends mean in words."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from drip.plan.model import Survey
from drip.render.words import Words

#: So many targets of 44 px stand side by side in the narrowest window that counts (320 px).
_IN_A_ROW = 6


def ratings(survey: Survey) -> range:
    """Every rating that can be given."""
    return range(survey.low, survey.high + 1)


def rows(survey: Survey) -> Iterator[range]:
    """The ratings in as few rows as a phone needs, none of them much shorter than the others."""
    every = ratings(survey)
    size = ceil(len(every) / ceil(len(every) / _IN_A_ROW))
    for start in range(0, len(every), size):
        yield every[start : start + size]


def ends(survey: Survey, words: Words) -> str:
    """What the lowest and the highest rating mean."""
    low_means, high_means = {"nps": words.nps, "csat": words.csat, "scale": words.scale}[survey.kind]
    return words.ends.format(low=survey.low, low_means=low_means, high=survey.high, high_means=high_means)
