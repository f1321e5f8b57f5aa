"""A mail in the preview's frame: one colour scheme, no link of ours, no script, and its headers as people read them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from drip.render.message import Message
from drip.render.mime import address, to_bytes
from drip.web.preview_mail import headers_of, policy, shown_html

BASE = "https://learn.acme.example"
MAIL = f"""<!doctype html><html style="color-scheme: light dark"><head><title>A</title>
<style>@media (prefers-color-scheme: dark) {{ p {{ color: white }} }}
@media screen and ( PREFERS-color-scheme:light ) {{ p {{ color: black }} }}</style>
<style media="(prefers-color-scheme: dark)">b {{ color: red }}</style></head>
<body><p>(prefers-color-scheme: dark) is how CSS says it.</p><img src="{BASE}/m/ab12.png" alt="">
<a href="{BASE}/a/tok-en_1">A</a> <a href="{BASE}/u/tok">Leave</a> <a href="https://app.acme.example/u/x">Ours?</a></body></html>"""


def _shown(dark: bool, images: bool = True) -> str:
    return shown_html(
        MAIL, base_url=f"{BASE}/", dark=dark, images=images, ours=lambda kind, token: f"/{kind}?t={token}&x=1"
    )


@pytest.mark.parametrize("dark", [False, True])
def test_one_scheme_holds_whatever_the_machine_is_set_to(dark: bool) -> None:
    """Every query for a scheme, in a sheet or an attribute, became one that always or never holds; texts stay."""
    html = _shown(dark)
    dark_one, light_one = ("min", "max") if dark else ("max", "min")
    assert f"@media ({dark_one}-width: 0px) {{ p {{ color: white" in html
    assert f"@media screen and ({light_one}-width: 0px) {{ p {{ color: black" in html
    assert f'<style media="({dark_one}-width: 0px)">' in html
    assert f"color-scheme: {'dark' if dark else 'light'} !important" in html
    assert "<p>(prefers-color-scheme: dark) is how CSS says it.</p>" in html


def test_links_of_ours_reach_nobody() -> None:
    """Answers and leaving lead to pages of the preview, pictures come from it, other links open beside it."""
    html = _shown(dark=False)
    assert BASE not in html
    assert re.findall(r'(?:href|src)="([^"]+)"', html) == [
        "/m/ab12.png",
        "/a?t=tok-en_1&amp;x=1",
        "/u?t=tok&amp;x=1",
        "https://app.acme.example/u/x",
    ]
    assert '<head><base target="_blank">' in html


def test_a_mail_without_a_head_is_shown_too() -> None:
    """A layout may lack one."""
    assert shown_html("<p>x</p>", base_url=BASE, dark=True, images=True, ours=lambda *_: "").endswith("<p>x</p>")


def test_a_mail_may_do_nothing() -> None:
    """No scripts, forms or frames; without images not even those."""
    said = policy(images=True)["Content-Security-Policy"]
    assert "default-src 'none'" in said
    assert "script-src" not in said
    assert "allow-scripts" not in said
    assert "form-action 'none'" in said
    assert "img-src 'none'" in policy(images=False)["Content-Security-Policy"]
    assert "outline: 1px" in _shown(dark=False, images=False)


def test_headers_are_read_and_shown_as_they_travel() -> None:
    """All of them in order; encoded and folded ones also as written."""
    subject = "Låt en sparad vy sköta filtren åt dig varje måndag klockan nio, och ännu ett ord"
    message = Message(
        delivery_id=0,
        mail_from="learn@acme.example",
        rcpt_to="astrid@kund.example",
        message_id="<1@acme.example>",
        date=datetime(2026, 3, 2, 8, tzinfo=UTC),
        subject=subject,
        headers=(
            ("From", address("Öberg, Åsa", "learn@acme.example")),
            ("To", "astrid@kund.example"),
            ("Subject", subject),
        ),
        text="Hej",
        html="<p>Hej</p>",
    )
    found = {header.name: header for header in headers_of(to_bytes(message))}
    assert found["Subject"].value == subject
    assert found["Subject"].raw.startswith("=?utf-8?b?")
    assert found["Subject"].raw.count("\n") >= 1
    assert found["From"].value == "Öberg, Åsa <learn@acme.example>"
    assert (found["To"].value, found["To"].raw) == ("astrid@kund.example", "")
    assert found["MIME-Version"].value == "1.0"
