"""Pictures, clips, sources, surveys and questions that come back: what each becomes in both parts of a mail."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from render_samples import BASE, LAYOUT, NOW, QUESTION, RING, Reader, learner_with, message, plan_of, tip

from drip.course.expressions import variables
from drip.errors import CourseError, ExpressionError, TokenError, UserError
from drip.people import Facts
from drip.plan.model import Button, Clip, Image, Mail, Option, Plan, Question, Reviews, Survey, Texts
from drip.render.cards import RECAP, card_step, compile_cards, compile_recap
from drip.render.layout import compile_template
from drip.render.message import ANSWER_FOR, Message, Template, build_message
from drip.render.surveys import rows
from drip.track.token import Purpose, answer_item, read_answer_item, verify

HOSTED = Image(src="m/0123456789abcdef.png", alt='A "chart" of <sales>', width=1136, height=400)
CLIP = Clip(
    url="https://media.acme.example/tour?u={{ learner.ref }}",
    poster=Image(src="https://media.acme.example/p.jpg", alt="a tour", width=300, height=200),
    minutes=2,
    captions=True,
)
NPS = Survey(id="nps", kind="nps", ask="How likely are you to recommend us?", low=0, high=10)
OTHER = Question(
    id="export", ask="Which key exports?", options=(Option(text="E & <F>", correct=True), Option(text="X"))
)
SMALL = """<mjml><mj-body><mj-section><mj-column>
<mj-text>{{ body }}<a href="{{ unsubscribe.url }}">x</a></mj-text></mj-column></mj-section></mj-body></mjml>"""


def with_texts(mail: Mail, **texts: object) -> Mail:
    """The tip with some of its texts replaced."""
    variant = mail.variants[0]
    return replace(mail, variants=(replace(variant, texts=replace(variant.texts, **texts)),))  # type: ignore[arg-type]


def rated(survey: Survey, *, subject: str = "", body: str = "") -> Mail:
    """A mail that asks for a rating."""
    return replace(tip(body, subject=subject or survey.ask), survey=survey)


def reviewing(*questions: Question, language: str = "en") -> Plan:
    """A course whose questions come back."""
    mails = tuple(replace(tip(question=one), id=one.id) for one in questions)
    return replace(plan_of(mails[0], language=language), reviews=Reviews(after_days=(2,), per_email=2), steps=mails)


def carrying(plan: Plan, template: Template, cards: tuple[Template, ...], *, delivery_id: int = 7) -> Message:
    """The message that brings questions back."""
    learner = learner_with()
    course = {"id": plan.course_id, "title": plan.title, "language": plan.language}
    seen = variables(learner=learner, course=course, run=1, facts=Facts(), now=NOW, skills={})
    return build_message(
        template, plan=plan, learner=learner, variables=seen, delivery_id=delivery_id, date=NOW, ring=RING,
        base_url=BASE + "/", cards=cards,
    )  # fmt: skip


def answers_in(made: Message) -> list[tuple[int, int]]:
    """(card, option) of every answer link of the HTML, in order; the text part has the same."""
    tokens = re.findall(rf'"{BASE}/a/([\w-]+)"', made.html)
    assert tokens == re.findall(rf"{BASE}/a/([\w-]+)", made.text)
    return [read_answer_item(verify(RING, token, Purpose.ANSWER, now=NOW).item) for token in tokens]


def test_a_hosted_picture_has_an_address_without_a_token() -> None:
    """It is fetched from /m/, the same for everyone; it is no wider than the column, and its alt text is text."""
    made = message(with_texts(tip(), image=HOSTED))
    (found,) = re.findall(r"<img[^>]*/m/[^>]*>", made.html)
    assert f'src="{BASE}/m/0123456789abcdef.png"' in found
    assert 'width="568"' in found
    assert 'height="200"' in found
    assert HOSTED.alt in Reader(made.html).alts
    assert f"[{HOSTED.alt}]" in made.text
    other = message(with_texts(tip(), image=HOSTED), learner_with(ref="other"), delivery_id=99)
    assert re.findall(r"<img[^>]*/m/[^>]*>", other.html) == [found]


def test_a_picture_in_a_body_may_be_hosted_too() -> None:
    """Markdown names it as the compiler wrote it."""
    made = message(tip("![A chart](m/0123456789abcdef.webp)"), delivery_id=0)
    assert f'src="{BASE}/m/0123456789abcdef.webp"' in made.html


@pytest.mark.parametrize(
    "src",
    [
        "chart.png",
        "http://a.example/x.png",
        "m/../secret.png",
        "m/0123456789abcdef.svg",
        "m/0123456789ABCDEF.png",
        "m/0123456789abcdef.png?x",
        "data:image/png;base64,x",
        "https://a.example/{{ learner.ref }}.png",
        "javascript:x",
    ],
)
def test_a_picture_from_anywhere_else_is_refused(src: str) -> None:
    """Only https and what we host; no address of a picture differs from learner to learner."""
    with pytest.raises(UserError, match="cannot be shown in a mail"):
        message(with_texts(tip(), image=Image(src=src, alt="x")))


def test_a_clip_is_a_link_of_the_body() -> None:
    """Poster and words are one link, numbered after the body's and before the button's, filled for the learner."""
    mail = with_texts(tip("[a](https://a.example/1)", button=Button(text="Go", url="https://a.example/2")), clip=CLIP)
    made = message(mail, delivery_id=0)
    assert Reader(made.html).addresses[:3] == [
        "https://a.example/1",
        "https://media.acme.example/tour?u=L1",
        "https://a.example/2",
    ]
    assert "Watch: a tour (2 min, with captions)" in Reader(made.html).text
    assert "Watch: a tour (2 min, with captions):\nhttps://media.acme.example/tour?u=L1" in made.text
    assert Reader(made.html).alts == [""]
    tracked = re.findall(rf"{BASE}/c/([\w-]+)", message(mail).html)
    assert [verify(RING, token, Purpose.CLICK, now=NOW).item for token in tracked] == [0, 1, 2]


@pytest.mark.parametrize(
    ("minutes", "captions", "line"),
    [
        (None, False, "Se filmen: a tour"),
        (None, True, "Se filmen: a tour (textad)"),
        (1.5, False, "Se filmen: a tour (1,5 min)"),
        (12, True, "Se filmen: a tour (12 min, textad)"),
    ],
)
def test_a_clip_says_what_is_known_of_it(minutes: float | None, captions: bool, line: str) -> None:
    """Nothing in brackets where nothing is known; numbers as the language writes them."""
    mail = with_texts(tip(), clip=replace(CLIP, minutes=minutes, captions=captions))
    made = message(mail, plan=plan_of(mail, language="sv"))
    assert f"{line}:\n" in made.text
    assert f"{line}<" in made.html


def test_a_source_stands_under_the_body() -> None:
    """After the text, before the question, in both parts; its Jinja is filled and its markup is text."""
    made = message(
        with_texts(tip("Body.", question=QUESTION), source="Study <2026>, {{ learner.first_name }}"), learner_with()
    )
    for text in (made.text, Reader(made.html).text):
        assert text.index("Body.") < text.index("Source: Study <2026>, Ada") < text.index("Where does")


@pytest.mark.parametrize(
    ("low", "high", "sizes"),
    [(0, 10, [6, 5]), (1, 5, [5]), (1, 7, [4, 3]), (1, 6, [6]), (0, 1, [2]), (0, 20, [6, 6, 6, 3]), (-3, 3, [4, 3])],
)
def test_a_scale_fits_a_phone(low: int, high: int, sizes: list[int]) -> None:
    """At most six side by side, in as few rows as that needs, and as even as they can be."""
    found = list(rows(Survey(id="s", kind="scale", ask="?", low=low, high=high)))
    assert [len(row) for row in found] == sizes
    assert [rating for row in found for rating in row] == list(range(low, high + 1))


def test_a_survey_asks_with_a_link_a_rating() -> None:
    """Eleven links whose item is the rating; the ends in words; the question once, as the title."""
    made = message(rated(NPS))
    assert answers_in(made) == [(0, rating) for rating in range(11)]
    for text in (made.text, Reader(made.html).text):
        assert "0 = not at all likely, 10 = extremely likely" in text
    assert made.text.count(NPS.ask) == 1
    assert re.findall(r"<h([12])", made.html) == ["1"]
    assert "7: " + BASE in made.text


def test_a_survey_with_a_title_of_its_own_still_asks() -> None:
    """Where the subject says something else, the card asks."""
    made = message(rated(NPS, subject="One question", body="You are half way."))
    assert made.text.index("One question") < made.text.index("half way") < made.text.index(NPS.ask)
    assert re.findall(r"<h([12])", made.html) == ["1", "2"]


def test_a_scale_that_begins_elsewhere_counts_from_its_lowest() -> None:
    """A rating's link says rating less lowest."""
    made = message(rated(Survey(id="s", kind="csat", ask="Satisfied?", low=1, high=5)))
    assert answers_in(made) == [(0, number) for number in range(5)]
    assert re.findall(r"^(\d): ", made.text, re.MULTILINE) == ["1", "2", "3", "4", "5"]


