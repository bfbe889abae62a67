"""A small test device: a real directory, a line straight into a real acquirer, and one place where anything can go wrong.

``Bench.strike`` is called before every write, fsync, truncation, send, receive, NVRAM write, screen and slip; it counts, and
raises what the test asked for at the n-th. A power cut undoes what was written since the last fsync, keeps it, or tears it:
a deliberately small crash model, the storage room has the real ones.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path

from harness.contract import (
    Action,
    ActionKind,
    CardData,
    CardGone,
    CardTimeout,
    Cryptogram,
    Event,
    Inspection,
    Outcome,
    PaperOut,
    PinPadError,
    Receipt,
    Screen,
    Terminal,
)
from harness.device.chip import Chip
from harness.history.recorder import Recorder
from harness.host.acquirer import Acquirer
from harness.host.holds import Rules
from harness.iso8583.keys import WrappedKey
from harness.iso8583.mac import UnionPayEcbMac
from harness.iso8583.pinblock import PinBlockCipher

MASTER_KEY = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
TID, MID = "10000001", "104110070110001"
PAN = "6222021234567894"


class PowerCut(BaseException):
    """The lights went out."""


@dataclass
class PinPadChip:
    """Keys and PIN; survives power cuts."""

    keys: dict[str, bytes] = field(default_factory=dict)
    macs: dict[bytes, UnionPayEcbMac] = field(default_factory=dict)

    def load_key(self, slot: str, encrypted_key: bytes, check_value: bytes) -> None:
        try:
            self.keys[slot] = WrappedKey(encrypted_key, check_value).unwrap(MASTER_KEY)
        except ValueError as error:
            raise PinPadError(str(error)) from error

    def has_key(self, slot: str) -> bool:
        return slot in self.keys

    def mac(self, data: bytes) -> bytes:
        if "mac" not in self.keys:
            raise PinPadError("no MAC key")
        key = self.keys["mac"]
        if key not in self.macs:
            self.macs = {key: UnionPayEcbMac(key)}
        return self.macs[key](data)

    def pin_block(self, pan: str) -> bytes:
        if "pin" not in self.keys:
            raise PinPadError("no PIN key")
        return PinBlockCipher(self.keys["pin"]).encrypt("123456", pan)

    def encrypt(self, data: bytes) -> bytes:
        sealed = _stream(data)
        return sealed + blake2b(sealed, key=MASTER_KEY, digest_size=8).digest()

    def decrypt(self, data: bytes) -> bytes:
        if blake2b(data[:-8], key=MASTER_KEY, digest_size=8).digest() != data[-8:]:
            raise PinPadError("altered")
        return _stream(data[:-8])


def _stream(data: bytes) -> bytes:
    pad = blake2b(b"pad", key=MASTER_KEY, digest_size=64).digest()
    return bytes(a ^ b for a, b in zip(data, pad, strict=False))


class Bench:
    """One device on a desk, its host, and everything it ever showed."""

    def __init__(
        self,
        directory: Path,
        decide: Callable[[str, int, str], str] | None = None,
        part: Callable[[str, int], int] | None = None,
        rules: Rules = Rules(),  # noqa: B008 - frozen
        dialect: str = "unionpay",
    ) -> None:
        self.directory = directory
        directory.mkdir(exist_ok=True)
        (directory / "data").mkdir()
        self.recorder = Recorder()
        self.host = Acquirer(
            dialect, self.recorder, b"bench", part=part, rules=rules, **({"decide": decide} if decide else {})
        )
        self.host.register_terminal(TID, MID, "T01", MASTER_KEY)
        self.knobs = self.host.knobs(TID)
        self.pin_pad = PinPadChip()
        self.memory = bytearray(256)
        self.screens: list[Screen] = []
        self.receipts: list[Receipt] = []
        self.paper = True
        self.card_present = True
        self.chip: Chip | None = None
        """What the chips of cards do; None: cards without one."""
        self.presentations = 0
        self.online = True
        self.quota_bytes: int | None = None
        self.calls: list[str] = []
        self.fail: Callable[[str, int], None] | None = None
        self.unsynced: dict[str, list[tuple[int, bytes, int]]] = {}
        self.sent: list[bytes] = []
        self.slept_s = 0.0
        self.actions = 0
        self.terminal: Terminal | None = None

    # ------------------------------------------------------------ running

    def volumes(self) -> dict[str, str]:
        """Where the device's volumes are mounted."""
        return {"data": str(self.directory / "data")}

    def boot(self, kind: type[Terminal]) -> Terminal:
        """Power on: a new terminal on what the last one left."""
        self.calls = []
        self.terminal = kind(Facade(self))
        with self.routed():
            self.terminal.boot()
        return self.terminal

    def act(
        self,
        kind: ActionKind,
        amount_fen: int = 0,
        original: Outcome | None = None,
        original_amount_fen: int = 0,
        account: str = "",
        cycle: str = "",
        trace_number: str = "",
    ) -> Outcome:
        """One operator action."""
        assert self.terminal is not None
        self.actions += 1
        action = Action(
            self.actions,
            kind,
            amount_fen,
            original.stan if original else "",
            original.batch if original else "",
            original.rrn if original else "",
            original_amount_fen=original_amount_fen,
            account=account,
            cycle=cycle,
            trace_number=trace_number,
        )
        with self.routed():
            outcome = getattr(self.terminal, kind)(action)
        assert isinstance(outcome, Outcome)
        return outcome

    def idle(self, times: int = 6) -> None:
        """Let background work happen."""
        assert self.terminal is not None
        with self.routed():
            for _ in range(times):
                self.terminal.idle()

    def inspect(self) -> Inspection:
        """What the files say."""
        assert self.terminal is not None
        image = {str(path): path.read_bytes() for path in self.directory.rglob("*") if path.is_file()}
        found = type(self.terminal).inspect(image)
        assert found is not None
        return found

    def strike(self, what: str) -> None:
        """Something is about to happen."""
        self.calls.append(what)
        if self.fail is not None:
            self.fail(what, len(self.calls))

    # ------------------------------------------------------------ power

    def cut(self, unsynced: str) -> None:
        """After a PowerCut: what was not synced is ``lost``, ``kept`` or ``torn`` (half of each last write kept)."""
        for path, undo in self.unsynced.items():
            content = bytearray(Path(path).read_bytes())
            for index, (offset, before, size) in enumerate(reversed(undo)):
                if unsynced == "kept":
                    continue
                keep = len(before) // 2 if unsynced == "torn" and index == 0 else 0
                content[offset + keep : offset + len(before)] = before[keep:]
                del content[max(size, offset + keep) :]
            Path(path).write_bytes(content)
        self.unsynced.clear()
        self.terminal = None

    @contextmanager
    def routed(self) -> Iterator[None]:
        """Writes, fsyncs and connections of the code under test go through this bench."""
        real = (os.pwrite, os.fsync, os.ftruncate, socket.create_connection, time.monotonic, time.sleep)
        os.pwrite, os.fsync, os.ftruncate = self._pwrite, self._fsync, self._ftruncate
        socket.create_connection = self._connect  # type: ignore[assignment]
        clock = iter(range(10**9))
        time.monotonic = lambda: next(clock) / 1000 + self.slept_s
        time.sleep = self._sleep
        self.real_pwrite, self.real_ftruncate = real[0], real[2]
        try:
            yield
        finally:
            os.pwrite, os.fsync, os.ftruncate, socket.create_connection, time.monotonic, time.sleep = real

    @property
    def now_us(self) -> int:
        """The host's time: a second for each request, and what the terminal slept."""
        return len(self.sent) * 1_000_000 + int(self.slept_s * 1_000_000)

    def _sleep(self, seconds: float) -> None:
        self.slept_s += seconds
        self.host.fall_due(self.now_us)

    def pass_time(self, seconds: float) -> None:
        """Nobody touches the terminal for so long."""
        self._sleep(seconds)

    def _path(self, fd: int) -> str:
        return os.readlink(f"/proc/self/fd/{fd}")

    def _pwrite(self, fd: int, data: bytes, offset: int) -> int:
        self.strike("write")
        path, size = self._path(fd), os.fstat(fd).st_size
        grows = max(0, offset + len(data) - size)
        if grows and self.quota_bytes is not None:
            used = sum(each.stat().st_size for each in self.directory.rglob("*") if each.is_file())
            room = self.quota_bytes - used
            if room < grows:
                if room <= 0:
                    raise OSError(errno.ENOSPC, "No space left on device")
                data = data[: len(data) - (grows - room)]
        before = os.pread(fd, len(data), offset).ljust(len(data), b"\0")
        self.unsynced.setdefault(path, []).append((offset, before, size))
        return self.real_pwrite(fd, data, offset)

    def _fsync(self, fd: int) -> None:
        # The real disk is not waited for: what a cut may take is modelled here.
        self.strike("fsync")
        self.unsynced.pop(self._path(fd), None)

    def _ftruncate(self, fd: int, size: int) -> None:
        self.strike("truncate")
        self.real_ftruncate(fd, size)
        self.unsynced.pop(self._path(fd), None)

    def _connect(self, address: tuple[str, int], timeout: float | None = None) -> Line:
        self.strike("connect")
        if not self.online:
            raise TimeoutError("no carrier")
        return Line(self)


