"""A Maildir that a mail server delivers bounces into: a file a mail, new ones in `new`, what was looked at in `cur`."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from drip.errors import MachineError
from drip.inbound.mailbox import MOST, Letter

_FOLDERS = ("tmp", "new", "cur")


class Maildir:
    """A Maildir of drip's own. Mails in `new` wait; those put away go to `cur`, the understood ones marked as seen."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def waiting(self) -> Iterator[Letter]:
        """What lies in `new`, by name: a name begins with the time of its delivery."""
        try:
            with os.scandir(self._folder / "new") as found:
                names = sorted(one.name for one in found if one.is_file(follow_symlinks=False))
        except OSError as error:
            raise _unusable(self._folder, error) from None
        for name in names:
            try:
                with (self._folder / "new" / name).open("rb") as file:
                    content = file.read(MOST)
            except FileNotFoundError:  # another worker has put it away
                continue
            except OSError as error:
                raise _unusable(self._folder / "new" / name, error) from None
            yield Letter(name=name, content=content)

    def put_away(self, name: str, *, understood: bool) -> None:
        """Move it to `cur`; a mail program shows one that was not understood as unread."""
        target = self._folder / "cur" / f"{name.partition(':')[0]}:2,{'S' if understood else ''}"
        try:
            with suppress(FileNotFoundError):
                (self._folder / "new" / name).rename(target)
        except OSError as error:
            raise _unusable(target, error) from None

    def close(self) -> None:
        """Nothing is open."""


def keep(folder: Path, content: bytes) -> None:
    """Put one mail into a Maildir, durably; the folder is made if need be. Raises MachineError."""
    name = f"{uuid4().hex}.drip.{socket.gethostname().replace('/', '_').replace(':', '_')}"
    try:
        for one in _FOLDERS:
            (folder / one).mkdir(mode=0o700, parents=True, exist_ok=True)
        with (folder / "tmp" / name).open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        (folder / "tmp" / name).rename(folder / "new" / name)
    except OSError as error:
        raise _unusable(folder, error) from None


def _unusable(path: Path, error: OSError) -> MachineError:
    hint = "; it is made by the first mail, or by mkdir -p with tmp, new and cur in it"
    missing = isinstance(error, FileNotFoundError | NotADirectoryError)
    return MachineError(f"the Maildir {path} cannot be used: {error.strerror}{hint if missing else ''}")
