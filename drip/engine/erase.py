"""Erase a person: everything that names or points at them, over all tables. What is counted stays, of nobody."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from drip.engine.judged import judged
from drip.engine.learners import near_misses, normal_email
from drip.errors import NotFound
from drip.store import Store, erasing, former, learners, wiping
from drip.store.erasing import COUNTED, Kept
from drip.store.evidence import to_evidence
from drip.store.troubles import tried_again


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What was erased, in rows. `enrolments`, `mails` and most `evidence` stay in number, and point at nobody.

    `ended` enrolments were still going on. Of their mails, those not handed yet were `cancelled`; those `on_their_way`
    to the mail server at that moment count as sent.
    """

    email: str
    learners: int = 0
    enrolments: int = 0
    ended: int = 0
    mails: int = 0
    cancelled: int = 0
    on_their_way: int = 0
    evidence: int = 0
    consents: int = 0
    trace: int = 0
    entries: int = 0
    fresh_links: int = 0
    requests: int = 0
    webhooks: int = 0
    api_answers: int = 0


@tried_again
def erase(store: Store, email: str, *, suppression_key: bytes, now: datetime) -> Erased:
    """Erase whoever has this address, in whatever case it is written, and what they have asked for by the form.

    One transaction: all of it or nothing. Their links for leaving go on working, and a suppression stays (both as a
    keyed hash). Raises NotFound, naming like addresses, where nobody has it: so it does the second time, and Refused
    for what is no address. What SQLite's file still holds between its rows goes tonight, or at once by
    `drip.store.wiping.compact`.
    """
    address = learners.address_of(normal_email(email))
    hash_ = learners.suppression_hash(suppression_key, address)
    with store.write() as conn:
        wiping.ask_to_compact(conn)
        found = learners.by_addresses(conn, [address]).get(address)
        requests = erasing.forget_requests(conn, hash_)
        if found is None:
            told = erasing.forget_words(conn, spellings(address))
            if not requests and not any(told.values()):
                raise NotFound(f"nobody has the address {address}{near_misses(conn, address)}")
            return Erased(email=address, requests=requests, **told)
        erasing.lock(conn, found.id)
        former.keep(conn, found.id, hash_)
        rows = erasing.evidence_of(conn, found.id)
        verdicts = judged({row.id: (to_evidence(row), row.mailed_at) for row in rows})
        kept = [Kept(id=row.id, judged=verdicts[row.id], data=counted(row.kind, row.data)) for row in rows]
        words = [*spellings(address), *spellings(found.email), found.ref]
        told = erasing.forget(conn, found.id, words=words, kept=kept, now=now)
    return Erased(email=found.email, requests=requests, **told)


def counted(kind: str, data: dict[str, object]) -> dict[str, object]:
    """What of the data of an answer or a rating is counted: numbers, yes or no, and how sure they were."""
    if kind not in ("answer", "rating"):
        return {}
    return {name: data[name] for name in COUNTED if name in data}


def spellings(address: str) -> list[str]:
    """An address as it is, and as JSON writes it."""
    return list(dict.fromkeys((address, json.dumps(address)[1:-1])))
