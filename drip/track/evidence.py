"""Evidence: anything that happened after a mail went out, kept raw. Who did it (origin) is judged later and apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

#: An open or a click counts this long after it arrived: a scanner's burst shows itself by then (DESIGN: Conditions).
SETTLES_AFTER = timedelta(seconds=60)


class Kind(StrEnum):
    """What happened."""

    #: The pixel was fetched.
    OPEN = "open"
    #: A link of the body, or the button, was followed.
    CLICK = "click"
    #: A page of ours was shown (an answer page, the unsubscribe page). A GET: it changes nothing.
    VISIT = "visit"
    #: A question was answered, by a POST.
    ANSWER = "answer"
    #: A survey was rated, by a POST.
    RATING = "rating"
    #: The learner left, by a POST.
    UNSUBSCRIBE = "unsubscribe"
    #: Something happened elsewhere (`drip event`, later the API).
    EVENT = "event"
    #: A certificate was given.
    AWARD = "award"
    #: The learner changed how the course comes to them, by a POST: `item` says what (pause, pace, hour, language …).
    CHANGE = "change"
    #: The learner agreed to something, or took that back, by a POST: `item` says what (mail, opens).
    CONSENT = "consent"
    #: The learner came back after leaving, by a POST.
    RETURN = "return"
    #: The learner's own mail server has taken a mail. This and what follows is told by a provider or a mail server.
    DELIVERED = "delivered"
    #: A mail has not arrived yet, and is still being tried.
    DELAYED = "delayed"
    #: A mail came back: `item` is the verdict (hard, soft, other).
    BOUNCE = "bounce"
    #: The learner has called a mail spam.
    COMPLAINT = "complaint"
    #: A machine has answered in the learner's name.
    AUTO_REPLY = "auto-reply"
    #: Anything else that a provider tells, as it came: `item` is its own word for it.
    PROVIDER = "provider"


class Origin(StrEnum):
    """Who did it, as far as one can tell."""

    HUMAN = "human"
    MACHINE = "machine"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One thing that happened. `at` is aware; (source, source_id) is unique, so a replay is free.

    `item` says which: a link's number for a click, a question's id for an answer, an event's name.
    `data` holds what else is known: for an answer `option` (from 0), `correct`, `sure` (guessed | fairly | certain).
    `network` stands for where it came from, for a day (see track/network.py); "" where that is not known.
    `judged` is the verdict on it (`human form`), once user agent and network are forgotten; "" until then.
    """

    kind: Kind
    at: datetime
    source: str
    source_id: str
    learner_id: int
    enrolment_id: int | None = None
    delivery_id: int | None = None
    step: str = ""
    item: str = ""
    method: str = ""
    user_agent: str = ""
    data: Mapping[str, object] = field(default_factory=dict)
    network: str = ""
    judged: str = ""
