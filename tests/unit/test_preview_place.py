"""The address of a preview says where somebody is, and what no page of ours would write does no harm."""

from __future__ import annotations

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drip.web.preview_place import VIEWS, Place, read_place

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
places = st.builds(
    Place,
    step=texts,
    at=st.integers(0, 2000),
    view=st.sampled_from(VIEWS),
    dark=st.booleans(),
    images=st.booleans(),
    riders=st.booleans(),
    language=texts.map(lambda text: text or None),
    variant=texts.map(lambda text: text or None),
    learner=texts.map(lambda text: text or None),
    said=st.dictionaries(texts.filter(bool), texts, max_size=4),
)


@given(places)
def test_a_place_survives_its_address(place: Place) -> None:
    """What a link says is read back as it was."""
    assert read_place(parse_qsl(place.link().partition("?")[2], keep_blank_values=True)) == place


def test_what_goes_without_saying_is_left_out() -> None:
    """The address of the first page is bare; one change is one word."""
    assert Place().link() == "/"
    assert Place().link(dark=True) == "/?dark=on"
    assert Place(step="a b", view="text").link("/mail", stamp="7") == "/mail?step=a+b&view=text&stamp=7"


@pytest.mark.parametrize(
    "said",
    [
        [("view", "../../secret")],
        [("at", "-1")],
        [("at", "9" * 50)],
        [("at", "²")],
        [("dark", "perhaps")],
        [("step", "x" * 5000)],
        [("a.", "x")] * 1000,
    ],
)
def test_odd_addresses_lead_to_the_beginning(said: list[tuple[str, str]]) -> None:
    """An unknown word, a number that is none, and anything endless are passed over."""
    place = read_place(said)
    assert (place.step, place.at, place.view, place.dark) == ("", 0, "phone", False)


def test_what_was_said_of_one_learner_is_not_said_of_the_next() -> None:
    """A form that changes the learner brings the attributes of the one before along; they are dropped."""
    said = [("was", "ada@a.example"), ("a.plan", "pro")]
    assert read_place([*said, ("learner", "ada@a.example")]).said == {"plan": "pro"}
    assert read_place([*said, ("learner", "bo@a.example")]).said == {}
