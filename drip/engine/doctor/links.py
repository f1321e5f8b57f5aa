"""The address in every link of every mail: does it lead to drip, safely, and for how long?"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from cryptography import x509

from drip.engine.doctor.names import Names, Patience, addresses, is_address, within
from drip.engine.doctor.row import Row, error, hint, ok, safe, warning

#: Bytes of the answer that are read: drip's is a few dozen.
_MOST_BYTES = 4_096
#: How long a certificate has to be good for: who renews automatically does so a month before the end.
_SOON, _NOW = timedelta(days=21), timedelta(days=7)
#: Second-level labels under which countries give out names: two of those have nothing to do with each other.
_SHARED = frozenset({"co", "com", "net", "org", "ac", "edu", "gov", "or", "ne"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was met at the tracking domain. `trouble` is a step that failed, and `why`; `said_at` is its clock."""

    addresses: tuple[str, ...] = ()
    trouble: str = ""  # address, lookup, resolve, connect, certificate, answer
    why: str = ""
    good_until: datetime | None = None
    status: int = 0
    healthy: bool = False
    said_at: datetime | None = None
    asked_at: datetime | None = None


def look(base_url: str, names: Names, patience: Patience, clock: Callable[[], datetime]) -> Seen:
    """Go where a learner's browser would go, and ask for /healthz."""
    try:
        parts = urlsplit(base_url)
        host, port = _ascii(parts.hostname or ""), parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as failed:
        return Seen(trouble="address", why=safe(str(failed)))
    if not host:
        return Seen(trouble="address", why="it names no host")
    found: tuple[str, ...] = (host,)
    if not is_address(host):
        answer = addresses(names, host) if names.named or not is_loopback(host) else None
        found = answer.values if answer else ("127.0.0.1", "::1")
        if not found and answer is not None:
            return Seen(trouble="lookup" if answer.trouble else "resolve", why=answer.trouble or "it has no address")
    seen = Seen(addresses=found)
    named = f"[{host}]" if ":" in host else host
    asked = f"{named}:{parts.port}" if parts.port else named
    for at, address in enumerate(found[:3]):
        try:
            with socket.create_connection((address, port), timeout=max(0.1, patience.step())) as plain:
                return _ask(plain, seen, parts.scheme == "https", host, asked, parts.path, clock)
        except (OSError, ValueError) as failed:
            last = at + 1 == len(found[:3])
            if last:
                return Seen(
                    addresses=found, trouble="connect", why=safe(getattr(failed, "strerror", None) or str(failed))
                )
    return seen


def _ask(
    plain: socket.socket, seen: Seen, tls: bool, host: str, netloc: str, path: str, clock: Callable[[], datetime]
) -> Seen:
    good_until = None
    talk = plain
    try:
        if tls:
            talk = secured = ssl.create_default_context().wrap_socket(plain, server_hostname=host)
            good_until = end_of(secured.getpeercert(True))
        connection = http.client.HTTPConnection(host)
        connection.sock = talk
        connection.request(
            "GET", f"{path}/healthz", headers={"Host": netloc, "Connection": "close", "User-Agent": "drip doctor"}
        )
        reply = connection.getresponse()
        asked_at = clock()
        body = reply.read(_MOST_BYTES)
    except ssl.SSLCertVerificationError as failed:
        return Seen(addresses=seen.addresses, trouble="certificate", why=failed.verify_message)
    except ssl.SSLError as failed:
        return Seen(
            addresses=seen.addresses, trouble="certificate", why=f"it does not speak TLS ({safe(failed.reason or '')})"
        )
    except (OSError, http.client.HTTPException, ValueError) as failed:
        words = safe(str(failed)) or type(failed).__name__
        return Seen(addresses=seen.addresses, trouble="answer", why=words, good_until=good_until)
    finally:
        talk.close()
    return Seen(
        addresses=seen.addresses,
        good_until=good_until,
        status=reply.status,
        healthy=_is_ours(body),
        said_at=_date(reply.headers.get("Date")),
        asked_at=asked_at,
    )


def _ascii(host: str) -> str:
    """The host as DNS and HTTP write it."""
    if host.isascii():
        return host
    import idna  # its tables are wanted only here

    try:
        return idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError:
        return host


def _is_ours(body: bytes) -> bool:
    try:
        said = json.loads(body)
    except ValueError:
        return False
    return isinstance(said, dict) and said.get("status") == "ok"


