"""`drip doctor` as it is typed: against a real name server, a real mail server with TLS, and a real `drip serve`."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from dns_server import DnsServer, Zone, dns_server
from https_front import before, certificate
from mail_server import MailServer, self_signed
from terminal import COURSE, Terminal

from drip import wiring
from drip.cli.doctor import _premises
from drip.engine.doctor import TOPICS, examine
from drip.engine.doctor.names import Patience
from drip.settings import load
from drip.transports.dkim_keys import public_record, read_key

PASSWORD = "hem:lig t@/ö%"
SECRET = "Vq3_8sLkT0yZr6WnB2mXc9PdF4hJ7gEa-1uQoIiR5tY"
RELAY = "8.8.4.7"  # an address that the world sees; nobody is ever connected to it
SETTINGS = """\
transport = "smtp://mail.acme.example:25"
base_url = "https://learn.acme.example"

[sender]
name = "Acme Academy"
email = "learn@acme.example"
bounces = "bounces.acme.example"

[brand]
address = "Acme AB, Storgatan 1, 111 23 Stockholm, Sweden"

[dkim.s1]
domain = "acme.example"
key_file = "s1.pem"

[dkim.e1]
domain = "acme.example"
key_file = "e1.pem"
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """A workspace as it should be: a good secret in a file of its own, two signing keys, a postal address."""
    terminal = Terminal(folder=tmp_path / "academy", monkeypatch=monkeypatch, capsys=capsys)
    terminal.write("drip.toml", SETTINGS)
    terminal.write("campaigns/hello.yaml", COURSE)
    terminal.write("drip.local.toml", f'secret_key = "{SECRET}"\n').chmod(0o600)
    signing = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    keys = {"s1": signing, "e1": ed25519.Ed25519PrivateKey.generate()}
    for name, key in keys.items():
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()  # type: ignore[attr-defined]
        terminal.write(f"{name}.pem", pem).chmod(0o600)
    return terminal


def record(here: Terminal, selector: str) -> str:
    """What has to be published for a key of the workspace."""
    file = here.folder / f"{selector}.pem"
    return public_record(read_key(file.read_bytes(), selector=selector, domain="acme.example", source=selector))


def good_zone(here: Terminal) -> dict[str, dict[str, list[Any]]]:
    """Everything that the world has to find."""
    return {
        "acme.example": {"TXT": ["v=spf1 ip4:8.8.4.0/24 -all"], "MX": ["10 mail.acme.example."]},
        "bounces.acme.example": {"TXT": ["v=spf1 include:acme.example -all"], "MX": ["10 mail.acme.example."]},
        "mail.acme.example": {"A": [RELAY]},
        "learn.acme.example": {"A": ["127.0.0.1"]},
        "7.4.8.8.in-addr.arpa": {"PTR": ["mail.acme.example."]},
        "s1._domainkey.acme.example": {"TXT": [record(here, "s1")]},
        "e1._domainkey.acme.example": {"CNAME": ["keys.acme.example."]},
        "keys.acme.example": {"TXT": [record(here, "e1")]},
        "_dmarc.acme.example": {"TXT": ["v=DMARC1; p=reject; rua=mailto:dmarc@acme.example"]},
    }


@pytest.fixture
def start_dns(tmp_path: Path) -> Iterator[Callable[..., DnsServer]]:
    """Start name servers; they end with the test."""
    numbers = count()
    with ExitStack() as running:

        def start(zone: Zone, faults: Mapping[str, str] | None = None) -> DnsServer:
            return running.enter_context(dns_server(tmp_path / f"dns-{next(numbers)}.log", zone, faults))

        yield start


IN_DNS = [word for topic in ("spf", "dkim", "dmarc", "reverse", "replies") for word in ("--only", topic)]


def checks(rows: list[dict[str, str]], *, but: str = "ok") -> list[tuple[str, str]]:
    return [(row["check"], row["severity"]) for row in rows if row["severity"] != but]


