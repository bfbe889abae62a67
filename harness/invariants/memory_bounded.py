"""Invariant 26: memory does not grow with the number of transactions.

Models: the software's own memory as the census found it, compared where little should be held: at its lowest in each stretch
between two settlements, after a warm-up, from the first such stretch of a boot to the last. Growth of all boots is added
up, so a daily reboot hides nothing. Within one stretch only growth beyond any plausible record is held against it.
Does not model: an injected leak (``leaked_bytes``), which is the fault's and not the software's.
Traps avoided: caches that fill after a boot (warm-up); a log kept in memory grows until its batch is settled, at most by
a record per transaction; growth within the declared slack; a reboot that starts from little again; one stretch alone
cannot tell a log from a leak.
Source: domain section 8, invariant 26; record sizes: domain section 3 (762 bytes, signature up to 4 KB).
"""

from collections.abc import Iterator

from harness.contract import Manifest
from harness.history.events import BatchSettled, Booted, MemorySampled
from harness.invariants.base import INVARIANTS, Finding, Invariant, Terms, on, when
from harness.invariants.books import Books
from harness.invariants.casebook import T01, case, settled

WARM_UP_TRANSACTIONS = 30
RECORD_BYTES_MAX = 4096
"""What one transaction may add while its batch is open: a record with a signature."""


class _Device:
    """One terminal: this boot's first and latest low, this stretch's low, and the growth of earlier boots."""

    __slots__ = (
        "boot_from", "events", "first", "grown_bytes", "high", "last", "low", "low_adjusted", "pairs", "start",
        "transactions",
    )  # fmt: skip

    def __init__(self) -> None:
        self.grown_bytes = 0
        self.events: list[int] = []
        self.pairs = 0
        self.transactions = 0
        self.high: tuple[int, int] = (0, 0)
        """The worst growth within one stretch beyond what records explain: bytes and event."""
        self.new_boot()

    def new_boot(self) -> None:
        """Everything that belongs to one life of the process."""
        self.boot_from: int | None = None
        self.first: tuple[int, int] | None = None
        self.last: tuple[int, int] | None = None
        self.new_stretch()

    def new_stretch(self) -> None:
        """Everything that belongs to one open batch."""
        self.start: tuple[int, int] | None = None
        self.low: tuple[int, int] | None = None
        self.low_adjusted: tuple[int, int] | None = None

    def end_stretch(self) -> None:
        """The batch closed: its low is the boot's first, or its latest."""
        if self.first is None:
            self.first = self.low
        elif self.low_adjusted is not None:
            self.last = self.low_adjusted
            self.pairs += 1
        self.new_stretch()

    def end_boot(self) -> None:
        """The process is gone: what it had grown by counts."""
        self.end_stretch()
        if self.first is not None and self.last is not None and self.last[0] > self.first[0]:
            self.grown_bytes += self.last[0] - self.first[0]
            self.events += (self.first[1], self.last[1])
        self.new_boot()


