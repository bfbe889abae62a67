"""Whoever looks after the shop's money: keys in the account and the cycle, and asks each evening what has arrived.

Models: set-up on the first morning, with the mistake that the scenario has people make; a correction when the terminal says
that it was refused, or that a payout came back. Does not model: bank statements, which would tell what the terminal does
not, calls to the acquirer. Source: the field articles on late funds (wrong account, wrong cycle; check both); times are
assumptions.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from simpy.events import Event as SimEvent

from harness.contract import Outcome
from harness.core.units import US_PER_MINUTE
from harness.history.events import SettingsKeyed
from harness.workload.till import Steps, Till, outcome_of
from harness.workload.waiting import TOO_LATE

_PATIENCE_US = 3 * US_PER_MINUTE
_KEYING_US = US_PER_MINUTE
_TRIES_A_MORNING = 3


@dataclass(slots=True)
class Money:
    """One till's part in it: what is right, what is keyed in at first, and whether the terminal has said that it is set."""

    account: str
    cycle: str
    keyed_account: str
    keyed_cycle: str
    corrects: bool = True
    looks_after_it: bool = True
    is_set: bool = False
    is_corrected: bool = False


def set_up(till: Till) -> Steps:
    """Account and cycle, as part of the morning, until the terminal says that they are set."""
    money = till.money
    if money is None or "account" not in till.station.manifest.actions:
        return
    for _ in range(_TRIES_A_MORNING):
        if money.is_set:
            return
        outcome = yield from _key_in(till, money)
        if outcome is None or outcome.kind == "unsupported":
            return
        money.is_set = outcome.kind == "done"
        money.is_corrected = money.is_corrected or (
            money.corrects and outcome.kind in ("failed", "refused", "declined")
        )


def look_after(till: Till) -> Steps:
    """What has become of the money of the batch settled last? When it came back, the account is keyed in anew."""
    money = till.money
    if money is None or not money.looks_after_it or "payout" not in till.station.manifest.actions:
        return
    outcome = yield from till.perform("payout", _PATIENCE_US)
    if outcome is not None and outcome.kind == "failed" and outcome.reason == "bounced" and money.corrects:
        money.is_corrected, money.is_set = True, False
        yield from set_up(till)


def _key_in(till: Till, money: Money) -> Generator[SimEvent, object, Outcome | None]:
    yield till.pause(_KEYING_US)
    if not (yield from till.wait_until_ready(till.world.now_us + _PATIENCE_US)) or till.trade == "closing":
        return None
    account = money.account if money.is_corrected else money.keyed_account
    cycle = money.cycle if money.is_corrected else money.keyed_cycle
    pending = till.station.request("account", account=account, cycle=cycle)
    till.emit(SettingsKeyed(till.world.now_us, till.station.name, pending.number, f"*{account[-4:]}", cycle))
    came = yield till.alarm.first_of((pending.done,), till.world.now_us + _PATIENCE_US)
    return None if came == TOO_LATE else outcome_of(pending)
