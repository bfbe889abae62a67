"""Captures and dumps for tests: packets by hand, messages by our own codec and by pyiso8583, which knows nothing of it."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import iso8583

from harness.iso8583 import Message, unionpay

MIDNIGHT_S = 1_772_380_800
"""2026-03-02 00:00 in Shanghai, in seconds since 1970."""
PAN = "6222020200112233445"
TERMINAL, HOST = ("10.0.0.7", 40001), ("10.0.0.1", 6000)

SALE, SETTLE = {3: "000000", 25: "00", 22: "052", 49: "156"}, {48: "0" * 62}


def request(
    mti: str, stan: int, amount_fen: int | None = None, fields: dict[int, str] | None = None, pan: str = PAN
) -> bytes:
    """A terminal's request, framed, by our own codec."""
    given: dict[int, str | bytes] = {
        11: f"{stan:06d}",
        41: "30000001",
        42: "898000000000001",
        60: "22000001",
        **(fields or {}),
    }
    if amount_fen is not None:
        given |= {2: pan, 4: f"{amount_fen:012d}"}
    return unionpay.pack(Message(mti, dict(given)))


def answer(mti: str, stan: int, code: str = "00", amount_fen: int | None = None, tid: str = "30000001") -> bytes:
    """The host's answer, framed."""
    given: dict[int, str | bytes] = {
        3: "000000",
        11: f"{stan:06d}",
        39: code,
        41: tid,
        42: "898000000000001",
        60: "22000001",
    }
    if amount_fen is not None:
        given[4] = f"{amount_fen:012d}"
    if mti in ("0510", "0810"):
        del given[3]
    return unionpay.pack(Message(mti, given))


# ---------------------------------------------------------------- pyiso8583


def _bcd(length: int, prefix: int = 0) -> dict[str, object]:
    return {
        "data_enc": "b", "len_enc": "bcd", "len_type": prefix, "max_len": length, "len_count": "nibbles", "left_pad": "0",
        "desc": "",
    }  # fmt: skip


def _text(length: int) -> dict[str, object]:
    return {"data_enc": "ascii", "len_enc": "ascii", "len_type": 0, "max_len": length, "desc": ""}


PYISO_SPEC: dict[str, dict[str, object]] = {
    "h": {"data_enc": "b", "len_enc": "ascii", "len_type": 0, "max_len": 11, "desc": ""},
    "t": {"data_enc": "b", "len_enc": "ascii", "len_type": 0, "max_len": 2, "desc": ""},
    "p": {"data_enc": "b", "len_enc": "ascii", "len_type": 0, "max_len": 8, "desc": ""},
    "2": {**_bcd(19, 1), "right_pad": "0", "left_pad": ""}, "3": _bcd(6), "4": _bcd(12), "11": _bcd(6),
    "22": {**_bcd(3), "right_pad": "0", "left_pad": ""},
    "25": _bcd(2), "39": _text(2), "41": _text(8), "42": _text(15), "49": _text(3),
    "60": {**_bcd(17, 2), "right_pad": "0", "left_pad": ""},
}  # fmt: skip
"""UnionPay's fields as far as these messages need them, written from the specification and not from our table."""


def independent(mti: str, fields: dict[str, str]) -> bytes:
    """A message framed and packed by pyiso8583."""
    body, _ = iso8583.encode({"h": "6000030000603100311001", "t": mti, **fields}, PYISO_SPEC)
    return len(body).to_bytes(2, "big") + bytes(body)


# ---------------------------------------------------------------- packets


