"""A layout's own Jinja is decided once, and what comes out is looked at before MJML sees it.

MJML's Rust port validates nothing and gives no positions (and can be crashed by nesting), so mistakes are found here,
with the layout's line. Lines are followed through the filling by a mark at the end of each.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from html.entities import html5
from xml.parsers import expat

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2 import Template as JinjaTemplate
from jinja2.sandbox import ImmutableSandboxedEnvironment

from drip.errors import CourseError, Mistake

#: A filled layout may have so many characters and nest so deeply; sensible ones have a tenth of it.
LONGEST, DEEPEST = 400_000, 200

_LINE_MARK = re.compile("\ue000(\\d+)\ue001")
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]*;)")
_XML_ENTITIES = frozenset({"amp;", "lt;", "gt;", "quot;", "apos;"})
_LAYOUTS = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=True)
_LAYOUTS.globals.clear()


def fill_layout(name: str, source: str, values: Mapping[str, object]) -> str:
    """Decide a layout's conditions and put the values in. The result is well-formed MJML.

    Raises CourseError with the layout's name and line.
    """
    try:
        marked = _compiled(source).render(values)
    except TemplateSyntaxError as error:
        raise refuse(name, source, error.lineno, f"cannot be read: {error.message}") from None
    except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
        hint = "a layout can use: " + ", ".join(sorted(values))
        raise refuse(name, source, _raised_at(error), f"cannot be filled: {error}", hint) from None
    origins: list[int] = []
    for line in marked.split("\n"):
        found = _LINE_MARK.search(line)
        number = int(found[1]) if found else 0
        origins.extend([number] if number else [origins[-1] if origins else 1])
    filled = _LINE_MARK.sub("", marked)
    _check(name, source, filled, origins)
    return filled


def _check(name: str, source: str, filled: str, origins: list[int]) -> None:
    if len(filled) > LONGEST:
        raise refuse(name, source, 1, f"{len(filled)} characters when filled; {LONGEST} is the most")
    parser = expat.ParserCreate()
    depth = 0

    def opened(tag: str, _attributes: object) -> None:
        nonlocal depth
        depth += 1
        if depth == 1 and tag != "mjml":
            raise refuse(name, source, 1, f"begins with <{tag}>, not with <mjml>")
        if depth > DEEPEST:
            raise refuse(name, source, origins[parser.CurrentLineNumber - 1], f"nested more than {DEEPEST} deep")

    def closed(_tag: str) -> None:
        nonlocal depth
        depth -= 1

    def declared(*_: object) -> None:
        raise refuse(name, source, origins[parser.CurrentLineNumber - 1], "a layout has no <!DOCTYPE>")

    parser.StartElementHandler, parser.EndElementHandler = opened, closed
    parser.StartDoctypeDeclHandler = declared
    try:
        # HTML's named entities are not XML's: something of the same width stands in for them here.
        parser.Parse(_ENTITY.sub(_stand_in, filled), True)
    except expat.ExpatError as error:
        line = origins[min(error.lineno, len(origins)) - 1]
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
