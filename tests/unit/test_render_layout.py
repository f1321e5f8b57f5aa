"""A layout is MJML that a brand may edit: what it is given, and what happens when it is wrong."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from render_samples import LAYOUT, QUESTION, Reader, compiled, message, plan_of, tip

from drip.errors import CourseError, SettingsError, UserError
from drip.plan.model import Button, Option, Question, Sender
from drip.render.colour import READABLE, contrast, readable, text_on
from drip.render.layout import Brand

COLOUR = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06X}")
SMALL = """<mjml lang="{{ language }}">
  <mj-body><mj-section><mj-column>
    {% if title %}
    <mj-text><h1>{{ title }}</h1></mj-text>
    {% endif %}
    <mj-text>{{ body }}</mj-text>
    <mj-text><a href="{{ unsubscribe.url }}">{{ unsubscribe.text }}</a></mj-text>
  </mj-column></mj-section></mj-body>
</mjml>
"""


def test_a_layout_can_be_small() -> None:
    """Body and a way out are all that a layout must use."""
    html = compiled(tip(), layout=SMALL).html
    assert "<em>saved view</em>" in html
    assert "{{ unsubscribe_url }}" in html


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("</h1></mj-text>", "</h1>", 8, "mismatched tag"),
        ("<h1>", "<h1", 4, "not well-formed"),
        ("{{ body }}", "{{ bodi }}", 6, "'bodi' is undefined"),
        ("{% endif %}", "{% endfi %}", 5, "cannot be read"),
        ("{{ body }}", "a < b", 6, "not well-formed"),
        ("{{ body }}", "{{ body }} R&D", 6, "not well-formed"),
        ("{{ body }}", "x", 1, "leaves something out"),
        ("{{ unsubscribe.url }}", "#", 1, "leaves something out"),
        ("<mjml lang", "<html lang", 1, "begins with <html>"),
        ('<mjml lang="{{ language }}">', "<!DOCTYPE mjml>\n<mjml>", 1, "DOCTYPE"),
        ("{{ body }}", "{{ body | nosuch }}", 6, "nosuch"),
        ("<mj-text>{{ body", "<mj-include path='x' /><mj-text>{{ body", 6, "MJML cannot read it"),
        ("{{ body }}", "<div>" * 300 + "{{ body }}" + "</div>" * 300, 6, "nested"),
        ("{{ body }}", "{{ body }}" + "x" * 500_000, 1, "is the most"),
        (SMALL, "", 1, "no element found"),
        (SMALL, "\n\nhello", 3, "syntax error"),
    ],
)
def test_a_mistake_in_a_layout_has_its_line(old: str, new: str, line: int, words: str) -> None:
    """Whatever is wrong, the error names the layout's file and line, and is a user's error."""
    with pytest.raises(CourseError) as caught:
        compiled(tip(), layout=SMALL.replace(old, new))
    (mistake,) = caught.value.mistakes
    assert mistake.file == "tip.mjml"
    assert words in mistake.message
    assert mistake.line == line


def test_lines_are_the_layouts_own_also_after_what_was_left_out() -> None:
    """A part that is not shown, or a value of many lines, does not shift the line of a mistake after it."""
    broken = SMALL.replace("{{ unsubscribe.text }}</a>", "{{ unsubscribe.text }}</b>")
    for body in ("# Its own title", "No title"):
        with pytest.raises(CourseError) as caught:
            compiled(tip(body), layout=broken)
        assert caught.value.mistakes[0].line == 7


@pytest.mark.parametrize("entity", ["&nbsp;", "&copy;", "&amp;", "&#8204;", "&hellip;"])
def test_named_characters_of_html_may_stand_in_a_layout(entity: str) -> None:
    """MJML authors write &nbsp;, which XML does not know."""
    assert compiled(tip(), layout=SMALL.replace("{{ body }}", entity + "{{ body }}")).html


@pytest.mark.parametrize(
    "text", ['say "hi" & <b>', "a' onload='x", "{{ '{{' }}", "{% raw %}{{ x }}{% endraw %}", "]]>"]
)
def test_texts_reach_the_reader_as_they_were_written(text: str) -> None:
    """Quotes, ampersands and braces survive title, attributes, button, preheader, question and footer."""
    literal = text.replace("{{ '{{' }}", "{{").replace("{% raw %}", "").replace("{% endraw %}", "")
    question = Question(id="q", ask=literal, options=(Option(text=literal, correct=True), Option(text="b")))
    mail = tip("x", subject=text, preheader=text, button=Button(text=text, url="https://a.example/"), question=question)
    plan = plan_of(mail, title=literal, sender=Sender(name=literal, email="a@a.example"))
    made = message(mail, plan=plan, brand=Brand(address=literal))
    reader = Reader(made.html)
    assert (
        reader.text.count(literal) == 10
    )  # title, preheader, brand, h1, button, ask, option, twice in the footer, address
    assert reader.crossed == []
    assert made.subject == literal
    assert f'aria-label="{literal}"' not in made.html or '"' not in literal
    assert made.text.count(literal) == 8


@pytest.mark.parametrize(
    ("language", "way", "words"),
    [("en", "ltr", "3 of 8"), ("sv-FI", "ltr", "3 av 8"), ("ar", "rtl", "3 of 8"), ("he", "rtl", "")],
)
def test_a_mail_says_its_language_and_direction(language: str, way: str, words: str) -> None:
    """lang and dir stand on html and on the wrapper of the body; the fixed words come in that language or English."""
    made = message(tip(), plan=plan_of(tip(), language=language))
    assert made.html.count(f'lang="{language}" dir="{way}"') >= 2
    assert words in made.text
    side = "right" if way == "rtl" else "left"
    assert re.search(f"text-align: ?{side}", made.html)


def test_every_layout_table_is_presentation_only() -> None:
    """A screen reader reads the mail as text, not as tables, and every picture has an alt text."""
    mail = tip("![A chart](https://a.example/c.png)", question=QUESTION)
    html = message(mail, brand=Brand(logo="https://a.example/logo.png", name="Acme")).html
    assert len(re.findall("<table", html)) == len(re.findall('<table[^>]*role="presentation"', html))
    assert Reader(html).alts == ["Acme", "A chart", ""]


def test_nothing_is_fetched_that_the_marketer_did_not_put_in() -> None:
    """No fonts, stylesheets or scripts come from elsewhere: the only address that loads by itself is the pixel."""
    html = message(tip(question=QUESTION)).html
    assert re.findall(r'(?:src=|@import|url\()["\']?([^"\')\s]+)', html) == re.findall(r'src="([^"]+/o/[^"]+)"', html)
    assert "<link" not in html
    assert "<script" not in html


def test_no_question_no_card_and_one_tip_no_progress() -> None:
    """Parts that a tip has not leave nothing in either part."""
    made = message(tip(number=1, of=1))
    assert "1 of 1" not in made.html + made.text
    assert 'class="card"' not in made.html
    assert "* * *" not in made.text


def test_the_size_stays_far_from_where_gmail_cuts() -> None:
    """The frame of a mail, with a question, is under 25 kB; Gmail clips at about 102 kB."""
    assert len(message(tip(question=QUESTION)).html.encode()) < 25_000


@given(COLOUR)
def test_every_accent_can_be_read(colour: str) -> None:
    """Text on the accent, and the accent as text in both schemes, reach 4.5:1 whatever the brand's colour is."""
    assert contrast(text_on(colour), colour) >= READABLE
    for backgrounds in (("#FFFFFF", "#F6F7F8"), ("#16181A", "#1E2124")):
        shade = readable(colour, *backgrounds)
        assert all(contrast(shade, background) >= READABLE for background in backgrounds)


