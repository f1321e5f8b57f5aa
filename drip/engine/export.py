"""Export a person: all that is kept of them, table by table, with what each word means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drip.engine.erase import spellings
from drip.engine.judged import judged
from drip.engine.learners import near_misses, normal_email
from drip.errors import NotFound
from drip.store import Store, erasing, learners, personal
from drip.store.evidence import to_evidence
from drip.track.classify import Verdict

#: What stands in each part.
ABOUT: Mapping[str, str] = {
    "learner": "who they are, as they were imported or said themselves; `attributes` are all other columns",
    "enrolments": "the courses they are or were in; `run` counts how often; `wish` is the pace, hour and days chosen",
    "mails": "every mail to them; `answer` is what the mail server said, `riders` the questions that came back with it",
    "evidence": "what happened afterwards: opens, clicks, answers, ratings, pages seen, changes, leaving, what was "
    "done elsewhere and what mail servers said; `by` is who did it, as far as one can tell, and `reason` the rule",
    "consents": "what they agreed to, or took back: the text that they read, its version, where and when",
    "way": "what they passed on the way from mail to mail, with the reason: steps skipped, waits, decisions",
    "dates": "courses that they come into on a date of theirs",
    "fresh_links": "mails that brought them a fresh link to their page, when a link of theirs was too old",
    "requests": "courses that they have asked for by the form and not confirmed; kept for a week",
    "suppression": "why their address gets no mail, if so; the list holds a keyed hash in place of the address",
    "api_answers": "what the API was answered about them under an Idempotency-Key; kept for a day",
    "webhooks": "what was told of them to other systems, or waits to be",
}
#: What words mean that stand in several parts.
WORDS: Mapping[str, str] = {
    "at, …_at": "a moment, in UTC",
    "ref": "what stands for them in links and webhooks in place of the address",
    "user_agent": "what their browser or mail program called itself",
    "network": "a mark of the network it came from, made anew each day; no address is kept",
    "source, source_id": "who told of it, and its number there: so that nothing counts twice",
    "revision": "which version of the course a mail was made from",
    "null, \"\"": "nothing is known",
}  # fmt: skip


def export_learner(store: Store, email: str, *, suppression_key: bytes | None = None) -> dict[str, Any]:
    """All that names or points at whoever has this address: `{address, about, words, learner, enrolments, …}`.

    Plain values; times are aware. Without a key, what is found by the address's hash (requests by the form and the
    suppression list) is left out. Raises NotFound, naming like addresses, where nobody has it, and Refused for what is
    no address.
    """
    address = learners.address_of(normal_email(email))
    hash_ = "" if suppression_key is None else learners.suppression_hash(suppression_key, address)
    with store.read() as conn:
        found = learners.by_addresses(conn, [address]).get(address)
        own = personal.of_learner(conn, found.id) if found is not None else {}
        words = spellings(address) if found is None else [*spellings(address), *spellings(found.email), found.ref]
        named = personal.of_address(conn, hash_, words, learner_id=found.id if found is not None else None)
        if found is None and not any(named.values()):
            raise NotFound(f"nobody has the address {address}{near_misses(conn, address)}")
        rows = [] if found is None else erasing.evidence_of(conn, found.id)
    if own:
        verdicts = judged({row.id: (to_evidence(row), row.mailed_at) for row in rows})
        own["evidence"] = _told(own["evidence"], verdicts)
    return {"address": address, "about": dict(ABOUT), "words": dict(WORDS), **own, **named}


def _told(rows: personal.Rows, verdicts: Mapping[int, str]) -> personal.Rows:
    """Evidence with who did it, the oldest first."""
    told = []
    for row in sorted(rows, key=lambda row: (row["at"], row["id"])):
        verdict = Verdict.from_text(verdicts[row["id"]])
        told.append({**row, "by": str(verdict.origin), "reason": verdict.reason})
    return told
