"""The plain text part of a mail: complete, in the order of the HTML, with every link written out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from drip.render.parts import Parts, Pressable
from drip.render.plain import to_text
from drip.render.shelf import Shelf
from drip.render.words import Words

#: Between the tip and its question, as between any two parts that are told apart.
_RULE = "* * *\n\n"


def text_of(parts: Parts, words: Words, shelf: Shelf) -> str:
    """Everything that a mail says. Its body ends with an empty line wherever it ends."""
    return "".join(_pieces(parts, words, shelf))


def card_text(ask: str, options: Sequence[Pressable], words: Words) -> str:
    """A question with its options, each with its link."""
    choices = "".join(f"{option.letter}. {option.text}\n   {option.url}\n\n" for option in options)
    return f"{ask}\n\n{words.choose}\n\n{choices}"


def _pieces(parts: Parts, words: Words, shelf: Shelf) -> Iterator[str]:
    yield " · ".join(filter(None, (parts.brand, parts.progress))) + "\n\n"
    if parts.title:
        yield f"{parts.title}\n\n"
    yield to_text(parts.body.nodes, shelf)
    if parts.source:
        yield f"{parts.source}\n\n"
    if parts.picture and parts.picture.alt:
        yield f"[{parts.picture.alt}]\n\n"
    if parts.clip:
        yield f"{parts.clip.text}:\n{parts.clip.url}\n\n"
    if parts.button:
        yield f"{parts.button.text}:\n{parts.button.url.removeprefix('mailto:')}\n\n"
    if parts.ask:
        yield _RULE + card_text(parts.ask, parts.options, words)
    if survey := parts.survey:
        yield _RULE + (f"{survey.ask}\n\n" if survey.ask else "") + f"{survey.ends}\n\n{words.rate}\n\n"
        for row in survey.rows:
            yield from (f"{rating.text}: {rating.url}\n" for rating in row)
        yield "\n"
    if parts.brings_questions:
        heading = f"{parts.earlier}\n\n" if parts.earlier else ""
        yield shelf.put("{% if cards %}") + _RULE + heading + shelf.put("{{ cards }}") + shelf.put("{% endif %}")
    # the signature's dashes: mail programs show what follows in a quieter tone and leave it out of replies
    yield f"-- \n{parts.why}\n"
    for way in (parts.pause, parts.change_pace, parts.unsubscribe, parts.view):
        yield f"{way.text}: {way.url}\n"
    if parts.address:
        yield f"{parts.address}\n"
