"""Keys that sign: what is taken, what is refused and in which words, what is published, and that nothing shows them."""

from __future__ import annotations

import pickle
from base64 import b64decode
from traceback import format_exception

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
    load_pem_private_key,
)
from verifiers import ed25519, ed25519_pem, rsa, rsa_pem

from drip.errors import SettingsError
from drip.transports.dkim_keys import Algorithm, DkimKey, complaints, public_record, read_key, signers_for

#: The key of RFC 8463, appendix A.2: its seed, and the p= that is published for it.
SEED, PUBLISHED = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=", "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

RSA_KEY = load_pem_private_key(rsa_pem().encode(), password=None)


def pem_of(key: object, form: PrivateFormat = PrivateFormat.PKCS8, password: bytes | None = None) -> bytes:
    """A private key as PEM."""
    locked = BestAvailableEncryption(password) if password else NoEncryption()
    written: bytes = key.private_bytes(Encoding.PEM, form, locked)  # type: ignore[attr-defined] # any kind has it
    return written


def read(pem: bytes, selector: str = "s1", source: str = "dkim/s1.pem") -> DkimKey:
    """Read a key of acme.example."""
    return read_key(pem, selector=selector, domain="acme.example", source=source)


def test_rsa_key_in_either_form() -> None:
    """PKCS #8 (openssl genpkey) and PKCS #1 (openssl genrsa -traditional) hold the same key."""
    modern, old = read(pem_of(RSA_KEY)), read(pem_of(RSA_KEY, PrivateFormat.TraditionalOpenSSL))
    assert public_record(modern) == public_record(old)
    assert (modern.algorithm, modern.bits) == (Algorithm.RSA, 2048)


def test_rsa_record_holds_the_public_key() -> None:
    """`v=DKIM1; k=rsa; p=` with the SubjectPublicKeyInfo in base64."""
    start, _, p = public_record(rsa()).partition(" p=")
    assert start == "v=DKIM1; k=rsa;"
    assert load_der_public_key(b64decode(p, validate=True)).key_size == 2048  # type: ignore[union-attr] # RSA


def test_ed25519_record_is_that_of_the_standard() -> None:
    """The key of RFC 8463's example is published as it says there: 32 bytes, not wrapped in anything."""
    key = read_key(
        pem_of(Ed25519PrivateKey.from_private_bytes(b64decode(SEED))),
        selector="brisbane",
        domain="football.example.com",
        source="RFC 8463",
    )
    assert key.name == "brisbane._domainkey.football.example.com"
    assert public_record(key) == f"v=DKIM1; k=ed25519; p={PUBLISHED}"
    assert (key.algorithm, key.bits) == (Algorithm.ED25519, 256)


@pytest.mark.parametrize(
    ("pem", "words"),
    [
        (b"", "is not PEM"),
        (b"-----BEGIN", "is not PEM"),
        (b"\xff\xfe binary \x00", "is not PEM"),
        (pem_of(RSA_KEY, password=b"hemligt"), "an encrypted key"),
        (pem_of(RSA_KEY, PrivateFormat.TraditionalOpenSSL, b"hemligt"), "an encrypted key"),
        (
            RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
            "a public key; the private one is wanted",
        ),
        (
            RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1),
            "a public key; the private one is wanted",
        ),
        (b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "a certificate"),
        (pem_of(ec.generate_private_key(ec.SECP256R1())), "neither RSA nor Ed25519"),
        (pem_of(x25519.X25519PrivateKey.generate()), "neither RSA nor Ed25519"),
        (rsa_pem().encode()[:400] + b"\n-----END PRIVATE KEY-----\n", "cannot be read"),
        (rsa_pem().encode()[:400], "cannot be read"),
        (b"-----BEGIN PRIVATE KEY-----\nMAAA\n-----END PRIVATE KEY-----\n", "cannot be read"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_cannot_sign_is_refused(pem: bytes, words: str) -> None:
    """Each mistake in its own words, with where the key stands and without a piece of what stands there."""
    with pytest.raises(SettingsError) as caught:
        read(pem)
    said = str(caught.value)
    assert words in said
    assert said.startswith("dkim/s1.pem, the key of [dkim.s1], ")
    assert not any(line in said for line in pem.decode("latin-1").split("\n") if len(line) > 30 and "-----" not in line)
    shown = "".join(format_exception(caught.value))  # what led there is left out: its words are not ours
    assert "cryptography" not in shown


def test_short_rsa_key_is_refused() -> None:
    """512 bits (RFC 8301 forbids them) sign nothing; 1024 do."""
    short = b"""-----BEGIN PRIVATE KEY-----
MIIBVAIBADANBgkqhkiG9w0BAQEFAASCAT4wggE6AgEAAkEA46Np2dCx2tLZMhSp
5G6wIG3u9RSkHL+ocRSqAoVDZVvyZyno68VmDJD2+bSEUMJL5GtnzR3HK71kTIpb
K8FWjQIDAQABAkEAuZT+9dGbPe/JnHeWLiJDOp0FRA7I4Jsrwsz68UUdteIfWedM
BxFdvOZ583iG6jgWWRX7hRvrQw1RGivk41vvQQIhAPdIKS9igLGFe3VNjEiqscKD
PpqPzgEMzqJPQX/rGg/xAiEA66n1xtcWp+pYtiS3WbYQJo5XjXI/78DkzO0DU/1u
TF0CIAakCXccThh2XTppOrs42k0++Q9tjTq5/VKejkPBLJIBAiBlQMsGuddUIg4n
hDL66oyZ5EKd1V6/JkOoAJWTeqnvSQIgIy6dLBg5opY8yIPfKqCEPs9m15aNVter
Ma8TsMFTRoM=
-----END PRIVATE KEY-----
"""
    with pytest.raises(SettingsError, match="512 bits"):
        read(short)
    assert read(rsa_pem(1024).encode()).bits == 1024


def test_nothing_shows_a_key() -> None:
    """Not its repr, not its text, and it cannot be pickled away."""
    for key, pem in ((rsa(), rsa_pem()), (ed25519(), ed25519_pem())):
        secret = pem.split("\n")[1]
        assert secret not in repr(key) + str(key) + f"{[key]}{key:}"
        assert "private" not in repr(key).lower()
        with pytest.raises(TypeError):
            pickle.dumps(key)


@pytest.mark.parametrize(
    ("domain", "selectors"),
    [
        ("acme.example", ["s1", "e1"]),
        ("ACME.Example.", ["s1", "e1"]),
        ("news.acme.example", ["s1", "e1", "n1"]),
        ("deep.news.acme.example", ["s1", "e1", "n1"]),
        ("badacme.example", []),
        ("example", []),
        ("acme.example.evil.test", []),
        ("", []),
    ],
)
def test_keys_sign_for_their_domain_and_below(domain: str, selectors: list[str]) -> None:
    """A key covers its domain and whatever is below it, never a neighbour and never what is above."""
    keys = [rsa(), ed25519(), rsa("n1", "news.acme.example")]
    assert [key.selector for key in signers_for(domain, keys)] == selectors


def test_same_key_twice_is_a_complaint() -> None:
    """Two sections with one key would sign each mail twice; for two domains it is two keys to the world."""
    assert list(complaints([rsa("s1"), ed25519("e1"), rsa("s2")])) == [
        "[dkim.s1] and [dkim.s2] are the same key; take one of them away"
    ]
    assert list(complaints([rsa("s1"), rsa("s2", "acme.test")])) == []
