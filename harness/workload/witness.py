"""What people at the counter see, and what was wrong with the world while they waited.

Models: the last answer that a terminal showed or printed for an action; whether power, link, host or storage was in trouble
at some time since an instant. Does not model: what people misread. One witness serves all tills of a run: it watches event
types, not devices, so that its cost does not grow with the number of terminals.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from harness.core.units import US_PER_SECOND
from harness.history.events import (
    CardDecided,
    FaultLifted,
    FaultStruck,
    LedgerChanged,
    MessageDropped,
    MessageSent,
    OrderChanged,
    PowerLost,
    ReceiptPrinted,
    ScreenShown,
    SoftwareDied,
    SoftwareReady,
    StorageFailed,
)
from harness.history.recorder import Recorder
from harness.host.orders import UNPAID

OUTAGES: frozenset[str] = frozenset(
    {
        "partition", "half_open", "congestion", "wrong_mac", "mismatched_reply", "late_reply", "card_unreadable", "power_loss",
        "crash", "scheduled_restart", "wrong_address", "interference", "maintenance",
    }
)  # fmt: skip
"""Kinds of fault under which no software can be sure to sell, for as long as they are on. Faults that hit one message
(host_silent, link_reset) are not here: what they do shows as a request without an answer. Answers that the terminal must throw
away do not show so."""

STORAGE_TROUBLE: frozenset[str] = frozenset(
    {"full_storage", "shrink_capacity", "misreported_space", "read_only", "software_update"}
)
"""Kinds of fault under which refusing to sell is right, for as long as they are on. A single error shows by itself."""

_OVER_WHEN_READY = frozenset({"power_loss", "crash", "scheduled_restart"})
"""The injector never lifts these: they are over when the software is up again."""

_TOO_LATE_US = 5 * US_PER_SECOND
"""A payment by code that lands so shortly before the order is revoked came behind the last query (domain 1.3: every 3 to 5 s)."""

_NOT_OWN_ERRORS = frozenset({"EIO", "EROFS"})
"""ENOSPC is not here: a terminal may have filled its volume itself."""

_HOST_TROUBLE = frozenset({"68", "77", "90", "91", "92", "96", "98", "A0"})
"""Answers that say that the host, not the card, was the reason (response codes of the UnionPay tables)."""

# What a clerk reads as "settle first", whatever kind of screen it stands on; the texts are those of real terminals.
_SETTLE_FIRST = ("请结算", "请先结算", "立即结算", "SETTLE BATCH", "BATCH FULL", "存储满")

# What a screen says about the end of an action; the other kinds say nothing about it.
_ANSWERS = frozenset(
    {"approved", "declined", "refused", "unknown", "storage_full", "settled", "settle_failed", "error"}
)


class Answer(msgspec.Struct):
    """What the terminal last said about ``action``. ``kind`` is a contract.ScreenKind; "approved" for a sale's receipt."""

    action: int | None
    kind: str
    stan: str = ""
    batch: str = ""
    amount_fen: int | None = None
    asks_for_settlement: bool = False


@dataclass(slots=True)
class _Trouble:
    """What is wrong around one device, and when it last was."""

    on: dict[str, str] = field(default_factory=dict)
    outage_at_us: int = -1
    storage_at_us: int = -1
    declined_token: str = ""
    paid: tuple[str, int] = ("", 0)
    """Token of the order that was paid last, and when."""


