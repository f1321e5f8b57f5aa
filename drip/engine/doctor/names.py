"""Asks the name servers, and knows when to stop asking: an answer, none, or why nobody can tell."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Lock

import dns.exception
import dns.resolver
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.TXT import TXT

#: Seconds that one lookup may take, or one reply.
STEP_SECONDS = 5.0
#: Unanswered lookups after which a name server that never said a word is not asked any more.
_SILENT_AFTER = 2
#: Values of one answer that are looked at; nobody who means well has more.
_MOST_VALUES = 100


@dataclass(frozen=True, slots=True)
class Answer:
    """What DNS says of one name and kind. `values` is empty where there is none; `trouble` says why nobody can tell.

    TXT is joined from its strings; MX are hosts, the preferred first (`.` is the null MX of RFC 7505).
    """

    values: tuple[str, ...] = ()
    trouble: str = ""
    exists: bool = True


#: (name, kind such as TXT) → what DNS says.
Lookup = Callable[[str, str], Answer]


class Patience:
    """How long everything together may take, and each step. `clock` is in seconds, and only goes forward."""

    def __init__(
        self, seconds: float, *, each: float = STEP_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._each = each
        self._clock = clock
        self._until = clock() + seconds

    def left(self) -> float:
        """The seconds that are left."""
        return max(0.0, self._until - self._clock())

    def step(self) -> float:
        """The seconds that the next lookup, reply or connection may take; 0 where none are left."""
        return min(self._each, self.left())


class Names:
    """The lookups of one run, each made once. `server` is (address, port); without it the machine's own are asked."""

    def __init__(self, patience: Patience, server: tuple[str, int] | None = None) -> None:
        self.named = server is not None
        self._patience = patience
        self._known: dict[tuple[str, str], Answer] = {}
        self._lock = Lock()
        self._answered, self._unanswered = False, 0
        self._resolver: dns.resolver.Resolver | None = None
        self._unusable = ""
        try:
            self._resolver = dns.resolver.Resolver(configure=server is None)
            if server is not None:
                self._resolver.nameservers, self._resolver.port = [server[0]], server[1]
        except (dns.exception.DNSException, OSError, ValueError) as error:
            self._unusable = f"this machine knows no name server ({error})"
        if self._resolver is not None and not self._resolver.nameservers:
            self._unusable = "this machine knows no name server"

    @property
    def silence(self) -> str:
        """Why there is no use in asking; empty where there is."""
        if self._unusable:
            return self._unusable
        if not self._answered and self._unanswered >= _SILENT_AFTER:
            servers = ", ".join(map(str, self._resolver.nameservers)) if self._resolver else ""
            return f"no name server answers ({servers})"
        return ""

    def __call__(self, name: str, kind: str) -> Answer:
        """What DNS says, now or before."""
        key = (name.rstrip(".").lower(), kind)
        with self._lock:
            known = self._known.get(key)
        if known is None:
            known = self._ask(*key)
            with self._lock:
                self._known[key] = known
        return known

    def together(self, asked: list[tuple[str, str]]) -> None:
        """Ask for all of these at the same time, so that each is known when it is wanted."""
        with ThreadPoolExecutor(max_workers=8, thread_name_prefix="drip-names") as pool:
            list(pool.map(lambda one: self(*one), dict.fromkeys(asked)))

    def _ask(self, name: str, kind: str) -> Answer:
        if self.silence or self._resolver is None:
            return Answer(trouble=self.silence or self._unusable)
        seconds = self._patience.step()
        if seconds <= 0:
            return Answer(trouble="there was no time left to ask")
        try:
            found = self._resolver.resolve(f"{name}.", kind, lifetime=seconds, search=False)
        except dns.resolver.NXDOMAIN:
            answer = Answer(exists=False)
        except dns.resolver.NoAnswer:
            answer = Answer()
        except dns.resolver.LifetimeTimeout:
            with self._lock:
                self._unanswered += 1
            return Answer(trouble="no answer in time")
        except dns.resolver.NoNameservers:
            answer = Answer(trouble="the name servers fail at it (SERVFAIL, REFUSED, or aliases in a circle)")
        except dns.resolver.YXDOMAIN:
            answer = Answer(trouble="the name becomes too long on the way (DNAME)")
        except (dns.exception.DNSException, ValueError, OSError) as error:
            answer = Answer(trouble=f"the answer cannot be used ({type(error).__name__})")
        else:
            answer = Answer(values=_values(found))
        with self._lock:
            self._answered = True
        return answer


def _values(found: dns.resolver.Answer) -> tuple[str, ...]:
    records = list(found)[:_MOST_VALUES]
    if records and isinstance(records[0], MX):
        return tuple(str(one.exchange).rstrip(".") or "." for one in sorted(records, key=lambda one: one.preference))
    return tuple(
        b"".join(one.strings).decode("utf-8", "backslashreplace")
        if isinstance(one, TXT)
        else one.to_text().rstrip(".").lower()
        for one in records
    )


def addresses(lookup: Lookup, host: str) -> Answer:
    """The addresses of a host, IPv4 first; one that is an address already is its own answer."""
    if is_address(host):
        return Answer(values=(host,))
    four, six = lookup(host, "A"), lookup(host, "AAAA")
    found = four.values + six.values
    return Answer(values=found, trouble="" if found else four.trouble or six.trouble, exists=four.exists)


def is_address(host: str) -> bool:
    """Whether the host is written as an IP address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_public(address: str) -> bool:
    """Whether strangers can see this address: it is neither private nor of this machine."""
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:
        return False


def within(name: str, domain: str) -> bool:
    """Whether a name is a domain or below it."""
    name, domain = name.rstrip(".").lower(), domain.rstrip(".").lower()
    return name == domain or name.endswith(f".{domain}")
