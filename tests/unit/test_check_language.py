"""What the rules on words find and leave in peace, in English and Swedish."""

from __future__ import annotations

import pytest
from rule_samples import BASE, FOLDER, advice_on

from drip.check.vocabulary import LANGUAGES, vocabulary

SHORT = (FOLDER / "short.yaml").read_text("utf-8")


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Studies show that we forget."),
        ("en", "Research has found that spacing works."),
        ("en", "According to a recent study, half of it is gone."),
        ("en", "80% of people forget it."),
        ("en", "80 percent of our customers do."),
        ("en", "Four out of five readers open it."),
        ("en", "1 in 3 adults"),
        ("en", "It is 3.5 times faster."),
        ("sv", "Studier visar att vi glömmer."),
        ("sv", "Forskningen har visat det."),
        ("sv", "Enligt en ny undersökning glömmer vi."),
        ("sv", "80 procent av alla svenskar gör det."),
        ("sv", "Fyra av fem kunder öppnar det."),
        ("sv", "Det går 3 gånger snabbare."),
    ],
)
def test_claims_are_seen(language: str, text: str) -> None:
    """A study, a share of people, a rate: what a reader is asked to believe."""
    assert LANGUAGES[language].claim.search(text)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "48 orders came back last week."),
        ("en", "Returns fell from 4% to 3%."),
        ("en", "40 of 1,000 is 4% of the orders."),
        ("en", "Read it three times, then press one of four buttons."),
        ("en", "Study the chart: what does it show?"),
        ("sv", "Momsen är 25 procent av priset."),
        ("sv", "Du säljer för 50 000 kr."),
        ("sv", "En hög av fem är moms."),
        ("sv", "Betala enligt avtalet, tre gånger om året."),
    ],
)
def test_figures_of_an_example_are_no_claims(language: str, text: str) -> None:
    """A course may count, and say what belongs to its subject."""
    assert not LANGUAGES[language].claim.search(text)


@pytest.mark.parametrize(
    ("language", "ask", "negated"),
    [
        ("en", "Which of these is not a chart?", True),
        ("en", "What would you never send?", True),
        ("en", "Which one doesn’t fit?", True),
        ("en", "All of these are views, except which?", True),
        ("en", "The total is not there. Where do you look?", False),
        ("en", "Is it a view or not?", False),
        ("en", "What does a note say?", False),
        ("sv", "Vilken av raderna går inte att betala?", True),
        ("sv", "Vad gör du aldrig?", True),
        ("sv", "Kunden har inte betalat. Vad gör du?", False),
        ("sv", "Är det en faktura eller inte?", False),
        ("fi", "Mikä ei ole kaavio?", False),
    ],
)
def test_only_the_question_itself_may_not_be_negated(language: str, ask: str, negated: bool) -> None:
    """What is told before it may be; so may “or not”. Of other languages nothing is said."""
    options = "[{text: A, correct: true, because: a}, {text: B, because: b}]"
    question = f'    question:\n      ask: "{ask}"\n      options: {options}\n'
    text = SHORT.replace("language: en", f"language: {language}") + question
    assert ("negated-question" in [one.rule for one in advice_on(text)]) is negated


@pytest.mark.parametrize(
    ("language", "objective", "found"),
    [
        ("en", "Understand charts", True),
        ("en", "know what a view is", True),
        ("en", "The basics of charts", True),
        ("en", "How charts work", True),
        ("en", "Write a title", False),
        ("en", "“Divide by” a total", False),
        ("sv", "Förstå moms", True),
        ("sv", "Känna till reglerna", True),
        ("sv", "Hur moms räknas", True),
        ("sv", "Fota ett kvitto", False),
        ("sv", "Slå på påminnelser", False),
    ],
)
def test_an_objective_begins_with_what_is_done(language: str, objective: str, found: bool) -> None:
    """Vague verbs and headings are found; any other verb is taken."""
    text = SHORT.replace("language: en", f"language: {language}") + f"    objective: {objective}\n"
    assert ("vague-objective" in [one.rule for one in advice_on(text)]) is found


@pytest.mark.parametrize(
    ("objective", "rule"), [("Förstå vyer", "vague-objective"), ("Skapa {{ x }}", "unfilled-placeholder")]
)
def test_a_translated_objective_is_held_to_its_own_language(objective: str, rule: str) -> None:
    """Its verb is judged by that language's words, and its braces are not filled: told where it stands."""
    text, swedish = SHORT + "    objective: Save a view\n", f"steps: [{{tip: welcome, objective: '{objective}'}}]"
    found = [one for one in advice_on(text, swedish=swedish) if one.rule == rule]
    assert [(one.file, one.line) for one in found] == [("campaigns/sample.sv.yaml", 1)]


def test_a_language_that_nobody_wrote_down_is_left_in_peace() -> None:
    """Its words are not known; a region does not matter."""
    assert vocabulary("fi") is None
    assert vocabulary("sv-FI") is LANGUAGES["sv"]
    assert vocabulary("EN") is LANGUAGES["en"]


@pytest.mark.parametrize(
    "word", ["here", "Click here", "Read more.", "https://acme.example/guide", "acme.example/guide"]
)
def test_links_that_say_nothing(word: str) -> None:
    """Also with a full stop; and an address is no text."""
    text = BASE["course"].replace("[guide to questions]", f"[{word}]")
    assert "blank-link" in [one.rule for one in advice_on(text)]


def test_a_source_makes_a_claim_one_that_can_be_checked() -> None:
    """With it, nothing is said; a variant that makes the claim and leaves the source out has its own place."""
    claim = SHORT.replace("Open your views", "Studies show it. Open your views")
    assert [one.rule for one in advice_on(claim)] == ["no-source"]
    assert advice_on(claim + '    source: "Acme usage study 2026, n = 412"\n') == ()


def test_a_translation_is_judged_by_its_own_words() -> None:
    """Its findings stand in its file; what it leaves as it was is not told twice."""
    swedish = (FOLDER / "short.sv.yaml").read_text("utf-8").replace("Öppna dina", "Studier visar det. Öppna dina")
    (found,) = advice_on(SHORT, swedish=swedish)
    assert (found.rule, found.file, found.line) == ("no-source", "campaigns/sample.sv.yaml", 6)
    assert found.excerpt[found.column - 1 :].startswith("Studier visar")
    english = SHORT.replace("Open your views", "Studies show it. Open your views")
    same = swedish.replace("    body: Ett diagram", "    # body: Ett diagram")
    assert [(one.rule, one.file) for one in advice_on(english, swedish=same)] == [
        ("no-source", "campaigns/sample.yaml"),
        ("missing-translation", "campaigns/sample.sv.yaml"),
    ]
