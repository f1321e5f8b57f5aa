"""What each language says vaguely, negatively, boldly or loudly. Another language is one more entry in `LANGUAGES`."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabulary:
    """Words of one language, in lower case. Expressions are matched anywhere in a text, in any case."""

    #: Verbs that nobody can be seen doing.
    vague: frozenset[str]
    #: Words that begin an objective which has no verb in front.
    no_verbs: frozenset[str]
    negation: re.Pattern[str]
    #: Numbers and authorities that a reader is asked to believe.
    claim: re.Pattern[str]
    #: Link texts that say nothing about where they lead.
    blank_links: frozenset[str]
    #: What filters and people take for advertising.
    spam: re.Pattern[str]


def _any(*patterns: str) -> re.Pattern[str]:
    return re.compile(r"\b(?:" + "|".join(patterns) + r")", re.IGNORECASE)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _list(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.split(","))


_PEOPLE_EN = (
    r"(?:people|customers|users|teams|companies|businesses|managers|employees|readers|learners|adults|leaders"
    r"|workers)\b"
)
_NUMBER_EN = r"(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten)"
_PEOPLE_SV = (
    r"(?:\w+ )?(?:människor|personer|kunder(?:na)?|användare|företag(?:en)?|chefer|anställda|medarbetare|läsare"
    r"|svenskar(?:na)?|vuxna)\b"
)
_NUMBER_SV = r"(?:\d+|en|två|tre|fyra|fem|sex|sju|åtta|nio|tio)"

LANGUAGES: dict[str, Vocabulary] = {
    "en": Vocabulary(
        vague=_words(
            "understand know learn appreciate realise realize believe grasp comprehend be become get familiarise"
            " familiarize discover explore see think feel enjoy remember have gain improve internalise internalize"
        ),
        no_verbs=_words(
            "a an the this that these those how why what when where who which your our my its their all some to in on"
            " of for with about after by you we i it introduction overview basics"
        ),
        negation=_any(r"not\b", r"never\b", r"except\b", r"cannot\b", r"\w+n['’]t\b"),
        claim=_any(
            r"(?:studies|research|surveys|science|data|experts?) (?:have |has )?"
            r"(?:shows?|shown|says?|proves?|proven|finds?|found|suggests?|agree)\b",
            r"according to (?:a |an |the |recent |new )*(?:stud|research|survey|report|expert|scientist|analys)",
            rf"(?:\d[\d.,]{{0,12}}|\w+) ?(?:%|percent|per cent) of (?:all |our |the |most )?{_PEOPLE_EN}",
            rf"{_NUMBER_EN} (?:out of|in) (?:every )?{_NUMBER_EN} {_PEOPLE_EN}",
            r"\d[\d.,]{0,12} times (?:more|less|as|faster|better|likelier)\b",
        ),
        blank_links=_list("here, click here, click, read more, more, learn more, link, this link, this, this page"),
        spam=_any(
            r"act now\b", r"limited time\b", r"click here now\b", r"100 ?% free\b", r"risk[- ]free\b",
            r"make money\b", r"earn (?:extra )?(?:cash|money)\b", r"guaranteed? (?:results?|income|win)\b",
            r"last chance\b", r"(?:don['’]t|do not) miss (?:out|this)\b", r"buy now\b", r"order now\b",
            r"free gift\b", r"congratulations, you\b", r"you(?:['’]ve| have) (?:won|been selected)\b",
            r"dear friend\b", r"no obligation\b", r"once in a lifetime\b", r"hurry up\b", r"urgent(?::|!)",
        ),
    ),
    "sv": Vocabulary(
        vague=_words(
            "förstå känna veta lära kunna inse uppskatta tro bli vara få ha tänka tycka upptäcka utforska bekanta"
            " minnas förbättra se uppleva"
        ),
        no_verbs=_words(
            "en ett den det de denna detta dessa hur varför vad när var vem vilken vilka din ditt dina vår vårt våra"
            " min alla några att i på av för med om efter genom du vi jag introduktion översikt grunderna"
        ),
        negation=_any(r"inte\b", r"icke\b", r"aldrig\b", r"ej\b", r"utom\b", r"inget av\b", r"ingen av\b"),
        claim=_any(
            r"(?:studier|forskning(?:en)?|undersökningar|experter|statistik(?:en)?) (?:har )?"
            r"(?:visar|visat|säger|bevisar|är överens|pekar)\b",
            r"enligt (?:en |ett |ny |nya |flera )?(?:\w+ )?(?:stud|forsk|undersökning|rapport|expert|analys)",
            rf"(?:\d[\d.,]{{0,12}}|\w+) ?(?:%|procent) av (?:alla |våra |de |dem )?{_PEOPLE_SV}",
            rf"{_NUMBER_SV} av {_NUMBER_SV} {_PEOPLE_SV}",
            r"\d[\d.,]{0,12} gånger (?:mer|fler|så|snabbare|bättre|vanligare)\b",
        ),
        blank_links=_list(
            "här, klicka här, klicka, läs mer, läs mer här, mer, länk, den här länken, denna länk, mer här"
        ),
        spam=_any(
            r"sista chansen\b", r"passa på\b", r"köp nu\b", r"beställ nu\b", r"begränsat (?:erbjudande|antal)\b",
            r"100 ?% gratis\b", r"helt gratis\b", r"tjäna pengar\b", r"garanterat? (?:resultat|vinst)\b",
            r"missa inte\b", r"du har vunnit\b", r"utvald att\b", r"riskfritt\b", r"skynda (?:dig|på)\b",
            r"agera nu\b", r"brådskande(?::|!)",
        ),
    ),
}  # fmt: skip


def vocabulary(language: str) -> Vocabulary | None:
    """The words of a language (BCP 47), or of its primary subtag; None where nobody has written them down."""
    return LANGUAGES.get(language.partition("-")[0].lower())
