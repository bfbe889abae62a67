"""Invariant 30: a merchant's money goes to the account that was set, and nobody is told that it is set or paid when it is not.

Models: what the terminal says of account, cycle and payouts against the acquirer's word: set is what the acquirer took as it
was keyed in, and what it refused is shown as refused; paid is what it told of that very batch; a payout that came back or is
held is no good news. The other half of number 30, payment by code, is ``orders_end``.
Does not model: the acquirer's own timer: money that it pays late, holds or pays twice is not the terminal's doing (late
money is a measure). Nor an account that was never keyed in.
Traps avoided: an answer that is lost after the acquirer has acted leaves the terminal saying less than is true, which is no
harm; a terminal may refuse an account on its own, for its check digit; setting what is on record already needs no message;
what is told as pending is a legal Done; the amount of a batch may grow from one answer to the next.
Source: domain section 8, invariant 30 with its amendment; articles on late funds.
"""

from __future__ import annotations

from harness.history.events import (
    ActionEnded,
    ActionStarted,
    PayoutMade,
    PayoutTold,
    ScreenShown,
    SettingsJudged,
    SettingsKeyed,
)
from harness.invariants.base import INVARIANTS, Invariant, Terms, on, yuan
from harness.invariants.books import Books
from harness.invariants.casebook import T01, case, ends, phase

_NO_GOOD_NEWS = {"bounced": "came back", "held": "is held"}


class _Desk:
    """One terminal's settings and answers."""

    __slots__ = ("action", "judged", "keyed", "kind", "last_told", "record", "told")

    def __init__(self) -> None:
        self.action = -1
        self.kind = ""
        self.keyed: tuple[int, SettingsKeyed] | None = None
        self.judged: tuple[int, SettingsJudged] | None = None
        """What the acquirer said in this action."""
        self.record: tuple[str, str] | None = None
        """Account and cycle that the acquirer has from this terminal."""
        self.last_told: tuple[int, PayoutTold] | None = None
        """What it said of a payout in this action."""
        self.told: dict[str, set[int]] = {}
        """By batch: amounts that it ever told as paid."""


