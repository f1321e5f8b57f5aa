"""Facts about translations: only texts, held against the course, every gap filled and told."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from pictures import png

from drip.course.model import Course, Defaults
from drip.course.parse import parse
from drip.errors import CourseError, Mistake
from drip.plan.compile import compile_plan
from drip.plan.model import Mail, Plan

NAME = "campaigns/course.yaml"
COURSE = """\
title: Your first report
steps:
  - tip: one
    objective: Make one
    subject: One
    preheader: First
    body: Body one.
    source: A study
    button: {text: Press, url: "https://a.example/en"}
    image: {src: en.png, alt: A chart}
    clip: {url: "https://a.example/film", poster: en.png, alt: A film, minutes: 2, captions: true}
    question:
      ask: Which?
      options: [{text: This, correct: true, because: Yes.}, {text: That, because: No.}]
  - if: correct("one")
    then:
      - tip: two
        subject: Two
        body: Body two.
        variants: [{name: a, subject: Two a}, {name: b, weight: 3, body: Body b.}]
  - survey: nps
    ask: How likely?
  - survey: csat
    id: happy
    ask: How happy?
    subject: One question
"""
SV = """\
title: Din första rapport
steps:
  - tip: one
    objective: Gör ett
    subject: Ett
    preheader: Först
    body: Brödtext ett.
    source: En studie
    button: {text: Tryck, url: "https://a.example/sv"}
    image: {src: sv.png, alt: Ett diagram}
    clip: {url: "https://a.example/film-sv", poster: sv.png, alt: En film}
    question: {ask: Vilket?, options: [{text: Detta, because: Ja.}, {text: Det där, because: Nej.}]}
  - tip: two
    subject: Två
    body: Brödtext två.
    variants: [{name: a, subject: Två a}, {name: b, body: Brödtext b.}]
  - {survey: nps, ask: Hur troligt?}
  - {survey: csat, id: happy, ask: Hur nöjd?, subject: En fråga}
"""
FILES = {"en.png": png(1, 1), "sv.png": png(2, 2)}


def read(sv: str, course: str = COURSE, *, defaults: Defaults = Defaults(), **others: str) -> Course:  # noqa: B008
    translations = {code.replace("_", "-"): text.encode() for code, text in {"sv": sv, **others}.items()}
    return parse(NAME, course.encode(), defaults, files=FILES, translations=translations)


def mistakes(sv: str, course: str = COURSE, **others: str) -> tuple[Mistake, ...]:
    with pytest.raises(CourseError) as caught:
        read(sv, course, **others)
    return caught.value.mistakes


def mails(plan: Plan) -> Mapping[str, Mail]:
    return {step.id: step for step in plan.steps if isinstance(step, Mail)}


def test_a_whole_translation_has_every_text() -> None:
    """Each text of a tip, its question, its variants and of surveys arrives in the plan; nothing is missing."""
    course = read(SV)
    assert course.missing == ()
    plan = compile_plan(course, layout="")
    assert (plan.languages, plan.titles) == (("sv",), {"sv": "Din första rapport"})
    one, two, nps, csat = mails(plan).values()
    assert (one.objective_in("sv"), one.objective_in("de"), two.objective_in("sv")) == ("Gör ett", "Make one", "")
    said = one.variants[0].texts_in("sv")
    assert (said.subject, said.preheader, said.body, said.source) == ("Ett", "Först", "Brödtext ett.", "En studie")
    assert said.button is not None
    assert (said.button.text, said.button.url) == ("Tryck", "https://a.example/sv")
    assert said.image is not None
    assert (said.image.alt, said.image.width) == ("Ett diagram", 2)
    assert said.clip is not None
    assert (said.clip.url, said.clip.poster.alt, said.clip.poster.width) == ("https://a.example/film-sv", "En film", 2)
    assert (said.clip.minutes, said.clip.captions) == (2, True)
    asked = one.question_in("sv")
    assert asked is not None
    assert (asked.id, asked.ask) == ("one", "Vilket?")
    assert [(o.text, o.correct, o.because) for o in asked.options] == [
        ("Detta", True, "Ja."),
        ("Det där", False, "Nej."),
    ]
    assert [(v.texts_in("sv").subject, v.texts_in("sv").body) for v in two.variants] == [
        ("Två a", "Brödtext två."),
        ("Två", "Brödtext b."),
    ]
    rated = nps.survey_in("sv")
    assert rated is not None
    assert (rated.ask, nps.variants[0].texts_in("sv").subject) == ("Hur troligt?", "Hur troligt?")
    assert csat.variants[0].texts_in("sv").subject == "En fråga"
    assert csat.variants[0].texts.subject == "One question"


def test_the_course_itself_is_not_changed_by_a_translation() -> None:
    """The texts in the course's own language are the same with and without one."""
    alone = compile_plan(parse(NAME, COURSE.encode(), files=FILES), layout="")
    both = compile_plan(read(SV), layout="")
    assert [m.variants[0].texts for m in mails(alone).values()] == [m.variants[0].texts for m in mails(both).values()]
    assert alone.revision != both.revision


