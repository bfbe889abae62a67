"""The international EDC dialect at the host: logon, sale, void, refund, reversal, settlement in two steps, upload, echo test.

Models: 0200 with a sale (000000) or a void (020000), refunds as advices (0220, 200000), reversals under the number of what they
undo, and settlement: 0500 with processing code 920000, the batch in DE60 and 90 digits of totals in DE63. 00 closes the
batch; 95 asks for every record by 0320, one a message, and then for 0500 with 960000. That one closes the batch if its totals
are those of what was uploaded; otherwise it is answered 95 again and the batch stays open: nothing is settled.
Does not model pre-authorisations, tips and adjustments, or account types in DE3. Source: domain notes, section 1.2, from
public terminal source; what it leaves open is an assumption marked [A]:

- A logon (0800, 920000) brings working keys in DE62 and the batch number in DE60; a test is 0800 with 990000 [A].
- A void names its original by DE62 (its number, the invoice) and DE37; a refund by DE37 alone, as it may be of any batch [A].
- 0200, 0220 and 0400 carry a MAC, and so do their answers [A].
- A refund is an advice: it is repeated until it is answered, and never reversed [A].
- While a batch waits for its upload new transactions are answered 95, and an upload that nobody asked for 12 [A].
- A record that was uploaded before is answered 94, any other 00 (both count as delivered) [A].
- Sales by chip are records as others are: the host has no message for a chip's certificate, and wants none [A].
"""

from datetime import date

from harness.host.bank import Bank, Demand, Judgement, Original
from harness.host.batch import Claim
from harness.host.dialects.base import DIALECTS, MessageHeader
from harness.host.dialects.common import FINANCIAL, Answer, KeyedDialect, MessageTable, Request, one_too_many
from harness.host.dialects.rules import DialectRules
from harness.host.ledger import EntryKind, Totals
from harness.host.session import KeyFactory
from harness.iso8583 import DecodeError, Message
from harness.iso8583.international import CODEC, TPDU, Reserved60, Totals63, invoice
from harness.iso8583.track import Track2

TABLE = MessageTable(
    required={
        **dict.fromkeys(sorted(FINANCIAL - {"0100"}), frozenset({3, 4, 11, 41, 42, 60, 64})),
        "0320": frozenset({2, 3, 4, 11, 41, 42, 60}),
        "0500": frozenset({3, 11, 41, 42, 60, 63}),
        "0800": frozenset({3, 11, 41, 42, 60}),
    },
    echoed=frozenset({2, 3, 4, 11, 24, 25, 41, 42, 49, 60}),
)
_LOGON_CODE, _TEST_CODE = "920000", "990000"
_PIN_KEY_SIZE = 16
RULES = DialectRules(
    name="international",
    tpdu=TPDU,
    header=b"",
    codes={"sale": "000000", "void": "020000", "refund": "200000"},
    settle_code="920000",
    settle_end_code="960000",
    differs_code="95",
)
_TYPES = {"sale": "0200", "void": "0200", "refund": "0220"}
_WORDS = {"sale": "000000", "void": "200000", "refund": "200000"}
"""What a history calls them (``MessageHeader``)."""
_UPLOADED: tuple[EntryKind, ...] = ("sale", "refund")


