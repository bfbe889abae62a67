"""The UnionPay host's answers about a merchant's money: 0800 with DE60.3 401 sets account and cycle, 402 asks for a payout [A].

Models: a request with a MAC, as whoever could change the account could take the money; the answer tells what is on record, the
account by its last four digits. Does not model: any acquirer's real parameter messages, which none publishes.
"""

from __future__ import annotations

from harness.host.funds import Funds, told_account
from harness.iso8583 import DecodeError, FieldValue, Message
from harness.iso8583.funds import PAYOUT_CODE, SETTINGS_CODE, Settings63

FUNDS_CODES = frozenset({SETTINGS_CODE, PAYOUT_CODE})


def answer_about_funds(
    funds: Funds | None, message: Message, network_code: str, tid: str, at_us: int, *, mac_is_good: bool
) -> tuple[str, dict[int, FieldValue]]:
    """Response code and fields; 12 where the acquirer has no such service."""
    if funds is None:
        return "12", {}
    if not mac_is_good:
        return "A0", {}
    text = message.text(63, "")
    if network_code == SETTINGS_CODE:
        code, on_record = funds.configure(tid, Settings63.parse(text), at_us)
        return code, {63: str(Settings63(told_account(on_record.account), on_record.cycle))}
    if len(text) != 6 or not text.isdecimal():
        raise DecodeError("DE63", 0, "a batch number of 6 digits", f"{len(text)} characters")
    return "00", {63: str(funds.tell(tid, text, at_us))}
