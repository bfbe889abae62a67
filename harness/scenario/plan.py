"""A scenario as the rest of the harness sees it: frozen, complete, in base units. YAML and pydantic end before this."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from harness.core.decisions import Value
from harness.core.units import US_PER_DAY, US_PER_HOUR, US_PER_SECOND
from harness.device.spec import DEFAULT_MEDIUM
from harness.faults.base import FaultPlan
from harness.host.funds import Cycle
from harness.scenario.thresholds import Threshold
from harness.workload.arrivals import Surge
from harness.workload.behaviour import Behaviour
from harness.workload.script import Scripted

KIB = 1024
MIB = 1024 * KIB

DEFAULT_SOFTWARE = "reference"
ACCEPTANCE_PERCENT_DEFAULT = 90.0


@dataclass(frozen=True, slots=True)
class VolumePlan:
    """One storage volume of every device. ``partial_writes``: a full disk takes part of a write before it says ENOSPC."""

    name: str
    size_bytes: int = 8 * MIB
    """How much it holds."""
    block_bytes: int = field(default=4 * KIB, metadata={"key": "block_size"})
    """What a file takes at least, and in multiples of which it grows."""
    profile: str | None = None
    """What the medium may lose at a power cut; None: the scenario's profile."""
    inode_limit: int | None = None
    """How many files and directories it can hold; None: as many as there is room for."""
    partial_writes: bool = True
    """A full volume takes part of a write before it says ENOSPC; else all of it or nothing."""
    directory_blocks: bool = False
    """Directories take blocks, as on every file system but tmpfs."""
    medium: str = DEFAULT_MEDIUM
    """What it is made of: how long calls take, and how it wears."""
    erase_block_bytes: int | None = field(default=None, metadata={"key": "erase_block"})
    """What the medium erases at once; None: the medium's own."""
    program_bytes: int | None = field(default=None, metadata={"key": "program_unit"})
    """The least that one write to the medium costs; None: the medium's own."""
    endurance_cycles: int | None = None
    """How often a block may be erased by its data sheet; None: the medium's own."""


@dataclass(frozen=True, slots=True)
class DevicePlan:
    """The hardware of every device. ``paper_slips``: how many receipts a roll gives; None: paper never runs out."""

    volumes: tuple[VolumePlan, ...] = (VolumePlan("data"),)
    ram_bytes: int = 64 * MIB
    """Memory; beyond it the software is killed."""
    link: str = "4g"
    """The kind of line to the acquirer: 4g, gprs, wifi or ethernet."""
    paper_slips: int | None = None
    """How many slips a roll gives; None: paper never runs out."""
    class_name: str | None = field(default=None, compare=False, metadata={"key": "class"})
    """The device class from which it comes; keys that are given override the class."""


SILENCE = "host.silent"
"""In the causal key of each decision whether a request is one of ``NO_REPLY``."""
NO_REPLY = "host.no_reply"
"""The everyday share of requests that the host never answers, by its key: no fault, and yet what a finding may come from."""


@dataclass(frozen=True, slots=True)
class HostPlan:
    """How the acquirer behaves on a good day."""

    latency_median_us: int = 350_000
    """How long it takes to answer, in the middle."""
    latency_p99_us: int = 2_500_000
    """How long at most for 99 of 100 requests."""
    no_reply_percent: float = 0.3
    """Share of requests that are never answered, although they may be carried out."""
    decline_percent: float | None = None
    """Share of cards that are declined; None: the merchant's."""
    partial_percent: float = 0.0
    """Share of cards that are good for a part of a sale only."""
    amount_limit_fen: int | None = None
    """The most that one sale or pre-authorisation may be; None: no limit."""
    count_limit: int | None = None
    """How many sales and pre-authorisations a terminal may make a day; None: no limit."""
    hold_us: int = 30 * US_PER_DAY
    """How long a pre-authorisation holds its amount."""
    trusts_completions: bool = False
    """Completions are booked as they come, whatever their pre-authorisation says: the terminal's care is all there is."""
    trusts_codes: bool = False
    """A payment code that has been used is charged again in another order: the terminal's care is all there is."""
    workers: int = 64
    """How many requests it carries out at a time; the rest wait."""


@dataclass(frozen=True, slots=True)
class FundsPlan:
    """How the merchants' money is paid out, and what people key in at set-up. Where a scenario has it, terminals set it up."""

    cycle: Cycle = "T+1"
    """What was agreed: the next business day, the next day, or the same day."""
    cut_off_us: int = field(default=23 * US_PER_HOUR, metadata={"unit": "clock"})
    """From this time of day on a sale counts as the next day's."""
    paid_at_us: int = field(default=10 * US_PER_HOUR, metadata={"unit": "clock"})
    """When T+1 and D+1 are paid; D+0 is at each full hour."""
    due_by_us: int = field(default=18 * US_PER_HOUR, metadata={"unit": "clock"})
    """By when they are due on their day."""
    same_day_fee_fen: int = 0
    """What one payout of D+0 costs."""
    large_fen: int | None = None
    """A payout above it is looked at first; None: none is."""
    look_us: int = 24 * US_PER_HOUR
    """How long that takes."""
    checks_settings: bool = True
    """The acquirer refuses an account that does not exist and a cycle that was not agreed; else only the payout fails."""
    keyed_account: Literal["right", "mistyped", "unknown"] = "right"
    """The account that is keyed in first: the merchant's own, one with a wrong digit, or one that the bank does not have."""
    keyed_cycle: Cycle | None = None
    """The cycle that is keyed in first; None: the one that was agreed."""
    corrects: bool = True
    """Whoever is told that it was refused, or that a payout came back, keys in what is right."""
    looks_after_money: bool = True
    """Asks the terminal each morning what has become of the money of the batch before."""


