"""A real Postfix for tests, its own from the configuration to the queue, with opendkim as its milter if it gets keys.

It listens on loopback, on a port that was free, takes mail for everybody from there, and hands it on to `next_hop`: a
mail server of the test (tests/mail_server.py). What that one refuses, Postfix bounces, as it does everywhere: the
bounce goes to the sender of the envelope, and so to `next_hop` too.

Nothing of the machine's own Postfix is read or touched. However the process ends that started it, its own
processes, opendkim and the folder go too. Only root can start a Postfix: `WANTS_ROOT` skips a test elsewhere.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from mail_server import reserved_port

#: On tests that start a Postfix.
WANTS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a Postfix")
#: What it calls itself, in greetings and in Authentication-Results.
HOST = "mx.customer.example"

_DAEMONS = Path("/usr/lib/postfix/sbin")
_SETTINGS = {
    "compatibility_level": "3.6",
    "inet_interfaces": "127.0.0.1",
    "inet_protocols": "ipv4",
    "myhostname": HOST,
    "mynetworks": "127.0.0.0/8",
    "mydestination": "",
    "alias_maps": "",
    "alias_database": "",
    "local_recipient_maps": "",
    "smtp_dns_support_level": "disabled",
    "smtp_tls_security_level": "none",
    "smtpd_tls_security_level": "none",
    "smtpd_client_connection_rate_limit": "0",
    "default_process_limit": "20",
    "milter_default_action": "tempfail",
}
#: service, type, wakeup, most processes, program: all unprivileged where root runs them, none in a chroot.
_SERVICES = (
    ("cleanup", "unix", "-", "0", "cleanup"),
    ("qmgr", "unix", "300", "1", "qmgr"),
    ("rewrite", "unix", "-", "-", "trivial-rewrite"),
    ("bounce", "unix", "-", "0", "bounce"),
    ("defer", "unix", "-", "0", "bounce"),
    ("trace", "unix", "-", "0", "bounce"),
    ("smtp", "unix", "-", "-", "smtp"),
    ("error", "unix", "-", "-", "error"),
    ("retry", "unix", "-", "-", "error"),
    ("discard", "unix", "-", "-", "discard"),
    ("anvil", "unix", "-", "1", "anvil"),
    ("scache", "unix", "-", "1", "scache"),
    ("showq", "unix", "-", "-", "showq"),
    ("postlog", "unix-dgram", "-", "1", "postlogd"),
)
_PUBLIC = ("cleanup", "qmgr", "showq", "postlog")
_QUEUES = (
    "active",
    "bounce",
    "corrupt",
    "defer",
    "deferred",
    "flush",
    "hold",
    "incoming",
    "maildrop",
    "saved",
    "trace",
)
_SOCKETS = ("pid", "private", "public")


@dataclass(frozen=True, kw_only=True)
class Postfix:
    """A Postfix under test. `url` is what DRIP_TRANSPORT takes."""

    port: int
    folder: Path

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}?tls=none"

    @property
    def log(self) -> str:
        """What it has said so far."""
        file = self.folder / "log"
        return file.read_text("utf-8", "replace") if file.exists() else ""


def verdicts(data: str) -> list[tuple[str, str, str]]:
    """(verdict, domain, selector) of each signature, as the receiving side wrote them into the mail."""
    ours = rf"\AAuthentication-Results: {re.escape(HOST)};(.*?)\r\n(?=\S)"
    (said,) = re.findall(ours, data, re.DOTALL)
    return re.findall(r"dkim=(\w+) .*?header\.d=(\S+) .*?header\.s=(\w+)", said)


@contextmanager
def postfix(
    next_hop: int,
    *,
    records: Mapping[str, str] | None = None,
    settings: Mapping[str, str] | None = None,
    services: Sequence[str] = (),
) -> Iterator[Postfix]:
    """A Postfix for as long as the block lasts. `next_hop` is a port on loopback.

    With `records` (a key's name in the DNS → its TXT) opendkim verifies what comes in, and writes its verdicts into
    Authentication-Results. `settings` go over those in main.cf, `services` are more lines of master.cf; in both,
    `{folder}` is the one that everything of it lies in.
    """
    with ExitStack() as held:
        folder = held.enter_context(_folder())
        folder.chmod(0o711)  # Postfix's own user goes through it
        own = {**_SETTINGS, "relayhost": f"[127.0.0.1]:{next_hop}", **(settings or {})}
        if records is not None:
            own["smtpd_milters"] = f"unix:{held.enter_context(_opendkim(folder, records))}"
        port = held.enter_context(reserved_port())
        _write_configuration(folder, port, own, services)
        process = held.enter_context(_running(folder, "master", _DAEMONS / "master", "-s", "-c", folder / "etc"))
        _wait(lambda: _greets(port), process, folder)
        yield Postfix(port=port, folder=folder)


#: Waits until nobody holds the other end of its input, ends the process groups that stand in files, and sweeps.
_BROOM = """\
cat
for file in "$1"/*.group; do [ -e "$file" ] && kill -s KILL -- "-$(cat "$file")"; done
until rm -rf "$1" 2>/dev/null; do sleep 0.1; done
"""


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder that is gone afterwards, with whoever runs in it, even where this process has no time to see to that."""
    folder = Path(tempfile.mkdtemp(prefix="drip-mx-"))
    with subprocess.Popen(["sh", "-c", _BROOM, "broom", folder], stdin=subprocess.PIPE, start_new_session=True):
        yield folder


@contextmanager
def _opendkim(folder: Path, records: Mapping[str, str]) -> Iterator[Path]:
    """opendkim as a milter that only verifies, by keys from a file; gives its socket."""
    (folder / "keys").write_text("".join(f"{name} {record}\n" for name, record in records.items()), "ascii")
    milter = folder / "milter"
    lines = {
        "Mode": "v",
        "Socket": f"local:{milter}",
        "UMask": "000",
        "TestPublicKeys": str(folder / "keys"),
        "AuthservID": HOST,
        "AlwaysAddARHeader": "yes",
        "InternalHosts": "192.0.2.1",  # nobody: mail from loopback is verified too
        "Syslog": "no",
    }
    (folder / "opendkim.conf").write_text("".join(f"{name} {value}\n" for name, value in lines.items()), "ascii")
    with _running(folder, "opendkim", "opendkim", "-f", "-x", folder / "opendkim.conf") as process:
        _wait(milter.exists, process, folder)
        yield milter


def _write_configuration(folder: Path, port: int, settings: Mapping[str, str], more: Sequence[str]) -> None:
    etc, queue, data = folder / "etc", folder / "queue", folder / "data"
    for one in (etc, queue, data, *(queue / name for name in (*_QUEUES, *_SOCKETS))):
        one.mkdir(mode=0o755)
    own = {
        "queue_directory": queue,
        "data_directory": data,
        "daemon_directory": _DAEMONS,
        "command_directory": "/usr/sbin",
        "mail_owner": "postfix",
        "setgid_group": "postdrop",
        "maillog_file": folder / "log",
        "maillog_file_prefixes": folder,
        **settings,
    }
    lines = (f"{name} = {value}\n".replace("{folder}", str(folder)) for name, value in own.items())
    (etc / "main.cf").write_text("".join(lines), "ascii")
    services = [f"127.0.0.1:{port} inet n - n - - smtpd"]
    for name, kind, wakeup, most, program in _SERVICES:
        services.append(f"{name} {kind} {'n' if name in _PUBLIC else '-'} - n {wakeup} {most} {program}")
    services += [line.replace("{folder}", str(folder)) for line in more]
    (etc / "master.cf").write_text("\n".join(services) + "\n", "ascii")
    for one in (data, *(queue / name for name in (*_QUEUES, *_SOCKETS) if name != "pid")):
        shutil.chown(one, "postfix")
        one.chmod(0o700 if one.name != "public" else 0o755)
    (folder / "log").touch()


@contextmanager
def _running(folder: Path, name: str, *command: str | Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own; afterwards it and whoever it has started are gone."""
    with (folder / f"{name}.out").open("ab") as out:
        process = subprocess.Popen(
            [_program(str(command[0])), *command[1:]],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    group = folder / f"{name}.group"
    group.write_text(str(process.pid))
    try:
        yield process
    finally:
        group.unlink()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # asked politely opendkim takes seconds; and nothing is to be kept
        process.wait()


def _wait(ready: Callable[[], bool], process: subprocess.Popen[bytes], folder: Path) -> None:
    for _ in range(6000):
        if ready():
            return
        if process.poll() is not None:
            break
        time.sleep(0.01)
    said = "".join(
        file.read_text("utf-8", "replace") for file in (*folder.glob("*.out"), folder / "log") if file.exists()
    )
    raise RuntimeError(f"it does not start (exit {process.poll()}):\n{said}")


def _greets(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 60) as talk:
            return talk.recv(4) == b"220 "
    except OSError:
        return False


def _program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if found is None:
        raise RuntimeError(f"there is no {name} here: `make test` installs it, or apt-get install {name}")
    return found
