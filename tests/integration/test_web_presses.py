"""Presses that nobody made: forms without the page's mark, with another page's, from another site, and sent twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from ways import ANNA, FORMS, GONE, OTHER, House, Way, hidden, make_house, name_of
from web_workspace import NOW

from drip.track.token import Ring
from drip.web import nonce, stamp
from drip.web.serve import running

#: What a browser says of a form that stands on somebody else's page (Fetch Metadata; RFC 6454).
ELSEWHERE: tuple[dict[str, str], ...] = (
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
    {"Sec-Fetch-Site": "same-site", "Origin": "https://evil.acme.example"},
)
CASES = [(way, press) for way in FORMS for press in range(len(way.presses))]
IDS = [f"{name_of(way)}-{press}" for way, press in CASES]
each_press = pytest.mark.parametrize(("way", "number"), CASES, ids=IDS)
MARKED = [(way, press) for way, press in CASES if way.nonce]
each_marked = pytest.mark.parametrize(("way", "number"), MARKED, ids=[f"{name_of(way)}-{n}" for way, n in MARKED])


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> House:
    """One house for all that changes nothing."""
    return make_house(tmp_path_factory.mktemp("kept"))


@pytest.fixture(scope="module")
def stranger(kept: House) -> Iterator[httpx.Client]:
    with running(kept.app()) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield client


@pytest.fixture
def house(tmp_path: Path, each_database: str) -> House:
    return make_house(tmp_path)


@pytest.fixture
def client(house: House) -> Iterator[httpx.Client]:
    with running(house.app()) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield client


def form_of(client: httpx.Client, house: House, way: Way, number: int, who: str = "") -> dict[str, str]:
    """What a person's browser would send a few seconds after the page was shown."""
    fields = hidden(client.get(way.path(house, who)).text)
    if way.nonce == "stamp":
        fields["stamp"] = stamp.make(house.workspace.ring, "first-report", NOW - stamp.LEAST)
    return {**fields, **way.presses[number]}


@contextmanager
def nothing_changes(house: House) -> Iterator[None]:
    before = house.dump()
    yield
    assert house.dump() == before


def other_marks(client: httpx.Client, house: House, way: Way) -> Iterator[str]:
    """Marks that were made, but not for this page of this person; and some that nobody made.

    The rooms of *my course* are reached by one link, and share its marks.
    """
    mark = way.nonce
    for other in FORMS:
        if other.purpose is not way.purpose and other.nonce:
            yield form_of(client, house, other, 0).get(other.nonce, "")
    if way.purpose is not None:
        yield form_of(client, house, way, 0, OTHER)[mark]
    stranger, path = Ring.of(["another secret"]), way.path(house).rpartition("/")[2]
    yield nonce.make(stranger, path)
    yield stamp.make(stranger, "first-report", NOW - stamp.LEAST)
    yield stamp.make(house.workspace.ring, "another-course", NOW - stamp.LEAST)
    good = form_of(client, house, way, 0)[mark]
    yield from (good[:-1], good[1:], good.swapcase(), good + "A", good.replace(".", ""), good.partition(".")[0] + ".")
    yield from ("." + good.partition(".")[2], "", ".", "é" * 20, "\0", "x" * 5000, "%00", "undefined")


@each_press
def test_a_press_on_the_page_itself_is_taken(client: httpx.Client, house: House, way: Way, number: int) -> None:
    """What follows would prove nothing about forms that never worked."""
    form = form_of(client, house, way, number)
    before = house.dump()
    own = {"Sec-Fetch-Site": "same-origin", "Origin": "null"}
    assert client.post(way.path(house), data=form, headers=own).status_code == 200
    assert house.dump() != before


@each_marked
def test_without_the_mark_of_the_page_nothing_happens(
    stranger: httpx.Client, kept: House, way: Way, number: int
) -> None:
    """No mark, another page's, another person's, a stranger's, an altered one, one twice: nothing is written."""
    form = form_of(stranger, kept, way, number)
    marks = list(other_marks(stranger, kept, way))
    with nothing_changes(kept):
        without = {name: value for name, value in form.items() if name != way.nonce}
        answers = [stranger.post(way.path(kept), data=without)]
        answers += [stranger.post(way.path(kept), data={**without, way.nonce: mark}) for mark in marks]
        twice: Any = {**without, way.nonce: [form[way.nonce], form[way.nonce]]}
        answers.append(stranger.post(way.path(kept), data=twice))
    for answer in answers:
        again = way.nonce == "stamp" and answer.status_code == 200 and "<form" in answer.text
        assert again or 400 <= answer.status_code < 500
        assert "location" not in answer.headers


