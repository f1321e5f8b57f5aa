"""What a rule has found, and where."""

from __future__ import annotations

from dataclasses import dataclass

from drip.course.positions import Path, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a rule has found, and where.

    The place is the value at `path` in the course file (with `key`, its key; with `needle`, the first place of those
    words in its text), or in its translation into `language`; or `span` (offsets) in the course file; or `layout`
    (offsets) in the layout. `instead` is what to write here, where that can be said more exactly than the rule does.
    """

    message: str
    path: Path = ()
    needle: str = ""
    key: bool = False
    language: str = ""
    span: Span | None = None
    layout: Span | None = None
    instead: str = ""
