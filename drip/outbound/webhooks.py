"""Posts webhooks over HTTP: a bounded time for each, no redirects followed, and little of the answer read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from threading import Lock, Thread

import httpx

from drip.outbound.poster import Answer

#: Seconds to connect in, for each step of the answer, and for all of one post together.
CONNECT_SECONDS, READ_SECONDS, IN_ALL_SECONDS = 5.0, 15.0, 20.0
#: Bytes of an answer that are read; characters of it that are kept for the log.
LONGEST_ANSWER, LONGEST_WORDS = 1024, 200
#: Seconds after which an unused connection is not trusted any more.
_IDLE_FOR = 20.0


class HttpPoster:
    """A Poster over HTTP, with an event loop of its own: there, a post ends in time whatever the other side does."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        """`clock` tells the real time, for a `Retry-After` that names a date."""
        self._clock = clock
        self._door = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._client: httpx.AsyncClient | None = None

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Post once. Redirects are not followed, and only 2xx means that it was taken."""
        return asyncio.run_coroutine_threadsafe(self._post(url, headers, body), self._started()).result()

    def close(self) -> None:
        """End all connections, and the loop. The next post starts anew."""
        with self._door:
            loop, thread, client = self._loop, self._thread, self._client
            self._loop = self._thread = self._client = None
        if loop is None or thread is None:
            return
        if client is not None:
            asyncio.run_coroutine_threadsafe(client.aclose(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._door:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = Thread(target=self._loop.run_forever, name="drip-webhooks-http", daemon=True)
                self._thread.start()
            return self._loop

    def _opened(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=_IDLE_FOR),
                follow_redirects=False,
                # a proxy that the environment names leads away from here, not to this machine
                mounts=dict.fromkeys(("all://localhost", "all://127.0.0.1", "all://[::1]")),
            )
            # what a receiver would have us remember would grow with every post, and go out with the next
            self._client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
        return self._client

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        sent = {"content-type": "application/json", "accept-encoding": "identity", "user-agent": "drip", **headers}
        ends_at = asyncio.get_running_loop().time() + IN_ALL_SECONDS
        try:
            async with asyncio.timeout_at(ends_at):
                request = self._opened().build_request("POST", url, headers=sent, content=body)
                response = await self._opened().send(request, stream=True)
            said = await _start_of(response, ends_at)
        except TimeoutError:
            return Answer(status=None, words=f"no answer within {IN_ALL_SECONDS:g} s")
        except httpx.TimeoutException as error:
            return Answer(status=None, words=_too_slow(error))
        except (
            httpx.HTTPError,
            httpx.InvalidURL,
            OSError,
            ValueError,
            ImportError,
        ) as error:  # the last: SOCKS proxies
            return Answer(status=None, words=_on_one_line(f"no answer: {_cause(error)}"))
        phrase = f"{response.status_code} {response.reason_phrase}".strip()
        if response.is_redirect:
            phrase += f" to {response.headers.get('location', '')}, which is not followed"
        words = phrase if response.is_success or not said else f"{phrase}: {said}"
        return Answer(
            status=response.status_code,
            words=_on_one_line(words),
            wait=_retry_after(response.headers.get("retry-after"), self._clock()),
        )


async def _start_of(response: httpx.Response, ends_at: float) -> str:
    """The first kilobyte of an answer. Its status is known, whatever the rest is, and however slowly it comes."""
    said = b""
    with suppress(httpx.HTTPError, OSError):  # time that is up is one of the latter
        async with asyncio.timeout_at(ends_at):
            async for piece in response.aiter_raw():
                said += piece
                if len(said) >= LONGEST_ANSWER:
                    break
    with suppress(httpx.HTTPError, OSError):
        await response.aclose()
    return said[:LONGEST_ANSWER].decode("utf-8", "replace")


def _too_slow(error: httpx.TimeoutException) -> str:
    if isinstance(error, httpx.ConnectTimeout):
        return f"no connection within {CONNECT_SECONDS:g} s"
    return f"no answer within {READ_SECONDS:g} s"


def _cause(error: BaseException) -> str:
    """The system's own words for it, where it has any."""
    cause: BaseException | None = error
    while cause is not None and not (isinstance(cause, OSError) and cause.strerror):
        cause = cause.__cause__ or cause.__context__
    return str(cause or error) or type(error).__name__


def _on_one_line(words: str) -> str:
    line = "".join(c if c.isprintable() else " " for c in " ".join(words.split()))
    return line if len(line) <= LONGEST_WORDS else f"{line[:LONGEST_WORDS]}…"


def _retry_after(said: str | None, now: datetime) -> timedelta | None:
    """How long a `Retry-After` asks for (RFC 9110 §10.2.3: seconds, or a date); None where it says nothing sensible."""
    if said is None:
        return None
    said = said.strip()
    if said.isascii() and said.isdigit() and len(said) <= 9:
        return timedelta(seconds=int(said))
    try:
        at = parsedate_to_datetime(said)
    except (ValueError, TypeError, OverflowError):
        return None
    return max(timedelta(0), (at if at.tzinfo is not None else at.replace(tzinfo=UTC)) - now)
