"""A Message becomes the body of a request to SendGrid's v3 mail/send, the same bytes at every retry.

The `sendgrid` package builds what is the same in all mails of a sender, a course and a step, once; a mail then fills
in what is its own. To let it build each one costs 30 µs more, of 60 for 22 kB; and it puts lists in reverse, and raises
for a text that begins like one of SendGrid's keys.

SendGrid shall carry the mail as it is: its links, its pixel, its footer and its way to unsubscribe stay out of it, and
no substitution is asked for, so `-name-`, `{{ name }}` and `%name%` are what they look like.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from functools import lru_cache
from typing import Any

from drip.render import mime
from drip.render.message import Message

__all__ = ["DELIVERY", "DIGEST", "body_of"]

#: What SendGrid's events carry back: the ledger row, and the keyed digest of it that stands in our Message-ID.
DELIVERY, DIGEST = "drip_delivery", "drip_digest"

#: Headers for which the API has fields of its own, and the Date, which SendGrid writes.
_FIELDS = frozenset({"from", "to", "reply-to", "subject", "date"})
#: Headers that the API refuses (Mail Send, errors), or that it writes for its parts.
_RESERVED = frozenset(
    {"cc", "bcc", "received", "dkim-signature", "content-type", "content-transfer-encoding", "mime-version"}
)
_MAILBOX = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|([^"<>]*?))\s*<([^<>]+)>\s*\Z""")
#: "The to.name … cannot include either the ; or , characters" (Mail Send, limitations).
_NOT_IN_A_NAME = re.compile(r"\s*[,;]+\s*")
_MOST_CATEGORIES, _LONGEST_CATEGORY = 10, 255


def body_of(message: Message, *, sandbox: bool = False) -> bytes:
    """Write the request for one mail. Raises ValueError for what neither a mail nor the API can hold."""
    fields, headers = _read_headers(message)
    if "from" not in fields:
        raise ValueError("the message has no From header")
    if not message.subject.strip():
        raise ValueError("the mail has no subject, and SendGrid takes none without")
    if not (message.text or message.html):
        raise ValueError("the mail is empty, and SendGrid takes no empty one")
    headers["Message-ID"] = message.message_id
    labels = _categories(message.labels)
    to = {"email": mime.ascii_address(message.rcpt_to)}
    if name := _NOT_IN_A_NAME.sub(" ", mailbox(fields.get("to", ""))[0]).strip():
        to["name"] = name
    parts = (("text/plain", message.text), ("text/html", message.html))
    body = {
        **_shape(fields["from"], fields.get("reply-to", ""), labels, sandbox),
        "personalizations": [{"to": [to]}],
        "subject": message.subject,
        "content": [{"type": kind, "value": text} for kind, text in parts if text],
        "headers": headers,
        "custom_args": {DELIVERY: str(message.delivery_id), DIGEST: digest_of(message.message_id)},
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def digest_of(message_id: str) -> str:
    """The part of a Message-ID before the @: made of the delivery with our key, so that no stranger can name it."""
    return message_id.strip("<>").partition("@")[0]


@lru_cache(maxsize=1024)
def mailbox(value: str) -> tuple[str, str]:
    """The display name, in Unicode, and the address in an address header's value."""
    found = _MAILBOX.match(value)
    if not found:
        return "", value.strip()
    quoted, plain, email = found.groups()
    name = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain
    if "=?" in name:
        with suppress(HeaderParseError, ValueError, LookupError):  # then it is what it looks like
            name = str(make_header(decode_header(name)))
    return name, email


def _read_headers(message: Message) -> tuple[dict[str, str], dict[str, str]]:
    """Those for which the API has fields, by their names in small letters; and the others, as they go."""
    fields: dict[str, str] = {}
    others: dict[str, str] = {}
    seen = {"message-id"}
    mime.header("Subject", message.subject)  # raises for a line break in it
    for name, value in message.headers:
        low = name.lower()
        if low == "message-id":
            continue
        if low in seen:
            raise ValueError(f"the message has more than one {name} header")
        if low in _RESERVED or low.startswith("x-sg-"):
            raise ValueError(f"SendGrid takes no {name} header")
        seen.add(low)
        written = mime.header(name, value)  # raises for what no header can hold
        if low in _FIELDS:
            fields[low] = value
        elif value.isascii():
            others[name] = value
        else:
            others[name] = written.decode("ascii").partition(": ")[2].replace("\r\n", "")
    return fields, others


def _categories(labels: tuple[str, ...]) -> tuple[str, ...]:
    """The course, and the step in it: SendGrid counts over the account, where two courses may have a `welcome`."""
    paths = ["/".join(labels[:number]) for number in range(1, len(labels) + 1)]
    return tuple(path for path in paths if path.isascii() and len(path) <= _LONGEST_CATEGORY)[:_MOST_CATEGORIES]


@lru_cache(maxsize=256)
def _shape(sender: str, reply_to: str, labels: tuple[str, ...], sandbox: bool) -> dict[str, Any]:
    """What is the same in all mails of a sender, a course and a step."""
    # here, since importing it takes 110 ms the first time: nobody else shall wait for it
    from sendgrid.helpers import mail as sg

    name, email = mailbox(sender)
    mail = sg.Mail(from_email=sg.From(mime.ascii_address(email), name or None))
    if reply_to:
        name, email = mailbox(reply_to)
        mail.reply_to = sg.ReplyTo(mime.ascii_address(email), name or None)
    for label in reversed(labels):  # each goes in front
        mail.add_category(sg.Category(label))
    mail.tracking_settings = sg.TrackingSettings(
        click_tracking=sg.ClickTracking(enable=False, enable_text=False),
        open_tracking=sg.OpenTracking(enable=False),
        subscription_tracking=sg.SubscriptionTracking(enable=False),
        ganalytics=sg.Ganalytics(enable=False),
    )
    mail.mail_settings = sg.MailSettings(
        footer_settings=sg.FooterSettings(enable=False), sandbox_mode=sg.SandBoxMode(enable=True) if sandbox else None
    )
    shape: dict[str, Any] = mail.get()
    return shape
