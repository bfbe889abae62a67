"""Where the merchant's money goes and what has become of it: set, checked and asked for at the terminal.

The account is checked before anything is sent (its check digit), the acquirer is asked, and only when it has taken account
and cycle as they were keyed in does the terminal say so; anything else is shown as what it is. What has been paid is the
acquirer's word for one batch, never a date that has passed. Nothing of this is kept here: the acquirer's record is what counts.
Does not model: a list of payouts, more than one account. Source: the field articles on late funds (check account and cycle).
"""

from __future__ import annotations

from harness.contract import Action, Done, Failed, Outcome, Refused, Screen
from harness.iso8583 import CodecError
from harness.iso8583.funds import PAYOUT_CODE, SETTINGS_CODE, Payout63, Settings63, is_well_formed
from harness.terminals.reference.core import STORAGE_BROKEN
from harness.terminals.reference.doubts import SIGN_ON_CODES
from harness.terminals.reference.holds import HoldingTerminal
from harness.terminals.reference.link import NO_ANSWER, Answer

_REASONS = {
    "42": "账户不存在 NO SUCH ACCOUNT",
    "40": "结算周期未签约 CYCLE NOT AGREED",
}
_STATES = {
    "held": "款项暂缓到账 PAYOUT HELD",
    "bounced": "款项退回,请核对账户 PAYOUT CAME BACK, CHECK ACCOUNT",
    "none": "该批次无款项 NOTHING TO PAY",
}


class PayoutTerminal(HoldingTerminal):
    """The actions about the merchant's money."""

    def account(self, action: Action) -> Outcome:
        """Set account and cycle."""
        if not self.open_store():
            return Refused("storage_error", STORAGE_BROKEN)
        if not is_well_formed(action.account):
            return Refused("account_mistyped", "账号有误,请核对 ACCOUNT NUMBER WRONG, CHECK IT")
        asked = Settings63(action.account, action.cycle)
        answer = self.ask_about_money(SETTINGS_CODE, str(asked))
        return self.settings_answered(asked, answer)

    def settings_answered(self, asked: Settings63, answer: Answer) -> Outcome:
        """Done only when what is on record is what was asked for."""
        if not answer.code:
            return Failed("no_answer", "无应答,账户未设置 NO ANSWER, ACCOUNT NOT SET")
        if answer.code != "00":
            why = _REASONS.get(answer.code, f"代码 CODE {answer.code}")
            return Failed(f"host_{answer.code}", f"账户设置被拒绝 ACCOUNT REFUSED: {why}")
        try:
            on_record = Settings63.parse(answer.text(63))
        except CodecError:
            return Failed("not_confirmed", "账户未确认 ACCOUNT NOT CONFIRMED")
        if on_record != Settings63(f"*{asked.account[-4:]}", asked.cycle):
            return Failed("not_confirmed", "登记账户不符 ACCOUNT ON RECORD DIFFERS")
        return Done(f"收款账户 {on_record.account} 周期 {on_record.cycle} ACCOUNT SET")

    def payout(self, action: Action) -> Outcome:
        """What has become of the money of the batch before this one."""
        if not self.open_store():
            return Refused("storage_error", STORAGE_BROKEN)
        batch = self.batch_before()
        try:
            told = Payout63.parse(self.ask_about_money(PAYOUT_CODE, batch).text(63))
        except CodecError:
            return Failed("no_answer", "无应答,到账未知 NO ANSWER, PAYOUT UNKNOWN")
        return self.tell_payout(batch, told)

    def tell_payout(self, batch: str, told: Payout63) -> Outcome:
        """Show what the acquirer said of the batch that was asked about."""
        if told.batch != batch:
            return Failed("wrong_answer", "应答不符 ANSWER DOES NOT FIT")
        if told.state == "paid":
            text = f"批次 {batch} 已到账 PAID OUT {told.amount_fen / 100:.2f}"
            self.device.display.show(Screen("paid_out", text, told.amount_fen, batch=batch))
            return Done(text)
        if told.state in ("pending", "none"):
            return Done(_STATES.get(told.state, f"批次 {batch} 预计到账 EXPECTED {told.due}"))
        return Failed(told.state, _STATES.get(told.state, "到账异常 PAYOUT NOT MADE"))

    def batch_before(self) -> str:
        """The number of the batch that was settled last."""
        number = int(self.books.batch or 1)
        return f"{number - 1 or 999_999:06d}"

    def ask_about_money(self, code: str, text: str) -> Answer:
        """One 0800 about the merchant's money; it carries a MAC, for whoever sets the account gets the money."""
        answer = NO_ANSWER
        for _ in range(2):
            if not self.ensure_session():
                return NO_ANSWER
            answer = self.ask(self.messages.about_money(self.take_stan(), self.books.batch, code, text))
            if answer.code not in SIGN_ON_CODES:
                break
            self.must_sign_on = True
        return answer
