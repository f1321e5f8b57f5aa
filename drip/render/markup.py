"""A layout's own Jinja is decided once, and what comes out is looked at before MJML sees it.

MJML's Rust port validates nothing and gives no positions (and can be crashed by nesting), so mistakes are found here,
with the layout's line. Lines are followed through the filling by a mark at the end of each.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from html.entities import html5
from xml.parsers import expat

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2 import Template as JinjaTemplate
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from drip.errors import CourseError, Mistake

#: A filled layout may have so many characters and nest so deeply; sensible ones have a tenth of it.
LONGEST, DEEPEST = 400_000, 200
#: Letters that repeating a text may make: spaces that keep the next words out of a preview, or a line of dashes.
MOST_REPEATED = 5_000

_LINE_MARK = re.compile("\ue000(\\d+)\ue001")
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]*;)")
_XML_ENTITIES = frozenset({"amp;", "lt;", "gt;", "quot;", "apos;"})


class _Sandbox(ImmutableSandboxedEnvironment):
    """A text is repeated a few times and no more: `"a" * 9999999999` would fill the memory."""

    intercepted_binops = frozenset({"*", "**", "%"})

    def call_binop(self, context: Context, operator: str, left: object, right: object) -> object:
        """Raises TypeError where something large would come of it."""
        numbers = all(isinstance(one, int | float) for one in (left, right))
        if operator == "*" and not numbers:
            times, rest = (left, right) if isinstance(left, int) else (right, left)
            if not (isinstance(times, int) and isinstance(rest, str) and times * len(rest) <= MOST_REPEATED):
                raise TypeError(f"a text of at most {MOST_REPEATED:,} letters can come of *")
        elif not numbers or operator == "**":
            raise TypeError(f"there is no {operator} here" if numbers else f"{operator} is for numbers here")
        return super().call_binop(context, operator, left, right)


_LAYOUTS = _Sandbox(undefined=StrictUndefined, autoescape=True)
_LAYOUTS.globals.clear()


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A filled layout: its MJML, and for each of its lines the layout's line that it comes from."""

    mjml: str
    origins: tuple[int, ...]

    def line(self, number: int) -> int:
        """The layout's line behind a line of the MJML, both from 1."""
        return self.origins[min(number, len(self.origins)) - 1]


def fill_layout(name: str, source: str, values: Mapping[str, object]) -> Filled:
    """Decide a layout's conditions and put the values in. The result is well-formed MJML.

    Raises CourseError with the layout's name and line.
    """
    if len(source) > LONGEST:
        raise refuse(name, source, 1, f"{len(source)} characters; {LONGEST} is the most")
    try:
        marked = _compiled(source).render(values)
    except TemplateSyntaxError as error:
        raise refuse(name, source, error.lineno, f"cannot be read: {error.message}") from None
    except RecursionError:
        raise refuse(name, source, 1, "its placeholders are nested too deeply") from None
    except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
        hint = "a layout can use: " + ", ".join(sorted(values))
        raise refuse(name, source, _raised_at(error), f"cannot be filled: {error}", hint) from None
    origins, line = [], source.count("\n") + 1
    for text in reversed(marked.split("\n")):  # a line without a mark belongs to the next one that has it
        found = _LINE_MARK.search(text)
        line = int(found[1]) if found else line
        origins.append(line)
    filled = Filled(mjml=_LINE_MARK.sub("", marked), origins=tuple(reversed(origins)))
    _check(name, source, filled)
    return filled


def _check(name: str, source: str, filled: Filled) -> None:
    if len(filled.mjml) > LONGEST:
        raise refuse(name, source, 1, f"{len(filled.mjml)} characters when filled; {LONGEST} is the most")
    parser = expat.ParserCreate()
    depth = 0

    def opened(tag: str, _attributes: object) -> None:
        nonlocal depth
        depth += 1
        if depth == 1 and tag != "mjml":
            raise refuse(name, source, 1, f"begins with <{tag}>, not with <mjml>")
        if depth > DEEPEST:
            raise refuse(name, source, filled.line(parser.CurrentLineNumber), f"nested more than {DEEPEST} deep")

    def closed(_tag: str) -> None:
        nonlocal depth
        depth -= 1

    def declared(*_: object) -> None:
        raise refuse(name, source, filled.line(parser.CurrentLineNumber), "a layout has no <!DOCTYPE>")

    parser.StartElementHandler, parser.EndElementHandler = opened, closed
    parser.StartDoctypeDeclHandler = declared
    try:
        # HTML's named entities are not XML's: something of the same width stands in for them here.
        parser.Parse(_ENTITY.sub(_stand_in, filled.mjml), True)
    except expat.ExpatError as error:
        line = filled.line(error.lineno)
        why = expat.ErrorString(error.code)
        hint = "every tag is closed (<br />), and < and & in a text are written &lt; and &amp;"
        raise refuse(name, source, line, f"not well-formed: {why}", hint) from None


def _stand_in(entity: re.Match[str]) -> str:
    return "x" * len(entity[0]) if entity[1] in html5 and entity[1] not in _XML_ENTITIES else entity[0]


@lru_cache(maxsize=64)
def _compiled(source: str) -> JinjaTemplate:
    line, out = 1, []
    for _, kind, value in _LAYOUTS.lex(source):
        for number, part in enumerate(value.split("\n")):
            if number:
                out.append(f"\ue000{line}\ue001\n" if kind == "data" else "\n")
                line += 1
            out.append(part)
    return _LAYOUTS.from_string("".join(out))


def _raised_at(error: BaseException) -> int:
    """The layout's line at which Jinja raised."""
    line, trace = 1, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def refuse(name: str, source: str, line: int, message: str, hint: str = "") -> CourseError:
    """The error for a mistake in a layout, with its place."""
    lines = source.split("\n")
    excerpt = lines[line - 1] if 0 < line <= len(lines) else ""
    column = len(excerpt) - len(excerpt.lstrip()) + 1
    width = len(excerpt.strip())
    return CourseError(
        [
            Mistake(
                file=f"{name}.mjml",
                line=line,
                column=column,
                rule="layout",
                message=message,
                hint=hint,
                excerpt=excerpt,
                width=width,
            )
        ]
    )
