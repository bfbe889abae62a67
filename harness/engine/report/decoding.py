"""A message on the line as a person reads it: field by field, with the names of the host's own dialect.

Models: the dialect's field table; whatever of a damaged message can be read, and what is wrong with the rest. Card numbers are
masked, and keys, tracks, PIN blocks, chip data and expiry dates are told by their length alone.
Does not model: dialects that are code without a field table; of their messages the history's own words are all there is.
Source: PCI DSS 3.4 (what of a card number may be shown).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

from harness.core.masking import mask_pan
from harness.engine.report.model import Field
from harness.host.dialects.base import Dialect
from harness.iso8583 import CodecError, DecodeError, FieldValue, Message
from harness.iso8583.frame import unpack
from harness.iso8583.message import HIDDEN_FIELDS
from harness.iso8583.unionpay import Original61, Reserved60, Settlement48
from harness.iso8583.wire import Wire

Conceal: TypeAlias = Callable[[str], str]
"""Masks customers' card data in a text: whoever calls knows the cards."""

VALUE_CHARACTERS_MAX = 200
_BYTES_SHOWN_MAX = 64
_FIELDS_MAX = 128
_CODES = ("64", "128")
"""Message authentication codes: eight bytes that may well look like digits."""
_THIN_SPACE = "\u2009"
"""Between digits that are no card number and might pass for one: to the eye a space, and to whoever searches for cards none."""
_SETTLEMENTS = frozenset({"0500", "0510"})
_TOTAL_FEN_MAX = 999_999_999
"""A batch of ten million yuan; what is more is none of a shop's."""
_LONG_NUMBER = re.compile(r"\d{13,}")
_REFERENCE_FIELDS = frozenset({37, 41, 42, 53, 60, 61, 90})
"""Numbers of the line's own, as long as a card number and none: of these only what is a customer's card is masked, and they are
written in groups, lest they are taken for one."""


def decoded(dialect: Dialect, frame: bytes, conceal: Conceal) -> tuple[tuple[Field, ...], str]:
    """The fields of ``frame``, and what of it could not be read; both empty where the dialect has no field table."""
    wire = getattr(dialect, "wire", None)
    if not isinstance(wire, Wire):
        return (), ""
    try:
        envelope = unpack(frame, len(wire.tpdu), len(wire.header))
    except DecodeError as error:
        return (_bytes("", "frame", frame, conceal),), str(error)
    fields: list[Field] = []
    for name, content in (("TPDU", envelope.tpdu), ("header", envelope.header)):
        if content:
            fields.append(Field("", name, content.hex()))
    message, wrong = wire.codec.decode_leading(envelope.payload)
    names = {spec.number: spec.name for spec in wire.codec.spec.fields}
    for number in list(message)[:_FIELDS_MAX]:
        fields.append(_field(number, names.get(number, ""), message, conceal, of_unionpay=_of_unionpay(wire)))
    if wrong is not None:
        fields.append(_bytes("", "rest", envelope.payload[wrong.offset :], conceal))
    return tuple(fields), "" if wrong is None else str(wrong)


def _of_unionpay(wire: Wire) -> bool:
    return "unionpay" in wire.codec.spec.name.lower()


def _field(number: int, name: str, message: Message, conceal: Conceal, *, of_unionpay: bool) -> Field:
    value = message[number]
    parts = tuple(_parts(number, value)) if of_unionpay or number == 4 else ()
    if number == 2 and isinstance(value, str):
        return Field(str(number), name, mask_pan(value))
    if number == 48 and of_unionpay and isinstance(value, str) and (shown := _totals(message.mti, value, conceal)):
        return Field(str(number), name, shown, parts=parts)
    if number in HIDDEN_FIELDS:
        return Field(str(number), name, "", hidden=len(value), parts=parts)
    if isinstance(value, bytes):
        return _bytes(str(number), name, value, conceal)
    shown = masked(value, conceal) if number not in _REFERENCE_FIELDS else _grouped(conceal(value))
    return Field(str(number), name, shown[:VALUE_CHARACTERS_MAX], parts=parts)


def _totals(mti: str, value: str, conceal: Conceal) -> str:
    """DE48 of a settlement, which is amounts and counts: nothing where it may be anything else.

    Every amount begins with zeros, so that no card number fits in between.
    """
    if mti not in _SETTLEMENTS or conceal(value) != value:
        return ""
    try:
        asked = Settlement48.parse(value)
    except CodecError:
        return ""
    sides = asked.domestic, asked.foreign
    if max(amount for each in sides for amount in (each.debit_fen, each.credit_fen)) > _TOTAL_FEN_MAX:
        return ""
    parts = [
        value[start + at : start + end] for start in (0, 31) for at, end in ((0, 12), (12, 15), (15, 27), (27, 31))
    ]
    return _THIN_SPACE.join(parts)


def _grouped(text: str) -> str:
    if _LONG_NUMBER.search(text) is None:
        return text
    return _THIN_SPACE.join(text[at : at + 4] for at in range(0, len(text), 4))


def _bytes(number: str, name: str, content: bytes, conceal: Conceal) -> Field:
    """Bytes as hexadecimal text; what looks like packed digits of a card is masked in it, and as plain characters, too."""
    text = content.decode("latin-1")
    if masked(text, conceal) != text:
        return Field(number, name, "", hidden=len(content))
    shown = conceal(content.hex()) if number in _CODES else masked(content.hex(), conceal)
    pairs = [shown[at : at + 2] for at in range(0, min(len(shown), 2 * _BYTES_SHOWN_MAX), 2)]
    return Field(number, name, _THIN_SPACE.join(pairs), size_bytes=len(content))


def masked(text: str, conceal: Conceal) -> str:
    """``text`` without card numbers: those that are known, and whatever is as long as one."""
    if _LONG_NUMBER.search(text) is None:
        return conceal(text)
    return _LONG_NUMBER.sub(lambda found: mask_pan(found.group()), conceal(text))


def _parts(number: int, value: FieldValue) -> Iterator[tuple[str, str]]:
    """What composite fields say, by codes of the page's texts."""
    if not isinstance(value, str):
        return
    try:
        if number == 4:
            yield "yuan", f"{int(value) / 100:,.2f}"
        elif number == 48:
            totals = Settlement48.parse(value)
            yield "debits", f"{totals.domestic.debit_count} / {totals.domestic.debit_fen / 100:,.2f}"
            yield "credits", f"{totals.domestic.credit_count} / {totals.domestic.credit_fen / 100:,.2f}"
            yield "code", totals.domestic_code
        elif number == 60:
            reserved = Reserved60.parse(value)
            yield "type", reserved.type_code
            yield "batch", reserved.batch
            if reserved.network_code:
                yield "function", reserved.network_code
        elif number == 61:
            original = Original61.parse(value)
            yield "batch", original.batch
            yield "trace", original.stan
    except (CodecError, ValueError):
        return
