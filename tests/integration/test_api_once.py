"""The Idempotency-Key over HTTP: whatever is sent again, however it went wrong, nothing happens twice."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from api_house import ApiHouse, a_key, api_house
from postgres import Server

from drip.store import Store, idempotency

EVENT = {"email": "ada@customer.example", "name": "report.made"}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def house(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[ApiHouse]:
    """A workspace with one learner, on either database."""
    url = name = ""
    if request.param == "postgresql":
        server: Server = request.getfixturevalue("postgres_server")
        name = server.migrated()
        url = server.url(name)
    with api_house(tmp_path_factory.mktemp("api"), url) as one:
        one.database = url or f"sqlite:///{one.folder / 'drip.db'}"
        one.add("ada@customer.example")
        yield one
    if name:
        server.drop(name)


def events(house: ApiHouse, email: str = "ada@customer.example") -> int:
    """How many events are known of a learner."""
    evidence = house.json("learners", "show", email)["evidence"]
    return sum(one["kind"] == "event" for one in evidence)


def test_the_same_request_again_is_answered_alike(house: ApiHouse) -> None:
    """Byte for byte, with its status; and what it did is done once."""
    before, key = events(house), a_key()
    first, second = (house.ask("POST", "/events", EVENT, key=key) for _ in range(2))
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert ("idempotent-replayed" in first.headers, second.headers["idempotent-replayed"]) == (False, "true")
    assert events(house) == before + 1
    house.ask("POST", "/events", EVENT, key=a_key())
    assert events(house) == before + 2, "another key is another event"


def test_a_key_is_for_one_request(house: ApiHouse) -> None:
    """Another body, path, query or method under it is a 422, and does nothing; another token's same key is its own."""
    before, key = events(house), a_key()
    assert house.ask("POST", "/events", EVENT, key=key).status_code == 200
    others = [
        ("POST", "/events", {**EVENT, "name": "other"}),
        ("POST", "/events?a=1", EVENT),
        ("POST", "/events/batch", {"events": [EVENT]}),
        ("PUT", "/learners/ada@customer.example", {}),
    ]
    for method, path, body in others:
        refused = house.ask(method, path, body, key=key)
        assert refused.status_code == 422, refused.text
        unknown = "a" if "?" in path else "Idempotency-Key"  # what the API does not know is refused before
        assert refused.json()["errors"][0]["field"] == unknown
    assert events(house) == before + 1
    assert house.ask("POST", "/events", EVENT, key=key, token=house.new_token("second")).json() == {
        "new": True,
        "enrolled": [],
    }


def test_what_was_refused_may_be_sent_again(house: ApiHouse) -> None:
    """It changed nothing and is not kept: once the learner is there, the same request goes well."""
    key, body = a_key(), {"email": "later@customer.example", "name": "report.made"}
    assert house.ask("POST", "/events", body, key=key).status_code == 404
    house.add("later@customer.example")
    assert house.ask("POST", "/events", body, key=key).status_code == 200
    assert events(house, "later@customer.example") == 1


@pytest.mark.parametrize("key", ["", "a" * 201, "two words", "\u00e5", "a,b c"])
def test_an_odd_key_is_refused(house: ApiHouse, key: str) -> None:
    """A key is one word of visible ASCII."""
    said = {"Authorization": f"Bearer {house.token}".encode(), "Idempotency-Key": key.encode()}
    answer = httpx.post(f"{house.url}/api/v1/events", json=EVENT, headers=said)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")


def test_twenty_at_once_are_one(house: ApiHouse) -> None:
    """All are answered alike, or told that it is just being done; what they ask for is done once."""
    before, key, together = events(house), a_key(), threading.Barrier(20)

    def send(_number: int) -> httpx.Response:
        together.wait()
        return house.ask("POST", "/events", {**EVENT, "data": {"of": "twenty"}}, key=key)

    with ThreadPoolExecutor(20) as many:
        answers = list(many.map(send, range(20)))
    statuses = Counter(one.status_code for one in answers)
    assert set(statuses) <= {200, 409}, statuses
    assert statuses[200] >= 1
    assert len({one.content for one in answers if one.status_code == 200}) == 1
    assert all(one.headers["retry-after"] == "1" for one in answers if one.status_code == 409)
    assert events(house) == before + 1