@each_press
def test_a_form_on_another_site_presses_nothing(stranger: httpx.Client, kept: House, way: Way, number: int) -> None:
    """Whatever it holds, even a mark that is good: the browser says where it comes from."""
    form = form_of(stranger, kept, way, number)
    with nothing_changes(kept):
        for said in ELSEWHERE:
            answer = stranger.post(way.path(kept), data=form, headers=said)
            assert answer.status_code == 403 or (way.nonce == "stamp" and "<form" in answer.text)
            assert not [name for name in answer.headers if name.startswith("access-control")]
        for odd in ("http://[", "://", "a" * 500, "file://", "https://evil.example\\@learn.acme.example"):
            answer = stranger.post(way.path(kept), data={}, headers={"Origin": odd})
            assert answer.status_code < 500


@each_press
def test_a_get_presses_nothing_whatever_it_says(stranger: httpx.Client, kept: House, way: Way, number: int) -> None:
    """The whole form in the address, or in a GET's body: a page is shown, and at most the visit is written."""
    form = form_of(stranger, kept, way, number)
    before = kept.dump()
    stranger.get(way.path(kept), params={**form, "List-Unsubscribe": "One-Click"})
    stranger.request("GET", way.path(kept), data=form)
    stranger.head(way.path(kept), params=form)
    after = kept.dump()
    assert {name for name in after if after[name] != before[name]} <= ({"evidence"} if way.evidence else set())
    kinds = [event.kind for event in kept.workspace.evidence()][len(before["evidence"]) :]
    assert {str(kind) for kind in kinds} <= {way.evidence}


@each_press
def test_what_is_no_form_is_refused(stranger: httpx.Client, kept: House, way: Way, number: int) -> None:
    """JSON, text, files, a body packed or in another charset, a field twice, a hundred fields, 17 KB: a 4xx, no change.

    A page of another site can send text and files without asking; it gets nowhere with either.
    """
    form = form_of(stranger, kept, way, number)
    plain = "&".join(f"{name}={value}" for name, value in form.items())
    urlencoded = {"Content-Type": "application/x-www-form-urlencoded"}
    with nothing_changes(kept):
        answers = [
            stranger.post(way.path(kept), json=form),
            stranger.post(way.path(kept), content=plain, headers={"Content-Type": "text/plain"}),
            stranger.post(way.path(kept), content=plain),
            stranger.post(way.path(kept), content=plain, headers={**urlencoded, "Content-Encoding": "gzip"}),
            stranger.post(way.path(kept), content=plain, headers={"Content-Type": "text/html; charset=utf-7"}),
            stranger.post(
                way.path(kept), content=plain, headers={"Content-Type": urlencoded["Content-Type"] + "; charset=utf-7"}
            ),
            stranger.post(way.path(kept), files={"leave": ("a.txt", b"everything")}, data=form),
            stranger.post(way.path(kept), data={**form, **{f"field{n}": "x" for n in range(100)}}),
            stranger.post(way.path(kept), data={**form, "more": "x" * 17_000}),
            stranger.post(way.path(kept), content=b"\xff\xfe=\x00&" + plain.encode(), headers=urlencoded),
            stranger.post(way.path(kept), content=b"%ff=%fe&" + plain.encode(), headers=urlencoded),
            stranger.post(way.path(kept), content=b"", headers=urlencoded),
        ]
    if way.nonce == "stamp":  # an empty form is shown once more
        assert "<form" in answers.pop().text
    assert [answer.status_code for answer in answers if not 400 <= answer.status_code < 500] == []


@each_press
def test_the_same_press_twice_is_one(client: httpx.Client, house: House, way: Way, number: int) -> None:
    """A form that is sent again, by a finger, a reload or a thief of the request, writes nothing more."""
    form = form_of(client, house, way, number)
    client.post(way.path(house), data=form)
    with nothing_changes(house):
        for _ in range(3):
            assert client.post(way.path(house), data=form).status_code < 500


def test_a_provider_alone_presses_without_a_page(client: httpx.Client, house: House) -> None:
    """RFC 8058's POST, exactly as it is written there, leaves; at no other place does it do anything."""
    one_click = {"List-Unsubscribe": "One-Click"}
    for way in FORMS:
        if name_of(way) != "u":
            with nothing_changes(house):
                client.post(way.path(house), data=one_click)
    leave = next(way for way in FORMS if name_of(way) == "u").path(house)
    with nothing_changes(house):
        for wrong in ({"list-unsubscribe": "One-Click"}, {"List-Unsubscribe": "one-click"}, {"List-Unsubscribe": ""}):
            assert client.post(leave, data=wrong).status_code == 400
    assert client.post(leave, data=one_click).status_code == 200
    assert house.workspace.suppressions() == 2


def test_one_persons_press_moves_nobody_else(client: httpx.Client, house: House) -> None:
    """Anna answers and leaves: of the others, not one row has changed."""

    def of_others() -> list[Any]:
        rows = house.dump()
        numbers = {house.deliveries[who] for who in (OTHER, GONE)} | {house.enrolments[who] for who in (OTHER, GONE)}
        return [row for name in ("delivery", "enrolment") for row in rows[name] if row[0] in numbers]

    before = of_others()
    for way in FORMS:
        if way.who == ANNA and way.purpose is not None:
            client.post(way.path(house), data=form_of(client, house, way, 0))
    assert of_others() == before
