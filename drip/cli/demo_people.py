"""The demo's learners: what each does with a mail, and the browser that they do it with, over real HTTP.

Nothing is left to chance: who does what is decided by hash, so that every demo tells the same story.
"""

from __future__ import annotations

import email
import email.policy
import http.client
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from html import unescape
from urllib.parse import urlencode, urlsplit

_WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15"
_BLINK = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
BROWSER = f"Mozilla/5.0 (Macintosh; Intel Mac OS X 14_4) {_WEBKIT}"
CHROME = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_BLINK}"
GMAIL_PROXY = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
APPLE_PREFETCH = "Mozilla/5.0"

#: email, first name, language, zone, kind of reader. The kinds are explained in `plans`.
PEOPLE = (
    ("astrid@kund.example", "Astrid", "sv", "Europe/Stockholm", "keen"),
    ("ben@customer.example", "Ben", "en", "Europe/London", "keen"),
    ("carla@customer.example", "Carla", "en", "America/Sao_Paulo", "quick"),
    ("deepak@customer.example", "Deepak", "en", "Asia/Kathmandu", "keen"),
    ("emi@customer.example", "Emi", "en", "Asia/Tokyo", "quick"),
    ("fred@customer.example", "Fred", "en", "America/New_York", "quiet"),
    ("grace@customer.example", "Grace", "en", "Africa/Johannesburg", "guarded"),
    ("hana@customer.example", "Hana", "en", "Australia/Lord_Howe", "keen"),
    ("ivo@customer.example", "Ivo", "en", "Europe/Berlin", "silent"),
    ("june@customer.example", "June", "en", "America/Los_Angeles", "leaves"),
    ("kalani@customer.example", "Kalani", "en", "Pacific/Honolulu", "quick"),
    ("lena@kund.example", "Lena", "sv", "Europe/Stockholm", "guarded"),
)
#: Who becomes a customer after which mail: the goal of the course.
SUBSCRIBES = {"deepak@customer.example": 8, "carla@customer.example": 11}
#: How often each kind is right, and which rating they tend to give, from 0 (the lowest) to 1.
SKILL = {"keen": 0.85, "guarded": 0.7, "leaves": 0.6, "quick": 0.5}
#: A question that comes back is answered by somebody who has read why: so much oftener right.
LEARNT = 0.12


@dataclass(frozen=True, kw_only=True)
class Mail:
    """What a mail offers to press: `questions` are the answer links of each, `ratings` those of a survey."""

    to: str
    number: int
    pixel: str | None
    links: tuple[str, ...]
    questions: tuple[tuple[str, ...], ...]
    ratings: tuple[str, ...]
    unsubscribe: str
    comes_back: bool

    @property
    def presses(self) -> tuple[str, ...]:
        """Every link, in its order: what a gateway follows."""
        return (*self.links, *(url for options in self.questions for url in options), *self.ratings, self.unsubscribe)


@dataclass(frozen=True, kw_only=True)
class Act:
    """Something a learner (or a machine on the way) does, so long after the mail came."""

    after: timedelta
    what: str
    url: str
    agent: str = BROWSER
    sure: str = ""
    question: int = 0


