"""What hostile people write where a name should be, and how to see whether a page or a mail takes it in."""

from __future__ import annotations

from html.parser import HTMLParser

#: Each tries to break out of another place: an element, an attribute, a style, a comment, a template, a header.
HOSTILE = {
    "elements": "</title></style></textarea></script><script>pwned()</script><img src=x onerror=pwned()><svg/onload=x>",
    "attributes": "\" onfocus=\"pwned()\" autofocus x=\"' onmouseover='pwned()' y='`onclick=pwned()`",
    "templates": "{{ 7*7 }}{% print 7*7 %}{# #}${7*7}#{7*7}<%= 7*7 %>{sender}{0.__class__}{{ ''.__class__ }}",
    "addresses": "javascript:pwned()//https://evil.example/?a=b&c=d#e @evil.example \\\\evil.example //x",
    "markdown": "[x](javascript:pwned()) ![x](https://evil.example/x.png) <https://evil.example> `x` **b** | --- |",
    "entities": "&lt;script&gt;&#60;script&#62;&quot;&#x22;&amp;lt;b&amp;gt; &copy &no; ]]> <!-- --> <![CDATA[",
    "layouts": "</mj-text><mj-raw><script>pwned()</script></mj-raw><mj-text> <mj-include path='/etc/passwd'/>",
    "headers": "Anna\r\nBcc: victim@evil.example\r\n\r\nHi\nX: y\rZ\x0b\x0c\x1c\x85\u2028\u2029 =?utf-8?q?=0ABcc:?=",
    "directions": "\u202eevil\u202c\u2066x\u2069\u200f\u200b\ufeff \U000e0001 Z\u0341\u0341\u0341 \ud7ff \uffff",
}


class _Structure(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, ...]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, *sorted(name for name, _ in attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.found.append((f"/{tag}",))

    def handle_comment(self, data: str) -> None:
        self.found.append(("!", data[:20] if data.startswith("[if") else ""))

    def handle_decl(self, decl: str) -> None:
        self.found.append(("!doctype",))

    def handle_pi(self, data: str) -> None:
        self.found.append(("?",))


def structure(html: str) -> list[tuple[str, ...]]:
    """The elements of a page in their order, each with the names of its attributes: what a text must not change."""
    parser = _Structure()
    parser.feed(html)
    parser.close()
    return parser.found
