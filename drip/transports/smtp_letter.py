"""A message as it is said to a mail server, and the desk where a conversation gets it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # where letters come from, and where they go
    from drip.transports.smtp_batch import Batch
    from drip.transports.smtp_conversation import Conversation

_NEWLINE = 10
#: Dots that are looked at one by one, to find that none begins a line. To search for one that does takes 13 µs in
#: 23 kB, as much as all else that Python does for a mail here; and base64 has none.
_FEW_DOTS = 60


@dataclass(slots=True)
class Letter:
    """A message on its way out: its batch, its place there, and the bytes that are said for it."""

    batch: Batch
    position: int
    mail_from: bytes
    rcpt_to: bytes
    content: bytes

    @property
    def envelope(self) -> bytes:
        """MAIL, RCPT and DATA in one piece (RFC 2920)."""
        return b"MAIL FROM:<%b>\r\nRCPT TO:<%b>\r\nDATA\r\n" % (self.mail_from, self.rcpt_to)

    def dotted(self) -> bytes:
        """The content with a second dot where a line begins with one, and the final one (RFC 5321, section 4.5.2)."""
        content, looked_at = self.content, 0
        dot = content.find(b".")
        while dot > 0 and content[dot - 1] != _NEWLINE and looked_at < _FEW_DOTS:
            dot, looked_at = content.find(b".", dot + 1), looked_at + 1
        if dot >= 0:
            content = content.replace(b"\r\n.", b"\r\n..")
            content = b"." + content if content.startswith(b".") else content
        return content + (b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n")


class Desk(Protocol):
    """Where a conversation gets its letters, and where it says how it stands."""

    def take(self, talk: Conversation) -> Letter | None:
        """Give the next letter to try on this connection."""
        ...

    def take_ahead(self, talk: Conversation) -> Letter | None:
        """Give one whose envelope may leave behind the content that leaves now."""
        ...

    def ended(self, letter: Letter) -> None:
        """A letter has ended, or is back in its batch."""
        ...

    def rests(self, talk: Conversation) -> None:
        """There is nothing more to say, or nobody to say it to (`alive` is false)."""
        ...
