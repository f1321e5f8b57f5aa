"""DKIM (RFC 6376, RFC 8463): is the key that receivers find the one that we sign with?"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from drip.engine.doctor.names import Answer, Lookup, within
from drip.engine.doctor.origin import Origin
from drip.engine.doctor.row import Row, error, hint, line, ok, quoted, txt, warning
from drip.transports.dkim_keys import GOOD_BITS as _GOOD_BITS
from drip.transports.dkim_keys import LEAST_BITS as _FEWEST_BITS
from drip.transports.dkim_keys import how_to_make

#: The selectors that SendGrid's sender authentication uses.
_SENDGRID_SELECTORS = ("s1", "s2")


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A key that signs mail of a domain and of what is below it. `algorithm` is rsa or ed25519, `record` what the world
    must find under `name`.
    """

    selector: str
    domain: str
    algorithm: str
    bits: int
    record: str

    @property
    def name(self) -> str:
        """Where its record stands."""
        return f"{self.selector}._domainkey.{self.domain}"


def tags(text: str) -> dict[str, str]:
    """The tags of a key record, without white space; of one that stands twice, the first."""
    found: dict[str, str] = {}
    for part in text.split(";"):
        name, equals, value = part.partition("=")
        if equals:
            found.setdefault(name.strip().lower(), "".join(value.split()))
    return found


def judge_key(key: SigningKey, answer: Answer) -> list[Row]:
    """What is off with the published half of a key."""
    return list(_key(key, answer))


def _key(key: SigningKey, answer: Answer) -> Iterator[Row]:
    publish = txt(key.name, key.record)
    if answer.trouble:
        yield warning("dkim-unknown", key.name, f"it cannot be read: {answer.trouble}", f"dig TXT {key.name}")
        return
    yield from _strength(key)
    meant = [text for text in answer.values if {"p", "k"} & tags(text).keys() or text.lower().startswith("v=dkim1")]
    ours = tags(key.record).get("p", "")
    if not answer.values:
        yield error("dkim-missing", key.name, "the key is not published: your signatures count for nothing", publish)
    elif not meant:
        yield error("dkim-missing", key.name, f"what stands there is no key: {quoted(answer.values[0])}", publish)
    elif len(answer.values) > 1:
        cut = "; it is one key, cut in two" if "".join(tags("".join(answer.values)).get("p", "")) == ours else ""
        yield error(
            "dkim-two", key.name, f"{len(answer.values)} TXT records stand there, and one is wanted{cut}", publish
        )
    else:
        yield from _published(key, meant[0], publish)


def _published(key: SigningKey, text: str, publish: str) -> Iterator[Row]:
    found, ours = tags(text), tags(key.record)
    theirs = found.get("p", "")
    if "v" in found and (found["v"] != "DKIM1" or not text.lstrip().lower().startswith("v")):
        yield error("dkim-syntax", key.name, f"it has to begin with v=DKIM1, and reads {quoted(text)}", publish)
    elif found.get("k", "rsa").lower() != key.algorithm:
        yield error(
            "dkim-type", key.name, f"it says k={quoted(found.get('k', 'rsa'))}, and the key is {key.algorithm}", publish
        )
    elif not theirs:
        yield error("dkim-revoked", key.name, "the key is revoked there (p= is empty)", publish)
    elif "h" in found and "sha256" not in found["h"].lower().split(":"):
        yield error("dkim-hash", key.name, f"it does not allow sha256 (h={quoted(found['h'])})", publish)
    elif "s" in found and not {"email", "*"} & set(found["s"].lower().split(":")):
        yield error("dkim-service", key.name, f"it is not for mail (s={quoted(found['s'])})", publish)
    elif not _same(theirs, ours.get("p", "")):
        cut = len(theirs) < len(ours.get("p", "")) and ours.get("p", "").startswith(theirs)
        why = f"it is cut off after {len(theirs)} characters of the key" if cut else "it is another key than ours"
        yield error("dkim-differs", key.name, f"{why}: every signature fails", publish)
    else:
        if "y" in found.get("t", "").lower().split(":"):
            yield warning("dkim-testing", key.name, "t=y says that you are only trying: take it out", publish)
        yield ok("dkim-key", key.name, f"the published key is ours ({key.algorithm}, {key.bits} bits)")


