"""Requests as a program writes them, each a typed value: the shape of the protocol in ``harness.sut.wire``.

Models: exact types, no unknown keys, bounded numbers. Whatever is wrong with a line is a ContractViolation that shows the line,
shortened and masked, and says what was expected.
"""

from __future__ import annotations

from typing import Annotated, TypeAlias, get_args

import msgspec

from harness.contract import OutcomeKind, ReceiptKind, ScreenKind
from harness.core.registry import nearest
from harness.device.session import ContractViolation
from harness.sut.console import presentable

LINE_BYTES_MAX = 1 << 20
SHOWN_CHARACTERS_MAX = 80
_SHOWN_BYTES_MAX = 1_600  # what is masked before it is shortened

Whole: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=1 << 53)]
Hex: TypeAlias = Annotated[str, msgspec.Meta(pattern="^([0-9A-Fa-f]{2})*$")]


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="call"):
    id: Whole


class NextEvent(Request, tag="next_event", frozen=True):
    timeout_s: float | None = None


class Finish(Request, tag="finish", frozen=True):
    action: Whole
    outcome: OutcomeKind
    reason: str = ""
    text: str = ""
    stan: str = ""
    batch: str = ""
    rrn: str = ""


class Show(Request, tag="show", frozen=True):
    screen: ScreenKind
    text: str = ""
    amount_fen: int | None = None
    stan: str | None = None
    batch: str | None = None
    rrn: str | None = None


class ShowBytes(Request, tag="show_bytes", frozen=True):
    data: Hex


class SlipTotals(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    debit_count: int = 0
    debit_fen: int = 0
    credit_count: int = 0
    credit_fen: int = 0


class Print(Request, tag="print", frozen=True):
    receipt: ReceiptKind
    text: str = ""
    amount_fen: int | None = None
    stan: str | None = None
    batch: str | None = None
    rrn: str | None = None
    duplicate: bool = False
    totals: SlipTotals | None = None


class PrintBytes(Request, tag="print_bytes", frozen=True):
    data: Hex


class HasPaper(Request, tag="has_paper", frozen=True):
    pass


class ReadCard(Request, tag="read_card", frozen=True):
    timeout_s: float = 60.0


class FirstCryptogram(Request, tag="first_cryptogram", frozen=True):
    amount_fen: int
    offline: bool = False


class SecondCryptogram(Request, tag="second_cryptogram", frozen=True):
    response_code: str


class LoadKey(Request, tag="load_key", frozen=True):
    slot: str
    key: Hex
    check: Hex


class HasKey(Request, tag="has_key", frozen=True):
    slot: str


class Mac(Request, tag="mac", frozen=True):
    data: Hex


class PinBlock(Request, tag="pin_block", frozen=True):
    pan: str


class Encrypt(Request, tag="encrypt", frozen=True):
    data: Hex


class Decrypt(Request, tag="decrypt", frozen=True):
    data: Hex


class NvramRead(Request, tag="nvram_read", frozen=True):
    offset: int
    size: int


class NvramWrite(Request, tag="nvram_write", frozen=True):
    offset: int
    data: Hex


class Probe(Request, tag="probe", frozen=True):
    name: str


class Log(Request, tag="log", frozen=True):
    text: str


class Reboot(Request, tag="reboot", frozen=True):
    pass


AnyRequest: TypeAlias = (
    NextEvent
    | Finish
    | Show
    | ShowBytes
    | Print
    | PrintBytes
    | HasPaper
    | ReadCard
    | FirstCryptogram
    | SecondCryptogram
    | LoadKey
    | HasKey
    | Mac
    | PinBlock
    | Encrypt
    | Decrypt
    | NvramRead
    | NvramWrite
    | Probe
    | Log
    | Reboot
)
CALLS = {str(each.__struct_config__.tag): each for each in get_args(AnyRequest)}
_ONE = msgspec.json.Decoder(AnyRequest)
_ANY = msgspec.json.Decoder()
_KINDS = {"screen": ScreenKind, "receipt": ReceiptKind, "outcome": OutcomeKind}


def read_request(line: bytes) -> AnyRequest:
    """The request that a line holds; ContractViolation for anything else."""
    try:
        request: AnyRequest = _ONE.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise violation(line, _expected(line, error)) from None
    return request


def violation(line: bytes, why: str) -> ContractViolation:
    """The breach that a line is."""
    return ContractViolation(f"stdout: {why}: {shown(line)}")


def shown(line: bytes) -> str:
    """The line as a finding tells it."""
    text = presentable(line[:_SHOWN_BYTES_MAX].decode("utf-8", "backslashreplace"), SHOWN_CHARACTERS_MAX)
    return f"{text!r} ({len(line)} bytes)" if len(line) > SHOWN_CHARACTERS_MAX else repr(text)


def _expected(line: bytes, error: Exception) -> str:
    """Why a line is no request, with what was probably meant."""
    try:
        value = _ANY.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as broken:
        if not line.lstrip().startswith(b"{"):
            return "the line is no JSON object; print to stderr, or declare `text:` in the manifest"
        return f"the line is broken JSON ({_reason(broken)})"
    if not isinstance(value, dict):
        return "expected a JSON object with `call` and `id`"
    call = value.get("call")
    if not isinstance(call, str):
        return "expected a JSON object with `call` and `id`"
    if call not in CALLS:
        return f"no call is named {presentable(call, 40)!r}; {nearest(call[:40], list(CALLS))}"
    fields = CALLS[call].__struct_fields__
    for key in value:
        if key != "call" and key not in fields:
            return f"{call}: unknown key {presentable(key, 40)!r}; {nearest(key[:40], list(fields))}"
    for key, kinds in _KINDS.items():
        if key in fields and isinstance(value.get(key), str) and value[key] not in get_args(kinds):
            return f"{call}.{key}: {presentable(value[key], 40)!r}; {nearest(value[key][:40], list(get_args(kinds)))}"
    return f"{call}: {_reason(error)}"


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deep"
    return presentable(str(error)[:1].lower() + str(error)[1:], 120)
