"""Defect: whatever the acquirer answers to the merchant's account, the terminal says that it is set.

Must be caught by I30 (what was refused is shown as refused).
"""

from harness.contract import Done, Outcome
from harness.iso8583.funds import Settings63
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.link import Answer


class RefusalHidden(ReferenceTerminal):
    """See the module's first lines."""

    def settings_answered(self, asked: Settings63, answer: Answer) -> Outcome:
        if not answer.code:
            return super().settings_answered(asked, answer)
        return Done(f"收款账户 *{asked.account[-4:]} 周期 {asked.cycle} ACCOUNT SET")
