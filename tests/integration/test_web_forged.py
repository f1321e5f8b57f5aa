"""Forged, swapped, cut, altered, expired and other people's links: at every endpoint, by every method, for nothing."""

from __future__ import annotations

import http.client
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import urlencode, urlsplit

import httpx
import pytest
from starlette.routing import Route
from ways import ANNA, OTHER, SIGNED, WAYS, House, Way, kept_house, name_of, on_each_database
from web_workspace import NOW

from drip.track import token as tokens
from drip.track.token import Purpose, Ring, sign
from drip.web.serve import running

#: What somebody posts who hopes that any of it means something.
EVERYTHING = urlencode(
    {
        "List-Unsubscribe": "One-Click",
        "nonce": "x" * 20 + "." + "y" * 22,
        "undo": "1",
        "sure": "certain",
        "rating": "1",
        "pause": "forever",
        "action": "leave",
    }
)
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One house for all of them: nothing of what is tried here changes it."""
    yield from kept_house(request, tmp_path_factory.mktemp("forged"))


@pytest.fixture(scope="module")
def url(house: House) -> Iterator[str]:
    with running(house.app()) as url:
        yield url


def each(*ways: Way) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("way", ways, ids=name_of)


def altered(token: str) -> Iterator[str]:
    """Cut at every length, one bit of every byte turned, lengthened, and written in another way."""
    yield from (token[:length] for length in range(1, len(token)))
    raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    for place in range(len(raw)):
        turned = bytearray(raw)
        turned[place] ^= 1 << (place % 8)
        yield urlsafe_b64encode(turned).rstrip(b"=").decode()
    yield from (token + more for more in ("A", "=", "==", ".", " ", "\n", "\0", "/", token))
    yield from (token.swapcase(), token[::-1], f" {token}", token[:5] + "\n" + token[5:], token[:5] + "!" + token[5:])
    yield urlsafe_b64encode(raw + b"\0").rstrip(b"=").decode()
    yield urlsafe_b64encode(b"\0" * len(raw)).rstrip(b"=").decode()
    yield from (secrets.token_urlsafe(len(raw)) for _ in range(3))
    yield from ("a", "0", "null", "%00", "Ａ" * 20, "١" * 30, "a" * 101, "a" * 6_000, "{{7*7}}", "../" * 5, "-" * 35)


def forged(house: House, way: Way) -> Iterator[str]:
    """What others have signed, or we have signed for something else."""
    others = [Ring.of([secret]) for secret in ("another secret", "", "preview", "a secret of the tests ")]
    yield from (way.token(house, ring=ring) for ring in others)
    same_id = next(  # a stranger's key of the same key id: two bytes are no secret
        ring
        for ring in (Ring.of([f"guess {n}"]) for n in range(10**7))
        if tokens._key_id(ring.keys[0])[0] == tokens._key_id(house.workspace.ring.keys[0])[0]
    )
    yield way.token(house, ring=same_id)
    yield from (way.token(house, purpose=other) for other in Purpose if other is not way.purpose)
    for other in SIGNED:
        if other.purpose is not way.purpose:
            yield other.token(house)


def refused(line: http.client.HTTPConnection, way: Way, token: str, statuses: tuple[int, ...]) -> None:
    """By every method, with and without a form: no way in, and no way elsewhere."""
    for method in ("GET", "HEAD", "POST"):
        body = EVERYTHING if method == "POST" else None
        line.request(method, way.at(token), body=body, headers={**FORM, "Host": "evil.example"} if body else {})
        answer = line.getresponse()
        page = answer.read()
        expected = statuses if method in way.methods else (*statuses, 405)
        assert answer.status in expected, (method, token, answer.status)
        assert answer.getheader("Location") is None
        assert b"evil.example" not in page


@contextmanager
def connection(url: str) -> Iterator[http.client.HTTPConnection]:
    line = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        yield line
    finally:
        line.close()


@pytest.fixture
def line(url: str) -> Iterator[http.client.HTTPConnection]:
    """A connection that is kept."""
    with connection(url) as line:
        yield line


def test_every_route_stands_in_the_table(house: House) -> None:
    """Whoever adds a way in has it tried by everything here; and none is listed that is not there."""
    routes = {route.path: set(route.methods or ()) for route in house.app().routes if isinstance(route, Route)}
    assert len(routes) == len(house.app().routes), "only plain routes: no mounts, no files"
    assert routes == {way.route: set(way.methods) for way in WAYS}


def test_every_purpose_is_tried() -> None:
    """No kind of link is left out; where bounces come back to is an address of mail, and no link."""
    assert {way.purpose for way in SIGNED} == set(Purpose) - {Purpose.BOUNCE}


@each(*SIGNED)
def test_a_good_link_is_taken(house: House, url: str, way: Way) -> None:
    """What follows would prove nothing about links that never worked."""
    with house.counted() as asked:
        answer = httpx.get(url + way.path(house))
    assert (answer.status_code, bool(asked)) == (way.status, True)


@each(*SIGNED)
def test_what_is_altered_or_forged_writes_nothing_and_asks_nothing(
    house: House, line: http.client.HTTPConnection, way: Way
) -> None:
    """Each of them is a 404; the whole database is as it was, and was not asked a single thing."""
    before = house.dump()
    with house.counted() as asked:
        for token in (*altered(way.token(house)), *forged(house, way)):
            refused(line, way, token, (404,))
    assert asked == []
    assert house.dump() == before


@each(*SIGNED)
def test_what_has_expired_is_gone(house: House, line: http.client.HTTPConnection, way: Way) -> None:
    """Also where such a link has no end of its own; nothing is asked and nothing written."""
    number, item = way.numbers(house, way.who)
    assert way.purpose is not None
    before = house.dump()
    with house.counted() as asked:
        for days in (1, 30, 1000):
            until = NOW - timedelta(days=days)
            token = sign(house.workspace.ring, way.purpose, number, item, expires_at=until)
            refused(line, way, token, (410, 400) if way.purpose is Purpose.COURSE else (410,))
    assert asked == []
    assert house.dump() == before


@on_each_database
@each(*SIGNED)
def test_what_we_signed_for_what_is_not_there_is_nothing(
    house: House, line: http.client.HTTPConnection, way: Way
) -> None:
    """Mails, people and items that never were, or are gone: no page of anybody's, nothing written."""
    _, item = way.numbers(house, way.who)
    assert way.purpose is not None
    before = house.dump()
    for number, of in ((10**6, item), (2**62, item), (way.numbers(house, way.who)[0], 10**6)):
        token = sign(house.workspace.ring, way.purpose, number, of, expires_at=NOW + timedelta(days=1))
        if of == item or way.purpose in (Purpose.CLICK, Purpose.ANSWER, Purpose.CERTIFICATE, Purpose.SUBSCRIBE):
            # a pixel is a pixel also where whose it was has been erased: an old mail shows no broken picture
            refused(line, way, token, (200,) if way.purpose is Purpose.OPEN else (400, 404, 410))
    assert house.dump() == before


