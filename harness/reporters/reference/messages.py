"""Messages to the acquirer as a page: fields and formats from the codecs' own tables, what is required from the hosts' own.

What a host looks at beyond the fields it requires is told here, once, and held to the hosts by ``tests/host``.
"""

from __future__ import annotations

from collections.abc import Iterator

from harness.host.dialects import international as international_host
from harness.host.dialects import unionpay as unionpay_host
from harness.host.dialects.common import MessageTable
from harness.iso8583 import Message, international, unionpay
from harness.iso8583.spec import FieldSpec, MessageSpec
from harness.reporters.reference.tables import table

TID, MID = "10000009", "123456789012345"
_KINDS = {
    "n": "digits", "x+n": "C or D, then digits", "z": "track data: digits and `=`, sent as `D`", "a": "letters",
    "an": "letters and digits", "anp": "letters, digits, space", "ans": "text", "b": "bytes",
}  # fmt: skip
_UNIONPAY = unionpay_host.RULES.codes
_INTERNATIONAL = international_host.RULES.codes

Row = tuple[str, str, str, str]
"""Message type, what it asks for, what stands in it, what else it needs beyond what its type requires."""

UNIONPAY: tuple[Row, ...] = (
    ("0800", "sign-on", "DE60 `00`, batch, `003` (`001`: a PIN key of 8 bytes, `004`: a track key, too)",
     "answer: DE60 has the current batch, DE62 the working keys under the master key"),
    ("0820", "sign-off, echo test", "DE60 `00`, batch, `002` or `301`", ""),
    ("0200", "sale", f"DE3 `{_UNIONPAY['sale']}`, DE60 `22` and batch", "DE2 or DE35; with DE52 a PIN block that opens"),
    ("0220", "sale approved offline", f"DE3 `{_UNIONPAY['sale']}`, DE60 `36` and batch",
     "DE2 or DE35; DE55 names the presentation"),
    ("0200", "void", f"DE3 `{_UNIONPAY['void']}`, DE60 `23` and batch",
     "DE61: batch and STAN of the sale; DE37, where sent, must be its own"),
    ("0220", "refund", f"DE3 `{_UNIONPAY['refund']}`, DE60 `25` and batch",
     "DE61: batch and STAN of the sale, and its date (MMDD); DE37 its own"),
    ("0100", "pre-authorisation", f"DE3 `{_UNIONPAY['preauth']}`, DE25 `06`, DE60 `10` and batch", "DE2 or DE35"),
    ("0100", "its void", f"DE3 `{_UNIONPAY['preauth_void']}`, DE25 `06`, DE60 `11` and batch",
     "DE61: batch and STAN of the hold"),
    ("0200", "completion", f"DE3 `{_UNIONPAY['completion']}`, DE25 `06`, DE60 `20` and batch", "DE2 or DE35, and DE61 as above"),
    ("0200", "its void", f"DE3 `{_UNIONPAY['completion_void']}`, DE25 `06`, DE60 `21` and batch",
     "DE61: batch and STAN of the completion"),
    ("0400", "reversal", "DE3, DE4, DE11, DE25 and DE60 of the request that it takes back",
     "DE39: why (`98`: no answer, `A0`: its MAC was wrong). "
     "A sale's may have another STAN if DE61 has the sale's batch and STAN"),
    ("0600", "payment code", "DE3 `000000` charge, `310000` ask, `200000` revoke",
     "DE59: order number in 32 characters; when charging the customer's code"),
    ("0500", "settlement", "DE60 `00`, batch, `201`; DE48: totals, 62 digits", "answer: the verdict stands in DE48"),
    ("0320", "upload, and its end", "DE60 `00`, batch, `201`, `203`, `202` or `207`",
     "see [Settling](../dialects.md#settling-and-the-upload-when-totals-differ)"),
)  # fmt: skip
INTERNATIONAL: tuple[Row, ...] = (
    ("0800", "logon, test", "DE3 `920000` or `990000`, DE60 batch",
     "answer: DE60 has the current batch, DE62 the working keys under the master key"),
    ("0200", "sale", f"DE3 `{_INTERNATIONAL['sale']}`, DE60 batch", "DE2 or DE35"),
    ("0200", "void", f"DE3 `{_INTERNATIONAL['void']}`, DE60 batch", "DE62: STAN of the sale, six digits; DE37 its own"),
    ("0220", "refund", f"DE3 `{_INTERNATIONAL['refund']}`, DE60 batch", "DE37: of the sale"),
    ("0400", "reversal", "DE3, DE4, DE11 and DE60 of the request that it takes back",
     "with a STAN of its own, where a dialect file allows it, DE60 is batch, message type and STAN of the original"),
    ("0500", "settlement, and its end",
     f"DE3 `{international_host.RULES.settle_code}` or `{international_host.RULES.settle_end_code}`, DE60 batch",
     "DE63: totals, 90 digits"),
    ("0320", "upload of one record", "DE2, DE3 and DE4 of the original, DE60 batch, message type and STAN of the original", ""),
)  # fmt: skip

