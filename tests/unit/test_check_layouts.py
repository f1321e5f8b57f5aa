"""Which tags and attributes a layout may use, and where; the engine itself would take anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from mjml import mjml2html
from rule_samples import BASE, FOLDER

from drip.check import advise
from drip.check.mjml import ATTRIBUTES, FREE, INSIDE
from drip.course.parse import parse
from drip.errors import Mistake
from drip.plan.compile import compile_plan

ROOT = Path(__file__).parents[2]


def found(layout: str) -> list[Mistake]:
    """What the rules on layouts say of one, whether or not it could be filled."""
    course = parse("campaigns/short.yaml", (FOLDER / "short.yaml").read_bytes())
    return [one for one in advise(course, compile_plan(course, layout=layout), (), layout) if one.file.endswith("mjml")]


def body(inside: str) -> str:
    return f"<mjml><mj-body>\n{inside}\n</mj-body></mjml>"


def column(inside: str) -> str:
    return body(f"<mj-section><mj-column>\n{inside}\n</mj-column></mj-section>")


@pytest.mark.parametrize("layout", sorted((ROOT / "templates").glob("*.mjml")), ids=lambda path: path.stem)
def test_our_own_layouts_are_left_in_peace(layout: Path) -> None:
    """Those that ship with drip use nothing that MJML does not know."""
    assert found(layout.read_text(encoding="utf-8")) == []


def test_a_wrong_tag_has_its_line_column_and_the_nearest_right_one() -> None:
    """In every branch of the layout's conditions, as it is written."""
    (one,) = found(column('{% if title %}\n<mj-txt color="{{ accent }}">{{ title }}</mj-txt>{% endif %}'))
    assert (one.rule, one.severity, one.line, one.column, one.width) == ("unknown-tag", "error", 4, 2, 6)
    assert one.hint.splitlines()[1] == "did you mean <mj-text>?"


@pytest.mark.parametrize(
    ("tag", "rule"),
    [
        ('<mj-text colour="#000000">x</mj-text>', "unknown-attribute"),
        ('<mj-text css-class="a" mj-class="b">x</mj-text>', None),
        ('<mj-text><a href="x" colour="y">x</a></mj-text>', None),
        ('<mj-image src="x" alt="x" />', None),
        ('<mj-image source="x" alt="x" />', "unknown-attribute"),
        ("<mj-raw><mj-text>x</mj-text></mj-raw>", "misplaced-tag"),
        ("<mj-raw><table><tr><td>x</td></tr></table></mj-raw>", None),
        ("<mj-section><mj-column></mj-column></mj-section>", "misplaced-tag"),
        ("<p>x</p>", "misplaced-tag"),
        ("x", "misplaced-tag"),
        ("{{ body }}", None),
        ("<!-- x -->", None),
        ("<mj-social><mj-social-element name='x' /></mj-social>", None),
        ("<mj-social-element name='x' />", "misplaced-tag"),
        ('<mj-text\n  color="#000000"\n  weight="700">x</mj-text>', "unknown-attribute"),
        ('<mj-text {% if title %}color="#000000"{% endif %}>{{ title }}</mj-text>', None),
        ("<mj-text>{% for x in options %}<b>{{ x.text }}</b>{% endfor %}</mj-text>", None),
    ],
)
def test_what_may_stand_in_a_column(tag: str, rule: str | None) -> None:
    """HTML stands in texts only, and there anything goes but MJML's own tags."""
    assert [one.rule for one in found(column(tag))] == ([rule] if rule else [])


@pytest.mark.parametrize(
    ("inside", "found_in_it"),
    [
        ("<mj-text>x</mj-text>", ["misplaced-tag"]),
        ("Hello", ["misplaced-tag"]),
        ("<mj-column />", ["misplaced-tag"]),
        ("<mj-wrapper><mj-section><mj-group><mj-column /></mj-group></mj-section></mj-wrapper>", []),
        ("<mj-hero><mj-text>x</mj-text></mj-hero>", []),
        ("<mj-hero><mj-section /></mj-hero>", ["misplaced-tag"]),
    ],
)
def test_what_may_stand_in_a_body(inside: str, found_in_it: list[str]) -> None:
    """Sections, wrappers and heroes."""
    assert [one.rule for one in found(body(inside))] == found_in_it


def test_defaults_are_attributes_too() -> None:
    """`mj-all` and `mj-class` take those of any tag; a tag's own defaults are those that it has."""
    head = "<mjml><mj-head><mj-attributes>\n%s\n</mj-attributes></mj-head><mj-body /></mjml>"
    assert found(head % '<mj-all font-family="x" /><mj-class name="a" color="x" /><mj-text color="x" />') == []
    assert [one.rule for one in found(head % '<mj-all font="x" />')] == ["unknown-attribute"]
    assert [one.rule for one in found(head % '<mj-text colour="x" />')] == ["unknown-attribute"]
    assert [one.rule for one in found('<mjml><mj-body><mj-all color="x" /></mj-body></mjml>')] == ["misplaced-tag"]


@pytest.mark.parametrize(
    "layout",
    [
        "",
        "<",
        "<mjml",
        "</mj-text></mjml>",
        "<mjml><mj-body><mj-text>",
        "{% if",
        "<mjml>" * 2000,
        "<mj-text " + "a=" * 9000,
    ],
)
def test_a_broken_layout_breaks_nothing(layout: str) -> None:
    """What is wrong with it is said where it is filled; here nothing is raised."""
    found(layout)


def test_the_tables_agree_with_each_other() -> None:
    """Whatever may stand somewhere has attributes of its own, and nothing holds both tags and text."""
    assert {name for names in INSIDE.values() for name in names} <= set(ATTRIBUTES)
    assert not FREE & set(INSIDE)


def test_the_engine_takes_what_we_do_not() -> None:
    """The reason for these rules: it says nothing of a tag, an attribute and a text that no mail will show."""
    html = mjml2html(column('<mj-foo>lost</mj-foo><mj-text colour="#123456">kept</mj-text>'))
    assert "kept" in html
    assert "#123456" not in html


def test_the_good_layout_is_good() -> None:
    """What the pairs of samples begin from."""
    assert found(BASE["layout"]) == []