def test_dns_as_it_should_be(here: Terminal, start_dns: Callable[..., DnsServer]) -> None:
    """Nothing but ok, for SPF, both keys, DMARC with alignment, reverse DNS, replies and bounces; exit 0."""
    server = start_dns(good_zone(here))
    rows = here.json("doctor", *IN_DNS, "--nameserver", server.shown)
    assert checks(rows) == []
    assert {(row["check"], row["subject"]) for row in rows} == {
        ("spf-permits", "bounces.acme.example"),
        ("dkim-key", "s1._domainkey.acme.example"),
        ("dkim-key", "e1._domainkey.acme.example"),
        ("dmarc-policy", "acme.example"),
        ("dmarc-alignment", "acme.example"),
        ("reverse-names", RELAY),
        ("replies-arrive", "acme.example"),
        ("replies-arrive", "bounces.acme.example"),
    }
    assert all(set(row) == {"check", "severity", "subject", "finding", "type"} for row in rows)


def test_dns_with_everything_wrong(here: Terminal, start_dns: Callable[..., DnsServer]) -> None:
    """Each fault is a row with what to publish; what is published then is found good. Exit 1."""
    zone = good_zone(here)
    zone["bounces.acme.example"] = {"TXT": ["v=spf1 ip4:192.0.2.1 -all"]}
    zone["s1._domainkey.acme.example"] = {"TXT": ["v=DKIM1; p="]}
    del zone["e1._domainkey.acme.example"], zone["_dmarc.acme.example"], zone["7.4.8.8.in-addr.arpa"]
    server = start_dns(zone)
    rows = here.json("doctor", *IN_DNS, "--nameserver", server.shown, code=1)
    assert checks(rows) == [
        ("spf-permits", "error"),
        ("dkim-revoked", "error"),
        ("dkim-missing", "error"),
        ("dmarc-missing", "warning"),
        ("reverse-missing", "error"),
        ("replies-none", "error"),
    ]
    for row in rows:  # publish what it said, word by word
        if row["severity"] != "ok":
            name, _, kind, value = row["type"].split(" ", 3)
            strings = [part.strip('"') for part in value.split('" "')]
            zone.setdefault(name.rstrip("."), {})[kind] = [strings] if kind == "TXT" else [value]
    zone["mail.bounces.acme.example"] = {"A": [RELAY]}
    server.become(zone)
    assert checks(here.json("doctor", *IN_DNS, "--nameserver", server.shown)) == [
        ("dmarc-none", "hint"),  # its first record only watches
    ]


def test_published_courses_have_senders_of_their_own(here: Terminal, start_dns: Callable[..., DnsServer]) -> None:
    """A course that comes from another domain is looked at too, once it is published; no key covers it."""
    server = start_dns(good_zone(here))
    here.write("campaigns/hello.yaml", f"sender: {{name: Other, email: hi@other.example}}\n{COURSE}")
    here.drip("publish", "hello")
    rows = here.json("doctor", *IN_DNS, "--nameserver", server.shown, code=1)
    assert [row["check"] for row in rows if row["subject"] == "other.example" and row["severity"] == "error"] == [
        "spf-missing",
        "dkim-cover",
        "replies-none",
    ]


def test_sendgrid_wants_its_cnames(here: Terminal, start_dns: Callable[..., DnsServer]) -> None:
    """Over SendGrid its include and its two CNAMEs are asked for, and neither our keys nor our addresses."""
    variables = {"DRIP_TRANSPORT": "sendgrid:", "DRIP_SENDGRID_API_KEY": "SG.not-a-key.for-tests-only-0123456789"}
    server = start_dns(good_zone(here))
    rows = here.json("doctor", *IN_DNS, "--nameserver", server.shown, code=1, **variables)
    assert checks(rows) == [("spf-permits", "hint"), ("dkim-sendgrid", "hint"), ("dkim-missing", "error")]
    assert "bounces.acme.example" not in {row["subject"] for row in rows}, "its envelopes are its own"


