"""Defect: signs off at the end of a day whatever is in the log.

Nobody settles any more that evening, and the sales wait for whoever notices. Must be caught by I16 (a batch ends with its
settlement, and nobody signs off over it).
"""

from harness.contract import Action, Done, Failed, Outcome, Refused
from harness.terminals.reference import ReferenceTerminal
from harness.terminals.reference.core import STORAGE_BROKEN


class SignsOffUnsettled(ReferenceTerminal):
    """See the module's first lines."""

    def sign_off(self, action: Action) -> Outcome:
        if not self.open_store():
            return Refused("storage_error", STORAGE_BROKEN)
        answer = self.ask(self.messages.sign_off(self.take_stan(), self.books.batch))
        self.must_sign_on = answer.code == "00"
        return Done("签退成功 SIGNED OFF") if self.must_sign_on else Failed("sign_off", "签退失败 SIGN-OFF FAILED")
