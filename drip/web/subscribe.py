"""The form by which people ask for a course, and the page on which they confirm it.

It needs no script, no third party and no cookie. A machine is known by the field that no person sees, by how fast or
how late it sends, and by sending one showing of the form twice; what it is told is what everybody is told. A form on
another site leads to ours, filled in as far as it was: nothing is ever taken from elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drip.engine.columns import BadCell
from drip.engine.subscribe import Answer, Joined, Outcome, Subscriptions, read_person, version_of
from drip.errors import TokenError
from drip.plan.model import Plan
from drip.render.dates import locale_of
from drip.render.languages import words_for
from drip.render.message import COURSE_FOR
from drip.render.parts import title_in
from drip.schedule.slots import zone_of
from drip.store import requests
from drip.track.token import Claim, Purpose, Ring, sign, verify
from drip.web import nonce, stamp
from drip.web.dates import in_words
from drip.web.forms import read_form
from drip.web.pages import Pages, masked
from drip.web.share import Shares
from drip.web.visits import Visits
from drip.web.words import fill, preferred

#: The field that no person sees: whoever fills it in is no person.
TRAP = "topic"
#: The fields of the form, and the most that is shown again of what stood in one.
_FIELDS, _LONGEST = ("email", "first_name", "language"), 320
#: Our own pages say where they come from, to us alone: else a browser would not tell whose form it sends.
_OWN = {"Referrer-Policy": "same-origin"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribing:
    """`/subscribe/{course}` and `/s/{token}`."""

    subscriptions: Subscriptions
    ring: Ring
    clock: Callable[[], datetime]
    pages: Pages
    visits: Visits
    shares: Shares

    def routes(self) -> list[Route]:
        """The routes; none where no course is offered."""
        if not self.subscriptions.offer.courses:
            return []
        return [
            Route("/subscribe/{course}", self.form, methods=["GET", "HEAD", "POST"]),
            Route("/s/{token}", self.confirm, methods=["GET", "HEAD", "POST"]),
        ]

    async def form(self, request: Request) -> Response:
        """Shows the form; a POST of that very form asks for the course, any other shows it filled in."""
        plan = await run_in_threadpool(self.subscriptions.plan, request.path_params["course"])
        if request.method != "POST":
            return self._form(request, plan, {})
        said = await read_form(request, elsewhere=True)
        now = self.clock()
        mark = stamp.read(self.ring, plan.course_id, said.get("stamp", ""), now)
        if mark is None or not _from_here(request):
            return self._form(request, plan, said)
        if said.get(TRAP):
            return self._asked(request, plan, said)
        if not mark.of_a_person:
            return self._form(request, plan, said, problem="press_again")
        try:
            person = read_person(said.get("email", ""), said.get("first_name", ""), self._language(request, plan, said))
        except BadCell as bad:
            wrong = "email_wrong" if bad.column == "email" else "name_wrong"
            return self._form(request, plan, said, problem=wrong, status=422)
        text = self._agreed(said.get("consent", ""))
        if text is None:  # what they have read is not what is asked for by now
            return self._form(request, plan, said, problem="press_again")
        if not self.shares.take(self.visits.of(request, request.method).network, now):
            return self._busy(request, plan)
        answer = await run_in_threadpool(
            self.subscriptions.ask,
            plan.course_id,
            person,
            page=mark.page,
            text=text,
            source=f"form /subscribe/{plan.course_id}",
            now=now,
        )
        if answer is Answer.BUSY:
            return self._busy(request, plan)
        if answer is Answer.AGAIN:
            return self._form(request, plan, said, problem="press_again")
        return self._asked(request, plan, said)

    async def confirm(self, request: Request) -> Response:
        """Asks whether the course is to begin; a POST of that page begins it."""
        try:
            token = request.path_params["token"]
            claim = verify(self.ring, token, Purpose.SUBSCRIBE, now=self.clock())
            if request.method != "POST":
                return await run_in_threadpool(self._ask, claim, token)
            page = nonce.read(self.ring, token, (await read_form(request)).get("nonce", ""))
            if page is None:
                raise HTTPException(400)
            return await run_in_threadpool(self._begin, claim, page, request)
        except TokenError as error:
            if error.status != 410:
                raise
            language = preferred(request.headers.get("accept-language", ""), self.pages.language)
            return self.pages.show("notice.html", language, status=410, notice=words_for(language).subscribe.expired)

    def _ask(self, claim: Claim, token: str) -> Response:
        found, plan = self.subscriptions.request(claim.delivery_id, claim.item, now=self.clock())
        if found.state == requests.CONFIRMED:
            return self._told(self.subscriptions.standing(found, plan), found, now=self.clock(), before=True)
        return self._about(
            plan,
            found.language or plan.language,
            found.email,
            "confirm.html",
            nonce=nonce.make(self.ring, token),
            consent=found.text,
        )

    def _begin(self, claim: Claim, page: str, request: Request) -> Response:
        visit = self.visits.of(request, request.method, page)
        found, _ = self.subscriptions.request(claim.delivery_id, claim.item, now=visit.at)
        joined = self.subscriptions.confirm(claim.delivery_id, claim.item, visit)
        return self._told(joined, found, now=visit.at, before=False)

    def _told(self, joined: Joined, found: requests.Request, *, now: datetime, before: bool) -> Response:
        """What came of a request: just now, or `before`."""
        language = found.language or joined.plan.language
        words = words_for(language).subscribe
        match joined.outcome:
            case Outcome.IN:
                shown = {"next": self._next(joined, language, now), "to_course": self._to_course(joined, now)}
                return self._about(joined.plan, language, joined.learner.email, "joined.html", before=before, **shown)
            case Outcome.HAD:
                return self._about(joined.plan, language, joined.learner.email, "notice.html", notice=words.had)
            case Outcome.CLOSED:
                return self._about(joined.plan, language, joined.learner.email, "notice.html", notice=words.closed)

    def _to_course(self, joined: Joined, now: datetime) -> str:
        """Their own page of the course, where a mail of it has come, as long as that mail's own link is good."""
        if joined.mail is None or now >= (until := joined.mail.claimed_at + COURSE_FOR):
            return ""
        return f"../my/{sign(self.ring, Purpose.COURSE, joined.mail.id, expires_at=until)}"

    def _next(self, joined: Joined, language: str, now: datetime) -> str:
        """When the first tip comes, or the next one, for who has had one."""
        said = words_for(language)
        first = joined.mail is None
        if joined.next_at is None:
            return said.pages.next_unknown
        if joined.next_at <= now:
            return said.subscribe.first_now if first else said.pages.next_now
        locale = locale_of(said.language, joined.learner.language)
        zone = zone_of(joined.learner, joined.plan)
        template = said.subscribe.first_at if first else said.pages.next_at
        return fill(template, when=in_words(joined.next_at, zone, said.pages, locale, now=now))

    def _form(
        self, request: Request, plan: Plan, said: Mapping[str, str], *, problem: str = "", status: int = 200
    ) -> Response:
        """The form, with what somebody has written into it already, and what is wrong with that."""
        language = self._spoken(request, plan)
        consent_in, consent = self.subscriptions.offer.text_in(language)
        chosen = said.get("language", "")
        return self._shown(
            plan,
            language,
            "subscribe.html",
            status=status,
            headers=_OWN,
            stamp=stamp.make(self.ring, plan.course_id, self.clock()),
            trap=TRAP,
            said={name: said.get(name, "")[:_LONGEST] for name in _FIELDS},
            problem=problem,
            languages=_names(plan),
            chosen=chosen if chosen in _languages(plan) else plan.language_for(language),
            consent=consent,
            consent_in=consent_in,
            consent_version=version_of(consent),
        )

    def _agreed(self, said: str) -> str | None:
        """The text that a form was shown with (its version), as far as that is still asked for."""
        return next((text for text in self.subscriptions.offer.consent.values() if version_of(text) == said), None)

    def _asked(self, request: Request, plan: Plan, said: Mapping[str, str]) -> Response:
        address = masked(said.get("email", "").strip()[:_LONGEST])
        return self._shown(plan, self._spoken(request, plan), "asked.html", address=address)

    def _busy(self, request: Request, plan: Plan) -> Response:
        language = self._spoken(request, plan)
        notice, later = words_for(language).subscribe.busy, {"Retry-After": "3600"}
        return self._shown(plan, language, "notice.html", notice=notice, status=503, headers=later)

    def _about(self, plan: Plan, language: str, email: str, template: str, **values: Any) -> Response:
        """A page about somebody's request."""
        return self._shown(plan, language, template, address=masked(email), **values)

    def _shown(self, plan: Plan, language: str, template: str, **values: Any) -> Response:
        return self.pages.show(
            template,
            language,
            brand=plan.sender.name,
            course=title_in(plan, language),
            sender=self.pages.brand or plan.sender.name,
            subscribe=words_for(language).subscribe,
            **values,
        )

    def _spoken(self, request: Request, plan: Plan) -> str:
        """The language of the form: what the browser asks for, where the course is in it; else the course's."""
        wanted = preferred(request.headers.get("accept-language", ""), plan.language)
        return plan.language_for(wanted)

    def _language(self, request: Request, plan: Plan, said: Mapping[str, str]) -> str:
        """The language that the course is to come in."""
        chosen = said.get("language", "")
        return chosen if chosen in _languages(plan) else self._spoken(request, plan)


def _languages(plan: Plan) -> tuple[str, ...]:
    return tuple(dict.fromkeys((plan.language, *plan.languages)))


def _names(plan: Plan) -> list[tuple[str, str]]:
    """(tag, what it is called in itself) of the languages that a course is in."""
    named = []
    for tag in _languages(plan):
        locale = locale_of(tag)
        name = (locale.get_display_name() if "-" in tag else locale.get_language_name()) or tag
        named.append((tag, name[:1].upper() + name[1:]))
    return named


def _from_here(request: Request) -> bool:
    """Whether the browser says that a page of ours sent this, or says nothing of it (Fetch Metadata; RFC 6454)."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin", "null")
    return origin == "null" or origin.partition("://")[2] == request.headers.get("host", "")
