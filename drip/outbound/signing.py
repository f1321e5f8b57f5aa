"""The secrets and signatures of outgoing webhooks, after Standard Webhooks (standardwebhooks.com, specification 1.0).

No secret of an endpoint is kept: it is made of a secret of the workspace (DRIP_SECRET_KEY) and the endpoint's own
random id. Where the workspace has several, all sign, so that a receiver who knows any of them is content: the new one
after a rotation, the old one until the receiver has been given the new.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Sequence
from datetime import UTC, datetime

from standardwebhooks import Webhook


def secret_of(workspace_secret: str, endpoint_id: str) -> str:
    """What the receiver verifies with: `whsec_` and 32 bytes in base64."""
    mac = hmac.new(workspace_secret.encode(), b"drip webhook\0" + endpoint_id.encode(), "sha256")
    return f"whsec_{b64encode(mac.digest()).decode('ascii')}"


def signed(workspace_secrets: Sequence[str], endpoint_id: str, *, id: str, at: datetime, body: str) -> dict[str, str]:
    """The three headers of one attempt at `at`; `id` is the same at every attempt."""
    at = at.astimezone(UTC).replace(microsecond=0)
    signatures = [
        Webhook(secret_of(one, endpoint_id)).sign(msg_id=id, timestamp=at, data=body) for one in workspace_secrets
    ]
    return {
        "webhook-id": id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
