"""Keys for tests, and two verifiers of DKIM signatures that are not ours: dkimpy (Python) and opendkim (C)."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import dkim
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from drip.transports.dkim_keys import DkimKey, public_record, read_key

DOMAIN = "acme.example"


@cache
def rsa_pem(bits: int = 2048, number: int = 1) -> str:
    """An RSA key, made once; another for each number."""
    return _pem(generate_private_key(65_537, bits))


@cache
def ed25519_pem(number: int = 1) -> str:
    """An Ed25519 key, made once; another for each number."""
    return _pem(Ed25519PrivateKey.generate())


def _pem(key: object) -> str:
    written: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # type: ignore[attr-defined] # either kind has it
    return written.decode()


def rsa(selector: str = "s1", domain: str = DOMAIN) -> DkimKey:
    """An RSA key of 2048 bits that signs for a domain."""
    return read_key(rsa_pem().encode(), selector=selector, domain=domain, source="a test")


def ed25519(selector: str = "e1", domain: str = DOMAIN) -> DkimKey:
    """An Ed25519 key that signs for a domain."""
    return read_key(ed25519_pem().encode(), selector=selector, domain=domain, source="a test")


def signatures(content: bytes) -> int:
    """How many a mail carries."""
    head = content.partition(b"\r\n\r\n")[0]
    return len(re.findall(rb"^dkim-signature:", head, re.IGNORECASE | re.MULTILINE))


def by_dkimpy(content: bytes, keys: Sequence[DkimKey]) -> list[bool]:
    """dkimpy's verdict on each signature of a mail."""
    records = {f"{key.name}.": public_record(key).encode() for key in keys}

    def look_up(name: bytes | str, timeout: int = 5) -> bytes | None:
        return records.get(name.decode() if isinstance(name, bytes) else name)

    verdicts = []
    for place in range(signatures(content)):
        try:
            verdicts.append(bool(dkim.DKIM(content).verify(place, dnsfunc=look_up)))
        except dkim.DKIMException:  # a second From, say
            verdicts.append(False)
    return verdicts


def by_opendkim(contents: Sequence[bytes], keys: Sequence[DkimKey]) -> list[list[bool]]:
    """opendkim's verdict on each signature of each mail."""
    program = shutil.which("opendkim") or shutil.which("opendkim", path="/usr/sbin")
    assert program is not None, "opendkim judges the signatures: `make test` installs it, or apt-get install opendkim"
    with tempfile.TemporaryDirectory(prefix="drip-dkim-") as name:
        folder = Path(name)
        (folder / "keys").write_text("".join(f"{key.name} {public_record(key)}\n" for key in keys), "ascii")
        (folder / "conf").write_text(f"Mode v\nSyslog no\nTestPublicKeys {folder / 'keys'}\n", "ascii")
        files = [folder / f"{number}.eml" for number in range(len(contents))]
        for file, content in zip(files, contents, strict=True):
            file.write_bytes(content)
        done = subprocess.run(
            [program, "-vv", "-x", folder / "conf", "-t", ",".join(map(str, files))],
            capture_output=True,
            text=True,
            check=True,
        )
    # one Authentication-Results a mail, and one sentence; what it has no verdict on, it has no signature of
    heads = re.findall(r"hname='Authentication-Results' hvalue='(.*?)'\n", done.stdout, re.DOTALL)
    assert len(heads) == len(contents), done.stdout + done.stderr
    return [[verdict == "pass" for verdict in re.findall(r"\bdkim=(\w+)", head) if verdict != "none"] for head in heads]
