"""The UnionPay POS dialect at the host: sign-on, sale, void, refund, pre-authorisation, reversal, settlement, upload, echo test.

Models the rules of the domain notes, sections 1.1, 1.4 and 1.5, as one host keeps them. Does not model EMV
authentication, completions by notice, parameter download, or tracks encrypted under the track key. Sources: public terminal
code and response-code tables; what those leave open is an assumption marked [A]:

- Framing: what cannot be read is not answered; what can be read and lacks a field is answered 30.
- A terminal that is not signed on is answered 77; a MAC that does not fit A0; a batch that is not the current one 77.
- A pre-authorisation is 0100 with processing code 030000 and DE60.1 10, its void 200000 and 11; a completion is 0200 with 000000
  and 20, its void 200000 and 21; all four have DE25 06, and nothing else has. The last three name their original in DE61
  (and DE37), as a void does [A: terminals in the field name a hold by DE38, card and date].
- 0100, 0200, 0220, 0400 and 0600 carry a MAC, and so does every answer to them once there are keys [A: also with DE39 not 00].
- A reversal names its original by DE11 and DE60.2. A sale's reversal may come with a STAN of its own and DE61 instead;
  a void's or completion's may not, as DE61 there is what it was about.
- Payment codes are charged by orders: 0600 with processing code 000000 creates one, 310000 asks how it stands, 200000 revokes it;
  DE59 has the order number in 32 characters, and in a creation the code behind it; DE39 is 00 for SUCCESS, 09 for USERPAYING,
  25 for an unknown number, 12 for CLOSED or REVOKED (``unionpay_orders`` has the rest) [A].
- A sale approved in part is answered 10, with the approved amount in DE4 [A].
- The host does not tell domestic from foreign cards: it compares the sum of both sides of DE48 with its own [A].
- While an unbalanced batch waits for its upload, new transactions are answered 95 [A].
- The end packet is the terminal's word that the upload is complete: the host closes the batch with what it has and lists
  the differences; it does not insist on the count in DE48 [A].
- An offline sale's advice names its presentation in DE55, as no track is kept for it. What the host cannot take now (a fault's
  code) it does not book, and takes when it comes again [A].
- After a balanced close the certificates (TC) of chip sales come one by one, 0320 with 203 under the original's STAN; the host
  closes without them and remembers which came [A].
- An upload of which every item was known is answered 94, any other 00 (both count as delivered).
- 0800 with DE60.3 401 and DE63 ``account|cycle`` sets where the merchant's money goes and when; the answer's DE63 is what is
  on record; 42 no such account, 40 no such cycle. 402 with a batch number in DE63 asks for its payout, which the answer's DE63
  tells: ``batch|state|fen|MMDD|cycle``. Both carry a MAC, and are answered 12 where the scenario has no funds [A].
- An acquirer that will be closed for maintenance says so in DE63 of its answers: ``CLOSED|hhmm|hhmm``, beside DE12 [A].
"""

from datetime import date

from harness.host.bank import Bank, Demand, Judgement
from harness.host.batch import Batch, Claim
from harness.host.dialects.base import DIALECTS, MessageHeader
from harness.host.dialects.common import FINANCIAL, Answer, KeyedDialect, MessageTable, Request, chip_data, one_too_many
from harness.host.dialects.rules import DialectRules
from harness.host.dialects.unionpay_funds import FUNDS_CODES, answer_about_funds
from harness.host.dialects.unionpay_header import ON_HOLD_TYPES, header_of, order_token_of
from harness.host.dialects.unionpay_money import judge
from harness.host.dialects.unionpay_orders import PAY, judge_order
from harness.host.ledger import Totals
from harness.host.session import KeyFactory
from harness.iso8583 import Message
from harness.iso8583.frame import DEFAULT_HEADER, DEFAULT_TPDU
from harness.iso8583.icc import kind_of
from harness.iso8583.unionpay import (
    CODEC,
    Order59,
    Original61,
    Reserved60,
    Settlement48,
    SettlementTotals,
    parse_upload,
)

