"""Keep what a learner agrees to, or takes back: with the text that they read, where they said it, and when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection

from drip.engine.learners import find
from drip.store import Store, consents, learners
from drip.store.consents import Consent
from drip.store.troubles import tried_again

#: Getting mail at all, and having one's opens recorded (`tracking: {opens: consented}`).
MAIL, OPENS = "mail", "opens"


@tried_again
def give(
    store: Store,
    learner_id: int,
    what: str,
    given: bool,
    *,
    text_version: str,
    source: str,
    at: datetime,
    text: str = "",
) -> None:
    """Write down that a learner agreed to `what` (MAIL, OPENS), or took it back, in a transaction of its own.

    It holds from then on, for mails that are out already too: the pixel of each asks anew.
    """
    said = Consent(what=what, given=given, text_version=text_version, text=text, source=source, at=at)
    with store.write() as conn:
        write_down(conn, learner_id, said)


def write_down(conn: Connection, learner_id: int, said: Consent) -> None:
    """The same, within a transaction of the caller's."""
    if said.what not in (MAIL, OPENS):
        raise ValueError(f"consent is to {MAIL} or {OPENS}, not to {said.what!r}")
    learners.lock(conn, [learner_id])  # two words at once: the row that says what holds is that of the latest
    consents.add(conn, learner_id, said)
    if said.what == OPENS:
        holds = consents.latest(conn, [learner_id], OPENS)[learner_id]
        learners.change(conn, learner_id, {"consents_opens": holds.given})


@tried_again
def said_elsewhere(
    store: Store, email: str, said: Mapping[str, bool], *, source: str, text: str, text_version: str, at: datetime
) -> None:
    """Write down what somebody has said about `said` (MAIL, OPENS → yes or no) in a call, a contract, another form.

    Without a name of the text, it is called by its hash. Raises NotFound for a stranger.
    """
    version = text_version or (sha256(text.encode()).hexdigest()[:16] if text else "")
    with store.write() as conn:
        learner = find(conn, email)
        for what, given in said.items():
            words = Consent(what=what, given=given, text_version=version, text=text, source=source, at=at)
            write_down(conn, learner.id, words)


def has_given(store: Store, learner_id: int, what: str) -> bool | None:
    """Whether a learner's last word on `what` was yes; None where they have said nothing."""
    with store.read() as conn:
        found = consents.latest(conn, [learner_id], what).get(learner_id)
    return None if found is None else found.given
