"""The reference with alarms: it says that the store will be full, or that the line is slow, before either stops it.

Models: thresholds on records, free space and answering times, looked at before each sale; a warning stops nothing and is no
answer to anything. Does not model: CPU and memory, which software in this contract cannot measure; a message to a monitoring
centre. Source: the field articles (状态监控, 流量监控预警) and terminals that say "must settle soon" at 80 or 90 %.
"""

from __future__ import annotations

import os
import time
from dataclasses import replace

from harness.contract import Action, CardData, Outcome, Screen
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.records import Transaction

_FILL_PERCENT = 80
_FREE_BYTES = 131_072
_SLOW_S = 6.0
_SLOW_IN_A_ROW = 3


class WarnsEarly(ReferenceTerminal):
    """See the module's first lines."""

    manifest = replace(ReferenceTerminal.manifest, name="warns_early")

    def boot(self) -> None:
        self.slow_in_a_row = 0
        super().boot()

    def admission(self, action: Action) -> Outcome | None:
        if self.store is not None and self.is_nearly_full():
            self.device.display.show(Screen("warning", "流水将满,请尽快结算 NEARLY FULL, SETTLE SOON"))
        if self.slow_in_a_row >= _SLOW_IN_A_ROW:
            self.device.display.show(Screen("warning", "通讯缓慢,请检查线路 THE LINE IS SLOW"))
        return super().admission(action)

    def is_nearly_full(self) -> bool:
        """Whether records or space are near their end."""
        if self.books.count * 100 >= (self.manifest.max_transactions or 0) * _FILL_PERCENT:
            return True
        volumes = self.device.volumes
        space = os.statvfs(volumes["data"] if "data" in volumes else next(iter(volumes.values())))
        return space.f_bavail * space.f_frsize < _FREE_BYTES

    def conduct(self, transaction: Transaction, card: CardData | None, pan: str) -> Outcome:
        since_s = time.monotonic()
        outcome = super().conduct(transaction, card, pan)
        is_slow = time.monotonic() - since_s > _SLOW_S
        self.slow_in_a_row = self.slow_in_a_row + 1 if is_slow else 0
        return outcome