ANSWERS = (
    ("30", "a field that is required is missing, or a composite one (DE48, DE60, DE61, DE63) is not of its form"),
    ("97", "DE41 is no terminal of this acquirer"),
    ("03", "DE42 is not this terminal's merchant"),
    ("77", "the terminal has not signed on, or DE60 does not name its current batch"),
    ("A0", "DE64 is not what the MAC key makes of the message (0100, 0200, 0220, 0400, 0600)"),
    ("14", "DE35 is of another card than DE2"),
    ("99", "DE52 does not open under the PIN key"),
    ("12", "no such transaction: DE3 (and DE60.1) is none of the rows above"),
    ("25", "the original that a void, refund or reversal names is not there"),
    ("64", "a reversal's DE4 is not the amount of its original"),
    ("95", "the batch waits for its upload"),
)  # fmt: skip

REVERSED_SALE = {3: "000000", 4: "000000001200", 11: "000002", 25: "00", 41: TID, 42: MID, 49: "156", 60: "22000001"}
"""A sale of 12.00 yuan, as far as its reversal repeats it."""
REVERSAL = Message("0400", {**REVERSED_SALE, 39: "98"})


def messages() -> str:
    """Both built-in tables, and a reversal played out."""
    parts = [
        "# Messages to the acquirer",
        "What a host of each built-in dialect reads, field by field, and what it requires. `DE` is a data element; "
        "which of them a "
        "message has is in its bitmap. `harness explain unionpay` says what the host does with them, "
        "[dialects.md](../dialects.md) "
        "how to describe another.\n",
        *_dialect("unionpay", unionpay.SPEC, unionpay_host.TABLE, UNIONPAY),
        "## A reversal, in fields and bytes\n",
        "The sale (0200) of 12.00 yuan with STAN 000002 in batch 000001 got no answer. "
        "Whatever became of it, this takes it back:\n",
        table(("Field", "Name", "Value"), _example()),
        "All of it is the sale's, with its STAN; DE39 is new and says why, and the message has a MAC of its own. On the "
        "line, with "
        "eight zero bytes for the MAC:\n",
        f"```text\n{_wrapped(unionpay.pack(REVERSAL, lambda _: bytes(8)).hex())}\n```\n",
        "0410 with DE39 `00` ends it, and so does `25` (the host never had the sale). Without an answer send the same "
        "again, also "
        "after a restart: so it must be on the medium before the sale is sent (invariants 4, 5 and 6). A second one is "
        "answered as "
        "the first was.\n",
        *_dialect("international", international.SPEC, international_host.TABLE, INTERNATIONAL),
        "## ascii\n",
        "The fields of `international`, as text: digits, length prefixes and the bitmap (in hexadecimal) are "
        "characters, there is "
        "no TPDU, no logon and no DE64.\n",
        "## What DE39 says of a request that is not right\n",
        table(("DE39", "Why"), ANSWERS),
    ]  # fmt: skip
    return "\n".join(parts)


def _dialect(name: str, spec: MessageSpec, rules: MessageTable, rows: tuple[Row, ...]) -> Iterator[str]:
    yield f"## {name}\n"
    yield "### Requests\n"
    yield table(
        ("Message", "What", "Required", "Told apart by", "Also"),
        ((mti, what, _numbers(rules.required[mti]), apart, also) for mti, what, apart, also in rows),
    )
    yield (
        f"An answer has the message type with its third digit one higher, repeats DE {_numbers(rules.echoed)} and adds "
        "DE12, DE13 "
        "and DE39; of money also DE37, and DE38 where it was approved. A message type that is not here is not answered.\n"
    )
    yield "### Fields\n"
    yield table(("DE", "Name", "Value", "Length", "Sent as"), (_field(each) for each in spec.fields))


def _numbers(numbers: frozenset[int]) -> str:
    return ", ".join(str(each) for each in sorted(numbers))


def _field(field: FieldSpec) -> tuple[object, ...]:
    prefix = f"{field.length_type}, up to {field.length}" if field.is_variable else str(field.length)
    is_odd = field.encoding == "bcd" and (field.is_variable or field.length % 2 == 1)
    filled = f", an odd number with {field.pad_nibble} on the {field.pad}" if is_odd else ""
    return field.number, field.name, _KINDS[field.kind], prefix, f"{field.encoding}{filled}"


def _example() -> Iterator[tuple[str, str, str]]:
    for number, value in sorted(REVERSAL.fields.items()):
        yield f"DE{number}", unionpay.SPEC.field(number).name, f"`{value!s}`"
    yield (
        "DE64",
        unionpay.SPEC.field(64).name,
        "8 bytes: the PIN pad's `mac` of all before it, from the message type on",
    )


def _wrapped(text: str, width: int = 96) -> str:
    return "\n".join(text[at : at + width] for at in range(0, len(text), width))
