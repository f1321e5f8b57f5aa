"""docs/webhooks.md as somebody follows it: its receiver runs, verifies and prints, its commands say what is shown."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from pathlib import Path

from operator_page import Operator
from webhook_receiver import free_port

PAGE = Path(__file__).parents[2] / "docs" / "webhooks.md"
SECRET = "a secret that is long enough for tests"


def test_a_receiver_is_connected_as_the_page_says(tmp_path: Path) -> None:
    """From `webhook add` to `webhook remove`, with the receiver of the page and the secret that a command shows."""
    before, code, after = re.split(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    (tmp_path / "receiver.py").write_text(code, "utf-8")
    port = free_port()
    operator = Operator(folder=tmp_path, variables={"DRIP_SECRET_KEY": SECRET}, ports={"9000": str(port)})
    operator.follow(before)
    secret = operator.type("drip webhook secret crm").strip()
    receiver = subprocess.Popen(
        [sys.executable, str(tmp_path / "receiver.py"), str(port)],
        env={**operator._environment(""), "WEBHOOK_SECRET": secret},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        wait_until_it_listens(port)
        operator.follow(after)
    finally:
        receiver.terminate()
        said, _ = receiver.communicate()
    assert said.splitlines() == ["webhook.test None", "enrolled ada@customer.example"]
    assert len(operator.shown) == 5
    for shown in operator.shown:
        assert shown.is_so(), f"{shown.block}\nbut it said\n{shown.said}"


def wait_until_it_listens(port: int) -> None:
    for _ in range(1200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the page's receiver does not listen")
