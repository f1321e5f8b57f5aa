"""Tokens of the API over HTTP: which open, which do not, what a flood of wrong ones costs, and that none is told."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from api_house import ApiHouse, api_house, make_folder

from drip.engine.tokens import fresh, hashed


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiHouse]:
    """A workspace whose web side believes X-Forwarded-For of this machine."""
    with api_house(tmp_path_factory.mktemp("api"), DRIP_TRUSTED_PROXIES="127.0.0.1") as one:
        yield one


def status(house: ApiHouse, **headers: str) -> int:
    return httpx.get(f"{house.url}/api/v1/courses", headers=headers).status_code


def after_strangers(house: ApiHouse, name: str, *more: str) -> str:
    """A new token, once a second has passed since another test's last strange one (LOOK_SECONDS)."""
    token: str = house.new_token(name, *more)
    time.sleep(1.1)
    return token


def test_a_token_opens(house: ApiHouse) -> None:
    """Shown as a bearer's, in whatever case the word is written."""
    assert status(house, Authorization=f"Bearer {house.token}") == 200
    assert status(house, Authorization=f"bearer {house.token}") == 200


def test_nothing_else_opens(house: ApiHouse) -> None:
    """None, cut, lengthened, altered, in other words, by another scheme, twice, in the address, in a cookie."""
    token = house.token
    wrong = [token[:-1], token + "a", token.swapcase(), f"{token[:-1]}{'a' if token[-1] != 'a' else 'b'}", fresh()]
    wrong += [hashed(token), token.removeprefix("drip_"), f'"{token}"', f"{token} {token}", token + "~"]
    for one in wrong:
        assert status(house, Authorization=f"Bearer {one}") == 401, one
    for line in (f"Basic {token}", token, f"Token {token}", f"Bearer{token}", "Bearer"):
        assert status(house, Authorization=line) == 401, line
    assert status(house, Cookie=f"token={token}") == 401
    assert status(house, **{"X-Api-Key": token}) == 401
    twice = [("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}")]
    assert httpx.get(f"{house.url}/api/v1/courses", headers=twice).status_code == 401
    aside = httpx.get(f"{house.url}/api/v1/courses?token={token}")
    assert aside.status_code == 401
    assert "addresses stand in logs" in aside.json()["detail"]
    assert aside.headers["www-authenticate"] == "Bearer"
    assert token not in aside.text


def test_a_revoked_token_is_refused_with_its_next_use(house: ApiHouse) -> None:
    """By a process that has just taken it, and that nobody has told."""
    token = after_strangers(house, "soon-gone", "reports:read")
    assert house.ask("GET", "/courses", token=token).status_code == 200
    house.drip("token", "revoke", "soon-gone")
    assert house.ask("GET", "/courses", token=token).status_code == 401
    assert house.ask("GET", "/courses", token=token).status_code == 401


def test_a_token_ends_by_itself(house: ApiHouse) -> None:
    """When its time is over, though a process remembers it."""
    token = after_strangers(house, "short", "reports:read", "--expires", "1h")
    assert house.ask("GET", "/courses", token=token).status_code == 200
    with sqlite3.connect(house.folder / "drip.db") as conn:
        conn.execute("UPDATE api_token SET expires_at = '2026-01-01 00:00:00.000000' WHERE name = 'short'")
    conn.close()
    assert house.ask("GET", "/courses", token=token).status_code == 401


def test_use_is_written_down_once_an_hour(house: ApiHouse) -> None:
    """Not with each request: the time of the first one stands."""
    token = after_strangers(house, "often", "reports:read")
    seen = set()
    for _ in range(3):
        house.ask("GET", "/courses", token=token)
        seen |= {one["last_used_at"] for one in house.json("token", "list") if one["name"] == "often"}
    assert len(seen) == 1
    assert None not in seen


def test_a_new_token_is_known_at_once(house: ApiHouse) -> None:
    """The web side need not be told of it."""
    token = after_strangers(house, "new")
    assert house.ask("GET", "/courses", token=token).status_code == 200
    for name in ("newer", "newest"):  # nor does one wait for another
        assert house.ask("GET", "/courses", token=house.new_token(name)).status_code == 200


