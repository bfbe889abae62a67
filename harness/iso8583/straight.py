"""Straight-line code for one set of fields: what a codec's table says, written out once as a Python function and compiled.

A message of a terminal has a dozen fields, and a dozen calls each way cost more than all the work that they do. So for each
bitmap that is met the fields are written out in one function, neighbours taken together: digits as one run of
hexadecimal text, fixed text as one run of ASCII. The functions know only how to succeed. Where anything is not exactly as it
should be they return None, and the field-by-field way, which names the field and the offset, is gone again from the start.
The source is made from the table alone, never from what was received.
"""

from __future__ import annotations

from binascii import a2b_hex
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Any

from harness.iso8583.message import FieldValue
from harness.iso8583.spec import FieldSpec

DecodeAll = Callable[[bytes], "dict[int, FieldValue] | None"]
EncodeAll = Callable[[dict[int, FieldValue]], "list[bytes] | None"]

_INVALID = -1_000_000  # stays below zero whatever a second length byte adds
_TWO_DIGITS = tuple(
    int(f"{byte:02x}") if f"{byte:02x}".isdecimal() else _INVALID for byte in range(256)
)  # a BCD byte's number
_ASCII_FITS = {
    "n": "{0}.isdecimal()",
    "a": "{0}.isalpha()",
    "an": "{0}.isalnum()",
    "anp": '{0}.replace(" ", "0").isalnum()',
    "ans": "{0}.isprintable()",
}
SURPRISES = (TypeError, AttributeError, IndexError, ValueError)
"""What a function may meet instead of returning None: a value of the wrong type, a message that ends too soon."""


def _shape(spec: FieldSpec) -> str:
    """How the field is written out; ``call`` for the shapes that are rare, which keep their own function."""
    digits = spec.encoding == "bcd" and spec.kind in ("n", "z") and spec.prefix_counts == "characters"
    if digits and spec.pad_nibble.isdecimal():
        if not spec.is_variable:
            return "digits" if spec.kind == "n" else "call"
        return f"long {spec.kind}" if spec.length_encoding == "bcd" and spec.prefix_size <= 2 else "call"
    if spec.is_variable:
        return "call"
    if spec.encoding == "ascii" and spec.kind in _ASCII_FITS:
        return "text"
    return "bytes" if spec.encoding == "binary" else "call"


def _grouped(specs: Sequence[FieldSpec]) -> Iterator[tuple[str, list[FieldSpec]]]:
    for shape, group in groupby(specs, key=_shape):
        yield shape, list(group)


def _compiled(name: str, lines: list[str], names: dict[str, Any]) -> Any:
    source = "\n    ".join(lines)
    exec(compile(source, f"<{name}>", "exec"), names)
    return names[name]


# ---------------------------------------------------------------- decoding


def decode_function(
    specs: Sequence[FieldSpec], start: int, one_by_one: dict[int, Callable[[bytes, int], tuple[FieldValue, int]]]
) -> DecodeAll:
    """All fields of a message whose first field begins at byte ``start``; ``one_by_one`` is used for rare shapes."""
    lines = ["def decode_all(data):", "hexed = data.hex()", f"at = {start}"]
    names: dict[str, Any] = {"TWO_DIGITS": _TWO_DIGITS}
    for shape, group in _grouped(specs):
        if shape == "digits":
            lines += _decode_digits(group)
        elif shape == "text":
            lines += _decode_text(group)
        else:
            for spec in group:
                if shape == "bytes":
                    lines += [f"f{spec.number} = data[at:at + {spec.length}]", f"at += {spec.length}"]
                elif shape == "call":
                    names[f"decode{spec.number}"] = one_by_one[spec.number]
                    lines.append(f"f{spec.number}, at = decode{spec.number}(data, at)")
                else:
                    lines += _decode_long(spec)
    # Slices past the end are short and checked only as a whole here: the offset then lies behind the end.
    lines.append("if at != len(data): return None")
    lines.append("return {" + ", ".join(f"{spec.number}: f{spec.number}" for spec in specs) + "}")
    decode: DecodeAll = _compiled("decode_all", lines, names)
    return decode


def _decode_digits(group: list[FieldSpec]) -> list[str]:
    """A run of fixed BCD fields: one slice, one check."""
    places: list[str] = []
    offset = 0
    for spec in group:
        size = spec.length + spec.length % 2
        skip = spec.length % 2 if spec.pad == "left" else 0
        if spec.length % 2:
            pad = offset if spec.pad == "left" else offset + spec.length
            places.append(f"if run[{pad}] != {spec.pad_nibble!r}: return None")
        places.append(f"f{spec.number} = run[{offset + skip}:{offset + skip + spec.length}]")
        offset += size
    return [
        f"run = hexed[2 * at:2 * at + {offset}]",
        "if not run.isdecimal(): return None",
        *places,
        f"at += {offset // 2}",
    ]


def _decode_text(group: list[FieldSpec]) -> list[str]:
    """A run of fixed ASCII fields; neighbours of one kind are checked together."""
    total = sum(spec.length for spec in group)
    lines = [f"run = data[at:at + {total}]", "if not run.isascii(): return None", "run = run.decode()"]
    offset = 0
    for kind, alike in groupby(group, key=lambda spec: spec.kind):
        begin = offset
        for spec in alike:
            lines.append(f"f{spec.number} = run[{offset}:{offset + spec.length}]")
            offset += spec.length
        lines.append(f"if not {_ASCII_FITS[kind].format(f'run[{begin}:{offset}]')}: return None")
    return [*lines, f"at += {total}"]


