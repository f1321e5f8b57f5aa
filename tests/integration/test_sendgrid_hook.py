"""SendGrid's Event Webhook over real HTTP: what is signed is taken in, once; what is not costs nothing."""

from __future__ import annotations

import http.client
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sendgrid_events import SIGNATURE, TIMESTAMP, Account, Answer, as_sent, event, post
from sqlalchemy import event as database_event
from stage import KEY, PLAIN_COURSE, Stage, set_up

from drip.engine.feedback import hear
from drip.errors import StoreError
from drip.inbound.sendgrid_signed import public_key
from drip.store.ledger import Phase
from drip.track.heard import Heard
from drip.web import hooks
from drip.web.app import build_app
from drip.web.hooks import SendGridHook
from drip.web.serve import running


@dataclass
class House:
    """A web side that knows an account's key, over a stage on which mails have gone."""

    stage: Stage
    account: Account
    url: str = ""
    statements: list[str] = field(default_factory=list)

    def event(self, name: str, row: int = 0, **values: Any) -> dict[str, Any]:
        delivery = self.stage.rows()[row].id
        return event(name, self.stage.clock(), delivery, self.stage.sending.ring, **values)

    def post(self, *events: dict[str, Any]) -> Answer:
        return self.account.post(self.url, list(events), self.stage.clock())

    def states(self) -> list[Phase]:
        return [row.state for row in self.stage.rows()]

    def stored(self) -> int:
        with self.stage.store.read() as conn:
            return int(conn.exec_driver_sql("SELECT count(*) FROM evidence").scalar_one())


@contextmanager
def serving(stage: Stage, hear_them: Any = None) -> Iterator[House]:
    house = House(stage, Account())
    take = hear_them or partial(_hear, stage)
    key = public_key(house.account.verification_key)
    hook = SendGridHook(key=key, ring=stage.sending.ring, clock=stage.clock, hear=take)
    app = build_app(recorder=stage.recorder, ring=stage.sending.ring, clock=stage.clock, hooks=hook.routes())
    with running(app) as house.url:
        yield house


def _hear(stage: Stage, heard: Sequence[Heard]) -> object:
    return hear(stage.store, heard, suppression_key=KEY, now=stage.clock())


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Three learners have got a mail."""
    stage = set_up(tmp_path)
    stage.publish(PLAIN_COURSE)
    stage.people(3)
    stage.deliver()
    stage.clock.turn(minutes=5)
    with serving(stage) as house:
        yield house


@contextmanager
def counted(house: House) -> Iterator[list[str]]:
    """A list of each statement that the database is asked meanwhile."""
    asked: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    database_event.listen(house.stage.store.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        database_event.remove(house.stage.store.engine, "before_cursor_execute", note)


def test_a_batch_is_taken_in_and_its_replay_is_free(house: House) -> None:
    """204, the ledger knows, and the same batch again is 204 and changes nothing."""
    batch = [
        house.event("delivered", 0),
        house.event("bounce", 1, type="bounce", status="5.1.1", reason="550 5.1.1 no such user"),
        house.event("spamreport", 2),
        {"event": "something new", "email": "stranger@elsewhere.example"},
        house.event("something new", 0),
    ]
    assert house.post(*batch).status == 204
    assert house.states() == [Phase.DELIVERED, Phase.BOUNCED, Phase.COMPLAINED]
    assert house.stored() == 4
    assert house.post(*reversed(batch)).status == 204
    assert house.stored() == 4


def test_broken_events_spoil_no_other(house: House) -> None:
    """What is no event is left out; the rest of its batch is taken in."""
    body = as_sent([None, {}, {"event": 3}, house.event("delivered"), "x"])
    assert house.account.post(house.url, body, house.stage.clock()).status == 204
    assert house.states()[0] is Phase.DELIVERED


def forgeries(house: House) -> dict[str, tuple[bytes, dict[str, str]]]:
    """Every way of not being SendGrid: (body, headers)."""
    now, account = house.stage.clock(), house.account
    body = as_sent([house.event("spamreport")])
    good = account.signed(body, now)

    def later(**change: float) -> dict[str, str]:
        return account.signed(body, now + timedelta(**change))

    return {
        "unsigned": (body, {}),
        "no signature": (body, {TIMESTAMP: good[TIMESTAMP]}),
        "no timestamp": (body, {SIGNATURE: good[SIGNATURE]}),
        "another account's": (body, Account().signed(body, now)),
        "an altered body": (body.replace(b"spamreport", b"delivered!"), good),
        "a line's end less": (body.rstrip(), good),
        "another timestamp": (body, {**good, TIMESTAMP: str(int(good[TIMESTAMP]) + 1)}),
        "stale": (body, later(hours=-25, seconds=-1)),
        "from the future": (body, later(minutes=1, seconds=1)),
        "a timestamp with a sign": (body, {**good, TIMESTAMP: f"+{good[TIMESTAMP]}"}),
        "a timestamp with a fraction": (body, {**good, TIMESTAMP: f"{good[TIMESTAMP]}.0"}),
        "an endless timestamp": (body, {**good, TIMESTAMP: "9" * 5_000}),
        "loose base64": (body, {**good, SIGNATURE: f"{good[SIGNATURE][:10]} {good[SIGNATURE][10:]}"}),
        "base64 of the web": (body, {**good, SIGNATURE: good[SIGNATURE].replace("+", "-").replace("/", "_") + "-"}),
        "no base64": (body, {**good, SIGNATURE: "not a signature"}),
        "an endless signature": (body, {**good, SIGNATURE: "A" * 9_000}),
        "an empty signature": (body, {**good, SIGNATURE: ""}),
        "an empty DER": (body, {**good, SIGNATURE: b64encode(b"\x30\x00").decode()}),
    }


def test_what_is_not_signed_is_refused_without_a_look_at_the_database(house: House) -> None:
    """Unsigned, stale, altered, or odd: 403 each, and not one statement."""
    for name, (body, headers) in forgeries(house).items():
        with counted(house) as asked:
            assert post(house.url, body, headers).status == 403, name
        assert asked == [], name
    assert (house.states()[0], house.stored()) == (Phase.SENT, 0)


def test_a_flood_of_forgeries_costs_no_database_work(house: House) -> None:
    """Hundreds of forged batches: each is refused, and then a good one is taken."""
    body = as_sent([house.event("delivered")])
    forged = Account().signed(body, house.stage.clock())
    with counted(house) as asked:
        assert {post(house.url, body, forged).status for _ in range(300)} == {403}
    assert asked == []
    assert house.account.post(house.url, body, house.stage.clock()).status == 204


def test_what_is_too_long_is_not_read(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body over the limit is 413, whether it says so or comes in pieces."""
    monkeypatch.setattr(hooks, "LONGEST_BYTES", 10_000)
    body = b" " * 20_000
    headers = house.account.signed(body, house.stage.clock())
    assert post(house.url, body, headers).status == 413
    assert post(house.url, iter([body]), headers).status == 413  # in pieces


