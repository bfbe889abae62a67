"""From ISO 8583 messages to records: requests with the answers that came, in the dialect's own words.

Models: a request and its answer belong together by terminal and trace number; the same request again is the terminal's own
repeat. What is left without an answer had none when the log goes on long enough, or the terminal asks again. Settlements are
their first request. An order by payment code is a sale; a query says how one ended that the customer was still paying. An advice
is a sale of its own time that the host did not hear of then, and a message of now.
Does not model: revocations of orders, which are told as other messages.
Source: domain.md sections 1.1 and 1.2; ``host.dialects.unionpay_orders``.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from harness.core.errors import UsageError
from harness.engine.fieldlog.hexdump import frames
from harness.engine.fieldlog.model import LogError, Record, Result, What
from harness.engine.fieldlog.pcap import Chunk, Side, chunks
from harness.engine.fieldlog.rows import card_key, local_us
from harness.history.recorder import Recorder
from harness.host.bank import Bank
from harness.host.dialects import DialectChoice
from harness.host.dialects.base import MessageHeader
from harness.host.dialects.common import KeyedDialect
from harness.host.session import KeyFactory
from harness.iso8583.errors import DecodeError
from harness.iso8583.message import Message

ANSWERED_WITHIN_US = 90_000_000
"""A request that has no answer so long after has none: terminals wait 30 to 60 seconds."""
_KINDS: dict[tuple[str, str], What] = {
    ("0200", "000000"): "sale", ("0200", "200000"): "void", ("0220", "200000"): "refund", ("0100", "030000"): "preauth",
    ("0100", "200000"): "preauth_void", ("0500", ""): "settle", ("0820", ""): "sign_off", ("0400", ""): "reversal",
    ("0600", "000000"): "sale", ("0220", "000000"): "advice",
}  # fmt: skip
_COMPLETION = "06"
_QUERY, _PAYING = ("0610", "310000"), "09"
"""An answer to how an order stands; and that its customer is still paying."""


@dataclass(frozen=True, slots=True)
class Said:
    """One message, or a reset of its connection."""

    line: int
    at_us: int
    header: MessageHeader
    message: Message | None = None
    reset: Side | None = None
    """A side of a connection that was reset."""
    missed: Side | None = None
    """A side of a connection of which the capture missed a stretch."""
    sender: Side | None = None


class MessageReader:
    """Reads whole frames as one dialect has them."""

    def __init__(self, choice: DialectChoice) -> None:
        made = choice.make(Bank(Recorder()), KeyFactory(b"import"), datetime.date(2026, 1, 1))
        if not isinstance(made, KeyedDialect):
            raise UsageError(
                f"--dialect: captures cannot be read as {choice.name}; give a built-in dialect or a dialect file"
            )
        self._dialect = made
        self.name = choice.name
        self.first_error = ""

    def split(self, buffer: bytes) -> tuple[list[bytes], bytes]:
        """The whole frames at the start, and the rest."""
        found: tuple[list[bytes], bytes] = self._dialect.wire.split_frames(buffer)
        return found

    def read(self, frame: bytes) -> tuple[MessageHeader, Message] | None:
        """What is in the frame; None, and the reason kept, when it cannot be read."""
        header = self._dialect.describe(frame)
        if header.error or not header.mti:
            self.first_error = self.first_error or header.error
            return None
        return header, self._dialect.wire.unpack(frame).message


def of_capture(path: Path, reader: MessageReader, zone: str) -> list[Record]:
    """The records of a packet capture."""
    return list(_records(str(path), reader, _said_in(path, reader, zone)))


def of_dump(path: Path, reader: MessageReader, zone: str) -> list[Record]:
    """The records of messages in hexadecimal."""
    return list(_records(str(path), reader, _dumped(path, reader, zone)))


def _dumped(path: Path, reader: MessageReader, zone: str) -> Iterator[Said]:
    latest = None
    for frame in frames(path, zone):
        if latest is not None and frame.at_us < latest.at_us:
            raise LogError(
                str(path), frame.line, f"its time is before that of line {latest.line}; sort the lines by their times"
            )
        latest = frame
        read = reader.read(frame.data)
        if read is None:
            raise LogError(
                str(path),
                frame.line,
                f"it is no message of the dialect {reader.name} (--dialect): {reader.first_error}",
            )
        if frame.up is _is_answer(read[0].mti):
            raise LogError(str(path), frame.line, f"a message {read[0].mti} goes the other way than its arrow says")
        yield Said(frame.line, frame.at_us, *read)


def _said_in(path: Path, reader: MessageReader, zone: str) -> Iterator[Said]:
    utc = datetime.UTC
    buffers: dict[tuple[Side, Side], bytes] = {}
    lost: set[tuple[Side, Side]] = set()
    for chunk in chunks(path):
        at_us = local_us(datetime.datetime(1970, 1, 1, tzinfo=utc) + datetime.timedelta(microseconds=chunk.at_us), zone)
        way = chunk.sender, chunk.receiver
        if chunk.reset:
            for side in way:
                yield Said(chunk.packet, at_us, MessageHeader(), reset=side)
            continue
        if chunk.missed:
            for side in way:
                yield Said(chunk.packet, at_us, MessageHeader(), missed=side)
            buffers.pop(way, None)
            continue
        if chunk.opens:
            buffers.pop(way, None)
            lost.discard(way)
        if way in lost:
            continue
        for frame in _frames(reader, buffers, lost, chunk):
            read = reader.read(frame)
            if read is not None:
                yield Said(chunk.packet, at_us, *read, sender=chunk.sender)


def _frames(
    reader: MessageReader, buffers: dict[tuple[Side, Side], bytes], lost: set[tuple[Side, Side]], chunk: Chunk
) -> list[bytes]:
    """What became whole; a connection that is not framed as ours is somebody else's."""
    way = chunk.sender, chunk.receiver
    try:
        found, buffers[way] = reader.split(buffers.get(way, b"") + chunk.data)
    except (DecodeError, ValueError):
        lost.add(way)
        buffers.pop(way, None)
        return []
    return found


