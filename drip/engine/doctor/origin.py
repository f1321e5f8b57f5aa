"""Where our mail leaves: a folder, a mail server with its addresses, or a provider, and what each wants in DNS."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Literal

from drip.engine.doctor.names import Names, addresses, is_address, is_public, within


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Somebody who takes mail at one address and sends it from many: SPF names them by `include`."""

    name: str
    include: str


#: The end of the relay's name → whose it is. Each provider tells its customers to include this.
_PROVIDERS = {
    "sendgrid.net": Provider(name="SendGrid", include="sendgrid.net"),
    "amazonaws.com": Provider(name="Amazon SES", include="amazonses.com"),
    "mailgun.org": Provider(name="Mailgun", include="mailgun.org"),
    "postmarkapp.com": Provider(name="Postmark", include="spf.mtasv.net"),
    "mailjet.com": Provider(name="Mailjet", include="spf.mailjet.com"),
    "sparkpostmail.com": Provider(name="SparkPost", include="sparkpostmail.com"),
    "brevo.com": Provider(name="Brevo", include="spf.brevo.com"),
    "sendinblue.com": Provider(name="Brevo", include="spf.brevo.com"),
    "mandrillapp.com": Provider(name="Mailchimp Transactional", include="spf.mandrillapp.com"),
    "gmail.com": Provider(name="Google Workspace", include="_spf.google.com"),
    "google.com": Provider(name="Google Workspace", include="_spf.google.com"),
    "office365.com": Provider(name="Microsoft 365", include="spf.protection.outlook.com"),
    "outlook.com": Provider(name="Microsoft 365", include="spf.protection.outlook.com"),
    "zoho.com": Provider(name="Zoho", include="zohomail.com"),
    "zoho.eu": Provider(name="Zoho", include="zohomail.eu"),
    "fastmail.com": Provider(name="Fastmail", include="spf.messagingengine.com"),
    "messagingengine.com": Provider(name="Fastmail", include="spf.messagingengine.com"),
}
SENDGRID = _PROVIDERS["sendgrid.net"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where mail leaves. `addresses` are those that the world sees; `trouble` says why none is known."""

    kind: Literal["outbox", "smtp", "sendgrid"]
    host: str = ""
    addresses: tuple[str, ...] = ()
    provider: Provider | None = None
    trouble: str = ""


def provider_of(host: str) -> Provider | None:
    """Whose relay this is, where that is known."""
    return next((provider for end, provider in _PROVIDERS.items() if within(host, end)), None)


def find_origin(kind: Literal["outbox", "smtp", "sendgrid"], host: str, names: Names) -> Origin:
    """Look up from where the mails of a transport reach the world."""
    if kind == "outbox":
        return Origin(kind=kind)
    if kind == "sendgrid":
        return Origin(kind=kind, provider=SENDGRID)
    provider = provider_of(host)
    if provider is not None:
        return Origin(kind=kind, host=host, provider=provider)
    if host.lower() == "localhost" or (is_address(host) and not is_public(host)):
        return Origin(kind=kind, host=host, trouble=_INSIDE.format(host=host))
    answer = addresses(names, host)
    found = answer.values or (() if names.named else _by_this_machine(host))
    if not found:
        return Origin(kind=kind, host=host, trouble=answer.trouble or f"{host} has no address")
    seen = tuple(address for address in found if is_public(address))
    return Origin(kind=kind, host=host, addresses=seen, trouble="" if seen else _INSIDE.format(host=host))


_INSIDE = "{host} is an address that the world does not see: from where it sends on cannot be told from here"


def _by_this_machine(host: str) -> tuple[str, ...]:
    """The addresses that the machine itself has for a name, from a file of hosts or a network of its own."""
    try:
        return tuple(dict.fromkeys(str(one[4][0]) for one in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)))
    except (OSError, UnicodeError):
        return ()


def wanted_term(origin: Origin) -> str:
    """What an SPF record needs to say so that mail from here passes."""
    if origin.provider is not None:
        return f"include:{origin.provider.include}"
    terms = [f"ip{6 if ':' in address else 4}:{address}" for address in origin.addresses]
    return " ".join(terms) or "ip4:ADDRESS-OF-YOUR-MAIL-SERVER"
