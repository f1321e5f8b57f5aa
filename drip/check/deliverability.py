"""Deliverability, judged on the rendered mails: whether a mail is let in, is opened, and arrives whole."""

from __future__ import annotations

import re
from collections.abc import Iterator

from drip.check.draft import Draft
from drip.check.finding import Finding
from drip.check.rendered import OURS, seen
from drip.check.rule import Rule
from drip.check.support import dropped
from drip.check.vocabulary import vocabulary
from drip.course.placeholders import replaced

#: What desktop mail programs show of a subject; phones show 30 to 40.
SHOWN_OF_A_SUBJECT = 60
#: What the roomiest inboxes show after a subject.
SHOWN_OF_A_PREHEADER = 130
#: Gmail clips HTML above this, in bytes.
CLIPPED_AT = 102_000
#: Fewer letters beside a picture are a mail that says nothing without it.
FEWEST_LETTERS = 80

_CAPITALS = re.compile(r"[^\W\d_]{4,}")
_ROWS = re.compile(r"[!?]{0,3}!!{1,5}|!\?|\?!")
_OWN = re.compile(rf"{OURS}\w+|\[[^\]]{{0,500}}\]")


def _literal(text: str) -> str:
    """What stands in a text besides its placeholders."""
    return replaced(text, lambda _: "")


def _long_subject(draft: Draft) -> Iterator[Finding]:
    for told, key in draft.saying("subject"):
        if (length := len(_literal(told.texts.subject))) > SHOWN_OF_A_SUBJECT:
            yield told.finding(draft, f"a subject of {length} characters", key)


def _no_preheader(draft: Draft) -> Iterator[Finding]:
    for path, mail in draft.tips:
        if not all(variant.texts.preheader for variant in mail.variants):
            yield Finding(message=f'tip "{mail.id}" has no preheader', path=(*path, "tip"))


def _long_preheader(draft: Draft) -> Iterator[Finding]:
    for told, key in draft.saying("preheader"):
        if (length := len(_literal(told.texts.preheader))) > SHOWN_OF_A_PREHEADER:
            yield told.finding(draft, f"a preheader of {length} characters", key)


def _same_preheader(draft: Draft) -> Iterator[Finding]:
    for told, key in draft.saying("preheader"):
        said, subject = _letters(told.texts.preheader), _letters(told.texts.subject)
        if said and subject and (said.startswith(subject) or subject.startswith(said)):
            yield told.finding(draft, "the preheader repeats the subject", key)


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def _clipped(draft: Draft) -> Iterator[Finding]:
    for mail in draft.mails:
        if mail.bytes > CLIPPED_AT:
            yield draft.in_mail(mail, f"the HTML has {mail.bytes // 1000} kB, and Gmail shows {CLIPPED_AT // 1000}")


def _image_only(draft: Draft) -> Iterator[Finding]:
    for mail in draft.mails:
        pictures = [one for one in mail.elements if one.tag == "img" and not one.hidden]
        said = _OWN.sub("", mail.text.rpartition("-- \n")[0])
        if pictures and sum(map(str.isalpha, said)) < FEWEST_LETTERS:
            yield draft.in_mail(mail, "a picture and hardly any words", pictures[-1].get("src"))


def _no_unsubscribe(draft: Draft) -> Iterator[Finding]:
    for mail in draft.mails:
        ways = [one for one in mail.elements if one.tag == "a" and one.get("href") == f"{OURS}unsubscribe_url"]
        if not any(seen(one.words) and not one.hidden for one in ways):
            yield draft.in_layout(mail, "nobody sees how to unsubscribe", "unsubscribe.url")


def _spam(draft: Draft) -> Iterator[Finding]:
    for told, key in draft.saying("subject", "preheader", "body"):
        known = vocabulary(told.language)
        if known and (found := known.spam.search(getattr(told.texts, key))):
            yield told.finding(draft, f"“{found[0]}” sounds like advertising", key, needle=found[0])


def _shouting(draft: Draft) -> Iterator[Finding]:
    for told, key in draft.saying("subject", "preheader", "body"):
        literal = _literal(getattr(told.texts, key))
        if found := _ROWS.search(literal):
            yield told.finding(draft, f"“{found[0]}” shouts", key, needle=found[0])
        elif key == "subject" and literal.count("!") > 1:
            yield told.finding(draft, "more than one exclamation mark", key)
        said = _CAPITALS.findall(literal) if key == "subject" else []
        letters = sum(map(len, said))
        if letters >= 8 and sum(len(word) for word in said if word.isupper()) > letters / 2:
            yield told.finding(draft, "a subject in capitals", key)


def _dropped(draft: Draft) -> Iterator[Finding]:
    for mail in draft.mails:
        for feature, words in dropped(mail):
            who = " and ".join(filter(None, (", ".join(feature.dropped_by[:-1]), feature.dropped_by[-1])))
            message = f"{feature.name} is dropped by {who}"
            yield (
                draft.in_mail(mail, message, words) if feature.kind == "src" else draft.in_layout(mail, message, words)
            )


DELIVERABILITY: tuple[Rule, ...] = (
    Rule(
        id="long-subject",
        family="deliverability",
        why=f"Mail programs show about {SHOWN_OF_A_SUBJECT} characters of a subject, phones 30 to 40.",
        instead="put what matters first, or say less",
        find=_long_subject,
    ),
    Rule(
        id="no-preheader",
        family="deliverability",
        why="Without one an inbox shows the first words of the body after the subject, whatever they are.",
        instead="write preheader: what the learner gets, in a few words",
        find=_no_preheader,
    ),
    Rule(
        id="long-preheader",
        family="deliverability",
        why=f"No inbox shows more than about {SHOWN_OF_A_PREHEADER} characters of it, most show half.",
        instead="keep what makes somebody open the mail",
        find=_long_preheader,
    ),
    Rule(
        id="same-preheader",
        family="deliverability",
        why="The line after the subject is the second reason to open the mail; said twice it is none.",
        instead="say what the subject leaves open",
        find=_same_preheader,
    ),
    Rule(
        id="clipped",
        family="deliverability",
        severity="error",
        why="Gmail cuts a mail there and hides the rest, the question and the way to unsubscribe first of all.",
        instead="shorten the body, or put the rest on a page and link to it",
        find=_clipped,
    ),
    Rule(
        id="image-only",
        family="deliverability",
        why="Spammers hide words in pictures, so filters distrust a mail of pictures; and many people see none.",
        instead="say in the body what the picture says",
        find=_image_only,
    ),
    Rule(
        id="no-unsubscribe",
        family="deliverability",
        severity="error",
        why="Who finds no way out presses “spam”, and then nobody's mails arrive; the law asks for it too.",
        instead='write <a href="{{ unsubscribe.url }}">{{ unsubscribe.text }}</a> where it can be seen',
        find=_no_unsubscribe,
    ),
    Rule(
        id="spam-phrase",
        family="deliverability",
        why="Filters learn from what people report, and people report what sounds like this.",
        instead="say plainly what the learner gets",
        find=_spam,
    ),
    Rule(
        id="shouting",
        family="deliverability",
        why="Capitals and rows of exclamation marks read as advertising, to filters and to people.",
        instead="write it as you would to a colleague",
        find=_shouting,
    ),
    Rule(
        id="dropped-feature",
        family="deliverability",
        why="What a big mail program drops is missing for its readers (caniemail, 2025-09-09).",
        instead="use what all of them know: tables, plain colours, pixels, PNG or JPEG pictures",
        find=_dropped,
    ),
)
