"""What stands in HTML for everybody is written in Latin-1, where that costs little: Python then keeps it in half."""

from __future__ import annotations

from html import unescape

from drip.render.pieces import pieces_of
from drip.render.template import sandbox

_WORDS = "Ein ruhiger Satz, der lang genug ist, damit die Zeichen darin wenige sind. " * 4


def _filled(source: str, *, html: bool = True, **names: object) -> str:
    return pieces_of(source, sandbox(None, html=html)).fill(names)


def test_quotation_marks_become_references_and_read_the_same() -> None:
    """Also in a branch; what fits into Latin-1 stays as it is."""
    source = f"<p>{_WORDS}“Åsa” → {{% if name %}}“{{{{ name }}}}”{{% endif %}}</p>"
    filled = _filled(source, name="Björn")
    assert max(map(ord, filled)) < 256
    assert "Åsa" in filled
    assert unescape(filled) == f"<p>{_WORDS}“Åsa” → “Björn”</p>"


def test_text_keeps_its_characters() -> None:
    """Plain text has no references."""
    assert _filled(f"{_WORDS}“x”", html=False) == f"{_WORDS}“x”"


def test_a_style_with_such_a_character_is_left_alone() -> None:
    """A reference means nothing in CSS; the whole mail stays as it is then."""
    source = f"<style>li::before {{ content: '→' }}</style><p>{_WORDS}“x”</p>"
    assert _filled(source) == source
    source = f"<style>li {{ color: red }}</style><p>{_WORDS}“x”</p>"
    assert "&#8220;x&#8221;" in _filled(source)


def test_a_text_that_is_written_in_other_letters_is_left_alone() -> None:
    """A mail in Arabic would grow to three times its size."""
    assert _filled("<p>مرحبا بكم في الدورة</p>") == "<p>مرحبا بكم في الدورة</p>"
