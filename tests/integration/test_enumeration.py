"""Nobody finds out who is here: what strangers are told is the same for those who are known and those who are not."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from states import form_of, way
from ways import ANNA, GONE, OTHER, House, hidden, make_house

import drip
from drip.store.tables import learner
from drip.web.serve import running

#: What differs from one showing of a page to the next, for everybody.
CHANCE = re.compile(r'(nonce|stamp)="?[^"\s>]*"?|name="(nonce|stamp)" value="[^"]*"')


@pytest.fixture
def house(tmp_path: Path) -> House:
    return make_house(tmp_path)


@pytest.fixture
def client(house: House) -> Iterator[httpx.Client]:
    with running(house.app()) as url, httpx.Client(base_url=url, timeout=60) as client:
        yield client


def told(answer: httpx.Response) -> tuple[int, list[str], str]:
    """An answer without what chance put into it."""
    headers = sorted(name for name in answer.headers)
    return answer.status_code, headers, CHANCE.sub("", answer.text)


def test_the_subscribe_form_says_the_same_to_all(client: httpx.Client, house: House) -> None:
    """A learner, somebody who has left, somebody new, and one who asks twice: one page, one status."""
    form = form_of(client, house, way("subscribe"))
    addresses = ["anna.berg@acme.example", "gone@beta.example", "new@customer.example", "new@customer.example"]
    answers = set()
    for address in addresses:
        marks = form_of(client, house, way("subscribe"))
        answer = client.post("/subscribe/first-report", data={**form, **marks, "email": address})
        status, headers, page = told(answer)
        name, _, host = address.partition("@")
        answers.add((status, str(headers), page.replace(f"{name[0]}•••@{host}", "…")))
    assert len(answers) == 1


def test_a_fresh_link_says_the_same_to_all(client: httpx.Client, house: House) -> None:
    """Somebody who learns, somebody who has left, a mail that never was, and a second press within the hour."""
    old = replace(way("my"), days=-3)
    answers = []
    for number in (house.deliveries[ANNA], house.deliveries[ANNA], house.deliveries[GONE], 10**6):
        path = replace(old, numbers=lambda _house, _who, number=number: (number, 0)).path(house)  # type: ignore[misc]
        answers.append(told(client.post(path, data={**hidden(client.get(path).text), "do": "fresh"})))
    assert len({str(answer) for answer in answers}) == 1
    assert answers[0][0] == 200


def test_one_click_says_the_same_to_all(client: httpx.Client, house: House) -> None:
    """The first press, the second, and that of somebody who has left long ago."""
    one_click, leave = {"List-Unsubscribe": "One-Click"}, way("u")
    answers = [client.post(leave.path(house, who), data=one_click) for who in (OTHER, OTHER, GONE)]
    assert len({str(told(answer)) for answer in answers}) == 1


def test_pages_show_no_address_whole(client: httpx.Client, house: House) -> None:
    """A mail is forwarded: whoever opens its links sees a letter and the host, not who it was."""
    with house.workspace.store.read() as conn:
        known = list(conn.execute(learner.select()).mappings())
    assert known
    for one in (way("a"), way("u"), way("my"), way("my-leave"), way("my-zone"), way("s")):
        page = client.get(one.path(house)).text
        assert [row["email"] for row in known if row["email"] in page] == []
        assert "asks-anna@" not in page


def test_no_mac_is_compared_in_a_way_that_takes_longer_the_more_of_it_is_right() -> None:
    """A reading test: wherever a code is made to be compared, it is `hmac.compare_digest` that compares it."""
    package = Path(drip.__file__).parent
    comparing = {"track/token.py", "web/nonce.py", "web/stamp.py"}
    for path in package.rglob("*.py"):
        source = path.read_text("utf-8")
        name = path.relative_to(package).as_posix()
        if name in comparing:
            assert "compare_digest" in source, name
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Compare) and any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops):
                words = ast.unparse(node)
                assert not re.search(r"\b_?mac\(|hmac\.|\bmac\b|\bdigest\(", words), f"{name}: {words}"
