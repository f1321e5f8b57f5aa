"""A body is Markdown with Jinja in it: both come out whole, in HTML and in plain text."""

from __future__ import annotations

from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from render_samples import Reader, body_of, compiled, learner_with, message, tip

from drip.errors import ExpressionError, UserError
from drip.render.message import Message

PRO, FREE = learner_with(plan="pro"), learner_with(plan="free")


def body_text(body: str, learner: object = None) -> str:
    """The plain text of a body alone."""
    text = message(tip("# T\n\n" + body), learner).text  # type: ignore[arg-type]
    return text.partition("\n\nT\n\n")[2].partition("-- \n")[0]


def test_a_lone_condition_leaves_nothing_behind() -> None:
    """What stands between two lone statements is there or is not; no empty paragraph either way."""
    body = 'One.\n\n{% if learner.plan == "pro" %}\nTwo.\n{% endif %}\n\nThree.'
    assert Reader(body_of(message(tip(body), PRO))).opened.count("p") == 3
    assert Reader(body_of(message(tip(body), FREE))).opened.count("p") == 2
    assert body_text(body, PRO) == "One.\n\nTwo.\n\nThree.\n\n"
    assert body_text(body, FREE) == "One.\n\nThree.\n\n"


def test_a_condition_around_a_whole_paragraph_takes_it_along() -> None:
    """A paragraph that is all condition is not left empty."""
    body = 'One.\n\n{% if learner.plan == "pro" %}Two.{% endif %}\n\nThree.'
    assert Reader(body_of(message(tip(body), FREE))).opened.count("p") == 2
    assert body_text(body, FREE) == "One.\n\nThree.\n\n"


def test_a_condition_around_a_list_item_takes_it_along() -> None:
    """A list item that is all condition leaves no empty bullet, and numbering has no hole in HTML."""
    body = '1. one\n2. {% if learner.plan == "pro" %}two{% endif %}\n3. three'
    assert Reader(body_of(message(tip(body), PRO))).opened.count("li") == 3
    assert Reader(body_of(message(tip(body), FREE))).opened.count("li") == 2
    assert "two" not in body_text(body, FREE)


def test_a_condition_may_begin_in_one_paragraph_and_end_in_another() -> None:
    """Its halves move out of both paragraphs, so that tags stay paired."""
    body = '{% if learner.plan == "pro" %}One.\n\nTwo.{% else %}Three.\n\nFour.{% endif %}\n\nFive.'
    for learner, shown in ((PRO, "One.\n\nTwo.\n\nFive.\n\n"), (FREE, "Three.\n\nFour.\n\nFive.\n\n")):
        reader = Reader(body_of(message(tip(body), learner)))
        assert (reader.crossed, reader.empty) == ([], [])
        assert body_text(body, learner) == shown


def test_a_condition_inside_a_sentence_stays_there() -> None:
    """In a line of text, a condition chooses words and nothing else."""
    body = 'You have {% if learner.plan == "pro" %}**three** views{% else %}one view{% endif %}.'
    assert "You have three views." in body_text(body, PRO)
    assert "You have one view." in Reader(body_of(message(tip(body), FREE))).text


@pytest.mark.parametrize(
    ("body", "html", "text"),
    [
        ("**{{ learner.first_name }}**", "<strong>Ada</strong>", "Ada"),
        ("_{{ learner.first_name }}_", "<em>Ada</em>", "Ada"),
        ("`{{ learner.first_name }}`", ">Ada</code>", "`Ada`"),
        ("    {{ learner.first_name }}", ">Ada\n</code>", "    Ada"),
        ("## {{ learner.first_name }}", ">Ada</h2>", "Ada"),
        ("> {{ learner.first_name }}", ">Ada</p>", "> Ada"),
        ("- {{ learner.first_name }}", ">Ada</li>", "- Ada"),
        ('{{ learner.lacking | default("a \\"b\\" <c>") }}', "a &#34;b&#34; &lt;c&gt;", 'a "b" <c>'),
        ("{{ learner.first_name | upper }}s", "ADAs", "ADAs"),
        ("{{ '}}' }}", "}}", "}}"),
        ("{%- if true -%} x {%- endif -%}", ">x</p>", "x"),
        ("![{{ learner.first_name }}](https://a.example/p.png)", 'alt="Ada"', "[Ada]"),
        ("{# a note #}seen", ">seen</p>", "seen"),
    ],
)
def test_jinja_in_odd_places_of_markdown(body: str, html: str, text: str) -> None:
    """Placeholders are filled wherever Markdown lets words stand, and quotes in them survive Markdown."""
    made = message(tip("# T\n\n" + body))
    assert html in body_of(made)
    assert text in made.text.splitlines()


