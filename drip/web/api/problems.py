"""Every refusal of the API in one shape: application/problem+json (RFC 9457), in plain words, with nothing internal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.responses import Response

from drip.engine.once import OtherRequest
from drip.errors import DripError, MachineError, NotFound, Refused, UserError

MEDIA_TYPE = "application/problem+json"
#: On everything that the API answers.
PRIVATE = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
#: How long whoever is told to come again waits, where nothing better is known.
AGAIN_SECONDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of refusal: its name in `type`, its title, and what is said where nothing more is known."""

    name: str
    title: str
    detail: str


#: status → what it means.
KINDS: Mapping[int, Kind] = {
    400: Kind(name="not-json", title="This cannot be read", detail="Send JSON in UTF-8, and headers once each."),
    401: Kind(
        name="no-token",
        title="A token is wanted",
        detail="Send the header `Authorization: Bearer drip_…`, with a token that holds.",
    ),
    403: Kind(name="other-scope", title="The token is not good for this", detail="Use a token with that scope."),
    404: Kind(name="not-found", title="It is not there", detail="Nothing is at this address: /docs has them all."),
    405: Kind(name="other-method", title="Not in this way", detail="The header `Allow` says which methods there are."),
    408: Kind(name="too-slow", title="It came too slowly", detail="Send the whole request at once."),
    409: Kind(name="conflict", title="It cannot be now", detail="Something stands in its way."),
    410: Kind(
        name="erased",
        title="What this was answered is gone",
        detail="This request was done before; whom its answer named has been erased since.",
    ),
    413: Kind(name="too-large", title="It is too large", detail="A request has at most 1 MB: send several."),
    415: Kind(
        name="other-type",
        title="JSON is wanted",
        detail="Send `Content-Type: application/json`, in UTF-8 and not compressed.",
    ),
    422: Kind(name="invalid", title="Something in it is wrong", detail="`errors` says what."),
    429: Kind(name="too-many", title="Too many requests", detail="Wait for as long as `Retry-After` says."),
    500: Kind(
        name="our-fault",
        title="Something went wrong here",
        detail="It is ours to mend. Send the same request again.",
    ),
    503: Kind(
        name="trouble",
        title="It does not work just now",
        detail="Send the same request again in a moment.",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """One thing that is wrong: in which field (`learners.3.email`), or row, and what to write."""

    field: str
    message: str


class Problem(Exception):
    """A refusal on its way to being answered."""

    def __init__(
        self, status: int, detail: str = "", *, errors: Sequence[Wrong] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail
        self.errors, self.headers = tuple(errors), dict(headers or {})


def respond(problem: Problem, base_url: str) -> Response:
    """The refusal as it is sent. `type` is an address of /docs that tells more."""
    status = problem.status if problem.status in KINDS else 400 if problem.status < 500 else 500
    kind = KINDS[status]
    headers = dict(problem.headers)
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if status in (429, 503):
        headers.setdefault("Retry-After", str(AGAIN_SECONDS))
    if status in (408, 413, 500):
        headers["Connection"] = "close"
    said = {
        "type": f"{base_url}/docs#{kind.name}",
        "title": kind.title,
        "status": status,
        "detail": problem.detail or kind.detail,
        "errors": [{"field": wrong.field, "message": wrong.message} for wrong in problem.errors],
    }
    body = json.dumps(said, ensure_ascii=False).encode("utf-8", errors="replace")
    return Response(body, status, headers={**PRIVATE, **headers}, media_type=MEDIA_TYPE)


def of_error(error: DripError) -> Problem:
    """What an error of the engine is to another system. What the machine could not do is not told in its own words:
    they hold the place of the database.
    """
    match error:
        case NotFound():
            return Problem(404, first_line(error))
        case OtherRequest():
            return Problem(422, first_line(error), errors=[Wrong(field="Idempotency-Key", message=first_line(error))])
        case Refused():
            return Problem(409, first_line(error))
        case UserError():
            return Problem(422, first_line(error))
        case MachineError():
            return Problem(503)
        case _:
            return Problem(500)


def first_line(error: DripError) -> str:
    """What went wrong; the lines below it say what to type, which is for people at a terminal."""
    return str(error).partition("\n")[0]
