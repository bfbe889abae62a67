"""The battery-backed memory: 256 bytes that keep what was written, a byte at a time.

Models: serial FRAM on a 400 kHz I2C bus, 23 us a byte (nine bits a byte; data sheets of the MB85RC class); a write that
power cuts off has landed as far as its time had come, never a mixture within a byte. Does not model: wear, an empty battery
(the clock's fault: see ``rtc``), a bus error.
"""

from harness.device.checks import check_bytes, clean_number
from harness.device.session import ContractViolation, Session

SIZE_BYTES = 256
BYTE_US = 23


class _Write:
    __slots__ = ("begun_us", "data", "offset")

    def __init__(self, begun_us: int, offset: int, data: bytes) -> None:
        self.begun_us = begun_us
        self.offset = offset
        self.data = data


class Nvram:
    """The memory itself."""

    def __init__(self) -> None:
        self.content = bytearray(SIZE_BYTES)
        self._under_way: list[_Write] = []

    def begin(self, now_us: int, offset: int, data: bytes) -> _Write:
        """A write starts; bytes land as time passes."""
        write = _Write(now_us, offset, data)
        self._under_way.append(write)
        return write

    def complete(self, write: _Write) -> None:
        """All bytes of the write have landed."""
        self._under_way.remove(write)
        self.content[write.offset : write.offset + len(write.data)] = write.data

    def stopped(self, now_us: int) -> list[int]:
        """Power or the software is gone: each write under way has landed as far as it came. The bytes that did not land."""
        missing = []
        for write in self._under_way:
            landed = min(len(write.data), (now_us - write.begun_us) // BYTE_US)
            self._land(write, landed)
            missing.append(len(write.data) - landed)
        self._under_way.clear()
        return missing

    def _land(self, write: _Write, count: int) -> None:
        self.content[write.offset : write.offset + count] = write.data[:count]


class NvramPort:
    """The memory as one boot's software holds it."""

    def __init__(self, session: Session, nvram: Nvram) -> None:
        self._session = session
        self._nvram = nvram

    def read(self, offset: int, size: int) -> bytes:
        """``size`` bytes from ``offset``."""
        session = self._session
        if session.dead:
            session.check()
        start, count = clean_number(offset, "nvram.read"), clean_number(size, "nvram.read")
        _check_range(start, count)
        session.cpu.spend(count * BYTE_US)
        return bytes(self._nvram.content[start : start + count])

    def write(self, offset: int, data: bytes) -> None:
        """Store ``data`` at ``offset``; durable when this returns."""
        session = self._session
        if session.dead:
            session.check()
        start, content = clean_number(offset, "nvram.write"), check_bytes(data, "nvram.write")
        if start < 0 or start + len(content) > SIZE_BYTES:
            _check_range(start, len(content))
        # What the software owes is paid first, so that the write begins when its time comes.
        cpu = session.cpu
        cpu.sleep(0)
        if session.dead:
            session.check()
        write = self._nvram.begin(session.now_us, start, content)
        cpu.sleep(len(content) * BYTE_US)
        if session.dead:
            session.check()
        self._nvram.complete(write)


def _check_range(offset: int, size: int) -> None:
    if offset < 0 or size < 0 or offset + size > SIZE_BYTES:
        raise ContractViolation(f"nvram: bytes {offset} to {offset + size} are not within 0 to {SIZE_BYTES}")
