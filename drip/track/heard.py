"""What a provider or a mail server says became of a mail. Its words are read in inbound/; engine/feedback.py acts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

#: What `Heard.source` says of what a mail says that came back.
BY_MAIL = "mail"


class News(StrEnum):
    """What is said to have become of it."""

    #: The provider has taken it on, and will try.
    ACCEPTED = "accepted"
    #: The learner's own mail server has taken it.
    DELIVERED = "delivered"
    #: Not yet; whoever says so goes on trying.
    DELAYED = "delayed"
    #: It came back; the verdict says whose fault that is.
    BOUNCED = "bounced"
    #: The provider has not even tried: the address is on a list of its own, say.
    DROPPED = "dropped"
    #: The learner has called it spam.
    COMPLAINED = "complained"
    #: The learner has left by a way of the provider's own.
    LEFT = "left"
    #: A machine has answered in the learner's name: away until Monday, say.
    AUTO_REPLY = "auto-reply"
    #: Something else, which is kept as it came.
    OTHER = "other"


class Verdict(StrEnum):
    """What a bounce says of the address."""

    #: There is no such mailbox: never write to it again.
    HARD = "hard"
    #: It may work another time: a full mailbox. Many in a row end as hard.
    SOFT = "soft"
    #: Not yet, and it is still being tried: says nothing of the address.
    DELAYED = "delayed"
    #: Not the address's fault: a policy, our reputation, the content, a size.
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One thing said of one mail to one address. `at` is aware; (source, source_id) names it, so a replay is free.

    `delivery_id` is there only where something that we have signed proves it. `status` is an enhanced code (RFC 3463)
    such as 5.1.1, "" where none is given; `said` are the other side's words; `data` is whatever else came with it.
    """

    news: News
    at: datetime
    source: str
    source_id: str
    recipient: str
    delivery_id: int | None = None
    verdict: Verdict | None = None
    status: str = ""
    said: str = ""
    data: Mapping[str, object] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """The code and the other side's words, for people."""
        return in_words(self.status, self.said)


def in_words(status: str, said: str) -> str:
    """`5.1.1 no such user`. Most servers say the code among their words: then it stands there once."""
    return said if status in said.split() else " ".join(filter(None, (status, said)))
