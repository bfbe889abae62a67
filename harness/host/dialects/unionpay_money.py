"""What a UnionPay request for money asks of the bank: told by message type, processing code and DE60.1.

Models the table of the domain notes, section 1.1. Does not model completions by notice (0220, DE60.1 24).
"""

from harness.host.bank import Bank, Demand, Judgement, Original
from harness.iso8583 import Message
from harness.iso8583.unionpay import Original61

_ON_HOLDS: dict[tuple[str, str, str], str] = {
    ("0100", "030000", "10"): "preauth",
    ("0100", "200000", "11"): "preauth_void",
    ("0200", "000000", "20"): "completion",
    ("0200", "200000", "21"): "completion_void",
}
"""Message type, processing code and DE60.1 of what is about a pre-authorisation."""
_HOLD_CONDITION = "06"  # DE25


def judge(bank: Bank, message: Message, demand: Demand) -> Judgement | None:
    """The bank's judgement; None when the message lacks what its kind needs."""
    on_hold = _ON_HOLDS.get((message.mti, message.text(3), message.text(60)[:2]))
    if on_hold is not None or message.text(25, "") == _HOLD_CONDITION:
        return _judge_hold(bank, on_hold, message, demand)
    kind = (message.mti, message.text(3))
    if kind in (("0200", "000000"), ("0220", "000000")):
        return bank.sale(demand, offline=message.mti == "0220") if demand.pan else None
    if kind not in (("0200", "200000"), ("0220", "200000")):
        return Judgement("12")
    if 61 not in message:
        return None
    if message.mti == "0200":
        return bank.void(demand, _original(message))
    return bank.refund(demand, _original(message))


def _judge_hold(bank: Bank, kind: str | None, message: Message, demand: Demand) -> Judgement | None:
    if kind is None or message.text(25, "") != _HOLD_CONDITION:
        return Judgement("12")
    if kind == "preauth":
        return bank.preauth(demand) if demand.pan else None
    if 61 not in message or (kind == "completion" and not demand.pan):
        return None
    original = _original(message)
    if kind == "completion":
        return bank.completion(demand, original)
    if kind == "preauth_void":
        return bank.preauth_void(demand, original)
    return bank.completion_void(demand, original)


def _original(message: Message) -> Original:
    named = Original61.parse(message.text(61))
    return Original(named.batch, named.stan, message.text(37, ""))
