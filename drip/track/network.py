"""An address → what stands for its network, for a day. The address itself is kept nowhere.

The address is cut to its network first (IPv4 /24, IPv6 /48: a neighbourhood, or a company), then hashed under a key
that holds for one UTC day (HMAC-SHA-256, RFC 2104), of which 48 bits are kept. So two requests of one day can be told
to come from one network, a scanner's from those of the person it scans for, and nobody can be followed from one day to
the next. It is a pseudonym and not nothing: whoever has the secret key can try all networks of a day.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network
#: Bits of an address that say which network it is in.
IPV4_BITS, IPV6_BITS = 24, 48
#: Bytes of the hash that are kept: with 100,000 networks in a day, two are taken for one once in 50,000 days.
MARK_BYTES = 6
#: Longer texts are no address.
_LONGEST = 45


def network_key(secret: str) -> bytes:
    """The key for marks, made of a secret and good for nothing else."""
    return sha256(b"drip network\0" + secret.encode()).digest()


def mark(key: bytes, address: str, at: datetime) -> str:
    """Eight characters that stand for the network of this address on the UTC day of `at`.

    "" for what is no address, and for one of this machine or a private network: a proxy, which says nothing about who
    asked.
    """
    found = _parsed(address)
    if found is None or not found.is_global:
        return ""
    bits = IPV4_BITS if found.version == 4 else IPV6_BITS
    network = int(found) >> (found.max_prefixlen - bits)
    said = hmac.digest(_key_of_day(key, at.astimezone(UTC).date().isoformat()), b"%d/%d" % (network, bits), "sha256")
    return urlsafe_b64encode(said[:MARK_BYTES]).decode("ascii")


def asker(peer: str, forwarded: Sequence[str], proxies: Collection[Network]) -> str:
    """The address that asked: that of the connection, or where it is one of our proxies, the last one that is none.

    `forwarded` are the lines of X-Forwarded-For, to which each proxy adds whom it was asked by. What stands before the
    first stranger, counted from the end, anybody may have written.
    """
    asked = peer
    for said in reversed([part.strip() for line in forwarded for part in line.split(",")]):
        if not _among(asked, proxies):
            break
        asked = said
    return asked


def _among(address: str, proxies: Collection[Network]) -> bool:
    found = _parsed(address) if proxies else None
    return found is not None and any(found.version == one.version and found in one for one in proxies)


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    """An address, also with a port behind it (`1.2.3.4:5678`, `[2001:db8::1]:443`), as some proxies write it."""
    if len(address) > _LONGEST + len("[]:65535"):
        return None
    if address.startswith("["):
        address = address[1:].partition("]")[0]
    elif address.count(":") == 1:
        address = address.partition(":")[0]
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


@lru_cache(maxsize=16)
def _key_of_day(key: bytes, day: str) -> bytes:
    return hmac.digest(key, day.encode(), "sha256")