def test_questions_that_come_back_ride_in_a_tip() -> None:
    """Each on a card under a heading after the tip's own; every option's link says which card it is on."""
    plan = reviewing(QUESTION, OTHER)
    tip_ = compile_template(plan, plan.steps[0], plan.steps[0].variants[0], LAYOUT)  # type: ignore[arg-type, union-attr]
    made = carrying(plan, tip_, compile_cards(plan, "en", LAYOUT))
    assert answers_in(made) == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]
    for text in (made.text, Reader(made.html).text):
        assert text.count("From earlier tips") == 1
        assert text.index("From earlier tips") < text.index(OTHER.ask)
        assert "E & <F>" in text
    assert Reader(made.html).crossed == []
    assert made.html.count('class="card"') == 3
    assert "style=" in made.html.partition('class="card"')[2][:200]


def test_a_tip_without_any_says_nothing_of_them() -> None:
    """Most tips bring nothing back, and leave no heading behind; nor has a course without reviews a place for it."""
    plan = reviewing(QUESTION)
    template = compile_template(plan, plan.steps[0], plan.steps[0].variants[0], LAYOUT)  # type: ignore[arg-type, union-attr]
    made = carrying(plan, template, ())
    assert "From earlier tips" not in made.html + made.text
    assert made.text == message(plan.steps[0]).text  # type: ignore[arg-type]
    bare = plan_of(tip())
    template = compile_template(bare, tip(), tip().variants[0], LAYOUT)
    assert "cards" not in template.html + template.text
    with pytest.raises(ValueError, match="no place"):
        carrying(bare, template, compile_cards(plan, "en", LAYOUT))