@DIALECTS.register("international")
class International(KeyedDialect):
    """See the module's first lines."""

    base_rules = RULES
    table = TABLE

    def __init__(self, bank: Bank, key_factory: KeyFactory, start_date: date, rules: DialectRules = RULES) -> None:
        super().__init__(bank, key_factory, start_date, rules.wire(CODEC), rules)
        self._kinds = {(_TYPES[kind], rules.codes[kind]): kind for kind in _TYPES}
        self._words = {(mti, code): _WORDS[kind] for (mti, code), kind in self._kinds.items()}
        self._words |= {(f"{mti[:2]}{int(mti[2]) + 1}0", code): word for (mti, code), word in self._words.items()}
        for kind in ("sale", "void"):
            self._words |= {(mti, rules.codes[kind]): _WORDS[kind] for mti in ("0400", "0410")}
        self._handlers = {
            "0200": self.financial,
            "0220": self.financial,
            "0400": self.financial,
            "0320": self._upload,
            "0500": self._settle,
            "0800": self._logon,
        }

    # ------------------------------------------------------------ reading

    def header_of(self, message: Message, size_bytes: int) -> MessageHeader:
        mti, code, stan, amount = message.mti, message.text(3, ""), message.text(11, ""), message.text(4, "")
        reserved = message.text(60, "")
        original = ""
        if mti in ("0400", "0410"):
            original = reserved[10:16] or stan
        elif mti in ("0200", "0220"):
            original = _invoice_of(message)
        return MessageHeader(
            mti,
            self._words.get((mti, code), code),
            stan,
            reserved[:6],
            message.text(41, ""),
            int(amount) if amount else None,
            _token(message.text(35, "")) if 35 in message.fields else "",
            message.text(39, ""),
            original,
            code if mti[:2] in ("05", "08") else "",
            size_bytes,
        )

    def batch_of(self, message: Message) -> str:
        return Reserved60.parse(message.text(60)).batch

    def is_sale(self, message: Message) -> bool:
        return self._kinds.get((message.mti, message.text(3))) == "sale"

    # ------------------------------------------------------------ money

    def judge(self, message: Message, demand: Demand) -> Judgement | None:
        kind = self._kinds.get((message.mti, message.text(3)))
        if kind is None:
            return Judgement("12")
        if kind == "sale":
            return self.bank.sale(demand) if demand.pan else None
        rrn = message.text(37, "")
        if kind == "void":
            if 62 not in message:
                return None
            return self.bank.void(demand, Original(demand.batch.number, invoice(message.binary(62)), rrn))
        return self.bank.refund(demand, Original("", "", rrn)) if rrn else None

    def original_of(self, request: Request) -> tuple[str, str]:
        named = Reserved60.parse(request.message.text(60))
        stan = request.message.text(11)
        if self.rules.reversal_stan == "new":
            stan = named.original_stan or stan
        elif self.rules.reversal_stan == "either" and named.original_stan:
            stan = named.original_stan
        return named.batch, stan

    # ------------------------------------------------------------ logon and settlement

    def _logon(self, request: Request) -> Answer:
        code = request.message.text(3)
        if code == _TEST_CODE:
            return "00", {}
        if code != _LOGON_CODE:
            return "12", {}
        if request.knobs.use("respond_count"):
            return request.knobs.respond_code, {}
        keys = self.draw_keys(request.session, _PIN_KEY_SIZE, 0)
        return "00", {37: self.bank.ledger.next_rrn(), 60: request.session.batch, 62: keys}

    def _settle(self, request: Request) -> Answer:
        session, knobs, code = request.session, request.knobs, request.message.text(3)
        asked = Totals63.parse(request.message.text(63))
        if code not in (self.rules.settle_code, self.rules.settle_end_code):
            return "12", {}
        batch = session.batches.get(request.batch)
        if batch is None:
            return "77", {}
        if knobs.use("settlement_errors"):
            return "96", {}
        claimed = Totals(asked.sale_count, asked.sale_fen, asked.refund_count, asked.refund_fen)
        distort = one_too_many if batch.settlement is None and knobs.use("totals_off_by_one") else None
        ask = self.bank.book.request if code == self.rules.settle_code else self.bank.book.request_end
        agreed = ask(batch, claimed, request.at_us, distort)
        session.start_next_batch()
        if not agreed:
            return self.rules.differs_code, {}
        return "00", {37: self.bank.ledger.next_rrn()}

    def _upload(self, request: Request) -> Answer:
        message, session = request.message, request.session
        named = Reserved60.parse(message.text(60))
        batch = session.batches.get(named.batch)
        if batch is None:
            return "77", {}
        if batch.phase == "open":
            return "12", {}  # nothing was asked for: settlement starts with 0500
        kind = self._kinds.get((named.original_mti, message.text(3)))
        kinds = [each for each in _UPLOADED if each == kind]
        if not kinds or not named.original_stan:
            return "30", {}
        claim = Claim(named.original_stan, message.text(2), int(message.text(4)), kinds[0])
        if batch.phase == "uploading":
            return "00" if self.bank.book.claim(batch, [claim]) else "94", {}
        return "94" if claim.stan in batch.claims else "95", {}


def _invoice_of(message: Message) -> str:
    try:
        return invoice(message.binary(62))
    except (DecodeError, KeyError):
        return ""


def _token(track: str) -> str:
    """The discretionary data of track 2: one presentation of a card."""
    try:
        return Track2.parse(track).discretionary
    except DecodeError:
        return ""
