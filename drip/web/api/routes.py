"""One way to write a route of the API: method, path, the scope that it needs, and an example that a test sends."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Depends
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from drip.web.api.door import Caller
from drip.web.api.gate import BODY, CALLER
from drip.web.api.problems import MEDIA_TYPE, Problem, Wrong
from drip.web.api.strict import read_json, shown

#: How schemas name the token (components.securitySchemes).
SECURITY = "token"
_VALUE = "drip.value"
#: What is said of a parameter that a route has not, and of how many at the most.
_NO_PARAMETER, _MOST_TOLD = "there is no such parameter behind the ?", 20
_REFUSED = {"description": "Refused.", "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
_TROUBLE = {**_REFUSED, "description": "Not now: the same request may be sent again."}


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A request that can be sent as it stands, and what it is answered."""

    path: str
    body: Mapping[str, object] | None = None
    answer: Mapping[str, object]
    status: int = 200


class _Strict(Request):
    """A request whose body was read by the gate, and is read as strictly as `read_json` does."""

    async def body(self) -> bytes:
        found: bytes = self.scope[BODY]
        return found

    async def json(self) -> Any:
        return self.scope[_VALUE]


class StrictRoute(APIRoute):
    """A route whose requests are read strictly."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own handler, given such a request."""
        handler = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            if request.scope[BODY]:  # here, since FastAPI would make one and the same refusal of every mistake in it
                # in a thread: a whole megabyte takes half a second, in which learners' presses are answered
                request.scope[_VALUE] = await run_in_threadpool(read_json, request.scope[BODY])
            return await handler(_Strict(request.scope, request.receive))

        return strictly


def router(tag: str) -> APIRouter:
    """Routes about one thing, as /docs lists them."""
    return APIRouter(route_class=StrictRoute, tags=[tag])


def route(
    to: APIRouter, method: str, path: str, *, scope: str, answers: Any, example: Example, also: int | None = None
) -> Callable[[Callable[..., Response]], Callable[..., Response]]:
    """Adds the function below it as a route. `answers` is the model of what it says, `also` a second good status.

    Its docstring is what people read about it: a first line, then more.
    """

    def add(function: Callable[..., Response]) -> Callable[..., Response]:
        first, _, rest = (function.__doc__ or "").strip().partition("\n")
        shown = {"application/json": {"example": example.answer}}
        responses: dict[int | str, dict[str, Any]] = {
            example.status: {"description": "Done.", "model": answers, "content": shown},
            "4XX": _REFUSED,
            "5XX": _TROUBLE,
        }
        if also is not None:
            responses[also] = {"description": "Done.", "model": answers}
        extra: dict[str, Any] = {"security": [{SECURITY: [scope]}], "x-scope": scope, "x-example-path": example.path}
        if example.body is not None:
            extra["requestBody"] = {"content": {"application/json": {"example": dict(example.body)}}}
        to.add_api_route(
            path,
            function,
            methods=[method],
            status_code=example.status,
            response_class=Response,
            response_model=None,
            responses=responses,
            summary=first.rstrip("."),
            description=" ".join(rest.split()),
            operation_id=function.__name__,
            dependencies=[Depends(_wants(scope))],
            openapi_extra=extra,
        )
        return function

    return add


def _wants(scope: str) -> Callable[[Request], Coroutine[Any, Any, None]]:
    async def check(request: Request) -> None:
        caller: Caller = request.scope[CALLER]
        if not caller.may(scope):
            raise Problem(403, f"This token has not the scope {scope}.")
        if unknown := [name for name in request.query_params if name not in _behind(request)]:
            # it would choose among people: misspelt, all of them would be the answer
            wrong = [Wrong(field=shown(name)[1:-1], message=_NO_PARAMETER) for name in unknown[:_MOST_TOLD]]
            raise Problem(422, f"{wrong[0].field}: {wrong[0].message}", errors=wrong)

    return check


def _behind(request: Request) -> set[str]:
    """The parameters that the route of this request takes behind the `?`."""
    return {one.alias for one in request.scope["route"].dependant.query_params}
