"""What dialects of ISO 8583 with working keys have in common: reading frames, keeping requests out, answering, keys, money.

Models: a frame is read once and its reading kept; what cannot be read is not answered, what lacks a field is answered 30; a
terminal that is not signed on is answered 77, a MAC that does not fit A0, another merchant 03; requests that move money carry
a MAC and so do their answers; the faults of ``knobs`` that every such host may have.
Does not model: what messages are called, where the batch stands in them, and settlement: each dialect's own file.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import msgspec

from harness.core.units import US_PER_DAY, US_PER_HOUR, US_PER_MINUTE, US_PER_SECOND
from harness.host.bank import PARTLY, Bank, Demand, Judgement
from harness.host.dialects.base import Dialect, MessageHeader
from harness.host.dialects.rules import DialectRules
from harness.host.knobs import Knobs
from harness.host.ledger import Totals
from harness.host.session import KeyFactory, Keys, Session
from harness.iso8583 import CodecError, DecodeError, FieldValue, Message
from harness.iso8583.closure import Closure63
from harness.iso8583.icc import kind_of, token_of
from harness.iso8583.keys import WorkingKeys, WrappedKey
from harness.iso8583.mac import UnionPayEcbMac
from harness.iso8583.pinblock import PinBlockCipher
from harness.iso8583.track import Track2
from harness.iso8583.wire import MAC_FIELD, Received, Wire

FINANCIAL = frozenset({"0100", "0200", "0220", "0400"})
AUTHENTICATED = FINANCIAL | {"0600"}
"""Requests that carry a MAC, and whose answers do; 0600 is about an order, where a dialect has it."""
_MISMATCHED = {"trace number": 11, "amount": 4, "terminal": 41, "processing code": 3, "message type": 0}
_CUT_OFF_US = 23 * US_PER_HOUR  # from then on a transaction belongs to the next settlement date
_MEMO_MAX = 64  # a frame is described, handled and described again within a few messages
_SHARED_MEMO_MAX = 4_096  # many worlds that send the same frames at the same times

Fields = dict[int, FieldValue]
Answer = tuple[str, Fields]  # response code, and fields beyond those echoed


class Read(msgspec.Struct, frozen=True):
    """A frame as far as it could be read."""

    header: MessageHeader
    received: Received | None


class Request(msgspec.Struct, frozen=True):
    """A request of a registered terminal that has all the fields its type needs."""

    received: Received
    message: Message
    session: Session
    knobs: Knobs
    batch: str
    """The batch that the request names."""
    at_us: int


def chip_data(message: Message) -> bytes:
    """DE55, or nothing."""
    return message.binary(55) if 55 in message.fields else b""


@dataclass(frozen=True, slots=True)
class MessageTable:
    """The message types of a dialect: what each needs, and what an answer repeats."""

    required: dict[str, frozenset[int]]
    """By message type; what is not in it is not answered."""
    echoed: frozenset[int]
    announces_closure: bool = False
    """Whether answers say in DE63 when the host will be closed."""
    settlement_date: bool = False
    """Whether answers about money say to which day they belong (DE15)."""
    certificates: bool = False
    """Whether the host wants the chip's certificate of a sale at settlement."""


