"""Invariant 31: nobody is charged for a sale that the terminal never said succeeded.

Models: a purchase whose terminal never showed success in any form - screen, receipt, reprint, settlement slip or upload, its
own log - and which the host nevertheless holds as captured once everything has come to rest.
Does not model: whether the customer noticed.
Traps avoided: a sale committed before a power cut and surfaced afterwards (reprint, claimed in a settlement) is legal; a
reversal that comes late is in time as long as it comes before rest; refunds deduct; a terminal that never came back cannot
have finished reversing (24).
Source: domain section 8, invariant 31.
"""

from collections.abc import Iterator

from harness.invariants.base import INVARIANTS, Finding, Invariant, plain_number, when, yuan
from harness.invariants.casebook import (
    card,
    case,
    ends,
    inspected,
    intent,
    leaves,
    ledger,
    paid_sale,
    phase,
    receipt,
    record,
    screen,
    settled,
    starts,
)
from harness.invariants.purchase import Purchase


@INVARIANTS.register("no_silent_charge")
class NoSilentCharge(Invariant):
    """Nobody is charged for a sale that the terminal never showed as successful."""

    number = 31
    name = "no_silent_charge"
    evidence = "the host's captures by presentation token, against everything the terminal showed, printed or claimed"
    requires = ("a charge", "quiescence")

    def conclude(self, at_us: int) -> Iterator[Finding]:
        if not self.books.at_rest:
            self.skip("the run never came to rest")
            return
        self.checked = self.books.charges
        for purchase in self.books.purchases():
            net_fen = purchase.net_fen()
            if net_fen == 0 or purchase.known_to_terminal() or self._in_log(purchase):
                continue
            if purchase.late and purchase.limit_fen == 0:
                continue  # it was paid and shown: a second charge, which is invariant 3's
            if not self.books.resting(purchase.device):
                self.skip(f"{purchase.device} never came back to finish its reversals")
                continue
            charge = next(each for each in purchase.entries if each.net_fen() > 0)
            summary = (
                f"A customer at {purchase.device} was charged {yuan(net_fen)} at {when(charge.at_us)}, and the terminal "
                "never showed, printed or settled it."
            )
            settled_us = purchase.settled_us()
            evident_us = at_us if settled_us is None else settled_us
            events = purchase.evidence()
            yield self.finding(purchase.device, charge.at_us, summary, events, net_fen, "critical", evident_us)

    def _in_log(self, purchase: Purchase) -> bool:
        """Whether the newest look into the terminal's log shows the charge: it will be claimed then."""
        inspections = self.books.device(purchase.device).inspections.values()
        if not inspections:
            return False
        charged = {(each.batch, each.stan) for each in purchase.entries if each.net_fen() > 0 and not each.host_only}
        return any(
            (plain_number(each.batch), plain_number(each.stan)) in charged and each.state == "active"
            for each in max(inspections)[1].records
        )


_UNTOLD = (*paid_sale()[:4], screen("unknown"), ends(1, "unknown"), leaves(belief="unknown"))

NoSilentCharge.cases = (
    case("told", "the ordinary sale", "pass", *paid_sale(), phase("quiescence")),
    case(
        "never told", "failed was shown, no reversal came, the money is taken", "finding",
        *_UNTOLD, phase("quiescence"),
        guilty=3,
    ),
    case(
        "reversed late", "the reversal came, only later", "pass",
        *_UNTOLD, ledger(state="REVERSED", before="APPROVED"), phase("quiescence"),
    ),
    case(
        "cut, then claimed", "committed before the power cut and claimed in the settlement", "pass",
        *_UNTOLD, settled(1), phase("quiescence"),
    ),
    case(
        "cut, then left unclaimed", "the settlement closed without it", "finding",
        *_UNTOLD, settled(host_only=(1,), claimed=(0, 0)), phase("quiescence"),
        guilty=7, instead=settled(1),
    ),
    case(
        "cut, then reprinted", "the reprint told the customer", "pass",
        *_UNTOLD, starts(2, "reprint"), receipt(action=2, duplicate=True), ends(2, "done"), phase("quiescence"),
    ),
    case(
        "reprint of another sale", "a reprint tells of the sale it names and no other", "finding",
        *_UNTOLD, starts(2, "reprint"), receipt("000009", action=2, duplicate=True), phase("quiescence"),
        guilty=8, instead=receipt(action=2, duplicate=True),
    ),
    case(
        "shown between actions", "after the reboot the screen told of the sale", "pass",
        *_UNTOLD, screen(action=None, stan="000001"), phase("quiescence"),
    ),
    case(
        "in the log at rest", "not settled yet, but the log will claim it", "pass",
        *_UNTOLD, phase("quiescence"), inspected(record()),
    ),
    case(
        "told at the second try", "the retry was shown; that two were taken is invariant 3's", "pass",
        *paid_sale()[:4], ends(1, "unknown"), starts(2), card("2", 2), ledger(2, token="2", stan="000002"),
        screen(action=2), ends(2), leaves(), phase("quiescence"),
    ),
    case(
        "refunded", "the shop gave the money back", "pass",
        *_UNTOLD, ledger(3, kind="refund", token="", stan="000003", original=1), phase("quiescence"),
    ),
    case(
        "declined", "nothing was taken", "pass",
        *paid_sale(2), intent(), starts(), card(), ledger(state="DECLINED"), screen("declined"), ends(1, "declined"),
        phase("quiescence"),
    ),
    case(
        "void by card", "a void's entry takes no money from the card that was shown for it", "pass",
        *paid_sale(), intent(2, kind="void"), starts(2, "void", 2), card("2", 2, 2),
        ledger(2, kind="void", token="2", stan="000002", original=1), ledger(1, "VOIDED", "APPROVED"),
        screen("unknown", 2), ends(2, "unknown"), leaves(2, "unknown"), phase("quiescence"),
    ),
    case(
        "completion never told", "failed was shown at check-out, and the money is taken", "finding",
        intent(1, 1000, "completion"), starts(1, "completion"), card(), ledger(kind="completion"), screen("unknown"),
        ends(1, "unknown"), leaves(belief="unknown"), phase("quiescence"),
        guilty=3, instead=ledger(kind="completion", state="DECLINED"),
    ),
    case(
        "hold never told", "nothing is taken", "pass",
        *paid_sale(2), intent(1, 1000, "preauth"), starts(1, "preauth"), card(), ledger(kind="preauth"), screen("unknown"),
        ends(1, "unknown"), leaves(belief="unknown"), phase("quiescence"),
    ),
    case("not at rest", "the reversal may still come", "not_checked", *_UNTOLD),
)  # fmt: skip
