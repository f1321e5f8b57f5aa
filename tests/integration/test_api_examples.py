"""What /docs and /openapi.json say is true: each example is sent as it stands, and answered as it says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_house import OTHERS, ApiHouse, api_house
from jsonschema import Draft202012Validator

from drip.engine.tokens import SCOPES
from drip.web.api import examples
from drip.web.api.app import ROUTERS, VERSION
from drip.web.api.problems import KINDS
from drip.web.api.routes import Example, StrictRoute

#: In the order in which they can be sent.
EXAMPLES: dict[str, Example] = {name: one for name, one in vars(examples).items() if isinstance(one, Example)}
#: What differs each time: its kind alone is compared.
DIFFERS = ("ref", "enrolled_at", "due_at", "revision", "published_at")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiHouse]:
    """A workspace with nobody in it."""
    with api_house(tmp_path_factory.mktemp("api"), DRIP_BASE_URL="https://learn.acme.example") as one:
        yield one


@pytest.fixture(scope="module")
def document(house: ApiHouse) -> dict[str, Any]:
    """The document, as the web side gives it."""
    answer = httpx.get(f"{house.url}/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    found: dict[str, Any] = answer.json()
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, said) for path, methods in document["paths"].items() for method, said in methods.items()]


def alike(said: Any, found: Any, name: str = "") -> bool:
    """Whether an answer is as its example says, but for what differs each time. Reports have more steps."""
    if name in DIFFERS:
        return type(said) is type(found)
    if isinstance(said, dict):
        return isinstance(found, dict) and all(alike(said[key], found.get(key, "(none)"), key) for key in said)
    if isinstance(said, list) and name != "steps":
        return isinstance(found, list) and len(said) <= len(found) and all(map(alike, said, found))
    return name == "steps" or bool(said == found)


def test_every_example_is_answered_as_it_says(house: ApiHouse, document: dict[str, Any]) -> None:
    """All of them, one after the other, to a workspace that was empty; and the answers fit their own schemas."""
    parts = {"components": document["components"]}
    methods = {said["x-example-path"] + method: (method, said) for _, method, said in operations(document)}
    sent = set()
    for name, example in EXAMPLES.items():
        method, said = next(one for key, one in methods.items() if key == example.path + one[0] and _is(one[0], name))
        sent.add(said["operationId"])
        answer = house.ask(method.upper(), example.path, example.body)
        assert answer.status_code == example.status, (name, answer.text)
        assert alike(example.answer, answer.json()), (name, answer.text)
        for value, where in ((example.answer, "example"), (answer.json(), "answer")):
            pointer = said["responses"][str(example.status)]["content"]["application/json"]["schema"]["$ref"]
            errors = list(Draft202012Validator({"$ref": pointer, **parts}).iter_errors(value))
            assert not errors or (where == "example" and name == "GET_REPORT"), (name, where, errors)
        if example.body is not None:
            pointer = said["requestBody"]["content"]["application/json"]["schema"]
            inner = next((one for one in pointer.get("anyOf", [pointer]) if "$ref" in one), pointer)
            assert Draft202012Validator({**inner, **parts}).is_valid(example.body), name
    assert sent == {said["operationId"] for _, _, said in operations(document)}, "each route has an example, sent here"


def _is(method: str, name: str) -> bool:
    first = name.partition("_")[0].lower()
    return method == ({"export": "get"} | {one: one for one in ("get", "put", "delete")}).get(first, "post")


def test_the_document_is_openapi(document: dict[str, Any]) -> None:
    """3.1: each path once, each parameter of a path declared, each reference there, every schema a schema."""
    assert document["openapi"].startswith("3.1.")
    assert set(document) >= {"openapi", "info", "paths", "components"}
    shapes = [re.sub(r"\{\w+\}", "{}", path) for path in document["paths"]]
    assert len(shapes) == len(set(shapes)), "two paths that differ by a name alone"
    ids = [said["operationId"] for _, _, said in operations(document)]
    assert len(ids) == len(set(ids))
    for path, method, said in operations(document):
        named = {one["name"] for one in said.get("parameters", ()) if one["in"] == "path"}
        assert named == set(re.findall(r"\{(\w+)\}", path)), path
        assert all(one["required"] for one in said.get("parameters", ()) if one["in"] == "path")
        assert said["responses"], path
        assert ("requestBody" in said) <= (method != "get"), path
        (needs,) = said["security"]
        assert set(needs["token"]) <= set(SCOPES), path
        assert "token" in document["components"]["securitySchemes"]
    for name, schema in document["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert name == "Problem" or "title" in schema
    for pointer in re.findall(r'"\$ref": "#/components/schemas/(\w+)"', json.dumps(document)):
        assert pointer in document["components"]["schemas"], pointer


def test_every_change_says_that_it_takes_a_key(document: dict[str, Any]) -> None:
    """The Idempotency-Key stands at each POST, PUT and DELETE, and at no GET."""
    for path, method, said in operations(document):
        names = {one["name"] for one in said.get("parameters", ())}
        assert ("Idempotency-Key" in names) == (method != "get"), (path, method)


def test_every_route_asks_for_a_scope(house: ApiHouse, document: dict[str, Any]) -> None:
    """Whoever adds a route has named what it needs; a token without that is a 403, before its body is looked at."""
    served = [one for router in ROUTERS for one in router.routes if isinstance(one, StrictRoute)]
    assert len(served) == sum(len(router.routes) for router in ROUTERS)
    paths = {(VERSION + one.path, method.lower()) for one in served for method in one.methods}
    assert paths == {(path, method) for path, method, _ in operations(document)}
    for _, method, said in operations(document):
        (needs,) = said["security"]
        others = ",".join(scope for scope in SCOPES if scope not in needs["token"])
        token = house.new_token("narrow", others)
        answer = house.ask(
            method.upper(), said["x-example-path"], {"wrong": 1} if method != "get" else None, token=token
        )
        assert answer.status_code == 403, (said["operationId"], answer.text)
        assert needs["token"][0] in answer.json()["detail"]


def test_the_page_tells_all_of_it(house: ApiHouse, document: dict[str, Any]) -> None:
    """Each request, each field that it takes, each refusal; from nowhere but drip, and with no script."""
    answer = httpx.get(f"{house.url}/docs")
    page = answer.text
    for path, method, said in operations(document):
        assert f'id="{said["operationId"]}"' in page
        assert f'<span class="verb">{method.upper()}</span> /api{path.replace("{", "{")}' in page
    for kind in KINDS.values():
        assert f'id="{kind.name}"' in page
    for scope in SCOPES:
        assert f"<code>{scope}</code>" in page
    assert "<script" not in page
    assert set(re.findall(r'(?:src|href)="([^"#][^"]*)"', page)) == {"openapi.json"}
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "script-src" not in policy


def test_a_refusal_has_the_address_of_its_explanation(house: ApiHouse) -> None:
    """`type` leads to a row of /docs."""
    kind = house.ask("GET", "/nowhere").json()["type"]
    assert kind == "https://learn.acme.example/docs#not-found"
    assert 'id="not-found"' in httpx.get(f"{house.url}/docs").text


def test_the_workspace_of_the_examples_is_the_one_that_they_name(house: ApiHouse) -> None:
    """The course that they speak of begins by the event that they send."""
    (first, *others) = house.ask("GET", "/courses").json()["courses"]
    assert (first["id"], first["starts_by_event"]) == ("first-report", "trial.started")
    assert {one["id"] for one in others} == set(OTHERS)


def test_the_metrics_name_no_path(tmp_path: Path) -> None:
    """What is asked of the API is one kind of request, whatever its path says."""
    from drip.web.ops import timed

    told: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    import asyncio

    async def nothing(*_: Any) -> Any:
        return None

    for path in ("/api/v1/learners/ada@customer.example", "/api", "/docs"):
        scope = {"type": "http", "path": path}
        asyncio.run(timed(app, lambda kind, _status, _took: told.append(kind))(scope, nothing, nothing))
    assert told == ["api", "api", "docs"]
