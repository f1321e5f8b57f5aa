"""Everything that is asked of DNS, by topic: for each domain that mails come from, bounce to, or are signed for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import replace
from typing import TypeVar

from drip.engine.doctor import addresses, alignment, dkim, dmarc, spf
from drip.engine.doctor.names import Names, within
from drip.engine.doctor.origin import Origin, find_origin
from drip.engine.doctor.premises import Premises
from drip.engine.doctor.row import Row, Severity, error, hint
from drip.engine.doctor.sending import domain_of, envelope_of, is_reserved
from drip.engine.doctor.tasks import Looks, Task
from drip.plan.model import Sender

H = TypeVar("H", bound=Hashable)

#: The topics that DNS has an answer to.
TOPICS_OF_DNS = frozenset({"dns", "spf", "dkim", "dmarc", "reverse", "replies"})


def ask(
    premises: Premises, senders: Sequence[Sender], names: Names, looks: Looks, topics: Collection[str]
) -> list[Row]:
    """Every finding in DNS. As long as mails only go into a folder, none of them is an error yet."""
    # nobody owns the names of examples: only a name server that was named by hand may know them
    real = [one for one in senders if (domain := domain_of(one.email)) and (names.named or not is_reserved(domain))]
    if not TOPICS_OF_DNS.intersection(topics) or not real:
        return []
    rows = _ask(premises, real, names, looks, topics)
    if premises.kind != "outbox":
        return rows
    return [replace(row, severity=Severity.warning) if row.severity is Severity.error else row for row in rows]


def _ask(
    premises: Premises, senders: Sequence[Sender], names: Names, looks: Looks, topics: Collection[str]
) -> list[Row]:
    domains = each([domain_of(one.email) for one in senders])
    # SendGrid's envelopes are its own: what `bounces` names is not used there
    bounced = each([envelope_of(one) for one in senders]) if premises.kind != "sendgrid" else []
    envelopes = bounced or domains
    first = [(one, kind) for one in (*domains, *envelopes) for kind in ("TXT", "MX")]
    first += [(f"_dmarc.{one}", "TXT") for one in domains] + [(key.name, "TXT") for key in premises.signing]
    looks.wait("dns", Task(lambda: names.together(first)), None)
    if names.silence:
        row = hint if premises.kind == "outbox" else error
        words = f"{names.silence}: nothing in DNS can be looked at"
        return [row("dns-silent", "DNS", words, "drip doctor --nameserver ADDRESS-OF-A-NAME-SERVER")]
    host = premises.server.host if premises.server is not None else ""
    origin = looks.wait("dns", Task(lambda: find_origin(premises.kind, host, names)), None)
    if origin is None:
        return []
    by_topic: dict[str, Callable[[], list[Row]]] = {
        "spf": lambda: [row for one in envelopes for row in spf.judge(one, names, origin)],
        "dkim": lambda: _signatures(premises, domains, origin, names),
        "dmarc": lambda: _policies(premises, senders, origin, names),
        "reverse": lambda: addresses.judge_reverse(origin, names),
        "replies": lambda: _replies(senders, bounced, names),
    }
    nothing: list[Row] = []
    begun = {topic: Task(look) for topic, look in by_topic.items() if topic in topics}
    return [row for topic, task in begun.items() for row in looks.wait(topic, task, nothing)]


def _signatures(premises: Premises, domains: Sequence[str], origin: Origin, names: Names) -> list[Row]:
    rows = [row for key in premises.signing for row in dkim.judge_key(key, names(key.name, "TXT"))]
    if origin.kind == "sendgrid":
        return rows + [row for one in domains for row in dkim.judge_sendgrid(one, names)]
    return rows + dkim.judge_cover(domains, premises.signing, origin)


def _policies(premises: Premises, senders: Sequence[Sender], origin: Origin, names: Names) -> list[Row]:
    rows: list[Row] = []
    found: dict[str, dmarc.Found] = {}
    for domain in each([domain_of(one.email) for one in senders]):
        found[domain] = dmarc.find(domain, names)
        rows += dmarc.judge(domain, found[domain], names)
    if origin.kind != "smtp":  # SendGrid's envelopes and signatures are its own: its CNAMEs make them agree
        return rows
    for domain, envelope in each([(domain_of(one.email), envelope_of(one)) for one in senders]):
        signed = tuple(each([key.domain for key in premises.signing if within(domain, key.domain)]))
        for name in {envelope, *signed} - found.keys():
            found[name] = dmarc.find(name, names)
        who = alignment.Identities(header_from=domain, envelope=envelope, signed=signed)
        rows += alignment.judge(who, found[domain], {name: one.organisation for name, one in found.items()})
    return rows


def _replies(senders: Sequence[Sender], bounced: Sequence[str], names: Names) -> list[Row]:
    answered = [domain for one in senders if (domain := domain_of(one.reply_to or one.email))]
    rows: list[Row] = []
    for domain in each([*answered, *bounced]):
        what = "replies" if domain in answered else "bounces"
        rows += addresses.judge_replies(domain, names, what=what)
    return rows


def each(values: Sequence[H]) -> list[H]:
    """The values without repetitions, in their order."""
    return list(dict.fromkeys(values))