TABLE = MessageTable(
    required={
        "0600": frozenset({3, 4, 11, 41, 42, 60, 64}),
        **dict.fromkeys(sorted(FINANCIAL), frozenset({3, 4, 11, 41, 42, 60, 64})),
        "0320": frozenset({11, 41, 42, 60}),
        "0500": frozenset({11, 41, 42, 48, 60}),
        "0800": frozenset({11, 41, 42, 60}),
        "0820": frozenset({41, 42, 60}),
    },
    echoed=frozenset({2, 3, 4, 11, 25, 41, 42, 49, 60}),
    announces_closure=True,
    certificates=True,
    settlement_date=True,
)
_KEY_SIZES = {"001": (8, 0), "003": (16, 0), "004": (16, 16)}  # sign-on code -> PIN key, track key
_SIGN_OFF, _ECHO_TEST = "002", "301"
_UPLOAD, _END_UNBALANCED, _END_BALANCED = "201", "202", "207"
_CHIP_DETAIL = frozenset({"203", "205"})
_BALANCED, _NOT_BALANCED, _IN_ERROR = "1", "2", "3"

_KINDS = {
    "22": "sale", "23": "void", "25": "refund", "10": "preauth", "11": "preauth_void", "20": "completion",
    "21": "completion_void", "36": "sale",
}  # fmt: skip
"""Kinds of request by DE60.1."""
RULES = DialectRules(
    name="unionpay",
    tpdu=DEFAULT_TPDU,
    header=DEFAULT_HEADER,
    codes={
        "sale": "000000", "void": "200000", "refund": "200000", "preauth": "030000", "preauth_void": "200000",
        "completion": "000000", "completion_void": "200000",
    },
    reversal_stan="either",
)  # fmt: skip


