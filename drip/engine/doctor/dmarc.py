"""DMARC (RFC 7489): what receivers do with mail that claims to be ours, and whether ours passes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from drip.engine.doctor.names import Lookup, within
from drip.engine.doctor.row import Row, copyable, error, hint, ok, quoted, txt, warning

#: Names that one walk asks for at most, the last being a top-level domain's own.
_MOST_STEPS = 8
#: What each tag may say; an unknown tag is passed over.
_VALUES = {
    "p": ("none", "quarantine", "reject"),
    "sp": ("none", "quarantine", "reject"),
    "np": ("none", "quarantine", "reject"),
    "aspf": ("r", "s"),
    "adkim": ("r", "s"),
    "psd": ("y", "n", "u"),
    "t": ("y", "n"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A record that can be read. `found_at` is the domain whose record it is, `text` how it stands there."""

    found_at: str
    p: str
    sp: str
    aspf: str = "r"
    adkim: str = "r"
    psd: str = "u"
    rua: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    text: str = ""

    def on(self, domain: str) -> str:
        """What it asks receivers to do with a domain's forged mail."""
        return self.p if domain == self.found_at else self.sp


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What the walk from a domain up to the top met: the record that counts, and the organisation's domain."""

    policy: Policy | None
    organisation: str
    row: Row | None = None  # why there is no policy, where that is an error


def parents(domain: str) -> list[str]:
    """The domain and those above it, at most eight, down to one label (the walk of DMARCbis, section 4.10)."""
    labels = domain.split(".")
    rest = labels[1:] if len(labels) <= _MOST_STEPS else labels[1 - _MOST_STEPS :]
    return [domain, *(".".join(rest[at:]) for at in range(len(rest)))]


def find(domain: str, lookup: Lookup) -> Found:
    """Walk up from a domain to the record that counts.

    RFC 7489 jumps to the organisational domain by a list of public suffixes; this walks, as DMARCbis does: the
    organisation is the highest domain with a record (psd=n ends the walk there, psd=y one below).
    """
    policies: list[Policy] = []
    organisation = domain
    for at, name in enumerate(walk := parents(domain)):
        answer = lookup(f"_dmarc.{name}", "TXT")
        if answer.trouble and at == 0:
            row = warning(
                "dmarc-unknown", domain, f"_dmarc.{name} cannot be read: {answer.trouble}", f"dig TXT _dmarc.{name}"
            )
            return Found(policy=None, organisation=organisation, row=row)
        records = [text for text in answer.values if text.replace(" ", "").startswith("v=DMARC1")]
        if len(records) > 1:
            words = f"{len(records)} DMARC records stand there: receivers ignore all of them"
            row = error(
                "dmarc-two", f"_dmarc.{name}", words, txt(f"_dmarc.{name}", records[0]) if copyable(records[0]) else ""
            )
            return Found(policy=None, organisation=organisation, row=row)
        if not records:
            if at == 0 and (meant := _meant(name, answer.values)) is not None:
                return Found(policy=None, organisation=organisation, row=meant)
            continue
        policy = parse(name, records[0])
        if isinstance(policy, Row):
            return Found(policy=None, organisation=organisation, row=policy)
        if policy.psd == "y" and name != domain:
            organisation = walk[at - 1]
            break
        policies.append(policy)
        organisation = name
        if policy.psd == "n":
            break
    return Found(policy=policies[0] if policies else None, organisation=organisation)


def _meant(domain: str, values: tuple[str, ...]) -> Row | None:
    """A record that was meant, and that nobody reads."""
    for text in values:
        if "dmarc" in text.lower() or text.lower().lstrip().startswith(("p=", "v=")):
            words = f"it has to begin with v=DMARC1; and reads {quoted(text)}"
            return error("dmarc-syntax", f"_dmarc.{domain}", words, _first_record(domain))
    return None


