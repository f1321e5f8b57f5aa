"""What the doctor is given to look at: the settings in plain values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from drip.engine.doctor.dkim import SigningKey
from drip.plan.model import Sender
from drip.store import Store
from drip.transports.smtp_opening import Server


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """What is examined. `way_out` is the transport for people; `trouble` is why it cannot be read, `signing_trouble`
    why the keys that sign cannot.

    `server` is there for SMTP only; of `secret_files`, the value says whether a team shares the file. `zones` are those
    that the settings name. `events_key`: the key is set that the provider's events are signed with.
    """

    folder: Path
    way_out: str
    kind: Literal["outbox", "smtp", "sendgrid"]
    server: Server | None
    base_url: str
    senders: tuple[Sender, ...]
    postal_address: str
    open_store: Callable[[], Store]
    secret_keys: tuple[str, ...] = field(repr=False)
    trouble: str = ""
    secret_files: dict[str, bool] = field(default_factory=dict)
    key_files: tuple[Path, ...] = ()
    only_to: frozenset[str] = frozenset()
    signing: tuple[SigningKey, ...] = ()
    signing_trouble: str = ""
    zones: tuple[str, ...] = ()
    events_key: bool = False
