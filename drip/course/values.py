"""The kinds of text that a course file holds, each checked on its own: what was written → a value, or a Problem.

Every function takes a node of the tree and is used as a pydantic validator in model.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar
from unicodedata import combining, normalize

from email_validator import EmailNotValidError, validate_email
from pydantic_core import PydanticCustomError

from drip.course.expressions import parse_condition, parse_text
from drip.course.links import Link, link_problem, links
from drip.course.paths import path_problem
from drip.course.positions import Node, Row, Scalar, Table
from drip.course.timing import parse_days
from drip.errors import ExpressionError

T = TypeVar("T")

#: Mail clients show about 60 characters of a subject; ten times that is a paste in the wrong place.
LONGEST_LINE = 600
#: Gmail clips a mail over about 102 kB of HTML; a tip is two minutes of reading, 2,000 characters.
LONGEST_PROSE = 50_000
#: A tip with more pictures than this is an album.
MOST_PICTURES = 50
#: Letters of an event's name, or of a webhook's.
LONGEST_NAME = 100

_ID = re.compile(r"[a-z0-9-]{1,64}")
#: Nested steps without ids of their own have long ones; nobody types more than this.
_LONGEST_PAST_ID = 300
_SKILL = re.compile(r"[\w-]+(\.[\w-]+)*")
_ATTRIBUTE = re.compile(r"learner\.([a-z][a-z0-9_]{0,99})")
_LAYOUT = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LANGUAGE = re.compile(r"([a-z]{2,3})(?:-([a-z]{4}))?(?:-([a-z]{2}|[0-9]{3}))?((?:-[a-z0-9]{5,8})*)", re.IGNORECASE)
_BREAKS = re.compile("[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
#: Step ids that the engine uses itself.
RESERVED = frozenset({"review"})


def problem(rule: str, message: str, hint: str = "", *, offset: int = -1, width: int = 0) -> PydanticCustomError:
    """What is wrong with a value; `offset` and `width` say where in its text, if not all of it."""
    context = {"message": message, "hint": hint, "offset": offset, "width": width}
    return PydanticCustomError(rule, "{message}", context)


def text(node: Node | str) -> str:
    """A text as it was written: `1.10` and `True` are texts too where a text is wanted.

    A plain `str` is taken as well, so that settings can make a Sender from drip.toml by the same rules.
    """
    if isinstance(node, str):
        node = Scalar(node, node, (0, 0))
    if isinstance(node, Table | Row):
        what = "a list" if isinstance(node, Row) else "a list of keys"
        raise problem("wrong-type", f"a text is wanted here, not {what}")
    if node.value is None or not node.text.strip():
        raise problem("empty", "nothing is written here", "write something, or leave the key out")
    return node.text


def prose(node: Node) -> str:
    """A text of any number of lines."""
    written = text(node)
    if len(written) > LONGEST_PROSE:
        raise problem("too-big", f"{len(written):,} characters; {LONGEST_PROSE:,} is the most")
    return written


def line(node: Node) -> str:
    """A text of one line, trimmed."""
    written = text(node).strip()
    if found := _BREAKS.search(written):
        hint = "write it in one line (the text is a block, or holds a line break)"
        raise problem("line-break", "this text must not break the line", hint, offset=found.start(), width=1)
    if len(written) > LONGEST_LINE:
        raise problem("too-big", f"{len(written):,} characters in one line; {LONGEST_LINE} is the most")
    return written


def template_line(node: Node) -> str:
    """A text of one line that may hold placeholders."""
    return _with_placeholders(line(node))


def markdown(node: Node) -> str:
    """Markdown that may hold placeholders, and whose links lead somewhere safe."""
    written = _with_placeholders(prose(node))
    found = links(written)
    if (pictures := sum(link.is_picture for link in found)) > MOST_PICTURES:
        raise problem("too-big", f"{pictures:,} pictures in one text; {MOST_PICTURES} is the most")
    for link in found:
        _refuse_link(link)
    return written


def url(node: Node) -> str:
    """An address for a button: scheme and host literal, placeholders only after them."""
    written = template_line(node)
    _refuse_link(Link(url=written, offset=0))
    return written


def condition(node: Node) -> str:
    """A condition, such as `clicked("welcome")`. The names in it are looked at once all steps are known."""
    if isinstance(node, Scalar) and isinstance(node.value, bool):
        raise problem("bad-condition", f"{node.text} is always {node.text}", "leave it out, or write a condition")
    if isinstance(node, Scalar) and node.value is not None and not isinstance(node.value, str):
        raise problem("bad-condition", f"{node.text} is not a condition", 'such as clicked("welcome")')
    written = prose(node)
    try:
        parse_condition(written)
    except ExpressionError as error:
        raise problem("bad-condition", error.message, error.hint, offset=error.offset, width=error.width) from None
    return written


def identifier(node: Node) -> str:
    """An id: small letters, digits and hyphens."""
    written = text(node)
    if not _ID.fullmatch(written):
        plain = "".join(letter for letter in normalize("NFKD", written.lower()) if not combining(letter))  # ö: o
        like = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:64]
        hint = f'write "{like}"' if like else ""
        raise problem("bad-id", "an id has 1 to 64 small letters, digits and hyphens", hint)
    return written


def past_id(node: Node) -> str:
    """The id of a step that was: written, or given by drip to one without (`welcome/wait-2`)."""
    written = text(node)
    if len(written) > _LONGEST_PAST_ID or not all(_ID.fullmatch(part) for part in written.split("/")):
        return identifier(node)
    return written


def step_id(node: Node) -> str:
    """The id of a tip; a few are reserved."""
    written = identifier(node)
    if written in RESERVED:
        raise problem("bad-id", f'"{written}" is reserved for drip itself', f'write "the-{written}", say')
    return written


def skill(node: Node) -> str:
    """The name of a skill, in parts with dots between, such as `reporting.charts`."""
    written = line(node)
    if not _SKILL.fullmatch(written):
        raise problem("bad-skill", "a skill is words with dots between", "such as reporting.charts")
    return written


def layout(node: Node) -> str:
    """The name of a layout: its file's name without `.mjml`."""
    written = line(node)
    if not _LAYOUT.fullmatch(written):
        hint = f'write "{written.removesuffix(".mjml")}"' if written.endswith(".mjml") else "such as tip"
        raise problem("bad-layout", "a layout is named by its file's name without the end", hint)
    return written


