"""The UnionPay POS dialect at the host: sign-on, sale, void, refund, pre-authorisation, reversal, settlement, upload, echo test.

Models the rules of the domain notes, sections 1.1, 1.4 and 1.5, as one host keeps them. Does not model EMV
authentication, completions by notice, parameter download, or tracks encrypted under the track key. Sources: public terminal
code and response-code tables; what those leave open is an assumption marked [A]:

- Framing: what cannot be read is not answered; what can be read and lacks a field is answered 30.
- A terminal that is not signed on is answered 77; a MAC that does not fit A0; a batch that is not the current one 77.
- A pre-authorisation is 0100 with processing code 030000 and DE60.1 10, its void 200000 and 11; a completion is 0200 with 000000
  and 20, its void 200000 and 21; all four have DE25 06, and nothing else has. The last three name their original in DE61
  (and DE37), as a void does [A: terminals in the field name a hold by DE38, card and date].
- 0100, 0200, 0220 and 0400 carry a MAC, and so does every answer to them once there are keys [A: also with DE39 not 00].
- A reversal names its original by DE11 and DE60.2. A sale's reversal may come with a STAN of its own and DE61 instead;
  a void's or completion's may not, as DE61 there is what it was about.
- A sale approved in part is answered 10, with the approved amount in DE4 [A].
- The host does not tell domestic from foreign cards: it compares the sum of both sides of DE48 with its own [A].
- While an unbalanced batch waits for its upload, new transactions are answered 95 [A].
- The end packet is the terminal's word that the upload is complete: the host closes the batch with what it has and lists
  the differences; it does not insist on the count in DE48 [A].
- An upload of which every item was known is answered 94, any other 00 (both count as delivered).
"""

from collections.abc import Callable
from datetime import date, timedelta

import msgspec

from harness.core.units import US_PER_DAY, US_PER_HOUR, US_PER_SECOND
from harness.host.bank import PARTLY, Bank, Demand, Judgement
from harness.host.batch import Batch, Claim
from harness.host.dialects.base import DIALECTS, Dialect, MessageHeader
from harness.host.dialects.unionpay_header import ON_HOLD_TYPES, header_of
from harness.host.dialects.unionpay_money import judge
from harness.host.knobs import Knobs
from harness.host.ledger import Totals
from harness.host.session import KeyFactory, Keys, Session
from harness.iso8583 import CodecError, DecodeError, FieldValue, Message
from harness.iso8583.keys import WorkingKeys, WrappedKey
from harness.iso8583.mac import UnionPayEcbMac
from harness.iso8583.pinblock import PinBlockCipher
from harness.iso8583.track import Track2
from harness.iso8583.unionpay import (
    MAC_SIZE,
    Original61,
    Received,
    Reserved60,
    Settlement48,
    SettlementTotals,
    encode,
    parse_upload,
    unpack,
)

MESSAGE_TYPES = ("0100", "0200", "0220", "0320", "0400", "0500", "0800", "0820")
_REPLY_TYPES = {mti: f"{mti[:2]}{int(mti[2]) + 1}{mti[3]}" for mti in MESSAGE_TYPES}
_FINANCIAL = frozenset({"0100", "0200", "0220", "0400"})
_REQUIRED: dict[str, frozenset[int]] = {
    **dict.fromkeys(_FINANCIAL, frozenset({3, 4, 11, 41, 42, 60, 64})),
    "0320": frozenset({11, 41, 42, 60}),
    "0500": frozenset({11, 41, 42, 48, 60}),
    "0800": frozenset({11, 41, 42, 60}),
    "0820": frozenset({41, 42, 60}),
}
_ECHOED = frozenset({2, 3, 4, 11, 25, 41, 42, 49, 60})
_KEY_SIZES = {"001": (8, 0), "003": (16, 0), "004": (16, 16)}  # sign-on code -> PIN key, track key
_SIGN_OFF, _ECHO_TEST = "002", "301"
_UPLOAD, _END_UNBALANCED, _END_BALANCED = "201", "202", "207"
_BALANCED, _NOT_BALANCED, _IN_ERROR = "1", "2", "3"
_MISMATCHED = {"trace number": 11, "amount": 4, "terminal": 41, "processing code": 3, "message type": 0}
_CUT_OFF_US = 23 * US_PER_HOUR  # from then on a transaction belongs to the next settlement date
_MEMO_MAX = 64  # a frame is described, handled and described again within a few messages
_SHARED_MEMO_MAX = 4_096  # many worlds that send the same frames at the same times

Fields = dict[int, FieldValue]


