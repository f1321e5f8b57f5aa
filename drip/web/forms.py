"""Reading a small form from anybody on the internet: capped, timed, and refused where it is not exactly a form."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

#: The longest of our forms, a learner's hour and days, has twelve short fields.
LONGEST_BYTES = 16 * 1024
MOST_FIELDS = 12
#: A body that has not come within so long does not come from a person's press.
PATIENCE_SECONDS = 10.0

_URLENCODED, _MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
_CHARSETS = ("", "utf-8", "us-ascii")
#: What a browser says of a form on somebody else's page (Fetch Metadata); mail providers and old browsers say nothing.
_ELSEWHERE = ("cross-site", "same-site")


async def read_form(request: Request, *, multipart: bool = False, elsewhere: bool = False) -> dict[str, str]:
    """The fields of a form, each of which stands once. Only with `elsewhere` may it stand on another site's page.

    Raises HTTPException: 400 for what is no such form, 403 for one from elsewhere, 408 for one that comes too slowly,
    413 for one that is too long.
    """
    if from_elsewhere(request) and not elsewhere:
        raise HTTPException(403)
    kind, charset = _content_type(request)
    if kind not in ((_URLENCODED, _MULTIPART) if multipart else (_URLENCODED,)) or charset not in _CHARSETS:
        raise HTTPException(400)
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise HTTPException(400)
    body = await _read(request)
    pairs = await _parts(request, body) if kind == _MULTIPART else _pairs(body)
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise HTTPException(400)
    return fields


async def _read(request: Request) -> bytes:
    """The whole body, of which no more than the cap is ever taken in."""
    said = request.headers.get("content-length", "0")
    if not said.isdecimal() or len(said) > 10 or int(said) > LONGEST_BYTES:
        raise HTTPException(413, headers={"Connection": "close"})
    body = bytearray()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > LONGEST_BYTES:
                    raise HTTPException(413, headers={"Connection": "close"})
    except TimeoutError:
        raise HTTPException(408, headers={"Connection": "close"}) from None
    except ClientDisconnect:
        raise HTTPException(400) from None
    return bytes(body)


def from_elsewhere(request: Request) -> bool:
    """Whether the browser says that another site sent this. Nothing that is not expressly so is taken for it: our own
    pages tell no `Origin`, since they tell nobody where their reader was.
    """
    return request.headers.get("sec-fetch-site", "") in _ELSEWHERE


def _content_type(request: Request) -> tuple[str, str]:
    """(media type, charset), both in lower case."""
    kind, *parameters = request.headers.get("content-type", "").lower().split(";")
    named = dict(part.strip().partition("=")[::2] for part in parameters)
    return kind.strip(), named.get("charset", "").strip('"')


def _pairs(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            body.decode("ascii").strip(),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MOST_FIELDS,
        )
    except ValueError:  # also what is not UTF-8, and too many fields
        raise HTTPException(400) from None


async def _parts(request: Request, body: bytes) -> list[tuple[str, str]]:
    async def once() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        form = await MultiPartParser(request.headers, once(), max_files=0, max_fields=MOST_FIELDS).parse()
    except (MultiPartException, KeyError, ValueError):
        raise HTTPException(400) from None
    return [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
