"""Measures of a run: what no invariant forbids and everybody feels, from the history as it passes by.

Models: availability and recovery from power lost or software dead to ready; a sale from the card to its end, by how full the
data volume or the batch was; growth of memory with sales within a boot (least squares, after a warm-up), and when it would
be over; the most money that one terminal had approved and not settled; from the sale to the money in the account. Does not
model: CPU time, the queue before the till, the worth of lost trade. Nothing here writes to the history.
Source: design section 8 (measures with thresholds), domain section 7 (M rows). A figure that a run says nothing about is
left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from harness.contract import Manifest
from harness.core.units import US_PER_DAY, US_PER_HOUR, US_PER_SECOND
from harness.history.events import (
    ActionEnded,
    ActionStarted,
    BatchSettled,
    Booted,
    LedgerChanged,
    MemorySampled,
    PayoutMade,
    PhaseStarted,
    PowerLost,
    Presented,
    SoftwareDied,
    SoftwareReady,
    SpaceMeasured,
)
from harness.history.recorder import Recorder
from harness.invariants.base import Observer, on

_LEVELS = (99, 90, 50, 10)
SALES_MIN = 20
"""Fewer say nothing about one in twenty."""
_WARM_UP_SALES = 30
_SAMPLES_MIN = 5
DAYS_MAX = 3_650
"""A forecast beyond ten years says that there is no leak to speak of."""
_MONEY = {"sale": 1, "completion": 1, "refund": -1}


class Growth:
    """Least squares of memory over sales, boot by boot: only growth within a boot counts, wherever it began."""

    __slots__ = ("base_bytes", "boot", "count", "sum_x", "sum_xx", "sum_xy", "sum_y", "sxx", "sxy")

    def __init__(self) -> None:
        self.sxx = self.sxy = 0.0
        self.base_bytes = self.count = 0
        self.boot: int | None = None
        self.sum_x = self.sum_y = self.sum_xx = self.sum_xy = 0.0

    def new_boot(self) -> None:
        """What the last boot came to is added up."""
        if self.count >= _SAMPLES_MIN:
            self.sxx += self.sum_xx - self.sum_x * self.sum_x / self.count
            self.sxy += self.sum_xy - self.sum_x * self.sum_y / self.count
        self.boot = None
        self.count = 0
        self.sum_x = self.sum_y = self.sum_xx = self.sum_xy = 0.0

    def add(self, sales: int, held_bytes: int) -> None:
        """One sample."""
        if self.boot is None:
            self.boot = sales
        x = sales - self.boot
        if x < _WARM_UP_SALES:
            return
        self.base_bytes = self.base_bytes or held_bytes
        self.count += 1
        self.sum_x += x
        self.sum_y += held_bytes
        self.sum_xx += x * x
        self.sum_xy += x * held_bytes

    @property
    def bytes_per_sale(self) -> float | None:
        """The slope over all boots that are over; None where too little was sampled to say."""
        return self.sxy / self.sxx if self.sxx > 0.0 else None


class Metered:
    """One terminal, as far as the meter has seen it."""

    __slots__ = (
        "action", "budget_bytes", "card_us", "down_us", "growth", "level", "records", "sales", "used_percent", "worth_fen",
    )  # fmt: skip

    def __init__(self) -> None:
        self.down_us: int | None = None
        self.action = -1
        self.card_us: int | None = None
        self.used_percent = 0
        self.records = 0
        self.worth_fen = 0
        self.growth = Growth()
        self.budget_bytes = 0
        self.sales = 0

    def dies_on_day(self, at_us: int) -> float | None:
        """When memory would be over without a restart, going on as until ``at_us``; None where it does not grow."""
        slope, a_day = self.growth.bytes_per_sale, self.sales * US_PER_DAY / at_us if at_us else 0.0
        if not slope or slope < 0.0 or a_day <= 0.0:
            return None
        return 1 + max(0.0, self.budget_bytes - self.growth.base_bytes) / (slope * a_day)


class Meter(Observer):
    """Fed with the history; ``measures`` once it is over. ``manifests`` are by device."""

    def __init__(self, manifests: Mapping[str, Manifest], *, with_funds: bool) -> None:
        self._manifests = manifests
        self._with_funds = with_funds
        self.devices = {name: Metered() for name in manifests}
        self._recoveries_us: list[int] = []
        self._down_us = 0
        self._trading_us = 0
        self.sale_ds: dict[int, Counter[int]] = {}
        """By fill level: sales by tenths of a second."""
        self._at_risk_fen = 0
        self._booked_us: dict[int, int] = {}
        self._overdue: dict[str, int] = {}
        """By device: since when something has been due that did not arrive."""
        self._to_account_min: Counter[int] = Counter()
        self._payouts = self._late_payouts = self._late_us_max = 0

    def attach(self, recorder: Recorder) -> None:
        """Watch a live run."""
        for kind, handler in self.handlers().items():
            recorder.watch(kind, handler)

    def install(self, name: str, manifest: Manifest) -> None:
        """One more device, where they are not known beforehand."""
        self._manifests = {**self._manifests, name: manifest}
        self.devices.setdefault(name, Metered())

    # ------------------------------------------------------------ up and down

    @on(PhaseStarted)
    def _phase(self, _: int, event: PhaseStarted) -> None:
        if event.phase != "trading" and not self._trading_us:
            self._trading_us = event.at_us
            for device in self.devices.values():
                if device.down_us is not None:
                    self._down_us += event.at_us - device.down_us

    @on(PowerLost)
    def _power_lost(self, _: int, event: PowerLost) -> None:
        self._goes_down(event.device, event.at_us)

    @on(SoftwareDied)
    def _died(self, _: int, event: SoftwareDied) -> None:
        self._goes_down(event.device, event.at_us)

    def _goes_down(self, name: str, at_us: int) -> None:
        device = self.devices[name]
        device.action = -1
        if device.down_us is None:
            device.down_us = at_us

    @on(Booted)
    def _booted(self, _: int, event: Booted) -> None:
        self.devices[event.device].growth.new_boot()

    @on(SoftwareReady)
    def _ready(self, _: int, event: SoftwareReady) -> None:
        device = self.devices[event.device]
        if device.down_us is None:
            return
        lasted_us = event.at_us - device.down_us
        device.down_us = None
        self._recoveries_us.append(lasted_us)
        if not self._trading_us:
            self._down_us += lasted_us

    # ------------------------------------------------------------ sales

    @on(SpaceMeasured)
    def _space(self, _: int, event: SpaceMeasured) -> None:
        if event.volume == "data" and event.total_bytes:
            self.devices[event.device].used_percent = 100 - 100 * event.free_bytes // event.total_bytes

    @on(ActionStarted)
    def _started(self, _: int, event: ActionStarted) -> None:
        device = self.devices[event.device]
        device.action = event.action if event.kind == "sale" else -1
        device.card_us = None

    @on(Presented)
    def _presented(self, _: int, event: Presented) -> None:
        device = self.devices[event.device]
        if device.action == event.action and device.card_us is None:
            device.card_us = event.at_us

    @on(ActionEnded)
    def _ended(self, _: int, event: ActionEnded) -> None:
        device = self.devices[event.device]
        if device.action == event.action and device.card_us is not None and event.outcome != "interrupted":
            limit = self._manifests[event.device].max_transactions
            full_percent = max(device.used_percent, 100 * device.records // limit if limit else 0)
            level = next((level for level in _LEVELS if full_percent >= level), 0)
            tenth = (event.at_us - device.card_us) * 10 // US_PER_SECOND
            self.sale_ds.setdefault(level, Counter())[tenth] += 1
        device.action = -1

    @on(MemorySampled)
    def _sampled(self, _: int, event: MemorySampled) -> None:
        device = self.devices[event.device]
        device.budget_bytes = event.budget_bytes
        device.sales = max(device.sales, event.transactions)
        device.growth.add(event.transactions, event.software_bytes + event.leaked_bytes)

    # ------------------------------------------------------------ money

    @on(LedgerChanged)
    def _ledger(self, number: int, event: LedgerChanged) -> None:
        sign = _MONEY.get(event.kind)
        if sign is None:
            return
        if self._with_funds and not event.previous_state:
            self._booked_us[event.entry] = event.at_us
        change = (event.state == "APPROVED") - (event.previous_state == "APPROVED")
        if change:
            device = self.devices[event.device]
            device.records += change
            device.worth_fen += change * sign * event.amount_fen
            if device.worth_fen > self._at_risk_fen:
                self._at_risk_fen = device.worth_fen

    @on(BatchSettled)
    def _settled(self, _: int, event: BatchSettled) -> None:
        if event.closed and not event.repeated:
            self.devices[event.device].records = 0

    @on(PayoutMade)
    def _paid(self, _: int, event: PayoutMade) -> None:
        self._payouts += 1
        if event.state != "paid":
            self._overdue.setdefault(event.device, event.due_us)
            return
        due_us = self._overdue.pop(event.device, event.due_us)
        late_us = event.at_us - min(due_us, event.due_us)
        if late_us > 0:
            self._late_payouts += 1
            self._late_us_max = max(self._late_us_max, late_us)
        for entry, amount_fen in event.parts:
            booked_us = self._booked_us.pop(entry, None)
            if booked_us is not None and amount_fen > 0:
                self._to_account_min[(event.at_us - booked_us) // (60 * US_PER_SECOND)] += 1

    # ------------------------------------------------------------ the end

    def measures(self, at_us: int, acceptance_percent: float | None) -> dict[str, float]:
        """All that the run tells, by name."""
        found: dict[str, float] = {}
        if acceptance_percent is not None:
            found["acceptance_percent"] = acceptance_percent
        span_us = (self._trading_us or at_us) * len(self.devices)
        if span_us:
            found["availability_percent"] = 100.0 * (1.0 - self._down_us / span_us)
        if self._recoveries_us:
            recoveries_us = sorted(self._recoveries_us)
            found["recovery_s_p95"] = recoveries_us[(len(recoveries_us) * 95 - 1) // 100] / US_PER_SECOND
            found["recovery_s_max"] = recoveries_us[-1] / US_PER_SECOND
        self._add_sales(found)
        self._add_memory(found, at_us)
        found["value_at_risk_yuan"] = self._at_risk_fen / 100
        if self._payouts:
            overdue_us = [at_us - due_us for due_us in self._overdue.values() if due_us < at_us]
            found["late_payouts"] = self._late_payouts + len(overdue_us)
            found["late_payout_h_max"] = max((self._late_us_max, *overdue_us)) / US_PER_HOUR
        if self._to_account_min.total():
            found["to_account_h_p95"] = share(self._to_account_min, 95) / 60
        return {name: round(value, 3) for name, value in found.items()}

    def _add_sales(self, found: dict[str, float]) -> None:
        every: Counter[int] = Counter()
        for level in sorted(self.sale_ds):
            every.update(self.sale_ds[level])
        if every.total() >= SALES_MIN:
            found["sale_s_p95"] = share(every, 95) / 10
        for level in sorted(self.sale_ds):
            if level and self.sale_ds[level].total() >= SALES_MIN:
                found[f"sale_s_p95_from_{level}_percent_full"] = share(self.sale_ds[level], 95) / 10

    def _add_memory(self, found: dict[str, float], at_us: int) -> None:
        """The terminal that grows fastest, and when it would have no memory left without a restart."""
        worst, first_day = 0.0, None
        measured = False
        for device in self.devices.values():
            device.growth.new_boot()
            slope = device.growth.bytes_per_sale
            if slope is None:
                continue
            measured = True
            worst = max(worst, slope)
            day = device.dies_on_day(at_us)
            if day is not None:
                first_day = day if first_day is None else min(first_day, day)
        if measured:
            found["leak_bytes_per_sale"] = worst
            found["dies_on_day"] = float(int(min(first_day or DAYS_MAX, DAYS_MAX)))


def share(counts: Counter[int], percent: int) -> int:
    """The value that so many of a hundred do not exceed."""
    left = counts.total() * percent
    for value in sorted(counts):
        left -= 100 * counts[value]
        if left <= 0:
            return value
    return 0
