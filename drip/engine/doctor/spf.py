"""SPF (RFC 7208): does the domain of our envelopes say that mail may come from where ours does?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from drip.engine.doctor.names import Lookup, within
from drip.engine.doctor.origin import Origin, wanted_term
from drip.engine.doctor.row import Row, Severity, copyable, error, hint, listed, ok, quoted, txt, warning
from drip.engine.doctor.spf_check import MOST_LOOKUPS, MOST_VOIDS, Walk, check_host, visit
from drip.engine.doctor.spf_record import Record, Wrong, is_spf, parse

#: Lookups at which the next provider's `include` may be the one too many.
_NEARLY = 9
_STRICTEST = {"-": 0, "~": 1, "?": 2}


def judge(domain: str, lookup: Lookup, origin: Origin) -> list[Row]:
    """What is off with the SPF record of a domain that our envelopes come from."""
    return list(_judged(domain, lookup, origin))


def _judged(domain: str, lookup: Lookup, origin: Origin) -> Iterator[Row]:
    answer = lookup(domain, "TXT")
    if answer.trouble:
        yield warning("spf-unknown", domain, f"its records cannot be read: {answer.trouble}", f"dig TXT {domain}")
        return
    records = [text for text in answer.values if is_spf(text)]
    term = wanted_term(origin)
    if not records:
        meant = next((text for text in answer.values if text.lower().lstrip().startswith(("v=spf", "spf1"))), None)
        if meant is not None:
            words = f"{quoted(meant)} does not begin with v=spf1 and a space"
            yield error("spf-syntax", domain, words, txt(domain, _mended(meant, term)))
        elif origin.kind == "sendgrid":  # the envelope is in a domain of SendGrid's, or below ours by its CNAMEs
            words = "it has no SPF record: with a domain that SendGrid has authenticated, your mail needs none"
            yield hint("spf-missing", domain, words, txt(domain, f"v=spf1 {term} ~all"))
        else:
            words = "it has no SPF record: receivers cannot tell your mail from forgery; name all who send for it"
            yield error("spf-missing", domain, words, txt(domain, f"v=spf1 {term} ~all"))
        return
    if len(records) > 1:
        merged = _merged(records)
        one = txt(domain, merged) if merged else f"dig +short TXT {domain}"
        yield error("spf-two", domain, f"it has {len(records)} SPF records; receivers then ignore all of them", one)
        return
    try:
        record = parse(records[0])
    except Wrong as wrong:
        yield error(
            "spf-syntax",
            domain,
            f"receivers ignore its record: {quoted(str(wrong))}",
            txt(domain, _mended(records[0], term)),
        )
        return
    walk = visit(lookup, domain, record)
    yield from _cost(domain, records[0], walk)
    yield from _ending(domain, records[0], record, lookup)
    yield from _permits(domain, records[0], record, walk, lookup, origin)


def _cost(domain: str, text: str, walk: Walk) -> Iterator[Row]:
    way = f"dig +short TXT {domain}"
    if walk.lookups > MOST_LOOKUPS:
        many = f"it takes {walk.lookups} lookups, more than {MOST_LOOKUPS}: receivers give up, as if there were none"
        mend = "take out services that send for you no more, or write ip4: and ip6: for an include"
        yield error("spf-lookups", domain, f"{many}; it includes {_quoted(walk.included)}: {mend}", way)
    elif walk.lookups >= _NEARLY:
        yield hint(
            "spf-lookups", domain, f"it takes {walk.lookups} of {MOST_LOOKUPS} lookups: no room for the next one", way
        )
    if walk.voids > MOST_VOIDS:
        yield error(
            "spf-void",
            domain,
            f"{walk.voids} of its lookups find nothing, more than {MOST_VOIDS}: receivers give up; "
            f"take out what is gone from {quoted(text)}",
            way,
        )
    for unknown in dict.fromkeys(walk.unknown):
        yield warning("spf-unknown", domain, f"not all of its record can be looked at: {unknown}", way)
    for problem in dict.fromkeys(walk.problems):
        yield error("spf-include", domain, problem, _without(domain, text, problem) or way)


def _ending(domain: str, text: str, record: Record, lookup: Lookup) -> Iterator[Row]:
    """What is said of everybody else: at the end of the record, or of that which it leads to."""
    last, ours = record.all, domain
    for _ in range(MOST_LOOKUPS):  # what a redirect leads to ends it
        if last is not None or record.redirect is None or "%" in record.redirect:
            break
        domain = record.redirect.lower().rstrip(".")
        found = [one for one in lookup(domain, "TXT").values if is_spf(one)]
        try:
            text, record = found[0], parse(found[0])
        except (Wrong, IndexError):
            return  # told already
        last = record.all
    way = _with_all(domain, text, "~all") if within(domain, ours) or within(ours, domain) else ""  # a stranger's zone
    if last is None:
        yield warning("spf-all", domain, "it does not say what to do with everybody else", way)
    elif last.qualifier == "+":
        yield error("spf-all", domain, f"{last.written}: anybody may send as {ours}", way)
    elif last.qualifier == "?":
        yield warning("spf-all", domain, "?all says nothing about forgeries", way)
    if record.after_all:
        yield hint("spf-after", domain, f"nothing reads what stands behind all: {_quoted(record.after_all)}")
    if any(term.name == "ptr" for term in record.terms):
        yield hint(
            "spf-ptr", domain, "ptr is slow, and should not be used (RFC 7208, 5.5)", f"take ptr out of {domain}"
        )


def _permits(domain: str, text: str, record: Record, walk: Walk, lookup: Lookup, origin: Origin) -> Iterator[Row]:
    if origin.kind == "outbox":
        yield ok("spf-record", domain, "its record can be read")
    elif origin.provider is not None:
        include = origin.provider.include
        if include in [one.lower().rstrip(".") for one in walk.included]:
            yield ok("spf-permits", domain, f"it includes {include}, from where {origin.provider.name} sends")
        elif origin.kind == "sendgrid":
            yield hint(
                "spf-permits",
                domain,
                f"it does not include {include}: good only if SendGrid sends for a domain of its own below yours, "
                f"by the CNAMEs of its sender authentication",
                _with_term(domain, text, wanted_term(origin)),
            )
        else:
            yield error(
                "spf-permits",
                domain,
                f"it does not let {origin.provider.name} ({origin.host}) send for you",
                _with_term(domain, text, wanted_term(origin)),
            )
    elif not origin.addresses:
        yield hint("spf-permits", domain, f"whether it permits your mail server cannot be judged: {origin.trouble}")
    else:
        verdicts = {address: check_host(lookup, address, domain, record) for address in origin.addresses}
        refused = [address for address, (result, _) in verdicts.items() if result != "pass"]
        if not refused:
            yield ok("spf-permits", domain, f"it permits {origin.host} ({listed(origin.addresses)})")
        for address in refused:
            result, why = verdicts[address]
            terms = f"ip{6 if ':' in address else 4}:{address}"
            yield Row(
                check="spf-permits",
                severity=Severity.error if result in ("fail", "permerror") else Severity.warning,
                subject=domain,
                finding=f"mail from {origin.host} ({address}) gets {result}" + (f": {why}" if why else ""),
                type="" if why else _with_term(domain, text, terms),
            )


def _quoted(words: tuple[str, ...] | list[str]) -> str:
    return listed([quoted(word) for word in words])


def _with_term(domain: str, text: str, term: str) -> str:
    """The record with a term put before its end."""
    if not copyable(text):
        return txt(domain, f"v=spf1 {term} -all")
    words = text.split()
    return txt(domain, " ".join([words[0], term, *words[1:]]))


def _without(domain: str, text: str, problem: str) -> str:
    """The record without the term that a problem begins with; empty where it stands elsewhere."""
    words = text.split()
    gone = [word for word in words[1:] if problem.startswith(f"{word} ")]
    return txt(domain, " ".join(word for word in words if word not in gone)) if gone and copyable(text) else ""


def _with_all(domain: str, text: str, end: str) -> str:
    """The record with another end."""
    if not copyable(text):
        return ""
    kept = [word for word in text.split() if word.lower().lstrip("+-?~") != "all"]
    return txt(domain, " ".join([*kept, end]))


def _mended(text: str, term: str) -> str:
    """A record that nobody reads: ours, and whatever of it can be read; who else sends for the domain stays in it."""
    kept = []
    for word in text.replace(";", " ").split()[1:] if copyable(text) else []:
        with suppress(Wrong):
            parse(f"v=spf1 {word}")
            kept.append(word)
    ours = [one for one in term.split() if one not in kept]
    end = (
        []
        if any(word.lower().lstrip("+-?~") == "all" or word.lower().startswith("redirect=") for word in kept)
        else ["~all"]
    )
    return " ".join(["v=spf1", *ours, *kept, *end])


def _as_term(word: str) -> str:
    """A redirect among other terms is an include."""
    return f"include:{word.partition('=')[2]}" if word.lower().startswith("redirect=") else word


def _merged(records: list[str]) -> str:
    """One record of several; empty where they cannot be put into one."""
    if not all(map(copyable, records)):
        return ""
    words = list(dict.fromkeys(_as_term(word) for text in records for word in text.split()[1:]))
    ends = [word for word in words if word.lower().lstrip("+-?~") == "all"]
    terms = [word for word in words if word not in ends and "=" not in word]
    end = min(ends, key=lambda word: _STRICTEST.get(word[0], 3), default="~all")
    return f"v=spf1 {' '.join(terms)} {end}"
