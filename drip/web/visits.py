"""What is kept of a request: when, how, by which user agent, and a mark of its network. No address, no other header."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import HTTPConnection

from drip.engine.visit import Visit
from drip.track.network import Network, asker, mark

#: Randomness in what makes a request unlike any other. Before it stands the time, so that new ones stand side by side
#: in their index: a group of them then touches one page of the database, and not one each.
_RANDOM_BYTES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Visits:
    """Makes visits of requests. Without a `network_key` no network is marked; `proxies` are those of ours."""

    clock: Callable[[], datetime]
    network_key: bytes = b""
    proxies: Collection[Network] = ()

    def of(self, request: HTTPConnection, method: str, source_id: str | None = None) -> Visit:
        """A visit, now. `source_id` is what makes it the same as another one; without it, it is like no other."""
        at, headers = self.clock(), request.headers
        peer = request.scope.get("client")
        network = ""
        if self.network_key and peer:
            asked = asker(peer[0], headers.getlist("x-forwarded-for"), self.proxies) if self.proxies else peer[0]
            network = mark(self.network_key, asked, at)
        return Visit(
            at=at,
            source_id=source_id or f"{int(at.timestamp() * 1000):011x}{secrets.token_urlsafe(_RANDOM_BYTES)}",
            method=method,
            user_agent=headers.get("user-agent", ""),
            network=network,
        )
