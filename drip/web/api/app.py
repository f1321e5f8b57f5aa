"""The API put together: its routes, how it refuses, and the gate before it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from drip.course.attributes import Attribute
from drip.errors import DripError, MachineError
from drip.store import Store
from drip.web.api.calls import Desk
from drip.web.api.courses import courses
from drip.web.api.door import Door
from drip.web.api.enrolments import enrolments
from drip.web.api.events import events
from drip.web.api.gate import Gate
from drip.web.api.learners import learners
from drip.web.api.problems import Problem, of_error, respond
from drip.web.api.rates import Rates
from drip.web.api.rows import wrongs

log = logging.getLogger("drip.web")

#: Where the API stands in the web side, and its version.
MOUNT, VERSION = "/api", "/v1"
ROUTERS = (learners, enrolments, events, courses)


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """What the API works with: `declared` is what `[learner]` says; a token may ask `rate` times a second, and so
    often at once as `burst` says.
    """

    store: Store
    suppression_key: bytes
    declared: Mapping[str, Attribute] | None = None
    rate: float = 20.0
    burst: int = 100


def build_api(api: Api, *, clock: Callable[[], datetime], network: Callable[[Request], str], base_url: str) -> Gate:
    """The API behind its gate, to be mounted at MOUNT. `network` gives what stands for the network of a request."""
    app = _routed(base_url)
    door = Door(api.store, clock=clock, rates=Rates(api.rate, api.burst), network=network)
    desk = Desk(store=api.store, clock=clock, suppression_key=api.suppression_key, declared=api.declared)
    return Gate(app=app, door=door, base_url=base_url, desk=desk)


def routes() -> list[BaseRoute]:
    """Every route of the API, with its version before it."""
    return _routed("").routes


def _routed(base_url: str) -> FastAPI:
    async def problem(_request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem)
        return respond(error, base_url)

    async def refused(_request: Request, error: Exception) -> Response:
        assert isinstance(error, DripError)
        if isinstance(error, MachineError):
            log.error("a request to the API is not answered: %s", error)
        return respond(of_error(error), base_url)

    async def invalid(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        found = wrongs(error.errors())
        first = ": ".join(filter(None, (found[0].field, found[0].message))) if found else ""
        return respond(Problem(422, first, errors=found), base_url)

    async def status(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return respond(Problem(error.status_code, headers=error.headers), base_url)

    async def unforeseen(_request: Request, _error: Exception) -> Response:
        return respond(Problem(500), base_url)

    app = FastAPI(
        title="drip",
        openapi_url=None,
        redirect_slashes=False,
        exception_handlers={
            Problem: problem,
            DripError: refused,
            RequestValidationError: invalid,
            HTTPException: status,
            Exception: unforeseen,
        },
    )
    for one in ROUTERS:
        app.include_router(one, prefix=VERSION)
    return app
