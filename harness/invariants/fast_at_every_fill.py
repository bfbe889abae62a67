"""Invariant 27: a transaction takes no longer when the terminal is full than its maker says, 95 times in a hundred.

Models: sales from the first showing of the card to their outcome, without the time in which a request was on its way or with the
host. They are sorted by how full the terminal was: records in the open batch as a share of the declared limit, or blocks used on
the data volume, whichever is more; levels from 10, 50, 90 and 99 %. The budget is the manifest's (``transaction_p95_s``).
Does not model: CPU time, which nobody measures here; other actions than sales; a level with too few sales to tell.
Traps avoided: a slow host or line; a customer who is slow to show the card; transactions under a fault that makes things slow or
cuts them short (a full volume is no such fault: this is what it is about); one slow sale in twenty.
Source: domain section 8, invariant 27; section 7 (交易延迟, 介质老化, 缓存过多).
"""

from collections.abc import Iterator

from harness.contract import Manifest
from harness.core.units import seconds
from harness.history.events import (
    ActionEnded,
    ActionStarted,
    AnyEvent,
    FaultLifted,
    FaultStruck,
    MessageDelivered,
    MessageSent,
    Presented,
    SpaceMeasured,
)
from harness.invariants.base import INSTANT_KINDS, INVARIANTS, Finding, Terms, on, when
from harness.invariants.books import Books
from harness.invariants.casebook import T01, arrives, at, card, case, down, ends, intent, space, starts, up
from harness.invariants.open_batch import CountingInvariant

LEVELS_PERCENT = (0, 10, 50, 90, 99)
SALES_MIN = 20
"""Fewer at a level say nothing about one in twenty."""
_EXPECTED_KINDS = frozenset({"full_storage", "shrink_capacity", "software_update"})
"""Conditions that fill the terminal: the transaction must be fast under them."""
_EVENTS_KEPT = 19


class _Sale:
    """The sale under way."""

    __slots__ = ("action", "asked_us", "card_us", "is_excused", "messages", "waited_us")

    def __init__(self, action: int) -> None:
        self.action = action
        self.card_us: int | None = None
        self.asked_us: int | None = None
        """Since when a request is unanswered."""
        self.messages: set[int] = set()
        """Answers on their way."""
        self.waited_us = 0
        self.is_excused = False


class _Level:
    """Sales at one fill level."""

    __slots__ = ("count", "events", "over", "worst_us")

    def __init__(self) -> None:
        self.count = 0
        self.over = 0
        self.events: list[int] = []
        """Some of the sales that took too long."""
        self.worst_us = 0


@INVARIANTS.register("fast_at_every_fill")
class FastAtEveryFill(CountingInvariant):
    """However full the terminal is, 95 of 100 sales are over within the time that its maker states."""

    number = 27
    name = "fast_at_every_fill"
    kind = "liveness"
    evidence = (
        "time from the card to the outcome without waiting for the host, by records in the batch and blocks in use"
    )
    requires = ("a budget in the manifest", f"{SALES_MIN} sales at one fill level")

    def __init__(self, terms: Terms, books: Books) -> None:
        super().__init__(terms, books)
        self._sales: dict[str, _Sale] = {}
        self._used_percent: dict[str, int] = {}
        self._levels: dict[str, dict[int, _Level]] = {}
        self._hindered: dict[str, dict[str, None]] = {}

    @on(SpaceMeasured)
    def _measured(self, number: int, event: SpaceMeasured) -> None:
        if event.volume == "data" and event.when == "fill_level" and event.total_bytes:
            self._used_percent[event.device] = 100 - 100 * event.free_bytes // event.total_bytes

    @on(ActionStarted)
    def _started(self, number: int, event: ActionStarted) -> None:
        if event.kind == "sale" and self.terms.manifest(event.device).transaction_p95_s is not None:
            self._sales[event.device] = _Sale(event.action)
        else:
            self._sales.pop(event.device, None)

    @on(Presented)
    def _presented(self, number: int, event: Presented) -> None:
        sale = self._sales.get(event.device)
        if sale is not None and sale.action == event.action and sale.card_us is None:
            sale.card_us = event.at_us

    @on(FaultStruck)
    def _struck(self, number: int, event: FaultStruck) -> None:
        for device in event.devices:
            if device in self._sales:
                self._sales[device].is_excused = True
            if event.kind not in INSTANT_KINDS | _EXPECTED_KINDS:
                self._hindered.setdefault(device, {})[event.fault] = None

    @on(FaultLifted)
    def _lifted(self, number: int, event: FaultLifted) -> None:
        for device in event.devices or tuple(self._hindered):
            self._hindered.get(device, {}).pop(event.fault, None)

    # ------------------------------------------------------------ waiting for the host

    @on(MessageSent)
    def _sent(self, number: int, event: MessageSent) -> None:
        super()._sent(number, event)
        sale = self._sales.get(event.device)
        if sale is None:
            return
        if event.direction == "down":
            sale.messages.add(event.message)
        elif sale.asked_us is None:
            sale.asked_us = event.at_us

    @on(MessageDelivered)
    def _delivered(self, number: int, event: MessageDelivered) -> None:
        sale = self._sales.get(event.device)
        if sale is not None and sale.asked_us is not None and event.message in sale.messages:
            if sale.card_us is not None:
                sale.waited_us += event.at_us - max(sale.asked_us, sale.card_us)
            sale.asked_us = None

    # ------------------------------------------------------------ the outcome

    def action_ended(self, number: int, event: ActionEnded) -> None:
        device = event.device
        sale = self._sales.pop(device, None)
        budget_s = self.terms.manifest(device).transaction_p95_s
        if sale is None or sale.action != event.action or sale.card_us is None or budget_s is None:
            return
        if event.outcome not in ("approved", "declined") or sale.asked_us is not None or sale.is_excused:
            return
        if self._hindered.get(device):
            return
        level = self._level(device)
        level.count += 1
        self.checked += 1
        took_us = event.at_us - sale.card_us - sale.waited_us
        level.worst_us = max(level.worst_us, took_us)
        if took_us > seconds(budget_s):
            level.over += 1
            level.events = [*level.events[-_EVENTS_KEPT:], number]

    def _level(self, device: str) -> _Level:
        limit = self.terms.manifest(device).max_transactions
        held_percent = 100 * self.at_least(device) // limit if limit else 0
        percent = max(held_percent, self._used_percent.get(device, 0))
        step = max(each for each in LEVELS_PERCENT if each <= percent)
        return self._levels.setdefault(device, {}).setdefault(step, _Level())

    def conclude(self, at_us: int) -> Iterator[Finding]:
        declared = False
        for device, levels in self._levels.items():
            declared = True
            budget_s = self.terms.manifest(device).transaction_p95_s
            for percent, level in sorted(levels.items()):
                if level.count < SALES_MIN:
                    self.checked -= level.count
                    self.skip(f"{device}: fewer than {SALES_MIN} sales from {percent} % full")
                elif level.over * 20 > level.count:
                    summary = (
                        f"{device} took longer than {budget_s:g} s for {level.over} of {level.count} sales from {percent} % "
                        f"full, up to {level.worst_us / 1_000_000:.1f} s without the host's share, as seen until {when(at_us)}."
                    )
                    yield self.finding(device, at_us, summary, tuple(level.events), 0, "minor")
        if not declared and all(each.transaction_p95_s is None for each in self.terms.manifests.values()):
            self.skip("the manifest states no budget (transaction_p95_s)")


