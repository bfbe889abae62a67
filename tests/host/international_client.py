"""A small scripted terminal that speaks the international dialect; it keeps no records."""

from dataclasses import dataclass, field

from harness.history.events import BatchSettled, LedgerChanged
from harness.history.recorder import Recorder
from harness.host.acquirer import Acquirer
from harness.iso8583 import Message, international
from harness.iso8583.international import Totals63
from harness.iso8583.keys import WorkingKeys
from harness.iso8583.mac import UnionPayEcbMac
from harness.iso8583.track import Track2
from tests.host.host_client import MASTER, MID, PAN, TID


def make_host(dialect="international", capture="host"):
    """An acquirer, and lists that fill with its events."""
    recorder = Recorder()
    changes, settlements = [], []
    recorder.watch(LedgerChanged, lambda _number, event: changes.append(event))
    recorder.watch(BatchSettled, lambda _number, event: settlements.append(event))
    acquirer = Acquirer(dialect, recorder, b"test")
    acquirer.register_terminal(TID, MID, "T01", MASTER, capture)
    return acquirer, changes, settlements


@dataclass
class Client:
    """Builds each message by hand."""

    acquirer: Acquirer
    batch: str = "000001"
    stan: int = 0
    now_us: int = 36_000_000_000
    mac: object = None
    sent: list = field(default_factory=list)
    received: list = field(default_factory=list)

    @property
    def wire(self):
        return self.acquirer.dialect.wire

    def next_stan(self):
        self.stan += 1
        return f"{self.stan:06d}"

    def exchange(self, mti, fields, lose_reply=False):
        """The reply message, or None."""
        self.now_us += 1_000_000
        message = Message(mti, {11: self.next_stan(), 24: "001", **fields, 41: TID, 42: MID})
        frame = self.wire.pack(message, self.mac if mti in ("0200", "0220", "0400") else None)
        self.sent.append(frame)
        reply = self.acquirer.handle(frame, self.now_us)
        if reply.frame is not None:
            self.received.append(reply.frame)
        return None if lose_reply or reply.frame is None else self.wire.unpack(reply.frame).message

    def logon(self):
        reply = self.exchange("0800", {3: "920000", 60: self.batch})
        self.mac = UnionPayEcbMac(WorkingKeys.parse(reply.binary(62)).mac_key.unwrap(MASTER))
        self.batch = reply.text(60)
        return reply

    def sale(self, amount_fen, token="00000000001", **more):
        fields = {
            2: PAN, 3: "000000", 4: f"{amount_fen:012d}", 22: "051", 25: "00", 35: str(Track2(PAN, "2812", "220", token)),
            60: self.batch,
        }  # fmt: skip
        return self.exchange("0200", self._with(fields, more))

    def void(self, stan, amount_fen, rrn="", **more):
        fields = {3: "020000", 4: f"{amount_fen:012d}", 60: self.batch, 62: stan.encode()}
        return self.exchange("0200", self._with(fields | ({37: rrn} if rrn else {}), more))

    def refund(self, rrn, amount_fen, **more):
        fields = {2: PAN, 3: "200000", 4: f"{amount_fen:012d}", 37: rrn, 60: self.batch}
        return self.exchange("0220", self._with(fields, more))

    def reverse(self, stan, amount_fen, code="000000", **more):
        fields = {3: code, 4: f"{amount_fen:012d}", 11: stan, 39: "98", 60: self.batch}
        return self.exchange("0400", self._with(fields, more))

    def settle(self, sales=(), refunds=(), code="920000", batch=None):
        totals = Totals63(len(sales), sum(sales), len(refunds), sum(refunds))
        return self.exchange("0500", {3: code, 60: batch or self.batch, 63: str(totals)}).text(39)

    def upload(self, stan, amount_fen, kind="sale", batch=None):
        mti, code = {"sale": ("0200", "000000"), "refund": ("0220", "200000")}[kind]
        fields = {2: PAN, 3: code, 4: f"{amount_fen:012d}", 60: (batch or self.batch) + mti + stan}
        return self.exchange("0320", fields).text(39)

    @staticmethod
    def _with(fields, more):
        return fields | {int(name[1:]): value for name, value in more.items()}


def corpus(client):
    """Good frames of every kind of request."""
    client.logon()
    client.sale(1500)
    client.void("000002", 1500)
    client.reverse("000002", 1500)
    rrn = client.sale(700).text(37)
    client.refund(rrn, 100)
    client.settle([700, 1], [100])
    client.upload("000005", 700)
    client.upload("000006", 100, "refund")
    client.settle([700], [100], "960000")
    client.exchange("0800", {3: "990000", 60: client.batch})
    return list(client.sent)


__all__ = ["Client", "corpus", "international", "make_host"]
