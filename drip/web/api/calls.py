"""What a route works with: who asks, the workspace's own things, and doing something once for each Idempotency-Key."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated

from fastapi import Depends
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from drip.course.attributes import Attribute
from drip.engine.once import Key, Reply, fingerprint, once
from drip.store import Store
from drip.web.api.door import Caller
from drip.web.api.gate import BODY, CALLER, DESK
from drip.web.api.problems import PRIVATE, Problem

#: Visible ASCII, as a UUID is.
_KEY = re.compile(r"[!-~]{1,200}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What all routes share. `declared` is what `[learner]` says; `under_way` are the keys that are worked on here."""

    store: Store
    clock: Callable[[], datetime]
    suppression_key: bytes
    declared: Mapping[str, Attribute] | None = None
    under_way: set[tuple[int, str]] = field(default_factory=set)
    door: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a route has to say."""

    value: BaseModel
    status: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, let in."""

    desk: Desk
    caller: Caller
    now: datetime
    key: Key | None

    def do(self, work: Callable[[Store], Done]) -> Response:
        """Do what is asked, once for each key, and answer. Raises Problem, and what `work` raises."""
        if self.key is None:
            return _answer(_reply(work(self.desk.store)))
        flight = (self.key.token_id, self.key.key)
        with self.desk.door:
            if flight in self.desk.under_way:
                raise Problem(409, "The same request is just being done: come again.", headers={"Retry-After": "1"})
            self.desk.under_way.add(flight)
        try:
            reply = once(self.desk.store, self.key, lambda store: _reply(work(store)), now=self.now)
        finally:
            with self.desk.door:
                self.desk.under_way.discard(flight)
        if reply.body is None:
            raise Problem(410)
        return _answer(reply)

    def show(self, value: BaseModel | Mapping[str, object]) -> Response:
        """Answer with what was asked for."""
        body = (
            value.model_dump_json()
            if isinstance(value, BaseModel)
            else json.dumps(value, ensure_ascii=False, default=_plain)
        )
        return _answer(Reply(status=200, body=body))


def _plain(value: object) -> str:
    """A time as JSON knows it."""
    assert isinstance(value, date | datetime), type(value)
    return value.isoformat()


def _reply(done: Done) -> Reply:
    return Reply(status=done.status, body=done.value.model_dump_json())


def _answer(reply: Reply) -> Response:
    again = {"Idempotent-Replayed": "true"} if reply.again else {}
    body = (reply.body or "").encode("utf-8", errors="replace")
    return Response(body, reply.status, headers={**PRIVATE, **again}, media_type="application/json")


async def _called(request: Request) -> Call:
    desk: Desk = request.scope[DESK]
    caller: Caller = request.scope[CALLER]
    now = desk.clock()
    return Call(desk=desk, caller=caller, now=now, key=_key(request, desk, caller))


def _key(request: Request, desk: Desk, caller: Caller) -> Key | None:
    """The Idempotency-Key, with what stands for this request. A GET changes nothing and needs none."""
    lines = request.headers.getlist("idempotency-key")
    if not lines or request.method == "GET":
        return None
    said = lines[0].strip().strip('"')
    if len(lines) > 1 or not _KEY.match(said):
        raise Problem(400, "An Idempotency-Key stands once, and has 1 to 200 visible ASCII characters, as a UUID has.")
    target = request.scope.get("raw_path") or request.scope["path"].encode()
    target += b"?" + request.scope.get("query_string", b"")
    stands_for = fingerprint(desk.suppression_key, request.method, target, request.scope[BODY])
    return Key(token_id=caller.token.id, key=said, fingerprint=stands_for)


#: How a route gets its call.
Called = Annotated[Call, Depends(_called)]