@pytest.mark.parametrize(("language", "subject"), [("en", "Do you still remember?"), ("sv", "Minns du fortfarande?")])
def test_a_recap_holds_nothing_but_questions(language: str, subject: str) -> None:
    """Its subject and one line are ours; its cards count from 1; it has a pixel, a way out and one h1."""
    plan = reviewing(QUESTION, OTHER, language=language)
    recap = compile_recap(plan, language, LAYOUT)
    assert (recap.step, recap.variant, recap.language) == (RECAP, "default", language)
    made = carrying(plan, recap, compile_cards(plan, language, LAYOUT))
    assert made.subject == subject
    assert answers_in(made) == [(1, 0), (1, 1), (2, 0), (2, 1)]
    assert Reader(made.html).opened.count("h1") == 1
    assert f"{BASE}/o/" in made.html
    assert f"{BASE}/u/" in made.text
    assert "earlier" not in re.sub("<style.*?</style>", "", made.html, flags=re.DOTALL) or language == "en"


def test_cards_are_named_by_their_question() -> None:
    """No step can have such a name; they have neither subject nor links of their own."""
    cards = compile_cards(reviewing(QUESTION, OTHER), "en", LAYOUT)
    assert [card.step for card in cards] == [card_step("welcome"), card_step("export")] == ["?welcome", "?export"]
    assert all((card.variant, card.subject, card.links) == ("default", "", ()) for card in cards)
    assert all("<html" not in card.html for card in cards)


def test_a_layout_that_shows_no_questions_cannot_bring_any_back() -> None:
    """The error names the layout, and what it must use."""
    plan = reviewing(QUESTION)
    for make, name in (
        (lambda: compile_cards(plan, "en", SMALL), "card_begins"),
        (lambda: compile_recap(plan, "en", SMALL), "riders"),
        (lambda: compile_template(plan, tip(), tip().variants[0], SMALL), "riders"),
    ):
        with pytest.raises(CourseError) as caught:
            make()  # type: ignore[no-untyped-call]
        assert name in caught.value.mistakes[0].hint
    assert compile_template(plan_of(tip()), tip(), tip().variants[0], SMALL)


