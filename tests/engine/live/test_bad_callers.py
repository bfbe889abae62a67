"""Callers that garble, lie, dawdle or come by thousands: the host answers or closes, stays up, and holds little for them."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import time
from pathlib import Path

import pytest

from harness.engine.live.line import UNREADABLE_MAX
from tests.engine.live.callers import Host, real_host
from tests.engine.live.test_wire import serving

QUICK = "tests/engine/live/quick.yaml"
MEGABYTES_MAX = 120
"""Of the whole process, 10,000 callers and all."""


def test_a_caller_that_closes_its_side_after_asking_gets_its_answers() -> None:
    with serving() as acquirer:
        client = acquirer.client()
        client.log_on()
        client.sale(1250, ask=False)
        client.sale(990, ask=False)
        client.socket.shutdown(socket.SHUT_WR)
        assert [client.answer()["39"] for _ in range(2)] == ["00", "00"]
        with pytest.raises(EOFError):
            client.answer()  # and then the host closes, too
        asking = acquirer.client()  # the same before the link has let the first message through
        asking.send({"t": "0800", "3": "990000", "60": "000001"})
        asking.socket.shutdown(socket.SHUT_WR)
        assert asking.answer()["39"] == "00"
        silent = acquirer.raw()
        silent.sendall(b"\x00")
        silent.shutdown(socket.SHUT_WR)
        assert silent.recv(1) == b""
    assert acquirer.booked == ["APPROVED", "APPROVED"]


def test_a_caller_that_leaves_at_once_has_asked_all_the_same() -> None:
    with serving() as acquirer:
        client = acquirer.client()
        client.log_on()
        client.sale(1250, ask=False)
        client.socket.close()
        until_s = time.monotonic() + 10
        while not acquirer.booked and time.monotonic() < until_s:
            time.sleep(0.01)
        assert acquirer.booked == ["APPROVED"]
        while acquirer.server.counts.open and time.monotonic() < until_s:
            time.sleep(0.01)
        assert acquirer.server.counts.open == 0


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (b"\x00\x00" * 100_000, f"it sent {UNREADABLE_MAX} messages that cannot be read"),
        (b"\xff\xff" * 100, "what it sent is no message of this dialect"),
        (b"\x00\x05hello" * 100_000, f"it sent {UNREADABLE_MAX} messages that cannot be read"),
    ],
    ids=["empty messages", "a length that cannot be", "lengths that are too short"],
)
def test_endless_nonsense_ends_the_line_before_it_costs_anything(sent: bytes, why: str) -> None:
    with serving() as acquirer:
        client = acquirer.client()
        client.log_on()
        with contextlib.suppress(OSError):
            client.socket.sendall(sent)
            assert client.socket.recv(1) == b""
        until_s = time.monotonic() + 10
        while not acquirer.cut and time.monotonic() < until_s:
            time.sleep(0.01)
        assert [each[: len(why)] for each in acquirer.cut] == [why]
        assert len(acquirer.events) < 200
        again = acquirer.client()
        again.stan = 10
        again.log_on()
        assert again.sale(100)["39"] == "00"


def test_what_happened_is_on_the_disk_within_a_second_whoever_kills_it(tmp_path: Path) -> None:
    with real_host(QUICK, "--dialect", "international", out=tmp_path / "host") as host:
        client = host.client()
        client.log_on()
        client.sale(1250)
        time.sleep(1.0)
        host.process.send_signal(signal.SIGKILL)
        host.process.wait(10)
        assert [event["state"] for event in host.history if event["event"] == "LedgerChanged"] == ["APPROVED"]


def test_a_full_disk_is_told_and_the_host_goes_on(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "host").mkdir()
    (tmp_path / "host" / "history.jsonl").symlink_to("/dev/full")
    with real_host(QUICK, "--dialect", "international", out=tmp_path / "host") as host:
        client = host.client()
        client.log_on()
        time.sleep(0.7)
        assert client.sale(1250)["39"] == "00"
        assert host.end() == 3
    (told,) = capfd.readouterr().err.splitlines()
    assert "history.jsonl: No space left on device" in told


@pytest.mark.parametrize("callers_wanted", [1_000, 10_000])
def test_thousands_of_callers_at_once_are_served(callers_wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    callers: list[socket.socket] = []
    try:
        with real_host(QUICK, "--dialect", "international", "--terminals", "2") as host:
            room = callers_wanted if hard == resource.RLIM_INFINITY else hard - 200
            for _ in range(min(callers_wanted, room)):
                callers.append(socket.create_connection(("127.0.0.1", host.port), timeout=30))
            begun_s = time.monotonic()
            client = host.client()
            client.log_on()
            assert client.sale(100)["39"] == "00"
            assert time.monotonic() - begun_s < 10
            used_mb, cpu_s = _megabytes(host), _cpu_s(host)
            time.sleep(1.0)
            assert _cpu_s(host) - cpu_s < 0.5  # who says nothing costs nothing
            assert used_mb < MEGABYTES_MAX
            flood = client.frame({"t": "0800", "3": "990000", "60": "000001"}) * 500
            for each in callers[:200]:
                each.setblocking(False)
                each.send(flood)  # and nobody ever reads an answer
            other = host.client(1)
            other.socket.settimeout(60)
            other.log_on()
            assert other.sale(100)["39"] == "00"  # who comes now has his turn all the same
            assert _megabytes(host) < MEGABYTES_MAX
    finally:
        for each in callers:
            each.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _megabytes(host: Host) -> float:
    with Path(f"/proc/{host.process.pid}/status").open() as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def _cpu_s(host: Host) -> float:
    fields = Path(f"/proc/{host.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
