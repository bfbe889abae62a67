"""Defect: the settlement cycle that is chosen is shown and not sent; the acquirer gets the one of the factory.

Must be caught by I30 (set is what the acquirer took as it was keyed in).
"""

from dataclasses import replace

from harness.contract import Action, Done, Outcome
from harness.terminals.reference import ReferenceTerminal


class CycleLeftAsIs(ReferenceTerminal):
    """See the module's first lines."""

    def account(self, action: Action) -> Outcome:
        outcome = super().account(replace(action, cycle="T+1"))
        if outcome.kind != "done":
            return outcome
        return Done(f"收款账户 *{action.account[-4:]} 周期 {action.cycle} ACCOUNT SET")
