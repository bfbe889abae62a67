"""Encode and decode messages from a ``MessageSpec``: straight-line code for each set of fields, one closure a field behind it.

Received bytes are hostile: whatever they are, ``decode`` returns a message that is wholly within the specification or
raises ``DecodeError``. Pad nibbles, alphabets and trailing bytes are checked, so for a message that decodes, encoding
it again gives the same bytes (but for the case of hexadecimal characters).
"""

from binascii import a2b_hex
from collections.abc import Callable

from harness.iso8583.errors import DecodeError, EncodeError
from harness.iso8583.message import FieldValue, Message
from harness.iso8583.spec import FieldSpec, MessageSpec
from harness.iso8583.straight import SURPRISES, DecodeAll, EncodeAll, decode_function, encode_function
from harness.iso8583.values import ASCII_CHECKS, alphabet, first_fault, reader, writer

DecodeField = Callable[[bytes, int], tuple[FieldValue, int]]
EncodeField = Callable[[FieldValue], bytes]

# Plans are remembered per set of fields; hostile bitmaps must not make the memory grow without end.
_PLANS_MAX = 1024
USES_BEFORE_COMPILING = 100
"""Straight-line code costs as much to make as it saves on a hundred messages: not for what is rare, nor for hostile bitmaps."""
_BCD_BYTES = {a2b_hex(f"{number:02d}"): number for number in range(100)}
_MTI_CODECS = {"ascii": "ascii", "ebcdic": "cp500"}


class _EncodePlan:
    """For one set of fields: the bitmap, and both ways to write what follows it."""

    __slots__ = ("all_at_once", "bitmap", "one_by_one", "specs", "uses")

    def __init__(self, bitmap: bytes, specs: list[FieldSpec], encoders: dict[int, EncodeField]) -> None:
        self.bitmap = bitmap
        self.specs = specs
        self.one_by_one = tuple((spec.number, encoders[spec.number]) for spec in specs)
        self.all_at_once: EncodeAll | None = None
        self.uses = 0


class _DecodePlan:
    """For one bitmap: where the fields begin, and both ways to read them."""

    __slots__ = ("all_at_once", "begin", "one_by_one", "specs", "uses")

    def __init__(self, begin: int, specs: list[FieldSpec], decoders: dict[int, DecodeField]) -> None:
        self.begin = begin
        self.specs = specs
        self.one_by_one = tuple((spec.number, decoders[spec.number]) for spec in specs)
        self.all_at_once: DecodeAll | None = None
        self.uses = 0


