"""Files that still name somebody who was erased: what erasing in the database cannot reach."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from drip.render.mime import ascii_address

#: So much of a file is looked at at a time.
_PIECE = 1 << 20
#: What an address ends at in a mail: `bo@…` does not stand in `jumbo@…`, nor `…@acme.example` in `…@acme.example.org`.
_BEGINS, _ENDS = rb"(?<![a-z0-9.!#$%&'*+/?^_`{|}~-])", rb"(?![a-z0-9-]|\.[a-z0-9])"


def mails_naming(files: Iterable[Path], addresses: Sequence[str]) -> list[Path]:
    """Those of the mails that hold one of these addresses and not only the end of a longer one, in capitals or not.

    Each mail to somebody does, in its To.
    """
    words = _written(addresses)
    pattern = re.compile(_BEGINS + b"(?:" + b"|".join(map(re.escape, words)) + b")" + _ENDS)
    return [file for file in files if words and _holds(file, pattern)]


def copies_naming(files: Iterable[Path], addresses: Sequence[str]) -> list[Path]:
    """Those of the copies of a database that hold one of these addresses. Nothing parts a text from the next in one."""
    words = _written(addresses)
    return [file for file in files if _names(file, words)]


def copies_of(database: Path | None) -> list[Path]:
    """The copies that `drip db upgrade` has made beside the database."""
    return [] if database is None else sorted(database.parent.glob(f"{database.name}.*.bak"))


def _written(addresses: Sequence[str]) -> list[bytes]:
    """The addresses in the ways in which they stand in files: a mail has the domain in ASCII."""
    found: dict[str, None] = {}
    for address in addresses:
        found[address.lower()] = None
        try:
            found[ascii_address(address).lower()] = None
        except ValueError:  # it was never mailed
            continue
    return [address.encode() for address in found if address]


def _holds(mail: Path, pattern: re.Pattern[bytes]) -> bool:
    try:
        return pattern.search(mail.read_bytes().lower()) is not None
    except OSError:  # gone meanwhile, or not ours to read: nothing can be said of it
        return False


def _names(file: Path, words: Sequence[bytes]) -> bool:
    longest = max(map(len, words), default=0)
    try:
        return any(word in piece for piece in _pieces(file, longest) for word in words)
    except OSError:
        return False


def _pieces(file: Path, overlap: int) -> Iterator[bytes]:
    with file.open("rb") as opened:
        before = b""
        while piece := opened.read(_PIECE):
            yield (before + piece).lower()
            before = piece[-overlap:]
