"""The merchants' money after the sale: when the acquirer pays it out, to which account, and what keeps it back.

Models: one account a terminal; the cycles T+1 (next business day), D+1 (next day) and D+0 (the same day, each full hour, for
a fee); the cut-off hour, from which on a sale belongs to the next day; a payout that is looked at by people when it is
large; one that comes back because there is no such account, and is tried again; refunds, voids and reversals, which are
taken from the next payout. With host capture money flows from the ledger, settled by the terminal or not; with terminal
capture only what was settled flows.
Does not model: merchants' discount, interest, a bank's own queue, several terminals that share an account.
Source: cut-off, hours, delays over holidays and the fee of D+0 as payment companies tell their merchants (domain notes,
section 5); the codes by which settings are refused are those of the UnionPay tables (42 no such account, 40 not supported) [A].

Pure and synchronous, like the rest of the host: somebody calls ``run`` at ``next_run_us``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Literal, TypeAlias

from harness.core.units import US_PER_DAY, US_PER_HOUR
from harness.history.events import PayoutMade, PayoutTold, SettingsJudged
from harness.history.recorder import Recorder
from harness.host.business_days import china_days, is_business_day, next_business_day
from harness.host.knobs import Knobs
from harness.host.ledger import CHARGES, Entry, Ledger
from harness.iso8583.funds import CYCLES, Payout63, Settings63, check_digit

Cycle: TypeAlias = Literal["T+1", "D+1", "D+0"]
PayoutState: TypeAlias = Literal["paid", "bounced", "held"]

_SAME_DAY_FROM, _SAME_DAY_UNTIL = 8, 22
"""The hours at which D+0 pays."""
_NO_ACCOUNT, _NOT_SUPPORTED = "42", "40"
_FLOWS = frozenset({"APPROVED", "SETTLED", "REFUNDED"})


@dataclass(frozen=True, slots=True)
class FundsTerms:
    """What acquirer and merchants have agreed."""

    cycle: Cycle = "T+1"
    cut_off_us: int = 23 * US_PER_HOUR
    """From this time of day on a sale counts as the next day's."""
    paid_at_us: int = 10 * US_PER_HOUR
    """When T+1 and D+1 are paid."""
    due_by_us: int = 18 * US_PER_HOUR
    """By when they are due on their day."""
    same_day_fee_fen: int = 0
    """What one payout of D+0 costs."""
    large_fen: int | None = None
    """A payout above it is looked at first; None: none is."""
    look_us: int = 24 * US_PER_HOUR
    """How long that takes."""
    checks_settings: bool = True
    """An account that does not exist, and a cycle that was not agreed, are refused when they come; else only the payout fails."""
    knows_holidays: bool = True
    """Whether T+1 can be had at all: not beyond the years whose holidays are known."""
    only_settled: bool = False
    """Only what the terminal has settled is paid (terminal capture)."""


@dataclass(slots=True)
class MerchantMoney:
    """One terminal's money. ``paid`` is by ledger entry: what has arrived of it."""

    device: str
    tid: str
    true_account: str
    account: str = ""
    cycle: str = ""
    paid: dict[int, int] = field(default_factory=dict)
    troubles: dict[int, PayoutState] = field(default_factory=dict)
    """By entry: why its last payout did not arrive."""
    held: dict[int, int] = field(default_factory=dict)
    """Entries of a payout that somebody looks at, until ``released_us``."""
    released_us: int = 0

    def copy(self) -> MerchantMoney:
        """The same, independent."""
        return replace(self, paid=self.paid.copy(), troubles=self.troubles.copy(), held=self.held.copy())


def account_of(mid: str) -> str:
    """The account that a merchant really has."""
    digits = f"31{int(mid) % 10**14:014d}"
    return digits + check_digit(digits)


def told_account(account: str) -> str:
    """An account as histories, screens and slips tell it: its last four digits."""
    return f"*{account[-4:]}" if account else ""


