"""The same server with bare Starlette routes that answer with the same bytes and record nothing; prints its port."""

from __future__ import annotations

import threading

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drip.web.pages import PRIVATE
from drip.web.serve import serve
from drip.web.tracking import PIXEL


async def pixel(_request: Request) -> Response:
    """A pixel, with the headers of ours."""
    return Response(PIXEL, media_type="image/gif", headers=PRIVATE)


async def found(_request: Request) -> Response:
    """A redirect, with the headers of ours."""
    return Response(status_code=302, headers={**PRIVATE, "Location": "https://help.acme.example/test-orders"})


if __name__ == "__main__":
    app = Starlette(
        routes=[
            Route("/o/{token}.gif", pixel, methods=["GET", "HEAD"]),
            Route("/c/{token}", found, methods=["GET", "HEAD"]),
        ]
    )
    assert threading.current_thread() is threading.main_thread()
    serve(app, "127.0.0.1", 0, ready=lambda url: print(url.rpartition(":")[2], flush=True))
