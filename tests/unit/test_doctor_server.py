"""What the doctor says of a mail server, by what was met on the way to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dns_facts import found, one

from drip.engine.doctor.row import Row
from drip.engine.doctor.server import Greeted, judge
from drip.transports.smtp_opening import Server

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def judged(met: Greeted, **server: Any) -> list[Row]:
    return judge(Server(**{"host": "mail.acme.example", "port": 587, **server}), met, now=NOW)


def test_all_is_well() -> None:
    """It greets, encrypts, takes the password, and several commands at once."""
    met = Greeted(encrypted="TLSv1.3", good_until=NOW + timedelta(days=60), pipelining=True, largest=10_000_000)
    rows = judged(met, username="asa", password="hem:lig")
    assert found(rows) == [(f"server-{name}", "ok") for name in ("opening", "tls", "pipelining", "size")]
    assert "took user and password" in rows[0].finding


def test_what_could_be_better() -> None:
    """No PIPELINING and a small SIZE are hints; a certificate near its end is a warning."""
    met = Greeted(encrypted="TLSv1.2", good_until=NOW + timedelta(days=3), largest=50_000)
    assert found(judged(met))[2:] == [
        ("server-certificate", "warning"),
        ("server-pipelining", "hint"),
        ("server-size", "hint"),
    ]


def test_a_hint_takes_no_safety_away() -> None:
    """Whoever insists on TLS, and says whom to trust, still does once the line is typed."""
    met = Greeted(encrypted="TLSv1.3", largest=10_000_000)
    row = one(judged(met, tls="starttls", ca_file="/etc/drip/ca.pem"), "server-pipelining")
    url = "smtp://mail.acme.example:587?tls=starttls&ca_file=/etc/drip/ca.pem&connections=20"
    assert row.type == f'DRIP_TRANSPORT="{url}"'
    assert one(judged(met), "server-pipelining").type == "DRIP_TRANSPORT=smtp://mail.acme.example:587?connections=20"


@pytest.mark.parametrize(
    ("server", "severity"),
    [({}, "warning"), ({"tls": "none"}, "warning"), ({"host": "127.0.0.1"}, "ok"), ({"host": "localhost"}, "ok")],
)
def test_in_the_clear(server: dict[str, Any], severity: str) -> None:
    """Mails in the clear are a warning, except towards this machine."""
    assert one(judged(Greeted(pipelining=True), **server), "server-tls").severity.value == severity


@pytest.mark.parametrize(
    ("trouble", "typed"),
    [
        ("mail.acme.example:587 refused us at AUTH: 535 5.7.8 No", "DRIP_TRANSPORT=smtp://USER:PASSWORD@"),
        ("the certificate of mail.acme.example:587 cannot be trusted: expired", "openssl s_client -connect"),
        ("mail.acme.example:587 cannot be reached for now: refused", "nc -v mail.acme.example 587"),
    ],
)
def test_where_it_ended(trouble: str, typed: str) -> None:
    """Each kind of failure is an error with the command that shows more, or the setting to mend."""
    [row] = judged(Greeted(trouble=trouble))
    assert (row.check, row.severity.value) == ("server-opening", "error")
    assert row.finding.startswith(trouble)
    assert row.type.startswith(typed)