def _strength(key: SigningKey) -> Iterator[Row]:
    if key.algorithm != "rsa" or key.bits >= _GOOD_BITS:
        return
    anew = how_to_make(f"dkim/{key.selector}-{_GOOD_BITS}.pem")
    if key.bits < _FEWEST_BITS:
        yield error("dkim-weak", key.name, f"{key.bits} bits of RSA are broken, and receivers refuse them", anew)
    else:
        yield warning(
            "dkim-weak", key.name, f"{key.bits} bits of RSA are weak; take {_GOOD_BITS}, under a new selector", anew
        )


def _same(one: str, other: str) -> bool:
    """Whether two base64 texts are the same key; RSA keys are written in two ways (PKCS #1 and SPKI)."""
    if one.rstrip("=") == other.rstrip("="):
        return True
    first, second = _rsa(one), _rsa(other)
    return first is not None and second is not None and first.public_numbers() == second.public_numbers()


def _rsa(text: str) -> RSAPublicKey | None:
    try:
        key = load_der_public_key(base64.b64decode(text, validate=True))
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, RSAPublicKey) else None


def judge_cover(domains: Sequence[str], keys: Sequence[SigningKey], origin: Origin) -> list[Row]:
    """Which of the domains that our mails come From no key signs for."""
    return list(_cover(domains, keys, origin))


def _cover(domains: Sequence[str], keys: Sequence[SigningKey], origin: Origin) -> Iterator[Row]:
    for domain in domains:
        if any(within(domain, key.domain) for key in keys):
            continue
        section = f'[dkim.d1]\ndomain = "{domain}"\nkey_file = "dkim/d1.pem"'
        if origin.kind == "outbox":
            yield hint("dkim-cover", domain, "no key signs for it; none is wanted until mail is sent over SMTP")
        elif origin.provider is not None:
            words = f"no key of ours signs for it: {origin.provider.name} has to, which cannot be seen from here"
            yield hint("dkim-cover", domain, words)
        elif keys:
            section = section.replace("d1", "d2")
            yield error("dkim-cover", domain, "no key signs for it, though others have one", section)
        else:
            words = "nothing signs its mails, unless your mail server does; big receivers refuse mail without DKIM"
            yield warning("dkim-cover", domain, words, section)


def judge_files(trouble: str) -> list[Row]:
    """Why the keys that sign cannot be read; the last line of the trouble may say how to make one."""
    if not trouble:
        return []
    words, _, way = trouble.partition(";\n")
    return [error("dkim-file", "[dkim]", line(words), way.strip().partition(": ")[2])]


def judge_sendgrid(domain: str, lookup: Lookup) -> list[Row]:
    """Whether SendGrid may sign for a domain: it publishes two keys, which two CNAMEs of ours lead to."""
    rows: list[Row] = []
    for selector in _SENDGRID_SELECTORS:
        name = f"{selector}._domainkey.{domain}"
        target, key = lookup(name, "CNAME"), lookup(name, "TXT")
        trouble = target.trouble or key.trouble
        publish = f"{name}. IN CNAME {selector}.domainkey.uNUMBER.wlNUMBER.sendgrid.net."
        where = "SendGrid tells your numbers under Settings, Sender Authentication"
        if trouble:
            rows.append(warning("dkim-unknown", name, f"it cannot be read: {trouble}", f"dig CNAME {name}"))
        elif not target.values and not key.values:
            rows.append(error("dkim-missing", name, f"SendGrid cannot sign for {domain}: {where}", publish))
        elif target.values and not within(target.values[0], "sendgrid.net"):
            rows.append(error("dkim-sendgrid", name, f"it leads to {quoted(target.values[0])}; {where}", publish))
        elif not any(tags(text).get("p") for text in key.values):
            rows.append(error("dkim-sendgrid", name, f"no key stands where it leads; {where}", publish))
        elif not target.values:
            rows.append(
                hint("dkim-sendgrid", name, f"a key stands there by itself; if it is not SendGrid's: {where}", publish)
            )
        else:
            rows.append(ok("dkim-key", name, "SendGrid's key is found there"))
    return rows
