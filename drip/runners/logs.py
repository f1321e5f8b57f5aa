"""One line for each thing that happens, on stderr: for people and grep, or as JSON for programs.

    2026-11-24T02:14:07.112+00:00 INFO batch worker=mail-1-4711-9f3c claimed=50 sent=49 retried=1 …
    {"ts": "2026-11-24T02:14:07.112+00:00", "level": "info", "event": "batch", "worker": "mail-1-4711-9f3c", …}

What a mail server says stands in some of them. It cannot forge a line, since whatever would not print is escaped, and
it gives nobody away: of an address only the domain is left.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

#: `extra={FIELDS: {…}}` of a log call: what the line says, key by key. Its `event` names a line that is a sentence too.
FIELDS = "fields"
#: No value is longer in a line; what other machines say may have any length.
LONGEST = 1_000
#: Lines of a traceback that are told: to look for addresses in what may have any length would hold up the worker.
_MOST_LINES = 200
#: What these tell at INFO (each tick, each request with its address) belongs into no log of ours.
_TALKATIVE = ("apscheduler", "uvicorn", "alembic", "httpx", "httpcore", "asyncio")
_ADDRESS = re.compile(r"(?:\"[^\"]*\"|[^\s<>\"(),:;\[\]@]+)@(?=[\w\[])")
_BARE = re.compile(r"[\w.:/+,-]+\Z", re.ASCII)


def set_up(*, form: str, level: str, goes_on: bool, stream: TextIO | None = None) -> bool:
    """Let what happens be logged on stderr; True where that includes what goes well (INFO).

    `form` is text or json, `level` one of debug, info, warning, error; empty where nobody asked. Then a command that
    goes on logs at INFO, except for a person at a terminal, who is told in sentences on stdout; one that ends by
    itself logs what goes wrong.
    """
    stream = stream or sys.stderr
    asked = bool(form or level)
    usual = "info" if asked or (goes_on and not stream.isatty()) else "warning"
    handler = logging.StreamHandler(stream)
    handler.setFormatter(Json() if form == "json" else Text())
    root, ours = logging.getLogger(), logging.getLogger("drip")
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    ours.setLevel((level or usual).upper())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    # under a pace one tick lasts for as long as anything is due: that the next has nothing to do is no warning
    logging.getLogger("apscheduler").setLevel(logging.ERROR)
    return ours.isEnabledFor(logging.INFO)


class Text(logging.Formatter):
    """`TIME LEVEL event key=value …`; a sentence and a value with spaces stand in double quotes."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; a traceback follows it, indented."""
        event, sentence, fields = _parts(record)
        words = [_at(record), record.levelname, *([event] if event else []), *([_quoted(sentence)] if sentence else [])]
        line = " ".join([*words, *(f"{key}={_shown(value)}" for key, value in fields.items())])
        return "\n    ".join([line, *(_escaped(_discreet(told)) for told in _traceback(record))])


class Json(logging.Formatter):
    """One object a line: ts, level, event or message, and whatever the event says of itself. All of it is ASCII."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        event, sentence, fields = _parts(record)
        told = {"ts": _at(record), "level": record.levelname.lower(), "logger": record.name}
        told |= {"event": event} if event else {}
        told |= {"message": sentence} if sentence else {}
        told |= {"traceback": _discreet("\n".join(trace))} if (trace := _traceback(record)) else {}
        return json.dumps(told | {key: _value(value) for key, value in fields.items()})


def _parts(record: logging.LogRecord) -> tuple[str, str, dict[str, Any]]:
    """(event, sentence, fields). A line with fields whose message is one word has that for its event."""
    fields: Mapping[str, Any] = getattr(record, FIELDS, {})
    message = _discreet(_cut(record.getMessage()))
    if "event" in fields:
        return str(fields["event"]), message, {key: value for key, value in fields.items() if key != "event"}
    if fields and _BARE.match(message):
        return message, "", dict(fields)
    return "", message, dict(fields)


def _at(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _traceback(record: logging.LogRecord) -> list[str]:
    """Its lines, none of them longer than a value; of very many the last, where it says what happened."""
    lines = logging.Formatter().formatException(record.exc_info).splitlines() if record.exc_info else []
    return [_cut(line) for line in lines[-_MOST_LINES:]]


def _value(value: Any) -> Any:
    """A value as JSON knows it."""
    if isinstance(value, datetime):
        return value.isoformat()
    if value is None or isinstance(value, int | float):
        return round(value, 3) if isinstance(value, float) else value
    return _discreet(_cut(str(value)))


def _shown(value: Any) -> str:
    """A value in a line of text."""
    plain = _value(value)
    if plain is None or isinstance(plain, bool):
        return {None: "none", True: "yes", False: "no"}[plain]
    text = f"{plain:g}" if isinstance(plain, float) and plain < 1e5 else str(plain)
    return text if _BARE.match(text) else _quoted(text)


def _quoted(text: str) -> str:
    return '"' + _escaped(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def _escaped(text: str) -> str:
    r"""The text with whatever would not print, or would move the cursor, as `\n`, `\x1b` or `\u2028`."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _discreet(text: str) -> str:
    """The text without people in it: `…@customer.example`."""
    return _ADDRESS.sub("…@", text)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