@pytest.mark.parametrize(
    ("old", "new"), [("Ett diagram", "Diagram"), ("Det där", "Den"), ("Hur nöjd", "Hur glad"), ("Gör ett", "Skapa ett")]
)
def test_a_changed_translation_is_a_new_revision(old: str, new: str) -> None:
    """Whatever somebody may read is part of it."""
    assert compile_plan(read(SV.replace(old, new)), layout="").revision != compile_plan(read(SV), layout="").revision


def test_what_is_missing_stays_in_the_language_of_the_course() -> None:
    """A translation with one word in it gives whole texts; each step that lacks something is told, with its place."""
    course = read("steps:\n  - tip: one\n    subject: Ett\n    image: {src: sv.png}\n    question: {ask: Vilket?}\n")
    one, two, nps, _ = mails(compile_plan(course, layout="")).values()
    said = one.variants[0].texts_in("sv")
    assert (said.subject, said.preheader, said.body) == ("Ett", "First", "Body one.")
    assert said.button is not None
    assert said.image is not None
    assert (said.button.text, said.image.alt, said.image.width) == ("Press", "A chart", 2)
    asked = one.question_in("sv")
    assert asked is not None
    assert (asked.ask, asked.options[0].text) == ("Vilket?", "This")
    assert two.variants[1].texts_in("sv") == two.variants[1].texts
    assert one.objective_in("sv") == "Make one"
    assert nps.survey_in("sv") == nps.survey
    told = [(m.file, m.line, m.severity, m.message) for m in course.missing]
    assert told == [
        ("campaigns/course.sv.yaml", 1, "warning", "the title is not translated into sv"),
        ("campaigns/course.sv.yaml", 2, "warning",
         'tip "one" lacks in sv: objective, preheader, body, button.text, image.alt, clip.alt, source, '
         'question.options'),
        ("campaigns/course.yaml", 17, "warning", 'tip "two" is not translated into sv'),
        ("campaigns/course.yaml", 21, "warning", 'survey "nps" is not translated into sv'),
        ("campaigns/course.yaml", 23, "warning", 'survey "happy" is not translated into sv'),
    ]  # fmt: skip


def test_a_variant_keeps_its_own_telling() -> None:
    """A variant's own subject is not replaced by the translation of the tip's: the experiment would be lost."""
    course = read(SV.replace("    variants: [{name: a, subject: Två a}, {name: b, body: Brödtext b.}]\n", ""))
    a, b = mails(compile_plan(course, layout=""))["two"].variants
    assert (a.texts_in("sv").subject, a.texts_in("sv").body) == ("Two a", "Brödtext två.")
    assert (b.texts_in("sv").subject, b.texts_in("sv").body) == ("Två", "Body b.")
    assert [m.message for m in course.missing] == ['tip "two" lacks in sv: subject of a, body of b']


def test_a_translated_variant_may_say_more_than_the_courses() -> None:
    """A text that the variant has in the translation only is its own there."""
    course = read(SV.replace("{name: b, body: Brödtext b.}", "{name: b, body: Brödtext b., subject: Två b}"))
    assert mails(compile_plan(course, layout=""))["two"].variants[1].texts_in("sv").subject == "Två b"