class Funds:
    """All merchants' money at one acquirer."""

    def __init__(self, terms: FundsTerms, ledger: Ledger, recorder: Recorder, start: date) -> None:
        self.terms = terms
        self.merchants: dict[str, MerchantMoney] = {}
        self._ledger = ledger
        self._recorder = recorder
        self._start = start
        self._payouts = 0
        self._due_days: dict[tuple[str, int], int] = {}
        china_days()  # read before anything runs: later it may be a terminal's message that asks, and it has no such file

    def register(self, device: str, tid: str, mid: str, *, sets_account: bool) -> None:
        """A merchant's terminal. Where the terminal sets the account (``sets_account``) there is none before it has."""
        account = account_of(mid)
        first = ("", "") if sets_account else (account, self.terms.cycle)
        self.merchants[tid] = MerchantMoney(device, tid, account, *first)

    # ------------------------------------------------------------ what terminals ask

    def configure(self, tid: str, settings: Settings63, at_us: int) -> tuple[str, Settings63]:
        """Account and cycle as a terminal sends them; the response code, and what is on record now."""
        money = self.merchants[tid]
        code = "00"
        if (
            settings.cycle not in CYCLES
            or (self.terms.checks_settings and settings.cycle != self.terms.cycle)
            or (settings.cycle == "T+1" and not self.terms.knows_holidays)
        ):
            code = _NOT_SUPPORTED
        elif not settings.account or (self.terms.checks_settings and settings.account != money.true_account):
            code = _NO_ACCOUNT
        if code == "00":
            money.account, money.cycle = settings.account, settings.cycle
        self._recorder.emit(
            SettingsJudged(at_us, money.device, told_account(settings.account), settings.cycle[:3], code)
        )
        return code, Settings63(money.account, money.cycle)

    def tell(self, tid: str, batch: str, at_us: int) -> Payout63:
        """What has become of the money of one batch."""
        money = self.merchants[tid]
        entries = [
            entry for entry in self._ledger.entries(tid, batch) if entry.number in money.paid or self._net(entry)
        ]
        arrived = sum(money.paid.get(entry.number, 0) for entry in entries)
        owed = [entry for entry in entries if money.paid.get(entry.number, 0) != self._net(entry)]
        state = "paid" if entries and not owed else "none" if not entries else "pending"
        for entry in owed:
            if entry.number in money.held or money.troubles.get(entry.number) == "held":
                state = "held"
            elif money.troubles.get(entry.number) == "bounced":
                state = "bounced"
                break
        cycle = money.cycle or self.terms.cycle
        due_day = max((self._due_day(cycle, entry.since_us) for entry in owed), default=at_us // US_PER_DAY)
        due = self._date(due_day).isoformat()
        self._recorder.emit(PayoutTold(at_us, money.device, batch, state, arrived))
        return Payout63(batch, state, max(0, arrived), due[5:7] + due[8:], cycle)

    # ------------------------------------------------------------ paying

    def next_run_us(self, after_us: int) -> int:
        """When ``run`` is called next: at each full hour, and when T+1 and D+1 are paid."""
        day_us = after_us // US_PER_DAY * US_PER_DAY
        hour_us = (after_us // US_PER_HOUR + 1) * US_PER_HOUR
        paid_us = day_us + self.terms.paid_at_us
        return min(hour_us, paid_us if paid_us > after_us else paid_us + US_PER_DAY)

    def run(self, at_us: int, knobs: Mapping[str, Knobs]) -> None:
        """Pay whom there is something to pay now."""
        open_entries: dict[str, list[Entry]] | None = None
        for tid, money in self.merchants.items():
            if money.held and at_us >= money.released_us:
                self._release(money, at_us, knobs[tid])
            cycle = money.cycle or self.terms.cycle
            if not self._pays_now(cycle, at_us):
                continue
            if open_entries is None:
                open_entries = self._open_entries()
            due = [
                entry for entry in open_entries.get(tid, ()) if entry.number not in money.held
                and self._due_us(cycle, entry.since_us) - self._lead_us(cycle) <= at_us
            ]  # fmt: skip
            self._pay(money, due, at_us, knobs[tid])

    def _open_entries(self) -> dict[str, list[Entry]]:
        """By terminal: entries of which something is still to be paid, or taken back."""
        found: dict[str, list[Entry]] = {}
        for entry in self._ledger.entries():
            money = self.merchants.get(entry.tid)
            if money is not None and self._net(entry) != money.paid.get(entry.number, 0):
                found.setdefault(entry.tid, []).append(entry)
        return found

    def _pay(self, money: MerchantMoney, due: Iterable[Entry], at_us: int, knobs: Knobs) -> None:
        parts = {entry.number: self._net(entry) - money.paid.get(entry.number, 0) for entry in due}
        fee_fen = self.terms.same_day_fee_fen if money.cycle == "D+0" else 0
        if sum(parts.values()) <= fee_fen:
            return  # what is owed to the acquirer, or less than the fee, waits for the next payout
        if knobs.payouts_stopped_until_us and knobs.before("payouts_stopped_until_us", at_us):
            return
        if not money.account:
            self._made(money, "held", parts, at_us, "no account has been set")
        elif knobs.account_mistyped_until_us and knobs.before("account_mistyped_until_us", at_us):
            self._made(money, "bounced", parts, at_us, "the account was mistyped at the acquirer")
        elif money.account != money.true_account:
            self._made(money, "bounced", parts, at_us, "there is no such account")
        elif self.terms.large_fen is not None and sum(parts.values()) > self.terms.large_fen:
            money.held, money.released_us = parts, at_us + self.terms.look_us
            self._made(money, "held", parts, at_us, "it is large and is looked at")
        else:
            self._made(money, "paid", parts, at_us, "", fee_fen)

    def _release(self, money: MerchantMoney, at_us: int, knobs: Knobs) -> None:
        """Somebody has looked at a large payout: it goes, as far as it is still owed."""
        entries = (self._ledger.entry(number) for number in money.held)
        parts = {entry.number: self._net(entry) - money.paid.get(entry.number, 0) for entry in entries}
        if knobs.payouts_stopped_until_us and knobs.before("payouts_stopped_until_us", at_us):
            return
        money.held = {}
        if money.account == money.true_account and sum(parts.values()) > 0:
            self._made(money, "paid", parts, at_us, "it was looked at")

    def _made(
        self, money: MerchantMoney, state: PayoutState, parts: Mapping[int, int], at_us: int, reason: str, fee_fen: int = 0
    ) -> None:  # fmt: skip
        for number, amount_fen in parts.items():
            if state == "paid":
                money.paid[number] = money.paid.get(number, 0) + amount_fen
                money.troubles.pop(number, None)
            else:
                money.troubles[number] = state
        self._payouts += 1
        cycle = money.cycle or self.terms.cycle
        entries = [self._ledger.entry(number) for number in parts]
        self._recorder.emit(
            PayoutMade(
                at_us, money.device, self._payouts, state, told_account(money.account), cycle,
                sum(parts.values()) - fee_fen, fee_fen, min(self._due_us(cycle, entry.since_us) for entry in entries),
                tuple(parts.items()), tuple(dict.fromkeys(entry.batch for entry in entries)), reason,
            )
        )  # fmt: skip

    def _net(self, entry: Entry) -> int:
        """What an entry adds to its merchant's money as things stand."""
        if entry.state not in _FLOWS or (self.terms.only_settled and entry.state == "APPROVED"):
            return 0
        if entry.kind in CHARGES:
            return entry.amount_fen
        return -entry.amount_fen if entry.kind == "refund" else 0

    # ------------------------------------------------------------ days

    def _pays_now(self, cycle: str, at_us: int) -> bool:
        day, time_us = divmod(at_us, US_PER_DAY)
        if cycle == "D+0":
            hour, rest_us = divmod(time_us, US_PER_HOUR)
            return not rest_us and _SAME_DAY_FROM <= hour <= _SAME_DAY_UNTIL
        return time_us == self.terms.paid_at_us and (cycle == "D+1" or is_business_day(self._date(day)))

    def _due_us(self, cycle: str, since_us: int) -> int:
        """By when what was sold at ``since_us`` is due."""
        if cycle == "D+0":
            # The next full hour at which it pays.
            hour = since_us // US_PER_HOUR + 1
            day, hour_of_day = divmod(hour, 24)
            if hour_of_day > _SAME_DAY_UNTIL:
                day, hour_of_day = day + 1, _SAME_DAY_FROM
            return (day * 24 + max(hour_of_day, _SAME_DAY_FROM)) * US_PER_HOUR
        return self._due_day(cycle, since_us) * US_PER_DAY + self.terms.due_by_us

    def _lead_us(self, cycle: str) -> int:
        return 0 if cycle == "D+0" else self.terms.due_by_us - self.terms.paid_at_us

    def _due_day(self, cycle: str, since_us: int) -> int:
        day = (since_us + US_PER_DAY - self.terms.cut_off_us) // US_PER_DAY
        if cycle == "D+0":
            return self._due_us(cycle, since_us) // US_PER_DAY
        if cycle == "D+1":
            return day + 1
        known = self._due_days.get((cycle, day))
        if known is None:
            known = self._due_days[cycle, day] = (next_business_day(self._date(day)) - self._start).days
        return known

    def _date(self, day: int) -> date:
        return self._start + timedelta(days=day)
