"""Why a mail goes when it goes, in words for a timeline."""

from __future__ import annotations

from collections.abc import Sequence

from drip.course.timing import gap_text
from drip.people import Enrolment, Tempo
from drip.plan.model import Mail
from drip.schedule.wishes import HURRIED, gap_of


def why_then(mail: Mail, stands: Enrolment, last: str | None, moved: str) -> str:
    """Why a mail is due when it is: what it counts from, and what moved it (the words of `schedule.civil`).

    `last` is the mail before it, None for the first. `1 day after welcome; Saturday and Sunday are not sending days`.
    """
    if moved == HURRIED:
        return HURRIED
    gap = gap_of(mail, stands)
    parts = [part for part in moved.split("; ") if part]
    if parts and parts[0].startswith("not before "):
        parts = parts[1:]
        since = "as soon as the wait is over" if stands.waited else "in the place of the one that was skipped"
    elif last is None:
        since = "the first mail" if gap.count == 0 else f"{gap_text(gap)} after the enrolment"
    else:
        since = f"straight after {last}" if gap.count == 0 else f"{gap_text(gap)} after {last}"
    if parts and parts[0].startswith(("before ", "after ")):
        since = f"{since}, {'enrolled ' if last is None and gap.count == 0 else ''}{parts.pop(0)}"
    wishes = [_WISHED[stands.wish.tempo]] if gap != (mail.first_gap if last is None else mail.gap) else []
    return "; ".join([since, *wishes, *parts])


#: What a learner's own pace is called.
_WISHED = {Tempo.HALF: "half as often, as the learner wishes", Tempo.TWICE: "twice as often, as the learner wishes"}


def joined(*reasons: str) -> str:
    """All reasons, each part said once."""
    parts = [part for text in reasons for part in text.split("; ") if part]
    return "; ".join(dict.fromkeys(parts))


def riding(questions: Sequence[str]) -> str:
    """What a mail brings besides its own."""
    return f"brings back {', '.join(questions)}" if questions else ""
