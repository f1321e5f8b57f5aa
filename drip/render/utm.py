"""UTM parameters: what a web site's own statistics read to know where a visitor came from."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

#: The parameters, as `[tracking] utm` names them; each becomes `utm_…`.
NAMES = ("source", "medium", "campaign", "term", "content")
#: What may stand in braces in their values.
PLACEHOLDERS = ("course", "step", "variant")


def with_utm(address: str, utm: Mapping[str, str], names: Mapping[str, str]) -> str:
    """The same address with these parameters behind its query; the author's own ones stay as they are.

    `utm` is parameter (without `utm_`) → value, in which `{course}`, `{step}` and `{variant}` are filled from `names`.
    Anything but http and https is left alone, and so is all that stands there: path, query, and fragment.
    """
    parts = urlsplit(address)
    if parts.scheme.lower() not in ("http", "https"):
        return address
    own = {name.lower() for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    added = [
        f"utm_{name}={quote(_filled(value, names), safe='')}" for name, value in utm.items() if f"utm_{name}" not in own
    ]
    if not added:
        return address
    query = parts.query.rstrip("&")
    return urlunsplit(parts._replace(query="&".join([*([query] if query else []), *added])))


def _filled(value: str, names: Mapping[str, str]) -> str:
    for name in PLACEHOLDERS:
        value = value.replace(f"{{{name}}}", names.get(name, ""))
    return value