def test_wrong_tokens_of_one_network_are_slowed(house: ApiHouse) -> None:
    """A program that is set up wrongly is told to wait; a good token of the same network goes on, and so do others."""
    from_there = {"X-Forwarded-For": "81.2.69.142"}
    wrong = [house.ask("GET", "/courses", token=fresh(), headers=from_there) for _ in range(30)]
    assert {one.status_code for one in wrong} == {401, 429}
    last = wrong[-1]
    assert (last.status_code, int(last.headers["retry-after"]) >= 1) == (429, True)
    assert last.headers["content-type"] == "application/problem+json"
    assert house.ask("GET", "/courses", headers=from_there).status_code == 200
    elsewhere = {"X-Forwarded-For": "198.41.0.4"}
    assert house.ask("GET", "/courses", token=fresh(), headers=elsewhere).status_code == 401


def test_a_flood_of_wrong_tokens_asks_the_database_next_to_nothing(house: ApiHouse) -> None:
    """Well-formed ones, from everywhere: the tokens that hold are read anew once a second, and good ones pass."""
    from sqlalchemy import event

    from drip.store import Store
    from drip.web.api.door import Door
    from drip.web.api.problems import Problem
    from drip.web.api.rates import Rates

    store = Store(f"sqlite:///{house.folder / 'drip.db'}")
    asked: list[str] = []
    event.listen(store.engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
    from datetime import UTC, datetime

    from starlette.requests import Request

    now = datetime.now(UTC)
    door = Door(store, clock=lambda: now, rates=Rates(1e6, 10_000), network=lambda _request: "")

    def request(token: str) -> Request:
        headers = [(b"authorization", f"Bearer {token}".encode())]
        return Request({"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": headers})

    async def flood() -> None:
        began = time.monotonic()
        for _ in range(2_000):
            with pytest.raises(Problem):
                await door.let_in(request(fresh()))
        looks = [one for one in asked if "api_token" in one]
        assert len(looks) <= 1 + (time.monotonic() - began)
        asked.clear()
        await door.let_in(request(house.token))
        assert asked

    import asyncio

    asyncio.run(flood())
    for cut in (house.token[:-1], "drip_" + "a" * 38):
        asked.clear()
        with pytest.raises(Problem):
            asyncio.run(door.let_in(request(cut)))
        assert not asked, "what is no token is not looked for"
    store.close()


def test_the_rate_of_a_token_holds(tmp_path: Path) -> None:
    """As many at once as `[api]` says, and then as many as it fills up; another token is not slowed by that."""
    with api_house(tmp_path, toml="[api]\nrate = 0.05\nburst = 10\n") as house:
        with ThreadPoolExecutor(8) as many:
            answers = list(many.map(lambda _: house.ask("GET", "/courses"), range(40)))
        good = sum(one.status_code == 200 for one in answers)
        slowed = [one for one in answers if one.status_code == 429]
        assert 10 <= good <= 13
        assert len(slowed) == 40 - good
        assert all(1 <= int(one.headers["retry-after"]) <= 20 for one in slowed)
        assert slowed[0].json()["title"] == "Too many requests"
        other = house.new_token("other")
        time.sleep(1.1)
        assert house.ask("GET", "/courses", token=other).status_code == 200


def test_no_token_is_kept_or_told(tmp_path: Path) -> None:
    """Neither in the database's files nor in the log at DEBUG, whatever went wrong with it."""
    house = make_folder(tmp_path, DRIP_LOG_LEVEL="debug")
    house.token = house.new_token()
    house.serve()
    try:
        house.add("ada@customer.example", first_name="Ada")
        for method, path, token in (
            ("GET", "/courses", house.token),
            ("GET", "/courses", house.token[:-1]),
            ("PUT", "/learners/ada@customer.example", house.token),
            ("POST", "/nowhere", house.token),
        ):
            house.ask(method, path, {"odd": house.token} if method != "GET" else None, token=token, key="k" * 20)
    finally:
        house.stop()
    body = house.token.removeprefix("drip_")
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert body.encode()[:24] not in file.read_bytes(), file
    assert "customer.example" not in house.log() or "ada@" not in house.log()
