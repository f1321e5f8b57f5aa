"""SPF as a receiver works it out: may this address send for this domain, and what does it cost to find out."""

from __future__ import annotations

import ipaddress
from contextlib import suppress
from dataclasses import dataclass, field

from drip.engine.doctor.names import Lookup
from drip.engine.doctor.row import quoted
from drip.engine.doctor.spf_record import COSTLY, Record, Term, Wrong, expand, is_spf, parse

#: Terms that cause lookups (RFC 7208, section 4.6.4): with more, receivers give up with `permerror`.
MOST_LOOKUPS = 10
#: Lookups that may find nothing (the same section).
MOST_VOIDS = 2
#: Where counting ends: how far beyond is of no interest, and a record may include itself.
_COUNT_TO = 40
_RESULTS = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}


class Stopped(Exception):
    """No verdict: `permerror` (the record is at fault) or `temperror` (DNS is)."""

    def __init__(self, result: str, why: str) -> None:
        super().__init__(why)
        self.result = result


@dataclass(slots=True)
class Walk:
    """What one evaluation has used. Without an `ip` nothing matches, so that every term is visited, and counted.

    Then `problems` are what makes receivers give up, and `unknown` what DNS did not tell this time.
    """

    lookup: Lookup
    sender: str
    ip: str | None = None
    lookups: int = 0
    voids: int = 0
    included: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def check(self, domain: str, record: Record) -> str:
        """`pass`, `fail`, `softfail` or `neutral` for a domain whose record is known. Raises Stopped."""
        for term in record.terms:
            if self._matches(term, domain):
                return _RESULTS[term.qualifier]
        if record.redirect is None or record.all is not None:
            return "neutral"
        self._spend()
        target = self._fill(record.redirect, domain)
        return self._other(target, f"redirect={target}")

    def _matches(self, term: Term, domain: str) -> bool:
        if term.name in COSTLY:
            self._spend()
        if term.name == "all":
            return self.ip is not None
        if term.network is not None:
            return self.ip is not None and ipaddress.ip_address(self.ip) in term.network
        if term.name == "ptr" or (self.ip is None and "%" in term.domain):
            return False  # counted, and not asked: receivers should not either (section 5.5)
        name = self._fill(term.domain, domain) if term.domain else domain
        if term.name == "include":
            return self._other(name, term.written) == "pass"
        if term.name == "exists":
            return bool(self._ask(name, ("A",))) and self.ip is not None
        hosts = [name]
        if term.name == "mx":
            hosts = [host for host in self._ask(name, ("MX",)) if host != "."]
            if len(hosts) > MOST_LOOKUPS:
                self._stop("permerror", f"{term.written} names {len(hosts)} mail servers, and at most 10 count")
        return any(self._in_reach(host, term, counted=term.name == "a") for host in hosts)

    def _in_reach(self, host: str, term: Term, *, counted: bool) -> bool:
        version = None if self.ip is None else ipaddress.ip_address(self.ip).version
        kinds = {None: ("A", "AAAA"), 4: ("A",), 6: ("AAAA",)}[version]
        found = self._ask(host, kinds, counted=counted)
        if self.ip is None:
            return False
        length = term.four if version == 4 else term.six
        return any(ipaddress.ip_address(self.ip) in ipaddress.ip_network(f"{one}/{length}", False) for one in found)

    def _other(self, domain: str, written: str) -> str:
        """The verdict of another domain's record."""
        self.included.append(domain)
        answer = self.lookup(domain, "TXT")
        if answer.trouble:
            self._stop("temperror", f"{written}: {answer.trouble}")
            return "none"
        records = [text for text in answer.values if is_spf(text)]
        if not answer.values:
            self._void()
        if len(records) != 1:
            self._stop("permerror", f"{written} leads to {'two records' if records else 'no SPF record'}")
            return "none"
        try:
            record = parse(records[0])
        except Wrong as wrong:
            self._stop("permerror", f"{written} leads to a record that cannot be read: {quoted(str(wrong))}")
            return "none"
        return self.check(domain, record)

    def _ask(self, name: str, kinds: tuple[str, ...], *, counted: bool = True) -> list[str]:
        answers = [self.lookup(name, kind) for kind in kinds]
        found = [value for answer in answers for value in answer.values]
        trouble = next((answer.trouble for answer in answers if answer.trouble), "")
        if not found and trouble:
            self._stop("temperror", f"{quoted(name)}: {trouble}")
        elif not found and counted:
            self._void()
        return found

    def _fill(self, text: str, domain: str) -> str:
        return expand(text, ip=self.ip or "192.0.2.1", domain=domain, sender=self.sender)

    def _void(self) -> None:
        self.voids += 1
        if self.ip is not None and self.voids > MOST_VOIDS:
            raise Stopped("permerror", f"more than {MOST_VOIDS} lookups find nothing")

    def _spend(self) -> None:
        self.lookups += 1
        if self.lookups > (_COUNT_TO if self.ip is None else MOST_LOOKUPS):
            raise Stopped("permerror", f"more than {MOST_LOOKUPS} lookups")

    def _stop(self, result: str, why: str) -> None:
        """End here for a real address; where everything is visited, remember it and go on."""
        if self.ip is not None:
            raise Stopped(result, why)
        (self.unknown if result == "temperror" else self.problems).append(why)


def visit(lookup: Lookup, domain: str, record: Record) -> Walk:
    """Go through a whole record with all that it includes, and say what it costs at most."""
    walk = Walk(lookup, f"postmaster@{domain}")
    with suppress(Stopped):  # it has counted far enough
        walk.check(domain, record)
    return walk


def check_host(lookup: Lookup, ip: str, domain: str, record: Record) -> tuple[str, str]:
    """(the verdict on mail of this domain from this address, why): section 4 of RFC 7208."""
    try:
        return Walk(lookup, f"postmaster@{domain}", ip).check(domain, record), ""
    except Stopped as stopped:
        return stopped.result, str(stopped)
