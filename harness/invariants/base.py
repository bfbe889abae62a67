"""What an invariant is: fed the history event by event, it yields findings; it never sees the world.

An invariant is judged from outside first: screens, receipts, messages, the host's ledger and settlements, what customers
believe. Where the software offers ``inspect``, its own records count as well. State is kept per device and dropped as
batches settle: a run has millions of events, and what is kept must follow the transactions that are still open.

A false alarm is as bad as a miss. So each invariant carries ``cases``: small histories with the verdict expected, the
legal ones that look guilty first.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias, TypeVar

from harness.contract import Manifest
from harness.core.registry import Registry
from harness.core.units import clock_text, seconds
from harness.history.events import AnyEvent, Event
from harness.invariants.kinds import kind_of

if TYPE_CHECKING:
    from harness.invariants.books import Books

Kind: TypeAlias = Literal["safety", "liveness", "security"]
Severity: TypeAlias = Literal["critical", "major", "minor"]
"""critical: somebody's money is wrong. major: records or service are lost. minor: a rule is broken without loss so far."""

CaseVerdict: TypeAlias = Literal["pass", "finding", "not_checked"]

_UNDECLARED = Manifest(name="undeclared")
_DETAILED_FINDINGS = 500
"""Findings kept whole per invariant; of later ones only a few of each kind, so that hopeless software cannot fill the memory."""
_OF_A_KIND, _KINDS = 20, 200

DAMAGE_KINDS = frozenset(
    {
        "corrupt_file", "truncate_file", "lose_file", "zero_file", "bit_flip", "misdirected_write", "stale_backup",
        "unreadable_sector", "lose_erase_block", "dead_chip", "brown_out", "device_lost",
    }
)  # fmt: skip
"""Faults that damage what was already durable. No record is owed by software after them; to detect the damage is (18)."""

REVERSALS, RECORDS = 5, 17
"""Invariants that others rest on: a reversal, or a record, that a medium destroyed in all its copies is owed by nobody."""

INSTANT_KINDS = DAMAGE_KINDS | {
    "power_loss",
    "clock_jump",
    "crash",
    "link_reset",
    "scheduled_restart",
    "device_swap",
    "corrupt_nvram",
}
"""Faults that are over as soon as they struck; every other kind is a condition until it is lifted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One violation. ``events`` are the numbers of the guilty events, in order; ``summary`` is one plain sentence."""

    invariant: str
    number: int
    device: str
    at_us: int
    summary: str
    money_fen: int
    events: tuple[int, ...]
    severity: Severity
    evident_us: int = 0
    """When it could no longer be otherwise. A fault that struck before then may have taken part in it."""
    untouched: bool = False
    """What it is about was not touched by any damage that was measured: no such damage is an excuse for it."""
    kept_until_us: int = 0
    """What it is about was still there at this time: nothing that struck before then has taken it."""
    rests_on: int = 0
    """Another invariant's number that this promise rests on: where no software keeps that one, it is not owed either."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What invariants may hold software to: its manifests by device, and what the engine knows besides."""

    manifests: Mapping[str, Manifest] = field(default_factory=dict)
    epsilon_bytes: Mapping[str, int] = field(default_factory=dict)
    """By device: bytes that may stay on the data volume after a settlement, where it is not what the manifest says."""
    damage_kinds: frozenset[str] = DAMAGE_KINDS
    on_images: bool = False
    """Some devices began on data from before the run (``ImageLoaded``)."""
    undecided: Callable[[frozenset[str]], frozenset[str]] | None = None
    """From the response codes that usually decide nothing to those of this host, where a dialect file says so."""

    def undetermined(self, usual: frozenset[str]) -> frozenset[str]:
        """Response codes that leave a request in doubt."""
        return usual if self.undecided is None else self.undecided(usual)

    def manifest(self, device: str) -> Manifest:
        """The manifest of the software on ``device``; a manifest of defaults when none was given."""
        return self.manifests.get(device, _UNDECLARED)

    def keeps_bytes(self, device: str) -> int:
        """Bytes that may stay on the data volume after a settlement."""
        return self.epsilon_bytes.get(device, self.manifest(device).keeps_after_settlement_bytes)

    def reply_timeout_us(self, device: str) -> int:
        """How long the software waits for a reply."""
        return seconds(self.manifest(device).reply_timeout_s)

    def recovery_us(self, device: str) -> int:
        """Within how long after a fault's end the software is back."""
        return seconds(self.manifest(device).recovery_timeout_s)


@dataclass(frozen=True, slots=True)
class Case:
    """A tiny history with the verdict expected of one invariant, and why.

    In a case that expects a finding, replacing event ``guilty`` (its place) by ``instead`` removes the guilt, and the same
    history then passes; None takes the event out.
    """

    name: str
    why: str
    expect: CaseVerdict
    events: tuple[AnyEvent, ...]
    guilty: int | None = None
    instead: AnyEvent | None = None
    terms: Terms = Terms()


E = TypeVar("E", bound=Event)
Handler: TypeAlias = Callable[[int, Any], None]
# A table of handlers of different event types cannot name the type; each handler itself does.


def on(*kinds: type[Event]) -> Callable[[Callable[[Any, int, Any], None]], Callable[[Any, int, Any], None]]:
    """Marks a method ``(self, number, event)`` as the handler of these event types."""

    def mark(method: Callable[[Any, int, Any], None]) -> Callable[[Any, int, Any], None]:
        method.watched_events = kinds  # type: ignore[attr-defined]
        return method

    return mark


