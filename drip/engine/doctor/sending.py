"""What the settings themselves say about how mail leaves: who sends, to whom, and where to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from drip.engine.doctor.row import Row, error, hint, listed, ok, warning
from drip.plan.model import Sender
from drip.render.mime import ascii_address

#: Names that belong to nobody (RFC 2606, RFC 6761): good for examples, and for nothing that is mailed.
_RESERVED = ("example", "test", "invalid", "localhost", "local", "example.com", "example.net", "example.org")


def domain_of(email: str) -> str:
    """The domain of an address, as DNS writes it; empty where no mail can come from there."""
    try:
        domain = ascii_address(email).rpartition("@")[2].lower()
    except ValueError:
        return ""
    return domain if "." in domain else ""


def envelope_of(sender: Sender) -> str:
    """The domain that the envelope of a sender's mails is in."""
    return (domain_of(f"bounces@{sender.bounces}") if sender.bounces else "") or domain_of(sender.email)


def is_reserved(domain: str) -> bool:
    """Whether a domain is one for examples."""
    return any(domain == name or domain.endswith(f".{name}") for name in _RESERVED)


def judge(
    senders: Sequence[Sender],
    kind: str,
    way_out: str,
    trouble: str,
    *,
    only_to: frozenset[str],
    postal_address: str,
    examples: bool = True,
) -> list[Row]:
    """What the settings say. `way_out` is the transport for people, `trouble` why it cannot be used.

    `examples` says that a domain for examples cannot be meant.
    """
    return list(
        _judged(senders, kind, way_out, trouble, only_to=only_to, postal_address=postal_address, examples=examples)
    )


def _judged(
    senders: Sequence[Sender],
    kind: str,
    way_out: str,
    trouble: str,
    *,
    only_to: frozenset[str],
    postal_address: str,
    examples: bool = True,
) -> Iterator[Row]:
    if trouble:
        yield error("sending-transport", way_out, trouble, 'transport = "smtp://USER:PASSWORD@mail.example.com:587"')
    elif kind == "outbox":
        words = "mails are written into a folder, and reach nobody"
        yield hint("sending-outbox", way_out, words, 'transport = "smtp://USER:PASSWORD@mail.example.com:587"')
    else:
        yield ok("sending-transport", way_out, "mails leave for the world")
    if only_to:
        words = f"the staging guard is on (here or in drip.toml): only {listed(sorted(only_to))} get mail"
        row = hint if kind == "outbox" else warning
        yield row("sending-only-to", "DRIP_ONLY_TO", words, "unset DRIP_ONLY_TO")
    if not postal_address:
        words = "mails carry no postal address, which the law wants in many countries (CAN-SPAM, for one)"
        yield warning(
            "sending-postal", "[brand] address", words, '[brand]\naddress = "Acme AB, Storgatan 1, 111 23 Stockholm"'
        )
    if not senders:
        words = "nobody is named whom mails come from, and no course is published"
        yield warning(
            "sending-sender", "[sender]", words, '[sender]\nname = "Acme Academy"\nemail = "learn@YOUR-DOMAIN"'
        )
    row = hint if kind == "outbox" else error
    for sender in senders:
        domain = domain_of(sender.email)
        if not domain:
            yield row(
                "sending-sender", sender.email, "no mail can come from there", '[sender]\nemail = "learn@YOUR-DOMAIN"'
            )
        elif examples and is_reserved(domain):
            words = f"{domain} is a name for examples: nobody can answer, and DNS is not asked about it"
            yield row("sending-sender", sender.email, words, '[sender]\nemail = "learn@YOUR-DOMAIN"')