def test_several_languages_stand_side_by_side() -> None:
    """Each in its usual spelling; a learner gets theirs, its base, or the course's."""
    plan = compile_plan(read(SV, pt_br="title: Seu primeiro relatório\nsteps: [{tip: one, subject: Um}]"), layout="")
    assert plan.languages == ("pt-BR", "sv")
    assert [plan.language_for(code) for code in ("sv", "sv-FI", "pt-BR", "pt", None, "de")] == [
        "sv", "sv", "pt-BR", "en", "en", "en"]  # fmt: skip
    assert mails(plan)["one"].variants[0].texts_in("pt-BR").subject == "Um"


WRONG = [
    ("steps:\n  - {tip: on, subject: X}", "unknown-step", 2, "on"),
    ("steps:\n  - {tip: one, subject: X}\n  - {tip: one, preheader: Y}", "duplicate-id", 3, "one"),
    ("steps:\n  - {survey: csat, ask: X}", "unknown-step", 2, "csat"),
    ("steps:\n  - {survey: nps, id: happy2, ask: X}", "unknown-step", 2, "happy2"),
    ("steps:\n  - {tip: one, after: 3 days}", "not-a-text", 2, "after"),
    ("steps:\n  - {tip: one, when: sent('one')}", "not-a-text", 2, "when"),
    ("steps:\n  - {tip: one, skill: x}", "not-a-text", 2, "skill"),
    ("steps:\n  - {tip: one, question: {id: x, ask: X}}", "not-a-text", 2, "id"),
    ("steps:\n  - {tip: one, question: {options: [{text: A, correct: true}, {text: B}]}}", "not-a-text", 2, "correct"),
    ("steps:\n  - {tip: one, clip: {minutes: 3}}", "not-a-text", 2, "minutes"),
    ("steps:\n  - {tip: two, variants: [{name: a, weight: 2}]}", "not-a-text", 2, "weight"),
    ("steps:\n  - {survey: nps, scale: [1, 2]}", "not-a-text", 2, "scale"),
    ("timing: {every: 1 day}", "not-a-text", 1, "timing"),
    ("goal: event('x')", "not-a-text", 1, "goal"),
    ("language: sv", "not-a-text", 1, "language"),
    ("steps:\n  - wait: {until: sent('one'), at_most: 1 day}", "not-a-text", 2, "wait"),
    ("steps:\n  - if: sent('one')\n    then: [{tip: two, subject: X}]", "not-a-text", 2, "if"),
    ("steps:\n  - {notify: x}", "not-a-text", 2, "notify"),
    ("steps:\n  - {tip: one, subjekt: X}", "unknown-key", 2, "subjekt"),
    ("steps:\n  - {subject: X}", "missing-key", 2, "subject"),
    ("steps:\n  - {tip: one, subject: '{{ nme }}'}", "bad-placeholder", 2, "nme"),
    ("steps:\n  - {tip: one, body: '[x](x)'}", "bad-link", 2, "x"),
    ("steps:\n  - {tip: one, body: \"{% if sent('no') %}x{% endif %}\"}", "unknown-step", 2, "no"),
    ("steps:\n  - {tip: one, body: X, body_file: x.md}", "body-and-file", 2, "body_file"),
    ("steps:\n  - {tip: one, image: {src: no.png}}", "missing-file", 2, "no.png"),
    ("steps:\n  - {tip: one, question: {options: [{text: A}, {text: B}, {text: C}]}}", "bad-options", 2, "options"),
    ("steps:\n  - {tip: one, question: {options: [{text: A}, {text: A}]}}", "bad-options", 2, "A"),
    ("steps:\n  - {tip: one, question: {options: [{because: A}, {text: B}]}}", "missing-key", 2, "because"),
    ("steps:\n  - {tip: two, question: {ask: X}}", "no-question", 2, "question"),
    ("steps:\n  - {tip: two, button: {text: X}}", "unknown-part", 2, "button"),
    ("steps:\n  - {tip: two, image: {alt: X}}", "unknown-part", 2, "image"),
    ("steps:\n  - {tip: two, objective: X}", "unknown-part", 2, "objective"),
    ("steps:\n  - {tip: two, variants: [{name: c, subject: X}]}", "unknown-variant", 2, "c"),
    ("steps:\n  - {tip: two, variants: [{name: a, subject: X}, {name: a, body: Y}]}", "duplicate-id", 2, "a"),
    ("steps:\n  - {tip: one, button: {url: '{{ learner.x }}'}}", "bad-link", 2, "{{ learner.x }}"),
    ("steps: []", "too-few", 1, "steps"),
]