@pytest.mark.parametrize("code", ["{{ user.name }}", "{% for x in y %}", "{# note #}", "{", "a {{", "{{{ x }}}"])
@pytest.mark.parametrize("shape", ["`{}`", "```\n{}\n```"])
def test_raw_code_is_shown_as_it_is_written(shape: str, code: str) -> None:
    """Between raw and endraw, braces are text in code spans and blocks, and are not read as Jinja again later."""
    made = message(tip(shape.replace("{}", "{% raw %}" + code + "{% endraw %}")))
    assert code in Reader(made.html).text
    assert code in made.text


def test_braces_that_meet_only_after_markdown_are_no_jinja() -> None:
    """Taking emphasis away joins no brace with a placeholder or with another brace."""
    made = message(tip("{*{{ learner.first_name }}* {*{* {*%* x"))
    assert "{Ada {{ {% x" in made.text
    assert "{Ada {{ {% x" in Reader(made.html).text


def test_nested_lists_keep_their_depth() -> None:
    """A list in a list is indented under its item, in both parts."""
    body = "- one\n  1. two\n  2. three\n     - four\n- five"
    assert body_text(body) == "- one\n  1. two\n  2. three\n     - four\n- five\n\n"
    reader = Reader(body_of(message(tip(body))))
    assert (reader.opened.count("ul"), reader.opened.count("ol"), reader.opened.count("li")) == (2, 1, 5)


def test_plain_text_writes_out_what_html_shows_otherwise() -> None:
    """Links with their addresses, pictures by their alt text, breaks, quotes and code stand in the text part."""
    body = (
        "Read [this](https://a.example/x) or <https://b.example/y>.  \nWrite to [us](mailto:help@acme.example).\n\n"
        "> quoted *words*\n\n---\n\n```\nx = 1\n\n  y\n```\n\n![A chart](https://a.example/c.png)"
    )
    text = message(tip("# T\n\n" + body), delivery_id=0).text.partition("\n\nT\n\n")[2].partition("-- \n")[0]
    assert text == (
        "Read this (https://a.example/x) or https://b.example/y.\nWrite to us (help@acme.example).\n\n"
        "> quoted words\n\n* * *\n\n    x = 1\n\n      y\n\n[A chart]\n\n"
    )


def test_html_in_a_body_is_text() -> None:
    """Markup that an author writes as HTML is shown, not obeyed."""
    made = message(tip("a <script>alert(1)</script> & <b>b</b>"))
    assert "<script" not in made.html
    assert "a <script>alert(1)</script> & <b>b</b>" in Reader(made.html).text


@pytest.mark.parametrize("body", ["#\n\nx", "> # Mine", "- # Mine"])
def test_an_empty_or_inner_heading_is_no_title(body: str) -> None:
    """A mail is not left without words for a title."""
    made = message(tip(body))
    assert Reader(made.html).opened.count("h1") == 1
    assert "\nStart from a saved view\n" in made.text


@pytest.mark.parametrize("body", ["# Mine\n\nx", "x\n\n# Mine\n\n# Second", "Mine\n===="])
def test_a_body_with_a_title_of_its_own_replaces_the_subject(body: str) -> None:
    """There is exactly one h1: the body's first, or else the subject."""
    made = message(tip(body))
    assert Reader(made.html).opened.count("h1") == 1
    assert "Start from a saved view\n\n" not in made.text


def test_a_conditional_title_is_not_the_title() -> None:
    """A heading that only some get cannot be the one h1 of a mail."""
    made = message(tip('{% if learner.plan == "pro" %}\n# Mine\n{% endif %}\n\nx'), PRO)
    assert Reader(made.html).opened.count("h1") == 1
    assert "Start from a saved view" in made.text


def hidden_words(body: str, learner: object = None) -> str:
    """What the list of mails shows after the subject."""
    shown = unescape(message(tip(body), learner).html)  # type: ignore[arg-type]
    return shown.partition("mso-hide:all")[2].partition(">")[2].partition(" \u034f")[0]


def test_the_first_paragraphs_stand_in_for_a_preheader() -> None:
    """A tip without a preheader shows its first words in the list of mails, cut after a word."""
    lead = hidden_words("Hi {{ learner.first_name }}!\n\n" + "words " * 60)
    assert lead.startswith("Hi Ada! words words")
    assert lead.endswith("words …")
    assert len(lead) < 150
    assert hidden_words("One.\n\n- list\n\nTwo.") == "One."
    assert hidden_words("One.\n\n{% if learner.plan %}Two.{% endif %}\n\nThree.") == "One."
    assert message(tip("x", preheader="Two minutes")).html.count("Two minutes") == 1


