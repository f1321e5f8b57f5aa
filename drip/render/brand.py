"""A brand in the mails: its name, mark, address, and one accent colour that can be read wherever it stands."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from drip.errors import SettingsError
from drip.render.colour import hex_colour, readable, text_on

#: What accents must be readable on: the page and the card, light and dark (LOOK: The mail).
_LIGHT, _DARK = ("#FFFFFF", "#F6F7F8"), ("#16181A", "#1E2124")


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """`[brand]` of drip.toml. `name` falls back to the sender's; `logo` is an https address; `accent` is `#rrggbb`."""

    name: str = ""
    logo: str = ""
    accent: str = "#0F6B5C"
    address: str = ""


def palette(brand: Brand) -> dict[str, str]:
    """The accent as a surface and as a text, for both colour schemes, each readable where it stands; and the logo.

    Raises SettingsError for what cannot be shown.
    """
    if brand.logo and not brand.logo.startswith("https://"):
        raise SettingsError(f'the logo "{brand.logo}" cannot be shown in a mail\n  it has an address with https://')
    accent = hex_colour(brand.accent)
    dark = readable(accent, *_DARK)
    return {
        "logo": escape(brand.logo),
        "accent": accent,
        "accent_text": text_on(accent),
        "link": readable(accent, *_LIGHT),
        "dark_accent": dark,
        "dark_accent_text": text_on(dark),
        "dark_link": dark,
    }