class Line:
    """A connection straight into the acquirer."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._inbox = b""

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def settimeout(self, timeout: float | None) -> None:
        pass

    def sendall(self, data: bytes) -> None:
        self._bench.strike("send")
        self._bench.sent.append(data)
        self._inbox += b"".join(self._bench.host.overdue(data))
        self._bench.host.fall_due(self._bench.now_us)
        reply = self._bench.host.handle(data, self._bench.now_us)
        self._inbox += reply.frame or b""
        self._bench.strike("sent")

    def recv(self, size: int) -> bytes:
        self._bench.strike("receive")
        if not self._inbox:
            raise TimeoutError("timed out")
        data, self._inbox = self._inbox[:size], self._inbox[size:]
        return data

    def close(self) -> None:
        pass


class Facade:
    """contract.Device for the bench; also its card reader, printer, display and NVRAM."""

    tid, mid, host_address = TID, MID, ("acquirer", 8583)

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.volumes: Mapping[str, str] = bench.volumes()
        self.card = self.printer = self.display = self.nvram = self
        self.pin_pad = bench.pin_pad
        self.current: Screen | None = None
        self.probes: list[str] = []

    def __getattribute__(self, name: str) -> object:
        if name == "read":
            return object.__getattribute__(self, "_read_any")
        return object.__getattribute__(self, name)

    def _read_any(self, first: float = 60.0, size: int | None = None) -> CardData | bytes:
        bench = self._bench
        if size is not None:
            return bytes(bench.memory[int(first) : int(first) + size])
        if not bench.card_present:
            raise CardTimeout
        bench.presentations += 1
        token = f"{bench.presentations:011d}"
        by_chip = bench.chip is not None
        return CardData(
            PAN, "3012", f"{PAN}=3012201{token}", "051", "001", b"\x9f\x36\x02\x00\x01", f"62000000{token}", by_chip
        )

    def _chip(self) -> Chip:
        assert self._bench.chip is not None
        return replace(self._bench.chip, token=f"{self._bench.presentations:011d}")

    def first_cryptogram(self, amount_fen: int, *, offline: bool = False) -> Cryptogram:
        self._asked_fen = amount_fen
        return self._chip().first(amount_fen, offline=offline)

    def second_cryptogram(self, response_code: str) -> Cryptogram:
        answer = self._chip().second(self._asked_fen, response_code)
        if answer is None:
            raise CardGone
        return answer

    def write(self, offset: int, data: bytes) -> None:
        for index, byte in enumerate(data):
            if index in (0, len(data) // 2):
                self._bench.strike("nvram")
            self._bench.memory[offset + index] = byte

    def has_paper(self) -> bool:
        return self._bench.paper

    def print(self, receipt: Receipt) -> None:
        self._bench.strike("print")
        if not self._bench.paper:
            raise PaperOut
        self._bench.receipts.append(receipt)
        self._bench.strike("printed")

    def show(self, screen: Screen) -> None:
        self._bench.strike("show")
        self.current = screen
        self._bench.screens.append(screen)

    def next_event(self, timeout_s: float | None = None) -> Event | None:
        raise NotImplementedError

    def finish(self, action: Action, outcome: Outcome) -> None:
        raise NotImplementedError

    def probe(self, name: str) -> None:
        self.probes.append(name)

    def reboot(self) -> None:
        raise PowerCut