@DIALECTS.register("unionpay")
class UnionPay(KeyedDialect):
    """See the module's first lines."""

    base_rules = RULES
    table = TABLE

    def __init__(self, bank: Bank, key_factory: KeyFactory, start_date: date, rules: DialectRules = RULES) -> None:
        super().__init__(bank, key_factory, start_date, rules.wire(CODEC), rules)
        self._has_usual_codes = rules.codes == RULES.codes
        self._handlers = {
            "0100": self.financial,
            "0200": self.financial,
            "0220": self.financial,
            "0400": self.financial,
            "0600": self._order,
            "0320": self._upload,
            "0500": self._settle,
            "0800": self._sign_on,
            "0820": self._network_management,
        }

    def header_of(self, message: Message, size_bytes: int) -> MessageHeader:
        return header_of(self._in_words(message) or message, size_bytes)

    def _in_words(self, message: Message) -> Message | None:
        """The message with the processing code that this dialect usually has; None when the code is not its kind's here."""
        if self._has_usual_codes:
            return message
        kind, code = _KINDS.get(message.text(60, "")[:2]), message.text(3, "")
        if kind is None or not code:
            return message
        if code != self.rules.codes[kind]:
            return None
        return Message(message.mti, {**message.fields, 3: RULES.codes[kind]})

    def batch_of(self, message: Message) -> str:
        return Reserved60.parse(message.text(60)).batch

    def judge(self, message: Message, demand: Demand) -> Judgement | None:
        worded = self._in_words(message)
        return Judgement("12") if worded is None else judge(self.bank, worded, demand)

    def is_sale(self, message: Message) -> bool:
        return message.mti == "0200" and message.text(3) == self.rules.codes["sale"]

    def original_of(self, request: Request) -> tuple[str, str]:
        message = self._in_words(request.message) or request.message
        reserved = Reserved60.parse(message.text(60))
        if (
            self.rules.reversal_stan != "kept"
            and 61 in message
            and message.text(3) == "000000"
            and reserved.type_code not in ON_HOLD_TYPES
        ):
            named = Original61.parse(message.text(61))
            return named.batch, named.stan
        return request.batch, message.text(11)

    # ------------------------------------------------------------ sign-on and network management

    def _sign_on(self, request: Request) -> Answer:
        reserved = Reserved60.parse(request.message.text(60))
        if reserved.network_code in FUNDS_CODES:
            return self._about_funds(request, reserved.network_code)
        sizes = _KEY_SIZES.get(reserved.network_code)
        if sizes is None:
            return "12", {}
        if request.knobs.use("respond_count"):
            return request.knobs.respond_code, {}
        session = request.session
        keys = self.draw_keys(session, *sizes)
        answered = Reserved60(reserved.type_code, session.batch, reserved.network_code)
        return "00", {37: self.bank.ledger.next_rrn(), 60: str(answered), 62: keys}

    def _about_funds(self, request: Request, code: str) -> Answer:
        session = request.session
        if self.rules.needs_logon and (not session.signed_on or session.keys is None):
            return "77", {}
        is_good = self.mac_is_good(request)
        return answer_about_funds(
            self.bank.funds, request.message, code, session.tid, request.at_us, mac_is_good=is_good
        )

    def _network_management(self, request: Request) -> Answer:
        code = Reserved60.parse(request.message.text(60)).network_code
        if code == _ECHO_TEST:
            return "00", {}
        if code != _SIGN_OFF:
            return "12", {}
        request.session.signed_on = False
        request.session.keys = None
        return "00", {}

    def _order(self, request: Request) -> Answer:
        """Anything about a scan-to-pay order; see ``unionpay_orders``. What exists already may be of a batch that is closed."""
        message, session = request.message, request.session
        asked = Order59.parse(message.text(59, ""))
        if message.text(3) == PAY:
            if request.batch != session.batch:
                return "77", {}
            if session.current.phase != "open":
                return "95", {}
        creates_or_unsure = message.text(3) == PAY or self.bank.leaves_open(request.knobs.respond_code)
        demand = Demand(
            session, session.current, message.text(11), int(message.text(4)), order_token_of(asked.code), "", request.at_us,
            forced_code=self._forced_code(message, request.knobs) if creates_or_unsure else "",
        )  # fmt: skip
        judged = judge_order(self.bank, message, demand, request.knobs)
        if judged is None:
            return "30", {}
        code, fields = self._judged(Judgement(*judged), request.at_us)
        return code, {**fields, 59: str(Order59(asked.number))}

    # ------------------------------------------------------------ settlement

    def _settle(self, request: Request) -> Answer:
        session, knobs = request.session, request.knobs
        asked = Settlement48.parse(request.message.text(48))
        batch = session.batches.get(request.batch)
        if batch is None:
            return "77", {}
        if knobs.use("settlement_errors"):
            return "00", {48: str(Settlement48(asked.domestic, asked.foreign, _IN_ERROR, _IN_ERROR))}
        claimed = Totals(
            asked.domestic.debit_count + asked.foreign.debit_count,
            asked.domestic.debit_fen + asked.foreign.debit_fen,
            asked.domestic.credit_count + asked.foreign.credit_count,
            asked.domestic.credit_fen + asked.foreign.credit_fen,
        )
        miscount = batch.settlement is None and knobs.use("totals_off_by_one")
        balanced = self.bank.book.request(batch, claimed, request.at_us, one_too_many if miscount else None)
        session.start_next_batch()
        verdict = _BALANCED if balanced else _NOT_BALANCED
        no_foreign = asked.foreign == SettlementTotals()
        reply = Settlement48(asked.domestic, asked.foreign, verdict, _BALANCED if no_foreign else verdict)
        return "00", {37: self.bank.ledger.next_rrn(), 48: str(reply)}

    def _upload(self, request: Request) -> Answer:
        code, session = Reserved60.parse(request.message.text(60)).network_code, request.session
        batch = session.batches.get(request.batch)
        if batch is None:
            return "77", {}
        if batch.phase == "open":
            return "12", {}  # nothing was asked for: settlement starts with 0500
        if code in (_END_BALANCED, _END_UNBALANCED):
            if batch.phase == "uploading":
                self.bank.book.end(batch, request.at_us)
                session.start_next_batch()
            return "00", {}
        return self._claims(request, batch, code), {}

    def _claims(self, request: Request, batch: Batch, code: str) -> str:
        message = request.message
        if code == _UPLOAD:
            items = parse_upload(message.text(48, ""))
            claims = [Claim(item.stan, item.pan, item.amount_fen) for item in items]
        elif (
            2 in message and 4 in message
        ):  # refunds, advices and ICC detail come one by one, under the original's STAN
            claims = [Claim(message.text(11), message.text(2), int(message.text(4)))]
            if code in _CHIP_DETAIL and kind_of(chip_data(message)) == "TC":
                self.bank.book.certify(batch, message.text(11), request.at_us)
        else:
            return "30"
        if batch.phase == "uploading":
            return "00" if self.bank.book.claim(batch, claims) else "94"
        balanced = batch.settlement is not None and batch.settlement.balanced
        if balanced:
            return "00"  # detail after a balanced close is for information
        return "94" if all(claim.stan in batch.claims for claim in claims) else "95"
