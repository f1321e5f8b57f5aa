"""Reverse DNS of where we send from, and whether what people answer, and what bounces, arrives anywhere."""

from __future__ import annotations

from collections.abc import Iterator

import dns.reversename

from drip.engine.doctor.names import Answer, Lookup, addresses
from drip.engine.doctor.origin import Origin
from drip.engine.doctor.row import Row, copyable, error, hint, ok, quoted, safe, warning


def reverse_name(address: str) -> str:
    """Where the PTR record of an address stands."""
    return str(dns.reversename.from_address(address)).rstrip(".")


def judge_reverse(origin: Origin, lookup: Lookup) -> list[Row]:
    """Whether the addresses that we send from have names that lead back to them (many receivers refuse others)."""
    return list(_reverse(origin, lookup))


def _reverse(origin: Origin, lookup: Lookup) -> Iterator[Row]:
    if origin.kind == "outbox":
        return
    if origin.provider is not None:
        yield ok(
            "reverse-names", origin.host or origin.provider.name, f"its addresses are {origin.provider.name}'s business"
        )
        return
    if not origin.addresses:
        yield hint("reverse-names", origin.host, f"it cannot be judged: {origin.trouble}")
        return
    for address in origin.addresses:
        name = reverse_name(address)
        wanted = f"{name}. IN PTR {origin.host}."
        if origin.host == address:
            wanted = f"{name}. IN PTR mail.example.com."
        found = lookup(name, "PTR")
        if found.trouble:
            yield warning(
                "reverse-unknown", address, f"its name cannot be looked up: {found.trouble}", f"dig -x {address}"
            )
        elif not found.values:
            words = "it has no name (PTR): many receivers refuse its mail; whoever gave you the address publishes it"
            yield error("reverse-missing", address, words, wanted)
        else:
            yield _confirmed(origin, address, found, wanted, lookup)


def _confirmed(origin: Origin, address: str, found: Answer, wanted: str, lookup: Lookup) -> Row:
    for host in found.values[:5]:
        if address in addresses(lookup, host).values:
            return ok("reverse-names", address, f"it is called {safe(host)}, which leads back to it")
    host = found.values[0]
    words = f"it is called {quoted(host)}, which does not lead back to it: receivers take that for a lie"
    if copyable(host) and host.split(".")[-2:] == origin.host.split(".")[-2:]:  # that name is ours to mend
        wanted = f"{host}. IN {'AAAA' if ':' in address else 'A'} {address}"
    return error("reverse-unconfirmed", address, words, wanted)


def judge_replies(domain: str, lookup: Lookup, *, what: str) -> list[Row]:
    """Whether mail to a domain arrives. `what` says which mail: "replies", "bounces"."""
    mx = lookup(domain, "MX")
    if mx.trouble:
        return [warning("replies-unknown", domain, f"where {what} go cannot be read: {mx.trouble}", f"dig MX {domain}")]
    if mx.values == (".",):
        return [
            error(
                "replies-none",
                domain,
                f"it says that it takes no mail (a null MX): {what} are lost",
                _publish(domain, lookup),
            )
        ]
    if not mx.values:
        direct = addresses(lookup, domain)
        if direct.values:
            words = f"it has no MX: {what} go to its address, {direct.values[0]}, if a mail server is there"
            return [hint("replies-address", domain, words, _publish(domain, lookup))]
        if direct.trouble:
            return [
                warning("replies-unknown", domain, f"where {what} go cannot be read: {direct.trouble}", f"dig {domain}")
            ]
        gone = "" if mx.exists else "there is no such domain; "
        words = f"{gone}it has neither MX nor address: {what} are lost"
        return [error("replies-none", domain, words, _publish(domain, lookup))]
    lost = [host for host in mx.values if not (answer := addresses(lookup, host)).values and not answer.trouble]
    if len(lost) == len(mx.values):
        words = f"its mail servers have no address ({quoted(lost[0])}): {what} are lost"
        return [error("replies-lost", domain, words, f"{safe(lost[0])}. IN A ADDRESS-OF-THAT-SERVER")]
    rows = [ok("replies-arrive", domain, f"{what} go to {safe(mx.values[0])}")]
    if lost:
        words = f"its mail server {quoted(lost[0])} has no address"
        rows.append(warning("replies-lost", domain, words, f"{safe(lost[0])}. IN A ADDRESS-OF-THAT-SERVER"))
    return rows


def _publish(domain: str, lookup: Lookup) -> str:
    """The MX record that is wanted: the server that takes the mail of the domain above is there already."""
    above = domain.partition(".")[2]
    known = [host for host in lookup(above, "MX").values if host != "." and copyable(host)] if "." in above else []
    return f"{domain}. IN MX 10 {known[0] if known else f'mail.{domain}'}."
