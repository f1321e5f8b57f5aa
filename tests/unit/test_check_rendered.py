"""What the rules on rendered mails see, and what they take for good."""

from __future__ import annotations

import pytest
from rule_samples import BASE, FOLDER, advice_on

from drip.check.rendered import SIGNED, read_mail, seen
from drip.check.support import FEATURES, in_css
from drip.render.message import Template

SHORT = (FOLDER / "short.yaml").read_text("utf-8")
LAYOUT = BASE["layout"]


def rules(text: str, layout: str = LAYOUT) -> list[str]:
    return [mistake.rule for mistake in advice_on(text, layout=layout)]


def template(html: str, text: str = "") -> Template:
    return Template(revision="", step="a", language="en", variant="v", subject="", html=html, text=text)


def test_a_mail_is_filled_with_samples() -> None:
    """Every branch is seen, a default is used, drip's own addresses are marked, and a literal brace is one."""
    html = (
        '<p>{% if learner.x < "b" %}<b>one</b>{% else %}<i>two</i>{% endif %}</p>'
        """<a href="{{ link_0 }}">Hi {{ learner.first_name | default("you") }} {{ learner.x }} {{ '{' }}{</a>"""
        '{% if pixel_url %}<img src="{{ pixel_url }}" alt="">{% endif %}'
    )
    mail = read_mail(template(html))
    assert [one.tag for one in mail.elements] == ["p", "b", "i", "a"]
    assert mail.elements[3].get("href") == "drip:link_0"
    assert seen(mail.elements[3].words) == "Hi you Name {{"
    assert mail.bytes == len('<p><b>one</b><i>two</i></p><a href="drip:link_0">Hi you Name {{</a>') + SIGNED


def test_elements_know_what_they_stand_in() -> None:
    """Comments and style sheets are no elements; void and crossed tags do not bring the rest into disorder."""
    html = (
        "<div><!-- <p> --><style>p > b {}</style><br><img src=\"x\"><p>a<b>c</p></b><i style='color:red'>&lt;</i></div>"
    )
    elements = {one.tag: one for one in read_mail(template(html.replace("'", '"'))).elements}
    assert elements["i"].parent is elements["div"]
    assert elements["b"].parent is elements["p"]
    assert elements["i"].style == {"color": "red"}
    assert seen(elements["i"].text) == "<"


def test_unseen_signs_are_no_words() -> None:
    """What fills up a preheader cannot be seen."""
    assert seen("Hello &#847;&zwnj;&#160; \u200c\u00ad world") == "Hello world"


def test_a_picture_may_decorate_a_link_that_has_words() -> None:
    """An empty alt is right beside words that say the same; without words, or without an alt, it is not."""
    link = '<a style="color:#000000" href="{{ unsubscribe.url }}"><img src="https://a.example/x.png"%s />%s</a>'
    words = f"<mj-text>{link}</mj-text>"
    at = '        <mj-spacer height="8px" />\n'
    assert "no-alt" not in rules(SHORT, LAYOUT.replace(at, words % (' alt=""', "Leave")))
    assert "no-alt" in rules(SHORT, LAYOUT.replace(at, words % (' alt=""', "")))
    assert "no-alt" in rules(SHORT, LAYOUT.replace(at, words % ("", "Leave")))


def test_a_finding_of_the_layout_is_told_once() -> None:
    """Not once a mail; its place is the layout's, also where no words of it can be found there."""
    found = advice_on(BASE["course"], layout=LAYOUT.replace('role="presentation" ', ""))
    assert [(one.rule, one.file) for one in found] == [("table-role", "templates/tip.mjml")]
    line = LAYOUT.splitlines()[found[0].line - 1]
    assert "<table" in line


def test_a_colour_of_the_layout_is_found_in_it() -> None:
    """With its line; each pair is told once a scheme."""
    found = advice_on(SHORT, layout=LAYOUT.replace('color="#1A1C1E"', 'color="#999999"'))
    assert {(one.rule, one.message) for one in found} == {
        ("low-contrast", "#999999 on #FFFFFF has a contrast of 2.8 in the light scheme")
    }
    assert "#999999" in found[0].excerpt


@pytest.mark.parametrize(
    ("padding", "found"), [("12px 24px", []), ("10px 24px", []), ("9px 24px", ["small-target"]), ("1em", [])]
)
def test_a_thumb_needs_44_pixels(padding: str, found: list[str]) -> None:
    """Line height and padding together; what is not in pixels cannot be told and is left in peace."""
    button = "    button: {text: Go, url: https://acme.example/}\n"
    assert rules(SHORT + button, LAYOUT.replace("12px 24px", padding)) == found


def test_a_border_is_pressed_too() -> None:
    """It belongs to what the thumb meets."""
    option = "display:block;padding:12px;color:#1A1C1E;line-height:%s"
    bordered = LAYOUT.replace(option % "24px", option % "18px;border:1px solid #767676")
    assert "small-target" not in rules(BASE["course"], bordered)
    assert "small-target" in rules(BASE["course"], bordered.replace("1px solid", "0 solid"))


def test_headings_may_go_up_any_number_of_levels() -> None:
    """Down by one only: ### under ## and then ## again is right."""
    assert "heading-order" not in rules(
        BASE["course"].replace("      It says what", "      ### So\n\n      It says what")
    )
    body = SHORT.replace("body: A chart", "body: |\n      ## One\n\n      ### Two\n\n      ## Three\n\n      A chart")
    assert rules(body) == []
    assert rules(body.replace("### Two", "##### Two")) == ["heading-order"]


def test_two_links_may_lead_to_one_place() -> None:
    """The same words twice are fine where the target is the same."""
    twice = SHORT.replace("Open your views", "[The views](https://a.example/x) and [the views](https://a.example/%s)")
    assert rules(twice % "x") == []
    assert rules(twice % "y") == ["same-link-text"]


@pytest.mark.parametrize(
    ("css", "names"),
    [
        ("display: flex", []),
        ("background-position: 0 0; border-radius: 8px", []),
        ("position: absolute", ["position"]),
        ("width: calc(100% - 8px)", ["calc()"]),
        ("color: var(--x)", ["CSS variables"]),
        ("@media (min-width: 480px) { p { display: grid } }", []),
        ("@supports (display: grid) { p { display: grid } } a { min-width: 1px }", []),
    ],
)
def test_features_that_programs_drop(css: str, names: list[str]) -> None:
    """Only those that content or layout hang on, and none that stands in a media query."""
    assert [feature.name for feature, _ in in_css(css)] == names


def test_the_table_of_features_says_who_drops_them() -> None:
    """Nothing stands in it that everybody shows."""
    assert all(feature.dropped_by for feature in FEATURES)
    assert len({(feature.kind, feature.pattern) for feature in FEATURES}) == len(FEATURES)


def test_an_svg_picture_is_shown_where_it_stands() -> None:
    """Its place is the body's link to it."""
    text = SHORT.replace("Open your views", "![A chart](https://a.example/chart.svg) Open your views")
    (found,) = advice_on(text)
    assert (found.rule, found.excerpt[found.column - 1 :][: found.width]) == ("dropped-feature", ".svg")
    assert "Gmail" in found.message
