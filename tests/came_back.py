"""Mails as they come back, made for tests: about a delivery that a stage has sent."""

from __future__ import annotations

from drip.track.token import Ring, return_to

DOMAIN = "bounces.acme.example"

_REPORT = """\
Return-Path: <>
Delivered-To: {to}
From: MAILER-DAEMON@mx.customer.example (Mail Delivery System)
To: {to}
Subject: Undelivered Mail Returned to Sender
Message-ID: <{delivery}.{code}@mx.customer.example>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="report"

--report
Content-Type: text/plain; charset=us-ascii

<{recipient}>: {said}

--report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.customer.example

Final-Recipient: rfc822; {recipient}
Action: {action}
Status: {code}
Diagnostic-Code: smtp; {said}

--report--
"""
#: What people write reaches the mailbox too.
LETTER = b"""\
Return-Path: <ada@customer.example>
From: Ada <ada@customer.example>
To: bounces@acme.example
Subject: Re: Tip 1
Content-Type: text/plain; charset=utf-8

Thank you. I am out of office until Monday.
"""


def bounce(
    ring: Ring,
    delivery: int,
    recipient: str = "ada@customer.example",
    *,
    code: str = "5.1.1",
    said: str = "550 5.1.1 User unknown",
    action: str = "failed",
    to: str = "",
) -> bytes:
    """A report about a delivery, to its return address or to any other."""
    to = to or f"{return_to(ring, delivery)}@{DOMAIN}"
    values = {"to": to, "recipient": recipient, "code": code, "said": said, "action": action, "delivery": delivery}
    return _REPORT.format(**values).encode()