class Witness:
    """Watches a run for all its people. ``outages`` and ``storage_trouble`` name kinds of fault."""

    def __init__(
        self,
        recorder: Recorder,
        outages: frozenset[str] = OUTAGES,
        storage_trouble: frozenset[str] = STORAGE_TROUBLE,
    ) -> None:
        self._outages = outages
        self._storage_trouble = storage_trouble
        self._answers: dict[str, Answer] = {}
        self._late: dict[str, tuple[int, Answer]] = {}
        self._troubles: dict[str, _Trouble] = {}
        self._unanswered_us: dict[str, int] = {}
        recorder.watch(ScreenShown, self._screen)
        recorder.watch(ReceiptPrinted, self._receipt)
        recorder.watch(FaultStruck, self._struck)
        recorder.watch(FaultLifted, self._lifted)
        recorder.watch(MessageDropped, self._dropped)
        recorder.watch(MessageSent, self._sent)
        recorder.watch(StorageFailed, self._storage_failed)
        recorder.watch(PowerLost, self._power_lost)
        recorder.watch(SoftwareReady, self._software_ready)
        recorder.watch(SoftwareDied, self._software_died)
        recorder.watch(LedgerChanged, self._ledger)
        recorder.watch(CardDecided, self._card_decided)
        recorder.watch(OrderChanged, self._order)

    # ------------------------------------------------------------ answers

    def answer(self, device: str, action: int) -> Answer | None:
        """What the terminal last said about ``action``, or None when it said nothing."""
        answer = self._answers.get(device)
        return answer if answer is not None and answer.action == action else None

    def late_approval(self, device: str, amount_fen: int, since_us: int) -> Answer | None:
        """An approval of this amount shown outside any action: a sale that came to light after a restart."""
        late = self._late.get(device)
        if late is not None and late[0] >= since_us and late[1].amount_fen == amount_fen:
            return late[1]
        return None

    def _screen(self, _: int, event: ScreenShown) -> None:
        if event.kind in _ANSWERS:
            self._heard(event.at_us, event.device, event.action, event.kind, event)

    def _receipt(self, _: int, event: ReceiptPrinted) -> None:
        # A slip in the hand is an approval too; a duplicate only repeats what was said before.
        if event.kind not in ("settlement", "other") and not event.duplicate:
            self._heard(event.at_us, event.device, event.action, "approved", event)

    def _heard(
        self, at_us: int, device: str, action: int | None, kind: str, event: ScreenShown | ReceiptPrinted
    ) -> None:
        full = kind == "storage_full" or (
            kind in ("refused", "error") and any(words in event.text.upper() for words in _SETTLE_FIRST)
        )
        answer = Answer(action, kind, event.stan or "", event.batch or "", event.amount_fen, full)
        if action is not None:
            self._answers[device] = answer
        elif kind == "approved":
            self._late[device] = (at_us, answer)

    # ------------------------------------------------------------ trouble

    def outage_since(self, device: str, since_us: int) -> bool:
        """Whether power, link or host was down, a message was lost, or a request sent since then has no answer."""
        if self._unanswered_us.get(device, -1) >= since_us:
            return True
        trouble = self._troubles.get(device)
        if trouble is None:
            return False
        return trouble.outage_at_us >= since_us or any(kind in self._outages for kind in trouble.on.values())

    def storage_trouble_since(self, device: str, since_us: int) -> bool:
        """Whether a storage condition was on at some time from ``since_us`` until now."""
        trouble = self._troubles.get(device)
        if trouble is None:
            return False
        return trouble.storage_at_us >= since_us or any(kind in self._storage_trouble for kind in trouble.on.values())

    def host_declined(self, device: str, token: str) -> bool:
        """Whether the host's last decline on ``device`` was of this presentation."""
        trouble = self._troubles.get(device)
        return trouble is not None and trouble.declined_token == token

    def _trouble(self, device: str) -> _Trouble:
        trouble = self._troubles.get(device)
        if trouble is None:
            trouble = self._troubles[device] = _Trouble()
        return trouble

    def _mark(self, device: str, kind: str, at_us: int) -> None:
        trouble = self._trouble(device)
        if kind in self._outages:
            trouble.outage_at_us = at_us
        elif kind in self._storage_trouble:
            trouble.storage_at_us = at_us

    def _struck(self, _: int, event: FaultStruck) -> None:
        for device in event.devices:
            self._trouble(device).on[event.fault] = event.kind
            self._mark(device, event.kind, event.at_us)

    def _lifted(self, _: int, event: FaultLifted) -> None:
        for device in event.devices or tuple(self._troubles):
            if self._trouble(device).on.pop(event.fault, None) is not None:
                self._mark(device, event.kind, event.at_us)

    def _dropped(self, _: int, event: MessageDropped) -> None:
        self._trouble(event.device).outage_at_us = event.at_us

    def _sent(self, _: int, event: MessageSent) -> None:
        if event.direction == "up":
            self._unanswered_us[event.device] = event.at_us
        else:
            self._unanswered_us.pop(event.device, None)
            if event.response_code in _HOST_TROUBLE:
                self._trouble(event.device).outage_at_us = event.at_us

    def _storage_failed(self, _: int, event: StorageFailed) -> None:
        if event.errno in _NOT_OWN_ERRORS:
            self._trouble(event.device).storage_at_us = event.at_us

    def _power_lost(self, _: int, event: PowerLost) -> None:
        trouble = self._trouble(event.device)
        trouble.outage_at_us = event.at_us
        trouble.on["power"] = "power_loss"

    def _software_ready(self, _: int, event: SoftwareReady) -> None:
        trouble = self._troubles.get(event.device)
        if trouble is None:
            return
        if trouble.on.pop("power", None) is not None:
            trouble.outage_at_us = event.at_us
        for fault in [fault for fault, kind in trouble.on.items() if kind in _OVER_WHEN_READY]:
            del trouble.on[fault]

    def _software_died(self, _: int, event: SoftwareDied) -> None:
        trouble = self._troubles.get(event.device)
        if trouble is not None and event.reason == "out_of_memory" and "memory_leak" in trouble.on.values():
            trouble.outage_at_us = event.at_us  # the injected leak killed it, not its own

    def _ledger(self, _: int, event: LedgerChanged) -> None:
        if event.state == "DECLINED":
            self._trouble(event.device).declined_token = event.token

    def _card_decided(self, _: int, event: CardDecided) -> None:
        # A sale that the card itself refuses, or that its owner broke off, is not the terminal's to make.
        if event.answer in ("AAC", "removed"):
            self._trouble(event.device).declined_token = event.token

    def _order(self, _: int, event: OrderChanged) -> None:
        trouble = self._trouble(event.device)
        if event.state == "SUCCESS":
            trouble.paid = (event.token, event.at_us)
        elif event.state == "REVOKED" and event.token:
            token, paid_us = trouble.paid
            in_time = token == event.token and event.at_us - paid_us > _TOO_LATE_US
            if event.reason == UNPAID or (not in_time and event.entry is not None):
                # Whoever did not confirm in time has declined.
                trouble.declined_token = event.token
