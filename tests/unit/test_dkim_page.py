"""docs/dkim.md says what is so: its sections are read, its signature is ours, its messages are what drip says."""

from __future__ import annotations

import re
from pathlib import Path

from verifiers import ed25519_pem, rsa, rsa_pem

from drip import wiring
from drip.settings import load
from drip.transports import dkim

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "dkim.md").read_text("utf-8")


def test_its_sections_are_read(tmp_path: Path) -> None:
    """The toml of the page, with keys where it says, gives two keys of acme.example."""
    (toml,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "drip.toml").write_text(toml, "utf-8")
    (tmp_path / "dkim").mkdir()
    (tmp_path / "dkim" / "d1.pem").write_text(rsa_pem(), "ascii")
    (tmp_path / "dkim" / "e1.pem").write_text(ed25519_pem(), "ascii")
    keys = wiring.signing_keys(load(tmp_path, {}))
    assert [key.name for key in keys] == ["d1._domainkey.acme.example", "e1._domainkey.acme.example"]
    assert [key.name for key in wiring.signing_keys(load(tmp_path, {"DRIP_DKIM_D1": rsa_pem(2048, 2)}))] == [
        key.name for key in keys
    ]


def test_its_signature_is_ours() -> None:
    """What stands before the body's hash is what is written, line by line."""
    (shown,) = re.findall(r"^DKIM-Signature: .*?(?=^ bh=)", PAGE, re.MULTILINE | re.DOTALL)
    written = dkim.sign(b"From: a@acme.example\r\nTo: b\r\nReply-To: c\r\nSubject: d\r\nDate: e\r\nMessage-ID: f\r\n"
        b"List-Unsubscribe: g\r\nList-Unsubscribe-Post: h\r\nMIME-Version: i\r\nContent-Type: j\r\nList-ID: k\r\n\r\n",
        [rsa("d1")],
    )  # fmt: skip
    assert written.decode().replace("\r\n", "\n").startswith(shown)


def test_its_messages_are_what_drip_says() -> None:
    """Each message of the table stands in the code that says it."""
    code = "".join(
        (ROOT / "drip" / file).read_text("utf-8") for file in ("transports/dkim_keys.py", "settings/dkim.py")
    )
    shown = re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE)
    assert len(shown) >= 8
    for message in shown:
        words = re.sub(r"^dkim/d1.pem |^is (?=a|an)|\d+", "", message).strip()
        assert any(piece in code for piece in words.split("  ")), message
