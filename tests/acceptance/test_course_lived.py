"""A course lived end to end: the command line, a mail server and a web server, each in a process of its own.

Five learners, Monday to the Tuesday after, on a clock that stands still between two looks at the queue:

- Astrid clicks and answers right, Ben (an hour further west) answers wrong, both on Monday;
- Carla never does anything, but a machine follows every link of her first mail;
- Robert, whose first name is a piece of a template, answers right on Thursday;
- June leaves on Monday with one press.
"""

from __future__ import annotations

import email.policy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import pytest
from academy import BASE_URL, Academy, found_academy
from judge import judge
from mail_server import MailServer, mail_server

from drip.cli.demo_people import APPLE_PREFETCH, BROWSER, CHROME, Browser, Mail, read

ASTRID, BEN, CARLA = "astrid@kund.example", "ben@customer.example", "carla@customer.example"
ROBERT, JUNE = "robert@customer.example", "june@customer.example"
HOSTILE = "{{ 7 * 7 }}{% raw %}<b>"

#: The sender, Stockholm, and a mail a day at 09:00 from Monday to Friday come from the drip.toml of `drip init`.
COURSE = """\
title: Read a chart in a week
steps:
  - tip: welcome
    subject: "Welcome, {{ learner.first_name }}"
    body: |
      Dear {{ learner.first_name }}, a chart starts from a [saved view](https://app.acme.example/views).
    button: {text: Open your views, url: "https://app.acme.example/views?u={{ learner.ref }}"}
    question:
      ask: Where does a chart start?
      options:
        - {text: From a saved view, correct: true, because: The view holds the filters.}
        - {text: From a blank page, because: There is no blank chart.}
  - wait: {until: answered("welcome"), at_most: 4 days}
  - if: correct("welcome")
    then: [{tip: advanced, subject: Two views in one chart, body: Lay one over the other.}]
    else: [{tip: basics, subject: The saved view again, body: A view keeps your filters.}]
  - tip: export
    subject: Export it
    body: Press *Export*.
    when: not clicked("welcome")
  - {tip: goodbye, subject: That was it, body: Keep this.}
"""
PEOPLE = f"""\
email,first_name,timezone
{ASTRID},Åsa-Astrid,Europe/Stockholm
{BEN},Ben,Europe/London
{CARLA},Carla,
{ROBERT},{HOSTILE},
{JUNE},June,
"""
#: 5 March 2035 is a Monday; 09:00 is 08:00Z in Stockholm and 09:00Z in London.
MONDAY, THURSDAY = "2035-03-05", "2035-03-08"
WEEKDAYS = (MONDAY, "2035-03-06", "2035-03-07", THURSDAY, "2035-03-09", "2035-03-12", "2035-03-13")


