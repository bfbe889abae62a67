"""What software hands over is checked and made safe before it is believed, recorded or shown.

Models: the border between software that may answer anything and a history that people and tools read. Wrong types break
the contract and are a finding; texts are bounded, control characters escaped, everything like a card number masked.
"""

from dataclasses import replace
from typing import NoReturn, get_args

from harness.contract import (
    Action,
    Outcome,
    OutcomeKind,
    Receipt,
    ReceiptKind,
    Screen,
    ScreenKind,
    Totals,
)
from harness.core.masking import mask_text
from harness.core.units import US_PER_SECOND
from harness.device.secrets import Found, Secrets
from harness.device.session import ContractViolation

TEXT_CHARACTERS_MAX = 500
NAME_CHARACTERS_MAX = 64
_CUT_MARK = "…[cut]"
_WHOLE_NUMBER_MAX = 1 << 53  # what every reader of JSON keeps exactly
_TIMEOUT_S_MAX = 366 * 86_400
_IDENTIFIER_CHARACTERS_MAX = 12
"""Every STAN, batch and reference number; too short to hold a card number."""

_REMEMBERED_MAX = 1_024
_REMEMBERED_CHARACTERS_MAX = 48
_clean: set[str] = set()
"""Short texts that were found clean before, such as the prompts that every sale shows. Only ever asked for membership."""

_SCREEN_KINDS = frozenset(get_args(ScreenKind))
_RECEIPT_KINDS = frozenset(get_args(ReceiptKind))
_OUTCOME_KINDS = frozenset(get_args(OutcomeKind))


def refuse(where: str, expected: str, found: object) -> NoReturn:
    """Raise the contract violation: only the type of what was found is told, for it may hold anything."""
    raise ContractViolation(f"{where}: expected {expected}, found {type(found).__name__}")


def clean_text(value: object, where: str, characters_max: int = TEXT_CHARACTERS_MAX) -> str:
    """Text as it may stand in a history: exact ``str``, bounded, printable but for newlines, card numbers masked."""
    if type(value) is str:
        if not value or (len(value) <= _IDENTIFIER_CHARACTERS_MAX and value.isalnum() and value.isascii()):
            return value
        if value in _clean and len(value) <= characters_max:
            return value
    elif not isinstance(value, str):
        refuse(where, "text", value)
    # Cut first, so that masking never sees megabytes. A number cut in two here escapes masking, but the mark that replaces
    # the last characters leaves at most its first six digits.
    text = str.__str__(value[:characters_max])
    masked = mask_text(text)
    if not masked.isprintable() and not masked.replace("\n", "").isprintable():
        masked = "".join(each if each.isprintable() or each == "\n" else ascii(each)[1:-1] for each in masked)
    if len(value) > characters_max or len(masked) > characters_max:
        return masked[: characters_max - len(_CUT_MARK)] + _CUT_MARK
    if masked == text and len(text) <= _REMEMBERED_CHARACTERS_MAX:
        if len(_clean) >= _REMEMBERED_MAX:
            _clean.clear()
        _clean.add(text)
    return masked


def clean_name(value: object, where: str) -> str | None:
    """A short identifier such as a STAN, or None."""
    if value is None:
        return None
    if type(value) is str and len(value) <= _IDENTIFIER_CHARACTERS_MAX and value.isalnum() and value.isascii():
        return value
    return clean_text(value, where, NAME_CHARACTERS_MAX)


def clean_number(value: object, where: str) -> int:
    """A whole number that JSON can hold."""
    if type(value) is int and -_WHOLE_NUMBER_MAX < value < _WHOLE_NUMBER_MAX:
        return value
    if not isinstance(value, int) or isinstance(value, bool):
        refuse(where, "a whole number", value)
    if abs(value) >= _WHOLE_NUMBER_MAX:
        raise ContractViolation(f"{where}: expected a whole number below 2**53, found a larger one")
    return int(value)


def clean_amount(value: object, where: str) -> int | None:
    """An amount in fen, or None."""
    return None if value is None else clean_number(value, where)


def _clean_kind(value: object, kinds: frozenset[str], where: str) -> str:
    if type(value) is str and value in kinds:
        return value
    if not isinstance(value, str):
        refuse(where, "text", value)
    if value not in kinds:
        raise ContractViolation(
            f"{where}: {clean_text(value, where, NAME_CHARACTERS_MAX)!r} is none of {sorted(kinds)}"
        )
    return str.__str__(value)


