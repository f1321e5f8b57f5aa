"""Who did it: each rule of track/classify.py, what just misses it, and what other trackers have got wrong."""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drip.track import classify as rules
from drip.track.classify import BURST_LINKS, BURST_WITHIN, PROXIES, SCANNERS, classify
from drip.track.evidence import Evidence, Kind, Origin

SENT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
HOUR_LATER = SENT + timedelta(hours=1)
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 26_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
YAHOO = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"
PAGE = Path(__file__).parents[2] / "docs" / "tracking.md"

HUMAN, MACHINE, UNSURE = Origin.HUMAN, Origin.MACHINE, Origin.UNSURE


def event(
    kind: Kind, at: datetime = HOUR_LATER, *, item: str = "0", agent: str = CHROME, method: str = "GET"
) -> Evidence:
    return Evidence(
        kind=kind,
        at=at,
        source="link",
        source_id=f"{kind}-{at}-{item}",
        learner_id=1,
        delivery_id=1,
        item=item,
        method=method,
        user_agent=agent,
    )


def after(seconds: float) -> datetime:
    return SENT + timedelta(seconds=seconds)


def judged(*events: Evidence, sent_at: datetime | None = SENT) -> list[tuple[Origin, str]]:
    return [(verdict.origin, verdict.reason) for verdict in classify(events, sent_at)]


def one(*args: object, **values: object) -> tuple[Origin, str]:
    return judged(event(*args, **values))[0]  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [Kind.OPEN, Kind.CLICK, Kind.VISIT])
def test_plain_browser_an_hour_later_is_a_person(kind: Kind) -> None:
    """What nothing speaks against was done by a person, and no rule is named."""
    assert one(kind) == (HUMAN, "")


@pytest.mark.parametrize("kind", [Kind.ANSWER, Kind.UNSUBSCRIBE, Kind.EVENT])
@pytest.mark.parametrize("agent", [CHROME, "", "Barracuda Sentinel"])
def test_forms_are_people(kind: Kind, agent: str) -> None:
    """A form that was sent counts as a person's, however soon and whatever the agent: scanners do not press buttons."""
    assert one(kind, after(1), agent=agent, method="POST") == (HUMAN, "form")


def test_head_is_a_machine() -> None:
    """No browser sends HEAD for a link that a person pressed."""
    assert one(Kind.CLICK, method="HEAD") == (MACHINE, "head")
    assert one(Kind.CLICK, method="GET") == (HUMAN, "")


@pytest.mark.parametrize("word", SCANNERS)
def test_scanners_are_machines(word: str) -> None:
    """Each known word gives a scanner away, in any case and anywhere in the agent."""
    assert one(Kind.CLICK, agent=f"Mozilla/5.0 (compatible; {word.upper()} 1.0)") == (MACHINE, "scanner")


@pytest.mark.parametrize("agent", [CHROME, IPHONE, "Cubot Note 50", "Mozilla/5.0 (X11; Linux x86_64) JavaFX/22"])
def test_what_merely_resembles_a_scanner_is_a_person(agent: str) -> None:
    """A phone named Cubot is not a bot, and JavaFX is not Java's own fetcher."""
    assert one(Kind.CLICK, agent=agent) == (HUMAN, "")


def test_apple_prefetch_is_a_machine() -> None:
    """Apple Mail fetches the pixel ahead of the person, as exactly `Mozilla/5.0`."""
    assert one(Kind.OPEN, agent="Mozilla/5.0") == (MACHINE, "apple-prefetch")
    assert one(Kind.OPEN, agent=" Mozilla/5.0 ") == (MACHINE, "apple-prefetch")


def test_only_that_very_agent_and_only_for_an_open_is_apple() -> None:
    """A longer agent is a person's mail program, and a click under Apple's agent is no prefetch of a picture."""
    assert one(Kind.OPEN, agent=IPHONE) == (HUMAN, "")
    assert one(Kind.CLICK, agent="Mozilla/5.0") == (HUMAN, "")


@pytest.mark.parametrize("agent", [GMAIL, YAHOO, *PROXIES])
@pytest.mark.parametrize("seconds", [1, 3600])
def test_image_proxies_fetch_for_a_person(agent: str, seconds: float) -> None:
    """Gmail and Yahoo fetch the pixel because a person opened the mail; to filter them out would lose all of Gmail."""
    assert one(Kind.OPEN, after(seconds), agent=agent) == (HUMAN, "image-proxy")