class KeyedDialect(Dialect):
    """See the module's first lines. ``rules`` are the dialect's own unless a dialect file gives others."""

    table: MessageTable

    def __init__(self, bank: Bank, key_factory: KeyFactory, start_date: date, wire: Wire, rules: DialectRules) -> None:
        super().__init__(bank, key_factory, start_date)
        self.wire = wire
        self.rules = rules
        self.required = self.table.required if rules.has_mac else _without_mac(self.table.required)
        self.split_frames = wire.split_frames
        self._memo: dict[bytes, Read] = {}
        self._memo_max = _MEMO_MAX
        self._altered: dict[bytes, Read] = {}
        self._month_days: dict[int, str] = {}
        self._macs: dict[bytes, UnionPayEcbMac] = {}
        self._handlers: dict[str, Callable[[Request], Answer]] = {}

    # ------------------------------------------------------------ what a dialect's own file says

    def header_of(self, message: Message, size_bytes: int) -> MessageHeader:
        """What a history says of a message."""
        raise NotImplementedError

    def batch_of(self, message: Message) -> str:
        """The batch that a request names; CodecError when it names none."""
        raise NotImplementedError

    def judge(self, message: Message, demand: Demand) -> Judgement | None:
        """The bank's judgement of a request for money; None when the message lacks what its kind needs."""
        raise NotImplementedError

    def original_of(self, request: Request) -> tuple[str, str]:
        """Batch and STAN of what a reversal undoes."""
        raise NotImplementedError

    def is_sale(self, message: Message) -> bool:
        """Whether a request asks for money that its issuer may refuse."""
        raise NotImplementedError

    # ------------------------------------------------------------ reading

    def share_reading(self, other: Dialect) -> None:
        if isinstance(other, KeyedDialect) and type(other) is type(self):
            self._memo = other._memo
            self._memo_max = other._memo_max = _SHARED_MEMO_MAX
            self._altered = other._altered

    def describe(self, frame: bytes) -> MessageHeader:
        read = self._memo.get(frame)
        return read.header if read is not None else self._read(frame).header

    def _read(self, frame: bytes) -> Read:
        read = self._memo.get(frame) or self._altered.get(frame)
        if read is None:
            try:
                received = self.wire.unpack(frame)
                read = Read(self.header_of(received.message, len(frame)), received)
            except DecodeError as error:
                read = Read(MessageHeader(size_bytes=len(frame), error=str(error)), None)
            self._remember(frame, read)
        return read

    def _remember(self, frame: bytes, read: Read) -> None:
        if len(self._memo) >= self._memo_max:
            self._memo.clear()
        self._memo[frame] = read

    # ------------------------------------------------------------ answering

    def answer_stranger(self, frame: bytes, at_us: int) -> bytes | None:
        received = self._read(frame).received
        if received is None or received.message.mti not in self.required:
            return None
        return self._reply(received, "97" if 41 in received.message else "30", {}, at_us)

    def answer_busy(self, frame: bytes, session: Session, at_us: int) -> bytes | None:
        received = self._read(frame).received
        if received is None or received.message.mti not in self.required:
            return None
        return self._reply(received, "96", {}, at_us, session)

    def answer(self, frame: bytes, session: Session, knobs: Knobs, at_us: int) -> bytes | None:
        received = self._read(frame).received
        if received is None or received.message.mti not in self.required:
            return None
        message = received.message
        try:
            if not message.fields.keys() >= self.required[message.mti]:
                return self._reply(received, "30", {}, at_us)
            batch = self.batch_of(message)
            if session.adopts_batch and message.mti != "0400":
                session.adopt(batch)
            request = Request(received, message, session, knobs, batch, at_us)
            code = self._gate(request)
            answer = (code, Fields()) if code else self._handlers[message.mti](request)
        except CodecError:  # a composite field that is not what its message type wants
            answer = ("30", {})
        return self._reply(received, answer[0], answer[1], at_us, session, knobs)

    def _gate(self, request: Request) -> str:
        """The code that keeps a request out, or nothing."""
        mti, knobs, session = request.message.mti, request.knobs, request.session
        if request.message.text(42) != session.mid:
            return "03"
        if knobs.overloaded_until_us and knobs.before("overloaded_until_us", request.at_us):
            return "96"
        if mti in ("0800", "0820"):
            return ""
        if knobs.closed_until_us and (closed := knobs.closed_code(request.at_us)):
            return closed
        if knobs.cut_over_until_us and knobs.before("cut_over_until_us", request.at_us):
            return "90"
        if self.rules.needs_logon and (not session.signed_on or session.keys is None):
            return "77"
        if mti in AUTHENTICATED:
            return "" if self.mac_is_good(request) else "A0"
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
        fields: Fields = {number: value for number, value in request.fields.items() if number in self.table.echoed}
        day, time_us = divmod(at_us, US_PER_DAY)
        seconds = time_us // US_PER_SECOND
        fields[12] = f"{seconds // 3600:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}"
        fields[13] = self._month_day(day)
        fields[39] = code
        fields.update(extra)
        if self.table.announces_closure and knobs is not None and knobs.closed_until_us:
            window = knobs.closure_told(at_us)
            if window is not None:
                fields.setdefault(63, str(Closure63(*(us // US_PER_MINUTE for us in window))))
        reply, altered = Message(reply_type(request.mti), fields), ""
        has_mac = self.rules.has_mac and session is not None and session.keys is not None
        if request.mti in AUTHENTICATED and session is not None and (has_mac or not self.rules.has_mac):
            if knobs is not None and knobs.mismatched_replies and knobs.use("mismatched_replies"):
                reply, altered = _of_another(reply, knobs.mismatched_field), knobs.mismatched_field
            payload = self.wire.encode(reply, self._mac(session.keys) if has_mac and session.keys is not None else None)
            if has_mac and knobs is not None and knobs.wrong_macs and knobs.use("wrong_macs"):
                payload = self.wire.spoilt(payload)
                altered = f"{altered} and mac" if altered else "mac"
        else:
            payload = self.wire.encode(reply)
        envelope = received.envelope.reply(payload)
        frame = self.wire.seal(envelope)
        read = Read(self.header_of(reply, len(frame)), Received(envelope, reply, self.wire.mac_size))
        if altered:
            # The memo forgets; what is wrong with a frame cannot be read from it.
            read = self._altered[frame] = Read(msgspec.structs.replace(read.header, altered=altered), read.received)
        self._remember(frame, read)
        return frame

    def _month_day(self, day: int) -> str:
        if day not in self._month_days:
            date_text = (self.start_date + timedelta(days=day)).isoformat()  # strftime would import a module
            self._month_days[day] = date_text[5:7] + date_text[8:]
        return self._month_days[day]

    def mac_is_good(self, request: Request) -> bool:
        """Whether a request is authentic, as far as this host asks."""
        keys = request.session.keys
        return not self.rules.has_mac or (keys is not None and request.received.mac_is_good(self._mac(keys)))

    def _mac(self, keys: Keys) -> UnionPayEcbMac:
        """The keyed calculation, kept from message to message."""
        mac = self._macs.get(keys.mac_key)
        if mac is None:
            mac = self._macs[keys.mac_key] = UnionPayEcbMac(keys.mac_key)
        return mac

    # ------------------------------------------------------------ keys

    def draw_keys(self, session: Session, pin_size: int, track_size: int) -> bytes:
        """Fresh working keys for a session that signs on, wrapped as a sign-on's answer brings them."""
        session.key_generation += 1
        session.signed_on = True
        pin_key = self._draw_key(session, "pin", pin_size)
        mac_key = self._draw_key(session, "mac", 8)
        track_key = self._draw_key(session, "track", track_size) if track_size else None
        if session.keys is not None:
            self._macs.pop(session.keys.mac_key, None)
        session.keys = Keys(pin_key, mac_key, track_key)
        wrapped = [WrappedKey.wrap(session.master_key, key) for key in (pin_key, mac_key, track_key) if key]
        return WorkingKeys(*wrapped).field62()

    def _draw_key(self, session: Session, use: str, size: int) -> bytes:
        return self.key_factory(session.tid, session.key_generation, use, size)

    # ------------------------------------------------------------ money

    def financial(self, request: Request) -> Answer:
        """A request that moves money, or takes that back."""
        message, knobs, session = request.message, request.knobs, request.session
        if message.mti == "0400":
            return self._reverse(request)
        if request.batch != session.batch:
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
            token=track.discretionary if track else token_of(chip_data(message)),
            chip=self.table.certificates and kind_of(chip_data(message)) is not None,
            pan=pan,
            at_us=request.at_us,
            forced_code=self._forced_code(message, knobs),
        )
        judgement = self.judge(message, demand)
        if judgement is None:
            return "30", {}
        return self._judged(judgement, request.at_us)

    def _forced_code(self, message: Message, knobs: Knobs) -> str:
        """The code that a fault has the host answer a request with that moves money; nothing when none does."""
        if knobs.respond_count and knobs.use("respond_count"):
            return knobs.respond_code
        if knobs.issuer_declines and self.is_sale(message) and int(message.text(4)) > knobs.issuer_above_fen:
            return knobs.issuer_code if knobs.use("issuer_declines") else ""
        return ""

    def _judged(self, judgement: Judgement, at_us: int) -> Answer:
        entry = judgement.entry
        if entry is None:
            return judgement.code, {}
        fields: Fields = {37: entry.rrn}
        if self.table.settlement_date:
            fields[15] = self._month_day((at_us + US_PER_DAY - _CUT_OFF_US) // US_PER_DAY)
        if judgement.code == "00" or entry.asked_fen:
            fields[38] = entry.auth_code
        if judgement.code == PARTLY and entry.asked_fen:
            fields[4] = f"{entry.amount_fen:012d}"
        return judgement.code, fields

    def _pin_block_is_good(self, session: Session, message: Message, pan: str) -> bool:
        if session.keys is None:
            return True  # nobody has signed on, and nobody can look
        try:
            PinBlockCipher(session.keys.pin_key).decrypt(message.binary(52), pan)
        except ValueError:
            return False
        return True

    def _reverse(self, request: Request) -> Answer:
        message, session, knobs = request.message, request.session, request.knobs
        if knobs.use("respond_count"):
            return knobs.respond_code, {}
        if knobs.reversals_refused_until_us and knobs.before("reversals_refused_until_us", request.at_us):
            return "96", {}
        named_batch, named_stan = self.original_of(request)
        batch = session.batches.get(named_batch)
        if batch is None:
            return "25" if session.was_in_service else "77", {}
        demand = Demand(session, batch, named_stan, int(message.text(4)), "", message.text(2, ""), request.at_us)
        remember = self.rules.remembers_early_reversals and not knobs.forget_early_reversals
        judgement = self.bank.reverse(demand, message.text(39, "no reason"), remember=remember)
        if knobs.forget_early_reversals and judgement.entry is None:
            knobs.struck["forget_early_reversals"] += 1
        return self._judged(judgement, request.at_us)


def _without_mac(required: dict[str, frozenset[int]]) -> dict[str, frozenset[int]]:
    return {mti: fields - {MAC_FIELD} for mti, fields in required.items()}


def reply_type(mti: str) -> str:
    """The message type of the answer to a request."""
    return f"{mti[:2]}{int(mti[2]) + 1}{mti[3]}"


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


def one_too_many(totals: Totals) -> Totals:
    """A host that counts one debit too many."""
    return Totals(totals.debit_count + 1, totals.debit_fen, totals.credit_count, totals.credit_fen)