def concealed(secrets: Secrets, shown: object) -> tuple[object, tuple[Found, ...]]:
    """A screen or receipt with customers' card data in its text masked, however it is spaced, and what was masked."""
    if not isinstance(shown, Screen | Receipt) or not isinstance(shown.text, str):
        return shown, ()  # the check that follows says so
    text, found = secrets.in_text(str.__str__(shown.text[:TEXT_CHARACTERS_MAX]))
    return (replace(shown, text=text), found) if found else (shown, ())


def check_screen(screen: object) -> Screen:
    """The screen with every field safe to record: the very screen when it is so already."""
    if not isinstance(screen, Screen):
        refuse("display.show", "a Screen", screen)
    kind = _clean_kind(screen.kind, _SCREEN_KINDS, "Screen.kind")
    text = clean_text(screen.text, "Screen.text")
    amount_fen = clean_amount(screen.amount_fen, "Screen.amount_fen")
    stan, batch = clean_name(screen.stan, "Screen.stan"), clean_name(screen.batch, "Screen.batch")
    rrn = clean_name(screen.rrn, "Screen.rrn")
    if (
        text is screen.text
        and amount_fen is screen.amount_fen
        and stan is screen.stan
        and batch is screen.batch
        and rrn is screen.rrn
        and type(screen) is Screen
    ):
        return screen
    return Screen(kind, text, amount_fen, stan, batch, rrn)  # type: ignore[arg-type]


def check_receipt(receipt: object) -> Receipt:
    """The receipt with every field safe to record."""
    if not isinstance(receipt, Receipt):
        refuse("printer.print", "a Receipt", receipt)
    if not isinstance(receipt.duplicate, bool):
        refuse("Receipt.duplicate", "True or False", receipt.duplicate)
    return Receipt(
        _clean_kind(receipt.kind, _RECEIPT_KINDS, "Receipt.kind"),  # type: ignore[arg-type]
        clean_text(receipt.text, "Receipt.text"),
        clean_amount(receipt.amount_fen, "Receipt.amount_fen"),
        clean_name(receipt.stan, "Receipt.stan"),
        clean_name(receipt.batch, "Receipt.batch"),
        clean_name(receipt.rrn, "Receipt.rrn"),
        receipt.duplicate,
        None if receipt.totals is None else _check_totals(receipt.totals),
    )


def _check_totals(totals: object) -> Totals:
    if not isinstance(totals, Totals):
        refuse("Receipt.totals", "Totals", totals)
    return Totals(
        clean_number(totals.debit_count, "Totals.debit_count"),
        clean_number(totals.debit_fen, "Totals.debit_fen"),
        clean_number(totals.credit_count, "Totals.credit_count"),
        clean_number(totals.credit_fen, "Totals.credit_fen"),
    )


def check_outcome(outcome: object) -> Outcome:
    """The outcome with every field safe to record."""
    if not isinstance(outcome, Outcome):
        refuse("device.finish", "an Outcome", outcome)
    return Outcome(
        _clean_kind(outcome.kind, _OUTCOME_KINDS, "Outcome.kind"),  # type: ignore[arg-type]
        clean_text(outcome.reason, "Outcome.reason", NAME_CHARACTERS_MAX),
        clean_text(outcome.text, "Outcome.text"),
        clean_text(outcome.stan, "Outcome.stan", NAME_CHARACTERS_MAX),
        clean_text(outcome.batch, "Outcome.batch", NAME_CHARACTERS_MAX),
        clean_text(outcome.rrn, "Outcome.rrn", NAME_CHARACTERS_MAX),
    )


def check_action(action: object) -> Action:
    """The action as it was handed over; anything else breaks the contract."""
    if not isinstance(action, Action):
        refuse("device.finish", "the Action", action)
    clean_number(action.number, "Action.number")
    return action


def check_bytes(data: object, where: str) -> bytes:
    """Bytes of any sort."""
    if type(data) is bytes:
        return data
    if not isinstance(data, bytes | bytearray | memoryview):
        refuse(where, "bytes", data)
    return bytes(data)


def timeout_us(timeout_s: object, where: str) -> int | None:
    """Seconds as microseconds; None, and more than a year, wait for ever."""
    if timeout_s is None:
        return None
    if isinstance(timeout_s, bool) or not isinstance(timeout_s, int | float) or timeout_s != timeout_s:
        refuse(where, "seconds or None", timeout_s)
    if timeout_s > _TIMEOUT_S_MAX:
        return None
    return max(0, round(timeout_s * US_PER_SECOND))
