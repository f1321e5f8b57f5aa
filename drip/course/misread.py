"""Why Jinja could not read a text, in words for somebody who writes courses, and at which character."""

from __future__ import annotations

import re
from collections.abc import Iterator

from jinja2 import Environment, TemplateSyntaxError
from jinja2.lexer import ignored_tokens
from jinja2.parser import Parser

from drip.course.placeholders import placeholders
from drip.errors import ExpressionError

_UNSEEN = ignored_tokens | {"raw_begin", "raw_end"}
_STRING = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'", re.DOTALL)

#: A part of Jinja's message → ours, and what to write instead.
_EXPLAINED = (
    ("looking for the following tags", "an {% if … %} without its {% endif %}", "write {% endif %} where it ends"),
    ("expected 'end of print statement'", "a {{ without its }}", "write }} after the placeholder"),
    ("expected 'end of statement block'", "a {% without its %}", "write %} after the condition"),
    ("Missing end of comment tag", "a {# without its #}", "write #} where the comment ends"),
    ("Missing end of raw directive", "a {% raw %} without its end", ""),
    ("unknown tag 'endif'", "an {% endif %} without its {% if … %}", ""),
    ("unknown tag 'el", "an {% else %} without its {% if … %}", ""),
    ("unexpected char '&'", "& is not a word of conditions", 'write "and"'),
    ("unexpected char '!'", "! is not a word of conditions", 'write "not"'),
    ("unexpected char '?'", "? is not a word of conditions", 'write "A if condition else B"'),
    ('unexpected char "\'"', "a text without its closing quote", "close it with '"),
    ("unexpected char '\"'", "a text without its closing quote", 'close it with "'),
    ("got '|'", "| begins a filter here, and || is not a word of conditions", 'write "or"'),
    ("got '='", "= sets nothing here", "compare with =="),
    ("unexpected end of template, expected ')'", "a bracket is not closed", "write ) where it ends"),
    ("unexpected '}', expected ')'", "a bracket is not closed", "write ) where it ends"),
    ("unexpected '}'", "a single } closes no placeholder", "write }}"),
    ("unexpected ')'", "a ) that no ( opened", "delete it, or write ( where it begins"),
    ("expected name or number", "nothing stands after the dot", ""),
    ("Expected an expression, got 'end of", "nothing stands between the braces", ""),
    ("end of template", "it ends too early", "something is missing at the end"),
)


def misread(
    env: Environment, text: str, error: TemplateSyntaxError, parser: Parser | None, *, state: str | None = None
) -> ExpressionError:
    """Jinja's complaint about `text` as ours. `parser` stands where it gave up (None: before the first word)."""
    offset, width = _place(env, text, parser, state)
    complaint = error.message or ""
    for part, message, hint in _EXPLAINED:
        if part in complaint:
            return ExpressionError(message, offset=offset, width=width, hint=hint)
    if tag := re.search(r"unknown tag '(\w+)'", complaint):
        hint = "a text may use {{ … }} and {% if … %}…{% endif %}"
        return ExpressionError(f"{{% {tag[1]} %}} cannot be used here", offset=offset, width=width, hint=hint)
    if got := re.search(r"got '(.+)'$", complaint):
        return unexpected(got[1], offset=offset, width=width)
    return ExpressionError(f"cannot be read: {complaint.rstrip('.')}", offset=offset, width=width)


def left_over(env: Environment, text: str, parser: Parser) -> ExpressionError:
    """A condition is complete, and text goes on."""
    word = str(parser.stream.current.value)
    offset, width = _place(env, text, parser, "variable")
    return unexpected(word, offset=offset, width=width)


def unexpected(word: str, *, offset: int, width: int) -> ExpressionError:
    """A word where none should be."""
    hint = "compare with ==" if word == "=" else 'is "and", "or" or an operator missing before it?'
    return ExpressionError(f'did not expect "{word}" here', offset=offset, width=width, hint=hint)


def code_only(text: str, *, template: bool) -> str:
    """The text with everything blanked that is not code: quoted texts, and in a template what stands outside braces.

    Names are then found where they are used and not in prose; offsets stay what they were.
    """
    if template:
        kept, cursor = [], 0
        for start, end in placeholders(text):
            kept += [" " * (start - cursor), text[start:end]]
            cursor = end
        text = "".join(kept)
    return _STRING.sub(lambda quoted: " " * len(quoted[0]), text)


def _place(env: Environment, text: str, parser: Parser | None, state: str | None) -> tuple[int, int]:
    """The offset and width of the word at which the parser gave up: as many words from the end as it has not read."""
    words: list[tuple[int, str]] = []
    cursor = 0
    try:
        for at, kind, word in _lexed(env, text, state):
            cursor = at + len(word)
            if kind not in _UNSEEN:
                words.append((at, word))
    except TemplateSyntaxError:
        rest = text[cursor:]
        return cursor + len(rest) - len(rest.lstrip()), 1
    left = 0
    stopped_at = str(parser.stream.current.value) if parser is not None else ""
    try:
        while parser is not None and not parser.stream.eos:
            left += 1
            next(parser.stream)
    except TemplateSyntaxError:  # a text further on has an escape that there is not, such as '\\x'
        return next(((at, len(word)) for at, word in reversed(words) if word == stopped_at), (0, 1))
    if not words:
        return 0, 1
    at, word = words[-left] if 0 < left <= len(words) else words[-1]
    return at, len(word.rstrip()) or 1


def _lexed(env: Environment, text: str, state: str | None) -> Iterator[tuple[int, str, str]]:
    """Every token of Jinja's with its offset: the lexer itself tells lines only."""
    cursor = 0
    for _, kind, word in env.lexer.tokeniter(text, None, None, state):
        cursor = max(cursor, text.find(word, cursor))
        yield cursor, kind, word
        cursor += len(word)
