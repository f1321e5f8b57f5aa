"""Before any route: who it is, how often they ask, and that what they bring has a size and a shape that can be read.

A request passes in this order, and whatever it costs is paid for by a token that holds: the token, its rate, the
headers, the body (of which no more than the cap is taken in), a free place among those that are worked on.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from drip.errors import DripError
from drip.web.api.door import Door
from drip.web.api.problems import Problem, of_error, respond

log = logging.getLogger("drip.web")

LARGEST_BODY = 1_000_000
#: The whole body must be here within so long: programs send it at once.
PATIENCE_SECONDS = 15.0
#: So many are worked on at once in this process, so that learners' presses always find a free thread…
AT_ONCE = 12
#: … and so many may wait for that.
MOST_WAITING = 200
#: Where the gate leaves what it has found, for the routes.
CALLER, BODY, DESK = "drip.caller", "drip.body", "drip.desk"
_BODILESS = ("GET", "HEAD", "OPTIONS")


@dataclass(slots=True)
class Gate:
    """The API behind its gate, as an ASGI app."""

    app: ASGIApp
    door: Door
    base_url: str
    desk: object
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _waiting: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through to its route, or answer why not."""
        if scope["type"] != "http":
            await WebSocketClose()(scope, receive, send)
            return
        request = Request(scope, receive)
        scope[DESK] = self.desk
        try:
            scope[CALLER] = await self.door.let_in(request)
            scope[BODY] = await read_body(request)
            if self._waiting >= MOST_WAITING:
                raise Problem(503, "More is asked than can be worked on: come again in a moment.")
        except Problem as problem:
            await respond(problem, self.base_url)(scope, receive, send)
            return
        except DripError as error:
            log.error("a request to the API is not answered: %s", error)
            await respond(of_error(error), self.base_url)(scope, receive, send)
            return
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        try:
            await self.app(scope, _once(scope[BODY]), send)
        finally:
            self._places.release()


async def read_body(request: Request) -> bytes:
    """The body of a request that may have one. Raises Problem."""
    if request.method in _BODILESS:
        return b""
    said = request.headers.get("content-length", "0")
    if not said.isascii() or not said.isdecimal() or len(said) > 10 or int(said) > LARGEST_BODY:
        raise Problem(413)
    body = bytearray()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > LARGEST_BODY:
                    raise Problem(413)
    except TimeoutError:
        raise Problem(408) from None
    except ClientDisconnect:
        raise Problem(400) from None
    if body:
        _check_type(request)
    return bytes(body)


def _check_type(request: Request) -> None:
    """JSON in UTF-8, said once and not compressed. Raises Problem."""
    said = [line.lower() for line in request.headers.getlist("content-type")]
    kind, *parameters = said[0].split(";") if len(said) == 1 else [""]
    named = [one.partition("=") for one in parameters]
    charsets = [value.strip(' "') for name, _, value in named if name.strip() == "charset"]
    packed = request.headers.get("content-encoding", "identity").lower() != "identity"
    if kind.strip() != "application/json" or charsets not in ([], ["utf-8"]) or packed:
        raise Problem(415)


def _once(body: bytes) -> Receive:
    """What the routes read: the body in one piece, and then nothing until the end."""
    pieces: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if pieces:
            return pieces.pop()
        await asyncio.Event().wait()  # nobody is listened to any more: an answer is under way
        raise AssertionError

    return receive
