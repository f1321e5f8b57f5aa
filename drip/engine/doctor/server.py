"""The mail server: a connection as a worker opens it, up to the point where a mail would be sent."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from urllib.parse import quote

from drip.engine.doctor.links import end_of
from drip.engine.doctor.names import Patience
from drip.engine.doctor.row import Row, error, hint, line, ok, warning
from drip.errors import SenderTrouble
from drip.transports.smtp_opening import Server, Unreachable, open_conversation

#: Seconds that the server gets to answer QUIT.
_GOODBYE = 1.0
#: A certificate that ends sooner is told of.
_SOON = timedelta(days=14)
#: Bytes; a tip with a picture inside is smaller.
_SMALL = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Greeted:
    """How far it went. `trouble` says where it ended; the password is in none of this."""

    trouble: str = ""
    passing: bool = False  # trying later may help
    encrypted: str = ""  # the version of TLS
    good_until: datetime | None = None
    pipelining: bool = False
    largest: int = 0


def greet(server: Server, patience: Patience) -> Greeted:
    """Connect, greet, begin TLS and log in as a worker would, and say goodbye. Nothing is sent."""
    try:
        context = server.tls_context() if server.tls != "none" else None
    except OSError as failed:
        return Greeted(trouble=f"the certificates in {server.ca_file} cannot be read: {failed.strerror or failed}")
    name = server.local_hostname or _own_name()
    hurried = replace(server, timeout=max(0.1, patience.step()), local_hostname=name)
    try:
        return asyncio.run(_greet(hurried, context))
    except Unreachable as failed:
        return Greeted(trouble=str(failed), passing=True)
    except SenderTrouble as failed:
        return Greeted(trouble=str(failed))


async def _greet(server: Server, context: ssl.SSLContext | None) -> Greeted:
    talk = await open_conversation(server, context)
    try:
        inside = talk.secured
        return Greeted(
            encrypted=str(inside.version() or "") if inside is not None else "",
            good_until=end_of(inside.getpeercert(True)) if inside is not None else None,
            pipelining=talk.pipelining,
            largest=talk.largest,
        )
    finally:
        talk.leave()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(talk.closed), _GOODBYE)
        talk.drop("the doctor has seen enough")


def _own_name() -> str:
    """What to say at EHLO, without asking DNS, which may hang."""
    name = socket.gethostname()
    return name if "." in name.strip(".") and name.isascii() else "[127.0.0.1]"


def judge(server: Server, met: Greeted, *, now: datetime) -> list[Row]:
    """What is off with the mail server."""
    return list(_judged(server, met, now=now))


def _judged(server: Server, met: Greeted, *, now: datetime) -> Iterator[Row]:
    where = str(server)
    if met.trouble:
        more, way = _mend(server, met.trouble)
        yield error("server-opening", where, line(met.trouble) + more, way)
        return
    logged_in = ", and took user and password" if server.username is not None else ""
    yield ok("server-opening", where, f"it greets{logged_in}")
    if met.encrypted:
        sure = ""
        if server.tls == "auto" and server.loopback and not server.ca_file:
            sure = "; its certificate is not looked at, since it is this machine"
        yield ok("server-tls", where, f"{met.encrypted}{sure}")
    elif server.loopback:
        yield ok("server-tls", where, "no TLS, and none is needed on this machine")
    elif server.tls == "none":
        yield warning(
            "server-tls", where, "tls=none: mails, and the password, travel in the clear", _url(server, "tls=starttls")
        )
    else:
        yield warning(
            "server-tls", where, "it offers no STARTTLS: mails travel in the clear", _url(server, "tls=implicit")
        )
    if met.good_until is not None and met.good_until - now < _SOON:
        words = f"its certificate is good until {met.good_until:%Y-%m-%d} only; drip stops sending then"
        yield (hint if server.loopback else warning)(
            "server-certificate", where, words, f"openssl s_client -connect {where}"
        )
    if met.pipelining:
        yield ok("server-pipelining", where, "PIPELINING: a mail takes one round trip")
    else:
        words = "it does not offer PIPELINING: a mail takes four round trips; a server near to drip helps"
        yield hint("server-pipelining", where, words, _url(server, "connections=20"))
    if met.largest >= _SMALL:
        yield ok("server-size", where, f"it takes mails of up to {met.largest:,} bytes")
    elif met.largest:
        yield hint("server-size", where, f"it takes mails of at most {met.largest:,} bytes; larger ones are held")


def _mend(server: Server, trouble: str) -> tuple[str, str]:
    """(more words, what to type) where a conversation could not be opened."""
    if "log in" in trouble or " AUTH" in trouble or " 535" in trouble:
        words = "; in user and password, @ : / ? # and % are written %40 %3A %2F %3F %23 %25"
        return words, f"DRIP_TRANSPORT=smtp://USER:PASSWORD@{server}"
    if "certificate" in trouble or "TLS" in trouble:
        return "", f"openssl s_client -connect {server}" + ("" if server.implicit else " -starttls smtp")
    return "", f"nc -v {server.host} {server.port}"


def _url(server: Server, option: str) -> str:
    """The setting with this option. What insists on TLS, or says whom to trust, stays in it."""
    kept = [f"tls={server.tls}"] if server.tls != "auto" and not option.startswith("tls=") else []
    kept += [f"ca_file={quote(server.ca_file)}"] if server.ca_file else []
    options = "&".join([*kept, option])
    user = "USER:PASSWORD@" if server.username is not None else ""
    port = 465 if option == "tls=implicit" else server.port
    url = f"smtp://{user}{server.host}:{port}?{options}"
    return f'DRIP_TRANSPORT="{url}"' if "&" in url else f"DRIP_TRANSPORT={url}"
