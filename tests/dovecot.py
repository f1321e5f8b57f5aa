"""A real IMAP server for tests: Debian's Dovecot, its own from the configuration to the mails, on loopback.

However the process ends that started it, its own processes and the folder go too, as with Postfix (tests/postfix.py).
Only root can start it as it is installed: `WANTS_ROOT` skips a test elsewhere.
"""

from __future__ import annotations

import imaplib
import pwd
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mail_server import reserved_port, self_signed
from postfix import _folder, _running, _wait

PASSWORD = 'a pass "word" of the tests'
#: So many users of each kind there are.
_USERS = 100
#: An address that it answers at too, and that its certificate does not name.
ELSEWHERE = "127.0.0.2"
#: Whose mails they are: Dovecot serves nobody as root.
_OWNER = pwd.getpwnam("nobody")

_SETTINGS = """\
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1, {elsewhere}
ssl = {ssl}
ssl_cert = <{cert}
ssl_key = <{key}
disable_plaintext_auth = no
first_valid_uid = 1
mail_location = maildir:{folder}/mail/%u
mail_plugins = acl
auth_failure_delay = 0
protocol imap {{
  mail_plugins = acl imap_acl
}}
plugin {{
  acl = vfile:{folder}/acl
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


@dataclass(frozen=True, kw_only=True)
class Dovecot:
    """An IMAP server under test. `cert` is what vouches for it: SSL_CERT_FILE."""

    imap: int
    imaps: int
    cert: str
    folder: Path = field(repr=False)
    _numbers: Iterator[int] = field(default_factory=lambda: iter(range(_USERS)), repr=False)

    def user(self, *, marks: bool = True) -> str:
        """A user whose mailbox is empty; without `marks` one who may set "seen", and no marks (RFC 4314)."""
        return f"{'bounces' if marks else 'nomarks'}{next(self._numbers)}@acme.example"

    def url(self, user: str, scheme: str = "imaps", host: str = "localhost") -> str:
        """What `[bounces] imap` takes."""
        return f"{scheme}://{user.replace('@', '%40')}@{host}:{getattr(self, scheme)}/INBOX"

    @contextmanager
    def opened(self, user: str) -> Iterator[imaplib.IMAP4_SSL]:
        """A mailbox, as a mail program opens it."""
        trusted = ssl.create_default_context(cafile=self.cert)
        with imaplib.IMAP4_SSL("localhost", self.imaps, ssl_context=trusted, timeout=60) as server:
            server.login(user, PASSWORD)
            server.select("INBOX")
            yield server

    def put(self, user: str, *mails: bytes) -> None:
        """Let these arrive, in their order."""
        with self.opened(user) as server:
            for mail in mails:
                content = mail.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
                assert server.append("INBOX", "", "", content)[0] == "OK"

    def flags(self, user: str) -> list[set[str]]:
        """The flags of every mail, in their order."""
        with self.opened(user) as server:
            _, found = server.uid("FETCH", "1:*", "(FLAGS)")
            return [{flag.decode() for flag in imaplib.ParseFlags(one)} for one in found if one]


@contextmanager
def dovecot(*, ssl: str = "yes") -> Iterator[Dovecot]:
    """A Dovecot for as long as the block lasts, with a certificate for localhost. `ssl` may be `no`."""
    with ExitStack() as held:
        folder = held.enter_context(_folder())
        folder.chmod(0o711)  # Dovecot's own users go through it
        (folder / "mail").mkdir()
        (folder / "mail").chmod(0o777)
        names = (f"{kind}{number}@acme.example" for kind in ("bounces", "nomarks") for number in range(_USERS))
        (folder / "users").write_text("".join(f"{name}:{{PLAIN}}{PASSWORD}::::::\n" for name in names), "ascii")
        (folder / "users").chmod(0o644)
        few = "".join(f"* user=nomarks{n}@acme.example lrsip\n" for n in range(_USERS))
        (folder / "acl").write_text(few + "* owner lrwstipekxa\n", "ascii")
        (folder / "acl").chmod(0o644)
        made = self_signed(folder)
        imap, imaps = held.enter_context(reserved_port()), held.enter_context(reserved_port())
        values = {
            "elsewhere": ELSEWHERE,
            "imap": imap,
            "imaps": imaps,
            "ssl": ssl,
            **made,
            "uid": _OWNER.pw_uid,
            "gid": _OWNER.pw_gid,
        }
        (folder / "dovecot.conf").write_text(_SETTINGS.format(folder=folder, **values), "utf-8")
        process = held.enter_context(_running(folder, "dovecot", "dovecot", "-F", "-c", folder / "dovecot.conf"))
        _wait(lambda: _greets(imap), process, folder)
        yield Dovecot(imap=imap, imaps=imaps, cert=made["cert"], folder=folder)


def _greets(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 60) as talk:
            return talk.recv(4) == b"* OK"
    except OSError:
        return False
