"""A course's mails, signed, through a real Postfix whose milter, opendkim, verifies them: as a receiver does."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from academy import Academy, found_academy
from mail_server import MailServer, mail_server
from postfix import WANTS_ROOT, postfix, verdicts
from verifiers import by_dkimpy, ed25519, ed25519_pem, rsa, rsa_pem

from drip.transports.dkim_keys import public_record

pytestmark = WANTS_ROOT

ROOT = Path(__file__).parents[2]
KEYS = (rsa(), ed25519())
#: The keys as an operator writes them: one in a file, one in the environment.
SECTIONS = """
[dkim.s1]
domain = "acme.example"
key_file = "dkim/s1.pem"

[dkim.e1]
domain = "acme.example"
"""
PEOPLE = """\
email,first_name,last_name,language,timezone,plan
asa@kund.example,Åsa,Ek,sv,Europe/Stockholm,trial
ben@customer.example,"Ben ""the second"" of a family with a very long name, which has to be folded somewhere",,en,,trial
"""
DAYS = ("2035-03-05", "2035-03-06", "2035-03-07", "2035-03-08")


def went_through(server: MailServer, number: int) -> list[str]:
    """The mails behind Postfix, once there are so many."""
    for _ in range(6000):
        if len(server.messages()) >= number:
            break
        time.sleep(0.01)
    assert len(server.messages()) == number
    return [message["data"] for message in server.messages()]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Academy, list[str]]]:
    """The sample course in two languages, sent by `drip run` day by day; and the mails as they came out of Postfix."""
    folder = tmp_path_factory.mktemp("signed")
    records = {key.name: public_record(key) for key in KEYS}
    text = (ROOT / "campaigns" / "first-report.yaml").read_text("utf-8")
    with mail_server(folder / "smtp.jsonl") as behind, postfix(behind.port, records=records) as server:
        academy = found_academy(folder / "academy", {"first-report": text}, PEOPLE, DRIP_TRANSPORT=server.url)
        (academy.folder / "dkim").mkdir()
        (academy.folder / "dkim" / "s1.pem").write_text(rsa_pem(), "ascii")
        with (academy.folder / "drip.toml").open("a", encoding="utf-8") as file:
            file.write(SECTIONS)
        academy = replace(academy, variables={**academy.variables, "DRIP_DKIM_E1": ed25519_pem()})
        academy.drip("enrol", "first-report", "--all", "--at", f"{DAYS[0]}T06:00Z")
        sent = 0
        for day in DAYS:
            said = academy.drip("run", "--until-idle", "--send-early", "--now", f"{day}T12:00Z")
            sent += int(re.findall(r"(\d+) sent", said)[0])
        yield academy, went_through(behind, sent)


def test_the_receiving_side_finds_every_signature_good(lived: tuple[Academy, list[str]]) -> None:
    """Each mail of the week, in Swedish and in English: RSA and Ed25519 pass, for the domain of From."""
    mails = lived[1]
    assert len(mails) >= 6
    assert len({re.findall(r"^Content-Language: (\w+)", data, re.MULTILINE)[0] for data in mails}) == 2
    for data in mails:
        assert verdicts(data) == [("pass", "acme.example", "s1"), ("pass", "acme.example", "e1")]


def test_what_came_out_of_postfix_is_good_for_dkimpy_too(lived: tuple[Academy, list[str]]) -> None:
    """The next server on the way, with another program, says the same."""
    assert all(by_dkimpy(data.encode("utf-8", "surrogateescape"), KEYS) == [True, True] for data in lived[1])


def test_another_key_is_found_out(lived: tuple[Academy, list[str]], tmp_path: Path) -> None:
    """Where the published key is another one, each mail says so on its arrival; a test send shows it."""
    academy = lived[0]
    records = {key.name: public_record(key) for key in (rsa("e1"), ed25519("s1"))}  # taken for one another
    with mail_server(tmp_path / "smtp.jsonl") as behind, postfix(behind.port, records=records) as server:
        other = replace(academy, variables={**academy.variables, "DRIP_TRANSPORT": server.url})
        other.drip("send", "first-report", "welcome", "--to", "me@acme.example")
        (data,) = went_through(behind, 1)
    assert {verdict for verdict, _, _ in verdicts(data)} <= {"fail", "permerror"}
    assert data.count("dkim=") >= 1
    assert "dkim=pass" not in data


def test_no_command_shows_a_key(lived: tuple[Academy, list[str]]) -> None:
    """Not the queue, not the doctor, not an error about keys: neither the file's nor the variable's."""
    academy = lived[0]
    wrong = replace(academy, variables={**academy.variables, "DRIP_DKIM_E1": rsa_pem().replace("MII", "MIJ", 1)})
    said = academy.drip("status") + wrong.drip("run", "--until-idle", exit_code=1)
    assert "DRIP_DKIM_E1, the key of [dkim.e1], cannot be read" in said
    for pem in (rsa_pem(), ed25519_pem()):
        assert not any(line in said for line in pem.split("\n") if line and "-----" not in line)
