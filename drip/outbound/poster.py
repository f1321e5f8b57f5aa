"""What carries a webhook to its endpoint, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of a post. `status` is None where no answer came; `words` are for a person.

    `wait` is how long the other side asks to be left alone.
    """

    status: int | None
    words: str
    wait: timedelta | None = None

    @property
    def taken(self) -> bool:
        """Whether the other side has it now."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """Whether the other side wants nothing more at that address (410, as Standard Webhooks has it)."""
        return self.status == 410


class Poster(Protocol):
    """Carries a webhook to its endpoint. Threads may share it."""

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post once, and say what came of it. Raises nothing: what goes wrong is an answer too."""
        ...

    def close(self) -> None:
        """End all connections."""
        ...