def language(node: Node) -> str:
    """A BCP 47 tag (RFC 5646: language, script, region, variants) in its usual spelling."""
    written = line(node)
    found = _LANGUAGE.fullmatch(written)
    if not found:
        raise problem("bad-language", f'"{written}" is not a language tag', "write en, sv, pt-BR or zh-Hant, say")
    primary, script, region, variants = found.groups()
    parts = (primary.lower(), script and script.title(), region and region.upper())
    return "-".join(part for part in parts if part) + variants.lower()


def email(node: Node) -> str:
    """An email address, in its normal form. DNS is not asked; a local part is ASCII (no SMTPUTF8)."""
    written = line(node)
    try:
        return validate_email(
            written, check_deliverability=False, test_environment=True, allow_smtputf8=False
        ).normalized
    except EmailNotValidError as error:
        hint = "write it like learn@acme.example"
        raise problem("bad-email", f'"{written}" is not an email address: {error}', hint) from None


def timed(parse: Callable[[object], T]) -> Callable[[Node], T]:
    """A validator from one of the parsers of timing.py."""

    def read(node: Node) -> T:
        written = text(node)
        try:
            return parse(written)
        except ValueError as error:
            message, _, hint = str(error).partition(": ")
            raise problem("bad-time", message, hint) from None

    return read


def days(node: Node) -> frozenset[int]:
    """Weekdays: a text such as `mon-fri`, or a list of such texts."""
    if isinstance(node, Row):
        try:
            return parse_days([text(item) for item in node])
        except ValueError as error:
            message, _, hint = str(error).partition(": ")
            raise problem("bad-time", message, hint) from None
    return timed(parse_days)(node)


def name(node: Node) -> str:
    """What an event, or an outgoing webhook, is called."""
    written = line(node)
    if len(written) > LONGEST_NAME:
        raise problem("too-big", f"a name of {len(written):,} characters; {LONGEST_NAME} is the most")
    return written


def attribute(node: Node) -> str:
    """A learner's attribute, written as conditions write it: `learner.renewal_date` is renewal_date."""
    written = line(node)
    found = _ATTRIBUTE.fullmatch(written)
    if not found:
        like = re.sub(r"[^a-z0-9]+", "_", written.lower().removeprefix("learner.")).strip("_")
        hint = f"write learner.{like}" if re.match("[a-z]", like) else "such as learner.renewal_date"
        raise problem("bad-attribute", f"{shown(written)} is not an attribute of the learner", hint)
    return found[1]


def domain(node: Node) -> str:
    """The domain of addresses, such as `bounces.acme.example`."""
    written = line(node)
    try:
        return validate_email(f"a@{written}", check_deliverability=False, test_environment=True).domain
    except EmailNotValidError:
        hint = f'write "{written.rpartition("@")[2]}"' if "@" in written else "such as bounces.acme.example"
        raise problem("bad-domain", f"{shown(written)} is not a domain", hint) from None


def source_of_picture(node: Node) -> str:
    """Where a picture comes from: an https address, or a file beside the course."""
    written = line(node)
    _refuse_link(Link(url=written, offset=0, is_picture=True))
    return written


def local_path(node: Node) -> str:
    """A file beside the course."""
    written = line(node)
    if wrong := path_problem(written):
        raise problem("bad-path", *wrong)
    return written


def shown(written: str) -> str:
    """What was written, in quotes, short enough and plain enough to stand in a message."""
    plain = "".join(c if c.isprintable() else "?" for c in written[:41])
    return f'"{plain}"' if len(plain) <= 40 else f'"{plain[:40]}…"'


def _with_placeholders(written: str) -> str:
    try:
        parse_text(written)
    except ExpressionError as error:
        raise problem("bad-placeholder", error.message, error.hint, offset=error.offset, width=error.width) from None
    return written


def _refuse_link(link: Link) -> None:
    if wrong := link_problem(link):
        message, hint = wrong
        raise problem("bad-link", message, hint, offset=link.offset, width=len(link.url.split("\n")[0]))
