"""Invariant 21: a pre-authorisation is completed once, by at most 115 percent, and not when it is void or expired.

Models: completions that stand at the host, refunds deducted, against the pre-authorisations that they name, and what
became of those before. A host that checks completions lets none of this happen; one that books what it is sent leaves it to
the terminal.
Does not model: what the guest agreed to (3), holds left open for ever.
Traps avoided: while a reversal is still on its way two completions may stand, so only the end is judged, and what was settled;
a voided or reversed completion frees its hold for another; a void that was itself reversed leaves the hold as it was; the
host may be asked for what it then declines; a hold from before the run is not known here.
Source: domain section 8, invariant 21; section 1.1 for the 115 percent.
"""

from collections.abc import Iterator

from harness.history.events import LedgerChanged
from harness.invariants.base import INVARIANTS, Finding, Invariant, Terms, on, when, yuan
from harness.invariants.books import Books
from harness.invariants.casebook import case, ledger, phase, screen, starts
from harness.invariants.purchase import CAPTURED_STATES

_PERCENT_MAX = 115
_ENDED = {"VOIDED": "had been voided", "EXPIRED": "had expired", "REVERSED": "had been reversed"}


class _Completion:
    """One completion that the host approved."""

    __slots__ = ("amount_fen", "at_us", "device", "first", "hold_state", "last", "last_us", "refunded", "state")

    def __init__(self, number: int, event: LedgerChanged, hold_state: str) -> None:
        self.device = event.device
        self.amount_fen = event.amount_fen
        self.at_us = self.last_us = event.at_us
        self.first = self.last = number
        self.hold_state = hold_state
        """What had become of its hold before."""
        self.state = event.state
        self.refunded: dict[int, int] = {}

    def net_fen(self) -> int:
        """What it takes from the guest."""
        if self.state not in CAPTURED_STATES:
            return 0
        return max(0, self.amount_fen - sum(self.refunded.values()))


class _Hold:
    """One pre-authorisation and its completions, which are few."""

    __slots__ = ("amount_fen", "at_us", "completions", "first", "last", "state")

    def __init__(self, number: int, event: LedgerChanged) -> None:
        self.amount_fen = event.amount_fen
        self.at_us = event.at_us
        self.first = self.last = number
        self.state = event.state
        self.completions: list[_Completion] | None = None


@INVARIANTS.register("completion_within_hold")
class CompletionWithinHold(Invariant):
    """A pre-authorisation is completed at most once, by at most 115 percent, and never once it is voided or expired."""

    number = 21
    name = "completion_within_hold"
    evidence = "the host's completions, against the pre-authorisations that they name"
    requires = ("a completion",)

    def __init__(self, terms: Terms, books: Books) -> None:
        super().__init__(terms, books)
        self._holds: dict[int, _Hold] = {}
        self._completions: dict[int, _Completion] = {}

    @on(LedgerChanged)
    def _ledger(self, number: int, event: LedgerChanged) -> None:
        if event.kind == "preauth":
            hold = self._holds.get(event.entry)
            if hold is None:
                if not event.previous_state:
                    self._holds[event.entry] = _Hold(number, event)
                return
            hold.state, hold.last = event.state, number
        elif event.kind == "completion":
            self._completion(number, event)
        elif event.kind == "refund" and event.original_entry in self._completions:
            stands = event.state in CAPTURED_STATES
            self._completions[event.original_entry].refunded[event.entry] = event.amount_fen if stands else 0

    def _completion(self, number: int, event: LedgerChanged) -> None:
        known = self._completions.get(event.entry)
        if known is not None:
            known.state, known.last, known.last_us = event.state, number, event.at_us
            return
        if event.previous_state or event.state != "APPROVED":
            return
        hold = None if event.original_entry is None else self._holds.get(event.original_entry)
        if hold is None:
            self.skip("completions of pre-authorisations from before the run")
            return
        completion = self._completions[event.entry] = _Completion(number, event, hold.state)
        if hold.completions is None:
            hold.completions = []
        hold.completions.append(completion)

    def conclude(self, at_us: int) -> Iterator[Finding]:
        yield from self._judge(at_us, broken_off=False)

    def so_far(self, at_us: int) -> Iterator[Finding]:
        # What was settled is taken, whatever was still to come.
        yield from self._judge(at_us, broken_off=True)

    def _judge(self, at_us: int, *, broken_off: bool) -> Iterator[Finding]:
        self.checked = 0
        for hold in self._holds.values():
            final = [each for each in hold.completions or () if self._is_final(each, broken_off)]
            self.checked += len(final)
            standing = [each for each in final if each.net_fen() > 0]
            for place, completion in enumerate(standing):
                wrong = self._wrong(hold, completion, standing[:place])
                if wrong is None:
                    continue
                why, excess_fen = wrong
                summary = (
                    f"{completion.device} completed a pre-authorisation of {yuan(hold.amount_fen)} of {when(hold.at_us)} "
                    f"with {yuan(completion.amount_fen)} at {when(completion.at_us)}, {why}."
                )
                events = (
                    hold.first,
                    hold.last,
                    *(each.first for each in standing[:place]),
                    completion.first,
                    completion.last,
                )
                evident_us = at_us if completion.state == "APPROVED" else completion.last_us
                yield self.finding(
                    completion.device, completion.at_us, summary, events, excess_fen, "critical", evident_us
                )  # fmt: skip

    def _is_final(self, completion: _Completion, broken_off: bool) -> bool:
        if completion.state != "APPROVED":
            return True
        if broken_off:
            return False
        if not self.books.at_rest:
            self.skip("the run never came to rest")
            return False
        if not self.books.resting(completion.device):
            self.skip(f"{completion.device} never came back to finish its reversals")
            return False
        return True

    def _wrong(self, hold: _Hold, completion: _Completion, before: list[_Completion]) -> tuple[str, int] | None:
        """What is wrong with a completion that stands, and how much it takes too much."""
        if completion.hold_state in _ENDED and hold.state == completion.hold_state:
            return f"which {_ENDED[hold.state]}", completion.net_fen()
        if before:
            return "which had been completed before", completion.net_fen()
        excess_fen = completion.net_fen() - hold.amount_fen * _PERCENT_MAX // 100
        return ("more than 115 percent of it", excess_fen) if excess_fen > 0 else None


