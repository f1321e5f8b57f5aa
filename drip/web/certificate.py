"""A certificate, which prints well; and the page at which anybody may check that one is genuine."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from drip.engine.certificate import Certificate, certificate_of
from drip.errors import NotFound
from drip.render.certificates import CHECK, OWN, certificate_token
from drip.render.dates import locale_of, printed
from drip.render.languages import words_for
from drip.render.parts import title_in
from drip.store import Store
from drip.track.token import Claim, Purpose, Ring, verify
from drip.web.pages import Pages, masked
from drip.web.words import preferred


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """`/certificate/{token}`. `base_url` is where the web side answers, for the address that stands on paper."""

    store: Store
    ring: Ring
    clock: Callable[[], datetime]
    pages: Pages
    base_url: str

    async def show(self, request: Request) -> Response:
        """The learner's own certificate, or the page that says whether it is genuine."""
        claim = verify(self.ring, request.path_params["token"], Purpose.CERTIFICATE, now=self.clock())
        if claim.item not in (OWN, CHECK):
            raise NotFound("there is no such certificate")
        language = preferred(request.headers.get("accept-language", ""), self.pages.language)
        return await run_in_threadpool(self._show, claim, language)

    def _show(self, claim: Claim, browser_speaks: str) -> Response:
        found = certificate_of(self.store, claim.delivery_id)
        if found is None:
            notice = words_for(browser_speaks).certificate.gone
            return self.pages.show("notice.html", browser_speaks, status=410, notice=notice)
        plan, learner, language = found.plan, found.learner, found.language
        check = certificate_token(self.ring, claim.delivery_id, item=CHECK)
        locale = locale_of(words_for(language).language, learner.language)
        return self.pages.show(
            "certificate.html" if claim.item == OWN else "genuine.html",
            language,
            brand=plan.sender.name,
            sender=self.pages.brand or plan.sender.name,
            name=_name(found),
            titled=title_in(plan, language),
            date=printed(found.day, locale),
            certificate=words_for(language).certificate,
            objectives=found.objectives,
            skills=[_in_words(skill) for skill in found.skills],
            answered=found.answered,
            correct=found.correct,
            url=f"{self.base_url.rstrip('/')}/certificate/{check}",
        )


def _name(found: Certificate) -> str:
    """Who holds it: their name, or as much of their address as they know it by."""
    learner = found.learner
    return " ".join(filter(None, (learner.first_name, learner.last_name))) or masked(learner.email)


def _in_words(skill: str) -> str:
    """A skill as people read it: `reporting.saved-views` is Reporting › saved views."""
    parts = [re.sub(r"[-_]+", " ", part).strip() for part in skill.split(".")]
    parts[0] = parts[0][:1].upper() + parts[0][1:]
    return " › ".join(parts)
