"""A small scripted terminal for tests of the host: it speaks through the public codec and keeps no records."""

from dataclasses import dataclass, field

from harness.history.events import BatchSettled, LedgerChanged
from harness.history.recorder import Recorder
from harness.host.acquirer import Acquirer
from harness.iso8583 import Message, unionpay
from harness.iso8583.keys import WorkingKeys
from harness.iso8583.mac import UnionPayEcbMac
from harness.iso8583.pinblock import PinBlockCipher
from harness.iso8583.track import Track2

TID, MID = "10000001", "898100000000001"
PAN = "6222020000000008"
MASTER = bytes.fromhex("70F2A84CCBC2AE8625CBB0F2C22AB923")


def make_host(seed=b"test", **options):
    """An acquirer, and lists that fill with its events."""
    recorder = Recorder()
    changes, settlements = [], []
    recorder.watch(LedgerChanged, lambda _number, event: changes.append(event))
    recorder.watch(BatchSettled, lambda _number, event: settlements.append(event))
    acquirer = Acquirer("unionpay", recorder, seed, **options)
    acquirer.register_terminal(TID, MID, "T01", MASTER)
    return acquirer, changes, settlements


@dataclass
class Client:
    """Builds each message by hand. ``lose_reply`` in any call has the host handle it and the reply vanish."""

    acquirer: Acquirer
    tid: str = TID
    mid: str = MID
    master: bytes = MASTER
    batch: str = "000001"
    stan: int = 0
    now_us: int = 36_000_000_000
    mac: object = None
    pin: object = None
    sent: list = field(default_factory=list)
    received: list = field(default_factory=list)

    def next_stan(self):
        self.stan += 1
        return f"{self.stan:06d}"

    def exchange(self, message, lose_reply=False):
        """The reply message, or None."""
        self.now_us += 1_000_000
        signs = message.mti in ("0100", "0200", "0220", "0400", "0600")
        frame = unionpay.pack(message, self.mac if signs else None)
        self.sent.append(frame)
        reply = self.acquirer.handle(frame, self.now_us)
        if reply.frame is not None:
            self.received.append(reply.frame)
        return None if lose_reply or reply.frame is None else unionpay.unpack(reply.frame).message

    def message(self, mti, fields):
        return Message(mti, {**fields, 41: self.tid, 42: self.mid})

    def sign_on(self, code="003", lose_reply=False):
        request = self.message("0800", {11: self.next_stan(), 60: f"00{self.batch}{code}", 63: "01"})
        reply = self.exchange(request, lose_reply)
        if reply is not None and reply.text(39) == "00":
            keys = WorkingKeys.parse(reply.binary(62))
            self.mac = UnionPayEcbMac(keys.mac_key.unwrap(self.master))
            self.pin = PinBlockCipher(keys.pin_key.unwrap(self.master))
            self.batch = reply.text(60)[2:8]
        return reply

    def sale_message(self, amount_fen, token="00000000001", stan=None, pan=PAN, mti="0200", **more):
        fields = {
            2: pan,
            3: "000000",
            4: f"{amount_fen:012d}",
            11: stan or self.next_stan(),
            22: "051",
            25: "00",
            35: str(Track2(pan, "2812", "220", token)),
            49: "156",
            60: f"22{self.batch}000",
            64: bytes(8),
        }
        fields.update({int(name[1:]): value for name, value in more.items()})
        return self.message(mti, fields)

    def sale(self, amount_fen, token="00000000001", stan=None, lose_reply=False, **more):
        return self.exchange(self.sale_message(amount_fen, token, stan, **more), lose_reply)

    def void(self, original_stan, amount_fen, rrn="", stan=None, lose_reply=False, batch=None):
        fields = {
            3: "200000",
            4: f"{amount_fen:012d}",
            11: stan or self.next_stan(),
            25: "00",
            49: "156",
            60: f"23{self.batch}000",
            61: (batch or self.batch) + original_stan,
            64: bytes(8),
        }
        if rrn:
            fields[37] = rrn
        return self.exchange(self.message("0200", fields), lose_reply)

    def refund(
        self, batch, original_stan, amount_fen, rrn="", stan=None, pan=PAN, token="00000000099", lose_reply=False
    ):
        fields = {
            2: pan,
            3: "200000",
            4: f"{amount_fen:012d}",
            11: stan or self.next_stan(),
            25: "00",
            35: str(Track2(pan, "2812", "220", token)),
            49: "156",
            60: f"25{self.batch}000",
            61: f"{batch}{original_stan}0101",
            64: bytes(8),
        }
        if rrn:
            fields[37] = rrn
        return self.exchange(self.message("0220", fields), lose_reply)

    def preauth(self, amount_fen, token="00000000001", stan=None, lose_reply=False, **more):
        fields = {"f3": "030000", "f25": "06", "f60": f"10{self.batch}000", **more}
        return self.exchange(self.sale_message(amount_fen, token, stan, mti="0100", **fields), lose_reply)

    def preauth_void(self, batch, original_stan, amount_fen, rrn="", stan=None, **more):
        return self._about(("0100", "200000", "11"), batch + original_stan, amount_fen, rrn, stan, **more)

    def completion(self, batch, original_stan, amount_fen, rrn="", stan=None, token="00000000002", pan=PAN, **more):
        fields = {"f2": pan, "f35": str(Track2(pan, "2812", "220", token)), **more}
        return self._about(("0200", "000000", "20"), batch + original_stan, amount_fen, rrn, stan, **fields)

    def completion_void(self, original_stan, amount_fen, rrn="", stan=None, batch=None, **more):
        return self._about(
            ("0200", "200000", "21"), (batch or self.batch) + original_stan, amount_fen, rrn, stan, **more
        )

    def _about(self, kind, original, amount_fen, rrn="", stan=None, lose_reply=False, **more):
        mti, processing_code, type_code = kind
        fields = {
            3: processing_code,
            4: f"{amount_fen:012d}",
            11: stan or self.next_stan(),
            25: "06",
            49: "156",
            60: f"{type_code}{self.batch}000",
            61: original,
            64: bytes(8),
        }
        if rrn:
            fields[37] = rrn
        fields.update({int(name[1:]): value for name, value in more.items()})
        return self.exchange(self.message(mti, fields), lose_reply)

    def reverse_hold(self, kind, stan, amount_fen, batch=None, **more):
        """The reversal of a ``kind`` of request that is about a hold; DE3, DE25 and DE60 are the original's."""
        processing_code, type_code = {
            "preauth": ("030000", "10"), "preauth_void": ("200000", "11"),
            "completion": ("000000", "20"), "completion_void": ("200000", "21"),
        }[kind]  # fmt: skip
        reserved = f"{type_code}{batch or self.batch}000"
        return self.reverse(stan, amount_fen, code=processing_code, batch=batch, f25="06", f60=reserved, **more)

    def reverse(self, stan, amount_fen, reason="98", code="000000", batch=None, lose_reply=False, **more):
        fields = {
            3: code,
            4: f"{amount_fen:012d}",
            11: stan,
            25: "00",
            39: reason,
            49: "156",
            60: f"22{batch or self.batch}000",
            64: bytes(8),
        }
        fields.update({int(name[1:]): value for name, value in more.items()})
        return self.exchange(self.message("0400", fields), lose_reply)

    def settle(self, debit_count, debit_fen, credit_count=0, credit_fen=0, batch=None, lose_reply=False, foreign=None):
        totals = unionpay.SettlementTotals(debit_fen, debit_count, credit_fen, credit_count)
        text = str(unionpay.Settlement48(totals, foreign or unionpay.SettlementTotals()))
        fields = {11: self.next_stan(), 48: text, 49: "156", 60: f"00{batch or self.batch}201", 63: "01"}
        return self.exchange(self.message("0500", fields), lose_reply)

    def upload(self, items, batch=None, lose_reply=False):
        text = unionpay.upload_text([unionpay.UploadItem("00", stan, pan, amount) for stan, pan, amount in items])
        fields = {11: self.next_stan(), 48: text, 60: f"00{batch or self.batch}201"}
        return self.exchange(self.message("0320", fields), lose_reply)

    def end_upload(self, count, code="202", batch=None, lose_reply=False):
        fields = {11: self.next_stan(), 48: f"{count:04d}", 60: f"00{batch or self.batch}{code}"}
        return self.exchange(self.message("0320", fields), lose_reply)


def verdict(reply):
    """The two verdict digits of a settlement reply's DE48."""
    text = reply.text(48)
    return text[30] + text[61]
