"""Evidence → who did it, with the reason. A pure function, so that a better one can be run again over the past.

The rules, first match wins (docs/tracking.md explains them to a marketer); where user agent and network have been
forgotten, the verdict of before stands:

1.  a form was sent (answers, leaving)                       human    form
2.  a provider or a mail server tells it                     machine  told (a complaint: human)
3.  the request was a HEAD                                   machine  head
4.  the user agent names a known mail scanner or bot         machine  scanner
5.  an open whose agent is exactly `Mozilla/5.0`             machine  apple-prefetch
6.  an open through Gmail's or Yahoo's image proxy           human    image-proxy
7.  three or more different links within five seconds        machine  burst
    (and an open by the same user agent, from the same network, within five seconds of them)
8.  under ten seconds after the mail was accepted            machine  too-soon (an open: unsure)
9.  no user agent at all                                     unsure   no-agent
10. everything else                                          human    ""
"""

from __future__ import annotations

from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter

from drip.track.evidence import Evidence, Kind, Origin

#: So many different links, within so long, is a scanner walking through the message.
BURST_LINKS = 3
BURST_WITHIN = timedelta(seconds=5)
#: No person reads a mail this soon after the receiving server took it.
TOO_SOON = timedelta(seconds=10)
#: Words in the user agents of mail gateways, link checkers and libraries (lower case).
SCANNERS = (
    "barracuda", "proofpoint", "mimecast", "symantec", "trendmicro", "forcepoint", "cloudmark", "ironport", "sophos",
    "messagelabs", "fireeye", "bot/", "bot;", "crawler", "spider", "slackbot", "facebookexternalhit", "skypeuripreview",
    "python-requests", "python-urllib", "go-http-client", "okhttp", "java/", "wget/", "headlesschrome", "libwww-perl",
)  # fmt: skip
#: Image proxies that fetch when, and because, a person opens the mail.
PROXIES = ("googleimageproxy", "yahoomailproxy", "yahoocachesystem")
#: What Apple Mail Privacy Protection sends when it fetches ahead of the person.
APPLE_PREFETCH = "Mozilla/5.0"

_FORMS = (
    Kind.ANSWER, Kind.RATING, Kind.UNSUBSCRIBE, Kind.EVENT, Kind.AWARD, Kind.CHANGE, Kind.CONSENT, Kind.RETURN,
)  # fmt: skip
#: What providers and mail servers tell. A complaint is a person's, though it is told by a machine.
_TOLD = (Kind.DELIVERED, Kind.DELAYED, Kind.BOUNCE, Kind.AUTO_REPLY, Kind.PROVIDER)
_FOLLOWED = (Kind.CLICK, Kind.VISIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Who did it, and the rule that says so."""

    origin: Origin
    reason: str = ""

    def to_text(self) -> str:
        """`machine burst`: what evidence keeps of it."""
        return f"{self.origin} {self.reason}".strip()

    @classmethod
    def from_text(cls, text: str) -> Verdict:
        """The other way round."""
        origin, _, reason = text.partition(" ")
        return cls(origin=Origin(origin), reason=reason)


def classify(events: Sequence[Evidence], sent_at: datetime | None) -> tuple[Verdict, ...]:
    """A verdict for each piece of evidence of *one* delivery, in the order given. `sent_at` is its acceptance."""
    bursts = _bursts(events)
    return tuple(_verdict(event, sent_at, number in bursts) for number, event in enumerate(events))


def _verdict(event: Evidence, sent_at: datetime | None, burst: bool) -> Verdict:
    if event.judged:
        return Verdict.from_text(event.judged)
    agent = event.user_agent.lower()
    is_open = event.kind is Kind.OPEN
    if event.kind in _FORMS:
        return Verdict(origin=Origin.HUMAN, reason="form")
    if event.kind in _TOLD or event.kind is Kind.COMPLAINT:
        return Verdict(origin=Origin.MACHINE if event.kind in _TOLD else Origin.HUMAN, reason="told")
    if event.method == "HEAD":
        return Verdict(origin=Origin.MACHINE, reason="head")
    if any(word in agent for word in SCANNERS):
        return Verdict(origin=Origin.MACHINE, reason="scanner")
    if is_open and event.user_agent.strip() == APPLE_PREFETCH:
        return Verdict(origin=Origin.MACHINE, reason="apple-prefetch")
    if is_open and any(word in agent for word in PROXIES):
        return Verdict(origin=Origin.HUMAN, reason="image-proxy")
    if burst:
        return Verdict(origin=Origin.MACHINE, reason="burst")
    if sent_at is not None and event.at - sent_at < TOO_SOON:
        return Verdict(origin=Origin.UNSURE if is_open else Origin.MACHINE, reason="too-soon")
    if not agent.strip():
        return Verdict(origin=Origin.UNSURE, reason="no-agent")
    return Verdict(origin=Origin.HUMAN)


def _bursts(events: Sequence[Evidence]) -> frozenset[int]:
    """The numbers of the events that belong to a burst over different links.

    One pass: a window slides over the events, and each is marked at most once. (A link may be followed thousands of
    times in a second by somebody who means harm.)
    """
    followed = sorted(
        (event.at, number, (event.kind, event.item)) for number, event in enumerate(events) if event.kind in _FOLLOWED
    )
    found: set[int] = set()
    links: Counter[tuple[Kind, str]] = Counter()
    first = marked = 0
    for last, (at, _, link) in enumerate(followed):
        links[link] += 1
        while at - followed[first][0] > BURST_WITHIN:
            gone = followed[first][2]
            links[gone] -= 1
            if not links[gone]:
                del links[gone]
            first += 1
        if len(links) >= BURST_LINKS:
            found.update(number for _, number, _ in followed[max(first, marked) : last + 1])
            marked = last + 1
    return frozenset(found | _beside(events, found))


def _beside(events: Sequence[Evidence], burst: Collection[int]) -> set[int]:
    """The opens that came with a burst: a scanner that follows all links fetches the pictures too."""
    times: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    for event in sorted((events[number] for number in burst), key=attrgetter("at")):
        times[event.user_agent, event.network].append(event.at)
    return {
        number
        for number, event in enumerate(events)
        if event.kind is Kind.OPEN
        and (walked := times.get((event.user_agent, event.network)))
        and any(
            abs(event.at - walked[place]) <= BURST_WITHIN
            for place in {max(0, bisect(walked, event.at) - 1), min(len(walked) - 1, bisect(walked, event.at))}
        )
    }
