"""Every language that drip speaks: a module each, named by its BCP 47 tag, whose `WORDS` say everything.

`da.py` is Danish, `pt_br.py` Brazilian Portuguese. There is nothing else to edit: whatever lies in this folder is
spoken, and a module that leaves a word out is refused when it is imported.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from drip.render.words import Words


def _words(name: str) -> Words:
    words: Words = import_module(f"{__name__}.{name}").WORDS
    return words


#: Tag in lower case → its words.
LANGUAGES: dict[str, Words] = {
    module.name.replace("_", "-"): _words(module.name) for module in sorted(iter_modules(__path__))
}


def spoken(language: str) -> Words | None:
    """The words in a BCP 47 language, or of its primary subtag (`sv` for `sv-FI`); None where there are none."""
    tag = language.lower()
    return LANGUAGES.get(tag) or LANGUAGES.get(tag.partition("-")[0])


def words_for(language: str) -> Words:
    """The words in a BCP 47 language: its own, else those of its primary subtag, else English."""
    return spoken(language) or LANGUAGES["en"]
