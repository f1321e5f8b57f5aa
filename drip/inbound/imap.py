"""A mailbox on an IMAP server (RFC 3501). TLS is verified; no password goes in the clear, but to this machine."""

from __future__ import annotations

import imaplib
import re
import ssl
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from drip.errors import MachineError, SettingsError
from drip.inbound.mailbox import MOST, Letter

#: Seconds that a server may be silent.
PATIENCE = 60.0
#: What is set on a mail that drip has read, beside or instead of "seen": people look into mailboxes too.
MARK = "$DripRead"
#: So many mails are searched at once.
_SEARCHED = 10_000
#: So many mails may be unreadable on the server before its mailbox is left alone.
_MOST_UNREADABLE = 10
_PORTS = {"imaps": 993, "imap": 143}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_WANTED = "write imaps://user@host/INBOX; a user name's @ as %40"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where a mailbox is. `implicit` TLS is that of imaps://; imap:// asks for STARTTLS."""

    host: str
    port: int
    user: str
    folder: str
    implicit: bool

    @property
    def name(self) -> str:
        """What people know it by, without anything secret."""
        return f"{self.user} at {self.host}:{self.port}"


def parse_imap_url(url: str) -> Account:
    """`imaps://user@host:port/FOLDER`. Raises SettingsError, which shows nothing that may be a password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise SettingsError(f"not the address of a mailbox: {_WANTED}") from None
    if parts.scheme not in _PORTS or not parts.hostname or not parts.username or parts.query or parts.fragment:
        raise SettingsError(f"not the address of a mailbox: {_WANTED}")
    if parts.password is not None:
        raise SettingsError("a password stands in it, and this file is for sharing: write DRIP_BOUNCES_PASSWORD")
    user, folder = unquote(parts.username), unquote(parts.path.lstrip("/")) or "INBOX"
    if not (user + folder).isprintable() or not (user + folder).isascii():
        raise SettingsError("a user or folder with letters beyond ASCII: write the folder as the server spells it")
    return Account(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        user=user,
        folder=folder,
        implicit=parts.scheme == "imaps",
    )


class Imap:
    """A mailbox on a server. Mails that drip has read are marked; those of people stay unread."""

    def __init__(self, account: Account, password: str) -> None:
        self._account, self._password = account, password
        self._server: imaplib.IMAP4 | None = None
        self._takes_marks = True
        self._mails = 0
        #: Where the server takes no marks: what was left for people, so that it is not read again.
        self._left: set[tuple[str, str]] = set()
        self._validity = ""

    def waiting(self) -> Iterator[Letter]:
        """The mails without our mark; where the server takes no marks, the unread ones.

        One that the server cannot read itself keeps no other: it is said after them. Some servers hang up over it.
        """
        unreadable: list[str] = []
        words = ""
        try:
            server = self._connect()
            wanted = f"UNKEYWORD {MARK}" if self._takes_marks else "UNSEEN"
            for uid in self._found(server, f"UNDELETED {wanted}"):
                if (self._validity, uid) in self._left:
                    continue
                server = self._still_open()
                try:
                    content = self._content(server, uid)
                except imaplib.IMAP4.error as error:
                    unreadable, words = [*unreadable, uid], str(error)
                    if len(unreadable) >= _MOST_UNREADABLE:
                        break
                    self.close()
                    continue
                if content is not None:
                    yield Letter(name=uid, content=content)
            if unreadable:
                raise imaplib.IMAP4.error(f"of its mails it cannot read number {', '.join(unreadable)}: {words}")
        except (OSError, imaplib.IMAP4.error, ValueError) as error:
            raise self._unusable(error) from None

    def _found(self, server: imaplib.IMAP4, wanted: str) -> list[str]:
        """The numbers of such mails. In pieces: imaplib takes no line of a megabyte, which 150,000 numbers are."""
        uids: list[str] = []
        for start in range(1, self._mails + 1, _SEARCHED):
            (found,) = _well(server.uid("SEARCH", f"{start}:{min(start + _SEARCHED - 1, self._mails)} {wanted}"))
            uids += (found or b"").decode("ascii").split()
        return uids

    def put_away(self, name: str, *, understood: bool) -> None:
        """Set the mark, and "seen" on one that was understood."""
        flags = [MARK] if self._takes_marks else []
        flags += [r"\Seen"] if understood else []
        if not flags:
            self._left.add((self._validity, name))
            return
        try:
            _well(self._still_open().uid("STORE", name, "+FLAGS.SILENT", f"({' '.join(flags)})"))
        except (OSError, imaplib.IMAP4.error) as error:
            raise self._unusable(error) from None

    def close(self) -> None:
        """Say goodbye."""
        server, self._server = self._server, None
        if server is not None:
            with suppress(OSError, imaplib.IMAP4.error):
                server.logout()

    def _connect(self) -> imaplib.IMAP4:
        self.close()
        account = self._account
        # the machine's own authorities, or those that SSL_CERT_FILE names
        trusted = ssl.create_default_context()
        if account.implicit:
            server: imaplib.IMAP4 = imaplib.IMAP4_SSL(account.host, account.port, ssl_context=trusted, timeout=PATIENCE)
        else:
            server = imaplib.IMAP4(account.host, account.port, timeout=PATIENCE)
        self._server = server
        if not account.implicit:
            if "STARTTLS" in server.capabilities:
                server.starttls(ssl_context=trusted)
            elif account.host not in _LOOPBACK:
                raise imaplib.IMAP4.error("it offers no STARTTLS, and no password is sent in the clear")
        server.login(account.user, self._password)
        folder = account.folder.replace("\\", "\\\\").replace('"', '\\"')
        (mails,) = _well(server.select(f'"{folder}"'))
        self._mails = int(mails)
        self._takes_marks = any(rb"\*" in said for said in server.response("PERMANENTFLAGS")[1] if said)
        self._validity = str(server.response("UIDVALIDITY")[1][0])
        return server

    def _still_open(self) -> imaplib.IMAP4:
        """The server; once more where it has hung up, as long as the mails have the same numbers there."""
        if self._server is None:
            before = self._validity
            server = self._connect()
            if self._validity != before:
                raise imaplib.IMAP4.error("its mails have got other numbers meanwhile")
            return server
        return self._server

    def _content(self, server: imaplib.IMAP4, uid: str) -> bytes | None:
        """A mail, or its beginning; None where it is gone. PEEK: to read it does not make it seen."""
        for piece in _well(server.uid("FETCH", uid, f"(BODY.PEEK[]<0.{MOST}>)")):
            if isinstance(piece, tuple) and re.search(rb"BODY\[\]", piece[0]):
                return bytes(piece[1])
        return None

    def _unusable(self, error: Exception) -> MachineError:
        self.close()
        words = str(error)
        if isinstance(error, ssl.SSLCertVerificationError):
            words = f"its certificate is not to be trusted: {error.verify_message}"
        elif isinstance(error, OSError) and error.strerror:
            words = error.strerror
        words = re.sub(r"\A(?:b['\"])?(?:\[[A-Z-]+\] )?(.*?)['\"]?\Z", r"\1", words, flags=re.DOTALL)
        return MachineError(f"the mailbox of {self._account.name}: {words.replace(self._password, '…') or 'no answer'}")


def _well(answer: tuple[str, list[Any]]) -> list[Any]:
    """What a server says, if it says OK. Raises imaplib's error otherwise."""
    status, said = answer
    if status != "OK":
        words = b" ".join(one for one in said if isinstance(one, bytes)).decode("utf-8", "replace")
        raise imaplib.IMAP4.error(words or f"it says {status}")
    return said
