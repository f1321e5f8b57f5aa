"""docs/delivery.md lived as it stands: from an empty folder to a signed, paced, watched sender, and on to SendGrid.

Its commands and settings run in their order against a name server, a Postfix with opendkim, and a SendGrid, all real
and all of the test's own; what the doctor says must be published is published, word by word.
"""

from __future__ import annotations

import re
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from email import message_from_string
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dns_server import dns_server
from https_front import before, certificate
from mail_server import mail_server
from operator_page import Operator
from postfix import WANTS_ROOT, postfix, verdicts
from sendgrid_server import SendGridServer, sendgrid_server

from drip.settings import load

pytestmark = WANTS_ROOT

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "delivery.md").read_text("utf-8")
#: What the owner of the domain has already: an address that the world sees, with a name. Nobody ever connects to it.
RELAY = "8.8.4.7"
ZONE: Mapping[str, Mapping[str, list[Any]]] = {
    "acme.example": {"MX": ["10 mail.acme.example."]},
    "mail.acme.example": {"A": [RELAY]},
    "7.4.8.8.in-addr.arpa": {"PTR": ["mail.acme.example."]},
    "learn.acme.example": {"A": ["127.0.0.1"]},
}
#: What SendGrid's sender authentication asks for.
CNAMES: Mapping[str, Mapping[str, list[Any]]] = {
    **{f"{s}._domainkey.acme.example": {"CNAME": [f"{s}.domainkey.u1.wl1.sendgrid.net."]} for s in ("s1", "s2")},
    **{f"{s}.domainkey.u1.wl1.sendgrid.net": {"TXT": ["v=DKIM1; k=rsa; p=MIIB"]} for s in ("s1", "s2")},
}
CUSTOMERS, GMAIL, IN_BOTH = 62, 30, 8
STOCKHOLM = ZoneInfo("Europe/Stockholm")
#: Whose mail SendGrid takes without an answer.
ZOE = "zoe@customer.example"
SECTIONS: dict[str, str] = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


def settings_of_the_page() -> dict[str, Any]:
    """The pace and the cap that it asks for."""
    (toml,) = [toml for toml in re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL) if "[pace]" in toml]
    return tomllib.loads(toml)


SAID = settings_of_the_page()
FIRST_DAY: int = SAID["pace"]["warm_up"][0]
YOU = "you@acme.example"


def people() -> str:
    """A list as an operator has it: customers of many domains, one of them large; some are in two courses."""
    rows = ["ada@customer.example,Ada,Byron,en,Europe/London,trial,GB,,"]
    large, small = iter(range(GMAIL)), iter(range(CUSTOMERS))
    for n in range(GMAIL + CUSTOMERS):
        email = f"learner{next(large)}@gmail.com" if n % 3 == 2 else f"learner{next(small)}@customer.example"
        rows.append(f"{email},Åsa,Ek,sv,Europe/Stockholm,trial,SE,,{'2026-03-02' if n < IN_BOTH else ''}")
    rows.append(f"{ZOE},Zoë,Ek,en,Europe/Stockholm,trial,SE,,")
    return "\n".join(["email,first_name,last_name,language,timezone,plan,country,team,started_on", *rows, ""])