def test_signed_nonsense_is_said(house: House) -> None:
    """What SendGrid signs and is no list of events is 400, and changes nothing."""
    for body in (b"", b"{}", b"[" * 50_000):
        assert house.account.post(house.url, body, house.stage.clock()).status == 400
    assert house.stored() == 0


def test_other_methods_are_no_way_in(house: House) -> None:
    """Only POST."""
    for method in ("GET", "PUT", "DELETE"):
        connection = http.client.HTTPConnection(urlsplit(house.url).netloc, timeout=60)
        connection.request(method, "/hooks/sendgrid")
        assert connection.getresponse().status == 405
        connection.close()


def test_a_busy_database_makes_sendgrid_come_again(tmp_path: Path) -> None:
    """Where nothing could be written 503 is said, so that SendGrid posts it again; then it is taken."""
    stage = set_up(tmp_path)
    stage.publish(PLAIN_COURSE)
    stage.people(1)
    stage.deliver()
    busy = [True]

    def take(heard: Sequence[Heard]) -> object:
        if busy:
            raise StoreError("the database was busy for 30 seconds")
        return _hear(stage, heard)

    with serving(stage, take) as house:
        news = house.event("delivered")
        refused = house.post(news)
        assert (refused.status, refused.headers["retry-after"]) == (503, "10")
        busy.clear()
        assert house.post(news).status == 204
    assert house.states() == [Phase.DELIVERED]


def test_without_a_key_there_is_no_such_page(tmp_path: Path) -> None:
    """Whoever has not set SendGrid's key has no such endpoint."""
    stage = set_up(tmp_path)
    with running(build_app(recorder=stage.recorder, ring=stage.sending.ring, clock=stage.clock)) as url:
        assert Account().post(url, [], stage.clock()).status == 404


MANY = 1_000


@pytest.mark.parametrize("mixed", [False, True])
def test_a_thousand_events_are_a_handful_of_statements(tmp_path: Path, mixed: bool) -> None:
    """A batch is written in sets: its statements do not grow with it (measured at 0.12 s of CPU for a thousand)."""
    stage = set_up(tmp_path)
    stage.publish(PLAIN_COURSE)
    stage.people(MANY)
    while stage.deliver().sent:
        pass
    stage.clock.turn(minutes=1)
    ids = [row.id for row in stage.rows()]
    assert len(ids) == MANY
    with serving(stage) as house:
        names = ["delivered", "deferred", "processed", "open"] if mixed else ["delivered"]
        batch = [event(names[n % len(names)], stage.clock(), id_, stage.sending.ring) for n, id_ in enumerate(ids)]
        with counted(house) as asked:
            assert house.post(*batch).status == 204
        assert len(asked) < 40
        again = house.post(*batch)
    assert again.status == 204
    assert house.stored() == MANY * (3 if mixed else 4) // 4