@INVARIANTS.register("funds_paid_once")
class FundsPaidOnce(Invariant):
    """Settled money is paid once, to the account that was set, and a wrong setting is refused where people see it."""

    number = 30
    name = "funds_paid_once"
    evidence = "what the terminal says of account and payouts, against what the acquirer took and told"
    requires = ("funds in the scenario, and software with the actions account or payout",)

    def __init__(self, terms: Terms, books: Books) -> None:
        super().__init__(terms, books)
        self._desks: dict[str, _Desk] = {}

    def _desk(self, device: str) -> _Desk:
        desk = self._desks.get(device)
        if desk is None:
            desk = self._desks[device] = _Desk()
        return desk

    @on(ActionStarted)
    def _started(self, number: int, event: ActionStarted) -> None:
        if event.kind in ("account", "payout"):
            desk = self._desk(event.device)
            desk.action, desk.kind = event.action, event.kind
            desk.keyed = desk.judged = desk.last_told = None

    @on(SettingsKeyed)
    def _keyed(self, number: int, event: SettingsKeyed) -> None:
        self._desk(event.device).keyed = number, event

    @on(SettingsJudged)
    def _judged(self, number: int, event: SettingsJudged) -> None:
        desk = self._desk(event.device)
        desk.judged = number, event
        if event.code == "00":
            desk.record = event.account, event.cycle

    @on(PayoutTold)
    def _told(self, number: int, event: PayoutTold) -> None:
        desk = self._desk(event.device)
        desk.last_told = number, event
        if event.state == "paid" or event.amount_fen > 0:
            desk.told.setdefault(event.batch, set()).add(event.amount_fen)

    @on(PayoutMade)
    def _made(self, number: int, event: PayoutMade) -> None:
        self._desk(event.device)

    @on(ScreenShown)
    def _screen(self, number: int, event: ScreenShown) -> None:
        if event.kind != "paid_out":
            return
        desk = self._desk(event.device)
        self.checked += 1
        batch, amount_fen = event.batch or "", event.amount_fen or 0
        if amount_fen in desk.told.get(batch, ()):
            return
        said = desk.last_told
        word = (
            "the acquirer was not asked"
            if said is None
            else f"the acquirer told of batch {said[1].batch}: {yuan(said[1].amount_fen)} paid, {said[1].state}"
        )
        summary = f"{event.device} showed {yuan(amount_fen)} of batch {batch or 'none'} as paid out; {word}."
        self.report(
            self.finding(
                event.device, event.at_us, summary, (said[0] if said else None, number), amount_fen, "critical"
            )
        )

    @on(ActionEnded)
    def _ended(self, number: int, event: ActionEnded) -> None:
        desk = self._desks.get(event.device)
        if desk is None or desk.action != event.action:
            return
        if desk.kind == "account" and desk.keyed is not None:
            self._account_ended(number, event, desk, desk.keyed)
        elif desk.kind == "payout" and desk.last_told is not None:
            self._payout_ended(number, event, desk.last_told)
        desk.action = -1

    def _account_ended(
        self, number: int, event: ActionEnded, desk: _Desk, keyed: tuple[int, SettingsKeyed]
    ) -> None:  # fmt: skip
        self.checked += 1
        wanted = keyed[1].account, keyed[1].cycle
        if event.outcome not in ("done", "approved") or desk.record == wanted:
            return
        if desk.judged is None:
            why = "the acquirer was not asked"
        elif desk.judged[1].code != "00":
            why = f"the acquirer refused it with code {desk.judged[1].code}"
        else:
            why = f"the acquirer was sent {desk.judged[1].account} and {desk.judged[1].cycle}"
        summary = f"{event.device} said that account {wanted[0]} and cycle {wanted[1]} are set; {why}."
        events = (keyed[0], desk.judged[0] if desk.judged else None, number)
        self.report(self.finding(event.device, event.at_us, summary, events, 0, "major"))

    def _payout_ended(self, number: int, event: ActionEnded, told: tuple[int, PayoutTold]) -> None:
        self.checked += 1
        state = _NO_GOOD_NEWS.get(told[1].state)
        if state is None or event.outcome not in ("done", "approved"):
            return
        summary = f"{event.device} said that all is well with the money of batch {told[1].batch}, which {state}."
        self.report(self.finding(event.device, event.at_us, summary, (told[0], number), 0, "major"))

    def not_checked(self) -> list[str]:
        if self._desks and not self.checked:
            self.skip("money was paid out, and the software neither sets the account nor tells of payouts")
        return super().not_checked()


def _starts(kind: str, action: int = 1) -> ActionStarted:
    return ActionStarted(0, T01, action, kind)


def _keys(account: str = "*1234", cycle: str = "T+1", action: int = 1) -> SettingsKeyed:
    return SettingsKeyed(0, T01, action, account, cycle)


def _host_says(code: str = "00", account: str = "*1234", cycle: str = "T+1") -> SettingsJudged:
    return SettingsJudged(0, T01, account, cycle, code)


def _told(state: str = "paid", amount_fen: int = 1000, batch: str = "000001") -> PayoutTold:
    return PayoutTold(0, T01, batch, state, amount_fen)


def _shows(amount_fen: int = 1000, batch: str = "000001", action: int = 1) -> ScreenShown:
    return ScreenShown(0, T01, action, "paid_out", "PAID OUT", amount_fen, None, batch)


def _pays(state: str = "paid", reason: str = "") -> PayoutMade:
    return PayoutMade(0, T01, 1, state, "*1234", "T+1", 1000, 0, 1, ((0, 1000),), ("000001",), reason)


_SET = (_starts("account"), _keys(), _host_says(), ends(1, "done"))
_REST = phase("quiescence")