@dataclass(kw_only=True)
class Lived:
    """What everybody wrote down while the page was lived."""

    operator: Operator
    doctor: list[str]
    publish: dict[str, dict[str, list[Any]]]
    postfix_log: str
    arrived: list[dict[str, Any]]
    metrics: str
    api: SendGridServer


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    """The page, from its first line to its last."""
    _stay_within_a_day()
    folder = tmp_path_factory.mktemp("operator")
    with ExitStack() as held:
        names = held.enter_context(dns_server(folder / "dns.log", ZONE))
        behind = held.enter_context(mail_server(folder / "smtp.jsonl"))
        api = held.enter_context(sendgrid_server(folder / "api.jsonl", key="SG.your-own-key"))
        api.become(key="SG.your-own-key", script={ZOE: ["take and hang"]})
        pair = certificate(folder, days=90)
        servers: dict[str, str] = {"DRIP_TRANSPORT": f"{behind.url}?tls=none"}

        def where(command: str) -> Mapping[str, str]:
            """The page's own mail server is asked about in DNS; whoever connects gets the test's."""
            return {} if re.search("--only (?:sending|spf|dkim)", command) and "server" not in command else servers

        def started(name: str) -> None:
            if name == "drip-web":  # the reverse proxy stands before it
                port = held.enter_context(before(int(operator.ports["8000"]), pair))
                servers["DRIP_BASE_URL"] = f"https://learn.acme.example:{port}"
            elif servers["DRIP_TRANSPORT"].startswith("smtp:"):
                _wait(lambda: len(behind.messages()) > FIRST_DAY, operator)  # one was the test
                time.sleep(1)  # more would come now
            else:
                _wait(lambda: "zoe" in operator.type("drip settle"), operator)

        operator = Operator(
            folder=folder,
            variables={"SSL_CERT_FILE": pair["cert"]},
            where=where,
            started=started,
            nameserver=names.shown,
        )
        held.callback(operator.stop)
        parts = dict(SECTIONS)
        operator.follow(parts.pop("A workspace, and who sends"))
        _whose_courses_go_now(operator.folder)
        doctor_before, again, doctor_after = parts.pop("Keys, and what the world must find").partition(
            "When all is out"
        )
        first = operator.follow(doctor_before)
        publish = records(first)
        zone = {**ZONE, **publish}
        names.become(zone)
        doctor = [first, operator.follow(again + doctor_after)]
        keys = {name: "".join(kinds["TXT"][0]) for name, kinds in publish.items() if "_domainkey" in name}
        mx = held.enter_context(postfix(behind.port, records=keys))
        servers["DRIP_TRANSPORT"] = mx.url
        operator.follow(parts.pop("A first mail, to yourself"))
        operator.follow(parts.pop("The web side"))
        operator.follow(parts.pop("The pace"))
        (operator.folder / "people.csv").write_text(people(), "utf-8")
        operator.follow(parts.pop("Live"))
        operator.follow(parts.pop("Each morning, and at 3 a.m."))
        metrics = operator.type("curl -fsS http://127.0.0.1:9464/metrics")
        operator.follow(parts.pop("Stop, go on, decide"))
        arrived = behind.messages()
        sendgrid, stops, rest = parts.pop("The same sender over SendGrid").partition("```toml")
        operator.follow(sendgrid)
        servers.update(DRIP_TRANSPORT=f"{api.url}&timeout=2", DRIP_IN_DOUBT_AFTER="1")
        names.become({**zone, **CNAMES})
        operator.follow(stops + rest)
        operator.stop()
        operator.follow("".join(parts.values()))
        yield Lived(
            operator=operator,
            doctor=doctor,
            publish=publish,
            postfix_log=mx.log,
            arrived=arrived,
            metrics=metrics,
            api=api,
        )


def records(said: str) -> dict[str, dict[str, list[Any]]]:
    """What the doctor says must be published, as a zone."""
    zone: dict[str, dict[str, list[Any]]] = {}
    for name, kind, value in re.findall(r"type: (\S+)\. IN ([A-Z]+) (.*)$", said, re.MULTILINE):
        strings = re.findall(r'"([^"]*)"', value)
        zone.setdefault(name, {})[kind] = [strings] if kind == "TXT" else [value]
    return zone


def _stay_within_a_day() -> None:
    """A warm-up and a cap count calendar days: no test begins right before one ends."""
    while datetime.now(STOCKHOLM).strftime("%M") in ("57", "58", "59"):
        time.sleep(1)


def _whose_courses_go_now(folder: Path) -> None:
    """The marketer's hours are not the page's: the courses may go at whatever hour this runs."""
    for file in (folder / "campaigns").glob("*.yaml"):
        text = re.sub(r"^  (at|between): .*$", '  between: "00:00-24:00"', file.read_text("utf-8"), flags=re.MULTILINE)
        text = re.sub(r"^  days: .*$", "  days: daily", text, flags=re.MULTILINE)
        file.write_text(re.sub(r"^  skip_holidays: .*\n", "", text, flags=re.MULTILINE), "utf-8")


def _wait(done: Any, operator: Operator) -> None:
    for _ in range(1200):
        if done():
            return
        time.sleep(0.1)
    raise AssertionError(operator.units["drip"].journal.read_text("utf-8") + operator.type("drip status"))


def test_what_the_page_shows_is_what_was_said(lived: Lived) -> None:
    """Every block of output, line by line, but for numbers, names and times."""
    assert len(lived.operator.shown) >= 13
    wrong = [
        f"the page shows\n{shown.block}\nand it was\n{shown.said}"
        for shown in lived.operator.shown
        if not shown.is_so()
    ]
    assert not wrong, "\n\n".join(wrong)


def test_what_the_doctor_said_to_publish_satisfies_it(lived: Lived) -> None:
    """Its records, as printed, make each error and warning an ok."""
    first, then = lived.doctor
    assert set(lived.publish) == {
        "bounces.acme.example",
        "d1._domainkey.acme.example",
        "e1._domainkey.acme.example",
        "_dmarc.acme.example",
    }
    assert first.count("\n  error ") == 4
    assert not re.findall(r"^  (?:error|warning) .*", then, re.MULTILINE)


