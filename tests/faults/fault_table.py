"""For every kind of fault a small run in which it bites, and what it is given there."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.faults.bad_contact import BadContact
from harness.faults.base import Fault, FaultPlan, MessageMatch, Trigger
from harness.faults.brown_out import BrownOut
from harness.faults.card_unreadable import CardUnreadable
from harness.faults.clock_jump import ClockJumpFault
from harness.faults.cloned_tid import ClonedTid
from harness.faults.congestion import CongestionFault
from harness.faults.corrupt_file import CorruptFile
from harness.faults.corrupt_nvram import CorruptNvram
from harness.faults.corrupt_read import CorruptReadFault
from harness.faults.crash import Crash
from harness.faults.day_cut_over import DayCutOver
from harness.faults.dead_chip import DeadChip
from harness.faults.device_lost import DeviceLost
from harness.faults.device_swap import DeviceSwap
from harness.faults.forgotten_reversal import ForgottenReversal
from harness.faults.fsync_failure import FsyncFailure
from harness.faults.full_storage import FullStorage
from harness.faults.half_open import HalfOpenFault
from harness.faults.host_miscounts import HostMiscounts
from harness.faults.host_overloaded import HostOverloaded
from harness.faults.host_responds import HostResponds
from harness.faults.host_silent import HostSilent
from harness.faults.inode_exhaustion import InodeExhaustion
from harness.faults.interference import Interference
from harness.faults.issuer_declines import IssuerDeclines
from harness.faults.late_confirmation import LateConfirmation
from harness.faults.late_payout import LatePayout
from harness.faults.late_reply import LateReply
from harness.faults.latency_drift import LatencyDriftFault
from harness.faults.link_reset import LinkReset
from harness.faults.lose_erase_block import LoseEraseBlock
from harness.faults.lose_file import LoseFile
from harness.faults.maintenance import Maintenance
from harness.faults.memory_leak import MemoryLeak
from harness.faults.misdirected_write import MisdirectedWriteFault
from harness.faults.mismatched_reply import MismatchedReply
from harness.faults.misreported_space import MisreportedSpace
from harness.faults.no_clean_block import NoCleanBlockFault
from harness.faults.overheating import Overheating
from harness.faults.paper_out import PaperOut
from harness.faults.partition import PartitionFault
from harness.faults.power_loss import PowerLoss
from harness.faults.quota import QuotaFault
from harness.faults.read_only import ReadOnly
from harness.faults.reversals_refused import ReversalsRefused
from harness.faults.scheduled_restart import ScheduledRestart
from harness.faults.settlement_error import SettlementError
from harness.faults.shrink_capacity import ShrinkCapacity
from harness.faults.slow_reply import SlowReply
from harness.faults.slow_with_fill import SlowWithFillFault
from harness.faults.software_update import SoftwareUpdate
from harness.faults.stale_backup import StaleBackup
from harness.faults.storage_error import StorageError
from harness.faults.truncate_file import TruncateFile
from harness.faults.unreadable_sector import UnreadableSector
from harness.faults.wear_out import WearOut
from harness.faults.wrong_account import WrongAccount
from harness.faults.wrong_address import WrongAddressFault
from harness.faults.wrong_mac import WrongMac
from harness.scenario.plan import DaysPlan, DevicePlan, FundsPlan, HostPlan, Plan, VolumePlan
from harness.workload.behaviour import Behaviour
from tests.faults.fault_bench import HOUR_US, SMALL

NOON = Trigger(day=1, time_us=12 * HOUR_US)
SALE = Trigger(action="sale", occurrence=20)
SETTLE = Trigger(action="settle")
TWO_DAYS = replace(SMALL, days=DaysPlan(2, SMALL.days.start, 9 * HOUR_US, 18 * HOUR_US), sales_per_day=30)
SMALL_DATA = replace(SMALL, device=DevicePlan(volumes=(VolumePlan("data", 512 * 1024),)))
NOR = VolumePlan("data", 128 * 1024, medium="spi-nor", erase_block_bytes=4096, program_bytes=4096)
ON_NOR = replace(SMALL, device=DevicePlan(volumes=(NOR,)))
BY_CODE = replace(SMALL, people=Behaviour(scans_codes_percent=100.0))
SLOW_HOST = replace(SMALL, host=HostPlan(latency_median_us=12_000_000, latency_p99_us=70_000_000, no_reply_percent=0.0))
PAID_THE_SAME_DAY = replace(SMALL, funds=FundsPlan(cycle="D+0"))


@dataclass(frozen=True, slots=True)
class Row:
    """A fault, where it strikes, and the plan it is added to. ``terminal`` is what meets it there."""

    fault: Fault
    at: Trigger = NOON
    plan: Plan = SMALL
    lift_after_us: int | None = None
    terminal: str = "reference"

    @property
    def placed(self) -> FaultPlan:
        """The fault as the plan has it."""
        lift_after_us = None if self.fault.damage else self.lift_after_us
        return FaultPlan(self.fault.kind, self.fault, self.at, lift_after_us=lift_after_us)


REPLY = Trigger(message=MessageMatch("down", "0210"), occurrence=20)

ROWS: dict[str, Row] = {
    row.fault.kind: row
    for row in (
        Row(CardUnreadable(60.0), lift_after_us=2 * HOUR_US),
        Row(ClockJumpFault(-86_400_000_000), lift_after_us=2 * HOUR_US),
        Row(CongestionFault(), lift_after_us=2 * HOUR_US),
        Row(CorruptFile(), plan=TWO_DAYS),
        Row(CorruptReadFault(), plan=TWO_DAYS),
        Row(Crash(), at=replace(SALE, delay_us=6_000_000)),
        Row(DayCutOver(), at=SETTLE, lift_after_us=600_000_000),
        Row(ForgottenReversal(), plan=SLOW_HOST, at=Trigger(day=1, time_us=0)),
        Row(FsyncFailure()),
        Row(FullStorage(), plan=SMALL_DATA),
        Row(HalfOpenFault(), lift_after_us=HOUR_US),
        Row(HostMiscounts(), at=SETTLE),
        Row(HostOverloaded(), lift_after_us=HOUR_US),
        Row(HostResponds()),
        Row(HostSilent()),
        Row(LinkReset()),
        Row(LoseFile(), plan=TWO_DAYS),
        Row(MemoryLeak(8 << 20)),
        Row(MisdirectedWriteFault(), plan=TWO_DAYS),
        Row(MisreportedSpace(), terminal="tests.faults.asking_terminal:AskingTerminal"),
        Row(PaperOut(), lift_after_us=HOUR_US),
        Row(PartitionFault(), lift_after_us=HOUR_US),
        Row(PowerLoss(), at=REPLY),
        Row(ReadOnly(), lift_after_us=HOUR_US),
        Row(SettlementError(), at=SETTLE),
        Row(ShrinkCapacity(remaining_percent=0.5)),
        Row(SlowWithFillFault(from_fill_percent=0.0), lift_after_us=2 * HOUR_US),
        Row(StaleBackup(every_us=HOUR_US), at=Trigger(day=1, time_us=15 * HOUR_US)),
        Row(StorageError()),
        Row(TruncateFile(remaining_percent=1.0), plan=TWO_DAYS),
        Row(WrongMac()),
        Row(BrownOut(), plan=TWO_DAYS),
        Row(DeadChip()),
        Row(InodeExhaustion(), terminal="tests.faults.asking_terminal:DraftingTerminal"),
        Row(LatencyDriftFault(), at=Trigger(day=1, time_us=HOUR_US)),
        Row(LoseEraseBlock(), plan=TWO_DAYS),
        Row(NoCleanBlockFault(), lift_after_us=HOUR_US),
        Row(QuotaFault(), plan=SMALL_DATA),
        Row(UnreadableSector(), plan=TWO_DAYS),
        Row(LateReply()),
        Row(MismatchedReply()),
        Row(WearOut(life_used_percent=99.0, ages_per_day=400, first_try_fails_nth=50), plan=ON_NOR),
        Row(BadContact(error_percent=2.0), lift_after_us=2 * HOUR_US),
        Row(Interference(), lift_after_us=2 * HOUR_US),
        Row(IssuerDeclines()),
        Row(SlowReply()),
        Row(Overheating(cuts_every_us=HOUR_US), lift_after_us=3 * HOUR_US),
        Row(ScheduledRestart(), at=replace(SALE, delay_us=6_000_000)),
        Row(ClonedTid(), lift_after_us=2 * HOUR_US),
        Row(CorruptNvram(), plan=TWO_DAYS, at=Trigger(day=1, time_us=20 * HOUR_US)),
        Row(DeviceLost(), at=SALE),
        Row(DeviceSwap(), at=SALE),
        Row(WrongAddressFault(), lift_after_us=HOUR_US),
        Row(LateConfirmation(), plan=BY_CODE),
        Row(LatePayout(), plan=PAID_THE_SAME_DAY, lift_after_us=4 * HOUR_US),
        Row(Maintenance(announced=False), lift_after_us=3 * HOUR_US),
        Row(WrongAccount(), plan=PAID_THE_SAME_DAY, lift_after_us=4 * HOUR_US),
        Row(SoftwareUpdate(), plan=replace(SMALL, release="previous")),
        Row(ReversalsRefused(), plan=SLOW_HOST, at=Trigger(day=1, time_us=0), lift_after_us=15 * HOUR_US),
    )
}
