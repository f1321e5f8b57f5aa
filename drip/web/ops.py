"""What machines ask that watch over drip: does the process answer, can it work, and the numbers.

`/healthz` and `/readyz` stand on the web side too. `/metrics` never does: the web side is everybody's, the numbers are
the operator's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TookTooLong
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from drip.errors import DripError

#: The database must answer within so many seconds: whoever probes gives up after a few.
ANSWERS_WITHIN_SECONDS = 2.0
#: So long an answer holds: anybody may ask `/readyz` as often as they like.
HOLDS_SECONDS = 1.0
_NOT_KEPT = {"Cache-Control": "no-store"}
#: First part of a path → what kind of request it is. No path of a request becomes a label: anybody may make them up.
_KINDS = {"o": "open", "c": "click", "a": "answer", "u": "unsubscribe", "m": "picture", "healthz": "health"}
_KINDS |= {"readyz": "health", "api": "api", "docs": "docs", "openapi.json": "docs"}

#: Gives the numbers in a form that this Accept header takes: (body, content type).
Numbers = Callable[[str], tuple[bytes, str]]
#: Is told of each request: its kind, its status, and the seconds that it took.
ToldOfRequest = Callable[[str, int, float], None]


@dataclass(slots=True)
class Readiness:
    """Whether the database answers, and has the tables that this drip needs. `check` raises DripError where not, and
    `says` makes a reason of what it raised.

    One check is under way at a time, in a thread that nobody waits for longer than they may: a database that hangs
    makes no queue of those who ask whether it does.
    """

    check: Callable[[], object]
    says: Callable[[DripError], str] = str
    within: float = ANSWERS_WITHIN_SECONDS
    _door: threading.Lock = field(default_factory=threading.Lock)
    _asked: Future[None] | None = None
    _answered_at: float = 0.0

    def problem(self) -> str | None:
        """Why it is not ready, in words without a password; None where it is."""
        with self._door:
            if self._asked is None or (self._asked.done() and time.monotonic() - self._answered_at > HOLDS_SECONDS):
                self._asked = Future()
                threading.Thread(target=self._look, args=(self._asked,), name="drip-ready", daemon=True).start()
            asked = self._asked
        try:
            asked.result(self.within)
        except TookTooLong:
            return f"the database did not answer within {self.within:g} seconds"
        except DripError as error:
            return self.says(error)
        return None

    def _look(self, asked: Future[None]) -> None:
        try:
            self.check()
        except BaseException as error:  # noqa: BLE001  (whoever asked gets it)
            self._answered_at = time.monotonic()
            asked.set_exception(error)
        else:
            self._answered_at = time.monotonic()
            asked.set_result(None)


def in_public(error: DripError) -> str:
    """What is wrong, for everybody: where the database is, and who it knows us as, is nobody else's business."""
    way = "run `drip db upgrade`"
    return f"the database has other tables than this drip needs: {way}" if way in str(error) else "the database fails"


def watching_routes(ready: Readiness) -> list[Route]:
    """`/healthz` (the process answers; the database is not asked) and `/readyz` (it can work; 503 says why not)."""

    async def healthy(_request: Request) -> Response:
        return JSONResponse({"status": "ok"}, headers=_NOT_KEPT)

    async def is_ready(_request: Request) -> Response:
        problem = await run_in_threadpool(ready.problem)
        if problem is None:
            return JSONResponse({"status": "ok"}, headers=_NOT_KEPT)
        return JSONResponse({"status": "not ready", "reason": problem}, status_code=503, headers=_NOT_KEPT)

    return [
        Route("/healthz", healthy, methods=["GET", "HEAD"]),
        Route("/readyz", is_ready, methods=["GET", "HEAD"]),
    ]


def build_ops(*, ready: Readiness, numbers: Numbers) -> Starlette:
    """The operator's own place: the two above, and `/metrics`."""

    async def metrics(request: Request) -> Response:
        body, kind = await run_in_threadpool(numbers, request.headers.get("accept", ""))
        return Response(body, headers={**_NOT_KEPT, "Content-Type": kind})

    return Starlette(routes=[*watching_routes(ready), Route("/metrics", metrics, methods=["GET", "HEAD"])])


def timed(app: ASGIApp, told: ToldOfRequest) -> ASGIApp:
    """The same app, which tells of each request how long it took until its answer had left."""

    async def timing(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await app(scope, receive, noting)
        finally:
            kind = _KINDS.get(scope["path"].split("/", 2)[1] if "/" in scope["path"] else "", "other")
            told(kind, status, time.perf_counter() - began)

    return timing
