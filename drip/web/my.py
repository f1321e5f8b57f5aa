"""`/my/{token}`: a learner's own page of a course. A GET shows; what is pressed is a POST with the page's nonce.

Its links are good for 30 days. An old one shows nothing: it sends a fresh one to the address on file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from drip.course.timing import parse_clock, parse_zone
from drip.engine.changes import (
    Change,
    Leave,
    Pause,
    Resume,
    SendNext,
    SetLanguage,
    SetTempo,
    SetTimes,
    SetZone,
)
from drip.engine.fresh_links import FreshLinks
from drip.engine.leaving import UNDO_FOR
from drip.engine.mail_again import MailAgain
from drip.engine.my_changes import MyCourse, Outcome
from drip.engine.record import Recorder
from drip.errors import TokenError
from drip.people import Tempo, Wish
from drip.render.message import NO_DELIVERY
from drip.track.token import BEFORE_ALL, Claim, Purpose, Ring, sign, verify
from drip.web import nonce
from drip.web.forms import read_form
from drip.web.my_pages import ROOMS, MyPages
from drip.web.pages import PRIVATE, Pages
from drip.web.visits import Visits

_NUMBER = re.compile(r"[0-9]{1,18}\Z")
#: A mail shown in a browser may have styles in its elements and pictures; it runs nothing, sends nothing, is framed by
#: nobody.
_MAIL_FENCE = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' https: data:; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation"
)


class _Wrong(Exception):
    """What a form says cannot be: the word of MyWords that says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class My:
    """The endpoints of *my course*, and of a mail in the browser. Database work runs in a thread."""

    my: MyCourse
    again: MailAgain
    fresh: FreshLinks
    recorder: Recorder
    ring: Ring
    visits: Visits
    pages: Pages
    language: Callable[[Request], str]

    def routes(self) -> list[Route]:
        """Where they are."""
        methods = ["GET", "HEAD", "POST"]
        return [
            Route("/my/{token}", self.page, methods=methods),
            Route("/my/{token}/{room}", self.page, methods=methods),
            Route("/v/{token}", self.view, methods=["GET", "HEAD"]),
        ]

    async def page(self, request: Request) -> Response:
        """`/my/{token}` and the pages below it."""
        room = request.path_params.get("room", "")
        if room and room not in ROOMS:
            raise HTTPException(404)
        token = request.path_params["token"]
        try:
            claim = verify(self.ring, token, Purpose.COURSE, now=self.visits.clock())
        except TokenError as error:
            if error.status != 410:
                raise
            return await self._expired(request, token)
        if claim.delivery_id == NO_DELIVERY:
            return self.pages.test(self.language(request))
        if request.method == "POST":
            return await self._pressed(request, claim, token, room)
        return await run_in_threadpool(self._see, request, claim, token, room)

    async def view(self, request: Request) -> Response:
        """`/v/{token}`: the mail as it was sent, without its pixel."""
        claim = verify(self.ring, request.path_params["token"], Purpose.VIEW, now=self.visits.clock())
        if claim.delivery_id == NO_DELIVERY:
            return self.pages.test(self.language(request))
        html = await run_in_threadpool(self.again.html, claim.delivery_id)
        await run_in_threadpool(
            self.recorder.visited, claim.delivery_id, "view", self.visits.of(request, request.method)
        )
        return HTMLResponse(
            html, headers={**PRIVATE, "Content-Security-Policy": _MAIL_FENCE, "X-Frame-Options": "DENY"}
        )

    def _see(self, request: Request, claim: Claim, token: str, room: str) -> Response:
        now = self.visits.clock()
        seen = self.my.seen(claim.delivery_id, now=now)
        shown = MyPages(self.pages, self.ring)
        page = shown.room(room, seen, token, now=now) if room else shown.home(seen, token, now=now)
        self.recorder.visited(claim.delivery_id, f"my/{room}".rstrip("/"), self.visits.of(request, request.method))
        return page

    async def _pressed(self, request: Request, claim: Claim, token: str, room: str) -> Response:
        form = await read_form(request)
        page = nonce.read(self.ring, token, form.get("nonce", ""))
        if page is None:
            raise HTTPException(400)
        return await run_in_threadpool(self._do, request, claim, token, room, form, page)

    def _do(
        self, request: Request, claim: Claim, token: str, room: str, form: Mapping[str, str], page: str
    ) -> Response:
        shown, now = MyPages(self.pages, self.ring), self.visits.clock()
        try:
            change = _change(room, form)
        except _Wrong as wrong:
            return shown.room(room, self.my.seen(claim.delivery_id, now=now), token, now=now, told=str(wrong))
        if isinstance(change, SetTimes) and form.get("do") == "save":
            change = _as_changed(change, form, self.my.seen(claim.delivery_id, now=now).enrolment.wish)
        visit = self.visits.of(request, request.method, page)
        changed = self.my.press(claim.delivery_id, change, visit)
        if changed.outcome is Outcome.CANNOT and isinstance(change, Pause) and change.until is not None:
            return shown.room(room, changed.seen, token, now=now, told="choose_until")
        told = {Outcome.DONE: "done", Outcome.BEFORE: "before", Outcome.CANNOT: "cannot"}[changed.outcome]
        if isinstance(change, Leave | SendNext) and changed.outcome is Outcome.DONE:
            told = ""  # how it stands says it
        undo = ""
        if changed.undo is not None:
            until = now + UNDO_FOR
            up = "../../" if room else "../"
            undo = f"{up}undo/{sign(self.ring, Purpose.UNDO, claim.delivery_id, changed.undo, expires_at=until)}"
        return shown.home(changed.seen, token, now=now, room=room, told=told, undo=undo)

    async def _expired(self, request: Request, token: str) -> Response:
        """An old link has one button: a fresh one goes to the address on file. Whoever asks is told the same."""
        shown, language = MyPages(self.pages, self.ring), self.language(request)
        claim = verify(self.ring, token, Purpose.COURSE, now=BEFORE_ALL)
        if request.method != "POST":
            return shown.expired(token, language)
        form = await read_form(request)
        if nonce.read(self.ring, token, form.get("nonce", "")) is None or form.get("do") != "fresh":
            raise HTTPException(400)
        if claim.delivery_id != NO_DELIVERY:
            await run_in_threadpool(self.fresh.ask, claim.delivery_id, now=self.visits.clock())
        return shown.asked(language)