class _Read(msgspec.Struct, frozen=True):
    """A frame as far as it could be read."""

    header: MessageHeader
    received: Received | None


class _Request(msgspec.Struct, frozen=True):
    """A request of a registered terminal that has all the fields its type needs."""

    received: Received
    message: Message
    session: Session
    knobs: Knobs
    reserved: Reserved60
    at_us: int


_Answer = tuple[str, Fields]  # response code, and fields beyond those echoed


def _forced_code(message: Message, knobs: Knobs) -> str:
    """The code that a fault has the host answer a request with that moves money; nothing when none does."""
    if knobs.respond_count and knobs.use("respond_count"):
        return knobs.respond_code
    is_sale = (message.mti, message.text(3)) == ("0200", "000000")
    if knobs.issuer_declines and is_sale and int(message.text(4)) > knobs.issuer_above_fen:
        return knobs.issuer_code if knobs.use("issuer_declines") else ""
    return ""


@DIALECTS.register("unionpay")
class UnionPay(Dialect):
    """See the module's first lines."""

    def __init__(self, bank: Bank, key_factory: KeyFactory, start_date: date) -> None:
        super().__init__(bank, key_factory, start_date)
        self._memo: dict[bytes, _Read] = {}
        self._memo_max = _MEMO_MAX
        self._altered: dict[bytes, _Read] = {}
        self._month_days: dict[int, str] = {}
        self._macs: dict[bytes, UnionPayEcbMac] = {}
        self._handlers: dict[str, Callable[[_Request], _Answer]] = {
            "0100": self._financial,
            "0200": self._financial,
            "0220": self._financial,
            "0400": self._financial,
            "0320": self._upload,
            "0500": self._settle,
            "0800": self._sign_on,
            "0820": self._network_management,
        }

    # ------------------------------------------------------------ reading

    def share_reading(self, other: Dialect) -> None:
        if isinstance(other, UnionPay):
            self._memo = other._memo
            self._memo_max = other._memo_max = _SHARED_MEMO_MAX
            self._altered = other._altered

    def describe(self, frame: bytes) -> MessageHeader:
        read = self._memo.get(frame)
        return read.header if read is not None else self._read(frame).header

    def _read(self, frame: bytes) -> _Read:
        read = self._memo.get(frame) or self._altered.get(frame)
        if read is None:
            try:
                received = unpack(frame)
                read = _Read(header_of(received.message, len(frame)), received)
            except DecodeError as error:
                read = _Read(MessageHeader(size_bytes=len(frame), error=str(error)), None)
            self._remember(frame, read)
        return read

    def _remember(self, frame: bytes, read: _Read) -> None:
        if len(self._memo) >= self._memo_max:
            self._memo.clear()
        self._memo[frame] = read

    # ------------------------------------------------------------ answering

    def answer_stranger(self, frame: bytes, at_us: int) -> bytes | None:
        received = self._read(frame).received
        if received is None or received.message.mti not in MESSAGE_TYPES:
            return None
        return self._reply(received, "97" if 41 in received.message else "30", {}, at_us)

    def answer_busy(self, frame: bytes, session: Session, at_us: int) -> bytes | None:
        received = self._read(frame).received
        if received is None or received.message.mti not in MESSAGE_TYPES:
            return None
        return self._reply(received, "96", {}, at_us, session)

    def answer(self, frame: bytes, session: Session, knobs: Knobs, at_us: int) -> bytes | None:
        received = self._read(frame).received
        if received is None or received.message.mti not in MESSAGE_TYPES:
            return None
        message = received.message
        try:
            if not message.fields.keys() >= _REQUIRED[message.mti]:
                return self._reply(received, "30", {}, at_us)
            reserved = Reserved60.parse(message.text(60))
            if session.adopts_batch and message.mti != "0400":
                session.adopt(reserved.batch)
            request = _Request(received, message, session, knobs, reserved, at_us)
            code = self._gate(request)
            answer = (code, Fields()) if code else self._handlers[message.mti](request)
        except CodecError:  # a composite field that is not what its message type wants
            answer = ("30", {})
        return self._reply(received, answer[0], answer[1], at_us, session, knobs)

    def _gate(self, request: _Request) -> str:
        """The code that keeps a request out, or nothing."""
        mti, knobs, session = request.message.mti, request.knobs, request.session
        if request.message.text(42) != session.mid:
            return "03"
        if knobs.overloaded_until_us and knobs.before("overloaded_until_us", request.at_us):
            return "96"
        if mti in ("0800", "0820"):
            return ""
        if knobs.cut_over_until_us and knobs.before("cut_over_until_us", request.at_us):
            return "90"
        if not session.signed_on or session.keys is None:
            return "77"
        if mti in _FINANCIAL:
            return "" if request.received.mac_is_good(self._mac(session.keys)) else "A0"
        return knobs.respond_code if knobs.use("respond_count") else ""

    def _reply(
        self,
        received: Received,
        code: str,
        extra: Fields,
        at_us: int,
        session: Session | None = None,
        knobs: Knobs | None = None,
    ) -> bytes:
        request = received.message
        fields: Fields = {number: value for number, value in request.fields.items() if number in _ECHOED}
        day, time_us = divmod(at_us, US_PER_DAY)
        seconds = time_us // US_PER_SECOND
        fields[12] = f"{seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}"
        fields[13] = self._month_day(day)
        fields[39] = code
        fields.update(extra)
        reply, altered = Message(_REPLY_TYPES[request.mti], fields), ""
        if request.mti in _FINANCIAL and session is not None and session.keys is not None:
            if knobs is not None and knobs.mismatched_replies and knobs.use("mismatched_replies"):
                reply, altered = _of_another(reply, knobs.mismatched_field), knobs.mismatched_field
            payload = encode(reply, self._mac(session.keys))
            if knobs is not None and knobs.wrong_macs and knobs.use("wrong_macs"):
                payload = payload[:-MAC_SIZE] + bytes(byte ^ 0x01 for byte in payload[-MAC_SIZE:])
                altered = f"{altered} and mac" if altered else "mac"
        else:
            payload = encode(reply)
        envelope = received.envelope.reply(payload)
        frame = envelope.pack()
        read = _Read(header_of(reply, len(frame)), Received(envelope, reply))
        if altered:
            # The memo forgets; what is wrong with a frame cannot be read from it.
            read = self._altered[frame] = _Read(msgspec.structs.replace(read.header, altered=altered), read.received)
        self._remember(frame, read)
        return frame

    def _month_day(self, day: int) -> str:
        if day not in self._month_days:
            date_text = (self.start_date + timedelta(days=day)).isoformat()  # strftime would import a module
            self._month_days[day] = date_text[5:7] + date_text[8:]
        return self._month_days[day]

    def _mac(self, keys: Keys) -> UnionPayEcbMac:
        """The keyed calculation, kept from message to message."""
        mac = self._macs.get(keys.mac_key)
        if mac is None:
            mac = self._macs[keys.mac_key] = UnionPayEcbMac(keys.mac_key)
        return mac

    # ------------------------------------------------------------ sign-on and network management

    def _sign_on(self, request: _Request) -> _Answer:
        sizes = _KEY_SIZES.get(request.reserved.network_code)
        if sizes is None:
            return "12", {}
        if request.knobs.use("respond_count"):
            return request.knobs.respond_code, {}
        session = request.session
        session.key_generation += 1
        session.signed_on = True
        pin_key = self._draw_key(session, "pin", sizes[0])
        mac_key = self._draw_key(session, "mac", 8)
        track_key = self._draw_key(session, "track", sizes[1]) if sizes[1] else None
        if session.keys is not None:
            self._macs.pop(session.keys.mac_key, None)
        session.keys = Keys(pin_key, mac_key, track_key)
        wrapped = [WrappedKey.wrap(session.master_key, key) for key in (pin_key, mac_key, track_key) if key]
        reserved = Reserved60(request.reserved.type_code, session.batch, request.reserved.network_code)
        return "00", {
            37: self.bank.ledger.next_rrn(),
            60: str(reserved),
            62: WorkingKeys(*wrapped).field62(),
        }

    def _draw_key(self, session: Session, use: str, size: int) -> bytes:
        return self.key_factory(session.tid, session.key_generation, use, size)

    def _network_management(self, request: _Request) -> _Answer:
        code = request.reserved.network_code
        if code == _ECHO_TEST:
            return "00", {}
        if code != _SIGN_OFF:
            return "12", {}
        request.session.signed_on = False
        request.session.keys = None
        return "00", {}

    # ------------------------------------------------------------ money

    def _financial(self, request: _Request) -> _Answer:
        message, knobs, session = request.message, request.knobs, request.session
        if message.mti == "0400":
            return self._reverse(request)
        if request.reserved.batch != session.batch:
            return "77", {}
        if session.current.phase != "open":
            return "95", {}
        track = Track2.parse(message.text(35)) if 35 in message.fields else None
        pan = message.text(2, track.pan if track else "")
        if track is not None and track.pan != pan:
            return "14", {}
        if 52 in message.fields and not self._pin_block_is_good(session, message, pan):
            return "99", {}
        demand = Demand(
            session=session,
            batch=session.current,
            stan=message.text(11),
            amount_fen=int(message.text(4)),
            token=track.discretionary if track else "",
            pan=pan,
            at_us=request.at_us,
            forced_code=_forced_code(message, knobs),
        )
        judgement = judge(self.bank, message, demand)
        if judgement is None:
            return "30", {}
        return self._judged(judgement, request.at_us)

    def _judged(self, judgement: Judgement, at_us: int) -> _Answer:
        entry = judgement.entry
        if entry is None:
            return judgement.code, {}
        day = (at_us + US_PER_DAY - _CUT_OFF_US) // US_PER_DAY
        fields: Fields = {15: self._month_day(day), 37: entry.rrn}
        if judgement.code == "00" or entry.asked_fen:
            fields[38] = entry.auth_code
        if judgement.code == PARTLY and entry.asked_fen:
            fields[4] = f"{entry.amount_fen:012d}"
        return judgement.code, fields

    def _pin_block_is_good(self, session: Session, message: Message, pan: str) -> bool:
        assert session.keys is not None
        try:
            PinBlockCipher(session.keys.pin_key).decrypt(message.binary(52), pan)
        except ValueError:
            return False
        return True

    def _reverse(self, request: _Request) -> _Answer:
        message, session, knobs = request.message, request.session, request.knobs
        if knobs.use("respond_count"):
            return knobs.respond_code, {}
        named = Original61(request.reserved.batch, message.text(11))
        if 61 in message and message.text(3) == "000000" and request.reserved.type_code not in ON_HOLD_TYPES:
            named = Original61.parse(message.text(61))
        batch = session.batches.get(named.batch)
        if batch is None:
            return "25" if session.was_in_service else "77", {}
        demand = Demand(session, batch, named.stan, int(message.text(4)), "", message.text(2, ""), request.at_us)
        judgement = self.bank.reverse(demand, message.text(39, "no reason"), remember=not knobs.forget_early_reversals)
        if knobs.forget_early_reversals and judgement.entry is None:
            knobs.struck["forget_early_reversals"] += 1
        return self._judged(judgement, request.at_us)

    # ------------------------------------------------------------ settlement

    def _settle(self, request: _Request) -> _Answer:
        session, knobs = request.session, request.knobs
        asked = Settlement48.parse(request.message.text(48))
        batch = session.batches.get(request.reserved.batch)
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
        balanced = self.bank.book.request(batch, claimed, request.at_us, _one_too_many if miscount else None)
        session.start_next_batch()
        verdict = _BALANCED if balanced else _NOT_BALANCED
        no_foreign = asked.foreign == SettlementTotals()
        reply = Settlement48(asked.domestic, asked.foreign, verdict, _BALANCED if no_foreign else verdict)
        return "00", {37: self.bank.ledger.next_rrn(), 48: str(reply)}

    def _upload(self, request: _Request) -> _Answer:
        code, session = request.reserved.network_code, request.session
        batch = session.batches.get(request.reserved.batch)
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

    def _claims(self, request: _Request, batch: Batch, code: str) -> str:
        message = request.message
        if code == _UPLOAD:
            items = parse_upload(message.text(48, ""))
            claims = [Claim(item.stan, item.pan, item.amount_fen) for item in items]
        elif (
            2 in message and 4 in message
        ):  # refunds, advices and ICC detail come one by one, under the original's STAN
            claims = [Claim(message.text(11), message.text(2), int(message.text(4)))]
        else:
            return "30"
        if batch.phase == "uploading":
            return "00" if self.bank.book.claim(batch, claims) else "94"
        balanced = batch.settlement is not None and batch.settlement.balanced
        if balanced:
            return "00"  # detail after a balanced close is for information
        return "94" if all(claim.stan in batch.claims for claim in claims) else "95"


def _of_another(reply: Message, what: str) -> Message:
    """The same reply as it would be for another transaction: ``what`` differs."""
    number = _MISMATCHED[what]
    if not number:
        return Message("0230" if reply.mti != "0230" else "0210", reply.fields)
    text = reply.text(number)
    other = f"{(int(text) + 1) % 10 ** len(text):0{len(text)}d}"
    if number == 3 and text == "000000":
        other = "200000"
    elif number == 11:
        # An earlier one: a number still to come would be the right one, once the reply is late as well.
        other = f"{(int(text) - 2) % 999_999 + 1:06d}"
    return Message(reply.mti, {**reply.fields, number: other})


def _one_too_many(totals: Totals) -> Totals:
    return Totals(totals.debit_count + 1, totals.debit_fen, totals.credit_count, totals.credit_fen)
