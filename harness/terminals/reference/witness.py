"""A few bytes in battery-backed memory that bear witness to the journal.

Models the classic use of NVRAM in a payment terminal: it is durable at once, so it can tell a torn tail (the record was never
acknowledged) from damage (it was), notice a journal that was lost or replaced by an old copy, and keep the trace number from
running backwards. A write may be torn by a power cut: hence two slots with a CRC, written in turn. It is a second opinion:
a terminal with a dead battery still recovers from its journal alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from zlib import crc32

from harness.contract import Nvram
from harness.contract.making import quick

_SEEN = Struct(">IIIIB")
_PAIR = Struct(">II")
_CRC = Struct(">I")
_SLOT_OFFSETS = (0, 32)
_SHOWN_OFFSET = 64
_DISOWNED_OFFSET = 96
# All-zero memory must not validate: crc32 of nothing but a seed is never zero here.
_CRC_SEED = 0x7E57


@quick
@dataclass(frozen=True, slots=True)
class Seen:
    """The last journal record that was durable."""

    generation: int
    sequence: int
    stan: int
    batch: int
    kind: int


class Witness:
    """The terminal's part of the NVRAM."""

    def __init__(self, nvram: Nvram) -> None:
        self._nvram = nvram
        seen = [self._read_seen(offset) for offset in _SLOT_OFFSETS]
        newest = max(
            (found for found in seen if found is not None), key=lambda s: (s.generation, s.sequence), default=None
        )
        self.seen: Seen | None = newest
        self._slot = 1 - seen.index(newest) if newest is not None else 0

    def note(self, generation: int, sequence: int, stan: int, batch: int, kind: int) -> None:
        """The journal record named has become durable."""
        self.seen = Seen(generation, sequence, stan, batch, kind)
        self._nvram.write(_SLOT_OFFSETS[self._slot], _sealed(_SEEN.pack(generation, sequence, stan, batch, kind)))
        self._slot = 1 - self._slot

    def note_shown(self, batch: int, stan: int) -> None:
        """The customer has been told of this approval."""
        self._nvram.write(_SHOWN_OFFSET, _sealed(_PAIR.pack(batch, stan)))

    def was_shown(self, batch: int, stan: int) -> bool:
        """Whether this approval is the last that was shown."""
        return self._read_pair(_SHOWN_OFFSET) == (batch, stan)

    def disown(self, generation: int, sequence: int) -> None:
        """A record whose write failed is not to be believed, even if it is found on the disk later."""
        self._nvram.write(_DISOWNED_OFFSET, _sealed(_PAIR.pack(generation, sequence)))

    @property
    def disowned(self) -> tuple[int, int] | None:
        """Generation and sequence of the record that was disowned last."""
        return self._read_pair(_DISOWNED_OFFSET)

    def _read_seen(self, offset: int) -> Seen | None:
        body = _unsealed(self._nvram.read(offset, _SEEN.size + _CRC.size))
        return None if body is None else Seen(*_SEEN.unpack(body))

    def _read_pair(self, offset: int) -> tuple[int, int] | None:
        body = _unsealed(self._nvram.read(offset, _PAIR.size + _CRC.size))
        if body is None:
            return None
        first, second = _PAIR.unpack(body)
        return first, second


def _sealed(body: bytes) -> bytes:
    return body + _CRC.pack(crc32(body, _CRC_SEED))


def _unsealed(data: bytes) -> bytes | None:
    body = data[: -_CRC.size]
    return body if len(data) > _CRC.size and _CRC.unpack(data[-_CRC.size :])[0] == crc32(body, _CRC_SEED) else None