class Codec:
    """``Codec(spec).encode(message) -> bytes`` and ``.decode(bytes) -> Message``.

    >>> from harness.iso8583 import unionpay
    >>> wire = unionpay.CODEC.encode(Message("0800", {11: "000001", 41: "10000001", 60: "00000001003"}))
    >>> unionpay.CODEC.decode(wire).text(41)
    '10000001'
    """

    def __init__(self, spec: MessageSpec) -> None:
        self.spec = spec
        self._encoders = {field.number: _field_encoder(field) for field in spec.fields}
        self._decoders = {field.number: _field_decoder(field) for field in spec.fields}
        self._encode_plans: dict[tuple[int, ...], _EncodePlan] = {}
        self._decode_plans: dict[bytes, _DecodePlan] = {}
        self._read_mti, self._write_mti = _mti_functions(spec)
        self._mti_size = 2 if spec.mti_encoding == "bcd" else 4
        self._bitmap_size = 8 if spec.bitmap_encoding == "binary" else 16

    def encode(self, message: Message) -> bytes:
        """The message as sent; EncodeError names the first field that does not fit."""
        fields = message.fields
        key = tuple(fields)
        plan = self._encode_plans.get(key)
        if plan is None:
            plan = self._encode_plan(key)
        mti = self._write_mti(message.mti)
        pieces: list[bytes] | None = None
        if plan.all_at_once is not None:
            try:
                pieces = plan.all_at_once(fields)
            except SURPRISES:
                pass  # the other way says what is wrong
        elif plan.uses < USES_BEFORE_COMPILING:
            plan.uses += 1
        else:
            plan.all_at_once = encode_function(plan.specs, self._encoders)
        if pieces is None:
            pieces = [encode(fields[number]) for number, encode in plan.one_by_one]
        return b"".join((mti, plan.bitmap, *pieces))

    def decode(self, data: bytes | bytearray | memoryview) -> Message:
        """The message in ``data``; DecodeError for anything that is not one whole message of the specification."""
        data = bytes(data)
        mti = self._read_mti(data)
        plan = self._decode_plans.get(data[self._mti_size : self._mti_size + self._bitmap_size])
        if plan is None:
            plan = self._bitmap_and_plan(data)
        fields: dict[int, FieldValue] | None = None
        if plan.all_at_once is not None:
            try:
                fields = plan.all_at_once(data)
            except SURPRISES:
                pass  # the other way says what is wrong
        elif plan.uses < USES_BEFORE_COMPILING:
            plan.uses += 1
        else:
            plan.all_at_once = decode_function(plan.specs, plan.begin, self._decoders)
        return Message(mti, self._decode_one_by_one(data, plan) if fields is None else fields)

    def decode_leading(self, data: bytes) -> tuple[Message, DecodeError | None]:
        """As much as can be read, for a person to look at: the fields before the first that cannot, and what is wrong with it."""
        message = Message("")
        try:
            message.mti = self._read_mti(data)
            plan = self._bitmap_and_plan(data)
            offset = plan.begin
            for number, decode in plan.one_by_one:
                message[number], offset = decode(data, offset)
        except DecodeError as error:
            return message, error
        if offset != len(data):
            return message, DecodeError("message", offset, "the end of the message", f"{len(data) - offset} bytes more")
        return message, None

    def _decode_one_by_one(self, data: bytes, plan: "_DecodePlan") -> dict[int, FieldValue]:
        offset = plan.begin
        fields: dict[int, FieldValue] = {}
        for number, decode in plan.one_by_one:
            fields[number], offset = decode(data, offset)
        if offset != len(data):
            raise DecodeError("message", offset, "the end of the message", f"{len(data) - offset} bytes more")
        return fields

    def _encode_plan(self, numbers: tuple[int, ...]) -> "_EncodePlan":
        unknown = [number for number in numbers if number not in self._encoders]
        if unknown:
            raise EncodeError(f"DE{unknown[0]}", f"a field of {self.spec.name}", "one it does not define")
        ordered = sorted(numbers)
        size_bits = 128 if ordered and ordered[-1] > 64 else 64
        bits = sum(1 << (size_bits - number) for number in ordered) | (1 << 127 if size_bits == 128 else 0)
        raw = bits.to_bytes(size_bits // 8, "big")
        specs = [self.spec.field(number) for number in ordered]
        plan = _EncodePlan(self._write_bitmap(raw), specs, self._encoders)
        if len(self._encode_plans) >= _PLANS_MAX:
            self._encode_plans.clear()
        self._encode_plans[numbers] = plan
        return plan

    def _bitmap_and_plan(self, data: bytes) -> "_DecodePlan":
        start, size = self._mti_size, self._bitmap_size
        wire = data[start : start + size]
        raw = self._read_bitmap(wire, start)
        if raw[0] & 0x80:
            wire = data[start : start + 2 * size]
            raw += self._read_bitmap(wire[size:], start + size)
            known = self._decode_plans.get(wire)
            if known is not None:
                return known
        bits = int.from_bytes(raw, "big")
        size_bits = len(raw) * 8
        numbers = [number for number in range(2, size_bits + 1) if bits >> (size_bits - number) & 1]
        unknown = [number for number in numbers if number not in self._decoders]
        if unknown:
            raise DecodeError(
                "bitmap", start, f"fields of {self.spec.name}", f"DE{unknown[0]}, which it does not define"
            )
        specs = [self.spec.field(number) for number in numbers]
        plan = _DecodePlan(start + len(wire), specs, self._decoders)
        if len(self._decode_plans) >= _PLANS_MAX:
            self._decode_plans.clear()
        self._decode_plans[wire] = plan
        return plan

    def _write_bitmap(self, raw: bytes) -> bytes:
        if self.spec.bitmap_encoding == "binary":
            return raw
        return raw.hex().upper().encode("ascii" if self.spec.bitmap_encoding == "hex" else "cp500")

    def _read_bitmap(self, wire: bytes, offset: int) -> bytes:
        if len(wire) != self._bitmap_size:
            raise DecodeError("bitmap", offset, f"{self._bitmap_size} bytes", f"{len(wire)} bytes")
        if self.spec.bitmap_encoding == "binary":
            return wire
        try:
            return a2b_hex(wire.decode("ascii" if self.spec.bitmap_encoding == "hex" else "cp500"))
        except ValueError:
            raise DecodeError("bitmap", offset, "16 hexadecimal digits", "other characters") from None


def _mti_functions(spec: MessageSpec) -> tuple[Callable[[bytes], str], Callable[[str], bytes]]:
    is_bcd = spec.mti_encoding == "bcd"
    codec = "ascii" if is_bcd else _MTI_CODECS[spec.mti_encoding]

    size = 2 if is_bcd else 4

    def read(data: bytes) -> str:
        text = data[:2].hex() if is_bcd else data[:size].decode(codec, "replace")
        if len(text) != 4 or not text.isdecimal() or not text.isascii():
            raise DecodeError("MTI", 0, f"4 digits in {spec.mti_encoding}", f"{min(len(data), size)} other bytes")
        return text

    def write(mti: str) -> bytes:
        if len(mti) != 4 or not mti.isdecimal() or not mti.isascii():
            raise EncodeError("MTI", "4 digits", repr(mti))
        return a2b_hex(mti) if is_bcd else mti.encode(codec)

    return read, write


def _wire_size(spec: FieldSpec, units: int) -> int:
    """Bytes on the wire for ``units`` of the field's length."""
    if spec.encoding == "bcd" and spec.prefix_counts == "characters":
        return (units + 1) // 2 + (1 if spec.kind == "x+n" else 0)
    if spec.kind == "x+n":
        return units + 1
    return units * 2 if spec.encoding == "hex" else units


def _misfit(spec: FieldSpec, data: bytes, offset: int, size: int, units: int) -> DecodeError:
    chunk = data[offset : offset + size]
    if len(chunk) < size:
        return DecodeError(spec.label, offset, f"{size} bytes", f"{len(chunk)} bytes before the message ends")
    return DecodeError(spec.label, offset, alphabet(spec), first_fault(spec, chunk, units))


def _field_decoder(spec: FieldSpec) -> DecodeField:
    return _variable_decoder(spec) if spec.is_variable else _fixed_decoder(spec)


def _fixed_decoder(spec: FieldSpec) -> DecodeField:
    read, units, size = reader(spec), spec.length, _wire_size(spec, spec.length)

    def decode(data: bytes, offset: int) -> tuple[FieldValue, int]:
        end = offset + size
        value = read(data[offset:end], units) if end <= len(data) else None
        if value is None:
            raise _misfit(spec, data, offset, size, units)
        return value, end

    def decode_digits(data: bytes, offset: int) -> tuple[FieldValue, int]:
        end = offset + size
        text = data[offset:end].hex()
        if len(text) == units and text.isdecimal():
            return text, end
        raise _misfit(spec, data, offset, size, units)

    def decode_text(data: bytes, offset: int) -> tuple[FieldValue, int]:
        end = offset + size
        chunk = data[offset:end]
        if len(chunk) == size and is_kind(chunk):
            return chunk.decode(), end
        raise _misfit(spec, data, offset, size, units)

    # The two shapes most fields have, without the call to ``read``.
    if spec.kind == "n" and spec.encoding == "bcd" and units % 2 == 0:
        return decode_digits
    is_kind = ASCII_CHECKS.get(spec.kind, bytes.isalnum)
    return decode_text if spec.kind in ASCII_CHECKS and spec.encoding == "ascii" else decode


def _variable_decoder(spec: FieldSpec) -> DecodeField:
    read, read_length = reader(spec), _length_reader(spec)
    prefix_size, units_max = spec.prefix_size, spec.longest_prefix_value
    in_bytes = spec.prefix_counts == "bytes"
    is_bcd, is_hex = spec.encoding == "bcd" and not in_bytes, spec.encoding == "hex" and not in_bytes
    empty: FieldValue = b"" if spec.kind == "b" else ""

    def decode(data: bytes, offset: int) -> tuple[FieldValue, int]:
        units = read_length(data, offset)
        if units > units_max:
            raise DecodeError(spec.label, offset, f"a length of at most {units_max}", str(units))
        start = offset + prefix_size
        if units == 0:
            return empty, start
        end = start + ((units + 1) // 2 if is_bcd else units * 2 if is_hex else units)
        value = read(data[start:end], units * 2 if in_bytes else units) if end <= len(data) else None
        if value is None:
            raise _misfit(spec, data, start, end - start, units * 2 if in_bytes else units)
        return value, end

    return decode


def _length_reader(spec: FieldSpec) -> Callable[[bytes, int], int]:
    size, encoding = spec.prefix_size, spec.length_encoding
    codec = _MTI_CODECS.get(encoding, "ascii")

    def fail(data: bytes, offset: int) -> DecodeError:
        found = data[offset : offset + size]
        problem = f"0x{found.hex()}" if len(found) == size else f"{len(found)} bytes before the message ends"
        return DecodeError(f"length of {spec.label}", offset, f"{size} bytes in {encoding}", problem)

    def read_digits(data: bytes, offset: int) -> int:
        chunk = data[offset : offset + size]
        text = chunk.hex() if encoding == "bcd" else chunk.decode(codec, "replace")
        if len(chunk) != size or not text.isdecimal() or not text.isascii():
            raise fail(data, offset)
        return int(text)

    def read_binary(data: bytes, offset: int) -> int:
        chunk = data[offset : offset + size]
        if len(chunk) != size:
            raise fail(data, offset)
        return int.from_bytes(chunk, "big")

    def read_bcd_byte(data: bytes, offset: int) -> int:
        digits = _BCD_BYTES.get(data[offset : offset + 1])
        if digits is None:
            raise fail(data, offset)
        return digits

    if encoding == "bcd" and size == 1:
        return read_bcd_byte
    return read_binary if encoding == "binary" else read_digits


def _length_table(spec: FieldSpec) -> list[bytes]:
    """Every length prefix the field may need, so that sending one is a look-up."""
    size, numbers = spec.prefix_size, range(spec.longest_prefix_value + 1)
    if spec.length_encoding == "binary":
        return [number.to_bytes(size, "big") for number in numbers]
    if spec.length_encoding == "bcd":
        return [a2b_hex(str(number).zfill(size * 2)) for number in numbers]
    return [str(number).zfill(size).encode(_MTI_CODECS[spec.length_encoding]) for number in numbers]


def _field_encoder(spec: FieldSpec) -> EncodeField:
    write = writer(spec)
    wire_size = _wire_size(spec, spec.length)
    counts_value = spec.encoding in ("bcd", "hex") and spec.prefix_counts == "characters"
    prefixes = _length_table(spec) if spec.is_variable else []

    def encode_fixed(value: FieldValue) -> bytes:
        chunk = write(value)
        if chunk is None or len(chunk) != wire_size or (odd_digits and len(value) != length):
            raise _cannot_send(spec, value)
        return chunk

    def encode_variable(value: FieldValue) -> bytes:
        chunk = write(value) if value else b""
        units = len(value) if counts_value else len(chunk or b"")
        if chunk is None or units >= len(prefixes):
            raise _cannot_send(spec, value)
        return prefixes[units] + chunk

    def encode_digits(value: FieldValue) -> bytes:
        if value.__class__ is str and len(value) == length and value.isdecimal() and value.isascii():
            return a2b_hex(value)
        return encode_fixed(value)

    def encode_name(value: FieldValue) -> bytes:
        if value.__class__ is str and len(value) == length and value.isalnum() and value.isascii():
            return value.encode()
        return encode_fixed(value)

    def encode_bytes(value: FieldValue) -> bytes:
        return value if isinstance(value, bytes) and len(value) == length else encode_fixed(value)

    length = spec.length + (1 if spec.kind == "x+n" else 0)
    # Padding makes 3 and 4 digits the same number of bytes, so there the value itself is measured too.
    odd_digits = spec.encoding == "bcd"
    if spec.is_variable:
        return encode_variable
    # The shapes most fields have, without the call to ``write``.
    if spec.kind in ("an", "anp", "ans") and spec.encoding == "ascii":
        return encode_name
    if spec.encoding == "binary":
        return encode_bytes
    return encode_digits if spec.kind == "n" and spec.encoding == "bcd" and length % 2 == 0 else encode_fixed


def _cannot_send(spec: FieldSpec, value: FieldValue) -> EncodeError:
    size = f"{'at most' if spec.is_variable else 'exactly'} {spec.length}"
    expected = f"{size} of {alphabet(spec)}" + (
        ", an even number" if spec.encoding == "bcd" and spec.prefix_counts == "bytes" else ""
    )
    try:
        found = f"{type(value).__name__} of length {len(value)}"
    except TypeError:
        found = type(value).__name__
    return EncodeError(spec.label, expected, found)
