"""A mail as the preview shows it: in one colour scheme, with links that reach nobody, and its headers read."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from html import escape

_SHEET = re.compile(r"(<style\b[^>]*>)(.*?)(</style>)", re.DOTALL | re.IGNORECASE)
_MEDIA = re.compile(r"""(\bmedia\s*=\s*)("[^"]*"|'[^']*')""", re.IGNORECASE)
_SCHEME = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)", re.IGNORECASE)
_HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)
#: A media query that always holds, and one that never does, wherever a feature may stand in a longer one.
_ALWAYS, _NEVER = "(min-width: 0px)", "(max-width: 0px)"

#: A mail runs nothing, sends nothing, and is a page of ours only in so far as its height can be read. Its own style
#: stands in it; pictures come from where they really lie.
SANDBOX = "allow-same-origin allow-popups allow-popups-to-escape-sandbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """One header: what it says, and the lines in which it travels where those differ."""

    name: str
    value: str
    raw: str


def shown_html(html: str, *, base_url: str, dark: bool, images: bool, ours: Callable[[str, str], str]) -> str:
    """The mail's HTML for a frame: light or dark whatever this machine is set to, its pictures and links from here.

    `ours(kind, token)` is the address for one of our links: kind is a (an answer), u (leaving), my (the learner's own
    page, or a room of it), v (the mail in a browser) or certificate. Without `images` a line shows the room that each
    would take.
    """
    base = re.escape(escape(base_url.rstrip("/")))
    html = _SHEET.sub(lambda found: found[1] + _in_scheme(found[2], dark) + found[3], html)
    html = _MEDIA.sub(lambda found: found[1] + _in_scheme(found[2], dark), html)
    html = re.sub(rf'"{base}/m/', '"/m/', html)
    html = re.sub(
        rf'(?<=href="){base}/(a|u|my|v|certificate)/([\w-]+)(?:/\w+)?(?=")',
        lambda found: escape(ours(found[1], found[2])),
        html,
    )
    scheme = "dark" if dark else "light"
    # what the browser itself paints (a page without a colour, a scroll bar) follows the scheme too
    boxes = "" if images else " img { outline: 1px solid #7C8288 !important; outline-offset: -1px !important; }"
    also = f'<base target="_blank"><style>:root {{ color-scheme: {scheme} !important; }}{boxes}</style>'
    head = _HEAD.search(html)
    return html[: head.end()] + also + html[head.end() :] if head else also + html


def policy(*, images: bool) -> dict[str, str]:
    """What a browser may do with such a mail. Without `images` it shows what stands for them, as mail programs do."""
    pictures = "'self' https: http: data:" if images else "'none'"
    return {
        "Content-Security-Policy": (
            f"default-src 'none'; img-src {pictures}; style-src 'unsafe-inline'; font-src https: data:; "
            f"base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox {SANDBOX}"
        ),
        "Referrer-Policy": "no-referrer",
    }


def headers_of(data: bytes) -> list[Header]:
    """The headers of a message as it travels, in their order."""
    block = data.partition(b"\r\n\r\n")[0].decode("ascii", "replace")
    found = []
    for field in re.split(r"\r\n(?![ \t])", block):
        name, _, raw = field.partition(":")
        unfolded = re.sub(r"\r\n(?=[ \t])", "", raw).strip()
        value = _decoded(unfolded)
        raw = raw.strip().replace("\r\n", "\n")
        found.append(Header(name=name, value=value, raw=raw if raw != value else ""))
    return found


def _decoded(value: str) -> str:
    if "=?" not in value:
        return value
    try:
        return str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, UnicodeDecodeError):
        return value


def _in_scheme(css: str, dark: bool) -> str:
    """The media queries for one colour scheme hold, those for the other do not."""
    return _SCHEME.sub(lambda found: _ALWAYS if (found[1].lower() == "dark") is dark else _NEVER, css)