def parse(domain: str, text: str) -> Policy | Row:
    """Read a record; a row where receivers would ignore it."""
    name = f"_dmarc.{domain}"
    found: dict[str, str] = {}
    problems: list[str] = []
    for part in filter(str.strip, text.split(";")[1:]):
        tag, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals:
            problems.append(f"{quoted(part.strip())} is no tag")
        else:
            found.setdefault(tag.lower(), value)
    for tag, allowed in _VALUES.items():
        if tag in found and found[tag].lower() not in allowed:
            if tag == "p":
                return error(
                    "dmarc-syntax", name, f"p={quoted(found[tag])}: one of {', '.join(allowed)}", _first_record(domain)
                )
            problems.append(f"{tag}={quoted(found.pop(tag))} is passed over: one of {', '.join(allowed)}")
    if "p" not in found:
        return error("dmarc-syntax", name, "it has no p=: receivers ignore it", _first_record(domain))
    addresses = tuple(one.strip() for one in found.get("rua", "").split(",") if one.strip())
    problems += [
        f"rua={quoted(one)} is no mailto: address" for one in addresses if not one.lower().startswith("mailto:")
    ]
    p = found["p"].lower()
    return Policy(
        found_at=domain,
        p=p,
        sp=found.get("sp", p).lower(),
        aspf=found.get("aspf", "r").lower(),
        adkim=found.get("adkim", "r").lower(),
        psd=found.get("psd", "u").lower(),
        rua=addresses,
        problems=tuple(problems),
        text=text,
    )


def _first_record(domain: str) -> str:
    return txt(f"_dmarc.{domain}", f"v=DMARC1; p=none; rua=mailto:dmarc@{domain}")


def judge(domain: str, found: Found, lookup: Lookup) -> list[Row]:
    """What is off with the policy of a domain that our mails come From."""
    return list(_judged(domain, found, lookup))


def _judged(domain: str, found: Found, lookup: Lookup) -> Iterator[Row]:
    if found.row is not None:
        yield found.row
        return
    policy = found.policy
    if policy is None:
        words = "it has no DMARC record; big receivers want one from whoever sends many mails"
        yield warning("dmarc-missing", domain, words, _first_record(domain))
        return
    name = f"_dmarc.{policy.found_at}"
    reports = {} if policy.rua else {"rua": f"mailto:dmarc@{policy.found_at}"}
    for problem in policy.problems:
        yield warning("dmarc-syntax", name, problem, f"dig +short TXT {name}")
    if policy.on(domain) == "none":
        words = "p=none only watches: when the reports show your own mail passing, ask for quarantine"
        tag = "p" if policy.found_at == domain else "sp"
        yield hint("dmarc-none", domain, words, _changed(policy, {tag: "quarantine", **reports}))
    if not policy.rua:
        words = "nobody gets the reports: without rua= you never learn who forges you, or what of yours fails"
        yield hint("dmarc-reports", domain, words, _changed(policy, reports))
    yield from _reports_elsewhere(policy, lookup)
    where = "" if policy.found_at == domain else f", from {policy.found_at}"
    yield ok("dmarc-policy", domain, f"its policy is {policy.on(domain)}{where}")


def _changed(policy: Policy, tags: dict[str, str]) -> str:
    """The record with these tags, and all of its others as they are; empty where nobody should copy it."""
    parts = [part.strip() for part in policy.text.split(";") if part.strip()]
    for tag, value in tags.items():
        places = [at for at, part in enumerate(parts) if part.partition("=")[0].strip().lower() == tag]
        at = places[0] if places else len(parts)
        parts[at : at + 1] = [f"{tag}={value}"]
    return txt(f"_dmarc.{policy.found_at}", "; ".join(parts)) if copyable(policy.text) else ""


def _reports_elsewhere(policy: Policy, lookup: Lookup) -> Iterator[Row]:
    """Another organisation has to say that it takes our reports (RFC 7489, section 7.1)."""
    for address in policy.rua[:5]:
        there = address.partition("!")[0].rpartition("@")[2].lower().rstrip(".")
        if not there or not copyable(there) or within(there, policy.found_at) or within(policy.found_at, there):
            continue
        name = f"{policy.found_at}._report._dmarc.{there}"
        answer = lookup(name, "TXT")
        if not answer.trouble and not any(text.startswith("v=DMARC1") for text in answer.values):
            words = f"{there} does not say that it takes reports about {policy.found_at}: none are sent there"
            yield warning("dmarc-reports", policy.found_at, words, txt(name, "v=DMARC1"))
