"""The words of the contract: kinds of action, screen, receipt and outcome."""

from __future__ import annotations

from typing import Literal, TypeAlias

ActionKind: TypeAlias = Literal[
    "sale", "refund", "void", "preauth", "preauth_void", "completion", "completion_void", "scan_sale", "scan_refund",
    "settle", "sign_on", "sign_off", "reprint", "clear_cache", "reboot", "update", "totals",
    "account", "payout", "read_log", "clear_reversal", "trace_number",
]  # fmt: skip
"""What an operator can ask for. An action the software does not know is answered ``Unsupported``."""

ScreenKind: TypeAlias = Literal[
    "idle", "prompt", "processing", "approved", "declined", "refused", "unknown", "storage_full", "settled", "settle_failed",
    "error", "text", "paid_out", "warning",
]  # fmt: skip
"""``paid_out``: so much of a batch (``amount_fen``, ``batch``) has arrived in the merchant's account."""

ReceiptKind: TypeAlias = Literal[
    "sale", "void", "refund", "preauth", "preauth_void", "completion", "completion_void", "settlement", "other"
]  # fmt: skip

OutcomeKind: TypeAlias = Literal["approved", "declined", "refused", "unknown", "done", "failed", "unsupported"]