@pytest.mark.parametrize("fault", ["servfail", "hang"])
def test_without_dns_there_is_one_finding(here: Terminal, start_dns: Callable[..., DnsServer], fault: str) -> None:
    """A name server that fails makes everything unknown; one that hangs is one finding, after few questions."""
    server = start_dns({}, {"*": fault})
    rows = here.json("doctor", *IN_DNS, "--nameserver", server.shown, "--only", "dns", code=1 if fault == "hang" else 0)
    if fault == "hang":
        assert checks(rows) == [("dns-silent", "error")]
        assert len(server.questions()) < 40
    else:
        assert {severity for _, severity in checks(rows)} == {"warning", "hint"}


# The mail server ---------------------------------------------------------------------------------------------------


def smtp_url(server: MailServer, **options: str) -> str:
    query = "&".join(f"{name}={value}" for name, value in options.items())
    return f"smtp://asa:hem%3Alig%20t%40%2F%C3%B6%25@127.0.0.1:{server.port}?{query}"


def test_a_mail_server_as_it_should_be(
    here: Terminal, start_smtp_server: Callable[..., MailServer], tmp_path: Path
) -> None:
    """TLS, a certificate that is held against ours, the password taken, PIPELINING told; and nothing was sent."""
    pair = self_signed(tmp_path)
    server = start_smtp_server(**pair, user="asa", password=PASSWORD, pipelining=True)
    url = smtp_url(server, tls="starttls", ca_file=pair["cert"])
    rows = here.json("doctor", "--only", "server", DRIP_TRANSPORT=url)
    assert [(row["check"], row["severity"]) for row in rows] == [
        ("server-opening", "ok"),
        ("server-tls", "ok"),
        ("server-certificate", "hint"),  # it lasts two days
        ("server-pipelining", "ok"),
        ("server-size", "ok"),
    ]
    assert rows[1]["finding"].startswith("TLSv1.")
    assert server.messages() == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"script": {"AUTH": [f"535 5.7.8 Bad {PASSWORD}"]}, "extensions": ["AUTH PLAIN"]}, "535 5.7.8 Bad ***"),
        ({"script": {"connect": ["554 5.7.1 Go away"]}}, "554 5.7.1 Go away"),
        ({"script": {"connect": ["cut"]}}, "cannot be reached for now"),
        ({"script": {}}, "no way to log in"),
    ],
)
def test_a_mail_server_that_says_no(
    here: Terminal, start_smtp_server: Callable[..., MailServer], options: dict[str, Any], words: str
) -> None:
    """Each refusal is an error in its words, and the password is in none of it."""
    server = start_smtp_server(**options)
    said = here.drip("doctor", "--only", "server", code=1, DRIP_TRANSPORT=smtp_url(server, tls="auto"), COLUMNS="300")
    assert words in said.out
    for text in (said.out, said.err):
        assert PASSWORD not in text
        assert "hem%3Alig" not in text


def test_a_certificate_that_nobody_vouches_for(
    here: Terminal, start_smtp_server: Callable[..., MailServer], tmp_path: Path
) -> None:
    """Insisted on by name, a self-signed one is an error."""
    server = start_smtp_server(**self_signed(tmp_path))
    [row] = here.json("doctor", "--only", "server", code=1, DRIP_TRANSPORT=f"{server.url}?tls=starttls")
    assert "certificate" in row["finding"]
    assert row["type"].startswith("openssl s_client -connect 127.0.0.1:")


# The tracking domain -----------------------------------------------------------------------------------------------


@contextmanager
def served(here: Terminal) -> Iterator[int]:
    """The port of a real `drip serve` over the workspace."""
    process = here.start("serve", "--port", "0", "--format", "json")
    try:
        assert process.stdout
        lines = ""
        while not lines.rstrip().endswith("}"):
            line = process.stdout.readline()
            assert line, process.communicate()
            lines += line
        yield int(json.loads(lines)["url"].rpartition(":")[2])
    finally:
        process.kill()
        process.communicate()