def test_two_processes_do_it_once(house: ApiHouse) -> None:
    """Which share nothing but the database."""
    before, key = events(house), a_key()
    other = ApiHouse(folder=house.folder, env=house.env, token=house.token)
    other.serve()
    try:
        with ThreadPoolExecutor(8) as many:
            answers = list(many.map(lambda n: (house, other)[n % 2].ask("POST", "/events", EVENT, key=key), range(8)))
    finally:
        other.stop()
    assert {one.status_code for one in answers} <= {200, 409}
    assert events(house) == before + 1


def test_it_is_forgotten_after_a_day(house: ApiHouse) -> None:
    """By the nightly work (`forget`); and a key that is older is taken anew where that has not run."""
    key = a_key()
    house.ask("POST", "/events", EVENT, key=key)
    store = Store(house.database)
    with store.write() as conn:
        kept = conn.exec_driver_sql("SELECT count(*) FROM idempotency").scalar_one()
        assert idempotency.forget(conn, datetime.now(UTC) - timedelta(hours=24)) == 0
        old = datetime.now(UTC) - timedelta(hours=25)
        conn.execute(idempotency.idempotency.update().values(made_at=old))
    assert house.ask("POST", "/events", EVENT, key=key).headers.get("idempotent-replayed") is None
    with store.write() as conn:
        assert idempotency.forget(conn, datetime.now(UTC) - timedelta(hours=24)) == kept - 1
    store.close()


def test_nobody_comes_back_by_a_replay(house: ApiHouse) -> None:
    """Whom an answer named and who has been erased since: the answer is gone, and the request does nothing again."""
    key = a_key()
    kept = house.ask("PUT", "/learners/gone@customer.example", {"first_name": "Gunilla"}, key=key)
    assert house.ask("DELETE", "/learners/gone@customer.example").status_code == 200
    again = house.ask("PUT", "/learners/gone@customer.example", {"first_name": "Gunilla"}, key=key)
    assert (again.status_code, again.json()["title"]) == (410, "What this was answered is gone")
    assert house.ask("GET", f"/learners/{kept.json()['ref']}").status_code == 404
    store = Store(house.database)
    with store.read() as conn:
        rows = conn.exec_driver_sql("SELECT fingerprint, body FROM idempotency").all()
    store.close()
    assert not any("gone@customer" in str(row) for row in rows)


def test_an_erasure_is_answered_again(house: ApiHouse) -> None:
    """Its answer names nobody, and is there for whoever did not get it."""
    house.add("erased@customer.example")
    key = a_key()
    first, second = (house.ask("DELETE", "/learners/erased@customer.example", key=key) for _ in range(2))
    assert (first.status_code, first.content) == (second.status_code, second.content) == (200, first.content)


def test_a_kill_in_the_middle_does_nothing_twice(tmp_path: Path) -> None:
    """kill -9 while many requests are at work: sent again with their keys, each is done once."""
    with api_house(tmp_path, toml="[api]\nrate = 1000\nburst = 1000\n") as house:
        house.add("ada@customer.example")
        keys = [a_key() for _ in range(60)]
        killed = threading.Event()

        def send(key: str) -> int:
            try:
                return house.ask("POST", "/events", {**EVENT, "data": {"key": key}}, key=key).status_code
            except httpx.HTTPError:
                return 0

        with ThreadPoolExecutor(6) as many:
            sent = [many.submit(send, key) for key in keys]
            sent[5].result()
            house.kill()
            killed.set()
            first = [one.result() for one in sent]
        assert 0 in first, "some were cut off"
        assert 200 in first
        house.serve()
        assert {send(key) for key in keys} == {200}
        with sqlite3.connect(tmp_path / "drip.db") as conn:
            found = Counter(row[0] for row in conn.execute("SELECT data FROM evidence WHERE kind = 'event'"))
        conn.close()
        assert set(found.values()) == {1}
        assert len(found) == len(keys)
