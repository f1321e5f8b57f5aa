"""Complaints: feedback reports (ARF, RFC 5965), and what Microsoft sent before it took those up."""

from __future__ import annotations

from dataclasses import dataclass

from drip.inbound.dsn import address_in
from drip.inbound.mail import Part, decoded, read_headers, returned, walk
from drip.track.heard import News

#: Types of feedback (RFC 5965, section 7.3; 6430 for not-spam; 6591 for auth-failure). Only a person's word is a
#: complaint: a virus or a broken signature is found by a machine, and says nothing of what the learner wants.
_NEWS = {
    "abuse": News.COMPLAINED,
    "fraud": News.COMPLAINED,
    "opt-out": News.LEFT,
    "opt-out-list": News.LEFT,
}
#: Microsoft writes into the mail that it returns who has complained.
_MICROSOFT = "x-hmxmroriginalrecipient"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """One report. `recipient` is empty where it was left out, and anything where it was made unrecognisable."""

    news: News
    type: str
    recipient: str
    by: str = ""


def feedback(mail: Part) -> Feedback | None:
    """The complaint that a mail is; None where it is none."""
    for part in walk(mail, into_mails=False):
        if part.type == "message/feedback-report":
            fields = dict(reversed(read_headers(decoded(part))))
            kind = fields.get("feedback-type", "").partition(";")[0].strip().lower()
            recipient = next(
                (
                    address
                    for name in ("original-rcpt-to", "removal-recipient", "redacted-address")
                    if (address := address_in(fields.get(name, "")))
                ),
                "",
            )
            return Feedback(
                news=_NEWS.get(kind, News.OTHER),
                type=kind[:40],
                recipient=recipient or _to(mail),
                by=fields.get("user-agent", "")[:100],
            )
    back = returned(mail)
    if back is not None and (address := address_in(back.first(_MICROSOFT))):
        return Feedback(news=News.COMPLAINED, type="abuse", recipient=address, by="JMRP")
    return None


def _to(mail: Part) -> str:
    back = returned(mail)
    return address_in(back.first("to")) if back is not None else ""
