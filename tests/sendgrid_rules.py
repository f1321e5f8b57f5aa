"""What SendGrid's v3 mail/send publishes about its requests, as a check that tests hold drip's against.

Every error has the published shape: `{"message": …, "field": …, "help": …}`. Stricter than SendGrid in one respect: a
key that its reference does not name is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

Error = dict[str, Any]

LARGEST = 30_000_000
MOST_PERSONALIZATIONS = MOST_RECIPIENTS = 1000
LONGEST_CUSTOM_ARGS = 10_000
MOST_CATEGORIES, LONGEST_CATEGORY, LONGEST_ADDRESS = 10, 255, 320
RESERVED = frozenset(
    {"x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding"}
    | {"to", "from", "subject", "reply-to", "cc", "bcc"}
)
TOP = frozenset(
    {"personalizations", "from", "reply_to", "reply_to_list", "subject", "content", "attachments", "template_id"}
    | {"headers", "categories", "custom_args", "send_at", "batch_id", "asm", "ip_pool_name"}
    | {"mail_settings", "tracking_settings"}
)
#: Keys of a setting, and their types.
TRACKING: Mapping[str, Mapping[str, type]] = {
    "click_tracking": {"enable": bool, "enable_text": bool},
    "open_tracking": {"enable": bool, "substitution_tag": str},
    "subscription_tracking": {"enable": bool, "text": str, "html": str, "substitution_tag": str},
    "ganalytics": {"enable": bool} | dict.fromkeys(("utm_source", "utm_medium", "utm_term", "utm_content"), str),
}
MAIL: Mapping[str, Mapping[str, type]] = {
    "footer": {"enable": bool, "text": str, "html": str},
    "sandbox_mode": {"enable": bool},
    "bypass_list_management": {"enable": bool},
}
_ADDRESS = re.compile(r"[!-?A-~]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?", re.ASCII)


def errors_in(body: Any) -> list[Error]:
    """Everything that is wrong with a request's body; an empty list: SendGrid would queue the mail."""
    if not isinstance(body, dict):
        return [_error(None, "Bad Request")]
    return [
        *(_error(key, f"Additional property {key} is not allowed") for key in body if key not in TOP),
        *_personalizations(body),
        *_mailbox("from", body.get("from"), unicode_name=True),
        *(_mailbox("reply_to", body["reply_to"], unicode_name=True) if "reply_to" in body else ()),
        *_subject(body),
        *_content(body.get("content")),
        *(_headers("headers", body["headers"]) if "headers" in body else ()),
        *(_categories(body["categories"]) if "categories" in body else ()),
        *(_custom_args("custom_args", body["custom_args"]) if "custom_args" in body else ()),
        *_settings("tracking_settings", body.get("tracking_settings", {}), TRACKING),
        *_settings("mail_settings", body.get("mail_settings", {}), MAIL),
    ]


def _error(field: str | None, message: str) -> Error:
    return {"message": message, "field": field, "help": None}


def _personalizations(body: Mapping[str, Any]) -> Iterator[Error]:
    each = body.get("personalizations")
    if not isinstance(each, list) or not each:
        yield _error("personalizations", "You must have at least one personalization.")
        return
    if len(each) > MOST_PERSONALIZATIONS:
        yield _error("personalizations", f"limited to 1000 personalizations; you have provided {len(each)}")
    recipients = 0
    for number, one in enumerate(each):
        field = f"personalizations.{number}"
        if not isinstance(one, dict) or not one.get("to") or not isinstance(one["to"], list):
            yield _error(f"{field}.to", "The to parameter is required for all personalization objects.")
            continue
        seen: set[str] = set()
        for kind in ("to", "cc", "bcc"):
            for place, who in enumerate(one.get(kind, [])):
                recipients += 1
                yield from _mailbox(f"{field}.{kind}.{place}", who, in_a_list=True)
                email = str(who.get("email")).lower() if isinstance(who, dict) else ""
                if email in seen:
                    yield _error(field, f"Each email address should be unique. We found {email} twice.")
                seen.add(email)
        if "headers" in one:
            yield from _headers(f"{field}.headers", one["headers"])
        if "custom_args" in one:
            yield from _custom_args(f"{field}.custom_args", one["custom_args"])
    if recipients > MOST_RECIPIENTS:
        yield _error("personalizations", "There is a limit of 1000 total recipients (to + cc + bcc) per request.")


