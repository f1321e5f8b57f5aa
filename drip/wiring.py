"""Settings → store, transport, keys, clock. The dict below names the providers; nothing registers itself."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from sqlalchemy.engine import make_url

from drip.engine.record import Recorder
from drip.engine.sending import Clock, Sending
from drip.errors import SettingsError
from drip.settings import Settings, require_secret
from drip.store import Store
from drip.track.token import Ring
from drip.transports import Transport
from drip.transports.outbox import Outbox
from drip.transports.smtp import Smtp, parse_smtp_url


def _outbox(url: str, folder: Path) -> Transport:
    return Outbox(folder / (url.partition(":")[2] or "outbox"))


def _smtp(url: str, _folder: Path) -> Transport:
    return Smtp(**parse_smtp_url(url))


#: scheme of DRIP_TRANSPORT → how to make it.
TRANSPORTS: Mapping[str, Callable[[str, Path], Transport]] = {"outbox": _outbox, "smtp": _smtp}


def system_clock() -> datetime:
    """The real time, in UTC: the one place that reads it."""
    return datetime.now(UTC)  # noqa: TID251  (the one place; everything else takes `now` or a clock)


def frozen_clock(at: datetime) -> Clock:
    """A clock that stands at `at` (`--now`)."""
    return lambda: at


def store(settings: Settings) -> Store:
    """The workspace's database; a relative SQLite path counts from the workspace."""
    url = settings.database_url
    try:
        parsed = make_url(url)
    except Exception as error:  # noqa: BLE001  (SQLAlchemy raises several kinds for a bad address)
        raise SettingsError(f"DRIP_DATABASE_URL: not a database address ({error}); write sqlite:///drip.db") from None
    if parsed.get_backend_name() == "sqlite" and parsed.database and parsed.database != ":memory:":
        parsed = parsed.set(database=str(settings.folder / parsed.database))
    return Store(parsed.render_as_string(hide_password=False))


def transport(settings: Settings) -> Transport:
    """The way out that DRIP_TRANSPORT names."""
    scheme = settings.transport.partition(":")[0]
    if scheme not in TRANSPORTS:
        known = ", ".join(f"{name}:…" for name in TRANSPORTS)
        raise SettingsError(f"DRIP_TRANSPORT: unknown way out {scheme!r}; known are {known}")
    return TRANSPORTS[scheme](settings.transport, settings.folder)


def ring(settings: Settings) -> Ring:
    """The keys that sign links. Without a secret, a ring of nothing: good for previews only."""
    return Ring.of(settings.secret_keys or ("preview",))


def suppression_key(settings: Settings) -> bytes:
    """The key under which addresses are hashed: derived from the oldest secret, so that rotation leaves it alone."""
    return sha256(b"drip suppression\0" + (settings.secret_keys or ("preview",))[-1].encode()).digest()


def sending(settings: Settings, opened: Store, clock: Clock) -> Sending:
    """Everything that sending needs. Raises SettingsError without a proper secret."""
    require_secret(settings)
    return Sending(
        store=opened,
        transport=transport(settings),
        ring=ring(settings),
        suppression_key=suppression_key(settings),
        base_url=settings.base_url,
        worker=f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}",
        clock=clock,
        lease_for=settings.lease,
        in_doubt=settings.in_doubt,
        in_doubt_after=settings.in_doubt_after,
        only_to=settings.only_to,
    )


def recorder(settings: Settings, opened: Store) -> Recorder:
    """The use cases behind the links."""
    return Recorder(opened, suppression_key=suppression_key(settings))
