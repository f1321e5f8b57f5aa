"""Logs, errors and pages at their most talkative: no key, no password, no link, nobody's address or name."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from email import message_from_string, policy
from pathlib import Path

import httpx
from academy import Academy, found_academy
from mail_server import MailServer

COURSE = """\
title: Your first report
sender: {name: Acme Academy, email: learn@acme.example}
timing: {every: 1 hour, between: 00:00-24:00, days: mon-sun}
steps:
  - tip: welcome
    subject: Hello
    body: See [this](https://app.acme.example/x).
    question: {ask: Where?, options: [{text: Here, correct: true}, {text: There}]}
"""
PEOPLE = "email,first_name\nfreja.hemlig@customer.example,Frejasnamn\nsigge.dold@customer.example,Siggesnamn\n"
PASSWORD = "a-pass-word-of-the-mail-server"
PERSONAL = ("freja.hemlig", "sigge.dold", "Frejasnamn", "Siggesnamn")
NOW = "2026-11-24T09:00:00+00:00"


def tokens_in(server: MailServer) -> list[str]:
    """The paths of all links that went out."""
    found: set[str] = set()
    for message in server.messages():
        for part in message_from_string(message["data"], policy=policy.default).walk():
            if part.get_content_maintype() == "text":
                found |= set(re.findall(r"https://learn\.acme\.example(/[a-z]+/[\w.-]+)", str(part.get_content())))
    return sorted(found)


def logged(file: Path) -> str:
    """The lines of a log. The error that ends a command is no log: whoever typed it is told what the server said."""
    lines = file.read_text("utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if re.match(r"[0-9-]{10}T", line))


def assert_silent_about(told: str, secrets: Sequence[str]) -> None:
    """None of them stands in what was told, whole or in a piece that would do."""
    assert [secret for secret in secrets if secret in told] == []
    assert re.findall(r"[\w.+-]+@(?:customer|acme)\.example", told) == [], "an address"


def test_nothing_secret_is_logged_at_debug(tmp_path: Path, start_smtp_server: Callable[..., MailServer]) -> None:
    """Sending, a refused password, a server that names people, every link by every method, forged ones, a broken page,
    a broken database.
    """
    server = start_smtp_server(user="robot", password=PASSWORD)
    talkative = {"DRIP_LOG": "text", "DRIP_LOG_LEVEL": "debug"}
    smtp = f"smtp://robot:{PASSWORD}@127.0.0.1:{server.port}?tls=none"
    academy: Academy = found_academy(
        tmp_path / "academy", {"reports": COURSE}, PEOPLE, DRIP_TRANSPORT=smtp, **talkative
    )
    wrong = PASSWORD.upper()
    refused = academy.copy(tmp_path / "refused", DRIP_TRANSPORT=smtp.replace(PASSWORD, wrong))
    says = "550 5.7.1 learn@acme.example may not write to freja.hemlig@customer.example"
    listed = academy.copy(tmp_path / "listed", DRIP_TRANSPORT=start_smtp_server(script={"MAIL": [says]}).url)
    told = ""
    for one in (academy, refused, listed):
        one.drip("enrol", "reports", "--all")
        with (one.folder / "run.log").open("w") as log, one.started("run", "--until-idle", stderr=log) as process:
            process.wait(120)
        told += logged(one.folder / "run.log")
    links = tokens_in(server)
    assert len(links) >= 10, "two mails with their links"
    own = academy.folder / "templates" / "web"
    own.mkdir(parents=True)
    (own / "left.html").write_text("{{ nothing.such }}", "utf-8")
    said = academy.folder / "serve.log"
    with said.open("w") as log, academy.started("serve", "--port", "0", stderr=log) as process:
        assert process.stdout
        url = re.findall(r"(http://[0-9.:]+)", process.stdout.readline())[0]
        with httpx.Client(base_url=url, timeout=60) as client:
            for link in links:
                for method in ("GET", "HEAD", "POST"):
                    client.request(method, link, data={"List-Unsubscribe": "One-Click"} if method == "POST" else None)
                client.get(link[:-1])
            statuses = {client.get(link).status_code for link in links}
            assert 500 in statuses, "the page that is broken has been shown"
            with closing(sqlite3.connect(academy.folder / "drip.db")) as database:
                database.execute("ALTER TABLE evidence RENAME TO gone")
            broken = [client.get(link) for link in links]
            assert {answer.status_code for answer in broken} & {500, 503}, "the database is broken"
            told += "".join(answer.text.partition("</style>")[2] for answer in broken)
    told += said.read_text()
    assert "Traceback" in told or "UndefinedError" in told, "what went wrong is told"
    assert "may not write to" in told, "a server's words are told, without the people in them"
    secret = re.findall(r'secret_key = "([^"]+)"', (academy.folder / "drip.local.toml").read_text())
    assert secret
    tokens = [link.split("/")[2].removesuffix(".gif") for link in links]
    assert_silent_about(told, [PASSWORD, wrong, *PERSONAL, *secret, *tokens, *(token[:20] for token in tokens)])


def test_no_password_of_a_database_is_told(tmp_path: Path) -> None:
    """Where it cannot be reached, is unknown, or is no address at all."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("DRIP_")}
    for url in (
        "postgresql://drip:hush-hush@127.0.0.1:1/drip",
        "postgresql://drip:hush-hush@127.0.0.1:notaport/drip",
        "mysql://drip:hush-hush@127.0.0.1/drip",
        "postgresql://drip:hush-hush@[::1/drip",
    ):
        one = {"DRIP_DATABASE_URL": url, "DRIP_SECRET_KEY": "s" * 40}
        for words in (("status",), ("db", "upgrade")):
            done = subprocess.run(
                [sys.executable, "-m", "drip", *words],
                cwd=tmp_path,
                env={**plain, **one},
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode in (1, 3), done
            assert "hush-hush" not in done.stdout + done.stderr
            assert "Traceback" not in done.stderr
