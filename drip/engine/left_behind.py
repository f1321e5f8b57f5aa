"""Files that still name somebody who was erased: what erasing in the database cannot reach."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

#: So much of a file is looked at at a time.
_PIECE = 1 << 20


def naming(files: Iterable[Path], addresses: Sequence[str]) -> list[Path]:
    """Those of the files that hold one of these addresses, in capitals or not."""
    words = [address.lower().encode() for address in addresses]
    return [file for file in files if _names(file, words)]


def copies_of(database: Path | None) -> list[Path]:
    """The copies that `drip db upgrade` has made beside the database."""
    return [] if database is None else sorted(database.parent.glob(f"{database.name}.*.bak"))


def _names(file: Path, words: Sequence[bytes]) -> bool:
    longest = max(map(len, words), default=0)
    try:
        return any(word in piece for piece in _pieces(file, longest) for word in words)
    except OSError:  # gone meanwhile, or not ours to read: nothing can be said of it
        return False


def _pieces(file: Path, overlap: int) -> Iterator[bytes]:
    with file.open("rb") as opened:
        before = b""
        while piece := opened.read(_PIECE):
            yield (before + piece).lower()
            before = piece[-overlap:]
