"""A short mail of ours, outside any course: a title, a sentence, a button, what to do if it was not them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from html import escape

from drip.plan.model import Plan
from drip.render import mime
from drip.render.brand import Brand, palette
from drip.render.message import NO_DELIVERY, Message, one_line
from drip.render.words import Words, direction
from drip.track.token import Ring, message_digest

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What it says. `told_title`: the text part begins with the title too."""

    title: str
    text: str
    button: str
    link: str
    not_you: str
    told_title: bool = True


def note_mail(
    plan: Plan,
    note: Note,
    *,
    kind: str,
    name: str,
    email: str,
    subject: str,
    words: Words,
    asked_at: datetime,
    ring: Ring,
    brand: Brand,
) -> Message:
    """The mail, from the course's sender; `name` makes its Message-ID, so that a second try is the same mail.

    Raises ValueError for an address that cannot be mailed.
    """
    sender = plan.sender
    mail_from, rcpt_to = mime.ascii_address(sender.email), mime.ascii_address(email)
    message_id = f"<{message_digest(ring.keys[-1], name)}@{mail_from.rpartition('@')[2]}>"
    footer = "\n".join(filter(None, (brand.name or sender.name, brand.address)))
    headers = (
        ("From", mime.address(one_line(sender.name), sender.email)),
        ("To", rcpt_to),
        ("Reply-To", mime.ascii_address(sender.reply_to or sender.email)),
        ("Subject", subject),
        ("Date", mime.date(asked_at)),
        ("Message-ID", message_id),
        ("Content-Language", words.language),
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "OOF, AutoReply"),
    )
    title = f"{note.title}\n\n" if note.told_title else ""
    return Message(
        delivery_id=NO_DELIVERY,
        mail_from=mail_from,
        rcpt_to=rcpt_to,
        message_id=message_id,
        date=asked_at,
        subject=subject,
        headers=headers,
        text=f"{title}{note.text}\n\n{note.button}:\n{note.link}\n\n{note.not_you}\n\n--\n{footer}\n",
        html=_html(note, subject, footer, words.language, palette(brand)),
        labels=(plan.course_id, kind),
    )


def _html(note: Note, subject: str, footer: str, language: str, colours: dict[str, str]) -> str:
    way = direction(language)
    return _HTML.format(
        sans=_SANS,
        language=escape(language),
        way=way,
        start="right" if way == "rtl" else "left",
        subject=escape(subject),
        sender=escape(footer.partition("\n")[0]),
        title=escape(note.title),
        text=escape(note.text),
        button=escape(note.button),
        link=escape(note.link),
        not_you=escape(note.not_you),
        footer="<br>".join(escape(line) for line in footer.split("\n")),
        **{name: colours[name] for name in ("accent", "accent_text", "dark_accent", "dark_accent_text")},
    )
