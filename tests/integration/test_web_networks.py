"""What is kept of who asked: a mark of the network, for a day; no address, neither in the database nor in a log."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import httpx
import pytest
from web_workspace import Workspace, make_workspace

from drip.engine.touches import Outcome
from drip.track.network import mark, network_key
from drip.track.token import Purpose
from drip.web.committer import Committer
from drip.web.serve import running

KEY = network_key("a secret of the tests")
ASKER = "81.2.69.142"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path)


@pytest.fixture
def behind_proxy(workspace: Workspace) -> Iterator[httpx.Client]:
    """A web side that knows 127.0.0.1, from where the tests ask, as its proxy."""
    app = workspace.app(network_key=KEY, proxies=[ip_network("127.0.0.1/32")])
    with running(app) as url, httpx.Client(base_url=url, headers={"X-Forwarded-For": ASKER}) as client:
        yield client


def test_every_request_is_marked_with_its_network(workspace: Workspace, behind_proxy: httpx.Client) -> None:
    """The pixel, a click, a page: one mark on one day, another on the next."""
    for path in (
        workspace.path(Purpose.OPEN),
        workspace.path(Purpose.CLICK),
        workspace.path(Purpose.ANSWER, days=30),
        workspace.path(Purpose.UNSUBSCRIBE),
    ):
        assert behind_proxy.get(path).status_code in (200, 302)
    assert [event.network for event in workspace.evidence()] == [mark(KEY, ASKER, workspace.now)] * 4
    workspace.now += timedelta(days=1)
    behind_proxy.get(workspace.path(Purpose.OPEN))
    assert workspace.evidence()[-1].network == mark(KEY, ASKER, workspace.now) != workspace.evidence()[0].network


def test_a_strangers_word_about_its_address_is_not_believed(workspace: Workspace) -> None:
    """Without a proxy that a setting names, X-Forwarded-For is a header like any other; this machine has no mark."""
    with running(workspace.app(network_key=KEY)) as url:
        httpx.get(
            f"{url}{workspace.path(Purpose.OPEN)}", headers={"X-Forwarded-For": ASKER, "Forwarded": f"for={ASKER}"}
        )
    assert [event.network for event in workspace.evidence()] == [""]


def test_no_address_is_kept_anywhere(
    workspace: Workspace, behind_proxy: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in the database's files, and not in what is logged while asking well, badly and for what is gone."""
    caplog.set_level(logging.DEBUG)
    for path in (
        workspace.path(Purpose.OPEN),
        workspace.path(Purpose.CLICK, delivery=999),
        "/o/nonsense.gif",
        "/c/nonsense",
        "/nowhere",
    ):
        behind_proxy.get(path)
    workspace.store.close()
    assert workspace.store.file is not None
    kept = b"".join(file.read_bytes() for file in workspace.store.file.parent.glob("drip.db*"))
    assert mark(KEY, ASKER, workspace.now).encode() in kept
    assert ASKER.encode() not in kept
    assert b"127.0.0.1" not in kept
    ours = "".join(record.getMessage() for record in caplog.records if record.name.startswith(("drip", "uvicorn")))
    assert ASKER not in ours


def test_too_many_at_once_are_told_to_come_again(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full queue is a 503 with Retry-After, for the pixel and for a link; what waits is recorded all the same."""
    stuck, go_on = threading.Event(), threading.Event()
    really = workspace.recorder.touches.record

    def slowly(touched: object) -> list[Outcome]:
        stuck.set()
        assert go_on.wait(60)
        return really(touched)  # type: ignore[arg-type]

    committer = Committer(slowly, most=1)
    monkeypatch.setattr("drip.web.app.Committer", lambda _record: committer)
    with running(workspace.app()) as url, httpx.Client(base_url=url, timeout=60) as client:
        answers: list[int] = []

        def ask() -> None:
            answers.append(httpx.get(f"{url}{workspace.path(Purpose.OPEN)}", timeout=60).status_code)

        asking = [threading.Thread(target=ask) for _ in range(2)]
        asking[0].start()
        assert stuck.wait(60)
        asking[1].start()
        while committer.waiting == 0:
            time.sleep(0.01)
        full = client.get(workspace.path(Purpose.CLICK))
        assert (full.status_code, full.headers["retry-after"]) == (503, "1")
        assert client.get(workspace.path(Purpose.OPEN)).status_code == 503
        go_on.set()
        for one in asking:
            one.join(60)
    assert answers == [200, 200]
    assert workspace.kinds() == ["open", "open"]
