"""The web side over a stage, with courses that anybody may ask for; and the forms of its pages."""

from __future__ import annotations

import email
import re
from email import policy
from email.message import EmailMessage
from html import unescape
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import select
from stage import KEY, Stage

from drip.engine.subscribe import Offer, Subscriptions
from drip.store import consents, evidence, learners
from drip.store.consents import Consent
from drip.store.tables import evidence as evidence_table
from drip.store.tables import request as request_table
from drip.store.tables import suppression
from drip.track.evidence import Evidence
from drip.web.app import build_app

CONSENT = "I want this course by mail from Acme. I can leave with one press."
SAMTYCKE = "Jag vill ha kursen som mejl från Acme. Jag kan avsluta med ett tryck."
OFFER = Offer(courses=("course",), consent={"en": CONSENT, "sv": SAMTYCKE})


def door_app(stage: Stage, offer: Offer = OFFER, **options: Any) -> FastAPI:
    """The web side of this stage, on its clock and its database."""
    return build_app(
        recorder=stage.recorder,
        ring=stage.sending.ring,
        clock=stage.clock,
        subscriptions=Subscriptions(stage.store, suppression_key=KEY, offer=offer),
        base_url=stage.sending.base_url,
        **options,
    )


def fields(page: httpx.Response | str) -> dict[str, str]:
    """The hidden fields of a page's form, as a browser would send them."""
    html = page if isinstance(page, str) else page.text
    return {name: unescape(value) for name, value in re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', html)}


def ask(stage: Stage, client: httpx.Client, address: str = "new@customer.example", **said: str) -> httpx.Response:
    """Open the form, take three seconds over it, and send it."""
    form = fields(client.get("/subscribe/course"))
    stage.clock.turn(seconds=3)
    return client.post("/subscribe/course", data={**form, "email": address, "first_name": "", "topic": "", **said})


def mails_to(stage: Stage, address: str) -> list[EmailMessage]:
    """What lies in the outbox for an address, parsed."""
    found = [email.message_from_bytes(file.read_bytes(), policy=policy.default) for file in stage.mails()]
    return [mail for mail in found if isinstance(mail, EmailMessage) and mail["To"] and address in mail["To"]]


def text_of(mail: EmailMessage, kind: str = "plain") -> str:
    """The text, or the HTML, of a mail."""
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def link_in(mail: EmailMessage) -> str:
    """The path of the link that confirms."""
    found = re.search(r"https://learn\.acme\.example(/s/\S+)", text_of(mail))
    assert found, text_of(mail)
    return found[1]


def press(client: httpx.Client, path: str, **also: str) -> httpx.Response:
    """Open a page, and press its button."""
    return client.post(path, data={**fields(client.get(path)), **also})


def requests_of(stage: Stage) -> list[Any]:
    """The table of requests."""
    with stage.store.read() as conn:
        return list(conn.execute(select(request_table).order_by(request_table.c.id)))


def suppressions(stage: Stage) -> list[str]:
    """Why addresses are on the suppression list."""
    with stage.store.read() as conn:
        return list(conn.execute(select(suppression.c.reason)).scalars())


def all_evidence(stage: Stage) -> list[Evidence]:
    """All that was recorded, oldest first."""
    with stage.store.read() as conn:
        rows = conn.execute(select(evidence_table).order_by(evidence_table.c.id)).all()
        return [evidence.to_evidence(row) for row in rows]


def consents_of(stage: Stage, address: str) -> list[Consent]:
    """What a learner has agreed to."""
    with stage.store.read() as conn:
        found = learners.by_addresses(conn, [address]).get(address)
        return [] if found is None else consents.of_learner(conn, found.id)
