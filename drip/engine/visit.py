"""A request by which somebody, or some program, came to one of our links."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What a request says about itself. `source_id` makes it unique: a replay of the same one is free.

    `network` stands for where it came from, for a day (track/network.py); the address itself is kept nowhere.
    """

    at: datetime
    source_id: str
    method: str
    user_agent: str
    network: str = ""
