"""SendGrid's side of its Event Webhook: events about mails that it has taken, signed with a real key, and posted."""

from __future__ import annotations

import http.client
import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from drip.track.token import Ring, message_digest

PATH = "/hooks/sendgrid"
SIGNATURE, TIMESTAMP = "X-Twilio-Email-Event-Webhook-Signature", "X-Twilio-Email-Event-Webhook-Timestamp"
_NUMBERS = count(1)


@dataclass(frozen=True)
class Answer:
    """What the webhook's other end said."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass
class Account:
    """An account with a key pair; `verification_key` is what SendGrid shows for drip.toml."""

    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def verification_key(self) -> str:
        public = self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return b64encode(public).decode("ascii")

    def signed(self, body: bytes, at: datetime) -> dict[str, str]:
        """The headers of a request."""
        timestamp = str(int(at.timestamp()))
        signature = self.private.sign(timestamp.encode("ascii") + body, ec.ECDSA(SHA256()))
        return {
            "Content-Type": "application/json",
            SIGNATURE: b64encode(signature).decode("ascii"),
            TIMESTAMP: timestamp,
        }

    def post(self, url: str, events: object, at: datetime) -> Answer:
        """Sign and post a batch."""
        body = events if isinstance(events, bytes) else as_sent(events)
        return post(url, body, self.signed(body, at))


def as_sent(events: object) -> bytes:
    """As SendGrid writes it: an event a line, and a line's end behind the last, which is signed too."""
    lines = [json.dumps(event) for event in events] if isinstance(events, list) else [json.dumps(events)]
    return ("[" + ",\r\n".join(lines) + "]\r\n").encode() if isinstance(events, list) else lines[0].encode()


def post(url: str, body: bytes | Iterator[bytes], headers: Mapping[str, str], path: str = PATH) -> Answer:
    """Post these bytes."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.request("POST", path, body, dict(headers))
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read().decode())
    finally:
        connection.close()


def event(name: str, at: datetime, delivery: int, ring: Ring, **values: Any) -> dict[str, Any]:
    """An event about a mail of drip's; the custom_args that went with it stand beside the rest."""
    number = next(_NUMBERS)
    return {
        "email": "ada@customer.example",
        "timestamp": int(at.timestamp()),
        "smtp-id": f"<{number}@ismtpd>",
        "event": name,
        "category": ["first-report", "first-report/welcome"],
        "sg_event_id": f"event-{number}",
        "sg_message_id": f"message-{delivery}.filter0001.16648.5515E0B88.0",
        "ip": "198.51.100.7",
        "drip_delivery": str(delivery),
        "drip_digest": message_digest(ring.keys[-1], f"delivery {delivery}"),
        **values,
    }
