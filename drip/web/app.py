"""The web side: every route, and what is said when something is not as it should be."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from pathlib import Path

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from drip.course.timing import Limit
from drip.engine.fresh_links import FreshLinks
from drip.engine.mail_again import MailAgain
from drip.engine.my_changes import MyCourse
from drip.engine.record import Recorder
from drip.engine.subscribe import Subscriptions
from drip.errors import DripError
from drip.track.evidence import Kind
from drip.track.network import Network
from drip.track.token import Ring
from drip.web.api.app import MOUNT, Api, build_api
from drip.web.api.guide import Guide
from drip.web.api.problems import Problem, respond
from drip.web.certificate import Certificates
from drip.web.committer import Committer
from drip.web.links import Links
from drip.web.media import Find, Media, nothing
from drip.web.my import My
from drip.web.ops import Readiness, in_public, watching_routes
from drip.web.pages import Pages
from drip.web.share import Shares
from drip.web.subscribe import Subscribing
from drip.web.tracking import Tracking
from drip.web.visits import Visits


def nobody(_kind: Kind) -> None:
    """Nobody hears of what is recorded."""


def build_app(
    *,
    recorder: Recorder,
    ring: Ring,
    clock: Callable[[], datetime],
    brand: str = "",
    logo: str = "",
    accent: str = "#0F6B5C",
    language: str = "en",
    templates_dir: Path | None = None,
    media: Find = nothing,
    ready: Callable[[], object] = lambda: None,
    network_key: bytes = b"",
    proxies: Collection[Network] = (),
    subscriptions: Subscriptions | None = None,
    base_url: str = "",
    limit: Limit | None = None,
    told: Callable[[Kind], None] = nobody,
    hooks: Sequence[Route] = (),
    api: Api | None = None,
) -> FastAPI:
    """The tracking links, the learner's pages, and the pictures of the mails.

    `clock` gives an aware instant. `brand` is shown on every page (where it is empty, the course's sender), `logo` is
    an https address, `accent` is `#rrggbb`. `language` is that of pages which belong to no mail, for browsers that ask
    for none that we speak. Templates in `templates_dir` come before ours. Raises SettingsError for an accent that is
    no colour. `ready` raises DripError while the database does not answer, or lacks tables. Networks are marked with
    `network_key` (without it they are not); `proxies` are those whose X-Forwarded-For is believed. Without
    `subscriptions` nobody can ask for a course. `base_url` is where all this answers, for addresses that are printed.
    `limit` is the workspace's cap on mails to one learner; `told` hears of what is pressed on a learner's own page.
    `hooks` is where providers post what became of mails (web/hooks.py).
    Without `api` other systems have no way in.
    """
    pages = Pages(brand=brand, logo=logo, accent=accent, language=language, templates_dir=templates_dir)
    visits = Visits(clock=clock, network_key=network_key, proxies=proxies)
    offered = () if subscriptions is None else subscriptions.offer.courses
    links = Links(recorder=recorder, ring=ring, clock=clock, pages=pages, visits=visits, offered=offered)
    tracking = Tracking(
        ring=ring,
        visits=visits,
        committer=Committer(recorder.touches.record),
        test_page=lambda request: pages.test(links.language(request), status=404),
    )

    subscribing: list[Route] = []
    if subscriptions is not None:
        subscribing = Subscribing(
            subscriptions=subscriptions,
            ring=ring,
            clock=clock,
            pages=pages,
            visits=visits,
            shares=Shares(subscriptions.offer.most_per_hour),
        ).routes()

    my = My(
        my=MyCourse(recorder.store, suppression_key=recorder.suppression_key, limit=limit, told=told),
        again=MailAgain(recorder.store, ring=ring, base_url=base_url),
        fresh=FreshLinks(recorder.store, suppression_key=recorder.suppression_key),
        recorder=recorder,
        ring=ring,
        visits=visits,
        pages=pages,
        language=links.language,
    )
    certificates = Certificates(store=recorder.store, ring=ring, clock=clock, pages=pages, base_url=base_url)

    for_systems: list[BaseRoute] = []
    if api is not None:
        gate = build_api(api, clock=clock, network=lambda request: visits.of(request, "").network, base_url=base_url)
        for_systems = [Mount(MOUNT, app=gate), *Guide(pages=pages, base_url=base_url).routes()]

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, DripError)
        return pages.refused(error, links.language(request))

    async def status(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if api is not None and (request.scope["path"] + "/").startswith(f"{MOUNT}/"):  # a line break in it, say
            return respond(Problem(error.status_code), base_url)
        return pages.status(error.status_code, links.language(request), dict(error.headers or {}))

    async def unforeseen(request: Request, _error: Exception) -> Response:
        # uvicorn ends the connection after it: who sends the next request down the same one should know
        return pages.status(500, links.language(request), {"Connection": "close"})

    return FastAPI(
        title="drip",
        openapi_url=None,
        redirect_slashes=False,  # it would shape a Location from the Host header
        routes=[
            # plain Starlette routes: these are the busy ones
            Route("/o/{token}.gif", tracking.pixel, methods=["GET", "HEAD"]),
            Route("/c/{token}", tracking.click, methods=["GET", "HEAD"]),
            Route("/a/{token}", links.answer, methods=["GET", "HEAD", "POST"]),
            Route("/u/{token}", links.leave, methods=["GET", "HEAD", "POST"]),
            Route("/undo/{token}", links.returning.undo, methods=["GET", "HEAD", "POST"]),
            Route("/certificate/{token}", certificates.show, methods=["GET", "HEAD"]),
            Route("/m/{name}", Media(find=media).show, methods=["GET", "HEAD"]),
            *my.routes(),
            *subscribing,
            *hooks,
            *for_systems,
            *watching_routes(Readiness(check=ready, says=in_public)),
        ],
        exception_handlers={DripError: refused, HTTPException: status, Exception: unforeseen},
    )
