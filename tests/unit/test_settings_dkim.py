"""`[dkim.SELECTOR]` and DRIP_DKIM_*: what is read, what goes over what, and each mistake in words without the key."""

from __future__ import annotations

from pathlib import Path

import pytest
from verifiers import ed25519_pem, rsa_pem

from drip import wiring
from drip.errors import SettingsError
from drip.settings import load
from drip.transports.outbox import Outbox
from drip.transports.smtp import Smtp

SECTION = '[dkim.s1]\ndomain = "acme.example"\nkey_file = "dkim/s1.pem"\n'


def workspace(folder: Path, toml: str = SECTION, key: str | None = None, local: str = "") -> Path:
    """A folder with this drip.toml, and a key in dkim/s1.pem (None: RSA; empty: none)."""
    (folder / "drip.toml").write_text(toml, "utf-8")
    if local:
        (folder / "drip.local.toml").write_text(local, "utf-8")
    if key != "":
        (folder / "dkim").mkdir(exist_ok=True)
        (folder / "dkim" / "s1.pem").write_text(key or rsa_pem(), "ascii")
    return folder


def keys(folder: Path, **environ: str) -> list[tuple[str, str, str]]:
    """(selector, domain, algorithm) of the keys that sign there."""
    found = wiring.signing_keys(load(folder, environ))
    return [(key.selector, key.domain, key.algorithm) for key in found]


def test_key_from_a_file(tmp_path: Path) -> None:
    """A section names the domain and the file, which counts from the workspace and may be absolute."""
    assert keys(workspace(tmp_path)) == [("s1", "acme.example", "rsa")]
    absolute = SECTION.replace("dkim/s1.pem", str(tmp_path / "dkim" / "s1.pem"))
    assert keys(workspace(tmp_path, absolute)) == [("s1", "acme.example", "rsa")]


def test_no_section_no_key(tmp_path: Path) -> None:
    """Nothing signs where nothing is said, in a workspace and in any folder."""
    assert keys(tmp_path) == []
    assert keys(workspace(tmp_path, "[dkim]\n")) == []


def test_key_from_the_environment(tmp_path: Path) -> None:
    """The PEM itself stands in the variable, with line ends or with the two signs \\n; it goes over the file."""
    toml = '[dkim.2026-e1]\ndomain = "acme.example"\n'
    for pem in (ed25519_pem(), ed25519_pem().replace("\n", "\\n"), "\n  " + ed25519_pem() + "\n"):
        assert keys(workspace(tmp_path, toml), DRIP_DKIM_2026_E1=pem) == [("2026-e1", "acme.example", "ed25519")]
    assert keys(workspace(tmp_path), DRIP_DKIM_S1=ed25519_pem()) == [("s1", "acme.example", "ed25519")]


def test_several_keys_in_their_order(tmp_path: Path) -> None:
    """Sections of both files count, a domain is written as it stands in the DNS, a selector may have dots in quotes."""
    toml = SECTION + '[dkim.e1]\ndomain = "Acme.Example"\n[dkim."a.b"]\ndomain = "räksmörgås.example"\n'
    found = keys(
        workspace(tmp_path, toml, local='[dkim.n1]\ndomain = "news.acme.example"\nkey_file = "dkim/s1.pem"\n'),
        DRIP_DKIM_E1=ed25519_pem(),
        DRIP_DKIM_A_B=rsa_pem(2048, 2),
    )
    assert found == [
        ("s1", "acme.example", "rsa"),
        ("e1", "acme.example", "ed25519"),
        ("a.b", "xn--rksmrgs-5wao1o.example", "rsa"),
        ("n1", "news.acme.example", "rsa"),
    ]


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ('[dkim]\ndomain = "acme.example"\n', "drip.toml: [dkim] domain: each key has a section of its own"),
        ('dkim = "s1.pem"\n', "drip.toml: dkim: a section is wanted"),
        ("[dkim.s1]\n", "drip.toml: [dkim.s1]: needs the domain that your mails come from"),
        ('[dkim.s1]\ndomain = "acme.example"\n', 'drip.toml: [dkim.s1]: needs key_file = "dkim/s1.pem", or the key'),
        ('[dkim.s1]\ndomain = "acme example"\nkey_file = "k"\n', "drip.toml: [dkim.s1] domain: "),
        ('[dkim.s1]\ndomain = "learn@acme.example"\nkey_file = "k"\n', "drip.toml: [dkim.s1] domain: "),
        ('[dkim.s1]\ndomain = 7\nkey_file = "k"\n', "drip.toml: [dkim.s1] domain: "),
        ('[dkim.s1]\ndomain = "acme.example"\nkey_file = ""\n', "drip.toml: [dkim.s1] key_file: a text of one line"),
        (
            '[dkim.s1]\ndomain = "acme.example"\nkeyfile = "k"\n',
            "keyfile: there is no such setting; did you mean key_f",
        ),
        ('[dkim."s 1"]\ndomain = "acme.example"\nkey_file = "k"\n', "a selector has letters, digits and hyphens"),
        ('[dkim."s1."]\ndomain = "acme.example"\nkey_file = "k"\n', "a selector has letters, digits and hyphens"),
        ('[dkim.2026.s1]\ndomain = "acme.example"\n', 'a selector with a dot stands in quotes: [dkim."2026.s1"]'),
        (SECTION + SECTION.replace("s1]", "S1]"), "[dkim.S1] and [dkim.s1] are the same name in the DNS"),
        (
            f'[dkim.{"s" * 60}]\ndomain = "{".".join(["a" * 60] * 3)}.example"\nkey_file = "k"\n',
            "is too long for a name",
        ),
    ],
)
def test_mistakes_in_a_section(tmp_path: Path, toml: str, words: str) -> None:
    """Each is said with its place, when the settings are read."""
    with pytest.raises(SettingsError) as caught:
        load(workspace(tmp_path, toml), {})
    assert words in str(caught.value)


