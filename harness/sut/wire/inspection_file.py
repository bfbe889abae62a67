"""The answer to ``PROGRAM --inspect DIR``: JSON with the fields of ``harness.contract.Inspection``, or ``null`` for no answer.

    {"batch":"000001","next_stan":"000004","records":[{"stan":"000003","batch":"000001","kind":"sale","amount_fen":1250,
     "state":"active"}],"pending_reversals":[],"damaged_records":0,"settling":false,"totals":[1,1250,0,0]}

DIR holds an image of the device's volumes: what stood at /data/journal is DIR/data/journal. Keys may be left out; an unknown one
is an error, for it was meant to say something.
"""

from __future__ import annotations

from dataclasses import fields

import msgspec

from harness.contract import Inspection, Record
from harness.core.errors import SoftwareError
from harness.core.registry import nearest
from harness.sut.console import presentable

ANSWER_BYTES_MAX = 32 << 20


def read_inspection(content: bytes, where: str) -> Inspection | None:
    """What a program's answer says; ``where`` is its name in messages. Raises SoftwareError for what is no answer."""
    if len(content) > ANSWER_BYTES_MAX:
        raise SoftwareError(f"{where}: the answer is longer than {ANSWER_BYTES_MAX >> 20} MiB")
    try:
        value = msgspec.json.decode(content)
        problem = _unknown_key(value)
        if not problem:
            return msgspec.convert(value, Inspection | None, strict=True)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        problem = "nested too deep" if isinstance(error, RecursionError) else str(error)
    raise SoftwareError(f"{where}: not a JSON answer of an inspection: {presentable(problem)}")


def _unknown_key(value: object) -> str:
    if not isinstance(value, dict):
        return ""
    records = value.get("records")
    for found, cls in (
        (value, Inspection),
        *((each, Record) for each in (records if isinstance(records, list) else ())),
    ):
        known = [each.name for each in fields(cls)]
        for key in found if isinstance(found, dict) else ():
            if key not in known:
                return f"unknown key {key[:40]!r}; {nearest(key[:40], known)}"
    return ""
