"""Pictures beside a course: what kind of file it is, how large it is drawn, and the name it gets by its content."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

#: A larger picture is a photo as the camera made it; on a phone it takes seconds and somebody's data.
MOST_PICTURE_BYTES = 1_000_000
#: Wider or higher than this, a mail program may refuse to draw it (and a header may lie).
MOST_PIXELS = 10_000
#: Hexadecimal digits of SHA-256 in a name: 64 bits, against accidents.
NAME_DIGITS = 16

_SIZED = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What is known of a picture. `name` is what the plan calls it: `m/`, 16 digits of its SHA-256, and its kind."""

    name: str
    width: int
    height: int


def picture(data: bytes) -> Picture:
    """What a file of a picture is. Raises ValueError with what is wrong and, after a colon, what to do."""
    if len(data) > MOST_PICTURE_BYTES:
        raise ValueError(f"is larger than {MOST_PICTURE_BYTES // 1_000_000} MB: make it smaller, 1,200 pixels wide say")
    try:
        kind, (width, height) = _kind_and_size(data)
    except (IndexError, ValueError):
        raise ValueError("is damaged: save it again") from None
    if kind == "":
        if b"<svg" in data[:1000]:
            raise ValueError("is SVG, which mail programs do not show: save it as PNG")
        raise ValueError("is no picture that mail programs show: save it as PNG, JPEG, GIF or WebP")
    if not (0 < width <= MOST_PIXELS and 0 < height <= MOST_PIXELS):
        raise ValueError(f"has {width} by {height} pixels: {MOST_PIXELS:,} is the most")
    digest = hashlib.sha256(data).hexdigest()[:NAME_DIGITS]
    return Picture(name=f"m/{digest}.{kind}", width=width, height=height)


def _kind_and_size(data: bytes) -> tuple[str, tuple[int, int]]:
    """The end of the name and the size in pixels; "" for what is no picture. Raises where the header is cut off."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):  # ISO/IEC 15948: IHDR comes first
        return "png", (_big(data, 16, 4), _big(data, 20, 4))
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "gif", (_little(data, 6, 2), _little(data, 8, 2))
    if data.startswith(b"\xff\xd8\xff"):
        return "jpg", _jpeg(data)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp", _webp(data)
    return "", (0, 0)


def _jpeg(data: bytes) -> tuple[int, int]:
    """The size in the frame header, which follows any number of other segments (ITU-T T.81, B.1.1 and B.2.2)."""
    at = 2
    while True:
        if data[at] != 0xFF:
            raise ValueError("no marker")
        while data[at] == 0xFF:  # any number of fill bytes
            at += 1
        marker = data[at]
        if marker in _SIZED:
            return _big(data, at + 6, 2), _big(data, at + 4, 2)
        if marker == 0x01 or 0xD0 <= marker <= 0xD8:  # these have no length
            at += 1
        elif marker in (0xD9, 0xDA):
            raise ValueError("no frame")
        else:
            at += 1 + max(2, _big(data, at + 1, 2))


def _webp(data: bytes) -> tuple[int, int]:
    """The size in the first chunk: lossy (RFC 6386, 9.1), lossless, or extended (RFC 9649)."""
    match data[12:16]:
        case b"VP8 ":
            return _little(data, 26, 2) & 0x3FFF, _little(data, 28, 2) & 0x3FFF
        case b"VP8L":
            bits = _little(data, 21, 4)
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":
            return _little(data, 24, 3) + 1, _little(data, 27, 3) + 1
        case _:
            raise ValueError("no chunk")


def _big(data: bytes, at: int, width: int) -> int:
    return int.from_bytes(_bytes(data, at, width), "big")


def _little(data: bytes, at: int, width: int) -> int:
    return int.from_bytes(_bytes(data, at, width), "little")


def _bytes(data: bytes, at: int, width: int) -> bytes:
    found = data[at : at + width]
    if len(found) < width:
        raise IndexError("cut off")
    return found