@given(st.integers(0, 500), st.integers(0, 63))
def test_an_answer_says_its_card_and_option(card: int, option: int) -> None:
    """Whatever is packed is read back, and a tip's own option is packed as itself."""
    assert read_answer_item(answer_item(card, option)) == (card, option)
    assert answer_item(0, option) == option


@pytest.mark.parametrize(("card", "option"), [(0, 64), (1, -1), (-1, 0)])
def test_what_does_not_fit_in_an_answer_is_refused(card: int, option: int) -> None:
    """No option can pass for one of another card."""
    with pytest.raises(ValueError, match="does not fit"):
        answer_item(card, option)


def test_answers_that_came_back_expire_as_others_do() -> None:
    """Thirty days from the mail that brought them."""
    plan = reviewing(QUESTION)
    made = carrying(plan, compile_recap(plan, "en", LAYOUT), compile_cards(plan, "en", LAYOUT))
    (first, _) = re.findall(rf'"{BASE}/a/([\w-]+)"', made.html)
    verify(RING, first, Purpose.ANSWER, now=NOW + ANSWER_FOR)
    with pytest.raises(TokenError, match="expired"):
        verify(RING, first, Purpose.ANSWER, now=NOW + ANSWER_FOR + timedelta(days=2))


def test_a_translation_is_the_whole_mail() -> None:
    """Texts, question, course title, our own words, lang, and Content-Language follow the language asked for."""
    swedish = Texts(subject="Börja i en vy", body="Kursen {{ course.title }} ({{ course.language }}).")
    question = replace(QUESTION, ask="Var börjar ett diagram?")
    mail = tip(question=QUESTION)
    variant = replace(mail.variants[0], translations={"sv": swedish})
    mail = replace(mail, variants=(variant,), questions={"sv": question})
    plan = replace(plan_of(mail), languages=("sv",), titles={"sv": "Din första rapport"})
    made = carrying(plan, compile_template(plan, mail, variant, LAYOUT, language="sv"), ())
    assert made.subject == "Börja i en vy"
    assert dict(made.headers)["Content-Language"] == "sv"
    assert '<html lang="sv"' in made.html
    for words in ("Kursen Din första rapport (sv).", "Var börjar ett diagram?", "3 av 8", "”Din första rapport”"):
        assert words in made.text
        assert words in Reader(made.html).text
    english = carrying(plan, compile_template(plan, mail, variant, LAYOUT), ())
    assert english.subject == "Start from a saved view"
    assert dict(english.headers)["List-ID"] == dict(made.headers)["List-ID"]


def test_our_words_are_kept_apart_where_they_run_the_other_way() -> None:
    """An English sentence around Arabic words keeps its brackets, in both parts."""
    mail = with_texts(tip("نص"), clip=replace(CLIP, poster=replace(CLIP.poster, alt="جولة")), source="دراسة")
    made = message(mail, plan=plan_of(mail, language="ar"))
    assert "Watch: \u2068جولة\u2069 (2 min, with captions)" in made.text
    assert '<span lang="en" dir="ltr">Watch:' in made.html
    assert "\u2068" not in message(mail).text


def test_a_missing_value_of_a_clip_names_the_step() -> None:
    """A placeholder in a clip's address is looked at when the mail is made."""
    mail = with_texts(tip(), clip=replace(CLIP, url="https://a.example/?t={{ learner.team }}"))
    with pytest.raises(ExpressionError, match=r"needs \{\{ learner\.team \}\}"):
        message(mail)


@pytest.mark.parametrize("text", ['say "hi" & <b>', "a' onload='x", "{{ x }}", "{% if %}", "]]>", "jqz0e"])
def test_what_a_question_says_is_text_wherever_it_stands(text: str) -> None:
    """Also on a card that comes back and in a survey."""
    plan = reviewing(Question(id="q", ask=text, options=(Option(text=text), Option(text="b"))))
    made = carrying(plan, compile_recap(plan, "en", LAYOUT), compile_cards(plan, "en", LAYOUT))
    assert Reader(made.html).text.count(text) == 2
    assert made.text.count(text) == 2
    survey = message(rated(replace(NPS, ask=text), subject="One question"))
    assert (Reader(survey.html).text.count(text), survey.text.count(text)) == (1, 1)
    assert Reader(made.html).crossed + Reader(survey.html).crossed == []
