"""A mail scanner with a person's user agent follows every link of a message: nothing about the learner changes."""

from __future__ import annotations

import re
from datetime import timedelta
from email import message_from_bytes, policy
from html import unescape
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from stage import SECRET, Stage, set_up, steps_of

from drip.engine.sending import facts_of
from drip.people import Facts
from drip.store import evidence
from drip.store.enrolments import Standing
from drip.track.classify import classify
from drip.track.evidence import Origin
from drip.track.token import Ring
from drip.web.app import build_app
from drip.web.serve import running

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
SECONDS = 3.0
MAILS = ["welcome", "again", "export", "export/survey", "goodbye"]
#: Everything that a click, an open, an answer or a visit might steer.
COURSE = """\
title: Your first report
sender: {name: Acme Academy, email: learn@acme.example}
timing: {every: 1 day, at: "09:00", timezone: Europe/Stockholm}
goal: clicked("export")
stop: opened("goodbye")
silent: {after: 9 mails, then: pause}
steps:
  - tip: welcome
    subject: Welcome
    body: |
      A chart starts from a [saved view](https://app.acme.example/views?u={{ learner.ref }}).
    button: {text: Open your views, url: "https://app.acme.example/views"}
    question:
      ask: Where does a chart start?
      options:
        - {text: From a saved view, correct: true, because: "The view holds the filters."}
        - {text: From a blank page, because: "There is no blank chart."}
  - wait: {until: answered("welcome") or clicked("welcome"), at_most: 2 days}
  - tip: again
    subject: Once more
    body: See [the views](https://app.acme.example/views).
    when: not clicked("welcome") and not opened("welcome")
  - tip: export
    subject: Export it
    body: Press [Export](https://app.acme.example/export).
  - survey: nps
    ask: How likely are you to recommend us?
  - tip: goodbye
    subject: That was it
    body: Keep [this](https://app.acme.example/keep).
"""


def links_of(mail: Path) -> list[str]:
    """Every address of ours in a message, in order: pictures, links, and that of the List-Unsubscribe header."""
    message = message_from_bytes(mail.read_bytes(), policy=policy.default)
    html = message.get_body(("html",))
    assert html is not None
    found = re.findall(r'(?:href|src)="([^"]+)"', html.get_content())
    found += re.findall(r"<(https?://[^>]+)>", str(message["List-Unsubscribe"]))
    paths = [urlsplit(unescape(one)) for one in found]
    return list(dict.fromkeys(one.path for one in paths if one.netloc == "learn.acme.example"))


def known_of(stage: Stage, email: str) -> tuple[Standing, Facts]:
    standing = stage.standing(email)
    with stage.store.read() as conn:
        facts, _ = facts_of(conn, [standing.enrolment])
    return standing, facts[standing.enrolment.id]


@pytest.mark.parametrize("after", [1, 45, 3600])
def test_a_walk_over_every_link_changes_nothing(tmp_path: Path, after: float) -> None:
    """Each mail of a whole course is walked over, at once, after 45 seconds or an hour, within three seconds.

    State and facts stay as they were, and so do due times once it has settled; the course goes on as that of a learner
    whose mails nobody touched.
    """
    stage = set_up(tmp_path)
    stage.publish(COURSE)
    walked, untouched = stage.people(2)
    app = build_app(recorder=stage.recorder, ring=Ring.of([SECRET]), clock=stage.clock)
    kinds: set[str] = set()
    with running(app) as url, httpx.Client(base_url=url, headers={"User-Agent": CHROME}) as scanner:
        for _ in range(24 * 12):
            before = len(stage.mails())
            stage.deliver()
            new = [mail for mail in stage.mails()[before:] if walked in mail.read_text("utf-8", errors="replace")]
            for mail in new:
                links, known = links_of(mail), known_of(stage, walked)
                kinds |= {link.split("/")[1] for link in links}
                stage.clock.turn(seconds=after)
                for link in links:
                    assert scanner.get(link).status_code in (200, 302), link
                    stage.clock.turn(seconds=SECONDS / len(links))
                standing, facts = known_of(stage, walked)
                assert (standing.enrolment, facts) == (known[0].enrolment, known[1]), mail.name
                stage.deliver()
                stage.clock.turn(seconds=120 - SECONDS)
                stage.deliver()  # whatever settles has settled
                assert known_of(stage, walked) == known, mail.name
                stage.clock.turn(seconds=-120 - after)
            stage.clock.turn(hours=1)
    assert {"o", "c", "a", "u"} <= kinds
    rows = {email: [row for row in stage.rows() if row.learner_id == n] for n, email in ((1, walked), (2, untouched))}
    assert steps_of(rows[walked]) == steps_of(rows[untouched]) == MAILS
    assert [row.sent_at for row in rows[walked]] == [row.sent_at for row in rows[untouched]]
    with stage.store.read() as conn:
        seen = evidence.of_learner(conn, 1)
    sent = {row.id: row.sent_at for row in rows[walked]}
    for delivery, at in sent.items():
        verdicts = classify([event for event in seen if event.delivery_id == delivery], at)
        assert {verdict.origin for verdict in verdicts} <= {Origin.MACHINE, Origin.UNSURE}
    assert min(event.at for event in seen) >= min(at for at in sent.values() if at) + timedelta(seconds=after)
