"""Taking back that one left, and leaving for whoever has been erased since."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from drip.engine.leaving import UNDO_FOR
from drip.engine.record import Origin, Recorder
from drip.errors import TokenError
from drip.people import State
from drip.render.languages import words_for
from drip.track.token import Claim, Purpose, Ring, sign, verify
from drip.web import nonce
from drip.web.forms import read_form
from drip.web.onward import course_until
from drip.web.pages import PRIVATE, Pages
from drip.web.visits import Visits
from drip.web.words import page_words, preferred

#: What the form of the page that says "you have left" posts, and nothing else does.
UNDO = ("undo", "1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Returning:
    """`/undo/{token}`, whose link stands nowhere but on the page that says "you have left", and in its form."""

    recorder: Recorder
    ring: Ring
    clock: Callable[[], datetime]
    pages: Pages
    visits: Visits

    def undo_token(self, delivery_id: int, press: str) -> str:
        """What takes back the leaving that this press has made; "" where it has made none, or a day has passed."""
        found = self.recorder.left_by(delivery_id, press, now=self.clock())
        if found is None:
            return ""
        number, until = found
        return sign(self.ring, Purpose.UNDO, delivery_id, number, expires_at=until)

    async def undo(self, request: Request) -> Response:
        """A GET asks; a POST of the page's own form takes the leaving back."""
        try:
            claim = verify(self.ring, request.path_params["token"], Purpose.UNDO, now=self.clock())
            if request.method != "POST":
                return await run_in_threadpool(self._asked, claim)
            form = await read_form(request)
            if form.get(UNDO[0]) != UNDO[1]:
                raise HTTPException(400)
            return await run_in_threadpool(self._undone, claim, request)
        except TokenError as error:
            if error.status != 410:
                raise
            language = self.language(request)
            return self.pages.show("notice.html", language, status=410, notice=words_for(language).back.expired)

    def language(self, request: Request) -> str:
        """The language of a page that belongs to no mail."""
        return preferred(request.headers.get("accept-language", ""), self.pages.language)

    def _asked(self, claim: Claim) -> Response:
        origin = self.recorder.origin(claim.delivery_id)
        return self.pages.about(origin, "undo.html", back=words_for(origin.delivery.language).back)

    def _undone(self, claim: Claim, request: Request) -> Response:
        visit = self.visits.of(request, request.method, None)
        self.recorder.came_back(claim.delivery_id, claim.item, visit)
        origin = self.recorder.origin(claim.delivery_id)
        leaving = self.recorder.leaving_of(claim.delivery_id, claim.item)
        gone = _still_left(self.recorder, origin, leaving.scope, visit.at)
        if gone:  # they have left once more since, and that holds
            return self.pages.left(origin, before=True, scope=gone)
        back = words_for(origin.delivery.language).back
        # a mail that was passed on can leave and come back, and shows nobody's page
        until = min(visit.at + UNDO_FOR, course_until(origin))
        course = f"../my/{sign(self.ring, Purpose.COURSE, claim.delivery_id, expires_at=until)}"
        course = course if leaving.on_own_page and visit.at < until else ""
        return self.pages.about(origin, "back.html", back=back, scope=leaving.scope, to_course=course)


@dataclass(frozen=True, slots=True, kw_only=True)
class Former:
    """Leaving by the mail of somebody who has been erased: what is known of them is a hash, and that is enough."""

    recorder: Recorder
    ring: Ring
    pages: Pages

    def ask(self, token: str, language: str) -> Response:
        """Asks whether to leave."""
        back = words_for(language).back
        return self._page("former.html", language, nonce=nonce.make(self.ring, token), back=back)

    def leave(self, claim: Claim, *, in_short: bool, language: str, now: datetime) -> Response:
        """Leaves everything, whatever the course said: of that nothing is known any more."""
        self.recorder.former_left(claim.delivery_id, now=now)
        if in_short:
            return PlainTextResponse(page_words(language).left_short + "\n", headers=PRIVATE)
        return self._page("former_left.html", language, back=words_for(language).back)

    def _page(self, template: str, language: str, **values: Any) -> Response:
        sender = self.pages.brand or page_words(language).nameless_sender
        return self.pages.show(template, language, sender=sender, **values)


def _still_left(recorder: Recorder, origin: Origin, scope: str, now: datetime) -> str:
    """What stays left after the undo of a leaving of that scope: `everything`, this `course`, or ""."""
    if recorder.has_left(origin.learner, now=now):
        return "everything"
    return "course" if scope == "course" and origin.enrolment.state is State.LEFT else ""
