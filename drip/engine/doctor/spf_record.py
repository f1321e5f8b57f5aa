"""SPF as it is written: a record → its terms, and domains with macros → domains (RFC 7208, sections 4.6, 5 and 7)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from difflib import get_close_matches

#: Mechanisms that cost a lookup (section 4.6.4); `redirect` does too.
COSTLY = frozenset({"include", "a", "mx", "ptr", "exists"})
_MECHANISMS = ("all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists")
_TERM = re.compile(r"(?P<qualifier>[+?~-]?)(?P<name>[A-Za-z][A-Za-z0-9_.-]*)(?P<rest>.*)", re.DOTALL)
_MODIFIER = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9_.-]*)=(?P<value>.*)", re.DOTALL)
_CIDR = re.compile(r"(?:/(?P<four>\d{1,3}))?(?://(?P<six>\d{1,3}))?$")
_MACRO = re.compile(r"%(?:([%_-])|\{([slodiphcrtvSLODIPHCRTV])(\d*)(r?)([.\-+,/_=]*)\}|(.?))", re.DOTALL)


class Wrong(ValueError):
    """A term that SPF does not know; every receiver then ignores the whole record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One mechanism. `domain` may hold macros; the prefixes are for `a`, `mx`, `ip4` and `ip6`."""

    qualifier: str
    name: str
    domain: str = ""
    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None = None
    four: int = 32
    six: int = 128
    written: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record, read. `after_all` are terms that nothing reaches."""

    terms: tuple[Term, ...]
    redirect: str | None = None
    after_all: tuple[str, ...] = ()

    @property
    def all(self) -> Term | None:
        """The term that ends it."""
        return next((term for term in self.terms if term.name == "all"), None)


def is_spf(text: str) -> bool:
    """Whether a TXT record is meant as SPF (section 4.5)."""
    return text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")


def parse(text: str) -> Record:
    """Read a record. Raises Wrong with the term and what was probably meant."""
    terms: list[Term] = []
    after: list[str] = []
    redirects: list[str] = []
    for word in text[6:].split(" "):
        if not word:
            continue
        if modifier := _MODIFIER.fullmatch(word):
            if modifier["name"].lower() == "redirect":
                redirects.append(_domain(modifier["value"], word))
            continue  # `exp` and those of the future change no verdict
        term = _term(word)
        if any(one.name == "all" for one in terms):
            after.append(word)
        else:
            terms.append(term)
    if len(redirects) > 1:
        raise Wrong("redirect= stands twice")
    return Record(terms=tuple(terms), redirect=redirects[0] if redirects else None, after_all=tuple(after))


def _term(word: str) -> Term:
    found = _TERM.fullmatch(word)
    name = found["name"].lower() if found else ""
    if not found or name not in _MECHANISMS:
        guess = get_close_matches(name.lower(), _MECHANISMS, n=1)
        raise Wrong(f"{word} is no mechanism of SPF" + (f" (did you mean {guess[0]}?)" if guess else ""))
    qualifier, rest = found["qualifier"] or "+", found["rest"]
    if name == "all":
        if rest:
            raise Wrong(f"{word}: nothing may stand behind all")
        return Term(qualifier=qualifier, name=name, written=word)
    if name in ("ip4", "ip6"):
        return Term(qualifier=qualifier, name=name, network=_network(name, rest, word), written=word)
    if name in ("include", "exists"):
        if not rest.startswith(":") or len(rest) < 2:
            raise Wrong(f"{word}: a domain is wanted right behind {name}: and no space between")
        return Term(qualifier=qualifier, name=name, domain=_domain(rest[1:], word), written=word)
    lengths = _CIDR.search(rest)
    assert lengths is not None  # it matches nothing, too
    domain = rest[: lengths.start()]
    four, six = int(lengths["four"] or 32), int(lengths["six"] or 128)
    if (domain and not domain.startswith(":")) or domain == ":" or four > 32 or six > 128:
        raise Wrong(f"{word} cannot be read")
    return Term(
        qualifier=qualifier,
        name=name,
        domain=_domain(domain[1:], word) if domain else "",
        four=four,
        six=six,
        written=word,
    )


def _network(name: str, rest: str, word: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        network = ipaddress.ip_network(rest.removeprefix(":"), strict=False)
    except ValueError:
        raise Wrong(f"{word}: an address or a network is wanted, such as {name}:{_SAMPLES[name]}") from None
    if not rest.startswith(":") or network.version != int(name[2]):
        raise Wrong(f"{word}: an address or a network is wanted, such as {name}:{_SAMPLES[name]}")
    return network


_SAMPLES = {"ip4": "192.0.2.0/24", "ip6": "2001:db8::/32"}


def _domain(text: str, word: str) -> str:
    if not text or not text.isascii() or any(not "!" <= c <= "~" for c in text):
        raise Wrong(f"{word}: a domain is wanted")
    for macro in _MACRO.finditer(text):
        if macro[6] is not None:
            raise Wrong(f"{word}: there is no macro {macro[0]}")
    return text


def expand(text: str, *, ip: str, domain: str, sender: str) -> str:
    """Fill the macros of a domain (section 7.3). `p` is "unknown", which is what it may always be."""
    address = ipaddress.ip_address(ip)
    dotted = ip if address.version == 4 else ".".join(address.exploded.replace(":", ""))
    local, _, of = sender.rpartition("@")
    values = {
        "s": sender, "l": local, "o": of, "d": domain, "i": dotted, "p": "unknown", "h": domain, "c": ip,
        "r": "unknown", "t": "0", "v": "in-addr" if address.version == 4 else "ip6",
    }  # fmt: skip

    def fill(macro: re.Match[str]) -> str:
        if macro[1]:
            return {"%": "%", "_": " ", "-": "%20"}[macro[1]]
        parts = re.split(f"[{re.escape(macro[5] or '.')}]", values[macro[2].lower()])
        if macro[4]:
            parts.reverse()
        return ".".join(parts[-int(macro[3]) :] if macro[3] and int(macro[3]) else parts)

    filled = _MACRO.sub(fill, text)
    while len(filled) > 253 and "." in filled:
        filled = filled.partition(".")[2]
    return filled
