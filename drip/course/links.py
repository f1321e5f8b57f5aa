"""The links of a body, and what an address must look like before drip leads anybody to it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from drip.course.paths import is_local, of_address, path_problem
from drip.course.placeholders import placeholders, replaced

#: Stands for a placeholder while Markdown is read; no text has it (a private character, Unicode 23.5).
_FILLER = "\ue000"
_WEB = re.compile(r"https?://([^/?#]*)", re.IGNORECASE)
#: Host name or address, and a port. Letters of any script: they become punycode later.
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[\w-]+(\.[\w-]+)*\.?)(:[0-9]{1,5})?", re.IGNORECASE)
_MAILTO = re.compile(r"mailto:([^?]*)", re.IGNORECASE)
#: Where the learner's certificate is: one of our own addresses, which is a link by itself or none.
_CERTIFICATE = re.compile(r"(?<![.\w])certificate\s*\.\s*url\b")
_ALONE = re.compile(r"\{\{[-+]?\s*certificate\s*\.\s*url\s*[-+]?\}\}")
_TEL = re.compile(r"tel:\+?[0-9().-]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One link: its address as written, and where in the text it stands (-1: not found as it is)."""

    url: str
    offset: int = -1
    is_picture: bool = False

    @property
    def counts_clicks(self) -> bool:
        """Whether following it can be seen: web addresses go through drip, mailto: opens a mail program."""
        return bool(_WEB.match(self.url)) and not self.is_picture


def is_certificate(address: str) -> bool:
    """Whether a link is just `{{ certificate.url }}`."""
    return bool(_ALONE.fullmatch(address.strip()))


def says_certificate(text: str) -> bool:
    """Whether a text says where the certificate is."""
    return "certificate" in text and any(_CERTIFICATE.search(text[slice(*place)]) for place in placeholders(text))


def _reader() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False})
    # Here every address is to be seen, also those that a renderer would leave out or rewrite.
    markdown.validateLink = lambda url: True  # type: ignore[method-assign]  # markdown-it's own way to set it
    markdown.normalizeLink = lambda url: url  # type: ignore[method-assign]
    return markdown


_MARKDOWN = _reader()


@lru_cache(maxsize=1024)
def links(body: str) -> tuple[Link, ...]:
    """The links and images of a Markdown text, in order. Placeholders in their addresses stand as written."""
    if "[" not in body and "<" not in body:
        return ()
    written: list[str] = []

    def hide(placeholder: str) -> str:
        written.append(placeholder)
        return f"{_FILLER}{len(written) - 1}{_FILLER}"

    filled = replaced(body.replace(_FILLER, "\ufffd"), hide)
    found: list[Link] = []
    for token in _flat(_MARKDOWN.parse(filled)):
        target = token.attrs.get("href") if token.type == "link_open" else token.attrs.get("src")
        if isinstance(target, str):
            address = re.sub(rf"{_FILLER}(\d+){_FILLER}", lambda match: written[int(match[1])], target)
            found.append(Link(url=address, offset=body.find(address), is_picture=token.type == "image"))
    return tuple(found)


def link_problem(link: Link) -> tuple[str, str] | None:
    """What is wrong with an address, as (message, hint), or None. Scheme and host must be literal and well formed, but
    for the certificate's own.
    """
    url = link.url.strip()
    if is_certificate(url) and not link.is_picture:
        return None
    if says_certificate(url) and not link.is_picture:
        return "the certificate's address is a link by itself", "such as [Your certificate]({{ certificate.url }})"
    filled = replaced(url, lambda _: _FILLER)
    if link.is_picture:
        if _FILLER not in filled and url.startswith("https://"):
            return None if _HOST.fullmatch(url[8:].split("/")[0]) else (f"{url[:80]} leads nowhere", "check the host")
        if _FILLER in filled or not is_local(filled):
            hint = "write https://" if url.startswith("http://") else "placeholders are for links"
            return "a picture is a file beside the course, or a literal address that begins with https://", hint
        return path_problem(of_address(url))
    if found := _MAILTO.match(filled):
        if _FILLER in found[1] or "@" not in found[1]:
            return "a mailto: link needs a literal address", "such as mailto:help@acme.example"
        return None
    if _TEL.fullmatch(filled):
        return None
    if not (found := _WEB.match(filled)):
        if filled.startswith(_FILLER) or _FILLER in filled.split("/")[0]:
            return "where a link leads must be literal", "write https://host/ first; placeholders may stand after it"
        hint = f'write "https://{url}"' if re.match(r"[\w-]+(\.[\w-]+)+(/|$)", url) else "begin it with https://"
        return "a link begins with https://, http:// or mailto:", hint
    if _FILLER in found[1]:
        return "the host of a link must be literal", "placeholders may stand in the path and after ?"
    if "@" in found[1]:
        return "a link with a name before its host looks like a trap to mail filters", "leave out everything up to @"
    if not _HOST.fullmatch(found[1]):
        return f'"{found[1]}" is not a host', "write it like https://app.acme.example/"
    if re.search(r"[\s\\<>\"]", filled):
        return "an address has no spaces, quotes or backslashes", "write %20 for a space"
    return None


def picture_is_plain(body: str, address: str) -> bool:
    """Whether the address of a picture stands in the text as it is, so that another can take its place."""
    return _placed(address).search(body) is not None


def with_pictures(body: str, name_of: Callable[[str], str | None]) -> str:
    """The body with other addresses for its pictures: `name_of` gives the new one, or None to leave it."""
    for address in dict.fromkeys(link.url for link in links(body) if link.is_picture):
        if name := name_of(address):
            body = _placed(address).sub(rf"\g<1>{name}", body)
    return body


def _placed(address: str) -> re.Pattern[str]:
    """An address where Markdown puts one: `](address)`, `](<address> "title")`, or `[name]: address`."""
    return re.compile(rf"(\](?:\(|:)\s*<?){re.escape(address)}(?=[\s)>]|\Z)")


def _flat(tokens: list[Token]) -> list[Token]:
    """All tokens; Markdown nests them at most two deep, images in inline text."""
    return [inner for token in tokens for inner in (token, *_flat(token.children or []))]
