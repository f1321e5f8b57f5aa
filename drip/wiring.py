"""Settings → store, transport, keys, clock. The dict below names the providers; nothing registers itself."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from hashlib import sha256
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url

from drip.engine.feedback import hear
from drip.engine.record import Recorder
from drip.engine.sending import Clock, Sending
from drip.engine.subscribe import Subscriptions
from drip.engine.webhooks import Posting
from drip.errors import DripError, SettingsError
from drip.inbound.imap import Imap
from drip.inbound.mailbox import Mailbox
from drip.inbound.maildir import Maildir
from drip.settings import FILE, LOCAL_FILE, Settings, require_secret
from drip.settings.dkim import read_keys
from drip.store import Store, media, pins
from drip.track.evidence import Kind as EvidenceKind
from drip.track.heard import Heard
from drip.track.network import network_key as make_network_key
from drip.track.token import Ring
from drip.transports import Transport
from drip.transports.dkim_keys import DkimKey
from drip.transports.outbox import Outbox
from drip.transports.sendgrid import SendGrid, parse_sendgrid_url
from drip.transports.smtp import Smtp, parse_smtp_url

if TYPE_CHECKING:  # most commands read no bounces, nor what reads them
    from drip.engine.bounces import Listener


def _outbox(settings: Settings, keys: Sequence[DkimKey]) -> Transport:
    return Outbox(settings.folder / (settings.transport.partition(":")[2] or "outbox"), keys)


def _smtp(settings: Settings, keys: Sequence[DkimKey]) -> Transport:
    return Smtp(**parse_smtp_url(settings.transport), keys=keys)


def _sendgrid(settings: Settings, _keys: Sequence[DkimKey]) -> Transport:
    return SendGrid(settings.sendgrid_api_key, **parse_sendgrid_url(settings.transport))


#: Under this name the suppression key's print stands in the database.
_PIN = "suppression key"
#: scheme of DRIP_TRANSPORT → how to make it.
TRANSPORTS: Mapping[str, Callable[[Settings, Sequence[DkimKey]], Transport]] = {
    "outbox": _outbox,
    "smtp": _smtp,
    "smtps": _smtp,
    "sendgrid": _sendgrid,
}
#: Ways out whose provider signs by itself: our keys are not even read.
SIGNED_BY_PROVIDER = frozenset({"sendgrid"})


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
    except Exception:  # noqa: BLE001  (SQLAlchemy raises several kinds, with pieces of the address in their words)
        raise SettingsError(
            "DRIP_DATABASE_URL: not a database address; write sqlite:///drip.db\n"
            "  (write @ : / ? # and % of a password as %40 %3A %2F %3F %23 %25)"
        ) from None
    on_disk = parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:")
    if on_disk and not str(parsed.database).startswith("file:"):
        parsed = parsed.set(database=str(settings.folder / str(parsed.database)))
    return Store(parsed.render_as_string(hide_password=False))


def transport(settings: Settings) -> Transport:
    """The way out that DRIP_TRANSPORT names."""
    scheme, colon, _ = settings.transport.partition(":")
    if scheme not in TRANSPORTS:
        close = get_close_matches(scheme, TRANSPORTS, n=1)
        hint = f"did you mean {close[0]}:?" if close else f"write {' or '.join(f'{name}:…' for name in TRANSPORTS)}"
        named = colon and scheme.isalnum()  # anything else may be a piece of a password
        said = f'there is no way out "{scheme}:"' if named else "it names no way out"
        raise SettingsError(f"DRIP_TRANSPORT: {said}; {hint}")
    keys = () if scheme in SIGNED_BY_PROVIDER else signing_keys(settings)
    try:
        return TRANSPORTS[scheme](settings, keys)
    except SettingsError as error:
        raise SettingsError(f"DRIP_TRANSPORT: {error}") from None


def way(settings: Settings) -> str:
    """The name of the way out, under which its pace and its trouble are kept; empty where it cannot be made."""
    try:
        out = transport(settings)
    except DripError:
        return ""
    out.close()
    return out.name


def signing_keys(settings: Settings) -> tuple[DkimKey, ...]:
    """The keys that sign mails (DKIM), as drip.toml and DRIP_DKIM_* name them. Raises SettingsError."""
    return read_keys(settings.dkim, settings.folder)


def ring(settings: Settings) -> Ring:
    """The keys that sign links. Without a secret, a ring of nothing: good for previews only."""
    return Ring.of(settings.secret_keys or ("preview",), settings.retired_keys)


def suppression_key(settings: Settings, opened: Store) -> bytes:
    """The key under which addresses are hashed: made of one of the secrets, and the same for ever.

    The first use pins its print in the database, so that rotation, or another machine's secret, cannot empty the
    suppression list unseen. Raises SettingsError where the secret that it was made of is not among ours.
    """
    secrets_ = (*(settings.secret_keys or ("preview",)), *settings.retired_keys)
    keys = [sha256(b"drip suppression\0" + secret.encode()).digest() for secret in reversed(secrets_)]
    prints = {_print(key): key for key in keys}
    with opened.read() as conn:
        pinned = pins.get(conn, _PIN)
    if pinned is None and settings.secret_keys:
        with opened.write() as conn:
            oldest = keys[len(settings.retired_keys)]  # no retired one: it is on its way out
            pinned = pins.put(conn, _PIN, _print(oldest))
    if pinned is None:
        return keys[0]
    if pinned not in prints:
        raise SettingsError(
            "DRIP_SECRET_KEY: the suppression list was made with another secret, and would be empty under this one;\n"
            "  add the old secret after a comma: DRIP_SECRET_KEY=new,old"
        )
    return prints[pinned]


def _print(key: bytes) -> str:
    """What tells a key from another, and nothing of it."""
    return sha256(b"drip print\0" + key).hexdigest()[:16]


def network_key(settings: Settings) -> bytes:
    """The key under which networks are marked in evidence, day by day."""
    return make_network_key(settings.secret_keys[0]) if settings.secret_keys else b""


def sending(settings: Settings, opened: Store, clock: Clock) -> Sending:
    """Everything that sending needs. Raises SettingsError without a proper secret."""
    require_secret(settings)
    return Sending(
        store=opened,
        transport=transport(settings),
        ring=ring(settings),
        suppression_key=suppression_key(settings, opened),
        base_url=settings.base_url,
        worker=_worker_name(),
        clock=clock,
        lease_for=settings.lease,
        in_doubt=settings.in_doubt,
        in_doubt_after=settings.in_doubt_after,
        only_to=settings.only_to,
        limit=settings.limit,
        pace=settings.pace,
        brand=settings.brand,
        no_pixels=settings.no_pixels,
    )


def posting(settings: Settings, opened: Store, clock: Clock, *, worker: str = "") -> Posting:
    """Everything that outgoing webhooks need. Raises SettingsError without a proper secret."""
    from drip.outbound.webhooks import HttpPoster  # httpx: who posts nothing does not wait for it

    require_secret(settings)
    return Posting(
        store=opened,
        poster=HttpPoster(system_clock),
        secrets=settings.secret_keys,
        worker=worker or _worker_name(),
        clock=clock,
        real_clock=system_clock,
        lease_for=settings.lease,
    )


def _worker_name() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


def recorder(
    settings: Settings, opened: Store, *, told: Callable[[EvidenceKind], None] = lambda _kind: None
) -> Recorder:
    """The use cases behind the links. `told` hears of each piece of evidence."""
    return Recorder(
        opened,
        suppression_key=suppression_key(settings, opened),
        told=told,
        utm=settings.utm,
        no_pixels=settings.no_pixels,
    )


def listener(
    settings: Settings, opened: Store, clock: Clock, *, told: Callable[[EvidenceKind], None] = lambda _kind: None
) -> Listener:
    """Who takes in what mail servers say. Raises SettingsError without a proper secret."""
    from drip.engine.bounces import Listener

    require_secret(settings)
    key = suppression_key(settings, opened)
    return Listener(
        store=opened,
        ring=ring(settings),
        suppression_key=key,
        clock=clock,
        told=told,
        soft_bounces=settings.soft_bounces,
    )


def hears(
    settings: Settings, opened: Store, clock: Clock, *, told: Callable[[EvidenceKind], None] = lambda _kind: None
) -> Callable[[Sequence[Heard]], object]:
    """Takes in what a provider says, durably."""
    key = suppression_key(settings, opened)

    def take(heard: Sequence[Heard]) -> object:
        many = settings.soft_bounces
        return hear(opened, heard, suppression_key=key, now=clock(), soft_bounces=many, told=told)

    return take


def mailbox(settings: Settings) -> Mailbox | None:
    """The mailbox that bounces come to; None where drip.toml names none. Raises SettingsError without its password."""
    chosen = settings.bounces
    if chosen is None:
        return None
    if chosen.imap is not None:
        if not settings.bounces_password:
            raise SettingsError(
                f'{FILE}: [bounces] imap: write its password in {LOCAL_FILE}, bounces_password = "…",\n'
                "  or set DRIP_BOUNCES_PASSWORD"
            )
        return Imap(chosen.imap, settings.bounces_password)
    return Maildir(settings.folder / str(chosen.maildir))


def subscriptions(settings: Settings, opened: Store) -> Subscriptions:
    """The use cases behind the form by which people ask for a course."""
    return Subscriptions(opened, suppression_key=suppression_key(settings, opened), offer=settings.subscribe)


def pictures(opened: Store) -> Callable[[str], tuple[str, bytes] | None]:
    """Finds the pictures that mails show, by name."""

    def find(name: str) -> tuple[str, bytes] | None:
        with opened.read() as conn:
            return media.get(conn, name)

    return find
