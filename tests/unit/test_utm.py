"""UTM parameters stand behind what the author wrote, and never in its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drip.render.utm import with_utm

UTM = {"source": "drip", "medium": "email", "campaign": "{course}"}
NAMES = {"course": "first-report", "step": "welcome", "variant": "default"}
ALL = "utm_source=drip&utm_medium=email&utm_campaign=first-report"


@pytest.mark.parametrize(
    ("address", "tagged"),
    [
        ("https://acme.example", f"https://acme.example?{ALL}"),
        ("https://acme.example/a?b=1", f"https://acme.example/a?b=1&{ALL}"),
        ("https://acme.example/a?", f"https://acme.example/a?{ALL}"),
        ("https://acme.example/a#part", f"https://acme.example/a?{ALL}#part"),
        ("https://acme.example/a?b=1#/route?c=2", f"https://acme.example/a?b=1&{ALL}#/route?c=2"),
        ("https://acme.example/?utm_source=mine", "https://acme.example/?utm_source=mine&" + ALL.partition("&")[2]),
        ("https://acme.example/?UTM_Source=", "https://acme.example/?UTM_Source=&" + ALL.partition("&")[2]),
        ("https://acme.example/?q=%C3%A5+b%26", f"https://acme.example/?q=%C3%A5+b%26&{ALL}"),
        (f"https://acme.example/?{ALL}", f"https://acme.example/?{ALL}"),
        ("mailto:help@acme.example?subject=Hi", "mailto:help@acme.example?subject=Hi"),
        ("tel:+4681234", "tel:+4681234"),
    ],
)
def test_parameters_go_behind_the_query(address: str, tagged: str) -> None:
    """The author's own win, the fragment stays at the end, and only web pages get any."""
    assert with_utm(address, UTM, NAMES) == tagged


def test_values_are_quoted() -> None:
    """Nothing in a setting or a name can add a parameter or lead elsewhere."""
    found = with_utm("https://acme.example/", {"term": "å & {variant}", "content": "#?/"}, {"variant": "a=b&c"})
    assert found == "https://acme.example/?utm_term=%C3%A5%20%26%20a%3Db%26c&utm_content=%23%3F%2F"


@given(st.from_regex(r"https://[a-z]{1,8}\.example(/[a-z%2F]*)?(\?[a-z0-9=&;%26+]*)?(#[a-z?=&/]*)?", fullmatch=True))
def test_place_query_and_fragment_stay(address: str) -> None:
    """Whatever stands there: what was before the fragment is a prefix, and the fragment is the end."""
    before, hash_, fragment = address.partition("#")
    found = with_utm(address, UTM, NAMES)
    assert found.startswith(before.rstrip("&?")) or found == address
    assert not hash_ or not fragment or found.endswith(hash_ + fragment)
