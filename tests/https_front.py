"""A reverse proxy with TLS for tests, as an operator has one before `drip serve`, and a certificate for it."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def certificate(folder: Path, *, days: int, name: str = "learn.acme.example") -> dict[str, str]:
    """`cert` and `key` for a name, made now, and vouched for by nobody."""
    openssl = shutil.which("openssl")
    assert openssl is not None
    cert, key = str(folder / f"web-{days}.pem"), str(folder / f"web-{days}-key.pem")
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
         str(days), "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-out", cert, "-keyout", key],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return {"cert": cert, "key": key}


@contextmanager
def before(port: int, pair: dict[str, str]) -> Iterator[int]:
    """A reverse proxy with TLS before a port of this machine, as an operator has one."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair["cert"], pair["key"])

    def serve() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            with (
                suppress(OSError),
                plain,
                context.wrap_socket(plain, server_side=True) as secured,
                socket.create_connection(("127.0.0.1", port)) as inner,
            ):
                inner.sendall(secured.recv(65_536))
                while data := inner.recv(65_536):
                    secured.sendall(data)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
