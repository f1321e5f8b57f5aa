"""Åsa, who did everything that there is: for tests of what is kept of her, told of her, and erased."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import insert, select
from sqlmodel import SQLModel
from stage import KEY, Stage, set_up

from drip.engine.consent import OPENS, give
from drip.engine.erase import Erased, erase
from drip.engine.fresh_links import FreshLinks
from drip.engine.learners import add as add_learner
from drip.engine.measure import report as measure
from drip.engine.outcomes import happened
from drip.report.rows import to_object
from drip.store import learners, requests
from drip.store.tables import api_token, breaker, delivery, idempotency
from drip.track.token import answer_item

ASA = "Asa.Oberg+las@Kunden-Blåbär.example"
#: As the door normalises it, and as it compares.
ADDRESS = "asa.oberg+las@kunden-blåbär.example"
NAME, FAMILY, ATTRIBUTE, AGENT = (
    "Åsa-Märta",
    "Öberg-Ek",
    "Kärrtorps Glas & Co",
    "Mozilla/5.0 (Åsas telefon) Firefox/140",
)
FREE_TEXT = "ringde från 070-1234567"
SECRETS = (ASA, ADDRESS, NAME, FAMILY, ATTRIBUTE, AGENT, FREE_TEXT)
COURSE = """\
title: Your first report
sender: {name: Acme Academy, email: learn@acme.example}
timing: {every: 1 day, at: "09:00", timezone: Europe/Stockholm}
steps:
  - tip: welcome
    subject: Welcome
    body: A [saved view](https://app.acme.example/views?u={{ learner.ref }}).
    question:
      ask: Where does a chart start?
      options:
        - {text: From a saved view, correct: true, because: "The view holds the filters."}
        - {text: From a blank page, because: "There is no blank chart."}
  - notify: crm.under_way
  - {tip: second, subject: Two, body: Two.}
  - {survey: nps, ask: How likely?}
  - award: certificate
  - {tip: last, subject: Last, body: Last.}
"""


def spelled(words: str) -> Iterator[bytes]:
    """How a text may stand in a file: in UTF-8, in JSON, in an address of the web; in capitals or not."""
    for one in {words, words.lower(), words.upper()}:
        yield one.encode()
        yield json.dumps(one)[1:-1].encode()
        yield quote(one, safe="").encode()
        yield quote(one).encode()
        yield one.encode("utf-16-le")


def found_in(data: bytes, secrets: tuple[str, ...] = SECRETS) -> list[bytes]:
    return [spelling for words in secrets for spelling in spelled(words) if spelling in data]


def files_of(stage: Stage) -> bytes:
    """The whole database: the file, its write-ahead log, and its index."""
    return b"".join(path.read_bytes() for path in sorted(stage.folder.glob("drip.db*")))


def lived(folder: Path, **changes: Any) -> Stage:
    """A course in which Åsa did everything that there is, beside two others."""
    stage = set_up(folder, **changes)
    stage.publish(COURSE)
    stage.add("before@customer.example", "after@customer.example")
    add_learner(
        stage.store, ASA, now=stage.clock(), first_name=NAME, last_name=FAMILY, attributes={"company": ATTRIBUTE}
    )
    stage.enrol("before@customer.example", "after@customer.example", ADDRESS)
    stage.live(days=0.5)
    mail = mails_of(stage, ADDRESS)[0]
    visit = replace(stage.visit("open-1"), user_agent=AGENT, network="a network's mark")
    stage.recorder.opened(mail, visit)
    stage.recorder.clicked(mail, 0, replace(visit, source_id="click-1"))
    stage.recorder.answered(mail, answer_item(0, 0), "certain", replace(visit, source_id="answer-1", method="POST"))
    stage.recorder.opened(mails_of(stage, "before@customer.example")[0], stage.visit("open-2"))
    happened(
        stage.store, ADDRESS, "called", data={"note": FREE_TEXT, "who": ADDRESS}, at=stage.clock(), suppression_key=KEY
    )
    id_ = number_of(stage, ADDRESS)
    give(stage.store, id_, OPENS, True, text_version="v1", text="Ja", source=f"by {NAME}", at=stage.clock())
    assert FreshLinks(stage.store, suppression_key=KEY).ask(mail, now=stage.clock())
    stage.live(days=2)
    with stage.store.write() as conn:
        for n, state in enumerate(("asked", "asking", "waiting")):
            values = {
                "nonce": f"nonce-{n}", "asked_at": stage.clock(), "course_id": "course", "email": ASA, "text": "Ja",
                "address_hash": learners.suppression_hash(KEY, ADDRESS), "first_name": NAME, "language": "sv",
                "text_version": "v1", "source": "form", "state": state, "due_at": None,
            }  # fmt: skip
            assert requests.add(conn, values)
        token = {"id": 1, "name": "crm", "token_hash": "x", "scopes": [], "created_at": stage.clock()}
        conn.execute(insert(api_token).values(**token))
        said = {"token_id": 1, "fingerprint": "f", "status": 201, "made_at": stage.clock()}
        conn.execute(insert(idempotency).values(key="1", body=json.dumps({"email": ADDRESS}), **said))
        conn.execute(insert(idempotency).values(key="2", body=json.dumps({"email": "bo@customer.example"}), **said))
        trouble = {"transport": "smtp", "trouble": f"450 <{ADDRESS}> not now", "since": stage.clock()}
        conn.execute(insert(breaker).values(**trouble, until=stage.clock(), trips=1))
        conn.execute(delivery.update().where(delivery.c.id == mail).values(answer=f"250 <{ASA}> queued"))
    return stage


def number_of(stage: Stage, address: str) -> int:
    with stage.store.read() as conn:
        return learners.by_addresses(conn, [address])[address].id


def mails_of(stage: Stage, address: str) -> list[int]:
    return [row.id for row in stage.rows() if row.learner_id == number_of(stage, address)]


def forget(stage: Stage, address: str = ADDRESS) -> Erased:
    return erase(stage.store, address, suppression_key=KEY, now=stage.clock())


def report(stage: Stage) -> dict[str, object]:
    return to_object(measure(stage.store, "course"))


def dump(stage: Stage) -> str:
    """Every row of every table, as text."""
    with stage.store.read() as conn:
        return "\n".join(str(row) for table in SQLModel.metadata.sorted_tables for row in conn.execute(select(table)))
