"""What colours a text has in the light and in the dark, as mail programs work them out."""

from __future__ import annotations

import pytest

from drip.check.rendered import read_mail
from drip.check.schemes import UNKNOWN, Schemes, Shade, colour
from drip.render.message import Template


def shades(body: str, css: str = "") -> dict[str, tuple[Shade, Shade]]:
    """Id → the light and the dark shade, for the elements of a mail that have one."""
    html = f"<html><head><style>{css}</style></head><body>{body}</body></html>"
    mail = read_mail(Template(revision="", step="", language="en", variant="", subject="", html=html, text=""))
    found = Schemes(mail.sheet).shades(mail.elements)
    return {one.get("id"): pair for one, pair in zip(mail.elements, found, strict=True) if one.get("id")}


DARK = "@media (prefers-color-scheme: dark) { %s }"


def test_colours_are_handed_down() -> None:
    """An element without a colour of its own has that of what it stands in, and stands on its ground."""
    found = shades('<div style="color:#111111;background:#EEEEEE"><p><b id="b">x</b></p></div><i id="i">y</i>')
    assert found["b"][0] == Shade("#111111", "#EEEEEE")
    assert found["i"][0] == Shade("#000000", "#FFFFFF")


def test_the_dark_scheme_goes_over_the_elements_styles() -> None:
    """Only with !important, and by tags and classes of what stands around too."""
    css = DARK % (
        ".card, .card h2 { background-color: #1E2124 !important; color: #ECEDEE !important; }"
        " .quiet { color: #111111; } .page .option a { color: #FFFFFF !important; }"
    )
    body = (
        '<div class="page"><div class="card" style="background-color:#F6F7F8;color:#1A1C1E"><h2 id="h">x</h2>'
        '<p class="quiet" style="color:#55595F" id="q">y</p></div>'
        '<p class="option"><a style="color:#000000" id="a">z</a></p></div><p class="option"><a id="lone">z</a></p>'
    )
    found = shades(body, css)
    assert found["h"] == (Shade("#1A1C1E", "#F6F7F8"), Shade("#ECEDEE", "#1E2124"))
    assert found["q"][1] == Shade("#55595F", "#1E2124")
    assert found["a"][1].ink == "#FFFFFF"
    assert found["lone"][1].ink == UNKNOWN  # the mail program's own colour for links


def test_a_longer_selector_weighs_more() -> None:
    """Whatever the order: two classes go over one, a class over a tag."""
    css = DARK % (
        ".a .b { color: #111111 !important; } .b { color: #222222 !important; } p { color: #333333 !important; }"
    )
    found = shades('<div class="a"><p class="b" id="x">x</p></div><p id="y">y</p>', css)
    assert found["x"][1].ink == "#111111"
    assert found["y"][1].ink == "#333333"


def test_other_media_and_selectors_are_left_alone() -> None:
    """What is for print, for wide screens or for hover says nothing of the dark scheme."""
    css = "@media print { p { color: #111111 !important; } }" + DARK % "a:hover { color: #222222 !important; }"
    assert not Schemes(css).has_dark
    assert Schemes(DARK % "p { color: #222222 !important; }").has_dark


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("#0a5", "#00AA55"),
        ("#0F6B5C !important", "#0F6B5C"),
        ("rgb(255, 0, 16)", "#FF0010"),
        ("rgba(0,0,0,0.5)", "#808080"),
        ("rgb(0 0 0 / 50%)", "#808080"),
        ("white", "#FFFFFF"),
        ("transparent", "#FFFFFF"),
        ("url(x.png) #ffffff", UNKNOWN),
        ("linear-gradient(#000, #fff)", UNKNOWN),
        ("var(--accent)", UNKNOWN),
        ("none", UNKNOWN),
    ],
)
def test_colours_of_css(text: str, found: str) -> None:
    """As people write them, over a white ground; what cannot be worked out has none and is not judged."""
    assert colour(text, "#FFFFFF") == found


def test_a_veil_over_an_unknown_ground_is_unknown() -> None:
    """Half of a colour over a picture may look like anything."""
    assert colour("rgba(0,0,0,0.5)", UNKNOWN) == UNKNOWN