@INVARIANTS.register("memory_bounded")
class MemoryBounded(Invariant):
    """The software's memory does not grow with the number of transactions."""

    number = 26
    name = "memory_bounded"
    kind = "liveness"
    evidence = "the memory census between settlements"
    requires = ("a census in two batches of one boot",)

    def __init__(self, terms: Terms, books: Books) -> None:
        super().__init__(terms, books)
        self._devices: dict[str, _Device] = {}

    def _device(self, name: str) -> _Device:
        state = self._devices.get(name)
        if state is None:
            state = self._devices[name] = _Device()
        return state

    @on(MemorySampled)
    def _sampled(self, number: int, event: MemorySampled) -> None:
        state = self._device(event.device)
        if state.boot_from is None or event.transactions < state.boot_from:
            state.boot_from = event.transactions
        if event.transactions - state.boot_from < WARM_UP_TRANSACTIONS:
            return
        state.transactions = event.transactions
        held_bytes = event.software_bytes
        if state.start is None:
            state.start = (held_bytes, event.transactions)
        records_bytes = RECORD_BYTES_MAX * (event.transactions - state.start[1])
        if state.low is None or held_bytes < state.low[0]:
            state.low = (held_bytes, number)
        if state.low_adjusted is None or held_bytes - records_bytes < state.low_adjusted[0]:
            state.low_adjusted = (held_bytes - records_bytes, number)
        beyond_bytes = held_bytes - state.start[0] - records_bytes
        if beyond_bytes > state.high[0]:
            state.high = (beyond_bytes, number)

    @on(BatchSettled)
    def _settled(self, number: int, event: BatchSettled) -> None:
        if event.closed and not event.repeated:
            self._device(event.device).end_stretch()

    @on(Booted)
    def _booted(self, number: int, event: Booted) -> None:
        self._device(event.device).end_boot()

    def conclude(self, at_us: int) -> Iterator[Finding]:
        for device, state in self._devices.items():
            state.end_boot()
            slack_bytes = self.terms.manifest(device).memory_slack_bytes
            if not state.pairs and state.high[0] <= slack_bytes:
                if state.transactions:
                    self.skip(f"{device} was not sampled in two batches of one boot")
                continue
            self.checked += 1
            if state.grown_bytes > slack_bytes:
                summary = (
                    f"The software of {device} grew by {state.grown_bytes:,} bytes in {state.transactions:,} transactions "
                    f"({slack_bytes:,} are declared): it will run out of memory, as seen until {when(at_us)}."
                )
                yield self.finding(device, at_us, summary, tuple(state.events[-40:]), 0, "major")
            elif state.high[0] > slack_bytes:
                summary = (
                    f"The software of {device} grew by {state.high[0]:,} bytes within one batch, beyond what its records "
                    f"can need ({slack_bytes:,} are declared), as seen until {when(at_us)}."
                )
                yield self.finding(device, at_us, summary, (state.high[1],), 0, "major")


def _held(kilobytes: int, transactions: int, leaked_bytes: int = 0) -> MemorySampled:
    return MemorySampled(0, T01, kilobytes * 1000, leaked_bytes, 64_000_000, transactions)


_WARM = _held(1000, 0)
_BOOT = Booted(0, T01, 2)
_ROOMY = Terms({T01: Manifest(name="roomy", memory_slack_bytes=10_000_000)})

MemoryBounded.cases = (
    case("steady", "the same after each settlement", "pass",
         _WARM, _held(2000, 40), settled(1), _held(2010, 340), settled(2), _held(2020, 640)),
    case(
        "grows with each batch", "what was kept is never let go", "finding",
        _WARM, _held(2000, 40), settled(1), _held(2400, 340), settled(2), _held(2800, 640),
        guilty=5, instead=_held(2050, 640),
    ),
    case("log kept in memory", "it grows until the batch is settled, and is small again", "pass",
         _WARM, _held(2000, 40), _held(2900, 340), settled(1), _held(2010, 341), _held(2900, 640), settled(2),
         _held(2020, 641)),
    case("caches after the start", "they fill in the first transactions", "pass",
         _held(500, 0), _held(1800, 10), _held(2000, 40), settled(1), _held(2050, 340)),
    case(
        "daily reboot", "each day grows a little and each night starts anew", "finding",
        _WARM, _held(2000, 40), settled(1), _held(2200, 340), _BOOT,
        _held(1000, 341), _held(2000, 381), settled(2), _held(2200, 681),
        guilty=3, instead=_held(2000, 340),
    ),
    case("reboot without growth", "less after the reboot, and no more than before", "pass",
         _WARM, _held(2000, 40), settled(1), _held(2010, 340), _BOOT, _held(900, 341), _held(1990, 400), settled(2),
         _held(2000, 700)),
    case("injected leak", "the leak on top is the fault's", "pass",
         _WARM, _held(2000, 40), settled(1), _held(2010, 340, 900_000), settled(2), _held(2010, 640, 9_000_000)),
    case("declared slack", "the software says that it may", "pass",
         _WARM, _held(2000, 40), settled(1), _held(3000, 340), settled(2), _held(4000, 640), terms=_ROOMY),
    case(
        "beyond any record", "one open batch, and 20 KB more with each transaction", "finding",
        _WARM, _held(2000, 40), _held(4000, 140),
        guilty=2, instead=_held(2380, 140),
    ),
    case("one batch only", "a log in memory and a leak look the same", "not_checked",
         _WARM, _held(2000, 40), _held(2300, 340)),
)  # fmt: skip