def test_a_tracking_domain_as_it_should_be(here: Terminal, start_dns: Callable[..., DnsServer], tmp_path: Path) -> None:
    """It resolves, its certificate is good, drip answers behind the proxy, and its clock agrees with ours."""
    here.drip("publish", "hello")
    name_server = start_dns(good_zone(here))
    pair = certificate(tmp_path, days=90)
    with served(here) as port, before(port, pair) as secured:
        words = ["doctor", "--only", "links", "--only", "clock", "--nameserver", name_server.shown]
        url = f"https://learn.acme.example:{secured}"
        rows = here.json(*words, DRIP_BASE_URL=url, SSL_CERT_FILE=pair["cert"])
        assert [(row["check"], row["severity"]) for row in rows] == [
            ("links-answer", "ok"),
            ("links-certificate", "ok"),
            ("clock-skew", "ok"),
            ("clock-zones", "ok"),
        ]
        untrusted = here.json(*words, code=1, DRIP_BASE_URL=url)
        assert checks(untrusted)[0] == ("links-certificate", "error")
        plain = here.json(*words, DRIP_BASE_URL=f"http://learn.acme.example:{port}")
        assert checks(plain) == [("links-https", "warning")]
        no_tls = here.json(*words, code=1, DRIP_BASE_URL=f"https://learn.acme.example:{port}")
        assert "does not speak TLS" in no_tls[0]["finding"]