def _mailbox(field: str, who: Any, *, unicode_name: bool = False, in_a_list: bool = False) -> Iterator[Error]:
    if not isinstance(who, dict) or not isinstance(who.get("email"), str):
        yield _error(field, f"The {field} object must be provided, with an email parameter.")
        return
    email, name = who["email"], who.get("name", "x")
    if not _ADDRESS.fullmatch(email) or len(email) > LONGEST_ADDRESS:
        yield _error(f"{field}.email", "Does not contain a valid address.")
    if not isinstance(name, str) or not name or re.search("[\r\n\0]", name):
        yield _error(f"{field}.name", "The name must be a string of one line.")
    elif in_a_list and re.search("[;,]", name):
        yield _error(f"{field}.name", "The name cannot include either the ; or , characters.")
    if set(who) - {"email", "name"}:
        yield _error(field, "Additional properties are not allowed")


def _subject(body: Mapping[str, Any]) -> Iterator[Error]:
    subject = body.get("subject")
    if not isinstance(subject, str) or not subject:
        yield _error("subject", "The subject is required, a string at least one character in length.")
    elif re.search("[\r\n\0]", subject):
        yield _error("subject", "The subject cannot contain CRLF characters.")


def _content(parts: Any) -> Iterator[Error]:
    if not isinstance(parts, list) or not parts:
        yield _error("content", "There must be at least one defined content block.")
        return
    kinds = []
    for number, part in enumerate(parts):
        field = f"content.{number}"
        kind, value = (part.get("type"), part.get("value")) if isinstance(part, dict) else (None, None)
        if not isinstance(kind, str) or not kind or re.search("[;\r\n]", kind):
            yield _error(f"{field}.type", "Your content type must be a string without ; or CRLF characters.")
        if not isinstance(value, str) or not value:
            yield _error(f"{field}.value", "The content value must be a string at least one character in length.")
        kinds.append(kind)
    order = {"text/plain": 0, "text/html": 1}
    if [order.get(kind, 2) for kind in kinds] != sorted(order.get(kind, 2) for kind in kinds):
        yield _error("content", "text/plain needs to be first, followed by text/html, followed by any other content.")


def _headers(field: str, headers: Any) -> Iterator[Error]:
    if not isinstance(headers, dict):
        yield _error(field, "Invalid type. Expected: object.")
        return
    if len({key.lower() for key in headers}) < len(headers):
        yield _error(field, "The headers cannot contain duplicate keys.")
    for key, value in headers.items():
        if not isinstance(value, str) or re.search("[\r\n\0]", value):
            yield _error(field, "The header values must be strings, of one line.")
        if not re.fullmatch(r"[!-9;-~]+", key):
            yield _error(field, "Header keys cannot contain non-ASCII characters and empty spaces.")
        if key.lower() in RESERVED:
            yield _error(field, "Header can not be one of the reserved keys.")


def _categories(categories: Any) -> Iterator[Error]:
    if not isinstance(categories, list) or not all(isinstance(one, str) for one in categories):
        yield _error("categories", "Categories must be an array of strings.")
        return
    if len(categories) > MOST_CATEGORIES:
        yield _error("categories", f"There is a limit of 10 categories. You provided {len(categories)}.")
    if len(set(categories)) < len(categories):
        yield _error("categories", "The categories must be a unique list.")
    if any(len(one) > LONGEST_CATEGORY for one in categories):
        yield _error("categories", "Each category must not be longer than 255 characters.")
    if not all(one.isascii() for one in categories):
        yield _error("categories", "Categories can not contain non-ASCII characters.")


def _custom_args(field: str, args: Any) -> Iterator[Error]:
    if not isinstance(args, dict) or not args:
        yield _error(field, "custom_args cannot be empty, and must be an object.")
        return
    if not all(isinstance(value, str) for value in args.values()):
        yield _error(None, "Bad Request")  # what it says of a number
    elif sum(len(key.encode()) + len(value.encode()) for key, value in args.items()) > LONGEST_CUSTOM_ARGS:
        yield _error(field, "The combined size of custom arguments may not exceed 10,000 bytes.")


def _settings(field: str, settings: Any, known: Mapping[str, Mapping[str, type]]) -> Iterator[Error]:
    if not isinstance(settings, dict):
        yield _error(field, "Invalid type. Expected: object.")
        return
    for name, values in settings.items():
        if name not in known or not isinstance(values, dict):
            yield _error(f"{field}.{name}", "Invalid setting.")
            continue
        for key, value in values.items():
            kind = known[name].get(key)
            if kind is None or type(value) is not kind:
                wanted = "nothing" if kind is None else kind.__name__
                yield _error(f"{field}.{name}.{key}", f"Invalid type. Expected: {wanted}.")
