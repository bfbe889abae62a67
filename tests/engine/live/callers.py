"""A real ``harness host`` to call, and a client that is none of ours: pyiso8583 writes and reads every message."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import iso8583

from harness.iso8583 import international
from harness.iso8583.keys import WorkingKeys
from harness.iso8583.mac import UnionPayEcbMac
from tests.iso8583.test_iso8583_codec import pyiso_table

TABLE = pyiso_table(international.SPEC)
TPDU = bytes.fromhex("6000030000")
PROMPT = (
    "name: wire\nhost: {latency_median: 1 ms, latency_p99: 2 ms, no_reply: 0%, decline: 0%}\ndevice: {link: ethernet}\n"
)


class Client:
    """One terminal of somebody else's, on one connection."""

    def __init__(self, port: int, key: bytes, tid: str = "10000001", mid: str = "104110000000001") -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.numbers = {"41": tid, "42": mid, "24": "001"}
        self.key = key
        self.stan = 0
        self.mac: UnionPayEcbMac | None = None
        self.batch = ""

    def send(self, fields: dict[str, str]) -> None:
        self.socket.sendall(self.frame(fields))

    def frame(self, fields: dict[str, str]) -> bytes:
        self.stan += 1
        message = {**self.numbers, "11": f"{self.stan:06d}", **fields}
        if self.mac is not None:
            covered, _ = iso8583.encode({**message, "64": "0" * 16}, TABLE)
            message["64"] = self.mac(bytes(covered[:-8])).hex().upper()
        payload, _ = iso8583.encode(message, TABLE)
        body = TPDU + bytes(payload)
        return len(body).to_bytes(2, "big") + body

    def answer(self) -> dict[str, str]:
        size = int.from_bytes(self._take(2), "big")
        payload = self._take(size)[len(TPDU) :]
        told = dict(iso8583.decode(payload, TABLE)[0])
        if self.mac is not None and told["t"] == "0210" and told["39"] == "00":
            assert told["64"] == self.mac(payload[:-8]).hex().upper(), "the host's own authentication code"
        return told

    def ask(self, fields: dict[str, str]) -> dict[str, str]:
        self.send(fields)
        return self.answer()

    def log_on(self) -> None:
        told = self.ask({"t": "0800", "3": "920000", "60": "000001"})
        assert told["39"] == "00", told
        self.batch = told["60"][:6]
        self.mac = UnionPayEcbMac(WorkingKeys.parse(bytes.fromhex(told["62"])).mac_key.unwrap(self.key))

    def sale(self, amount_fen: int, ask: bool = True) -> dict[str, str]:
        track = "6222020000000000008D28122201234000001"
        fields = {"t": "0200", "3": "000000", "4": f"{amount_fen:012d}", "22": "021", "25": "00", "35": track}
        fields |= {"49": "156", "60": self.batch}
        if not ask:
            self.send(fields)
            return {}
        return self.ask(fields)

    def _take(self, size: int) -> bytes:
        taken = b""
        while len(taken) < size:
            part = self.socket.recv(size - len(taken))
            if not part:
                raise EOFError("the host hung up")
            taken += part
        return taken


@dataclass
class Host:
    """A running ``harness host``."""

    process: subprocess.Popen[bytes]
    port: int
    terminals: list[dict[str, str]]
    out: Path | None
    rest: bytes = b""
    """What it printed after its address, once it has ended."""
    told: list[Any] = field(default_factory=list)

    def client(self, place: int = 0) -> Client:
        """One of its terminals."""
        known = self.terminals[place]
        return Client(self.port, bytes.fromhex(known["test_key"]), known["tid"], known["mid"])

    def end(self) -> int:
        """Its exit code, after it was asked to end."""
        self.process.terminate()
        self.rest, _ = self.process.communicate(timeout=30)
        return self.process.returncode

    @property
    def books(self) -> dict[str, dict[str, Any]]:
        """By terminal number, what it kept at the end."""
        assert self.out is not None
        read = json.loads((self.out / "books.json").read_text())
        return {each["tid"]: each for each in read["terminals"]}

    @property
    def history(self) -> list[Any]:
        """Every event that is on the disk."""
        assert self.out is not None
        return [json.loads(line) for line in (self.out / "history.jsonl").read_text().splitlines()]


@contextmanager
def real_host(*words: str, out: Path | None = None) -> Iterator[Host]:
    """``harness host`` with ``words``, in a process of its own."""
    command = [sys.executable, "-m", "harness.cli.main", "host", "--port", "0", "--json", "--quiet", *words]
    command += [] if out is None else ["--out", str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            yield Host(process, told["port"], told["terminals"], out)
        finally:
            with contextlib.suppress(OSError):
                process.kill()
