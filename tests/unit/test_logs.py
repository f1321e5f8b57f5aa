"""Log lines: one for each thing that happens, readable by people, grep and programs, and nobody can forge one."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drip.runners.logs import FIELDS, LONGEST, Json, Text, set_up

#: What a mail server may say to look like a line of ours, or to play with a terminal.
HOSTILE = (
    '451 no\r\n2026-11-24T02:14:07.112+00:00 ERROR "all is lost" sent=9\x1b[2J\u2028\u202e\x85"\\ x=1 ada@kund.example'
)


def line(formatter: logging.Formatter, message: str, *args: object, **fields: Any) -> str:
    record = logging.LogRecord("drip.deliver", logging.INFO, "file", 1, message, args, None)
    record.created = datetime(2026, 11, 24, 2, 14, 7, 112_000, tzinfo=UTC).timestamp()
    if fields:
        setattr(record, FIELDS, fields)
    return formatter.format(record)


@pytest.fixture
def as_before() -> Iterator[None]:
    """The loggers are what they were, when the test ends."""
    root, ours = logging.getLogger(), logging.getLogger("drip")
    handlers, levels = root.handlers[:], (root.level, ours.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


def test_an_event_is_key_and_value() -> None:
    """A line has its time with offset, its level, its event, and each field; values with spaces stand in quotes."""
    told = line(Text(), "batch", worker="mail-1-47", transport="smtp mail:25", sent=12, lag_s=1.5, trouble=None)
    assert told == (
        '2026-11-24T02:14:07.112+00:00 INFO batch worker=mail-1-47 transport="smtp mail:25" sent=12 lag_s=1.5 '
        "trouble=none"
    )


def test_a_sentence_is_quoted_and_may_have_an_event() -> None:
    """What is a sentence stands in quotes, behind the event that names it for grep."""
    assert line(Text(), "the %s is full", "disk").endswith(' INFO "the disk is full"')
    assert line(Text(), "gone since %s", 3, event="breaker_open", trips=2).endswith(
        ' INFO breaker_open "gone since 3" trips=2'
    )


def test_json_is_one_object_with_the_same() -> None:
    """As JSON a line has ts, level, logger, event or message, and the fields with their types."""
    at = datetime(2026, 11, 24, 3, tzinfo=UTC)
    told = json.loads(line(Json(), "batch", sent=12, lag_s=1.23456, until=at, trouble=None))
    assert told == {
        "ts": "2026-11-24T02:14:07.112+00:00",
        "level": "info",
        "logger": "drip.deliver",
        "event": "batch",
        "sent": 12,
        "lag_s": 1.235,
        "until": "2026-11-24T03:00:00+00:00",
        "trouble": None,
    }
    assert json.loads(line(Json(), "all is %s", "well"))["message"] == "all is well"


@pytest.mark.parametrize("formatter", [Text(), Json()], ids=["text", "json"])
def test_a_server_forges_no_line(formatter: logging.Formatter) -> None:
    """Whatever a server says stays in its value, on its line, and moves no cursor."""
    for told in (line(formatter, "server says %s", HOSTILE), line(formatter, "batch", words=HOSTILE)):
        assert len(told.splitlines()) == 1
        assert all(c.isprintable() for c in told)
        assert "ada@" not in told


@given(st.text(), st.text())
def test_text_keeps_its_quotes_closed(message: str, value: str) -> None:
    """Whatever a message and a value hold, the line reads back as its words: nothing ends a quote but its end."""
    told = line(Text(), "%s", message, words=value, last=1)
    assert told.isprintable()
    rest = re.sub(r'"(?:[^"\\]|\\.)*"', "QUOTED", told)
    assert '"' not in rest
    assert rest.endswith(" last=1")


@given(st.text(), st.text())
def test_json_survives_anything(message: str, value: str) -> None:
    """Whatever a message and a value hold, the line is one JSON object."""
    told = line(Json(), "%s", message, words=value)
    assert isinstance(json.loads(told), dict)
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("550 5.1.1 <ada@kund.example>: no such user", "550 5.1.1 <…@kund.example>: no such user"),
        ('550 "ada lovelace"@kund.example', "550 …@kund.example"),
        ("RCPT TO:<o'brien+tag@kund.example> refused", "RCPT TO:<…@kund.example> refused"),
        ("åsa@kund.example,bo@xn--d1a.example", "…@kund.example,…@xn--d1a.example"),
        ("postgresql://drip:pw@db.example/drip", "postgresql://drip:…@db.example/drip"),
        ("user@[192.0.2.1]", "…@[192.0.2.1]"),
        ("at 3 @ night", "at 3 @ night"),
    ],
)
def test_of_an_address_only_the_domain_is_left(said: str, shown: str) -> None:
    """Nobody is named in a log, whoever says the name."""
    assert json.loads(line(Json(), "batch", words=said))["words"] == shown


def test_a_traceback_is_indented_and_tells_nobody_apart() -> None:
    """What was not foreseen is told with its traceback: each further line is indented, and names nobody."""
    try:
        raise ValueError("boom\n2026-11-24T02:14:07.112+00:00 ERROR forged for ada@kund.example")
    except ValueError:
        record = logging.LogRecord("drip", logging.ERROR, "file", 1, "it broke", (), sys.exc_info())
    first, *rest = Text().format(record).splitlines()
    assert first.endswith('ERROR "it broke"')
    assert all(one.startswith("    ") for one in rest)
    assert "ada@" not in "".join(rest)
    assert "forged for …@kund.example" in json.loads(Json().format(record))["traceback"]


def test_an_error_of_any_length_is_told_in_short() -> None:
    """What an exception holds may be large (a row, a page): nobody searches all of it for people."""
    try:
        raise ValueError("b" * 2_000_000 + "\n" * 5_000)
    except ValueError:
        record = logging.LogRecord("drip.run", logging.ERROR, "file", 1, "it broke", None, sys.exc_info())
    assert len(Text().format(record)) < 10 * LONGEST
    assert len(Json().format(record)) < 10 * LONGEST


def test_no_value_is_endless() -> None:
    """A value has a longest length, whatever a server sends."""
    assert len(json.loads(line(Json(), "batch", words="x" * 10 * LONGEST))["words"]) == LONGEST + 1


class Screen(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "goes_on", "form", "level", "at_info"),
    [
        (io.StringIO(), True, "", "", True),
        (Screen(), True, "", "", False),
        (io.StringIO(), False, "", "", False),
        (Screen(), True, "json", "", True),
        (Screen(), False, "", "info", True),
        (io.StringIO(), True, "json", "warning", False),
    ],
)
@pytest.mark.usefixtures("as_before")
def test_who_is_told_what_goes_well(stream: io.StringIO, goes_on: bool, form: str, level: str, at_info: bool) -> None:
    """A service logs what goes well, a person at a terminal and a job of cron are not told twice; asking decides."""
    assert set_up(form=form, level=level, goes_on=goes_on, stream=stream) is at_info
    logging.getLogger("drip.run").info("batch", extra={FIELDS: {"sent": 1}})
    logging.getLogger("apscheduler").info("a tick")
    logging.getLogger("httpx").info("a request")
    assert ("batch" in stream.getvalue()) is at_info
    assert "a tick" not in stream.getvalue()
    assert "a request" not in stream.getvalue()
