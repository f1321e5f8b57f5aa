"""Language: sentences and words that are hard to read, and claims that a reader is asked to believe."""

from __future__ import annotations

from collections.abc import Iterator

from drip.check.draft import Draft
from drip.check.finding import Finding
from drip.check.prose import grade, lix, sentences, words
from drip.check.rule import Rule
from drip.check.vocabulary import vocabulary

#: A sentence of more words is read twice.
LONGEST_SENTENCE = 30
#: From here on a text is hard (Björnsson 1968: official texts).
HARD_LIX = 55
#: A text for which a school of more than so many years is needed; newspapers are written for 9 to 11.
HARD_GRADE = 12
#: An index of fewer words is an accident.
FEWEST_WORDS = 40
LIX_LANGUAGES = frozenset({"sv", "no", "nb", "nn", "da", "de", "en"})


def _long_sentence(draft: Draft) -> Iterator[Finding]:
    for told, key in draft.saying("body"):
        for sentence in sentences(told.blocks):
            # a sentence of so few signs has no thirty words, and most are shorter
            if len(sentence) > 2 * LONGEST_SENTENCE and (count := len(words(sentence))) > LONGEST_SENTENCE:
                message = f"a sentence of {count} words: “{sentence[:40].strip()} …”"
                yield told.finding(draft, message, key, needle=" ".join(sentence.split()[:2]))


def _hard(draft: Draft) -> Iterator[Finding]:
    for told, key in draft.saying("body"):
        language = told.language.partition("-")[0].lower()
        if language not in LIX_LANGUAGES or len(words(told.texts.body)) < FEWEST_WORDS:
            continue
        if (index := lix(told.blocks)) > HARD_LIX:
            yield told.finding(draft, f"LIX {index:.0f}, where 40 is easy and {HARD_LIX} is hard", key)
        elif language == "en" and (years := grade(told.blocks)) > HARD_GRADE:
            yield told.finding(draft, f"Flesch–Kincaid grade {years:.0f}, where newspapers have 9 to 11", key)


def _unsourced(draft: Draft) -> Iterator[Finding]:
    for told, key in draft.saying("body"):
        known = vocabulary(told.language)
        if known and not told.texts.source and (found := known.claim.search(told.texts.body)):
            yield told.finding(draft, f"“{' '.join(found[0].split())}” has no source", key, needle=found[0])


LANGUAGE: tuple[Rule, ...] = (
    Rule(
        id="long-sentence",
        family="learning",
        why="By the end of more than 30 words most readers have lost the beginning, on a phone above all.",
        instead="end it earlier, or make it a list",
        find=_long_sentence,
    ),
    Rule(
        id="hard-to-read",
        family="learning",
        why="Long words in long sentences shut out tired people, busy people and those who read in a second language.",
        instead="shorter sentences first, then shorter words; say who does what",
        find=_hard,
    ),
    Rule(
        id="no-source",
        family="learning",
        why="A claim without its source cannot be checked; one that is found wrong costs the trust in all the others.",
        instead="write source: with who found it, when and among how many, or leave the claim out",
        find=_unsourced,
    ),
)