@pytest.mark.parametrize(
    "body",
    [
        "[x](javascript:alert(1)) [y](page.html)",
        "[x]({{ learner.ref }})",
        "[x](https://{{ learner.ref }}.example/)",
        "[x](https://a.example{{ learner.ref }}/)",
        "[x](https://user@a.example/)",
        "[x](ftp://a.example/)",
        "[x](mailto:{{ learner.ref }}@a.example)",
        "![x](http://a.example/x.png)",
        "![x](chart.png)",
        "![x](https://a.example/{{ learner.ref }}.png)",
    ],
)
def test_addresses_that_a_mail_cannot_have_are_refused(body: str) -> None:
    """The error names the step, and nothing is compiled."""
    with pytest.raises(UserError, match="welcome"):
        compiled(tip(body))


@pytest.mark.parametrize("body", ["{{ learner.x", "{% if learner.x %}", "{% for x in [1] %}{% endfor %}", "{{ x }}"])
def test_jinja_that_cannot_be_read_names_the_step(body: str) -> None:
    """An open placeholder, an open condition, a loop and an unknown name are all refused at once."""
    with pytest.raises(ExpressionError, match='step "welcome"'):
        compiled(tip(body))


def test_the_words_on_the_shelf_cannot_be_forged() -> None:
    """A body that spells what stands for a placeholder gets it back as text."""
    body = "jqz0e jqzq0e {{ learner.first_name }} jqz1s"
    assert "jqz0e jqzq0e Ada jqz1s" in message(tip(body)).text


WORD = st.sampled_from(["alfa", "beta *em* x", "see [link](https://a.example/{{ learner.ref }})", "`code`"])
PARAGRAPH = st.one_of(
    WORD,
    WORD.map(lambda w: f'{{% if learner.plan == "pro" %}}{w}{{% endif %}}'),
    WORD.map(lambda w: f'{w} {{% if learner.plan == "pro" %}}{w}{{% else %}}gamma{{% endif %}} delta'),
    WORD.map(lambda w: f'{{% if learner.plan == "pro" %}}{w}\n\n{w}{{% endif %}}'),
)


def indented(text: str, mark: str) -> str:
    """A block as an item or a quotation."""
    first, *rest = text.split("\n")
    pad = mark if mark == "> " else " " * len(mark)
    return "\n".join([mark + first, *(f"{pad}{line}" for line in rest)])


BLOCK = st.recursive(
    PARAGRAPH,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda items: "\n".join(indented(item, "- ") for item in items)),
        st.lists(inner, min_size=1, max_size=3).map(lambda items: "\n\n".join(indented(item, "1. ") for item in items)),
        inner.map(lambda block: indented(block, "> ")),
        st.tuples(inner, inner).map("\n\n".join),
        inner.map(lambda block: f'{{% if learner.plan == "pro" %}}\n{block}\n{{% endif %}}'),
        st.tuples(inner, inner).map(
            lambda pair: f'{{% if learner.plan == "pro" %}}\n{pair[0]}\n{{% else %}}\n{pair[1]}\n{{% endif %}}'
        ),
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(BLOCK)
def test_tags_stay_paired_whatever_the_condition_says(body: str) -> None:
    """Conditions around, in and across blocks never leave a tag open or crossed, or a paragraph empty."""
    mail = tip(body + "\n\nThe end.")
    for learner in (PRO, FREE):
        made = message(mail, learner)
        reader = Reader(body_of(made))
        assert reader.crossed == []
        assert "p" not in reader.empty
        assert "The end.\n\n-- \n" in made.text


def read_or_refused(body: str) -> Message | str:
    """The mail, or what the error says."""
    try:
        return message(tip(body))
    except UserError as error:
        return str(error)


@pytest.mark.parametrize(
    "body",
    [
        "*" * 3000 + "a" + "*" * 3000,
        "*a " * 1500 + "b*" * 1500,
        "![" * 900 + "](https://a.example/x)" * 900,
        "> " * 3000,
    ],
)
def test_a_body_that_is_all_nesting_is_refused_or_flattened(body: str) -> None:
    """Rows of marks end in an error for the author or in text, never in a crash."""
    made = read_or_refused(body)
    assert "nested too deeply" in made if isinstance(made, str) else made.html


MARKS = st.text(st.sampled_from(list("ab \n*_`[]()<>!#-1.&;:/{%}\"'\\|~=+")), max_size=80)


@settings(max_examples=300, deadline=None)
@given(MARKS)
def test_any_body_is_read_or_refused(body: str) -> None:
    """Whatever an author types, there is a mail of paired tags with one title, or an error that names the step."""
    made = read_or_refused(body)
    if isinstance(made, str):
        assert 'step "welcome"' in made
        return
    reader = Reader(made.html)
    assert reader.crossed == []
    assert reader.opened.count("h1") == 1
    assert made.text.count("-- \n") >= 1
