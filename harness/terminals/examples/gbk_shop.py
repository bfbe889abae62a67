"""A shop's terminal that knows nothing of typed screens: GBK text on display and paper, terminal capture, a bank of its own.

Models: sale, reversal, settlement with upload, over ``gbk_shop.yaml``'s dialect; its manifest's patterns say what its texts mean.
Records are lines of a journal, each synced before the next step; a batch that is closed becomes a new file by renaming.
Does not model: voids, refunds, reprints, a full disk told in words, FAT (where power may go in the middle of a renaming).
"""

import json
import os
import socket

from harness.contract import (
    Action,
    Approved,
    CardReadError,
    CardTimeout,
    Declined,
    DeviceError,
    Done,
    Failed,
    Manifest,
    Outcome,
    Refused,
    Terminal,
    TextPattern,
    Unknown,
)
from harness.iso8583 import CodecError, Message
from harness.iso8583.international import CODEC, Reserved60, Totals63
from harness.iso8583.keys import WorkingKeys
from harness.iso8583.message import FieldValue
from harness.iso8583.wire import Wire

WIRE = Wire(CODEC, tpdu=bytes.fromhex("6000010000"), header=bytes.fromhex("53484f50"))
_SALE = "003000"
_UNDECIDED = frozenset({"", "96", "98"})
_Line = dict[str, str | int]