@dataclass(slots=True)
class Capture:
    """A classic pcap that grows packet by packet."""

    order: str = "<"
    vlan: bool = False
    v6: bool = False
    fragments: bool = False
    """What is sent from now on comes in fragments of IP."""
    packets: list[bytes] = field(default_factory=list)
    _sequence: dict[tuple[tuple[str, int], tuple[str, int]], int] = field(default_factory=dict)

    def opens(self, at_s: float, port: int = 40001, first: int = 1000) -> None:
        """A connection is made."""
        here = (TERMINAL[0], port)
        self._sequence[here, HOST], self._sequence[HOST, here] = first, first + 5000
        self._packet(at_s, here, HOST, first - 1, 0x02, b"")
        self._packet(at_s, HOST, here, first + 4999, 0x12, b"")

    def up(self, at_s: float, data: bytes, port: int = 40001, pieces: int = 1) -> None:
        """The terminal sends."""
        self._send(at_s, (TERMINAL[0], port), HOST, data, pieces)

    def down(self, at_s: float, data: bytes, port: int = 40001, pieces: int = 1) -> None:
        """The host sends."""
        self._send(at_s, HOST, (TERMINAL[0], port), data, pieces)

    def resets(self, at_s: float, port: int = 40001) -> None:
        """The host resets the connection."""
        self._packet(at_s, HOST, (TERMINAL[0], port), self._sequence[HOST, (TERMINAL[0], port)], 0x04, b"")

    def again(self) -> None:
        """The last packet once more, as after a lost acknowledgement."""
        self.packets.append(self.packets[-1])

    def loses(self) -> None:
        """Whoever captured it missed the last packet."""
        self.packets.pop()

    def overlaps(self, at_s: float, known: bytes, more: bytes, port: int = 40001) -> None:
        """What the host had sent last once more, and more behind it in the same packet."""
        self._sequence[HOST, (TERMINAL[0], port)] -= len(known)
        self.down(at_s, known + more, port)

    def swaps(self) -> None:
        """The last two packets in the other order."""
        self.packets[-2:] = self.packets[:-3:-1]

    def bytes(self) -> bytes:
        """The file."""
        head = struct.pack(self.order + "IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
        return head + b"".join(self.packets)

    def next_generation(self, ticks: int = 1_000_000_000) -> bytes:
        """The same as a pcapng file, its times in such parts of a second."""
        magic, order = struct.pack(self.order + "I", 0x1A2B3C4D), self.order

        def block(kind: int, body: bytes) -> bytes:
            body += b"\0" * (-len(body) % 4)
            size = struct.pack(order + "I", len(body) + 12)
            return struct.pack(order + "I", kind) + size + body + size

        power = len(str(ticks)) - 1
        options = struct.pack(order + "HHB3x", 9, 1, power) + struct.pack(order + "HH", 0, 0)
        found = [block(0x0A0D0D0A, magic + struct.pack(order + "HHq", 1, 0, -1))]
        found += [block(5, b"statistics"), block(1, struct.pack(order + "HHI", 1, 0, 0) + options)]
        for packet in self.packets:
            seconds, micros, size, whole = struct.unpack(order + "IIII", packet[:16])
            at = seconds * ticks + micros * ticks // 1_000_000
            found.append(
                block(6, struct.pack(order + "IIIII", 0, at >> 32, at & 0xFFFFFFFF, size, whole) + packet[16:])
            )
        return b"".join(found)

    def _send(self, at_s: float, sender: tuple[str, int], receiver: tuple[str, int], data: bytes, pieces: int) -> None:
        size = -(-len(data) // pieces)
        for place in range(0, len(data), size):
            part = data[place : place + size]
            self._packet(at_s, sender, receiver, self._sequence[sender, receiver], 0x18, part)
            self._sequence[sender, receiver] = (self._sequence[sender, receiver] + len(part)) & 0xFFFFFFFF

    def _packet(
        self, at_s: float, sender: tuple[str, int], receiver: tuple[str, int], sequence: int, flags: int, data: bytes
    ) -> None:
        tcp = (
            struct.pack(
                ">HHIIBBHHH",
                sender[1],
                receiver[1],
                sequence & 0xFFFFFFFF,
                self._sequence.get((receiver, sender), 0) & 0xFFFFFFFF,
                5 << 4,
                flags,
                8192,
                0,
                0,
            )
            + data
        )
        addresses = b"".join(bytes(int(part) for part in side[0].split(".")) for side in (sender, receiver))
        if self.v6:
            padded = b"".join(b"\x20\x01" + bytes(10) + addresses[at : at + 4] for at in (0, 4))
            # A header of destination options before TCP, as a network may put there; and a fragment's.
            more = bytes([6, 0, 1, 4, 0, 0, 0, 0]) if not self.fragments else bytes([6, 0, 0, 1, 0, 0, 0, 9])
            first = 44 if self.fragments else 60
            ip = struct.pack(">IHBB", 6 << 28, len(more) + len(tcp), first, 64) + padded + more + tcp
        else:
            piece = 0x2000 if self.fragments else 0
            ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 0, piece, 64, 6, 0) + addresses + tcp
        tag = b"\x81\x00\x00\x05" if self.vlan else b""
        # Ethernet pads short packets.
        frame = (b"\2\0\0\0\0\1\2\0\0\0\0\2" + tag + (b"\x86\xdd" if self.v6 else b"\x08\x00") + ip).ljust(60, b"\0")
        micros = round((MIDNIGHT_S + at_s) * 1_000_000)
        self.packets.append(
            struct.pack(self.order + "IIII", micros // 1_000_000, micros % 1_000_000, len(frame), len(frame)) + frame
        )
