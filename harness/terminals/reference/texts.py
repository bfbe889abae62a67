"""Words on screens and slips, by kind of transaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from harness.contract import ReceiptKind
from harness.terminals.reference.records import SCAN_SALE

TITLES = {
    "sale": "消费 SALE", "void": "撤销 VOID", "refund": "退货 REFUND",
    "preauth": "预授权 PREAUTH", "preauth_void": "预授权撤销 PREAUTH VOID",
    "completion": "预授权完成 COMPLETION", "completion_void": "预授权完成撤销 COMPLETION VOID",
    SCAN_SALE: "扫码消费 SCAN SALE",
}  # fmt: skip
_IN_DOUBT = {
    "refund": "退货结果未知,将自动重发 NO ANSWER, WILL BE SENT AGAIN",
    SCAN_SALE: "支付结果未知,将自动撤销 NOT KNOWN, WILL BE REVOKED",
}
SLIPS: Mapping[str, ReceiptKind] = {kind: kind for kind in get_args(ReceiptKind)} | {SCAN_SALE: "sale"}
"""What kind of slip each kind of transaction gets."""


def in_doubt(kind: str) -> str:
    """What is shown when nobody knows how a transaction ended."""
    return _IN_DOUBT.get(kind, "交易超时,将自动冲正 NO ANSWER, WILL BE REVERSED")