def _change(room: str, form: Mapping[str, str]) -> Change:
    """What a form asks for. Raises _Wrong for what a person may have got wrong, HTTPException for anything else."""
    do = form.get("do", "")
    match room, do:
        case "", "next" if _NUMBER.match(form.get("mark", "")):
            return SendNext(mark=int(form["mark"]))
        case "", "resume":
            return Resume()
        case "pause", "resume":
            return Resume()
        case "pause", "open":
            return Pause()
        case "pause", "then":
            return Pause(until=_day(form.get("until", "")))
        case "pause", day if day:
            return Pause(until=_day(day))
        case "pace", tempo if tempo in {str(one) for one in Tempo}:
            return SetTempo(tempo=Tempo(tempo))
        case "times", "course":
            return SetTimes(at=None, days=None)
        case "times", "save":
            return _times(form)
        case "language", language if language:
            return SetLanguage(language=language[:35])
        case "zone", "save":
            return _zone(form.get("zone", ""))
        case "leave", "course" | "everything":
            return Leave(scope=do)
        case _:
            raise HTTPException(400)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text) if len(text) == 10 else date.min
    except ValueError:
        raise _Wrong("choose_until") from None


def _times(form: Mapping[str, str]) -> SetTimes:
    days = frozenset(day for day in range(7) if f"day{day}" in form)
    if not days:
        raise _Wrong("choose_days")
    at = form.get("at", "").strip()
    try:
        return SetTimes(at=parse_clock(at[:5]) if at else None, days=days)
    except ValueError:
        raise _Wrong("choose_hour") from None


def _as_changed(change: SetTimes, form: Mapping[str, str], wish: Wish) -> SetTimes:
    """What was left as the page had shown it is nobody's wish: the course's own hour and days may change later."""
    days = "".join(str(day) for day in sorted(change.days or ()))
    at = wish.at if form.get("at", "").strip()[:5] == form.get("at_shown") else change.at
    return SetTimes(at=at, days=wish.days if days == form.get("days_shown") else change.days)


def _zone(name: str) -> SetZone:
    try:
        return SetZone(zone=parse_zone(name[:64]))
    except ValueError:
        raise _Wrong("choose_zone") from None
