"""Contrast between two colours, and the nearest shade of one that can be read on another (WCAG 2.2, 1.4.3)."""

from __future__ import annotations

import re
from colorsys import hls_to_rgb, rgb_to_hls

from drip.errors import SettingsError

#: The least contrast of text (WCAG 2.2, 1.4.3 AA).
READABLE = 4.5
BLACK, WHITE = "#000000", "#FFFFFF"

#: Shades between a colour and black or white.
_STEPS = 50
_HEX = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})\Z", re.IGNORECASE)


def hex_colour(text: str) -> str:
    """`#0a5` or `#00AA55` as `#00AA55`. Raises SettingsError for anything else."""
    if not _HEX.match(text):
        raise SettingsError(f'"{text}" is not a colour\n  write accent = "#0F6B5C" under [brand]')
    digits = text[1:] if len(text) == 7 else "".join(2 * digit for digit in text[1:])
    return f"#{digits.upper()}"


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours such as `#0F6B5C`, from 1 to 21 (WCAG 2.2, contrast ratio)."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def text_on(colour: str) -> str:
    """Black or white, whichever reads better on a colour: one of them always reaches 4.5."""
    return max((WHITE, BLACK), key=lambda text: contrast(text, colour))


def readable(colour: str, *backgrounds: str) -> str:
    """The colour itself, or the nearest lighter or darker shade of its hue that can be read on every background."""
    end = text_on(backgrounds[0])
    hue, lightness, saturation = rgb_to_hls(*(channel / 255 for channel in _channels(colour)))
    for step in range(_STEPS + 1):
        nearer = lightness + ((end == WHITE) - lightness) * step / _STEPS
        shade = "#" + "".join(f"{round(255 * channel):02X}" for channel in hls_to_rgb(hue, nearer, saturation))
        if all(contrast(shade, background) >= READABLE for background in backgrounds):
            return shade
    return end


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[place : place + 2], 16) for place in (1, 3, 5))


def _luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (n / 255 for n in _channels(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