@dataclass(frozen=True, slots=True)
class MerchantShare:
    """One kind of merchant and its weight among the terminals."""

    merchant: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class DaysPlan:
    """Trading days. None: the merchant's own opening hours."""

    count: int = 1
    start: datetime.date = datetime.date(2026, 3, 2)
    open_us: int | None = None
    close_us: int | None = None


@dataclass(frozen=True, slots=True)
class InvariantChoice:
    """Which invariants are judged: all of them, only some, or all but some. Names are the registry's."""

    only: tuple[str, ...] | None = None
    excluded: tuple[str, ...] = ()

    def wants(self, name: str) -> bool:
        """Whether this invariant is judged."""
        return name not in self.excluded and (self.only is None or name in self.only)


@dataclass(frozen=True, slots=True)
class Budgets:
    """What a run may use. Running out is inconclusive or a finding, never a hang."""

    events: int = 20_000_000
    """How many events there may be."""
    wall_us: int = 600 * US_PER_SECOND
    """Real time."""
    memory_bytes: int = 4096 * MIB
    """Memory of the process in which the run is."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One scenario. ``software`` is a shipped terminal's name and only a default: the command line decides what runs."""

    name: str
    summary: str = ""
    covers: tuple[str, ...] = ()
    """Rows of the trade that it stands for, by id."""
    terminals: int = 1
    software: str = DEFAULT_SOFTWARE
    release: Literal["current", "previous"] = "current"
    """What terminals begin with: the software that is run, or the release that its manifest names as the one before it."""
    trace_number: int | None = None
    """What whoever installs them keys in as the next trace number; None: nobody does."""
    days: DaysPlan = DaysPlan()
    merchants: tuple[MerchantShare, ...] = (MerchantShare("convenience"),)
    sales_per_day: float | None = None
    surge: Surge | None = None
    """Hours in which far more customers come than usually."""
    only_intents: tuple[int, ...] | None = None
    """When given, every other customer stays away: shrunk cases name the few that matter."""
    actions: tuple[Scripted, ...] | None = None
    """What customers and operators do, one by one; when given, nobody else comes."""
    device: DevicePlan = DevicePlan()
    disk: str = "vfs"
    profile: str = "ext4-ordered"
    host: HostPlan = HostPlan()
    funds: FundsPlan | None = None
    """How money is paid out after the sale; None: nobody looks at that."""
    people: Behaviour = field(default_factory=Behaviour)
    faults: tuple[FaultPlan, ...] = ()
    invariants: InvariantChoice = InvariantChoice()
    must_happen: tuple[str, ...] = ()
    """Probes that must be reached, or the run proves nothing."""
    acceptance_percent: float = ACCEPTANCE_PERCENT_DEFAULT
    thresholds: tuple[Threshold, ...] = ()
    """Bounds on measures: a run beyond one fails."""
    budgets: Budgets = Budgets()
    seed: int | None = None
    decisions: Mapping[str, Value] | None = field(default=None, repr=False)
    """Pinned decisions: this is a resolved scenario, and nothing is drawn."""
    unpinned: Literal["neutral", "drawn"] = "neutral"
    """What a decision comes to that is not among those: nothing happens, or, as of a run that was killed only the first ones
    are known, what the seed gives."""
    source: str = field(default="", compare=False)
    """The file it was read from, for messages."""

    def station_names(self) -> tuple[str, ...]:
        """T01, T02, ... T99, T100, ... in order: a name does not depend on how many terminals there are."""
        return tuple(f"T{number:02d}" for number in range(1, self.terminals + 1))

    def merchant_of(self, place: int) -> str:
        """The kind of merchant of the terminal at ``place`` (from 0): shares are dealt out evenly, in order."""
        total = sum(share.weight for share in self.merchants)
        # Where this terminal stands on a line from 0 to 1 that the shares divide among themselves.
        point = (place + 0.5) / self.terminals * total
        for share in self.merchants:
            point -= share.weight
            if point < 0.0:
                return share.merchant
        return self.merchants[-1].merchant

    def without_families(self, families: Collection[str]) -> Plan:
        """The same scenario with whole families of fault switched off: they are not planned, so nobody waits for them to bite.

        With ``NO_REPLY`` among them the host answers every request that no fault keeps from it. A probe that must be reached may
        need what is off; with anything off, none must be.
        """
        if NO_REPLY in families:
            pinned = self.decisions
            answered = None if pinned is None else {key: 0 if f"/{SILENCE}/" in key else pinned[key] for key in pinned}
            everyday = replace(self, host=replace(self.host, no_reply_percent=0.0), decisions=answered, must_happen=())
            return everyday.without_families(set(families) - {NO_REPLY})
        kept = tuple(fault for fault in self.faults if fault.fault.family not in families)
        if len(kept) == len(self.faults):
            return self
        return replace(self, faults=kept, must_happen=())
