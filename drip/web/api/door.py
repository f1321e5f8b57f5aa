"""Whose token it is. Wrong ones cost next to nothing, however many come; a revoked one is refused with its next use.

What a token must look like is checked first (engine/tokens.py). Then its hash is looked for among those of all tokens
that hold, which this process remembers: a hash that is not among them makes it read them anew, but not within a second
of doing so in vain, however many strangers knock. One that is among them is read from the database by its number, each
time: so what was revoked is refused at once, by every process.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from drip.engine import tokens
from drip.errors import StoreError
from drip.store import Store
from drip.store.tokens import ApiToken
from drip.web.api.problems import Problem
from drip.web.api.rates import Rates

#: The tokens that hold are read anew at most so often for the sake of one that is not known.
LOOK_SECONDS = 1.0
#: Requests with wrong tokens from one network: a program that is set up wrongly, not one that tries.
WRONG_RATE, WRONG_BURST = 1.0, 20
#: What people put into addresses, and should not: those stand in logs.
_IN_ADDRESS = {"token", "access_token", "api_key", "apikey", "key", "authorization"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whoever has shown a token that holds."""

    token: ApiToken

    def may(self, scope: str) -> bool:
        """Whether the token is good for that."""
        return scope in self.token.scopes


class Door:
    """Lets tokens in. `network` gives what stands for the network of a request, "" where that is not known."""

    def __init__(
        self, store: Store, *, clock: Callable[[], datetime], rates: Rates, network: Callable[[Request], str]
    ) -> None:
        self._store, self._clock, self._rates, self._network = store, clock, rates, network
        self._wrong = Rates(WRONG_RATE, WRONG_BURST)
        self._known: dict[str, int] = {}
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def let_in(self, request: Request) -> Caller:
        """Whose token it is. Raises Problem: 401, or 429 with the time to wait."""
        token = self._token(request)
        hashed = tokens.hashed(token)
        number = self._known.get(hashed)
        if number is None:
            await self._read_anew(hashed)
            number = self._known.get(hashed)
        if number is None:
            raise self._refused(request, "This token is not known, or does not hold any more.")
        if wait := self._rates.take(number):
            raise Problem(429, headers={"Retry-After": str(wait)})
        found = await run_in_threadpool(self._look, number)
        if found is None or not hmac.compare_digest(found.token_hash, hashed) or not found.is_good(self._clock()):
            self._known.pop(hashed, None)
            raise self._refused(request, "This token has been revoked, or its time is over.")
        return Caller(token=found)

    def _token(self, request: Request) -> str:
        lines = request.headers.getlist("authorization")
        if not lines:
            said = {name.lower() for name, _ in parse_qsl(request.url.query[:2000], keep_blank_values=True)}
            aside = "A token in the address is not read: addresses stand in logs. " if said & _IN_ADDRESS else ""
            raise self._refused(request, f"{aside}Send the header `Authorization: Bearer drip_…`.")
        scheme, _, token = lines[0].strip().partition(" ")
        token = token.strip()
        if len(lines) > 1 or scheme.lower() != "bearer" or not tokens.is_whole(token):
            raise self._refused(request, "This is no token: `drip token new` makes one. Has it been copied whole?")
        return token

    def _refused(self, request: Request, detail: str) -> Problem:
        network = self._network(request)
        wait = self._wrong.take(network) if network else 0
        return Problem(429, headers={"Retry-After": str(wait)}) if wait else Problem(401, detail)

    async def _read_anew(self, wanted: str) -> None:
        async with self._reading:
            if wanted in self._known or time.monotonic() - self._read_at < LOOK_SECONDS:
                return
            self._known = await run_in_threadpool(tokens.usable, self._store, now=self._clock())
            if wanted not in self._known:  # only strangers make the next one wait: a new token is known at once
                self._read_at = time.monotonic()

    def _look(self, number: int) -> ApiToken | None:
        try:
            return tokens.used(self._store, number, now=self._clock())
        except StoreError as error:
            raise Problem(503) from error