def _date(text: str | None) -> datetime | None:
    try:
        at = parsedate_to_datetime(text) if text else None
    except (ValueError, OverflowError):
        return None
    return at if at is not None and at.tzinfo is not None else None


def end_of(certificate: bytes | None) -> datetime | None:
    """Until when a certificate is good."""
    try:
        return x509.load_der_x509_certificate(certificate).not_valid_after_utc if certificate else None
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """Whether only this machine gets there."""
    return host == "localhost" or host.endswith(".localhost") or host.startswith("127.") or host == "::1"


def judge(base_url: str, seen: Seen, senders: Sequence[str], *, now: datetime, mails_leave: bool) -> list[Row]:
    """What is off with the links. `senders` are the domains of From; `mails_leave` says that learners get real mail."""
    return list(_judged(base_url, seen, senders, now=now, mails_leave=mails_leave))


def _judged(base_url: str, seen: Seen, senders: Sequence[str], *, now: datetime, mails_leave: bool) -> Iterator[Row]:
    home = next((domain for domain in senders if "." in domain), "example.com")
    proposal = f'base_url = "https://learn.{home}"'
    if seen.trouble == "address":
        yield error("links-address", base_url, f"it is no address: {seen.why}", proposal)
        return
    parts = urlsplit(base_url)
    host = _ascii(parts.hostname or "")
    local = is_loopback(host)
    if local:
        row = error if mails_leave else warning
        words = "links lead to the reader's own machine: to learners they lead NOWHERE, and nobody can unsubscribe"
        yield row("links-loopback", base_url, words, proposal)
    elif parts.scheme == "http":
        words = "links are not encrypted, and one-click unsubscribing (RFC 8058), which Gmail asks for, wants https"
        yield warning("links-https", base_url, words, f'base_url = "https://{base_url[7:]}"')
    yield from _answers(base_url, host, seen, local=local, now=now)
    if not local and not is_address(host) and senders and not any(_related(host, domain) for domain in senders):
        words = f"links lead to another organisation than {home}, which filters and readers take amiss"
        yield hint("links-domain", base_url, words, proposal)


def _answers(base_url: str, host: str, seen: Seen, *, local: bool, now: datetime) -> Iterator[Row]:
    port = urlsplit(base_url).port
    serve = f"drip serve --port {port}" if local and port else "drip serve"
    if seen.trouble == "resolve":
        yield error("links-resolve", host, f"nobody finds it: {seen.why}", f"{host}. IN A ADDRESS-OF-YOUR-WEB-SERVER")
    elif seen.trouble == "lookup":
        yield warning("links-unknown", host, f"its address cannot be looked up: {seen.why}", f"dig {host}")
    elif seen.trouble == "connect":
        row = hint if local else error
        yield row("links-answer", base_url, f"nothing answers there: {seen.why}", serve)
    elif seen.trouble == "certificate":
        yield error(
            "links-certificate", host, f"browsers refuse its certificate: {seen.why}", f"certbot certonly -d {host}"
        )
    elif seen.trouble:
        yield error("links-answer", base_url, f"it gives no answer: {seen.why}", serve)
    elif seen.status != 200 or not seen.healthy:
        words = f"/healthz says {seen.status}" + (", and not in drip's words" if seen.status == 200 else "")
        yield error(
            "links-drip",
            base_url,
            f"{words}: something else answers there, or drip is ill",
            f"curl -i {base_url}/healthz",
        )
    else:
        yield ok("links-answer", base_url, "drip answers there")
    if seen.good_until is not None and not seen.trouble:
        left = seen.good_until - now
        words = f"its certificate is good until {seen.good_until:%Y-%m-%d} ({max(0, left.days)} days)"
        if left < _SOON:
            yield (error if left < _NOW else warning)(
                "links-certificate", host, words, f"certbot renew --cert-name {host}"
            )
        else:
            yield ok("links-certificate", host, words)


def _related(host: str, domain: str) -> bool:
    """Whether two names have a registered name in common, as far as that can be told without a list of suffixes."""
    if within(host, domain) or within(domain, host):
        return True
    one, other = host.lower().split("."), domain.lower().split(".")
    need = 3 if len(one[-1]) == 2 and len(one) > 1 and one[-2] in _SHARED else 2
    return len(one) >= need and one[-need:] == other[-need:]
