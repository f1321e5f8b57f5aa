"""`drip preview --serve`: a page on this machine that shows a course while it is written. It mails nothing."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from drip.check.deliverability import CLIPPED_AT
from drip.engine.live import Good, Live, View
from drip.errors import TokenError
from drip.render.brand import Brand, palette
from drip.render.mime import to_bytes
from drip.render.words import direction
from drip.store.media import CONTENT_TYPES
from drip.track.token import Purpose, Ring, read_answer_item, verify
from drip.web.media import Media
from drip.web.preview_mail import SANDBOX, headers_of, policy, shown_html
from drip.web.preview_page import letter_at, scene, seat
from drip.web.preview_place import SAID, VIEWS, Place, read_place

PAGES = Path(__file__).parent / "preview_pages"
_PRIVATE = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}
#: Our own page: nothing from elsewhere, and nobody frames it.
_FENCE = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
}
_KINDS = {"css": "text/css", "js": "text/javascript"}


def build_preview(live: Live, *, ring: Ring, clock: Callable[[], datetime], host: str = "127.0.0.1") -> ASGIApp:
    """The preview of one course. `clock` gives an aware instant; `host` is the name that it listens on."""
    pages = _Preview(live, ring, clock)
    app = Starlette(
        routes=[
            Route("/", pages.page),
            Route("/mail", pages.mail),
            Route("/message.eml", pages.eml),
            Route("/answer", pages.answer),
            Route("/leave", pages.leave),
            Route("/stamp", pages.stamp),
            Route("/preview.{kind}", pages.part),
            Route("/m/{name}", Media(find=pages.picture).show),
        ]
    )
    return OnlyNamed(app, host)


class OnlyNamed:
    """Answers only those who call it by a number, as localhost, or by the name that it was given.

    A page elsewhere could otherwise give its own name this machine's address, and read the preview (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, host: str) -> None:
        self._app, self._host = app, host.casefold()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "http" and not self._is_ours(Headers(scope=scope).get("host", "")):
            refused = PlainTextResponse("drip preview answers only to localhost\n", 421, headers=_PRIVATE)
            await refused(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _is_ours(self, host: str) -> bool:
        name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
        name = name.casefold().rstrip(".")
        if name in (self._host, "localhost") or name.endswith(".localhost"):
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


class _Preview:
    """Every page of it. What reads a file or fills a mail runs in a thread (Starlette does so with plain functions)."""

    def __init__(self, live: Live, ring: Ring, clock: Callable[[], datetime]) -> None:
        self._live, self._ring, self._clock = live, ring, clock
        self._templates = Environment(
            loader=FileSystemLoader(PAGES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters["blanked"] = lambda text: "".join("\t" if sign == "\t" else " " for sign in text)

    def page(self, request: Request) -> Response:
        """The course, a message, and what was found."""
        view = self._live.look()
        if view.good is None:
            return self._html("waiting.html", view=view)
        now = self._now()
        shown = scene(view, view.good, read_place(request.query_params.multi_items()), now=now, ring=self._ring)
        place, found = shown.seat.place, shown.letter
        return self._html(
            "preview.html",
            view=view,
            good=view.good,
            scene=shown,
            place=place,
            views=VIEWS,
            said=SAID,
            headers=headers_of(to_bytes(found.message)) if found and place.view == "headers" else (),
            direction=direction(shown.seat.language),
            clipped_at=CLIPPED_AT,
            sandbox=SANDBOX,
        )

    def mail(self, request: Request) -> Response:
        """The mail's HTML, for the frame."""
        good, place = self._good(), read_place(request.query_params.multi_items())
        if good is None:
            return PlainTextResponse("there is no message yet\n", 404, headers=_PRIVATE)
        now = self._now()
        found, trouble = letter_at(seat(self._live.look(), good, place, now=now), good, now=now, ring=self._ring)
        if found is None:
            return PlainTextResponse(trouble, 404, headers=_PRIVATE)
        html = shown_html(
            found.message.html,
            base_url=good.base_url,
            dark=place.dark,
            images=place.images,
            ours=partial(self._ours, place, now),
        )
        return HTMLResponse(html, headers={**_PRIVATE, **policy(images=place.images)})

    def eml(self, request: Request) -> Response:
        """The message as a file, for a mail program."""
        good, place = self._good(), read_place(request.query_params.multi_items())
        now = self._now()
        sits = seat(self._live.look(), good, place, now=now) if good else None
        found = letter_at(sits, good, now=now, ring=self._ring)[0] if sits and good else None
        if found is None:
            return PlainTextResponse("there is no message\n", 404, headers=_PRIVATE)
        name = found.step.replace("/", "_")
        headers = {**_PRIVATE, "Content-Disposition": f'attachment; filename="{name}.eml"'}
        return Response(to_bytes(found.message), media_type="message/rfc822", headers=headers)

    def answer(self, request: Request) -> Response:
        """What an answer's link leads to: the options with what is said of them. Nothing is recorded."""
        view, said = self._live.look(), request.query_params
        question, chosen = None, -1
        if view.good is not None:
            now = self._now()
            sits = seat(view, view.good, read_place(said.multi_items()), now=now)
            found, _ = letter_at(sits, view.good, now=now, ring=self._ring)
            card, chosen = (
                int(text) if text.isdecimal() else -1 for text in (said.get("card", ""), said.get("option", ""))
            )
            if found is not None and 0 <= card < len(found.questions):
                question = found.questions[card]
        return self._html("answer.html", view=view, question=question, chosen=chosen)

    def leave(self, request: Request) -> Response:
        """What the links to unsubscribe, to the learner's own page and to their certificate lead to."""
        return self._html("leave.html", view=self._live.look(), to=request.query_params.get("to"))

    def stamp(self, _request: Request) -> Response:
        """Which view there is now: a page that was made from another one comes again."""
        return JSONResponse({"stamp": self._live.look().stamp}, headers=_PRIVATE)

    def part(self, request: Request) -> Response:
        """The page's style and script."""
        kind = request.path_params["kind"]
        if kind not in _KINDS:
            return PlainTextResponse("", 404, headers=_PRIVATE)
        good = self._live.look().good
        text = self._templates.get_template(f"preview.{kind}").render(look=palette(good.brand if good else Brand()))
        return Response(text, media_type=_KINDS[kind], headers=_PRIVATE)

    def picture(self, name: str) -> tuple[str, bytes] | None:
        """A picture of the course."""
        good = self._good()
        content = good.compiled.media.get(name) if good else None
        return None if content is None else (CONTENT_TYPES.get(name.rpartition(".")[2], "image/png"), content)

    def _ours(self, place: Place, now: datetime, kind: str, token: str) -> str:
        """Where one of our links leads in the preview."""
        if kind == "v":
            return place.link("/mail")
        if kind in ("u", "my", "certificate"):
            return "/leave" if kind == "u" else f"/leave?to={kind}"
        try:
            card, option = read_answer_item(verify(self._ring, token, Purpose.ANSWER, now=now).item)
        except TokenError:
            return "/leave"
        path = place.link("/answer")
        return f"{path}{'&' if '?' in path else '?'}card={card}&option={option}"

    def _good(self) -> Good | None:
        return self._live.look().good

    def _now(self) -> datetime:
        return self._clock().replace(microsecond=0)

    def _html(self, template: str, *, view: View, **values: Any) -> Response:
        html = self._templates.get_template(template).render(view=view, **values)
        return HTMLResponse(html, headers={**_PRIVATE, **_FENCE})
