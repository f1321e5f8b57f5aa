"""DKIM: the CPU time of signing a mail, beside that of the bare signatures."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from tables import out, table

from drip.render.message import Message
from drip.render.mime import to_bytes
from drip.transports.dkim import sign
from drip.transports.dkim_keys import DkimKey, read_key

#: The domain that the scene's mails come from.
_DOMAIN = "acme.example"
#: So many mails at a stretch, and so many stretches; the bare signatures and the signed mails take turns.
_STRETCH, _STRETCHES = 200, 11
#: What is signed of a mail has so many bytes: its headers, and its body's hash.
_COVERED = bytes(1200)
#: What the issue asks: signing a mail costs at most so much over the bare signatures, with RSA-2048.
_GOAL = "15 %"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """Microseconds of CPU: the bare signatures, all that signing a mail takes, and the second over the first."""

    bare: float
    whole: float
    over: float


def signing(messages: Sequence[Message]) -> Mapping[str, Signed]:
    """Sign these mails with an RSA key, an Ed25519 key, and both. Medians of the stretches."""
    contents = [to_bytes(message) for message in messages[:_STRETCH]]
    rsa, ed25519 = generate_private_key(65_537, 2048), Ed25519PrivateKey.generate()
    padding, hashed, digest = PKCS1v15(), SHA256(), bytes(32)
    kinds: dict[str, tuple[Callable[[], object], list[DkimKey]]] = {
        "RSA-2048": (lambda: rsa.sign(_COVERED, padding, hashed), [_key(rsa, "r1")]),
        "Ed25519": (lambda: ed25519.sign(digest), [_key(ed25519, "e1")]),
    }
    (bare_rsa, with_rsa), (bare_ed25519, with_ed25519) = kinds.values()
    kinds["both"] = (lambda: (bare_rsa(), bare_ed25519()), [*with_rsa, *with_ed25519])
    return {name: _compared(bare, keys, contents) for name, (bare, keys) in kinds.items()}


def _compared(bare: Callable[[], object], keys: Sequence[DkimKey], contents: Sequence[bytes]) -> Signed:
    spent = []
    for _ in range(_STRETCHES):
        start = time.process_time()
        for _ in contents:
            bare()
        middle = time.process_time()
        for content in contents:
            sign(content, keys)
        end = time.process_time()
        spent.append(((middle - start) / len(contents) * 1e6, (end - middle) / len(contents) * 1e6))
    return Signed(
        bare=median(one for one, _ in spent),
        whole=median(one for _, one in spent),
        over=median(whole / one - 1 for one, whole in spent),
    )


def _key(private: object, selector: str) -> DkimKey:
    pem: bytes = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # type: ignore[attr-defined] # both have it
    return read_key(pem, selector=selector, domain=_DOMAIN, source="the bench")


def show_signed(spent: Mapping[str, Signed]) -> None:
    """Print what signing costs."""
    shown = table("DKIM, CPU µs a mail", "bare signatures", "signing the mail", "over that", "goal")
    for name, one in spent.items():
        goal = f"at most {_GOAL}" if name == "RSA-2048" else ""
        shown.add_row(
            name, f"{one.bare:.0f}", f"{one.whole:.0f}", f"{one.over * 100:.1f} % ({one.whole - one.bare:.0f} µs)", goal
        )
    out.print(shown)
    out.print()