def _decode_long(spec: FieldSpec) -> list[str]:
    """A BCD field behind a BCD length."""
    length = "TWO_DIGITS[data[at]]"
    if spec.prefix_size == 2:
        length += " * 100 + TWO_DIGITS[data[at + 1]]"
    name = f"f{spec.number}"
    lines = [
        f"count = {length}",
        f"if not 0 <= count <= {spec.longest_prefix_value}: return None",
        f"at += {spec.prefix_size}",
        "begin = 2 * at",
    ]
    if spec.pad == "left":
        lines += [f"if count & 1 and hexed[begin] != {spec.pad_nibble!r}: return None", "begin += count & 1"]
    else:
        lines.append(f"if count & 1 and hexed[begin + count] != {spec.pad_nibble!r}: return None")
    lines.append(f"{name} = hexed[begin:begin + count]")
    digits = name
    if spec.kind == "z":
        lines.append(f'{name} = {name}.replace("d", "=")')
        digits = f'{name}.replace("=", "0")'
    return [*lines, f"if count and not {digits}.isdecimal(): return None", "at += (count + 1) // 2"]


# ---------------------------------------------------------------- encoding


def encode_function(specs: Sequence[FieldSpec], one_by_one: dict[int, Callable[[FieldValue], bytes]]) -> EncodeAll:
    """The bytes of all fields in order, in a few pieces; ``one_by_one`` is used for rare shapes."""
    lines = ["def encode_all(fields):"]
    names: dict[str, Any] = {"a2b_hex": a2b_hex}
    pieces: list[str] = []
    for shape, group in groupby(specs, key=lambda spec: "digits" if _shape(spec) == "long n" else _shape(spec)):
        if shape == "digits":
            lines += _encode_digits(list(group), pieces, names)
            continue
        if shape == "text":
            lines += _encode_text(list(group), pieces)
            continue
        for spec in group:
            name = f"f{spec.number}"
            lines.append(f"{name} = fields[{spec.number}]")
            if shape == "bytes":
                lines.append(f"if {name}.__class__ is not bytes or len({name}) != {spec.length}: return None")
                pieces.append(name)
            elif shape == "long z":
                lines.append(f'{name} = {name}.replace("=", "D")')
                check = f'{name}.replace("D", "0")'
                lines.append(f"if {name} and not ({check}.isdecimal() and {name}.isascii()): return None")
                pieces.append(f"a2b_hex({_long_text(spec, names)})")
            else:
                names[f"encode{spec.number}"] = one_by_one[spec.number]
                pieces.append(f"encode{spec.number}({name})")
    lines.append(f"return [{', '.join(pieces)}]")
    encode: EncodeAll = _compiled("encode_all", lines, names)
    return encode


def _long_text(spec: FieldSpec, names: dict[str, Any]) -> str:
    """Length, digits and pad of a variable field as hexadecimal text; a value that is too long has no length."""
    name, number = f"f{spec.number}", spec.number
    names[f"LENGTHS{number}"] = tuple(
        f"{units:0{2 * spec.prefix_size}d}" + (spec.pad_nibble if units % 2 and spec.pad == "left" else "")
        for units in range(spec.longest_prefix_value + 1)
    )
    text = f"LENGTHS{number}[len({name})] + {name}"
    if spec.pad == "left":
        return text
    names[f"PADS{number}"] = ("", spec.pad_nibble)
    return f"{text} + PADS{number}[len({name}) & 1]"


def _encode_digits(group: list[FieldSpec], pieces: list[str], names: dict[str, Any]) -> list[str]:
    """A run of BCD fields, fixed and variable: one text, one check."""
    lines: list[str] = []
    parts: list[str] = []
    for spec in group:
        name = f"f{spec.number}"
        lines.append(f"{name} = fields[{spec.number}]")
        if spec.is_variable:
            parts.append(_long_text(spec, names))
            continue
        lines.append(f"if len({name}) != {spec.length}: return None")
        pad = [repr(spec.pad_nibble)] if spec.length % 2 else []
        parts += [*pad, name] if spec.pad == "left" else [name, *pad]
    run = f"run{group[0].number}"
    lines.append(f"{run} = {' + '.join(parts)}")
    lines.append(f"if not ({run}.isdecimal() and {run}.isascii()): return None")
    pieces.append(f"a2b_hex({run})")
    return lines


def _encode_text(group: list[FieldSpec], pieces: list[str]) -> list[str]:
    """A run of fixed ASCII fields; neighbours of one kind are checked together."""
    lines: list[str] = []
    for kind, alike in groupby(group, key=lambda spec: spec.kind):
        same = list(alike)
        for spec in same:
            lines.append(f"f{spec.number} = fields[{spec.number}]")
            lines.append(f"if len(f{spec.number}) != {spec.length}: return None")
        text = " + ".join(f"f{spec.number}" for spec in same)
        lines.append(f"text{same[0].number} = {text}")
        lines.append(f"if not {_ASCII_FITS[kind].format(f'text{same[0].number}')}: return None")
        pieces.append(f'text{same[0].number}.encode("ascii")')
    return lines
