"""Where bounces wait: a Maildir, or a mailbox on an IMAP server; and mails in files, which nothing is done to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Protocol

from drip.errors import NotFound, Refused
from drip.inbound.mail import LARGEST

#: One byte more than is read of a mail: whoever reads it sees that it is too large.
MOST = LARGEST + 1
_MBOX_LINE = re.compile(rb"From \S")


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One mail: where it lies, and at most `MOST` bytes of it."""

    name: str
    content: bytes


class Mailbox(Protocol):
    """Where mails wait. What goes wrong with the place itself is a DripError that says what to do."""

    def waiting(self) -> Iterator[Letter]:
        """The mails that nobody has put away yet, the oldest first. One that goes meanwhile is left out."""

    def put_away(self, name: str, *, understood: bool) -> None:
        """Do not show this one again. One that was not `understood` is for a person: it is left unread."""

    def close(self) -> None:
        """Hold nothing open."""


def in_file(path: Path, *, mailbox: bool = False) -> Iterator[Letter]:
    """The mail in a file, each in an mbox (`mailbox`), or each of a Maildir. Raises NotFound or Refused."""
    try:
        if path.is_dir():
            for folder in ("new", "cur"):
                for file in sorted((path / folder).iterdir()):
                    if file.is_file():
                        yield Letter(name=str(file), content=_beginning(file))
        elif not path.exists():
            raise NotFound(f"there is no file {path}")
        elif not path.is_file():
            raise Refused(f"{path} is no file: hand a pipe over as standard input, with - for the file")
        elif mailbox:
            with path.open("rb") as file_:
                for number, content in enumerate(in_mbox(file_), start=1):
                    yield Letter(name=f"{path}:{number}", content=content)
        else:
            content = _beginning(path)
            if _MBOX_LINE.match(content) and len(list(in_mbox(BytesIO(content)))) > 1:
                raise Refused(
                    f"{path} is an mbox of several mails: read it with --mailbox, or all but the first are lost"
                )
            yield Letter(name=str(path), content=content)
    except FileNotFoundError:
        raise Refused(f"{path} is a folder, and no Maildir: it has no folders new and cur") from None
    except OSError as error:
        raise Refused(f"{path}: cannot be read: {error.strerror}") from None


def in_mbox(file: BinaryIO) -> Iterator[bytes]:
    """The mails of an mbox, each without its `From ` line, in the memory of one."""
    mail, size, after_empty, begun = bytearray(), 0, True, False
    while line := file.readline(65_536):
        if after_empty and _MBOX_LINE.match(line):
            if begun:
                yield bytes(mail)
            mail, size, begun, after_empty = bytearray(), 0, True, False
            continue
        begun = begun or bool(line.strip())
        after_empty = line in (b"\n", b"\r\n")
        if re.match(rb">+From ", line):
            line = line[1:]
        if size < MOST:
            mail += line[: MOST - size]
            size = len(mail)
    if begun:
        yield bytes(mail)


def from_stream(file: BinaryIO) -> bytes:
    """A mail from a pipe, at most `MOST` bytes of it. The rest is read too: whoever writes it shall not be cut off."""
    content = file.read(MOST)
    while file.read(1_048_576):
        pass
    return content


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MOST)