@pytest.mark.parametrize(("sv", "rule", "line", "under"), WRONG, ids=[text for text, *_ in WRONG])
def test_what_is_wrong_in_a_translation_has_its_place_there(sv: str, rule: str, line: int, under: str) -> None:
    """Ids that the course does not have, another number of options, everything that is no text: file, line, column."""
    found, *more = (m for m in mistakes(sv) if m.rule != "missing-file" or rule == "missing-file")
    assert more == []
    assert (found.file, found.rule, found.line) == ("campaigns/course.sv.yaml", rule, line)
    assert found.excerpt[found.column - 1 :][: found.width].strip("'") == under


def test_a_survey_without_an_id_must_be_the_only_one_of_its_kind() -> None:
    """Two of one kind cannot be told apart: the hint is to give them ids."""
    course = COURSE + "  - {survey: nps, ask: Again?}\n"
    (found,) = mistakes("steps: [{survey: nps, ask: X}]", course)
    assert (found.rule, found.hint) == ("unknown-step", "give each an id there, and write it here")
    named = course.replace("survey: nps, ask", "survey: nps, id: again, ask")
    said = "steps: [{survey: nps, ask: X}, {survey: nps, id: again, ask: Y}]"
    plan = compile_plan(read(said, named), layout="")
    assert [m.variants[0].texts_in("sv").subject for m in list(mails(plan).values())[-3:]] == ["X", "One question", "Y"]


def test_mistakes_of_course_and_translation_are_told_together() -> None:
    """The course's first, then each translation's, in the order of lines."""
    found = mistakes("steps: [{tip: no}]", COURSE.replace("subject: One\n", "subjekt: One\n"), de="titel: X")
    assert [(m.file, m.rule) for m in found] == [
        ("campaigns/course.yaml", "missing-key"),
        ("campaigns/course.yaml", "unknown-key"),
        ("campaigns/course.de.yaml", "unknown-key"),
        ("campaigns/course.sv.yaml", "unknown-step"),
    ]


def test_a_language_has_one_file_and_is_not_the_courses() -> None:
    """A translation into the course's own language, or two into one, are mistakes."""
    assert [m.rule for m in mistakes("title: X", en="title: Y")] == ["duplicate-language"]
    with pytest.raises(CourseError) as caught:
        parse(NAME, COURSE.encode(), files=FILES, translations={"sv": b"title: X", "SV": b"title: Y"})
    assert [m.rule for m in caught.value.mistakes] == ["duplicate-language"]
    assert [m.rule for m in mistakes("title: X", COURSE.replace("title:", "language: sv\ntitle:", 1))] == [
        "duplicate-language"
    ]


@pytest.mark.parametrize("data", ["", "- a", "title: [", "title: &a X"])
def test_a_translation_that_is_no_yaml_is_refused_under_its_own_name(data: str) -> None:
    """And the course beside it is still read."""
    found = mistakes(data)
    assert {m.file for m in found} == {"campaigns/course.sv.yaml"}


def test_attributes_are_looked_at_in_translations_too() -> None:
    """An undeclared one is a mistake there."""
    with pytest.raises(CourseError) as caught:
        read("steps: [{tip: one, subject: 'Hej {{ learner.nick }}'}]", defaults=Defaults(attributes={}))
    assert [(m.file, m.rule) for m in caught.value.mistakes] == [("campaigns/course.sv.yaml", "unknown-attribute")]
