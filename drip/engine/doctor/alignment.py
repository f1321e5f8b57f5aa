"""DMARC's question: does From agree with the envelope, or with a signature (RFC 7489, section 3.1)?"""

from __future__ import annotations

from dataclasses import dataclass

from drip.engine.doctor.dmarc import Found
from drip.engine.doctor.names import within
from drip.engine.doctor.row import Row, error, hint, ok, warning


@dataclass(frozen=True, slots=True, kw_only=True)
class Identities:
    """The domains of one sender's mails: of From, of the envelope, and those that sign."""

    header_from: str
    envelope: str
    signed: tuple[str, ...]


def judge(sender: Identities, found: Found, organisations: dict[str, str]) -> list[Row]:
    """Whether From agrees with the envelope or with a signature, as the policy asks (RFC 7489, section 3.1)."""
    policy = found.policy
    strict_spf = policy is not None and policy.aspf == "s"
    strict_dkim = policy is not None and policy.adkim == "s"

    def agrees(other: str, strict: bool) -> bool:
        if strict or other == sender.header_from:
            return other == sender.header_from
        ours, theirs = organisations.get(sender.header_from), organisations.get(other)
        return (
            (ours is not None and ours == theirs)
            or within(other, sender.header_from)
            or within(sender.header_from, other)
        )

    by_spf = agrees(sender.envelope, strict_spf)
    by_dkim = [domain for domain in sender.signed if agrees(domain, strict_dkim)]
    domain = sender.header_from
    asked = policy.on(domain) if policy is not None else "none"
    if not by_spf and not by_dkim:
        row = error if asked != "none" else warning
        signed = f"signed by {', '.join(sender.signed)}" if sender.signed else "not signed by drip"
        strict = " (aspf=s and adkim=s want the very same)" if strict_spf or strict_dkim else ""
        words = f"nothing agrees with From: the envelope is {sender.envelope}, and the mails are {signed}{strict}"
        return [
            row(
                "dmarc-alignment",
                domain,
                words,
                f'[sender]\nbounces = "bounces.{domain}"' if not strict_spf else _key_for(domain),
            )
        ]
    rows = [ok("dmarc-alignment", domain, f"From agrees with {_by(by_spf, by_dkim, sender.envelope)}")]
    if not by_spf:
        words = f"the envelope's {sender.envelope} does not agree with From: only the signature carries DMARC"
        rows.append(
            hint("dmarc-envelope", domain, words, f'[sender]\nbounces = "bounces.{domain}"' if not strict_spf else "")
        )
    if sender.signed and not by_dkim:
        words = f"signatures by {', '.join(sender.signed)} do not agree with From: a forwarded mail fails DMARC"
        rows.append(warning("dmarc-signature", domain, words, _key_for(domain)))
    return rows


def _by(by_spf: bool, by_dkim: list[str], envelope: str) -> str:
    words = [f"the envelope ({envelope})"] if by_spf else []
    return " and ".join([*words, *([f"the signature ({', '.join(by_dkim)})"] if by_dkim else [])])


def _key_for(domain: str) -> str:
    return f'[dkim.d2]\ndomain = "{domain}"\nkey_file = "dkim/d2.pem"'
