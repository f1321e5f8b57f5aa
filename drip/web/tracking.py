"""The two busiest endpoints: the pixel and the links of a mail's text. They run on the event loop and wait for a group.

A token is verified before anything else: a forged one costs a hash, and no database work.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from drip.engine.touches import Touch
from drip.errors import NotFound, TokenError
from drip.render.message import NO_DELIVERY
from drip.track.token import Purpose, Ring, verify
from drip.web.committer import Committer, Full
from drip.web.pages import PRIVATE
from drip.web.visits import Visits

#: One transparent pixel, GIF89a.
PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
_COME_AGAIN = {**PRIVATE, "Retry-After": "1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """The pixel and the tracked links. `test_page` is what a link of a test message shows."""

    ring: Ring
    visits: Visits
    committer: Committer
    test_page: Callable[[Request], Response]

    async def pixel(self, request: Request) -> Response:
        """`/o/{token}.gif`: records an open, where the learner and the course allow it; shows the pixel in any case."""
        try:
            claim = verify(self.ring, request.path_params["token"], Purpose.OPEN, now=self.visits.clock())
        except TokenError as error:  # nobody reads a page where a picture should be: a flood of these is cheap
            return Response(status_code=error.status, headers=PRIVATE)
        if claim.delivery_id != NO_DELIVERY:
            try:
                await self.committer.recorded(
                    Touch(delivery_id=claim.delivery_id, visit=self.visits.of(request, request.method))
                )
            except Full:
                return Response(status_code=503, headers=_COME_AGAIN)
            except NotFound:  # whose it was has been erased: their old mail shows no broken picture
                pass
        return Response(PIXEL, media_type="image/gif", headers=PRIVATE)

    async def click(self, request: Request) -> Response:
        """`/c/{token}`: records a click and leads where the mail's plan says, whatever the request says."""
        claim = verify(self.ring, request.path_params["token"], Purpose.CLICK, now=self.visits.clock())
        if claim.delivery_id == NO_DELIVERY:
            return self.test_page(request)
        try:
            target = await self.committer.recorded(
                Touch(delivery_id=claim.delivery_id, link=claim.item, visit=self.visits.of(request, request.method))
            )
        except Full:
            return Response(status_code=503, headers=_COME_AGAIN)
        return Response(status_code=302, headers={**PRIVATE, "Location": target})
