"""A folder of .eml files: the way out for trying things, and the double that tests use.

One file a message, named by its date, its delivery and its recipient. A file is there whole or not at all, and a
delivery sent again writes over its own file.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path

from drip.render.message import Message
from drip.render.mime import ascii_address
from drip.transports import Outcome, Receipt, Result
from drip.transports.dkim import written
from drip.transports.dkim_keys import DkimKey

#: Characters of the recipient's address in a file's name; a name may have 255 bytes.
_LONGEST_SLUG = 80


class Outbox:
    """The transport that writes files, signed as they would travel. The folder is made when the first mail comes."""

    name = "outbox"
    connections = 1

    def __init__(self, folder: str | os.PathLike[str], keys: Sequence[DkimKey] = ()) -> None:
        self.folder = Path(folder)
        self._keys = tuple(keys)

    def __repr__(self) -> str:
        return f"Outbox({str(self.folder)!r})"

    def allow(self, connections: int) -> None:
        """Nothing is held open; it is about the number alone."""
        self.connections = min(connections, Outbox.connections)

    def send(self, messages: Sequence[Message]) -> Result:
        """Write each message once. A disk that refuses is the sender's trouble: that mail and the rest are UNTRIED."""
        receipts: list[Receipt] = []
        trouble: str | None = None
        try:
            if messages:
                self.folder.mkdir(parents=True, exist_ok=True)
            for message in messages:
                receipts.append(self._write(message))
        except OSError as error:
            trouble = f"the outbox {self.folder} cannot be written: {error}"
        try:
            if receipts:
                _sync_folder(self.folder)
        except OSError as error:  # nothing of this is durable yet; to write it all again harms nobody
            trouble = trouble or f"the outbox {self.folder} cannot be written: {error}"
            receipts = []
        untried = [Receipt(delivery_id=one.delivery_id, outcome=Outcome.UNTRIED) for one in messages[len(receipts) :]]
        return Result(receipts=(*receipts, *untried), trouble=trouble)

    def _write(self, message: Message) -> Receipt:
        try:
            ascii_address(message.rcpt_to)  # what no mail server would be given is not written here either
            content, name = written(message, self._keys), file_name(message)
        except ValueError as error:
            words = f"drip cannot write this mail: {error}"
            return Receipt(delivery_id=message.delivery_id, outcome=Outcome.REFUSED, answer=words)
        _write_whole(self.folder / name, content)
        return Receipt(delivery_id=message.delivery_id, outcome=Outcome.SENT, answer=f"written to {name}")

    def close(self) -> None:
        """Nothing is held open."""


def file_name(message: Message) -> str:
    """Name a message's file: `20261105T080000Z-00000007-ada@acme.example.eml`. It sorts by time."""
    at = message.date.astimezone(UTC)
    # Tests and previews have no ledger row; their Message-ID tells them apart.
    own = "" if message.delivery_id else "-" + hashlib.sha256(message.message_id.encode()).hexdigest()[:8]
    slug = re.sub(r"[^a-z0-9.@+_-]", "-", message.rcpt_to.lower())
    return f"{at:%Y%m%dT%H%M%SZ}-{message.delivery_id:08}{own}-{slug[:_LONGEST_SLUG]}.eml"


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, whenever the process or the machine dies."""
    # Hidden and not .eml, so that nobody reads it half; the process in its name, since two may write one folder.
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _sync_folder(folder: Path) -> None:
    """Make the names durable too."""
    if not hasattr(os, "O_DIRECTORY"):  # a system whose folders cannot be opened
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