def _hold(state: str = "APPROVED", before: str = "") -> LedgerChanged:
    return ledger(1, state, before, kind="preauth")


def _done(
    entry: int = 2, state: str = "APPROVED", before: str = "", amount_fen: int = 900, original: int | None = 1
) -> LedgerChanged:
    return ledger(
        entry, state, before, kind="completion", token=str(entry), stan=f"{entry:06d}", amount_fen=amount_fen,
        original=original,
    )  # fmt: skip


def _voids(entry: int = 3, state: str = "APPROVED", before: str = "") -> LedgerChanged:
    return ledger(entry, state, before, kind="preauth_void", token="", stan=f"{entry:06d}", original=1)


_COMPLETED = (_hold(), _done(), _hold("COMPLETED", "APPROVED"))
_FREED = (_done(2, "REVERSED", "APPROVED"), _hold("APPROVED", "COMPLETED"))
_REST = phase("quiescence")

CompletionWithinHold.cases = (
    case("held and completed", "the ordinary stay", "pass", *_COMPLETED, _REST),
    case(
        "115 percent", "a little more than was held is allowed", "pass",
        _hold(), _done(amount_fen=1150), _hold("COMPLETED", "APPROVED"), _REST,
    ),
    case(
        "above 115 percent", "one fen more is not", "finding",
        _hold(), _done(amount_fen=1151), _hold("COMPLETED", "APPROVED"), _REST,
        guilty=1, instead=_done(amount_fen=1150),
    ),
    case(
        "completed twice", "the slip was keyed in once more", "finding",
        *_COMPLETED, _done(3), _REST,
        guilty=3, instead=_done(3, "DECLINED"),
    ),
    case(
        "completed twice in one intent", "that the guest was told of the first makes the second no better", "finding",
        _hold(), starts(1, "completion"), _done(), _hold("COMPLETED", "APPROVED"), screen(), _done(3), _REST,
        guilty=5, instead=_done(3, "DECLINED"),
    ),
    case(
        "first one reversed later", "for a while two stand; at rest there is one", "pass",
        *_COMPLETED, _done(3), _done(2, "REVERSED", "APPROVED"), _REST,
    ),
    case("first one reversed before", "no answer, reversed, tried again", "pass", *_COMPLETED, *_FREED, _done(3), _REST),
    case(
        "first one voided", "keyed in wrong, voided, done again", "pass",
        *_COMPLETED, _done(2, "VOIDED", "APPROVED"), _hold("APPROVED", "COMPLETED"), _done(3, amount_fen=800), _REST,
    ),
    case(
        "second one refunded", "the shop made it good", "pass",
        *_COMPLETED, _done(3), ledger(4, kind="refund", token="", stan="000004", amount_fen=900, original=3), _REST,
    ),
    case(
        "second one refunded in part", "and the rest is still too much", "finding",
        *_COMPLETED, _done(3), ledger(4, kind="refund", token="", stan="000004", amount_fen=800, original=3), _REST,
        guilty=4, instead=ledger(4, kind="refund", token="", stan="000004", amount_fen=900, original=3),
    ),
    case(
        "voided hold", "the guest had cancelled", "finding",
        _hold(), _voids(), _hold("VOIDED", "APPROVED"), _done(), _REST,
        guilty=3, instead=_done(state="DECLINED"),
    ),
    case(
        "void reversed", "the void timed out and was undone: the hold is as it was", "pass",
        _hold(), _voids(), _hold("VOIDED", "APPROVED"), _voids(3, "REVERSED", "APPROVED"), _hold("APPROVED", "VOIDED"),
        _done(), _hold("COMPLETED", "APPROVED"), _REST,
    ),
    case(
        "expired hold", "the guest came a month later", "finding",
        _hold(), _hold("EXPIRED", "APPROVED"), _done(), _REST,
        guilty=1, instead=_hold("COMPLETED", "APPROVED"),
    ),
    case(
        "settled, then the run broke off", "what is settled is taken", "finding",
        *_COMPLETED, _done(3), _done(2, "SETTLED", "APPROVED"), _done(3, "SETTLED", "APPROVED"),
        guilty=5, instead=_done(3, "REVERSED", "APPROVED"),
    ),
    case(
        "not at rest", "the reversal of the first may still come", "not_checked", *_COMPLETED, _done(3),
    ),
    case("hold from before the run", "what it was is not known here", "not_checked", _done(original=None), _REST),
    case("no completion", "a hold alone is nothing to judge", "not_checked", _hold(), _REST),
    case("declined", "the host said no", "not_checked", _hold(), _done(state="DECLINED"), _REST),
)  # fmt: skip