def test_proxy_says_nothing_about_a_click() -> None:
    """The proxies fetch pictures, so their agent on a click is judged by the other rules."""
    assert one(Kind.CLICK, after(2), agent=GMAIL) == (MACHINE, "too-soon")


@pytest.mark.parametrize("seconds", [20, 3600])
def test_burst_in_order_within_three_seconds_is_a_machine(seconds: float) -> None:
    """Outlook Safe Links looks like plain Chrome, but walks through all links in their order within seconds."""
    burst = [event(Kind.CLICK, after(seconds + n), item=str(n)) for n in range(4)]
    assert judged(*burst) == [(MACHINE, "burst")] * 4


def test_burst_takes_in_our_own_pages() -> None:
    """A scanner follows the answer links too: a click and two pages make three different links."""
    burst = [
        event(Kind.CLICK, after(60), item="0"),
        event(Kind.VISIT, after(61), item="answer/0"),
        event(Kind.VISIT, after(62), item="answer/1"),
    ]
    assert judged(*burst) == [(MACHINE, "burst")] * 3


def test_two_links_are_no_burst() -> None:
    """A person may press two links in a moment."""
    assert judged(event(Kind.CLICK, after(60), item="0"), event(Kind.CLICK, after(61), item="1")) == [(HUMAN, "")] * 2


def test_same_link_twice_within_a_second_is_a_person() -> None:
    """A double press is a person's, and so is an impatient third one."""
    presses = [event(Kind.CLICK, after(60 + n / 3), item="0") for n in range(4)]
    assert judged(*presses) == [(HUMAN, "")] * 4


def test_three_links_at_a_reading_pace_are_a_person() -> None:
    """Five seconds are the burst's whole width; a tick more and its ends are apart."""
    width = BURST_WITHIN.total_seconds()
    at_once = [event(Kind.CLICK, after(60 + width * n / 2), item=str(n)) for n in range(3)]
    apart = [event(Kind.CLICK, after(60 + (width + 0.001) * n / 2), item=str(n)) for n in range(3)]
    assert judged(*at_once) == [(MACHINE, "burst")] * 3
    assert judged(*apart) == [(HUMAN, "")] * 3


def test_person_after_a_scanner_is_a_person() -> None:
    """A scanner's burst taints only itself: the same link pressed later counts."""
    burst = [event(Kind.CLICK, after(20 + n), item=str(n)) for n in range(3)]
    assert judged(*burst, event(Kind.CLICK, after(600), item="1"))[-1] == (HUMAN, "")


def test_an_open_makes_no_burst() -> None:
    """An open is no link: two links and the pixel are what a person does who presses twice."""
    opened = event(Kind.OPEN, after(60))
    pair = [event(Kind.CLICK, after(61), item="0"), event(Kind.CLICK, after(62), item="1")]
    assert judged(opened, *pair) == [(HUMAN, "")] * 3


def test_an_open_that_comes_with_a_burst_is_the_scanners_too() -> None:
    """Within five seconds of its links, by the same user agent from the same network; any other may be a person."""
    walk = [event(Kind.CLICK, after(60 + n), item=str(n)) for n in range(3)]
    other = replace(event(Kind.OPEN, after(61)), user_agent="Mozilla/5.0 (Macintosh) Firefox/140.0")
    for seconds, verdict in ((55, (MACHINE, "burst")), (61, (MACHINE, "burst")), (67, (MACHINE, "burst"))):
        assert judged(event(Kind.OPEN, after(seconds)), *walk)[0] == verdict
    for far in (54.9, 67.1, 600):
        assert judged(event(Kind.OPEN, after(far)), *walk)[0] == (HUMAN, "")
    assert judged(other, *walk)[0] == (HUMAN, "")
    assert judged(replace(event(Kind.OPEN, after(61)), network="elsewhere"), *walk)[0] == (HUMAN, "")


def test_too_soon() -> None:
    """Under ten seconds after acceptance a click is a machine's; an open may be a person with the mailbox in view."""
    assert one(Kind.CLICK, after(9.999)) == (MACHINE, "too-soon")
    assert one(Kind.VISIT, after(9.999)) == (MACHINE, "too-soon")
    assert one(Kind.OPEN, after(9.999)) == (UNSURE, "too-soon")
    assert one(Kind.CLICK, after(10)) == (HUMAN, "")
    assert one(Kind.OPEN, after(10)) == (HUMAN, "")


def test_before_the_send_is_too_soon() -> None:
    """A scanner may be there before the server's answer is written down."""
    assert one(Kind.CLICK, after(-2)) == (MACHINE, "too-soon")


