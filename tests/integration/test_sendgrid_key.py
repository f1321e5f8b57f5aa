"""The key appears in no log of any level, no error and no traceback (commands: acceptance/test_sendgrid_course)."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from sendgrid_server import sendgrid_server

from drip.render.message import Message
from drip.transports.sendgrid import SendGrid

Mail = Callable[..., Message]
KEY = "SG.kept-to-itself.0123456789abcdef"
#: What would be enough to recognise it by, base64 included.
PIECES = re.compile(r"kept-to-itself|0123456789abcdef|a2VwdC10by1pdHNlbGY")
ECHO = f"the key {KEY} is not one of ours"


def test_no_log_and_no_traceback_has_it(tmp_path: Path, mail: Mail, caplog: pytest.LogCaptureFixture) -> None:
    """With every logger at its most talkative, whatever SendGrid answers or does, and when drip itself breaks."""
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "asyncio", "drip"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    said: list[str] = []
    with sendgrid_server(tmp_path / "sendgrid.jsonl", key=KEY) as api:
        way = SendGrid(KEY, api.host, connections=2, timeout=0.5)
        scripts: list[list[object]] = [
            ["ok"],
            [401],
            [{"status": 401, "message": ECHO}],
            [{"status": 400, "message": ECHO}],
        ]
        scripts += [[{"status": 500, "body": ECHO}], ["cut"], ["hang"], ["nonsense"], ["cut before"], [429]]
        for script in scripts:
            api.become(key=KEY, script=script)
            result = way.send([mail(number) for number in range(1, 4)])
            said += [repr(result), repr(way), str(result.trouble)]
        api.become(key=KEY)
        with pytest.raises(TypeError) as broken:
            way.send([mail(1, html=object())])
        shown = traceback.TracebackException.from_exception(broken.value, capture_locals=True)
        ours = [frame for frame in shown.stack if frame.filename != __file__]  # this test's own locals have it
        assert len(ours) > 3
        said += [f"{frame.line} {frame.locals}" for frame in ours] + list(shown.format_exception_only())
        way.close()
    said += [record.getMessage() for record in caplog.records] + [str(vars(record)) for record in caplog.records]
    assert "202 X-Message-Id" in "".join(said)
    assert "not one of ours" in "".join(said)
    assert not PIECES.search("".join(said))
