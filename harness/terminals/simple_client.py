"""The wire for the naive terminals: one request, one reply, over a fresh connection.

Deliberately plain, as in many a terminal in the field: it checks message type, trace number and MAC of a reply and keeps nothing.
What the naive terminals get wrong is their storage; the protocol here is sound.
"""

from __future__ import annotations

import socket

from harness.contract import CardData, Device
from harness.iso8583 import CodecError, Message, unionpay
from harness.iso8583.keys import WorkingKeys
from harness.iso8583.message import FieldValue
from harness.iso8583.unionpay import Original61, Reserved60, Settlement48, SettlementTotals, UploadItem

_MAC_REQUESTS = frozenset({"0200", "0220", "0400"})
_TYPE_CODES = {"sale": "22", "void": "23", "refund": "25"}


class SimpleClient:
    """Talks to the acquirer for one device."""

    def __init__(self, device: Device, timeout_s: float) -> None:
        self.device = device
        self.timeout_s = timeout_s

    def exchange(self, mti: str, stan: str, fields: dict[int, FieldValue]) -> Message | None:
        """The reply to a request, or None: not reached, not answered, or not to be trusted."""
        request = Message(mti, {**fields, 11: stan, 41: self.device.tid, 42: self.device.mid})
        mac = self.device.pin_pad.mac if mti in _MAC_REQUESTS else None
        buffer = b""
        try:
            with socket.create_connection(self.device.host_address, timeout=self.timeout_s) as line:
                line.settimeout(self.timeout_s)
                line.sendall(unionpay.pack(request, mac))
                while data := line.recv(4096):
                    frames, buffer = unionpay.split_frames(buffer + data)
                    for frame in frames:
                        received = unionpay.unpack(frame)
                        reply = received.message
                        if reply.mti != f"{int(mti) + 10:04d}" or reply.text(11, "") != stan:
                            continue
                        if mac is not None and reply.text(39, "") == "00" and not received.mac_is_good(mac):
                            return None
                        return reply
        except (OSError, CodecError):
            return None
        return None

    def sign_on(self, stan: str, batch: str) -> str:
        """Load working keys; the host's batch number, or nothing when it failed."""
        reply = self.exchange("0800", stan, {60: f"00{batch}003"})
        if reply is None or reply.text(39, "") != "00":
            return ""
        keys = WorkingKeys.parse(reply.binary(62))
        for slot, key in (("pin", keys.pin_key), ("mac", keys.mac_key)):
            self.device.pin_pad.load_key(slot, key.cryptogram, key.check)
        return Reserved60.parse(reply.text(60)).batch

    def financial(
        self,
        kind: str,
        batch: str,
        stan: str,
        amount_fen: int,
        card: CardData | None = None,
        original: tuple[str, str, str, str] | None = None,
    ) -> Message | None:
        """A sale, void or refund; ``original`` is batch, STAN, RRN and date."""
        fields = self._fields(kind, batch, amount_fen)
        if card is not None:
            fields |= {2: card.pan, 14: card.expiry, 22: "052", 35: card.track2}
        if original is not None:
            fields[61] = str(Original61(original[0], original[1], original[3]))
            fields[37] = original[2]
        return self.exchange("0220" if kind == "refund" else "0200", stan, fields)

    def reversal(self, kind: str, batch: str, stan: str, amount_fen: int) -> bool:
        """Whether the host says that nothing is left to undo."""
        reply = self.exchange("0400", stan, {**self._fields(kind, batch, amount_fen), 39: "98"})
        return reply is not None and reply.text(39, "") in ("00", "12", "25")

    def _fields(self, kind: str, batch: str, amount_fen: int) -> dict[int, FieldValue]:
        code = "000000" if kind == "sale" else "200000"
        return {3: code, 4: f"{amount_fen:012d}", 25: "00", 49: "156", 60: _TYPE_CODES[kind] + batch}

    def settle(self, batch: str, stan: str, totals: SettlementTotals) -> str:
        """``balanced``, ``unbalanced``, or nothing when there was no verdict."""
        reply = self.exchange("0500", stan, {48: str(Settlement48(totals)), 49: "156", 60: f"00{batch}201"})
        if reply is None or reply.text(39, "") != "00":
            return ""
        sides = Settlement48.parse(reply.text(48))
        return {"1": "balanced", "2": "unbalanced"}.get(sides.domestic_code, "")

    def upload(self, batch: str, stan: str, items: list[UploadItem]) -> bool:
        """Whether the host has these records."""
        reply = self.exchange("0320", stan, {48: unionpay.upload_text(items), 60: f"00{batch}201"})
        return reply is not None and reply.text(39, "") in ("00", "94")

    def end(self, batch: str, stan: str, count: int, *, balanced: bool) -> bool:
        """Whether the host has closed the batch."""
        reply = self.exchange("0320", stan, {48: f"{count:04d}", 60: f"00{batch}{'207' if balanced else '202'}"})
        return reply is not None and reply.text(39, "") == "00"
