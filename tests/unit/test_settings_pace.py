"""[pace] in drip.toml becomes a Pace, or a message that says what to write."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from drip.errors import SettingsError
from drip.schedule.pace import Pace, Rate
from drip.settings import load

SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def pace(folder: Path, text: str) -> Pace | None:
    (folder / "drip.toml").write_text(text, "utf-8")
    return load(folder, environ={}).pace


def test_nothing_said_is_no_pace(tmp_path: Path) -> None:
    """Without [pace] there is none; an empty section says nothing either."""
    assert pace(tmp_path, "") is None
    assert pace(tmp_path, "[pace]\n") is None


def test_everything_it_can_say(tmp_path: Path) -> None:
    """Rates in any order, connections, a warm-up in the workspace's zone, and domains in any spelling."""
    found = pace(
        tmp_path,
        """\
[timing]
timezone = "Europe/Stockholm"
[pace]
rate = ["50000/day", "20/s", "600 per minute", "5000/h"]
connections = 10
warm_up = [200, 500, 1000, 2000]
[pace.domains]
"GMail.com" = "20/s"
"bücher.example" = ["5 a minute", "100/day"]
""",
    )
    assert found == Pace(
        rate=tuple(
            Rate(most=most, span=span) for most, span in ((20, SECOND), (600, MINUTE), (5000, HOUR), (50000, DAY))
        ),
        connections=10,
        warm_up=(200, 500, 1000, 2000),
        domains={
            "gmail.com": (Rate(most=20, span=SECOND),),
            "xn--bcher-kva.example": (Rate(most=5, span=MINUTE), Rate(most=100, span=DAY)),
        },
        zone="Europe/Stockholm",
    )


@pytest.mark.parametrize(
    ("words", "span"),
    [("s", SECOND), ("second", SECOND), ("seconds", SECOND), ("m", MINUTE), ("minute", MINUTE), ("h", HOUR),
     ("hour", HOUR), ("d", DAY), ("day", DAY), ("Days", DAY)],
)  # fmt: skip
def test_words_for_spans(tmp_path: Path, words: str, span: timedelta) -> None:
    """Short or long, one or many, after a stroke or after `per`."""
    for text in (f"7/{words}", f"7 / {words}", f"7 per {words}"):
        assert pace(tmp_path, f'[pace]\nrate = "{text}"\n') == Pace(rate=(Rate(most=7, span=span),))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('rate = "0/s"', "rate: 0 in a second is not between 1 and 1,000,000,000; to stop all mail, `drip pause"),
        ('rate = "-3/s"', '"-3" is not a number of mails: write a whole number, such as "20/s"'),
        ('rate = "2.5/s"', '"2.5" is not a number of mails'),
        ('rate = "٣/s"', "is not a number of mails"),
        ('rate = "99999999999999999999/s"', "is not a number of mails"),
        ('rate = "20"', '"20" is not a rate: write a number and a span, such as "20/s"'),
        ("rate = 20", "20 is not a rate"),
        ("rate = true", "True is not a rate"),
        ('rate = "20/secnd"', 'did you mean "20/second"?'),
        ('rate = "20/week"', '"week" is not a span'),
        ("rate = []", "the list is empty"),
        ('rate = ["1/s", "60/s"]', "1/s and 60/s are two limits for one span: keep one of them"),
        (f"rate = {['1/s'] * 9}", "9 limits are too many: at most 8"),
        ("connections = 0", "a number of connections from 1 to 1000 is wanted, not 0"),
        ("connections = true", "not True"),
        ('connections = "4"', 'not "4"'),
        ("warm_up = []", "such as [200, 500, 1000]"),
        ("warm_up = [500, 200]", "200 on day 2 is fewer than 500 the day before"),
        ("warm_up = 200", "such as [200, 500, 1000]"),
        ("warm_up = [200, 0]", "0 is not a day's number of mails"),
        ('warm_up = ["many"]', "\"many\" is not a day's number of mails"),
        (f"warm_up = {[1] * 400}", "400 days are too many: a warm-up takes at most 366"),
        ("warm_upp = [1]", "there is no such setting; did you mean pace.warm_up?"),
        ('domains = "20/s"', '[pace.domains] with lines such as "gmail.com" = "20/s"'),
        ('domains = {"gmail" = "20/s"}', '[pace.domains]: "gmail": "gmail" is not a domain of addresses'),
        ('domains = {gmail.com = "20/s"}', 'write the domain in quotes: "gmail.com" = "20/s"'),
        ('domains = {"ada@gmail.com" = "20/s"}', "write what stands behind the @, gmail.com"),
        ('domains = {"a b.com" = "20/s"}', "is not a domain: write one such as gmail.com"),
        ('domains = {"" = "20/s"}', "is not a domain"),
        ('domains = {"10.0.0.1" = "20/s"}', "is not a domain of addresses"),
        ('domains = {"Gmail.com" = "1/s", "gmail.com." = "2/s"}', "gmail.com stands here twice: keep one of them"),
        ('domains = {"gmail.com" = "0/s"}', '"gmail.com": 0 in a second'),
        ("[pace.domains]\n" + "".join(f'"d{n}.example" = "1/s"\n' for n in range(1001)), "1,001 domains are too many"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(tmp_path: Path, text: str, said: str) -> None:
    """The message names the key, and what to write."""
    with pytest.raises(SettingsError) as refused:
        pace(tmp_path, f"[pace]\n{text}\n")
    assert said in str(refused.value)
    assert str(refused.value).startswith("drip.toml: [pace")