# ---------------------------------------------------------------- records


def _is_answer(mti: str) -> bool:
    return mti[2:3] in ("1", "3", "5")


def _records(file: str, reader: MessageReader, said: Iterable[Said]) -> Iterator[Record]:
    found: list[Record] = []
    orders: dict[tuple[str, str], int] = {}
    """By terminal and order number: the place of its sale."""
    advices: dict[tuple[str, str, str], Record] = {}
    """By terminal, batch and trace number: the sale that an advice is about, once, however often it is told."""
    open_requests: dict[tuple[str, str, str], tuple[int, Side | None]] = {}
    """By terminal, answer's type and trace number: the record's place, and from where it was asked."""
    end_us = 0
    for each in said:
        end_us = max(end_us, each.at_us)
        header = each.header
        if each.reset is not None or each.missed is not None:
            # What may be in a stretch that was missed proves nothing, either way.
            result: Result = "reset" if each.reset is not None else "unknown"
            sides = (each.reset, each.missed)
            for key in [key for key, (_, side) in open_requests.items() if side is not None and side in sides]:
                place, _ = open_requests.pop(key)
                found[place] = replace(found[place], result=result)
        elif _is_answer(header.mti):
            answered = open_requests.pop((header.tid, header.mti, header.stan), None)
            if answered is not None:
                found[answered[0]] = _ended(found[answered[0]], header.response_code)
            place = orders.get((header.tid, header.order), -1)
            if (header.mti, header.processing_code) == _QUERY and place >= 0 and found[place].code == _PAYING:
                found[place] = _ended(found[place], header.response_code)
        else:
            record = _request(each)
            key = header.tid, f"{header.mti[:2]}{int(header.mti[2]) + 1}{header.mti[3:]}", header.stan
            if key in open_requests and record.what not in ("reversal", "settle"):
                continue  # the same request again
            for given_up in [each for each in open_requests if each[0] == header.tid]:
                # Whoever asks for something else waits no longer.
                place, _ = open_requests.pop(given_up)
                found[place] = replace(found[place], result="no_reply")
            open_requests[key] = (len(found), each.sender)
            if record.by_code:
                orders[header.tid, header.order] = len(found)
            if record.what == "advice":
                advices.setdefault((header.tid, header.batch, header.stan), _offline(record, each))
            found.append(record)
    if not found:
        why = f"; with the first: {reader.first_error}" if reader.first_error else ""
        raise LogError(file, 0, f"no message of the dialect {reader.name} is in it (--dialect){why}")
    for place, _ in open_requests.values():
        is_proven = end_us - found[place].at_us >= ANSWERED_WITHIN_US
        found[place] = replace(found[place], result="no_reply" if is_proven else "unknown")
    yield from sorted((*_settled_once(found), *advices.values()), key=lambda each: each.at_us)


def _offline(advice: Record, said: Said) -> Record:
    """The sale that an advice tells of, at the time that stands in it; without one, when it was told."""
    message = said.message
    date, time = ("", "") if message is None else (message.text(13, ""), message.text(12, ""))
    at_us = advice.at_us
    if len(date) == 4 and len(time) == 6:
        told = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=at_us)  # noqa: DTZ001 - local time, as records have it
        for year in (told.year, told.year - 1):  # an advice of New Year's Eve may be told in January
            try:
                then = datetime.datetime.strptime(f"{year}{date}{time}", "%Y%m%d%H%M%S")  # noqa: DTZ007 - the same
            except ValueError:
                continue
            if then <= told:
                at_us = (then - datetime.datetime(1970, 1, 1)) // datetime.timedelta(microseconds=1)  # noqa: DTZ001
                break
    return replace(advice, what="sale", at_us=at_us, result="approved", code="")


def _request(said: Said) -> Record:
    header, message = said.header, said.message
    what = _KINDS.get((header.mti, header.processing_code)) or _KINDS.get((header.mti, ""), "other")
    if what == "sale" and message is not None and message.text(25, "") == _COMPLETION:
        what = "completion"
    number = ""
    if message is not None:
        number = message.text(2, "") or message.text(35, "").partition("=")[0].partition("D")[0]
    by_code = header.mti == "0600" and what == "sale"
    amount_fen = header.amount_fen if what in ("sale", "void", "refund", "preauth", "completion", "advice") else None
    return Record(
        said.line, said.at_us, header.tid or "the terminal", what, amount_fen, card="" if by_code else card_key(number),
        by_code=by_code,
    )  # fmt: skip


def _ended(record: Record, code: str) -> Record:
    if record.by_code and code == _PAYING:
        return replace(record, result="unknown", code=code)
    if code in ("", "00"):
        return replace(record, result="approved", code=code)
    result: Result = "declined" if record.what not in ("settle", "reversal", "other") else "failed"
    return replace(record, result=result, code=code)


def _settled_once(found: list[Record]) -> Iterator[Record]:
    """A settlement is asked for once more after its upload; people pressed the key once."""
    asked: dict[str, Record] = {}
    for record in found:
        before = asked.get(record.terminal)
        if record.what == "settle":
            if before is not None and before.code == "95":
                record = replace(record, what="other")
                asked.pop(record.terminal)
            else:
                asked[record.terminal] = record
        elif record.what in ("sale", "void", "refund"):
            asked.pop(record.terminal, None)
        yield record
