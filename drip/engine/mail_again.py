"""A mail that was sent, once more: its delivery's own revision, variant and language, and what was known then."""

from __future__ import annotations

from drip.engine.library import Library
from drip.engine.sending import facts_of
from drip.errors import ExpressionError, NotFound
from drip.render.message import build_message
from drip.schedule.advance import scope
from drip.store import Store, enrolments, ledger
from drip.track.token import Ring


class MailAgain:
    """Shows mails in the browser. May be called from any thread."""

    def __init__(self, store: Store, *, ring: Ring, base_url: str) -> None:
        """`base_url` is where the links of mails lead."""
        self._store, self._ring, self._base_url = store, ring, base_url
        self._library = Library()

    def html(self, delivery_id: int) -> str:
        """The mail as HTML, without its pixel; its links are the same, and expire when they would have.

        Raises NotFound where the mail is gone, or needs something of its learner that is not there any more.
        """
        with self._store.read() as conn:
            row = ledger.by_id(conn, delivery_id)
            standing = enrolments.by_id(conn, row.enrolment_id) if row is not None else None
            if row is None or standing is None:
                raise NotFound("this mail is not here any more")
            plan = self._library.plan(conn, row.revision)
            template = self._library.template(conn, row.revision, row.step, row.language, row.variant)
            cards = [self._library.card(conn, row.revision, question, row.language) for question in row.riders]
            facts, _ = facts_of(conn, [standing.enrolment], until=row.claimed_at)
        date, learner = row.claimed_at.replace(microsecond=0), standing.learner
        try:
            return build_message(
                template,
                plan=plan,
                learner=learner,
                variables=scope(plan, learner, standing.enrolment, facts[standing.enrolment.id], date),
                delivery_id=delivery_id,
                date=date,
                ring=self._ring,
                base_url=self._base_url,
                enrolment_id=standing.enrolment.id,
                cards=cards,
                track_opens=False,
                track_clicks=plan.tracking.clicks == "always",
            ).html
        except ExpressionError:
            raise NotFound("this mail cannot be shown any more") from None
