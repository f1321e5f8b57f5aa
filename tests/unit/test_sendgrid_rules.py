"""The SendGrid of the tests refuses what the real one refuses: a check that passes everything proves nothing."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from sendgrid_rules import errors_in

GOOD: dict[str, Any] = {
    "personalizations": [{"to": [{"email": "a@x.example", "name": "A"}]}],
    "from": {"email": "learn@acme.example"},
    "subject": "Hej",
    "content": [{"type": "text/plain", "value": "a"}, {"type": "text/html", "value": "b"}],
}
SEVERAL = [{"to": [{"email": f"a{n}@x.example"}]} for n in range(1001)]


def test_a_good_request_has_no_errors() -> None:
    """What the reference shows is taken."""
    assert errors_in(GOOD) == []


@pytest.mark.parametrize(
    ("key", "value", "field"),
    [
        ("personalizations", None, "personalizations"),
        ("personalizations", [], "personalizations"),
        ("personalizations", SEVERAL, "personalizations"),
        ("personalizations", [{"to": []}], "personalizations.0.to"),
        ("personalizations", [{"to": [{"email": "a@x.example"}] * 2}], "personalizations.0"),
        ("personalizations", [{"to": [{"email": "nobody"}]}], "personalizations.0.to.0.email"),
        ("personalizations", [{"to": [{"email": "å@x.example"}]}], "personalizations.0.to.0.email"),
        ("personalizations", [{"to": [{"email": "a@x.example", "name": "B, A"}]}], "personalizations.0.to.0.name"),
        ("from", None, "from"),
        ("from", {"email": "learn"}, "from.email"),
        ("reply_to", {"email": 5}, "reply_to"),
        ("subject", "", "subject"),
        ("subject", "a\nb", "subject"),
        ("content", [], "content"),
        ("content", list(reversed(GOOD["content"])), "content"),
        ("content", [{"type": "text/plain", "value": ""}], "content.0.value"),
        ("content", [{"type": "text/plain; charset=utf-8", "value": "a"}], "content.0.type"),
        ("headers", {"X-Number": 5}, "headers"),
        ("headers", {"Reply-To": "a@x.example"}, "headers"),
        ("headers", {"x-sg-id": "1"}, "headers"),
        ("headers", {"X-A": "1", "x-a": "2"}, "headers"),
        ("headers", {"X A": "1"}, "headers"),
        ("headers", {"X-A": "1\r\nBcc: b@x.example"}, "headers"),
        ("categories", ["a"] * 2, "categories"),
        ("categories", [str(n) for n in range(11)], "categories"),
        ("categories", ["x" * 256], "categories"),
        ("categories", ["lär"], "categories"),
        ("categories", "a", "categories"),
        ("custom_args", {}, "custom_args"),
        ("custom_args", {"delivery": 5}, None),
        ("custom_args", {"a": "x" * 10_000}, "custom_args"),
        ("tracking_settings", {"click_tracking": {"enable": "false"}}, "tracking_settings.click_tracking.enable"),
        ("mail_settings", {"sandbox_mode": {"enable": 1}}, "mail_settings.sandbox_mode.enable"),
        ("mail_settings", {"sandbox": {"enable": True}}, "mail_settings.sandbox"),
        ("html", "<p>", "html"),
    ],
)
def test_each_rule_refuses(key: str, value: Any, field: str | None) -> None:
    """One thing is wrong, and what is said of it names its field."""
    request = deepcopy(GOOD)
    request[key] = value
    if value is None:
        del request[key]
    assert {error["field"] for error in errors_in(request)} == {field}


def test_no_object_is_no_request() -> None:
    """Any JSON but an object is a bad request."""
    assert errors_in([]) == errors_in(None) == [{"message": "Bad Request", "field": None, "help": None}]