def test_contrast_is_the_one_of_wcag() -> None:
    """Known pairs: black on white is 21, the two greys of the examples are 4.54 and 4.48."""
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#767676", "#FFFFFF") == pytest.approx(4.54, abs=0.01)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("brand", [Brand(accent="green"), Brand(accent="#12345"), Brand(logo="logo.png")])
def test_a_brand_that_cannot_be_shown_is_a_setting_to_mend(brand: Brand) -> None:
    """The error says which setting, before any mail goes out."""
    with pytest.raises(SettingsError):
        compiled(tip(), brand=brand)


def test_a_short_accent_is_understood() -> None:
    """#0a5 is #00AA55."""
    assert "#00AA55" in compiled(tip(), brand=Brand(accent="#0a5")).html


def test_more_options_than_letters_are_refused() -> None:
    """There is no letter after Z."""
    question = Question(id="q", ask="?", options=tuple(Option(text=str(n)) for n in range(27)))
    with pytest.raises(UserError, match="26 is the most"):
        compiled(tip(question=question))


def test_compiling_is_deterministic() -> None:
    """The same tip gives the same template, letter by letter."""
    assert compiled(tip(question=QUESTION)) == compiled(tip(question=QUESTION))


def test_the_shipped_layout_is_read_without_a_warning() -> None:
    """The layout in templates/ is what the samples use."""
    assert "<mjml" in LAYOUT
