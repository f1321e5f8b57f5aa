"""The doctor's questions to a real name server: records of every kind, and one that fails in every way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest
from dns_server import DnsServer, Zone, dns_server

from drip.engine.doctor.names import Answer, Names, Patience, addresses
from drip.engine.doctor.origin import Origin
from drip.engine.doctor.row import safe
from drip.engine.doctor.spf import judge

Start = Callable[..., DnsServer]
ACME = "acme.example"
ZONE: Zone = {
    ACME: {"TXT": ["v=spf1 mx -all"], "MX": ["20 b.acme.example.", "10 a.acme.example."], "A": ["192.0.2.80"]},
    "a.acme.example": {"A": ["192.0.2.7"], "AAAA": ["2001:db8::7"]},
    "b.acme.example": {"CNAME": ["a.acme.example."]},
    "null.example": {"MX": ["0 ."]},
    "7.2.0.192.in-addr.arpa": {"PTR": ["A.acme.example."]},
    "long.example": {"TXT": ["x" * 700]},
    "cut.example": {"TXT": [["v=DKIM1; p=AB", "CD"]]},
}


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start name servers; they end with the test."""
    numbers = count()
    with ExitStack() as running:

        def start(zone: Zone = ZONE, faults: Mapping[str, str] | None = None) -> DnsServer:
            return running.enter_context(dns_server(tmp_path / f"dns-{next(numbers)}.log", zone, faults))

        yield start


def names(server: DnsServer, seconds: float = 60.0) -> Names:
    return Names(Patience(seconds), ("127.0.0.1", server.port))


def test_every_kind_of_record(start: Start) -> None:
    """MX by preference, aliases followed, texts joined, reverse names, a null MX, and both families of addresses."""
    ask = names(start())
    assert ask(ACME, "MX") == Answer(values=("a.acme.example", "b.acme.example"))
    assert ask("null.example", "MX") == Answer(values=(".",))
    assert ask("b.acme.example", "A") == Answer(values=("192.0.2.7",))
    assert ask("b.acme.example", "CNAME") == Answer(values=("a.acme.example",))
    assert ask("long.example", "TXT") == Answer(values=("x" * 700,))
    assert ask("cut.example", "TXT") == Answer(values=("v=DKIM1; p=ABCD",))
    assert ask("7.2.0.192.in-addr.arpa", "PTR") == Answer(values=("a.acme.example",))
    assert addresses(ask, "a.acme.example").values == ("192.0.2.7", "2001:db8::7")
    assert ask(ACME, "AAAA") == Answer()
    assert ask("nobody.example", "TXT") == Answer(exists=False)
    assert ask("acme.example.", "MX") is ask("ACME.example", "MX")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("servfail", "SERVFAIL"),
        ("refused", "REFUSED"),
        ("loop", "aliases in a circle"),
        ("garbage", "no answer in time"),
    ],
)
def test_each_way_to_fail_is_told(start: Start, fault: str, words: str) -> None:
    """SERVFAIL, REFUSED, aliases in a circle and nonsense are trouble in words, and neither an answer nor a crash."""
    answer = names(start(ZONE, {ACME: fault}), seconds=1.5)(ACME, "TXT")
    assert answer.values == ()
    assert words in answer.trouble


def test_a_long_answer_comes_over_tcp(start: Start) -> None:
    """What does not fit into a packet is asked for again, and 60 kB arrive whole."""
    server = start({"big.example": {"TXT": ["y" * 60_000]}, **ZONE}, {ACME: "truncate"})
    ask = names(server)
    assert ask("big.example", "TXT").values == ("y" * 60_000,)
    assert ask(ACME, "TXT").values == ("v=spf1 mx -all",)
    assert "tcp acme.example TXT" in server.questions()


def test_a_server_that_goes_silent_over_tcp(start: Start) -> None:
    """Truncated over UDP and nothing over TCP: no answer in time."""
    answer = names(start(ZONE, {ACME: "truncate and hang"}), seconds=1.0)(ACME, "TXT")
    assert answer.trouble == "no answer in time"


def test_a_server_that_never_answers_is_soon_left_alone(start: Start) -> None:
    """After two questions without a word it is asked no more, however many names there are."""
    server = start(ZONE, {"*": "hang"})
    ask = names(server, seconds=1.0)
    ask.together([(f"name{number}.example", "TXT") for number in range(40)])
    before = len(server.questions())
    assert "no name server answers (127.0.0.1)" in ask.silence
    assert [ask(f"other{number}.example", "TXT").trouble for number in range(5)] == [ask.silence] * 5
    assert len(server.questions()) == before


def test_one_dead_domain_does_not_silence_the_rest(start: Start) -> None:
    """A server that answers for one name is still asked after several that hang."""
    ask = Names(Patience(4.0), ("127.0.0.1", start(ZONE, {f"dead{n}.example": "hang" for n in range(6)}).port))
    assert ask(ACME, "TXT").values
    ask.together([(f"dead{number}.example", "TXT") for number in range(3)])
    assert ask.silence == ""


def test_no_lookup_outlives_the_time_for_all() -> None:
    """By a clock of its own: no wait is longer than a lookup may take, and none is left when the time is over."""
    now = [100.0]
    patience = Patience(18.0, clock=lambda: now[0])
    waited = []
    while (seconds := patience.step()) > 0:
        waited.append(seconds)
        now[0] += seconds
    assert waited == [5.0, 5.0, 5.0, 3.0]
    assert Names(patience, ("127.0.0.1", 9))(ACME, "TXT").trouble == "there was no time left to ask"


@pytest.mark.parametrize("server", [("127.0.0.1", 1)])
def test_nobody_listens(server: tuple[str, int]) -> None:
    """A port on which nobody answers is trouble in words."""
    assert Names(Patience(1.0), server)(ACME, "TXT").trouble


@pytest.mark.parametrize("name", ["a" * 64 + ".example", ".".join(["abcdefgh"] * 40), "a..example", "", "ö.example"])
def test_names_that_are_none(start: Start, name: str) -> None:
    """A label or a name that is too long, an empty one, another alphabet: no crash."""
    assert names(start())(name, "TXT").values == ()


def test_hostile_texts_are_shown_safely(start: Start) -> None:
    """Raw bytes, escapes, zero bytes and an SPF record of 60 kB: read, judged, and printable on one line."""
    texts = ["\udcff\udcfe\x00\x1b]0;owned\x07", "v=spf1 \x1b[2J +all", "v=spf1 " + "a:x.example " * 5_000]
    for text in texts:
        ask = names(start({ACME: {"TXT": [text]}}))
        [value] = ask(ACME, "TXT").values
        assert safe(value).isprintable()
        rows = judge(ACME, ask, Origin(kind="smtp", host="mail.acme.example", addresses=("192.0.2.7",)))
        assert rows
        assert all(part.isprintable() and len(part) < 2_500 for row in rows for part in (row.finding, row.type))
