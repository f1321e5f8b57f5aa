"""What the links to our pages do: answering, rating, leaving. (The pixel and the tracked links: web/tracking.py.)

A GET records that it came and changes nothing else: scanners follow every link. A token is verified before anything is
looked up, so that a forged one costs no query and writes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from drip.engine.record import SURE, Origin, Recorder, Visit
from drip.errors import NotFound, TokenError
from drip.people import State
from drip.render.message import NO_DELIVERY
from drip.render.surveys import ratings
from drip.track.token import BEFORE_ALL, Claim, Purpose, Ring, answer_item, read_answer_item, sign, verify
from drip.web import nonce
from drip.web.forms import from_elsewhere, read_form
from drip.web.onward import Onward, Ways
from drip.web.pages import Pages
from drip.web.return_links import Former, Returning
from drip.web.visits import Visits
from drip.web.words import preferred

#: RFC 8058, 3.1: what a mail provider posts for a learner who pressed its own "unsubscribe".
ONE_CLICK = ("List-Unsubscribe", "One-Click")
#: What the unsubscribe page's own form posts: `everything`, or `course` where the course says so.
LEAVE = "leave"
_SMALL = re.compile(r"-?[0-9]{1,3}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """The endpoints behind those links. Database work runs in a thread, so that nobody waits for another."""

    recorder: Recorder
    ring: Ring
    clock: Callable[[], datetime]
    pages: Pages
    visits: Visits
    #: The courses that anybody may ask for by the form.
    offered: Collection[str] = ()

    @property
    def returning(self) -> Returning:
        """Where a leaving is taken back."""
        return Returning(recorder=self.recorder, ring=self.ring, clock=self.clock, pages=self.pages, visits=self.visits)

    @property
    def onward(self) -> Onward:
        """Where an answer's page leads on to."""
        return Onward(recorder=self.recorder, ring=self.ring, offered=self.offered)

    @property
    def former(self) -> Former:
        """Leaving for whoever has been erased since."""
        return Former(recorder=self.recorder, ring=self.ring, pages=self.pages)

    async def answer(self, request: Request) -> Response:
        """`/a/{token}`: shows the question, or the survey, with what was pressed chosen; a POST answers it."""
        try:
            claim, token = self._claim(request, Purpose.ANSWER)
        except TokenError as error:
            if error.status != 410:
                raise
            return self._too_late(request)
        if claim.delivery_id == NO_DELIVERY:
            return self.pages.test(self.language(request))
        if request.method == "POST":
            return await self._answered(request, claim, token)
        return await run_in_threadpool(self._see_question, claim, token, self._visit(request))

    def _too_late(self, request: Request) -> Response:
        """An old answer's page leads to where a fresh link is asked for: to an old link of the learner's own page."""
        claim = verify(self.ring, request.path_params["token"], Purpose.ANSWER, now=BEFORE_ALL)
        to_course = ""
        if claim.delivery_id != NO_DELIVERY:
            to_course = f"../my/{sign(self.ring, Purpose.COURSE, claim.delivery_id, expires_at=BEFORE_ALL)}"
        return self.pages.too_late(self.language(request), to_course)

    async def leave(self, request: Request) -> Response:
        """`/u/{token}`: asks whether to leave; a POST leaves."""
        claim, token = self._claim(request, Purpose.UNSUBSCRIBE)
        if claim.delivery_id == NO_DELIVERY:
            return self.pages.test(self.language(request))
        if request.method == "POST":
            return await self._left(request, claim, token)
        try:
            origin, before = await run_in_threadpool(self._see_leaving, claim, self._visit(request))
        except NotFound:
            if not await run_in_threadpool(self.recorder.is_former, claim.delivery_id):
                raise
            return self.former.ask(token, self.language(request))
        return (
            self.pages.left(origin, before=True) if before else self.pages.leave(origin, nonce.make(self.ring, token))
        )

    def language(self, request: Request) -> str:
        """The language of a page that belongs to no mail."""
        return preferred(request.headers.get("accept-language", ""), self.pages.language)

    async def _answered(self, request: Request, claim: Claim, token: str) -> Response:
        form = await read_form(request)
        page = nonce.read(self.ring, token, form.get("nonce", ""))
        if page is None:
            raise HTTPException(400)
        visit = self._visit(request, page)
        return await run_in_threadpool(self._record, claim, form, visit)

    def _record(self, claim: Claim, form: Mapping[str, str], visit: Visit) -> Response:
        """Record what a page's form posts, and show what comes of it."""
        delivery, origin = claim.delivery_id, self.recorder.origin(claim.delivery_id)
        if _asks_for_rating(origin, claim):
            survey, rating = origin.survey(), _number(form.get("rating", ""))
            if rating is None or rating not in ratings(survey):
                raise HTTPException(400)
            rated = self.recorder.rated(delivery, rating, visit)
            # looked up again: an answer may have moved the enrolment on
            origin = self.recorder.origin(delivery)
            return self.pages.rated(origin, rated, self.onward.from_answer(origin, visit.at), now=visit.at)
        question, pressed = origin.question(claim.item)
        option, sure = _number(form.get("option", str(pressed))), form.get("sure", "")
        if sure not in SURE or option is None or not 0 <= option < len(question.options):
            raise HTTPException(400)
        item = answer_item(read_answer_item(claim.item)[0], option)
        graded = self.recorder.answered(delivery, item, sure, visit)
        origin = self.recorder.origin(delivery)
        return self.pages.feedback(origin, graded, sure, self.onward.from_answer(origin, visit.at), now=visit.at)

    async def _left(self, request: Request, claim: Claim, token: str) -> Response:
        form = await read_form(request, multipart=True, elsewhere=True)
        if LEAVE in form and from_elsewhere(request):  # a webmail's own press is no page's form
            raise HTTPException(403)
        page = nonce.read(self.ring, token, form.get("nonce", ""))
        if LEAVE in form:
            in_short, source_id = False, page
        else:
            # a provider that tries again has pressed once
            pressed = form.get(ONE_CLICK[0], "").strip() == ONE_CLICK[1]
            in_short, source_id = True, f"one-click/{claim.delivery_id}" if pressed else None
        if source_id is None:
            raise HTTPException(400)
        visit = self._visit(request, source_id)

        def record() -> Response:
            try:
                origin = self.recorder.origin(claim.delivery_id)
            except NotFound:
                return self.former.leave(claim, in_short=in_short, language=self.language(request), now=visit.at)
            if not in_short and form[LEAVE] != origin.plan.unsubscribe:
                raise HTTPException(400)
            newly = self.recorder.left(claim.delivery_id, visit)
            if in_short:
                return self.pages.left_in_short(origin)
            undo = self.returning.undo_token(claim.delivery_id, visit.source_id)
            return self.pages.left(origin, before=not newly, undo=undo)

        return await run_in_threadpool(record)

    def _see_question(self, claim: Claim, token: str, visit: Visit) -> Response:
        origin = self.recorder.origin(claim.delivery_id)
        ways = Ways(subscribe=self.onward.to_form(origin))
        if _asks_for_rating(origin, claim):
            survey = origin.survey()
            chosen = survey.low + claim.item
            if chosen not in ratings(survey):
                raise NotFound("this survey has no such rating")
            shown = self.pages.rate(origin, survey, chosen, nonce.make(self.ring, token), ways)
        else:
            question, option = origin.question(claim.item)
            shown = self.pages.answer(origin, question, option, nonce.make(self.ring, token), ways)
        self.recorder.visited(claim.delivery_id, f"answer/{claim.item}", visit)
        return shown

    def _see_leaving(self, claim: Claim, visit: Visit) -> tuple[Origin, bool]:
        self.recorder.visited(claim.delivery_id, "unsubscribe", visit)
        origin = self.recorder.origin(claim.delivery_id)
        left_course = origin.plan.unsubscribe == "course" and origin.enrolment.state is State.LEFT
        return origin, left_course or self.recorder.has_left(origin.learner, now=visit.at)

    def _claim(self, request: Request, purpose: Purpose) -> tuple[Claim, str]:
        """What the link in the address says, and its token. Raises TokenError."""
        token = request.path_params["token"]
        return verify(self.ring, token, purpose, now=self.clock()), token

    def _visit(self, request: Request, source_id: str | None = None) -> Visit:
        """What is kept of a request."""
        return self.visits.of(request, request.method, source_id)


def _asks_for_rating(origin: Origin, claim: Claim) -> bool:
    """Whether the link is a rating; the questions that came back with a survey have cards of their own."""
    card, _ = read_answer_item(claim.item)
    return card == 0 and origin.mail is not None and origin.mail.survey is not None


def _number(text: str) -> int | None:
    """A small whole number from a form; None for anything else."""
    return int(text) if _SMALL.match(text) else None
