"""The one mail that asks whether it was really them who asked for a course: a button, and nothing of theirs in it.

Whatever somebody wrote into the form stands nowhere in it, but for the address that it goes to: so a form cannot be
made to send strangers' words to strangers.
"""

from __future__ import annotations

import hmac
from datetime import datetime
from hashlib import sha256
from html import escape

from drip.plan.model import Plan
from drip.render import mime
from drip.render.brand import Brand, palette
from drip.render.languages import words_for
from drip.render.message import NO_DELIVERY, Message, one_line
from drip.render.parts import title_in
from drip.render.words import direction
from drip.track.token import Purpose, Ring, sign


def confirmation(
    plan: Plan,
    *,
    number: int,
    check: int,
    email: str,
    language: str,
    asked_at: datetime,
    until: datetime,
    ring: Ring,
    base_url: str,
    brand: Brand,
) -> Message:
    """The mail for one request: the same arguments give the same mail, so that a second try is no second mail.

    `check` tells it from an earlier request of the same `number`. Raises ValueError for an address that cannot be
    mailed.
    """
    words = words_for(language)
    said, course, sender = words.subscribe, title_in(plan, language), brand.name or plan.sender.name
    link = f"{base_url.rstrip('/')}/s/{sign(ring, Purpose.SUBSCRIBE, number, check, expires_at=until)}"
    values = {"course": course, "sender": sender}
    subject = one_line(said.mail_subject.format_map(values))
    text = said.mail_text.format_map(values)
    mail_from = mime.ascii_address(plan.sender.email)
    rcpt_to = mime.ascii_address(email)
    name = hmac.digest(ring.keys[-1], f"message-id request {number}".encode(), sha256).hex()[:32]
    message_id = f"<{name}@{mail_from.rpartition('@')[2]}>"
    footer = "\n".join(filter(None, (sender, brand.address)))
    headers = (
        ("From", mime.address(one_line(plan.sender.name), plan.sender.email)),
        ("To", rcpt_to),
        ("Reply-To", mime.ascii_address(plan.sender.reply_to or plan.sender.email)),
        ("Subject", subject),
        ("Date", mime.date(asked_at)),
        ("Message-ID", message_id),
        ("Content-Language", words.language),
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "OOF, AutoReply"),
    )
    return Message(
        delivery_id=NO_DELIVERY,
        mail_from=mail_from,
        rcpt_to=rcpt_to,
        message_id=message_id,
        date=asked_at,
        subject=subject,
        headers=headers,
        text=f"{said.mail_title}\n\n{text}\n\n{said.mail_button}:\n{link}\n\n{said.mail_not_you}\n\n--\n{footer}\n",
        html=note_html(
            language=words.language,
            way=direction(words.language),
            subject=subject,
            title=said.mail_title,
            text=text,
            button=said.mail_button,
            link=link,
            not_you=said.mail_not_you,
            footer=footer,
            colours=palette(brand),
        ),
        labels=(plan.course_id, "subscribe"),
    )


_SANS = "-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
_HTML = """\
<!doctype html>
<html lang="{language}" dir="{way}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{subject}</title>
<style>
:root {{ color-scheme: light dark; supported-color-schemes: light dark; }}
@media (prefers-color-scheme: dark) {{
  body, .page {{ background-color: #16181A !important; color: #ECEDEE !important; }}
  .quiet {{ color: #A6ABB1 !important; }}
  .button {{ background-color: {dark_accent} !important; color: {dark_accent_text} !important; }}
}}
</style>
</head>
<body style="margin:0;padding:0;background-color:#FFFFFF;color:#1A1C1E">
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0"
 style="background-color:#FFFFFF;color:#1A1C1E"><tr>
<td align="center" style="padding:32px 16px">
<div lang="{language}" dir="{way}"
 style="max-width:568px;margin:0 auto;text-align:{start};font:17px/26px {sans}">
<p class="quiet" style="margin:0 0 24px;font-size:14px;line-height:20px;color:#55595F">{sender}</p>
<h1 style="margin:0 0 16px;font-size:26px;line-height:32px;font-weight:700">{title}</h1>
<p style="margin:0 0 24px">{text}</p>
<p style="margin:0 0 24px"><a class="button" href="{link}"
 style="display:inline-block;padding:11px 24px;border-radius:8px;background-color:{accent};color:{accent_text};\
font-weight:600;text-decoration:none">{button}</a></p>
<p style="margin:0 0 24px">{not_you}</p>
<p class="quiet" style="margin:0;font-size:14px;line-height:21px;color:#55595F">{footer}</p>
</div>
</td></tr></table>
</body>
</html>
"""


def note_html(
    *,
    language: str,
    way: str,
    subject: str,
    title: str,
    text: str,
    button: str,
    link: str,
    not_you: str,
    footer: str,
    colours: dict[str, str],
) -> str:
    """A short mail of ours: a title, a sentence, a button, what to do if it was not them, and who sends it."""
    return _HTML.format(
        sans=_SANS,
        language=escape(language),
        way=way,
        start="right" if way == "rtl" else "left",
        subject=escape(subject),
        sender=escape(footer.partition("\n")[0]),
        title=escape(title),
        text=escape(text),
        button=escape(button),
        link=escape(link),
        not_you=escape(not_you),
        footer="<br>".join(escape(line) for line in footer.split("\n")),
        **{name: colours[name] for name in ("accent", "accent_text", "dark_accent", "dark_accent_text")},
    )