@dataclass
class Lived:
    """What happened. `came` is every mail in its order: (when the queue was looked at, address, subject, the mail)."""

    academy: Academy
    server: MailServer
    came: list[tuple[str, str, str, EmailMessage]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    told: dict[str, Any] = field(default_factory=dict)

    def run(self, now: str) -> None:
        """Look at the queue at `now`, and keep the mail that came. What it tells is what the server took."""
        told = self.academy.drip("run", "--until-idle", "--send-early", "--now", now)
        new = self.server.messages()[len(self.came) :]
        assert f"{len(new)} sent" in told
        for message in new:
            self.raw.append(message["data"].encode("utf-8", "surrogateescape"))
            mail = BytesParser(EmailMessage, policy=email.policy.default).parsebytes(self.raw[-1])
            (address,) = message["rcpt_to"]
            self.came.append((now, address, mail["Subject"], mail))

    def mail_to(self, address: str, number: int = 1) -> Mail:
        """What the learner's mail program shows of their mail of that number."""
        copies = [raw for (_, to, _, _), raw in zip(self.came, self.raw, strict=True) if to == address]
        return read(copies[number - 1], number, BASE_URL)


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    """Live it once; every test below looks at what came of it."""
    folder = tmp_path_factory.mktemp("lived")
    with mail_server(folder / "smtp.jsonl") as server:
        academy = found_academy(folder / "academy", {"charts": COURSE}, PEOPLE, DRIP_TRANSPORT=server.url)
        academy.drip("enrol", "charts", "--all", "--at", f"{MONDAY}T06:00Z")
        lived = Lived(academy=academy, server=server)
        lived.told["too early"] = academy.drip("run", "--until-idle", "--now", f"{MONDAY}T08:00Z", exit_code=1)
        lived.run(f"{MONDAY}T07:59Z")
        for day in WEEKDAYS:
            lived.run(f"{day}T08:00Z")
            if day <= THURSDAY:
                lived.run(f"{day}T09:00Z")
            if day == MONDAY:
                lived.run(f"{day}T09:00Z")  # twice: the second look must find nothing
                on_monday(lived, f"{day}T11:00Z")
                lived.run(f"{day}T11:01Z")
                lived.told["ben on Monday"] = academy.told("why", BEN, "charts")
                lived.told["status on Monday"] = academy.told("status")
            if day == THURSDAY:
                on_thursday(lived, f"{day}T11:00Z")
        yield lived


class Reader(Browser):
    """A learner's browser: whatever the links begin with, they lead to where `drip serve` listens."""

    def get(self, url: str, agent: str = BROWSER) -> tuple[int, str]:
        return super().get(url.removeprefix(BASE_URL), agent)

    def answer(self, url: str, option: int, sure: str, agent: str = BROWSER) -> tuple[int, str]:
        return super().answer(url.removeprefix(BASE_URL), option, sure, agent)

    def leave(self, url: str, agent: str = BROWSER) -> tuple[int, str]:
        return super().leave(url.removeprefix(BASE_URL), agent)


def on_monday(lived: Lived, now: str) -> None:
    """Two answer, one leaves, and a machine walks through Carla's mail."""
    with lived.academy.serving(now) as url:
        web = Reader(url)
        told = lived.told
        astrid, ben, carla, june = (lived.mail_to(who) for who in (ASTRID, BEN, CARLA, JUNE))
        told["pixel"] = web.get(str(astrid.pixel))
        told["click"] = web.get(astrid.links[-1])
        told["right"] = web.answer(astrid.questions[0][0], 0, "certain")
        told["wrong"] = web.answer(ben.questions[0][1], 1, "guessed")
        told["machine"] = [web.get(link, CHROME)[0] for link in carla.presses] + [
            web.get(str(carla.pixel), APPLE_PREFETCH)[0]
        ]
        told["left"] = [web.leave(june.unsubscribe)[0] for _ in range(2)]
        told["forged"] = web.leave(june.unsubscribe[:-1] + ("A" if june.unsubscribe[-1] != "A" else "B"))[0]
        web.close()


def on_thursday(lived: Lived, now: str) -> None:
    """Robert answers at last."""
    with lived.academy.serving(now) as url:
        web = Reader(url)
        lived.told["late"] = web.answer(lived.mail_to(ROBERT).questions[0][0], 0, "fairly")
        web.close()


def test_each_learner_gets_their_own_way_at_their_own_hour(lived: Lived) -> None:
    """Right, wrong and silent branch apart; a wait ends by an answer or runs out; nothing comes early, or twice."""
    assert [(now, to, subject) for now, to, subject, _ in lived.came if to == ASTRID] == [
        ("2035-03-05T08:00Z", ASTRID, "Welcome, Åsa-Astrid"),
        ("2035-03-06T08:00Z", ASTRID, "Two views in one chart"),
        ("2035-03-07T08:00Z", ASTRID, "That was it"),  # the export is skipped, which takes no time: she clicked
    ]
    assert [(now, subject) for now, to, subject, _ in lived.came if to == BEN] == [
        ("2035-03-05T09:00Z", "Welcome, Ben"),
        ("2035-03-06T09:00Z", "The saved view again"),
        ("2035-03-07T09:00Z", "Export it"),
        ("2035-03-08T09:00Z", "That was it"),
    ]
    assert [(now, subject) for now, to, subject, _ in lived.came if to == CARLA] == [
        ("2035-03-05T08:00Z", "Welcome, Carla"),
        ("2035-03-09T08:00Z", "The saved view again"),  # four days have run out
        ("2035-03-12T08:00Z", "Export it"),  # the machine's clicks are not hers
        ("2035-03-13T08:00Z", "That was it"),
    ]
    assert [(now, subject) for now, to, subject, _ in lived.came if to == ROBERT] == [
        ("2035-03-05T08:00Z", f"Welcome, {HOSTILE}"),
        ("2035-03-09T08:00Z", "Two views in one chart"),
        ("2035-03-12T08:00Z", "Export it"),
        ("2035-03-13T08:00Z", "That was it"),
    ]
    assert [(now, subject) for now, to, subject, _ in lived.came if to == JUNE] == [
        ("2035-03-05T08:00Z", "Welcome, June")
    ]


def test_real_mail_is_not_sent_ahead_of_its_time_by_accident(lived: Lived) -> None:
    """`--now` ahead of the real time is refused over SMTP, and the message says what to add to mean it."""
    assert "--send-early" in lived.told["too early"]
    assert lived.came[0][0] == "2035-03-05T08:00Z"


def test_every_header_is_what_mail_programs_and_providers_want(lived: Lived) -> None:
    """RFC 8058's pair, a Message-ID of its own without anything personal, the planned Date, both parts, short lines."""
    assert len({mail["Message-ID"] for *_, mail in lived.came}) == len(lived.came) == 16
    for (now, to, _, mail), raw in zip(lived.came, lived.raw, strict=True):
        assert mail["List-Unsubscribe"].startswith(f"<{BASE_URL}/u/")
        assert mail["List-Unsubscribe"].count("<") == 1
        assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert mail["Message-ID"].endswith("@acme.example>")
        assert to.partition("@")[0] not in mail["Message-ID"]
        assert mail["Date"].datetime.isoformat() == f"{now[:16]}:00+00:00"
        assert mail["From"].addresses[0].addr_spec == "learn@acme.example"
        assert [address.addr_spec for address in mail["To"].addresses] == [to]
        assert mail.get_content_type() == "multipart/alternative"
        assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
        assert not mail.defects
        assert max(map(len, raw.splitlines())) <= 998


def test_what_a_learner_is_called_is_never_run_as_a_template(lived: Lived) -> None:
    """Robert's name arrives letter by letter, escaped in HTML; no other mail has anything of a template in it."""
    for _, to, _, mail in lived.came:
        html, text = mail.get_body(("html",)).get_content(), mail.get_body(("plain",)).get_content()
        if to == ROBERT and "Welcome" in mail["Subject"]:
            assert f"Dear {HOSTILE}, a chart" in " ".join(text.split())
            assert HOSTILE.replace("<", "&lt;").replace(">", "&gt;") in html
            assert "<b>" not in html
            assert "49" not in text
        else:
            assert not any(mark in part for mark in ("{{", "{%") for part in (html, text, mail["Subject"]))


def test_nobody_reads_of_anybody_else(lived: Lived) -> None:
    """No mail names another learner, neither in its headers nor in its parts."""
    names = {ASTRID: "Åsa-Astrid", BEN: "Ben", CARLA: "Carla", ROBERT: "7 * 7", JUNE: "June"}
    for _, to, _, mail in lived.came:
        seen = [str(value) for value in mail.values()]
        seen += [part.get_content() for part in mail.iter_parts()]
        for other in names.keys() - {to}:
            assert not any(other in text or f"{names[other]}," in text for text in seen)


def test_the_links_do_what_they_say(lived: Lived) -> None:
    """The pixel is a picture, a click leads on, an answer is judged at once, leaving is one press, a forgery a 4xx."""
    told = lived.told
    assert told["pixel"][0] == 200
    assert told["pixel"][1].startswith("GIF89a")
    assert told["click"][0] == 302
    assert told["right"][0] == told["wrong"][0] == told["late"][0] == 200
    assert "The view holds the filters." in told["right"][1]
    assert "There is no blank chart." in told["wrong"][1]
    assert Counter(told["machine"]) == {302: 2, 200: 4}
    assert told["left"] == [200, 200]
    assert 400 <= told["forged"] < 500


def test_why_tells_the_way_and_what_comes_next(lived: Lived) -> None:
    """In the middle: what Ben waits for. At the end: every step that Astrid passed, with the reason."""
    ben = lived.told["ben on Monday"]
    assert (ben["state"], ben["next_step"], ben["next_at"]) == ("active", "basics", "2035-03-06T09:00:00+00:00")
    astrid = lived.academy.told("why", ASTRID, "charts")
    assert (astrid["state"], astrid["ended_by"], astrid["next_step"]) == ("finished", "last step", None)
    passed = [row for row in astrid["rows"] if row["kind"] not in ("enrol", "mail")]
    assert [(row["at"][:16], row["kind"], row["reason"]) for row in passed] == [
        ("2035-03-05T11:01", "wait", 'answered("welcome") is true'),
        ("2035-03-05T11:01", "decide", 'correct("welcome") is true'),
        ("2035-03-07T08:00", "skip", 'not clicked("welcome") is false'),
        ("2035-03-07T08:00", "finish", "the last step is done"),
    ]
    assert [row["step"] for row in astrid["rows"] if row["kind"] == "mail"] == ["welcome", "advanced", "goodbye"]
    carla = lived.academy.told("why", CARLA, "charts")
    assert 'answered("welcome") did not come true in time' in [row["reason"] for row in carla["rows"]]


def test_status_tells_the_queue(lived: Lived) -> None:
    """On Monday the next mail is Tuesday's; at the end every mail is sent and nothing is due."""
    monday, end = lived.told["status on Monday"], lived.academy.told("status")
    assert monday["next_at"] == "2035-03-06T08:00:00+00:00"
    assert monday["deliveries"] == {"sent": 5}
    assert (end["learners"], end["due"], end["next_at"], end["problems"]) == (5, 0, None, [])
    assert (end["deliveries"], end["troubles"]) == ({"sent": 16}, [])


def test_show_tells_all_about_a_learner(lived: Lived) -> None:
    """June has left by a form, once; Carla's visitor is told apart from a person."""
    june = lived.academy.told("learners", "show", JUNE)
    assert [(one["state"], one["ended_by"]) for one in june["enrolments"]] == [("left", "unsubscribed")]
    assert [(one["kind"], one["origin"], one["step"]) for one in june["evidence"]] == [
        ("unsubscribe", "human", "welcome")
    ]
    carla = lived.academy.told("learners", "show", CARLA)
    assert Counter((one["kind"], one["origin"]) for one in carla["evidence"]) == {
        ("click", "machine"): 2,
        ("visit", "machine"): 3,
        ("open", "machine"): 1,
    }


def test_the_report_says_exactly_what_happened(lived: Lived) -> None:
    """Every number of `drip report --format json`, people and machines apart, with Wilson's intervals."""
    found = lived.academy.told("report", "charts")
    steps = {step.pop("step"): step for step in found.pop("steps")}
    learning = {
        "answers": 3,
        "correct": 2,
        "correct_share": 0.6667,
        "correct_low": 0.2077,
        "correct_high": 0.9385,
        "answers_later": 0,
        "by_confidence": {
            "guessed": {"answers": 1, "correct": 0, "correct_share": 0.0, "correct_low": 0.0, "correct_high": 0.7935},
            "fairly": {"answers": 1, "correct": 1, "correct_share": 1.0, "correct_low": 0.2065, "correct_high": 1.0},
            "certain": {"answers": 1, "correct": 1, "correct_share": 1.0, "correct_low": 0.2065, "correct_high": 1.0},
        },
    }
    assert {name: value for name, value in found.items() if name not in ("revision", "published_at")} == {
        "course": "charts",
        "title": "Read a chart in a week",
        "paused_at": None,
        "enrolled": 5,
        "active": 0,
        "paused": 0,
        "finished": 4,
        "finished_by": {"last step": 4},
        "left": 1,
        "failed": 0,
        "held": 0,
        "in_doubt": 0,
        "sent": 16,
        "delivered": 0,
        "bounced": 0,
        "complained": 0,
        "opens": "always",
        **learning,
        "held_out": 0,
        "reviewed": {"answers": 0, "correct": 0, "correct_share": None, "correct_low": None, "correct_high": None},
        "ratings": {},
    }
    assert {name: step["sent"] for name, step in steps.items()} == {
        "welcome": 5,
        "advanced": 2,
        "basics": 2,
        "export": 3,
        "goodbye": 4,
    }
    counted = {"opened": 1, "opened_machines": 1, "clicked": 1, "clicked_machines": 1, "left": 1, **learning}
    assert {name: steps["welcome"][name] for name in counted} == counted
    for step in steps.values():
        nothing = ("waiting", "in_doubt", "held", "failed", "cancelled", "opened_unsure", "clicked_unsure", "dropped")
        assert not any(step[name] for name in nothing)
    for name in ("advanced", "basics", "export", "goodbye"):
        assert not any(steps[name][count] for count in ("opened", "opened_machines", "clicked", "left", "answers"))


def test_the_ledger_agrees_with_what_the_server_took(lived: Lived) -> None:
    """Each ledger row is sent and each message has its row, once."""
    verdict = judge(lived.server.log, Path(lived.academy.database))
    assert verdict.broken() == {}
    assert verdict.messages == 16
