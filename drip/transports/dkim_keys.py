"""Keys that sign mail: PEM → DkimKey, the record to publish for it, and which keys sign for a domain (RFC 6376)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from shlex import quote

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from drip.errors import SettingsError

#: Bits of an RSA key: verifiers refuse shorter ones (RFC 8301, section 3.2), and what that section asks signers for.
LEAST_BITS, GOOD_BITS = 1024, 2048

_PADDING, _HASH = padding.PKCS1v15(), SHA256()
#: What a PEM may hold in place of a private key, and what that is.
_OTHERS = {
    b"-----BEGIN ENCRYPTED PRIVATE KEY-----": "an encrypted key; drip asks for no password",
    b"Proc-Type: 4,ENCRYPTED": "an encrypted key; drip asks for no password",
    b"-----BEGIN PUBLIC KEY-----": "a public key; the private one is wanted",
    b"-----BEGIN RSA PUBLIC KEY-----": "a public key; the private one is wanted",
    b"-----BEGIN CERTIFICATE-----": "a certificate; a private key is wanted",
}


class Algorithm(StrEnum):
    """The kinds of keys, as k= of a record says it. A signature says `rsa-sha256` and `ed25519-sha256`."""

    #: RSA with PKCS #1 v1.5 over SHA-256 (RFC 6376, section 3.3.1): what everybody can verify.
    RSA = "rsa"
    #: Ed25519 over the SHA-256 of what is signed (RFC 8463, section 3).
    ED25519 = "ed25519"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DkimKey:
    """A key that signs mail of `domain` and of what is below it. `source` is where it was read; nothing shows it."""

    selector: str
    domain: str
    algorithm: Algorithm
    bits: int
    source: str
    file: Path | None = None
    _private: RSAPrivateKey | Ed25519PrivateKey = field(repr=False)

    @property
    def name(self) -> str:
        """Where its public half is published: `s1._domainkey.acme.example`."""
        return f"{self.selector}._domainkey.{self.domain}"

    def sign(self, data: bytes) -> bytes:
        """The signature of what a DKIM-Signature covers. The same data has the same signature, always."""
        if isinstance(self._private, RSAPrivateKey):
            return self._private.sign(data, _PADDING, _HASH)
        return self._private.sign(sha256(data).digest())


def read_key(pem: bytes, *, selector: str, domain: str, source: str, file: Path | None = None) -> DkimKey:
    """Read a private key, RSA or Ed25519. Raises SettingsError, which holds nothing of the key."""
    named = f"{source}, the key of [dkim.{selector}]"
    make = f"make one: {how_to_make(str(file) if file else f'{selector}.pem')}"
    for mark, words in _OTHERS.items():
        if mark in pem:
            raise SettingsError(f"{named}, is {words}")
    if b"-----BEGIN " not in pem:
        raise SettingsError(f"{named}, is not PEM (it begins with -----BEGIN PRIVATE KEY-----);\n  {make}")
    try:
        private = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):  # their words may hold pieces of the key
        raise SettingsError(
            f"{named}, cannot be read: it is damaged, or no key that is known here;\n  {make}"
        ) from None
    if isinstance(private, RSAPrivateKey):
        if private.key_size < LEAST_BITS:
            words = f"is RSA with {private.key_size} bits, which nobody accepts; {GOOD_BITS} are good"
            raise SettingsError(f"{named}, {words};\n  {make}")
        algorithm, bits = Algorithm.RSA, private.key_size
    elif isinstance(private, Ed25519PrivateKey):
        algorithm, bits = Algorithm.ED25519, 256
    else:
        raise SettingsError(f"{named}, is neither RSA nor Ed25519, and DKIM has no other;\n  {make}")
    return DkimKey(
        selector=selector, domain=domain, algorithm=algorithm, bits=bits, source=source, file=file, _private=private
    )


def how_to_make(file: str) -> str:
    """The command that makes an RSA key."""
    return f"openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:{GOOD_BITS} -out {quote(file)}"


def public_record(key: DkimKey) -> str:
    """What to publish as TXT under `key.name`: `v=DKIM1; k=rsa; p=…` (RFC 6376, section 3.6.1; RFC 8463, section 4)."""
    public, is_rsa = key._private.public_key(), key.algorithm is Algorithm.RSA
    written = (
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if is_rsa
        else public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    )
    return f"v=DKIM1; k={key.algorithm}; p={b64encode(written).decode()}"


def signers_for(domain: str, keys: Sequence[DkimKey]) -> tuple[DkimKey, ...]:
    """The keys whose domain is this one or above it, in their order: each of them signs, and DMARC calls it aligned."""
    below = f".{domain.lower().rstrip('.')}"
    return tuple(key for key in keys if below.endswith(f".{key.domain}"))


def complaints(keys: Sequence[DkimKey]) -> Iterator[str]:
    """What is wrong with keys together: a key that would sign the same mail twice."""
    seen: dict[tuple[str, str], DkimKey] = {}
    for key in keys:
        first = seen.setdefault((key.domain, public_record(key)), key)
        if first is not key:
            yield f"[dkim.{first.selector}] and [dkim.{key.selector}] are the same key; take one of them away"