def test_section_said_twice_is_no_toml(tmp_path: Path) -> None:
    """Two sections of one name: the second would silently win."""
    with pytest.raises(SettingsError, match="not TOML"):
        load(workspace(tmp_path, SECTION + SECTION), {})


def test_mistakes_in_variables(tmp_path: Path) -> None:
    """A variable that belongs to no section, is empty, or could belong to two: said by its name, never its content."""
    folder = workspace(tmp_path)
    with pytest.raises(
        SettingsError, match=r"DRIP_DKIM_S2: no section says for which domain.*did you mean DRIP_DKIM_S1"
    ):
        load(folder, {"DRIP_DKIM_S2": rsa_pem()})
    with pytest.raises(SettingsError, match="DRIP_DKIM_S1: it is empty"):
        load(folder, {"DRIP_DKIM_S1": " "})
    two = '[dkim.a-b]\ndomain = "acme.example"\nkey_file = "k"\n[dkim.a_b]\ndomain = "acme.example"\nkey_file = "l"\n'
    with pytest.raises(SettingsError, match="DRIP_DKIM_A_B: it could be the key of several sections"):
        load(workspace(tmp_path, two), {"DRIP_DKIM_A_B": rsa_pem()})
    with pytest.raises(SettingsError, match=r"DRIP_DKIM_S1, the key of \[dkim.s1\], is not PEM") as caught:
        keys(workspace(tmp_path), DRIP_DKIM_S1="hunter2 is no key")
    assert "hunter2" not in str(caught.value)


def test_mistakes_in_files(tmp_path: Path) -> None:
    """A key that is not there says how to make it; what is no file is not waited for."""
    folder = workspace(tmp_path, key="")
    with pytest.raises(SettingsError) as caught:
        keys(folder)
    assert str(caught.value) == (
        "drip.toml: [dkim.s1] key_file: dkim/s1.pem is not there;\n"
        "  make a key: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out dkim/s1.pem"
    )
    (folder / "dkim" / "s1.pem").mkdir(parents=True)
    with pytest.raises(SettingsError, match=r"dkim/s1.pem is no file"):
        keys(folder)


def test_same_key_in_two_sections_is_refused(tmp_path: Path) -> None:
    """It would sign each mail twice, with a different name."""
    with pytest.raises(SettingsError, match=r"\[dkim.s1\] and \[dkim.s2\] are the same key"):
        keys(workspace(tmp_path, SECTION + SECTION.replace("dkim.s1", "dkim.s2")))


def test_nothing_shows_a_key_from_the_environment(tmp_path: Path) -> None:
    """Settings are printed while somebody looks for a mistake; the PEM is not in them."""
    settings = load(workspace(tmp_path), {"DRIP_DKIM_S1": rsa_pem()})
    assert settings.dkim[0].pem == rsa_pem()
    assert rsa_pem().split("\n")[1] not in repr(settings)
    assert "BEGIN" not in repr(settings)


def test_ways_out_get_the_keys_and_sendgrid_does_not_read_them(tmp_path: Path) -> None:
    """The outbox and SMTP sign, and say a key's mistake under its own name; SendGrid signs by itself."""
    folder = workspace(tmp_path)
    for url, kind in (("outbox:./outbox", Outbox), ("smtp://127.0.0.1:2525", Smtp)):
        way = wiring.transport(load(folder, {"DRIP_TRANSPORT": url}))
        assert isinstance(way, kind)
        assert [key.selector for key in way._keys] == ["s1"]
        assert "DkimKey" not in repr(way)
    (folder / "dkim" / "s1.pem").unlink()
    with pytest.raises(SettingsError, match=r"^drip.toml: \[dkim.s1\] key_file"):
        wiring.transport(load(folder, {"DRIP_TRANSPORT": "smtp://127.0.0.1:2525"}))
    wiring.transport(load(folder, {"DRIP_TRANSPORT": "sendgrid:", "DRIP_SENDGRID_API_KEY": "SG.a.b"})).close()
