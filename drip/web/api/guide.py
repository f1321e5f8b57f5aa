"""`/docs`, the API for people, and `/openapi.json`, for programs: both made of the routes, and served by drip alone."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from drip.engine.tokens import SCOPES
from drip.web.api.problems import KINDS, PRIVATE
from drip.web.api.schema import ABOUT, openapi, prefix
from drip.web.pages import Pages

#: What each scope lets a token do.
MEANS = {
    "learners:read": "see learners and what is known of them",
    "learners:write": "add learners and update them",
    "learners:erase": "erase a learner, for ever",
    "enrolments:read": "see who is in which course",
    "enrolments:write": "enrol, pause, resume, leave",
    "events:write": "tell of what happened elsewhere, which may enrol",
    "reports:read": "see courses and their numbers",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRow:
    """A field, or a parameter, as the page lists it."""

    name: str
    type: str
    required: bool
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One request that can be made."""

    id: str
    method: str
    path: str
    title: str
    words: str
    scope: str
    takes: tuple[FieldRow, ...]
    says: tuple[FieldRow, ...]
    request: str
    status: int
    answer: str


class Guide:
    """The two documents. `base_url` is where the web side answers, for the addresses that stand in them."""

    def __init__(self, *, pages: Pages, base_url: str) -> None:
        self._pages, self._base_url = pages, base_url

    def routes(self) -> list[Route]:
        """`/docs` and `/openapi.json`."""
        return [
            Route("/docs", self._page, methods=["GET", "HEAD"]),
            Route("/openapi.json", self._schema, methods=["GET", "HEAD"]),
        ]

    @cached_property
    def _document(self) -> dict[str, Any]:
        return openapi(self._base_url)

    @cached_property
    def _bytes(self) -> bytes:
        return json.dumps(self._document, ensure_ascii=False, indent=1).encode()

    @cached_property
    def _groups(self) -> dict[str, list[Operation]]:
        found: dict[str, list[Operation]] = {}
        for tag, operation in operations(self._document, self._base_url):
            found.setdefault(tag, []).append(operation)
        return found

    async def _schema(self, _request: Request) -> Response:
        return Response(self._bytes, headers=PRIVATE, media_type="application/json")

    async def _page(self, _request: Request) -> Response:
        return self._pages.show(
            "api.html",
            "en",
            about=ABOUT,
            groups=self._groups,
            kinds=KINDS,
            scopes=[(scope, MEANS[scope]) for scope in SCOPES],
            first=f'curl {self._base_url}{prefix()}/courses \\\n  -H "Authorization: Bearer $DRIP_TOKEN"',
        )


def operations(document: Mapping[str, Any], base_url: str) -> Iterator[tuple[str, Operation]]:
    """(tag, operation) for everything in the document, in the order of its routes."""
    schemas = document["components"]["schemas"]
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            status, good = next((int(code), one) for code, one in said["responses"].items() if code.startswith("2"))
            answer = good["content"]["application/json"]
            body = said.get("requestBody", {}).get("content", {}).get("application/json")
            takes = [_parameter(one) for one in said.get("parameters", ()) if one["in"] != "header"]
            takes += list(_fields(body["schema"], schemas)) if body else []
            yield (
                said["tags"][0],
                Operation(
                    id=said["operationId"],
                    method=method.upper(),
                    path=f"/api{path}",
                    title=_plain(said["summary"]),
                    words=_plain(said.get("description", "")),
                    scope=said["x-scope"],
                    takes=tuple(takes),
                    says=tuple(_fields(answer["schema"], schemas)),
                    request=curl(
                        method.upper(), f"{base_url}{prefix()}{said['x-example-path']}", (body or {}).get("example")
                    ),
                    status=status,
                    answer=json.dumps(answer["example"], ensure_ascii=False, indent=2),
                ),
            )


def curl(method: str, address: str, body: object) -> str:
    """The request as somebody would type it."""
    lines = [f"curl {'' if method == 'GET' else f'-X {method} '}{shlex.quote(address)}"]
    lines.append('-H "Authorization: Bearer $DRIP_TOKEN"')
    if method != "GET":
        lines.append('-H "Idempotency-Key: $(uuidgen)"')
    if body is not None:
        lines.append('-H "Content-Type: application/json"')
        lines.append(f"-d {shlex.quote(json.dumps(body, ensure_ascii=False))}")
    return " \\\n  ".join(lines)


def _parameter(said: Mapping[str, Any]) -> FieldRow:
    where = {"path": "in the address", "query": "behind the ?"}[said["in"]]
    words = _plain(said.get("description", ""))
    return FieldRow(
        name=said["name"], type=f"{_type(said['schema'])}, {where}", required=said.get("required", False), words=words
    )


def _fields(schema: Mapping[str, Any], schemas: Mapping[str, Any], before: str = "") -> Iterator[FieldRow]:
    """The fields of an object, and behind a list of objects those of each."""
    found = _resolved(schema, schemas)
    for name, said in found.get("properties", {}).items():
        yield FieldRow(
            name=f"{before}{name}",
            type=_type(said),
            required=name in found.get("required", ()),
            words=_plain(said.get("description", "")),
        )
        inner = said.get("items", {})
        of = next((one for one in (inner, *inner.get("anyOf", ())) if "$ref" in one), None)
        if of is not None and not before:
            yield from _fields(of, schemas, f"{name}[].")


def _resolved(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    one = next((part for part in (schema, *schema.get("anyOf", ())) if "$ref" in part), None)
    found: Mapping[str, Any] = schema if one is None else schemas[one["$ref"].rpartition("/")[2]]
    return found


def _plain(words: str) -> str:
    """A text of the document without its Markdown."""
    return words.replace("`", "").replace("*", "")


def _type(said: Mapping[str, Any]) -> str:
    """`text`, `number or null`, `list`: in words."""
    words = {"string": "text", "integer": "whole number", "boolean": "true or false", "array": "list", "null": "null"}
    if "enum" in said:
        return " or ".join(str(one) for one in said["enum"])
    if "const" in said:
        return str(said["const"])
    if "anyOf" in said:
        return " or ".join(dict.fromkeys(_type(one) for one in said["anyOf"]))
    if said.get("format") == "date-time":
        return "time"
    kind = str(said.get("type", "anything"))
    return words.get(kind, kind)
