"""Pictures that mails show. Their address holds no token, so that it tells nothing about who looks (decision 007)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from drip.render.content import MEDIA

#: Name → (content type, content), or None where there is no such picture. Called from any thread.
Find = Callable[[str], tuple[str, bytes] | None]

#: A name is made of the content, so what lies under it never changes.
_KEPT = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
    "Content-Security-Policy": "default-src 'none'",
    "Cross-Origin-Resource-Policy": "cross-origin",  # a webmail shows it on its own pages
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """The endpoint behind the pictures of a mail."""

    find: Find

    async def show(self, request: Request) -> Response:
        """`/m/{name}`: a picture. Raises HTTPException 404 for any other name, without asking the store."""
        name = request.path_params["name"]
        found = await run_in_threadpool(self.find, name) if MEDIA.match(f"m/{name}") else None
        if found is None:
            raise HTTPException(404)
        kind, content = found
        headers = {**_KEPT, "ETag": f'"{name}"'}
        if _knows(request.headers.get("if-none-match", ""), headers["ETag"]):
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=kind, headers=headers)


def nothing(_name: str) -> None:
    """A store without pictures."""


def _knows(if_none_match: str, etag: str) -> bool:
    """Whether the browser has this very picture (RFC 9110, 13.1.2: compared weakly)."""
    said = [part.strip().removeprefix("W/") for part in if_none_match[:1000].split(",")]
    return etag in said or said == ["*"]
