"""The addresses of a tip's links: which may stand in a mail, and how a learner's values are filled into one.

Scheme and host are literal and stay so; only path, query and fragment may hold Jinja, and every value in them is
URL-quoted. A link can therefore never lead to a place that the marketer did not write.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote

from jinja2 import TemplateError
from markdown_it.common.normalize_url import normalizeLink

from drip.course.expressions import environment, parse_text
from drip.course.links import is_certificate
from drip.errors import ExpressionError, UserError
from drip.render.pieces import Pieces, pieces_of
from drip.render.shelf import Shelf

#: `https://host` or `http://host:port`, no user names, up to where the path, query or fragment begins.
_PLACE = re.compile(
    r"https?://(?:\[[0-9a-f:.]+\]|[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?\.?)(?::[0-9]{1,5})?(?=[/?#]|\Z)", re.IGNORECASE
)
_UNTRACKED = re.compile(r"(?:mailto|tel):[^\s]+\Z", re.IGNORECASE)
#: What a filled address consists of (RFC 3986, sections 2.2 and 2.3, and the percent sign).
_ADDRESS = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+\Z")


def is_untracked(address: str, shelf: Shelf) -> bool:
    """Whether a link stays as it is: an e-mail address, a telephone number, or the learner's certificate."""
    return bool(_UNTRACKED.match(address)) or _certificate(address, shelf)


def _certificate(address: str, shelf: Shelf) -> bool:
    return bool(shelf.word.fullmatch(address)) and is_certificate(shelf.restore(address))


def untracked(address: str, shelf: Shelf) -> str:
    """An e-mail address or telephone number as a link, its placeholders URL-quoted; the certificate's as it is. Raises
    UserError where a placeholder stands in the address itself.
    """
    if _certificate(address, shelf):
        return address
    address = normalizeLink(address)
    if shelf.word.search(address.partition("?")[0]):
        raise UserError(f"the link {shelf.restore(address)!r} needs a literal address; placeholders may stand after ?")
    return shelf.word.sub(lambda word: shelf.filtered(word[0], "in_url"), address)


def in_url(value: object) -> str:
    """A value as it may stand anywhere in a URL's path or query."""
    return quote(str(value), safe="")


def link_target(address: str, shelf: Shelf) -> str:
    """The Jinja source of a tracked link's target. Raises UserError unless its scheme and host are literal."""
    address = normalizeLink(address)
    place = _PLACE.match(address)
    source = shelf.restore(address)
    if not place or shelf.word.search(place[0]):
        raise UserError(
            f"the link {source!r} leads nowhere from a mail\n"
            "  write it out: https://, the host in plain letters, then the path, where placeholders may stand"
        )
    return source


def fill_link(link_source: str, variables: Mapping[str, object]) -> str:
    """The address for one learner: every value URL-quoted, scheme and host as written.

    Raises ExpressionError where a value is missing, and UserError where the result would lead elsewhere.
    """
    try:
        place, pieces = _compiled(link_source)
        filled = pieces.fill(variables)
    except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
        raise ExpressionError(f"the link {link_source!r} cannot be filled: {error}") from error
    reached = _PLACE.match(filled)
    if not place or not reached or reached[0] != place or not _ADDRESS.match(filled):
        raise UserError(f"the link {link_source!r} leads nowhere from a mail: {filled!r}")
    return filled


@lru_cache(maxsize=4096)
def _compiled(source: str) -> tuple[str, Pieces]:
    """The literal place that an address leads to ("": none), and what is to be filled."""
    parse_text(source)  # what a stored plan holds is looked at again
    place = _PLACE.match(source)
    return place[0] if place else "", pieces_of(source, _SANDBOX)


_SANDBOX = environment(autoescape=False)
_SANDBOX.finalize = in_url