class Observer:
    """Something fed with events: the methods marked with ``on``, by event type."""

    watches: ClassVar[tuple[type[Event], ...]] = ()
    _methods: ClassVar[Mapping[type[Event], str]] = {}

    def __init_subclass__(cls, **arguments: object) -> None:
        super().__init_subclass__(**arguments)
        methods = dict(cls._methods)
        for name, member in vars(cls).items():
            for kind in getattr(member, "watched_events", ()):
                methods[kind] = name
        cls._methods = methods
        cls.watches = tuple(methods)

    def handlers(self) -> dict[type[Event], Handler]:
        """The bound handlers by exact event type, for a dispatcher that calls them without a detour."""
        return {kind: getattr(self, name) for kind, name in self._methods.items()}

    def observe(self, number: int, event: Event) -> None:
        """Take note of one event; types that are not watched are ignored."""
        name = self._methods.get(type(event))
        if name is not None:
            getattr(self, name)(number, event)


class Invariant(Observer):
    """The base of all invariants. The first line of a subclass's docstring is the sentence that reports print."""

    number: ClassVar[int]
    name: ClassVar[str]
    kind: ClassVar[Kind] = "safety"
    evidence: ClassVar[str] = ""
    requires: ClassVar[tuple[str, ...]] = ()
    cases: ClassVar[tuple[Case, ...]] = ()

    def __init__(self, terms: Terms, books: "Books") -> None:
        self.terms = terms
        self.books = books
        """The shared view of purchases, ledger and devices; it has seen each event before the invariant does."""
        self.findings: list[Finding] = []
        self.findings_total = 0
        self._kinds: Counter[str] = Counter()
        self.checked = 0
        """How many things were judged. With none, the verdict is "not checked", never a pass."""
        self._reasons: dict[str, int] = {}

    @classmethod
    @cache
    def sentence(cls) -> str:
        """The invariant in one sentence."""
        return (cls.__doc__ or "").strip().split("\n", 1)[0]

    def conclude(self, at_us: int) -> Iterator[Finding]:
        """The history is over: yield what only the end can tell. Findings made on the way are in ``findings``."""
        yield from ()

    def so_far(self, at_us: int) -> Iterator[Finding]:
        """The run broke off: yield what nothing that was still to come could have mended. Findings made on the way stand
        anyway.
        """
        yield from ()

    def not_checked(self) -> list[str]:
        """Why nothing, or not everything, could be judged."""
        reasons = [text if times == 1 else f"{text} ({times} times)" for text, times in self._reasons.items()]
        if not self.checked and not reasons:
            lacks = self.books.inspection_is_missing and any(map(_is_inspection, self.requires))
            reasons.append(self.books.without_inspection() if lacks else "nothing of the kind happened")
        return reasons

    def skip(self, reason: str) -> None:
        """Note something that could not be judged."""
        self._reasons[reason] = self._reasons.get(reason, 0) + 1

    def finding(
        self, device: str, at_us: int, summary: str, events: tuple[int | None, ...], money_fen: int, severity: Severity,
        evident_us: int = 0, *, untouched: bool = False,
    ) -> Finding:  # fmt: skip
        """A finding of this invariant; ``events`` may hold None and repeats. ``evident_us`` is ``at_us`` when not given."""
        numbers = tuple(sorted({each for each in events if each is not None}))
        evident_us = max(at_us, evident_us)
        return Finding(
            self.name, self.number, device, at_us, summary, money_fen, numbers, severity, evident_us, untouched
        )  # fmt: skip

    def report(self, finding: Finding) -> None:
        """Keep a finding made on the way."""
        self.findings_total += 1
        if len(self.findings) < _DETAILED_FINDINGS or self._is_rare(finding):
            self.findings.append(finding)

    def _is_rare(self, finding: Finding) -> bool:
        """Whether few of its kind are kept: however many there are of one kind, they hide none of another."""
        if not self._kinds:
            self._kinds = Counter(kind_of(each.summary) for each in self.findings)
        kind = kind_of(finding.summary)
        if self._kinds[kind] >= _OF_A_KIND or len(self._kinds) >= _KINDS:
            return False
        self._kinds[kind] += 1
        return True


INVARIANTS: Registry[type[Invariant]] = Registry("invariant")


def _is_inspection(requirement: str) -> bool:
    """Whether an inspection alone would meet it: ``inspect``, or ``a reversal, or inspect at quiescence``."""
    _, alternative, last = requirement.rpartition(", or ")
    return requirement == "inspect" or (bool(alternative) and "inspect" in last)


def yuan(amount_fen: int) -> str:
    """``amount_fen`` as people write it: ``12.34 yuan``."""
    sign = "-" if amount_fen < 0 else ""
    whole, fen = divmod(abs(amount_fen), 100)
    return f"{sign}{whole:,}.{fen:02d} yuan"


def when(at_us: int) -> str:
    """The moment as a story tells it."""
    return clock_text(at_us)


@lru_cache(maxsize=4096)
def plain_number(text: str | None) -> str:
    """A STAN or batch number without leading zeros, so that ``000012`` and ``12`` are the same."""
    if not text:
        return ""
    return text.lstrip("0") or "0"