def test_every_mail_arrives_signed_and_can_come_back(lived: Lived) -> None:
    """opendkim before Postfix finds both signatures good; the envelope is in `bounces`, another one for each mail."""
    assert len(lived.arrived) == FIRST_DAY + 1
    for mail in lived.arrived:
        assert verdicts(mail["data"]) == [("pass", "acme.example", "d1"), ("pass", "acme.example", "e1")]
        assert message_from_string(mail["data"])["From"] == "Acme Academy <learn@acme.example>"
    own = [mail["mail_from"] for mail in lived.arrived if mail["rcpt_to"] != [YOU]]
    assert len(set(own)) == len(own) == FIRST_DAY
    assert {address.rpartition("@")[2] for address in own} == {"bounces.acme.example"}


def test_the_pace_of_the_page_is_kept(lived: Lived) -> None:
    """By Postfix's own log: mails a second and to Gmail, connections at a time, and as many as the first day has."""
    assert SAID["pace"]["rate"] == "10/s"
    assert SAID["pace"]["domains"] == {"gmail.com": "20/minute"}
    taken = re.findall(r"^\w+ +\d+ ([\d:]+) .*?/smtpd\[\d+\]: \w+: client=", lived.postfix_log, re.MULTILINE)
    assert len(taken) == FIRST_DAY + 1
    assert max(Counter(taken).values()) <= 12  # a moment's delay here may add a tenth of the limit, and so there
    large = [mail for mail in lived.arrived if mail["rcpt_to"][0].endswith("@gmail.com")]
    times = sorted(datetime.fromisoformat(mail["at"]).timestamp() for mail in large)
    # smooth: two in six seconds, and so at most four in any five; of all who were due, a third are Gmail's
    assert max(sum(first <= at < first + 5 for at in times) for first in times) <= 4
    now = most = 0
    for word in re.findall(r"/smtpd\[\d+\]: (connect|disconnect) from", lived.postfix_log):
        now += 1 if word == "connect" else -1
        most = max(most, now)
    assert 1 <= most <= SAID["pace"]["connections"]


def test_the_cap_holds_over_both_courses(lived: Lived) -> None:
    """Nobody gets two mails that day, over Postfix and SendGrid; the higher course's go, and the other says why."""
    assert SAID["timing"]["limit"] == "1 per day"
    everybody = [*lived.arrived, *lived.api.messages()]
    got = Counter(address for mail in everybody for address in mail["rcpt_to"] if address != YOU)
    assert max(got.values()) == 1
    eva = [mail for mail in everybody if mail["rcpt_to"] == ["eva@kund.example"]]
    assert "safe-inbox" in message_from_string(eva[0]["data"])["List-ID"]


def test_sendgrid_gets_the_rest_with_the_page_s_own_settings(lived: Lived) -> None:
    """Its two lines in drip.local.toml are what is read; SendGrid checks the key; what it did not answer is held."""
    settings = load(lived.operator.folder, {})
    assert (settings.transport, settings.in_doubt) == ("sendgrid:", "hold")
    assert lived.api.messages()[0]["rcpt_to"] == [YOU]
    assert {request["status"] for request in lived.api.requests()} <= {0, 202}
    over_smtp = {mail["rcpt_to"][0] for mail in lived.arrived} - {YOU}
    over_sendgrid = [mail["rcpt_to"][0] for mail in lived.api.messages() if mail["rcpt_to"] != [YOU]]
    assert over_sendgrid
    assert not over_smtp.intersection(over_sendgrid)
    assert lived.operator.type("drip settle").strip() == "nothing waits for a person"


def test_the_alerts_are_about_what_is_measured(lived: Lived) -> None:
    """Every metric that the alerts of docs/operations.md ask for is there while the page is lived; none rings."""
    page = (DOCS / "operations.md").read_text("utf-8")
    asked = set(re.findall(r"\bdrip_\w+", "".join(re.findall(r"expr: (.*?)[,}]", page))))
    there = dict(re.findall(r"^(drip_\w+)(?:\{state=\"held\"\})? (\S+)$", lived.metrics, re.MULTILINE))
    assert len(asked) >= 6
    assert asked <= set(there)
    assert (there["drip_breaker_open"], there["drip_database_up"], there["drip_workers_alive"]) == ("0.0", "1.0", "1.0")


def test_the_journals_tell_of_nothing_wrong(lived: Lived) -> None:
    """A paced day is no warning; the one thing that was wrong is told by a line of its batch."""
    for unit in lived.operator.units.values():
        said = unit.journal.read_text("utf-8")
        assert not re.findall(r"^\S+ (?:WARNING|ERROR) .*", said, re.MULTILINE)
        assert "@" not in said
