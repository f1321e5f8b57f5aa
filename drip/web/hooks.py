"""What providers post to us: SendGrid's events. Anybody may post here, so that nothing costs before it is proven.

The timestamp is looked at before the body is read, the signature before anything else is done with it; a forged request
costs its bytes and one verification, and no database work. 2xx is said once everything is durable, and SendGrid posts
again what got anything else.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from drip.errors import DripError
from drip.inbound.sendgrid import read_events
from drip.inbound.sendgrid_signed import is_fresh, is_signed
from drip.track.heard import Heard
from drip.track.token import Ring
from drip.web.pages import PRIVATE

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

log = logging.getLogger("drip.hooks")

#: SendGrid posts some 700 KB at a time.
LONGEST_BYTES = 5 * 1024 * 1024
#: A body that has not come within so long is given up; SendGrid posts it again.
PATIENCE_SECONDS = 20.0
#: So many bytes of bodies are held in memory at once: who sends slowly keeps nobody out, and many hold no more.
MOST_HELD = 8 * LONGEST_BYTES
#: One transaction takes at most so many: a larger one would keep others from the database for too long.
AT_A_TIME = 500
_SIGNATURE, _TIMESTAMP = "x-twilio-email-event-webhook-signature", "x-twilio-email-event-webhook-timestamp"
_LATER = {**PRIVATE, "Retry-After": "10"}


@dataclass(slots=True, kw_only=True)
class SendGridHook:
    """The one endpoint. `hear` takes in what was said, durably, or raises DripError."""

    key: EllipticCurvePublicKey
    ring: Ring
    clock: Callable[[], datetime]
    hear: Callable[[Sequence[Heard]], object]
    _held: int = 0
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    def routes(self) -> list[Route]:
        """POST /hooks/sendgrid."""
        return [Route("/hooks/sendgrid", self.post, methods=["POST"])]

    async def post(self, request: Request) -> Response:
        """Take in a batch of events: 204 once it is durable."""
        timestamp = request.headers.get(_TIMESTAMP, "")
        signature = request.headers.get(_SIGNATURE, "")
        if not signature or not is_fresh(timestamp, self.clock()):
            return _says(403, "This is not signed, or was signed too long ago.")
        said = request.headers.get("content-length", "0")
        if not said.isdecimal() or len(said) > len(str(LONGEST_BYTES)) or int(said) > LONGEST_BYTES:
            return _says(413, "This is too long.")
        body = bytearray()
        try:
            refused = await self._read(request, body)
            if refused is not None:
                return refused
            whole = bytes(body)
            if not is_signed(self.key, signature, timestamp, whole):
                return _says(403, "This is not signed, or was signed too long ago.")
            return await self._take(whole)
        finally:
            self._held -= len(body)

    async def _read(self, request: Request, body: bytearray) -> Response | None:
        """Take the whole body in; what to say instead where it does not come, or there is no room for it."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                async for piece in request.stream():
                    body += piece
                    self._held += len(piece)
                    if len(body) > LONGEST_BYTES:
                        return _says(413, "This is too long.")
                    if self._held > MOST_HELD:
                        return _says(503, "Come again in a moment.", _LATER)
        except TimeoutError:
            return _says(408, "This took too long.")
        except ClientDisconnect:
            return _says(400, "This is not whole.")
        return None

    async def _take(self, body: bytes) -> Response:
        try:
            events = await run_in_threadpool(read_events, body, self.ring, now=self.clock())
        except ValueError as error:  # SendGrid has signed it, so that somebody should hear of it
            log.error("SendGrid posted what is no list of events: %s", error)
            return _says(400, "This is no list of events.")
        if events.broken:
            log.warning("%d of SendGrid's events have no name and were left out", events.broken)
        try:
            async with self._turn:
                for start in range(0, len(events.heard), AT_A_TIME):
                    await run_in_threadpool(self.hear, events.heard[start : start + AT_A_TIME])
        except DripError as error:
            log.error("SendGrid's events are not taken in, it will post them again: %s", error)
            return _says(503, "Come again in a moment.", _LATER)
        return Response(status_code=204, headers=PRIVATE)


def _says(status: int, words: str, headers: dict[str, str] = PRIVATE) -> Response:
    """A short answer; whoever was refused before their body was read is sent away with it."""
    away = {"Connection": "close"} if status in (403, 408, 413, 503) else {}
    return PlainTextResponse(words + "\n", status_code=status, headers={**headers, **away})
