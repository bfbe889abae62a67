"""The acquirer on a real socket: how many sales a second one core serves, asked for by a fleet in another process.

The fleet has several terminals with one connection each and sends without waiting for every answer. Its messages are made
beforehand and every answer is read. The host keeps its history. Both are pinned, the host to one processor and the fleet to
another where there is one; next to the rate on the clock stands the rate by the host's own CPU time, which other work on the
machine spoils less.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from harness.engine.bench.figures import Figure
from harness.engine.bench.workbench import scratch_directory
from harness.iso8583 import Message
from harness.iso8583.frame import split_frames
from harness.iso8583.international import pack, unpack
from harness.iso8583.keys import WorkingKeys
from harness.iso8583.mac import UnionPayEcbMac

SALES_MIN = 500.0
TERMINALS = 8
_WINDOW = 8
"""Sales of one terminal that are asked for and not answered yet."""
_SCENARIO = """name: bench
host: {latency_median: 1 ms, latency_p99: 2 ms, no_reply: 0%, decline: 0%}
device: {link: ethernet}
"""
_TRACK = "6222020000000000008=28122201234"
_PATIENCE_S = 60.0
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class _Caller:
    """One terminal: its connection, what it will ask, and what has been answered."""

    end: socket.socket
    frames: list[bytes]
    sent: int = 0
    answered: int = 0
    received: bytes = b""

    def ask_more(self) -> None:
        """As many further sales as may be under way."""
        upto = min(len(self.frames), self.answered + _WINDOW)
        if upto > self.sent:
            self.end.sendall(b"".join(self.frames[self.sent : upto]))
            self.sent = upto

    def read(self) -> None:
        """Count the answers that have come; AssertionError for one that is no approval."""
        data = self.end.recv(1 << 16)
        if not data:
            raise AssertionError("the host hung up")
        frames, self.received = split_frames(self.received + data)
        for frame in frames:
            message = unpack(frame).message
            if message.mti != "0210" or message.text(39) != "00":
                raise AssertionError(f"a sale was answered {message!r}")
        self.answered += len(frames)


def measure(sales: int, repetitions: int) -> tuple[Figure, ...]:
    """Sales a second on the clock and by the host's CPU time; ``sales`` of each terminal in each repetition."""
    by_clock, by_cpu = [], []
    with scratch_directory() as place:
        directory = Path(place)
        scenario = directory / "bench.yaml"
        scenario.write_text(_SCENARIO)
        for _ in range(repetitions):
            clock_s, cpu_s = _once(scenario, directory, sales)
            by_clock.append(TERMINALS * sales / clock_s)
            by_cpu.append(TERMINALS * sales / cpu_s)
    return (
        _figure("sales a second at the host on loopback, one core", by_clock),
        _figure("the same by the host's CPU time", by_cpu),
    )


def _figure(name: str, rates: list[float]) -> Figure:
    return Figure(name, median(rates), "", SALES_MIN, False, None, (min(rates), max(rates)))


def _once(scenario: Path, directory: Path, sales: int) -> tuple[float, float]:
    """Seconds on the clock, and of the host's CPU, for all sales."""
    own, others = os.sched_getaffinity(0), sorted(os.sched_getaffinity(0))
    command = [sys.executable, "-m", "harness.cli.main", "host", str(scenario), "--dialect", "international"]
    command += ["--terminals", str(TERMINALS), "--port", "0", "--json", "--quiet", "--out", str(directory / "host")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as host:
        try:
            os.sched_setaffinity(host.pid, {others[0]})
            os.sched_setaffinity(0, {others[-1]})
            assert host.stdout is not None
            told = json.loads(host.stdout.readline())
            callers = [
                _caller(told["port"], each["tid"], each["mid"], bytes.fromhex(each["test_key"]), sales)
                for each in told["terminals"]
            ]
            return _served(callers, host.pid)
        finally:
            os.sched_setaffinity(0, own)
            host.terminate()


def _caller(port: int, tid: str, mid: str, key: bytes, sales: int) -> _Caller:
    """Signed on, with its sales ready to be sent."""
    end = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_S)
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    numbers = {41: tid, 42: mid, 24: "001"}
    end.sendall(pack(Message("0800", {**numbers, 3: "920000", 11: "000001", 60: "000001"})))
    received, frames = b"", list[bytes]()
    while not frames:
        frames, received = split_frames(received + end.recv(1 << 12))
    told = unpack(frames[0]).message
    mac = UnionPayEcbMac(WorkingKeys.parse(told.binary(62)).mac_key.unwrap(key))
    batch = told.text(60)[:6]
    asked = []
    for stan in range(2, sales + 2):
        fields = {**numbers, 3: "000000", 4: "000000001250", 11: f"{stan:06d}", 22: "021", 25: "00"}
        fields |= {35: f"{_TRACK}{stan:06d}", 49: "156", 60: batch}
        asked.append(pack(Message("0200", {**fields}), mac))
    return _Caller(end, asked)


def _served(callers: list[_Caller], pid: int) -> tuple[float, float]:
    with selectors.DefaultSelector() as selector:
        for caller in callers:
            selector.register(caller.end, selectors.EVENT_READ, caller)
        begun_s, cpu_begun_s = time.perf_counter(), _cpu_s(pid)
        for caller in callers:
            caller.ask_more()
        while any(caller.answered < len(caller.frames) for caller in callers):
            ready = selector.select(_PATIENCE_S)
            if not ready:
                raise AssertionError("the host answers no more")
            for key, _ in ready:
                key.data.read()
                key.data.ask_more()
        spent = time.perf_counter() - begun_s, _cpu_s(pid) - cpu_begun_s
    for caller in callers:
        caller.end.close()
    return spent


def _cpu_s(pid: int) -> float:
    """CPU seconds of a process so far, proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND
