"""Jinja lies on a shelf while Markdown, MJML and CSS inlining see an opaque word, which becomes Jinja again last.

A word is lower-case letters and digits only, so that no tool on the way escapes, wraps, moves or inlines it. Everything
that is not a word is literal: `restore` takes care that no brace of a literal text is read as Jinja.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from drip.course.expressions import environment, parse_text

_SANDBOX = environment(autoescape=False)
#: A brace that Jinja would read as the start of something.
_OPENING = re.compile(r"\{(?=[{%#])")
_BRACE = "{{ '{' }}"
_LINE_END = re.compile(r"\r\n|\r|\n")
#: The sign at an end of a tag that trims white space, or says not to.
_SIGN = re.compile(r"\A(\{[{%#])[-+]|[-+]([}%#]\})\Z")


class Shelf:
    """Where one template's Jinja lies while its text is worked on. Words of one shelf mean nothing to another."""

    def __init__(self, texts: Iterable[str]) -> None:
        """A shelf whose words occur in none of `texts`, which are all that the template is made of."""
        self._mark = "jqz"
        while any(self._mark in text for text in texts):
            self._mark += "q"
        self._sources: list[str] = []
        self._tags: dict[str, str] = {}
        self._note = f"{self._mark}n"
        self._lone_note = re.compile(rf"^[ \t]*(?:{self._note}[ \t]*)+\n", re.MULTILINE)
        #: Any word, and the words of statements (`{% … %}`) alone.
        self.word = re.compile(rf"{self._mark}(\d+)[es]")
        self.statement = re.compile(rf"{self._mark}\d+s")

    def hide(self, text: str, *, keep_space: bool = False) -> str:
        """The text with a word for every `{{ … }}` and `{% … %}`, without its comments, and with raw parts laid bare.

        With `keep_space`, the signs that trim white space (`{%- … -%}`) do nothing: in Markdown, an empty line is
        structure. Raises ExpressionError for what a text may not hold.
        """
        parse_text(text)
        text = "\n".join(_LINE_END.split(text))  # as Jinja reads it
        out: list[str] = []
        piece, tag, end = "", "", 0
        for _, kind, value in _SANDBOX.lex(text):
            start = text.index(value, end)  # what lies between was trimmed: white space
            trimmed, end = text[end:start], start + len(value)
            if not piece and keep_space:
                out.append(trimmed)
            if kind in ("raw_begin", "raw_end"):
                continue
            if kind == "data":
                out.append(value)
                continue
            piece += value
            tag = tag or (value if kind == "name" else "")
            if kind not in ("comment_end", "variable_end", "block_end"):
                continue
            after = ""
            if keep_space:
                after = piece[len(piece.rstrip()) :]
                piece = _SIGN.sub(r"\1\2", piece.rstrip())
            out.append(self._note if kind == "comment_end" else self.put(piece, tag=tag if kind == "block_end" else ""))
            out.append(after)
            piece, tag = "", ""
        return self._lone_note.sub("", "".join(out)).replace(self._note, "")

    def put(self, source: str, *, tag: str = "") -> str:
        """A word for a piece of Jinja source (or of anything that must reach the end untouched)."""
        word = f"{self._mark}{len(self._sources)}{'s' if tag else 'e'}"
        self._sources.append(source)
        if tag:
            self._tags[word] = tag
        return word

    def filtered(self, word: str, name: str) -> str:
        """A word for the same placeholder with one filter more around it; a statement stays what it is."""
        if word in self._tags:
            return word
        inner = self._sources[int(self.word.match(word)[1])].strip("{}").strip("-+")  # type: ignore[index]  # it is a word
        return self.put(f"{{{{ ({inner.strip()}) | {name} }}}}")

    def tag(self, word: str) -> str:
        """What a statement's word stands for: if, elif, else or endif."""
        return self._tags[word]

    def restore(self, text: str) -> str:
        """The text as Jinja source: words become what they stand for, and all the rest is literal."""
        out: list[str] = []
        end = 0
        for found in self.word.finditer(text):
            source = self._sources[int(found[1])]
            out.append(_literal(text[end : found.start()], before=source))
            out.append(source)
            end = found.end()
        out.append(_literal(text[end:], before=""))
        return "".join(out)


def _literal(text: str, *, before: str) -> str:
    text = _OPENING.sub(_BRACE, text)
    return text[:-1] + _BRACE if text.endswith("{") and before.startswith("{") else text
