"""The API as OpenAPI 3.1, made of its routes."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from fastapi.openapi.utils import get_openapi

from drip.engine.tokens import SCOPES
from drip.web.api.app import MOUNT, VERSION, routes
from drip.web.api.problems import KINDS, MEDIA_TYPE
from drip.web.api.routes import SECURITY

ABOUT = """\
Tell drip of people and of what they do, and ask it how they fare. Everything is JSON in UTF-8; times are ISO 8601 with
their offset. Send a token with each request, and an Idempotency-Key with each that changes anything: sent again within
24 hours, it does nothing again and is answered as the first time."""
#: What each kind of refusal says, as a schema.
PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "Why a request is refused (RFC 9457).",
    "required": ["type", "title", "status", "detail", "errors"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "description": "Where /docs says more."},
        "title": {"type": "string", "description": "The kind of refusal, the same for all of its kind."},
        "status": {"type": "integer", "description": "The HTTP status."},
        "detail": {"type": "string", "description": "What it is this time."},
        "errors": {
            "type": "array",
            "description": "What is wrong, field by field, where that is known.",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "One for each request, such as a UUID. For 24 hours the same again is done once.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
}


def openapi(base_url: str) -> dict[str, Any]:
    """The whole document. `base_url` is where the web side answers."""
    found: dict[str, Any] = get_openapi(
        title="drip",
        version=version("drip"),
        openapi_version="3.1.0",
        description=" ".join(ABOUT.split()),
        routes=routes(),
        servers=[{"url": f"{base_url}{MOUNT}"}],
    )
    for operations in found["paths"].values():
        for method, operation in operations.items():
            if operation.get("description", "").rstrip(".") == operation["summary"]:
                del operation["description"]
            if method != "get":
                operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
    parts = found.setdefault("components", {})
    parts.setdefault("schemas", {})["Problem"] = {**PROBLEM, "examples": [_problem(base_url)]}
    parts["securitySchemes"] = {
        SECURITY: {
            "type": "http",
            "scheme": "bearer",
            "description": f"What `drip token new` prints, good for some of: {', '.join(SCOPES)}.",
        }
    }
    found["info"]["x-problem-media-type"] = MEDIA_TYPE
    return found


def _problem(base_url: str) -> dict[str, Any]:
    kind = KINDS[422]
    message = "a text is wanted"
    return {
        "type": f"{base_url}/docs#{kind.name}",
        "title": kind.title,
        "status": 422,
        "detail": f"first_name: {message}",
        "errors": [{"field": "first_name", "message": message}],
    }


def prefix() -> str:
    """What stands before every path of the API."""
    return MOUNT + VERSION