_FIVE_SECONDS = Terms({T01: Manifest(name="quick", transaction_p95_s=5.0)})


def _sale(number: int, own_s: float, host_s: float = 1.0) -> tuple[AnyEvent, ...]:
    """A sale that takes so long from the card on, and so long with the host."""
    from_s, mti = 100.0 * number, "0200"
    stan = f"{number:06d}"
    return (
        at(from_s, intent(number)),
        at(from_s + 1, starts(number, intent=number)),
        at(from_s + 9, card(str(number), number, number)),
        at(from_s + 9.5, up(2 * number, mti, stan)),
        at(from_s + 9.6, down(2 * number + 1, stan=stan)),
        at(from_s + 9.5 + host_s, arrives(2 * number + 1)),
        at(from_s + 9 + host_s + own_s, ends(number)),
    )


def _sales(first: int, count: int, own_s: float, host_s: float = 1.0) -> tuple[AnyEvent, ...]:
    return tuple(event for number in range(first, first + count) for event in _sale(number, own_s, host_s))


def _fault(kind: str) -> FaultStruck:
    return FaultStruck(0, f"{kind}#1", kind, (T01,))


_NEARLY_FULL = at(2_150, space(80_000, "fill_level"))

FastAtEveryFill.cases = (
    case("quick", "two seconds each", "pass", *_sales(1, 20, 2), terms=_FIVE_SECONDS),
    case("one in twenty", "that is what 95 % means", "pass", *_sales(1, 19, 2), *_sale(20, 30), terms=_FIVE_SECONDS),
    case("a slow host", "half a minute for the answer is not the terminal's", "pass", *_sales(1, 20, 2, 30),
         terms=_FIVE_SECONDS),
    case("too slow", "two in twenty", "finding", *_sales(1, 18, 2), *_sales(19, 2, 8),
         guilty=139, instead=ends(20, "unknown"), terms=_FIVE_SECONDS),
    case("slow only when full", "quick while it was empty", "finding",
         *_sales(1, 20, 2), _NEARLY_FULL, *_sales(22, 18, 2), *_sales(40, 2, 8),
         guilty=280, instead=ends(41, "unknown"), terms=_FIVE_SECONDS),
    case("under a full volume", "that is what it must stand", "finding",
         at(50, _fault("full_storage")), *_sales(1, 18, 2), *_sales(19, 2, 8),
         guilty=140, instead=ends(20, "unknown"), terms=_FIVE_SECONDS),
    case("a volume that got slow", "no software makes the medium quicker", "not_checked",
         at(50, _fault("latency_drift")), *_sales(1, 20, 8), terms=_FIVE_SECONDS),
    case("lifted", "quick again, the slow ones were the medium's", "pass",
         at(50, _fault("latency_drift")), *_sales(1, 20, 8),
         at(2_150, FaultLifted(0, "latency_drift#1", "latency_drift", (T01,))), *_sales(22, 20, 2), terms=_FIVE_SECONDS),
    case("too few", "nineteen sales", "not_checked", *_sales(1, 19, 8), terms=_FIVE_SECONDS),
    case("no budget", "the maker states none", "not_checked", *_sales(1, 20, 8)),
)  # fmt: skip