def test_a_tracking_domain_that_is_none(here: Terminal, start_dns: Callable[..., DnsServer], tmp_path: Path) -> None:
    """A name that nobody finds, a certificate near its end, and somebody else's web server."""
    zone = good_zone(here)
    server = start_dns(zone)
    words = ["doctor", "--only", "links", "--nameserver", server.shown]
    lost = here.json(*words, code=1, DRIP_BASE_URL="https://nowhere.acme.example")
    assert checks(lost) == [("links-resolve", "error")]
    pair = certificate(tmp_path, days=3)
    with http_answer(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello") as port, before(port, pair) as secured:
        url = f"https://learn.acme.example:{secured}"
        rows = here.json(*words, code=1, DRIP_BASE_URL=url, SSL_CERT_FILE=pair["cert"])
        assert checks(rows) == [("links-drip", "error"), ("links-certificate", "error")]


@contextmanager
def http_answer(answer: bytes | None) -> Iterator[int]:
    """A port that says these bytes to whoever comes; None: it takes the connection, and says nothing."""
    kept = []

    def serve() -> None:
        while True:
            try:
                talk, _ = listener.accept()
            except OSError:
                return
            kept.append(talk)
            if answer is not None:
                with suppress(OSError), talk:
                    talk.recv(65_536)
                    talk.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
    for talk in kept:
        talk.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00\xff\x1b[2J\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nDate: yesterday\r\nContent-Length: 99999999\r\n\r\n{",
        b"HTTP/1.1 302 Found\r\nLocation: https://evil.example/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 2_000 + b"\r\n",
    ],
)
def test_a_web_server_that_talks_nonsense(here: Terminal, start_dns: Callable[..., DnsServer], answer: bytes) -> None:
    """Whatever comes back, it is a finding on printable lines."""
    server = start_dns(good_zone(here))
    with http_answer(answer) as port:
        words = ["doctor", "--only", "links", "--nameserver", server.shown]
        said = here.drip(*words, code=1, DRIP_BASE_URL=f"http://learn.acme.example:{port}")
    assert all(line.isprintable() for line in said.out.splitlines())


# All of it ---------------------------------------------------------------------------------------------------------


def test_everything_hangs_and_it_ends_all_the_same(
    here: Terminal, start_dns: Callable[..., DnsServer], start_smtp_server: Callable[..., MailServer]
) -> None:
    """A mail server, a web server and a name server that take the question and never answer: a finding each."""
    mail = start_smtp_server(script={"connect": ["hang"]})
    names = start_dns({}, {"*": "hang"})
    with http_answer(None) as port:
        here.write(
            "drip.toml",
            SETTINGS.replace("mail.acme.example:25", f"127.0.0.1:{mail.port}").replace(
                "https://learn.acme.example", f"http://127.0.0.1:{port}"
            ),
        )
        premises = _premises(load(here.folder, {}))
        rows = examine(
            premises, clock=wiring.system_clock, nameserver=("127.0.0.1", names.port), patience=Patience(10.0, each=0.5)
        )
    found = {row.check: row.severity.value for row in rows}
    assert found["dns-silent"] == "error"
    assert found["links-answer"] == "error"
    assert found["server-opening"] == "error"
    assert found["database-missing"] == "hint"
    assert len(names.questions()) < 40


def test_a_clock_that_was_set_back(here: Terminal) -> None:
    """A mail that was claimed in the year 2031 says so."""
    variables = {"DRIP_TRANSPORT": "outbox:./outbox"}
    here.drip("publish", "hello", **variables)
    here.drip("learners", "add", "ada@customer.example", **variables)
    here.drip("enrol", "hello", "--all", "--at", "2031-03-03T08:00Z", **variables)
    here.drip("run", "--until-idle", "--now", "2031-03-05T12:00Z", **variables)
    rows = here.json("doctor", "--only", "clock", code=1, **variables)
    assert ("clock-back", "error") in checks(rows)


def test_sqlite(here: Terminal) -> None:
    """None yet, one that is as it should be, and one of an older drip; a look makes and changes nothing."""
    assert ("database-missing", "hint") in checks(here.json("doctor", "--only", "database"))
    assert not (here.folder / "drip.db").exists()
    here.drip("db", "upgrade")
    (here.folder / "drip.db").chmod(0o600)
    rows = here.json("doctor", "--only", "database")
    assert checks(rows) == []
    assert any(row["finding"].startswith("SQLite 3.") for row in rows)
    (here.folder / "drip.db").chmod(0o644)
    assert ("database-permissions", "warning") in checks(here.json("doctor", "--only", "database"))
    (here.folder / "drip.db").write_bytes(b"this is no database, and never was one" * 100)
    rows = here.json("doctor", "--only", "database", code=1)
    assert ("database-opening", "error") in checks(rows)


def test_postgresql(here: Terminal, postgres_database: str) -> None:
    """The tests' own server forgets on purpose, and is told off for it; its clock and ours agree."""
    rows = here.json("doctor", "--only", "database", "--only", "clock", code=1, DRIP_DATABASE_URL=postgres_database)
    found = [(row["check"], row["severity"], row["type"]) for row in rows]
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        assert ("database-durable", "error", f"ALTER SYSTEM SET {name} = on; SELECT pg_reload_conf();") in found
    assert ("database-version", "ok", "") in found
    assert ("database-migrations", "ok", "") in found
    assert ("clock-skew", "ok", "") in found


def test_postgresql_that_is_not_there(here: Terminal) -> None:
    """No server is a finding, and no password is told."""
    url = "postgresql://asa:hemlig123@127.0.0.1:1/drip"
    said = here.drip("doctor", "--only", "database", code=1, DRIP_DATABASE_URL=url)
    assert "error" in said.out
    assert "hemlig123" not in said.out + said.err
    [row] = here.json("doctor", "--only", "database", code=1, DRIP_DATABASE_URL="mysql://asa:hemlig123@db/drip")
    assert row["check"] == "database-trouble"
    assert "hemlig123" not in str(row)


def test_what_people_see(here: Terminal, start_dns: Callable[..., DnsServer]) -> None:
    """By topic, the worst last; what is to be typed stands unbroken on lines of its own; a count at the end."""
    zone = good_zone(here)
    zone["bounces.acme.example"]["TXT"] = ["v=spf1 -all"]
    del zone["_dmarc.acme.example"]
    server = start_dns(zone)
    words = ["--only", "spf", "--only", "dmarc", "--only", "reverse", "--only", "secrets"]
    said = here.drip("doctor", *words, "--nameserver", server.shown, code=1, COLUMNS="80")
    assert said.out == (
        "Reverse DNS\n"
        "  ok       8.8.4.7: it is called mail.acme.example, which leads back to it\n"
        "\n"
        "Secrets\n"
        "  ok       secret_key: 43 characters, and none that can be guessed\n"
        "  ok       drip.local.toml: secret_key: only its owner reads it\n"
        "  ok       s1.pem: a private key: only its owner reads it\n"
        "  ok       e1.pem: a private key: only its owner reads it\n"
        "\n"
        "DMARC\n"
        "  ok       acme.example: From agrees with the envelope (bounces.acme.example)\n"
        "           and the signature (acme.example)\n"
        "  warning  acme.example: it has no DMARC record; big receivers want one from\n"
        "           whoever sends many mails\n"
        '           type: _dmarc.acme.example. IN TXT "v=DMARC1; p=none; rua=mailto:dmarc@acme.example"\n'
        "\n"
        "SPF\n"
        "  error    bounces.acme.example: mail from mail.acme.example (8.8.4.7) gets fail\n"
        '           type: bounces.acme.example. IN TXT "v=spf1 ip4:8.8.4.7 -all"\n'
        "\n"
        "1 error, 1 warning, 6 ok\n"
    )


def test_offline_in_a_new_workspace(here: Terminal) -> None:
    """What `init` makes: nothing is asked of the network, nothing is an error, and the next thing to type is there."""
    here.drip("init", "fresh")
    fresh = Terminal(folder=here.folder / "fresh", monkeypatch=here.monkeypatch, capsys=here.capsys)
    rows = fresh.json("doctor")
    assert "error" not in {row["severity"] for row in rows}
    assert {("sending-outbox", "hint"), ("sending-sender", "hint"), ("links-loopback", "warning")} <= set(checks(rows))
    assert not {row["check"].partition("-")[0] for row in rows} & {"dns", "spf", "dkim", "dmarc", "reverse", "replies"}


def test_settings_that_cannot_be_used_are_findings(here: Terminal) -> None:
    """A transport with a slip, and a key that is not there: rows, and the rest is looked at all the same."""
    (here.folder / "s1.pem").unlink()
    rows = here.json(
        "doctor", "--only", "sending", "--only", "dkim", "--only", "secrets", code=1, DRIP_TRANSPORT="smpt://x"
    )
    found = {row["check"]: row for row in rows if row["severity"] == "error"}
    assert "did you mean smtp" in found["sending-transport"]["finding"]
    assert found["dkim-file"]["type"].startswith("openssl genpkey")
    assert ("secrets-strength", "ok") in checks(rows, but="")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--only", "spff"], "did you mean spf?"),
        (["--only", "weather"], ", ".join(TOPICS)),
        (["--nameserver", "192.0.2.53:dns"], "192.0.2.53:5353"),
        (["--nameserver", "[::1"], "is no name server"),
        (["--nameserver", ""], "is no name server"),
        (["--nameserver", "192.0.2.53:99999"], "is no name server"),
    ],
)
def test_words_that_do_not_fit(here: Terminal, words: list[str], told: str) -> None:
    """An unknown topic and an address that is none: exit 2, with what was probably meant."""
    assert told in here.drip("doctor", *words, code=2).err