class GbkShop(Terminal):
    """See the module's first lines."""

    manifest = Manifest(
        name="gbk shop",
        dialect="shop bank",
        capture="terminal",
        actions=frozenset({"sale", "settle"}),
        encoding="gbk",
        screens=(
            TextPattern(r"交易成功\s+金额(?P<amount>\d+\.\d\d)元\s+批次(?P<batch>\d+)\s+凭证(?P<stan>\d+)", "approved"),
            TextPattern("交易拒绝", "declined"),
            TextPattern("结果未知", "unknown"),
            TextPattern(r"批次(?P<batch>\d+)\s+结算成功", "settled"),
            TextPattern("结算失败", "settle_failed"),
            TextPattern("请刷卡", "prompt"),
            TextPattern("请稍候", "processing"),
        ),
        receipts=(
            TextPattern(
                r"结算单\s+批次(?P<batch>\d+)\s+消费(?P<debit_count>\d+)笔(?P<debit>\d+\.\d\d)元", "settlement"
            ),
            TextPattern(r"消费\s+(?P<amount>\d+\.\d\d)元\s+批次(?P<batch>\d+)\s+凭证(?P<stan>\d+)", "sale"),
        ),
    )

    # ------------------------------------------------------------ what is kept

    def boot(self) -> None:
        """Read the journal; what follows its last whole line was never acknowledged."""
        self.path = self.device.volumes["data"] + "/journal"
        self.batch, self.stan, self.settling = "000001", 0, ""
        self.sales: dict[str, _Line] = {}
        self.pending: _Line | None = None
        self.untold: _Line | None = None
        self.closed: _Line | None = None
        self.has_keys = False
        whole = 0
        if os.path.exists(self.path):
            with open(self.path, "rb") as file:
                for line in file:
                    try:
                        self.apply(json.loads(line))
                    except ValueError:
                        break
                    whole += len(line)
        self.file = open(self.path, "ab")  # noqa: SIM115 - open as long as the terminal runs
        self.file.truncate(whole)
        self.sync_directory()
        self.catch_up()

    def catch_up(self) -> None:
        """Power may have gone between the record and the screen: then somebody still waits to hear of the sale or settlement."""
        if self.untold is not None:
            self.tell(str(self.untold["stan"]), int(self.untold["amount_fen"]))
        if self.closed is not None:
            self.tell_settled(self.closed)

    def apply(self, line: _Line) -> None:
        """One line of the journal."""
        kind, stan = line["is"], str(line.get("stan", ""))
        self.stan = int(stan or self.stan)
        if kind == "batch":
            self.batch, self.settling, self.closed = str(line["batch"]), "", line
            self.sales.clear()
        elif kind == "asked":
            self.pending = line
        elif kind == "approved":
            self.sales[stan] = self.untold = line
            self.pending = None
        elif kind == "told":
            self.untold = None
        elif kind == "settled":
            self.closed = None
        elif kind == "over":
            self.pending = None
        elif kind == "settling":
            self.settling = str(line["step"])

    def keep(self, line: _Line) -> None:
        """A line more, durable when this returns."""
        self.file.write(json.dumps(line).encode() + b"\n")
        self.file.flush()
        os.fsync(self.file.fileno())
        self.apply(line)

    def start_batch(self, sums: list[int]) -> _Line:
        """The journal of the next batch, in place of this one's at once; its first line says what was settled."""
        following = f"{int(self.batch) % 999_999 + 1:06d}"
        first: _Line = {"is": "batch", "batch": following, "stan": f"{self.stan:06d}"}
        first |= {"closed": self.batch, "count": len(sums), "fen": sum(sums)}
        with open(self.path + ".new", "wb") as file:
            file.write(json.dumps(first).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.replace(self.path + ".new", self.path)
        self.sync_directory()
        self.file.close()
        self.file = open(self.path, "ab")  # noqa: SIM115
        self.apply(first)
        return first

    def sync_directory(self) -> None:
        """Names are durable, too."""
        directory = os.open(os.path.dirname(self.path), os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    # ------------------------------------------------------------ actions

    def sale(self, action: Action) -> Outcome:
        """Reversal before anything new, journal before the line, journal before the screen."""
        if self.settling:
            return Refused("settle_pending", "请先结算")
        if not self.reversed() or not self.logged_on():
            return Refused("no_line", "通讯失败")
        self.say("请刷卡")
        try:
            card = self.device.card.read()
        except (CardTimeout, CardReadError):
            return Refused("no_card", "读卡失败")
        self.say("请稍候")
        stan, amount_fen = self.next_stan(), action.amount_fen
        sealed = self.device.pin_pad.encrypt(card.pan.encode()).hex()
        self.keep({"is": "asked", "stan": stan, "amount_fen": amount_fen, "sealed": sealed})
        reply = self.ask(
            "0200", stan, {2: card.pan, 3: _SALE, 4: f"{amount_fen:012d}", 22: card.entry_mode, 35: card.track2}
        )
        code = reply.text(39, "") if reply is not None else ""
        if code in _UNDECIDED:
            self.say("结果未知")
            return Unknown("no_reply", "结果未知", stan)
        if code != "00" or reply is None:
            self.keep({"is": "over", "stan": stan})
            self.has_keys = self.has_keys and code not in ("77", "A0")
            self.say(f"交易拒绝({code})")
            return Declined(f"host_{code}", "交易拒绝", stan)
        self.keep(
            {"is": "approved", "stan": stan, "amount_fen": amount_fen, "sealed": sealed, "rrn": reply.text(37, "")}
        )
        self.tell(stan, amount_fen)
        return Approved(stan, self.batch)

    def tell(self, stan: str, amount_fen: int) -> None:
        """Screen, then slip; only ever with the record durable."""
        self.say(f"交易成功\n金额{yuan(amount_fen)}\n批次{self.batch} 凭证{stan}")
        self.paper(f"消费 {yuan(amount_fen)}\n批次{self.batch} 凭证{stan}")
        self.keep({"is": "told", "stan": stan})

    def reversed(self) -> bool:
        """Whether nothing is in doubt any more."""
        pending = self.pending
        if pending is None:
            return True
        if not self.logged_on():
            return False
        stan, amount_fen = str(pending["stan"]), int(pending["amount_fen"])
        reply = self.ask("0400", stan, {3: _SALE, 4: f"{amount_fen:012d}", 39: "98"})
        code = reply.text(39, "") if reply is not None else ""
        self.has_keys = self.has_keys and code not in ("77", "A0")
        if code in ("00", "12", "25"):
            self.keep({"is": "over", "stan": stan})
        return self.pending is None

    def settle(self, action: Action) -> Outcome:
        """The journal is the money record: every sale goes up, and the bank says that it has them all."""
        if not self.reversed() or not self.logged_on():
            return self.not_settled("通讯失败")
        sums = [int(each["amount_fen"]) for each in self.sales.values()]
        totals = {63: str(Totals63(len(sums), sum(sums)))}
        if not self.settling:
            self.keep({"is": "settling", "step": "request"})
        code = self.code_of("0500", {3: "920000", **totals})
        if code == "95":
            for stan, each in self.sales.items():
                if not self.uploaded(stan, each):
                    return self.not_settled("批上送未完成")
            code = self.code_of("0500", {3: "960000", **totals})
        if code != "00":
            return self.not_settled(f"银行应答{code}")
        self.tell_settled(self.start_batch(sums))
        return Done("结算成功")

    def tell_settled(self, line: _Line) -> None:
        """Screen, then slip; only ever with the next batch durable."""
        self.say(f"批次{line['closed']} 结算成功")
        self.paper(f"结算单\n批次{line['closed']}\n消费{line['count']}笔{yuan(int(line['fen']))}")
        self.keep({"is": "settled"})

    def uploaded(self, stan: str, sale: _Line) -> bool:
        """Whether the bank has this record."""
        pan = self.device.pin_pad.decrypt(bytes.fromhex(str(sale["sealed"]))).decode()
        named = str(Reserved60(self.batch, "0200", stan))
        fields: dict[int, FieldValue] = {2: pan, 3: _SALE, 4: f"{int(sale['amount_fen']):012d}", 60: named}
        return self.code_of("0320", fields) in ("00", "94")

    def not_settled(self, why: str) -> Outcome:
        """Nothing is given up."""
        self.say(f"结算失败 {why}")
        return Failed("not_settled", why)

    # ------------------------------------------------------------ display, paper, line

    def say(self, text: str) -> None:
        self.device.display.write(text.encode("gbk"))

    def paper(self, text: str) -> None:
        try:
            self.device.printer.write(text.encode("gbk"))
        except DeviceError:
            pass  # the screen has said it

    def next_stan(self) -> str:
        return f"{self.stan % 999_999 + 1:06d}"

    def logged_on(self) -> bool:
        """Working keys, asked for once a boot."""
        if not self.has_keys:
            stan = self.next_stan()
            reply = self.ask("0800", stan, {3: "920000"})
            if reply is not None and reply.text(39, "") == "00":
                keys = WorkingKeys.parse(reply.binary(62))
                self.device.pin_pad.load_key("mac", keys.mac_key.cryptogram, keys.mac_key.check)
                self.has_keys = True
                self.stan = int(stan)
        return self.has_keys

    def code_of(self, mti: str, fields: dict[int, FieldValue]) -> str:
        """The bank's answer in a word; nothing when there was none."""
        self.stan = int(self.next_stan())
        reply = self.ask(mti, f"{self.stan:06d}", fields)
        return reply.text(39, "") if reply is not None else ""

    def ask(self, mti: str, stan: str, fields: dict[int, FieldValue]) -> Message | None:
        """The answer that belongs to the request, or None."""
        device = self.device
        request = Message(mti, {11: stan, 24: "001", 41: device.tid, 42: device.mid, 60: self.batch, **fields})
        mac = device.pin_pad.mac if mti in ("0200", "0400") else None
        buffer = b""
        try:
            with socket.create_connection(device.host_address, timeout=30) as line:
                line.settimeout(30)
                line.sendall(WIRE.pack(request, mac))
                while data := line.recv(4096):
                    frames, buffer = WIRE.split_frames(buffer + data)
                    for frame in frames:
                        received = WIRE.unpack(frame)
                        reply = received.message
                        if reply.mti != f"{int(mti) + 10:04d}" or any(
                            reply.fields.get(each) != request.fields.get(each) for each in (3, 4, 11, 41)
                        ):
                            continue
                        if mac is not None and reply.text(39, "") == "00" and not received.mac_is_good(mac):
                            return None
                        return reply
        except (OSError, CodecError):
            pass
        return None


def yuan(amount_fen: int) -> str:
    """An amount as people read it."""
    return f"{amount_fen / 100:.2f}元"