FundsPaidOnce.cases = (
    case("set", "keyed, sent, taken, told", "pass", *_SET, _REST),
    case(
        "refused and shown", "a mistyped account is refused where the installer sees it", "pass",
        _starts("account"), _keys("*9999"), _host_says("42", "*9999"), ends(1, "failed", "host_42"), _REST,
    ),
    case(
        "refused and told as set", "the merchant will wait for the money", "finding",
        _starts("account"), _keys("*9999"), _host_says("42", "*9999"), ends(1, "done"), _REST,
        guilty=3, instead=ends(1, "failed", "host_42"),
    ),
    case(
        "never sent", "it is only in the terminal's own memory", "finding",
        _starts("account"), _keys(), ends(1, "done"), _REST,
        guilty=2, instead=ends(1, "failed", "no_answer"),
    ),
    case(
        "sent otherwise than keyed", "another cycle than was chosen from the menu", "finding",
        _starts("account"), _keys(cycle="T+1"), _host_says(cycle="D+1"), ends(1, "done"), _REST,
        guilty=2, instead=_host_says(),
    ),
    case(
        "answer lost", "the acquirer took it, the terminal says that it does not know: less than is true", "pass",
        _starts("account"), _keys(), _host_says(), ends(1, "failed", "no_answer"), _REST,
    ),
    case(
        "set once more", "what is on record already needs no message", "pass",
        *_SET, _starts("account", 2), _keys(action=2), ends(2, "done"), _REST,
    ),
    case(
        "refused by the terminal", "the check digit is wrong: nothing is sent", "pass",
        _starts("account"), _keys("*9999"), ends(1, "refused", "account_mistyped"), _REST,
    ),
    case(
        "refused after it was set", "the old record stands, and the terminal says that the new one is not set", "pass",
        *_SET, _starts("account", 2), _keys("*9999", action=2), _host_says("42", "*9999"), ends(2, "failed"), _REST,
    ),
    case(
        "another one told as set", "the old record stands, and the terminal says that the new one is set", "finding",
        *_SET, _starts("account", 2), _keys("*9999", action=2), _host_says("42", "*9999"), ends(2, "done"), _REST,
        guilty=7, instead=ends(2, "failed"),
    ),
    case(
        "cut while it was set", "nobody was told anything", "pass",
        _starts("account"), _keys("*9999"), _host_says("42", "*9999"), ends(1, "interrupted"), _REST,
    ),
    case("paid and shown", "the acquirer's word", "pass", _starts("payout"), _told(), _shows(), ends(1, "done"), _REST),
    case(
        "shown before it is paid", "the date has passed, and it was a holiday", "finding",
        _starts("payout"), _told("pending", 0), _shows(), ends(1, "done"), _REST,
        guilty=2,
    ),
    case(
        "another batch's money", "the answer about batch 2 shown as batch 1's", "finding",
        _starts("payout"), _told(amount_fen=700, batch="000002"), _shows(700), ends(1, "done"), _REST,
        guilty=2, instead=_shows(700, "000002"),
    ),
    case(
        "shown without asking", "by its own reckoning", "finding",
        _starts("payout"), _shows(), ends(1, "done"), _REST,
        guilty=1,
    ),
    case(
        "shown once more", "what was told yesterday is true today", "pass",
        _starts("payout"), _told(), _shows(), ends(1, "done"), _starts("payout", 2), _shows(action=2), ends(2, "done"), _REST,
    ),
    case(
        "not due yet", "a holiday lies between, and the terminal says when it is expected", "pass",
        _starts("payout"), _told("pending", 0), ends(1, "done"), _REST,
    ),
    case(
        "came back and told as well", "the account does not exist, and nobody hears of it", "finding",
        _pays("bounced"), _starts("payout"), _told("bounced", 0), ends(1, "done"), _REST,
        guilty=3, instead=ends(1, "failed", "bounced"),
    ),
    case(
        "held and told", "it is large, and somebody looks at it", "pass",
        _pays("held"), _starts("payout"), _told("held", 0), ends(1, "failed", "held"), _REST,
    ),
    case(
        "paid late", "the acquirer's own timer is not the terminal's doing", "pass",
        _starts("payout"), _told("pending", 0), ends(1, "done"), _pays(),
        _starts("payout", 2), _told(), _shows(action=2), ends(2, "done"), _REST,
    ),
    case("paid, and nobody asks", "software without these actions says nothing", "not_checked", _pays(), _REST),
    case("no funds", "nothing of the kind happened", "not_checked", _REST),
)  # fmt: skip
