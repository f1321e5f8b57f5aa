"""A real DNS server for tests, in a process of its own: UDP and TCP on one port, its zones given as data.

    with dns_server({"acme.example": {"TXT": ["v=spf1 -all"], "MX": ["10 mail.acme.example."]}}) as server:
        … ask 127.0.0.1, server.port …

A zone is name → kind → values as a zone file has them; a TXT value is its text, cut into strings of 255 bytes, or a
list of strings. It answers as a recursive server does: a CNAME is followed, a name without records is NXDOMAIN, unless
others stand below it. `faults` is name (or `*`) → what happens to every question about it:

- `servfail`, `refused`: that answer; `hang`: none, ever; `garbage`: bytes that are no DNS;
- `truncate`: over UDP only the news that it is too long; `truncate and hang`: that, and silence over TCP;
- `loop`: the name is an alias of another, which is an alias of the name.

The same module is the server: `python dns_server.py OPTIONS_AS_JSON` prints its port, appends each question to `log` as
`udp acme.example TXT`, and ends with its standard input, from which it takes new options, a line of JSON each.
"""

from __future__ import annotations

import json
import socket
import socketserver
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rdtypes.ANY.TXT
import dns.rrset

#: Bytes of an answer over UDP.
_UDP = 1_232
_STRING = 255
_TTL = 60

Zone = Mapping[str, Mapping[str, list[Any]]]


@dataclass(frozen=True, kw_only=True)
class DnsServer:
    """A name server under test; `shown` is what `--nameserver` takes."""

    port: int
    log: Path
    process: subprocess.Popen[str] = field(repr=False)

    @property
    def shown(self) -> str:
        return f"127.0.0.1:{self.port}"

    def become(self, zone: Zone, faults: Mapping[str, str] | None = None) -> None:
        """From now on, answer so."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"zone": zone, "faults": faults or {}}) + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "ok\n"

    def questions(self) -> list[str]:
        """Every question that came, such as `udp acme.example TXT`."""
        return self.log.read_text("utf-8").splitlines() if self.log.exists() else []


@contextmanager
def dns_server(log: Path, zone: Zone | None = None, faults: Mapping[str, str] | None = None) -> Iterator[DnsServer]:
    """A name server for as long as the block lasts."""
    options = {"log": str(log), "zone": zone or {}, "faults": faults or {}}
    process = subprocess.Popen(
        [sys.executable, __file__, json.dumps(options)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout
        yield DnsServer(port=int(process.stdout.readline()), log=log, process=process)
    finally:
        process.kill()
        process.communicate()


class Zones:
    """What the server knows now."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._log = open(options["log"], "a", encoding="utf-8", buffering=1)  # noqa: SIM115  (as long as the process)
        self.records: dict[str, dict[str, list[Any]]] = {}
        self.faults: dict[str, str] = {}
        self.become(options)

    def become(self, options: Mapping[str, Any]) -> None:
        self.records = {name.rstrip(".").lower(): dict(kinds) for name, kinds in options["zone"].items()}
        self.faults = {name.rstrip(".").lower(): fault for name, fault in options["faults"].items()}

    def answer(self, data: bytes, way: str) -> bytes | None:
        """The bytes of the answer; None for silence."""
        query = dns.message.from_wire(data)
        asked = query.question[0]
        name, kind = asked.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(asked.rdtype)
        self._log.write(f"{way} {name} {kind}\n")
        fault = self.faults.get(name, self.faults.get("*", ""))
        if fault == "hang" or (fault == "truncate and hang" and way == "tcp"):
            return None
        if fault == "garbage":
            return data[:2] + b"\xff" * 7
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        if fault in ("servfail", "refused"):
            answer.set_rcode(dns.rcode.from_text(fault.upper()))
        elif fault == "loop":
            other = f"again.{name}"
            answer.answer += [alias(name, other), alias(other, name)]
        elif fault.startswith("truncate") and way == "udp":
            answer.flags |= dns.flags.TC
        else:
            self._fill(answer, name, kind)
        try:
            return answer.to_wire(max_size=_UDP if way == "udp" else 65_535)
        except dns.exception.TooBig:
            short = dns.message.make_response(query)
            short.flags |= dns.flags.TC
            return short.to_wire()

    def _fill(self, answer: dns.message.Message, name: str, kind: str) -> None:
        for _ in range(10):
            found = self.records.get(name)
            if found is None:
                if not any(other.endswith(f".{name}") for other in self.records):
                    answer.set_rcode(dns.rcode.NXDOMAIN)
                return
            if "CNAME" in found and kind != "CNAME":
                target = found["CNAME"][0].rstrip(".").lower()
                answer.answer.append(alias(name, target))
                name = target
                continue
            if kind in found:
                answer.answer.append(rrset(name, kind, found[kind]))
            return


def alias(name: str, target: str) -> dns.rrset.RRset:
    return dns.rrset.from_text(f"{name}.", _TTL, "IN", "CNAME", f"{target}.")


def rrset(name: str, kind: str, values: list[Any]) -> dns.rrset.RRset:
    if kind != "TXT":
        return dns.rrset.from_text(f"{name}.", _TTL, "IN", kind, *values)
    records = []
    for value in values:
        if isinstance(value, str):
            raw = value.encode("utf-8", "surrogateescape")
            strings = [raw[at : at + _STRING] for at in range(0, len(raw), _STRING)] or [b""]
        else:
            strings = [one.encode("utf-8", "surrogateescape") for one in value]
        records.append(dns.rdtypes.ANY.TXT.TXT(dns.rdataclass.IN, dns.rdatatype.TXT, strings))
    return dns.rrset.from_rdata_list(dns.name.from_text(f"{name}."), _TTL, records)


class Udp(socketserver.BaseRequestHandler):
    """One question in one packet."""

    def handle(self) -> None:
        data, place = self.request
        if (answer := ZONES[0].answer(data, "udp")) is not None:
            place.sendto(answer, self.client_address)


class Tcp(socketserver.BaseRequestHandler):
    """One question behind its length."""

    def handle(self) -> None:
        head = self.request.recv(2, socket.MSG_WAITALL)
        if len(head) < 2:
            return
        data = self.request.recv(struct.unpack("!H", head)[0], socket.MSG_WAITALL)
        answer = ZONES[0].answer(data, "tcp")
        if answer is None:
            self.request.recv(1)  # until the other side gives up
        else:
            self.request.sendall(struct.pack("!H", len(answer)) + answer)


class UdpServer(socketserver.ThreadingUDPServer):
    daemon_threads = True
    max_packet_size = 65_535


class TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


ZONES: list[Zones] = []


def both() -> tuple[UdpServer, TcpServer]:
    """Two servers on one free port."""
    for _ in range(50):
        udp = UdpServer(("127.0.0.1", 0), Udp)
        try:
            return udp, TcpServer(udp.server_address, Tcp)
        except OSError:
            udp.server_close()
    raise SystemExit("no port is free for both UDP and TCP")


def main() -> None:
    ZONES.append(Zones(json.loads(sys.argv[1])))
    servers = both()
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print(servers[0].server_address[1], flush=True)
    for line in sys.stdin:
        ZONES[0].become(json.loads(line))
        print("ok", flush=True)


if __name__ == "__main__":
    main()
