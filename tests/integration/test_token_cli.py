"""`drip token`: made once and shown once, listed without what opens anything, ended by name or number."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest
from api_house import ApiHouse, make_folder

from drip.engine.tokens import SCOPES, checksum, fresh, is_whole


@pytest.fixture
def house(tmp_path: Path) -> ApiHouse:
    """A workspace without a token."""
    return make_folder(tmp_path)


def test_a_token_from_its_making_to_its_end(house: ApiHouse) -> None:
    """It is printed once; the list, the database and the end of it show nothing that opens."""
    assert "drip token new crm" in house.drip("token", "list").stdout
    said = house.drip("token", "new", "crm", "--expires", "90d").stdout
    token = said.splitlines()[0]
    assert is_whole(token)
    listed = house.drip("token", "list").stdout
    assert token[5:20] not in listed
    (row,) = house.json("token", "list")
    assert (row["name"], row["good"], row["last_used_at"]) == ("crm", True, None)
    assert set(row["scopes"]) == set(SCOPES) - {"learners:erase"}
    assert row["expires_at"] > row["created_at"]
    conn = sqlite3.connect(house.folder / "drip.db")
    assert token[5:20] not in str(conn.execute("SELECT * FROM api_token").fetchall())
    conn.close()
    assert "opens nothing any more" in house.drip("token", "revoke", "crm").stdout
    assert "revoked" in house.drip("token", "list").stdout
    house.drip("token", "revoke", "1")


def test_two_of_one_name_are_told_apart_by_number(house: ApiHouse) -> None:
    """As when one takes the place of another."""
    house.new_token("crm")
    house.new_token("crm")
    unclear = house.drip("token", "revoke", "crm", ok=False)
    assert (unclear.returncode, "1 or 2" in unclear.stderr) == (1, True)
    house.drip("token", "revoke", "1")
    house.drip("token", "revoke", "crm")
    assert [one["good"] for one in house.json("token", "list")] == [False, False]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("new", "crm", "--scopes", "learners:raed"), 1, "did you mean learners:read?"),
        (("new", "crm", "--scopes", ","), 1, "opens nothing"),
        (("new", "a\nb"), 1, "a name begins"),
        (("new", ""), 1, "a name begins"),
        (("new", "crm", "--expires", "soon"), 2, "90d"),
        (("new", "crm", "--expires", "0 days"), 1, "at least a moment"),
        (("new", "crm", "--expires", "5000d"), 2, "90d"),
        (("revoke", "nobody"), 1, "drip token list"),
    ],
)
def test_what_is_wrong_is_said(house: ApiHouse, words: tuple[str, ...], code: int, said: str) -> None:
    """In words, with what to write; no token is made."""
    done = house.drip("token", *words, ok=False)
    assert (done.returncode, said in done.stderr, done.stdout) == (code, True, ""), done.stderr
    assert house.json("token", "list") == []


def test_tokens_are_of_chance_and_known_by_their_shape() -> None:
    """A thousand differ; one letter changed is no token any more."""
    made = {fresh() for _ in range(1000)}
    assert len(made) == 1000
    for token in list(made)[:50]:
        assert re.fullmatch(r"drip_[0-9A-Za-z]{38}", token)
        assert checksum(token[5:37]) == token[37:]
        assert not is_whole(token[:10] + ("a" if token[10] != "a" else "b") + token[11:])
        assert not is_whole(token + "\n")
        assert not is_whole(token.upper())