def test_without_a_send_nothing_is_too_soon() -> None:
    """Where the send is not known, time tells nothing."""
    assert judged(event(Kind.CLICK, after(1)), sent_at=None) == [(HUMAN, "")]


@pytest.mark.parametrize("agent", ["", "   "])
def test_no_agent_is_unsure(agent: str) -> None:
    """Every browser names itself; a person behind a strict proxy may not."""
    assert one(Kind.CLICK, agent=agent) == (UNSURE, "no-agent")
    assert one(Kind.OPEN, agent=agent) == (UNSURE, "no-agent")


def test_nothing_gives_nothing() -> None:
    """No evidence, no verdicts."""
    assert classify([], SENT) == ()


def test_flood_of_clicks_is_judged_quickly() -> None:
    """Judging grows with the number of clicks, not with its square: a flood on one link does not stop the house."""

    def cost(count: int) -> float:
        flood = [event(Kind.CLICK, after(60 + n / count), item=str(n % 2)) for n in range(count)]
        began = time.process_time()
        classify(flood, SENT)
        return time.process_time() - began

    assert min(cost(20_000) for _ in range(5)) < 60 * min(cost(2_000) for _ in range(5)), "a square would be 100"


agents = st.sampled_from(["", "Mozilla/5.0", CHROME, GMAIL, "curl/8.0", "Mimecast", "wget/1.0"]) | st.text(max_size=20)
evidence = st.builds(
    event,
    st.sampled_from(Kind),
    st.integers(-20, 60).map(lambda halves: after(halves / 2)),
    item=st.sampled_from("01234"),
    agent=agents,
    method=st.sampled_from(["GET", "HEAD", "POST", ""]),
)


@given(st.lists(evidence, max_size=12), st.randoms(), st.sampled_from([SENT, None]))
def test_order_does_not_matter(events: list[Evidence], shuffler: object, sent_at: datetime | None) -> None:
    """Evidence arrives in any order, and each piece gets the same verdict."""
    numbers = list(range(len(events)))
    shuffler.shuffle(numbers)  # type: ignore[attr-defined]
    straight = classify(events, sent_at)
    shuffled = classify([events[n] for n in numbers], sent_at)
    assert [straight[n] for n in numbers] == list(shuffled)


@given(st.lists(evidence, max_size=12), st.sampled_from([SENT, None]))
def test_every_piece_gets_a_known_verdict(events: list[Evidence], sent_at: datetime | None) -> None:
    """One verdict each, with a reason that the rules name, whatever the agents say."""
    verdicts = classify(events, sent_at)
    assert len(verdicts) == len(events)
    assert {verdict.reason for verdict in verdicts} <= {*reasons_in_the_code(), ""}
    assert all((verdict.reason == "") <= (verdict.origin is HUMAN) for verdict in verdicts)


@given(st.lists(evidence.filter(lambda one: one.kind in (Kind.CLICK, Kind.VISIT)), max_size=12))
def test_bursts_are_as_they_are_defined(events: list[Evidence]) -> None:
    """A burst is any stretch of five seconds with three different links: checked one stretch at a time."""
    plain = [event(one.kind, one.at, item=one.item) for one in events]
    assert [reason == "burst" for _, reason in judged(*plain)] == [in_a_burst(one, plain) for one in plain]


def in_a_burst(piece: Evidence, events: Sequence[Evidence]) -> bool:
    for start in {other.at for other in events}:
        stretch = [other for other in events if start <= other.at <= start + BURST_WITHIN]
        if piece in stretch and len({(other.kind, other.item) for other in stretch}) >= BURST_LINKS:
            return True
    return False


def reasons_in_the_code() -> set[str]:
    """Every reason that the source gives a verdict."""
    tree = ast.parse(Path(rules.__file__).read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "Verdict"]
    given_ = [keyword.value for call in calls for keyword in call.keywords if keyword.arg == "reason"]
    return {str(ast.literal_eval(value)) for value in given_}


def test_every_rule_stands_in_the_docs_in_order() -> None:
    """The table in docs/tracking.md names the reasons that the code gives, all of them, in the order of the rules."""
    in_docs = re.findall(r"^\| \d+ \|.*\| `([a-z-]+)` \|$", PAGE.read_text(), re.MULTILINE)
    in_docstring = re.findall(r"^\d\.  .* (?:human|machine|unsure) +([a-z-]+)", rules.__doc__ or "", re.MULTILINE)
    assert in_docs == in_docstring
    assert set(in_docs) == reasons_in_the_code()
