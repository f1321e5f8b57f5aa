"""A request to SendGrid's v3 mail/send over connections that are kept alive, and how much of it left if it got lost."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from importlib.util import find_spec
from time import time

import httpx

from drip.transports.sendgrid_answers import Answer, on_one_line, read_answer
from drip.transports.sendgrid_url import is_loopback

_PATH = "/v3/mail/send"
#: Seconds after which an unused connection is not trusted any more. Gateways close silent ones after 60 or more; a
#: request that leaves in that moment is in doubt.
_IDLE_FOR = 20.0
#: Bytes of an answer that are read.
_LONGEST_ANSWER = 65_536
#: How many times the usual patience a request gets in all, to open, to be sent and to be answered.
_IN_ALL = 3


# httpcore imports sniffio four times a request. Where it is not installed, Python looks through all of its folders each
# time: a third of a request's CPU time. This says once that it is not there.
if find_spec("sniffio") is None:
    sys.modules["sniffio"] = None  # type: ignore[assignment] # importing it fails, as it did


class Left(Enum):
    """How much of a request had left when it got lost."""

    #: Nothing that anybody could act upon.
    NOTHING = auto()
    #: Not all of it: nobody can have taken the mail.
    A_PART = auto()
    #: All of it: nobody knows.
    ALL = auto()


@dataclass
class Lost(Exception):
    """No answer came."""

    words: str
    left: Left


class Poster:
    """Posts bodies, with the key. `timeout` is seconds for each step of a request.

    As many connections are kept as there were requests at a time. Each is a client of its own: one client for all looks
    through all of its connections at each request.
    """

    def __init__(self, key: str, host: str, *, timeout: float) -> None:
        self._key = key
        self._url = httpx.URL(host + _PATH)
        self._timeout = timeout
        # a proxy that the environment names leads away from here, not to this machine
        self._trust_env = not is_loopback(self._url.host)
        # made once: it reads the certificates of all authorities
        self._verify = httpx.create_ssl_context(trust_env=self._trust_env) if self._url.scheme == "https" else False
        self._idle: list[httpx.AsyncClient] = []
        self._headers = [
            ("Host", self._url.netloc.decode("ascii")),
            ("Authorization", f"Bearer {key}"),
            ("Content-Type", "application/json"),
            ("Accept", "application/json"),
            ("Accept-Encoding", "identity"),
            ("User-Agent", "drip"),
        ]
        self._extensions = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), timeout)}

    async def post(self, body: bytes) -> Answer:
        """Send one body, and read the answer to it. Raises Lost where none came."""
        content = _Content(body)
        request = httpx.Request(
            "POST",
            self._url,
            headers=[*self._headers, ("Content-Length", str(len(body)))],
            stream=content,
            extensions=self._extensions,
        )
        client = self._idle.pop() if self._idle else self._new_client()
        try:
            async with asyncio.timeout(_IN_ALL * self._timeout):
                response = await client.send(request, stream=True, follow_redirects=False)
            said = await self._rest_of(response)
        except (httpx.HTTPError, OSError, ValueError) as error:  # TimeoutError is an OSError
            raise Lost(self._why(error, content.left), content.left) from None
        finally:
            self._idle.append(client)  # it has ended its connection where that is of no use any more
        return read_answer(response.status_code, response.headers, said, key=self._key, now=time())

    async def close(self) -> None:
        """End all connections. The next `post` opens one."""
        while self._idle:
            await self._idle.pop().aclose()

    def _new_client(self) -> httpx.AsyncClient:
        one = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=_IDLE_FOR)
        return httpx.AsyncClient(limits=one, trust_env=self._trust_env, verify=self._verify)

    async def _rest_of(self, response: httpx.Response) -> bytes:
        """What the answer says. Its status is known, whatever becomes of the rest."""
        said = b""
        with suppress(httpx.HTTPError, OSError):
            async with asyncio.timeout(self._timeout):
                async for piece in response.aiter_raw():
                    said += piece
                    if len(said) > _LONGEST_ANSWER:
                        break
        with suppress(httpx.HTTPError, OSError):
            await response.aclose()
        return said

    def _why(self, error: BaseException, left: Left) -> str:
        """Words for a request that got lost: the system's own, where it has any."""
        cause: BaseException | None = error
        while cause is not None and not (isinstance(cause, OSError) and cause.strerror):
            cause = cause.__cause__ or cause.__context__
        if cause is None and isinstance(error, (httpx.TimeoutException, TimeoutError)):
            words = f"no answer within {self._timeout:g} s"
        else:
            words = str(cause or error) or type(error).__name__
        when = {
            Left.NOTHING: f"{self._url.host} cannot be reached",
            Left.A_PART: "the connection was lost before the mail had left",
            Left.ALL: "the connection was lost after the mail had left",
        }[left]
        return on_one_line(f"{when}: {words}", self._key)


class _Content(httpx.AsyncByteStream):
    """A body that knows how much of it has left: whoever sends it asks for more only once the system has taken it."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.left = Left.NOTHING

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.left = Left.A_PART
        yield self._body
        self.left = Left.ALL