@pytest.mark.parametrize(
    ("url", "check"),
    [
        ("http://[::1", "links-address"),
        ("https://learn.acme.example:99999", "links-address"),
        ("http://user@@", "links-address"),
        ("https://a..b", "links-unknown"),
        ("https://räksmörgås.example", "links-resolve"),
    ],
)
def test_addresses_that_are_none(here: Terminal, start_dns: Callable[..., DnsServer], url: str, check: str) -> None:
    """Whatever stands in DRIP_BASE_URL, it is a finding."""
    server = start_dns({})
    words = ["doctor", "--only", "links", "--nameserver", server.shown, "--format", "json"]
    rows = here.drip(*words, code=0 if check == "links-unknown" else 1, DRIP_BASE_URL=url).json
    assert check in [row["check"] for row in rows]


@pytest.mark.parametrize("url", ["sqlite:///gone/drip.db", "sqlite:///.", "nonsense", "mysql://u:hemlig@h/d"])
def test_databases_that_are_none(here: Terminal, url: str) -> None:
    """Whatever stands in DRIP_DATABASE_URL, it is a finding, and what is to be typed touches nothing else."""
    rows = here.json("doctor", "--only", "database", code=1, DRIP_DATABASE_URL=url)
    assert {"database-opening", "database-trouble"} & {row["check"] for row in rows if row["severity"] == "error"}
    assert not [row for row in rows if row["type"].startswith("chmod")]
    assert "hemlig" not in str(rows)
