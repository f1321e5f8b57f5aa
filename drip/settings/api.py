"""`[api]` of drip.toml: how much of the HTTP API one token may use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from drip.settings import values
from drip.settings.files import Said

SECTION = "api"
KEYS = ("rate", "burst")
MOST = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Requests of one token: so many a second for as long as it likes, and so many at once after a rest."""

    rate: float = 20.0
    burst: int = 100


def rates(said: Said) -> Rates:
    """The limits that hold. Raises SettingsError."""
    usual = Rates()
    rate = values.read(_rate, *said[f"{SECTION}.rate"]) if f"{SECTION}.rate" in said else usual.rate
    burst = values.read(_burst, *said[f"{SECTION}.burst"]) if f"{SECTION}.burst" in said else usual.burst
    return Rates(rate=rate, burst=burst)


def _rate(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.01 <= value <= MOST:
        raise ValueError(f"requests a second for each token: a number from 0.01 to {MOST:,}, not {value!r}")
    return float(value)


def _burst(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST:
        raise ValueError(f"how many requests may come at once: a whole number from 1 to {MOST:,}, not {value!r}")
    return value