def read(raw: bytes, number: int, base_url: str) -> Mail:
    """Read a mail the way that a mail program does; `number` counts the mails of this person from 1."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    html_part = message.get_body(("html",))
    html = unescape(html_part.get_content()) if html_part is not None else ""
    ours = re.findall(rf'(?:href|src)="({re.escape(base_url)}/[^"]+)"', html)

    def of(kind: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys(url for url in ours if url.startswith(f"{base_url}/{kind}/")))

    questions: list[list[str]] = []
    for url, letter in re.findall(
        rf'href="({re.escape(base_url)}/a/[^"]+)"[^>]*>\s*<span class="letter"[^>]*>(.)', html
    ):
        if letter == "A":
            questions.append([])
        questions[-1].append(url)
    asked = {url for options in questions for url in options}
    return Mail(
        to=str(message["To"].addresses[0].addr_spec),
        number=number,
        pixel=next(iter(of("o")), None),
        links=of("c"),
        questions=tuple(map(tuple, questions)),
        ratings=tuple(url for url in of("a") if url not in asked),
        unsubscribe=str(message["List-Unsubscribe"]).strip("<>"),
        comes_back=not of("c"),
    )


def plans(mail: Mail) -> Iterator[Act]:
    """What happens to this mail. Answers are by luck of the hash; the keen are right more often than the quick."""
    kind = {address: kind for address, _, _, _, kind in PEOPLE}[mail.to]
    hours = timedelta(hours=0.2 + 7 * _luck(mail, "opens"))
    if kind == "guarded":  # a gateway walks through every link within seconds; the person comes later
        for place, url in enumerate(mail.presses):
            yield Act(after=timedelta(seconds=2 + 0.3 * place), what="follow", url=url, agent=CHROME)
    if kind == "quiet" and mail.pixel:  # Apple fetches the pixel ahead; nobody can tell whether Fred reads
        yield Act(after=timedelta(seconds=40), what="open", url=mail.pixel, agent=APPLE_PREFETCH)
    if kind in ("silent", "quiet"):
        return
    if mail.pixel and _luck(mail, "reads") < 0.9:
        yield Act(after=hours, what="open", url=mail.pixel, agent=GMAIL_PROXY if kind == "quick" else BROWSER)
    if kind == "leaves" and mail.number == 3:
        yield Act(after=hours + timedelta(minutes=1), what="leave", url=mail.unsubscribe)
        return
    if mail.links and _luck(mail, "clicks") < 0.6:
        yield Act(after=hours + timedelta(minutes=2), what="follow", url=mail.links[-1])
    if _luck(mail, "answers") < 0.9:
        for place in range(len(mail.questions)):
            yield _answer(mail, place, SKILL[kind], hours + timedelta(minutes=4 + place))
    if mail.ratings and _luck(mail, "rates") < 0.9:
        wish = min(1.0, SKILL[kind] - 0.1 + 0.4 * _luck(mail, "likes"))
        yield Act(
            after=hours + timedelta(minutes=3), what="rate", url=mail.ratings[round(wish * (len(mail.ratings) - 1))]
        )
    if SUBSCRIBES.get(mail.to) == mail.number:
        yield Act(after=hours + timedelta(minutes=30), what="subscribe", url="")


def _answer(mail: Mail, place: int, skill: float, after: timedelta) -> Act:
    """An answer to one of the mail's questions; its own stands first, those that came back follow."""
    said = f"/{place}" if place else ""
    known = skill + LEARNT if place or mail.comes_back else skill
    right = _luck(mail, f"knows{said}") < known
    sure = "certain" if _luck(mail, f"sure{said}") < known else "fairly" if right else "guessed"
    return Act(after=after, what="right" if right else "wrong", url="", sure=sure, question=place)


def _luck(mail: Mail, what: str) -> float:
    digest = sha256(f"{mail.to}/{mail.number}/{what}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32


@dataclass
class Browser:
    """A browser without JavaScript: follows links, reads forms, presses buttons."""

    base_url: str
    counted: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)

    def get(self, url: str, agent: str) -> tuple[int, str]:
        """Status and page."""
        return self._request("GET", url, agent)

    def answer(self, url: str, option: int, sure: str, agent: str = BROWSER) -> tuple[int, str]:
        """Open the answer page, choose an option there, and press how sure one is."""
        return self._press(url, agent, {"option": str(option), "sure": sure})

    def rate(self, url: str, agent: str = BROWSER) -> tuple[int, str]:
        """Open the page of a rating, and press that it is meant."""
        _, page = self.get(url, agent)
        chosen = re.search(r'name="rating" value="([^"]+)" checked', page)
        return self._press(url, agent, {"rating": chosen[1] if chosen else ""})

    def leave(self, url: str, agent: str = BROWSER) -> tuple[int, str]:
        """What a mail program's own unsubscribe button sends (RFC 8058)."""
        return self._request("POST", url, agent, "List-Unsubscribe=One-Click")

    def close(self) -> None:
        self._connection.close()

    def _press(self, url: str, agent: str, form: dict[str, str]) -> tuple[int, str]:
        """What a press on a page's form sends."""
        _, page = self.get(url, agent)
        nonce = re.search(r'name="nonce" value="([^"]+)"', page)
        return self._request("POST", url, agent, urlencode({"nonce": nonce[1] if nonce else "", **form}))

    def _request(self, method: str, url: str, agent: str, body: str | None = None) -> tuple[int, str]:
        headers = {"User-Agent": agent}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request(method, url.removeprefix(self.base_url), body=body, headers=headers)
        response = self._connection.getresponse()
        return response.status, response.read().decode("utf-8", "replace")