@each(*SIGNED)
def test_a_retired_key_verifies_and_a_removed_one_does_not(house: House, way: Way) -> None:
    """Rotation puts the new key first; once the old one is taken out, its links are nobody's."""
    old, new = house.workspace.ring.keys[0], Ring.of(["a newer secret"]).keys[0]
    token, kept = way.token(house), house.workspace.ring
    try:
        house.workspace.ring = Ring((new, old))
        with running(house.app()) as url:
            assert httpx.get(url + way.at(token)).status_code == way.status
        house.workspace.ring = Ring((new,))
        before = house.dump()
        with running(house.app()) as url, connection(url) as line, house.counted() as asked:
            refused(line, way, token, (404,))
        assert asked == []
        assert house.dump() == before
    finally:
        house.workspace.ring = kept


@on_each_database
@each(*(way for way in SIGNED if way.who == ANNA))
def test_a_link_shows_and_touches_its_own_person_alone(house: House, url: str, way: Way) -> None:
    """With Anna's link nobody sees another's address or name, and what is written is Anna's."""
    before = house.dump()
    page = httpx.get(url + way.path(house, ANNA))
    assert not re.search(r"bertil|beta\.example|gone@", page.text, re.IGNORECASE)
    assert page.text == httpx.get(url + way.path(house, ANNA)).text or "nonce" in page.text
    if way.purpose is not Purpose.SUBSCRIBE:
        theirs = httpx.get(url + way.path(house, OTHER))
        assert "anna" not in theirs.text.lower()
    after = house.dump()
    changed = {name for name in after if after[name] != before[name]}
    assert changed <= ({"evidence"} if way.evidence else set())


@each(*WAYS)
def test_no_other_method_does_anything(house: House, line: http.client.HTTPConnection, way: Way) -> None:
    """OPTIONS, TRACE, PUT and the like: a 405 that names what there is, and echoes nothing."""
    before = house.dump()
    for method in (
        "OPTIONS",
        "TRACE",
        "PUT",
        "DELETE",
        "PATCH",
        "PROPFIND",
        *(("POST",) if "POST" not in way.methods else ()),
    ):
        line.request(method, way.path(house), headers={"X-Echo": "echoed", "Origin": "https://evil.example"})
        answer = line.getresponse()
        assert answer.status == 405, method
        assert set((answer.getheader("Allow") or "").replace(" ", "").split(",")) == set(way.methods)
        assert b"echoed" not in answer.read()
        assert not [name for name, _ in answer.getheaders() if name.lower().startswith("access-control")]
    assert house.dump() == before


@each(*WAYS)
def test_a_head_has_no_body_and_does_no_more_than_a_get(house: House, url: str, way: Way) -> None:
    """Link checkers ask so: the same status, no byte, and of it no more than that somebody came."""
    before = house.dump()
    answer = httpx.head(url + way.path(house))
    assert (answer.status_code, answer.content) == (way.status, b"")
    after = house.dump()
    changed = {name for name in after if after[name] != before[name]}
    assert changed <= ({"evidence"} if way.evidence else set())
    if way.evidence:
        assert [event.method for event in house.workspace.evidence()][-1] == "HEAD"
